// Messages as they come. Pausing, scrolling down and looking at one hold the list still; it is counted on.

import { useEffect, useMemo } from 'preact/hooks'
import { useShownSince } from '../../broker/age.ts'
import { BrokerError } from '../../broker/http.ts'
import { count, counted, perSecond } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { Pill } from '../../parts/pill.tsx'
import { Failure, Nothing } from '../../parts/states.tsx'
import { type LivePlan, LiveTail } from '../../reading/live.ts'
import { isPicky } from '../../reading/match.ts'
import { announce } from '../../shell/announce.tsx'
import { useKey } from '../../shell/keys.ts'
import { MessageList } from './list.tsx'
import { useSelection } from './selection.ts'

/** Further down than this the list is held. */
const SCROLLED_PX = 80

/** The live list. */
export function Live({ plan, at }: { readonly plan: LivePlan; readonly at: string }) {
  const tail = useMemo(() => new LiveTail(plan), [])
  useEffect(() => {
    tail.start()
    return () => tail.stop()
  }, [tail])
  useEffect(() => {
    const onScroll = () => {
      if (scrollY > SCROLLED_PX) tail.isHeld.value = true
    }
    addEventListener('scroll', onScroll, { passive: true })
    return () => removeEventListener('scroll', onScroll)
  }, [tail])
  useEffect(() => {
    if (at !== '') tail.isHeld.value = true
  }, [at, tail])
  const { seen, shown, matched } = tail.counts.value
  useEffect(() => announce(`${counted(seen, 'record')} came, ${shown} shown`), [seen, shown])
  const rows = tail.rows.value
  useSelection(rows, at)
  useShownSince(tail.cutAt.value)
  const isHeld = tail.isHeld.value
  const toggle = () => {
    tail.isHeld.value = !tail.isHeld.value
    if (!tail.isHeld.value) scrollTo(0, 0)
  }
  useKey('p', 'Pause the live list, or go on', toggle)
  const state = tail.state.value
  const picky = isPicky(plan) || plan.code !== ''
  return (
    <>
      <div class="list-head">
        <p class="muted live-words">
          <span class="live-state">
            <StatePill tail={tail} />
          </span>
          <span>
            {count(shown)} of{' '}
            {counted(
              picky ? matched : seen,
              picky ? 'match' : 'record',
              picky ? 'matches' : 'records',
            )}{' '}
            shown
            {picky && `, ${count(seen)} looked at`}
          </span>
          <span>{perSecond(tail.counts.value.perSecond)}</span>
        </p>
        <div class="view-actions">
          <button type="button" class={isHeld ? 'button button-main' : 'button'} onClick={toggle}>
            <Icon name={isHeld ? 'play' : 'pause'} /> {isHeld ? 'Go on' : 'Pause'}
          </button>
        </div>
      </div>
      {tail.notice.value !== '' && (
        <p class="notice" role="status">
          <Icon name="alert" /> {tail.notice.value}.
        </p>
      )}
      {state.kind === 'failed' && (
        <Failure
          what={
            state.error instanceof BrokerError
              ? 'The topic cannot be followed'
              : 'The filter failed'
          }
          error={
            state.error instanceof BrokerError
              ? state.error
              : new BrokerError('FILTER', 0, state.error.message)
          }
          again={() => {
            tail.stop()
            tail.start()
          }}
        />
      )}
      {rows.length > 0 && <MessageList items={rows} at={at} />}
      {rows.length === 0 && state.kind !== 'failed' && (
        <Nothing title={picky && seen > 0 ? 'Nothing has matched yet' : 'Waiting for records'}>
          What is produced from now on is shown here.
        </Nothing>
      )}
    </>
  )
}

function StatePill({ tail }: { readonly tail: LiveTail }) {
  const { kind } = tail.state.value
  if (kind === 'failed') return <Pill tone="bad">failed</Pill>
  if (kind === 'ended') return <Pill>ended</Pill>
  if (kind === 'waiting') return <Pill tone="warn">reconnecting</Pill>
  if (kind !== 'live') return <Pill>connecting</Pill>
  return tail.isHeld.value ? <Pill tone="warn">held still</Pill> : <Pill tone="good">live</Pill>
}
