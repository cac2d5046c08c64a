// /groups/:group: how far a group is, over time and by partition, who is in it; moving it and deleting it.

import { useEffect, useState } from 'preact/hooks'
import { pathOf } from '../../broker/http.ts'
import { useMayWithGroup } from '../../broker/me.ts'
import { useReading } from '../../broker/reading.ts'
import { count, counted, span } from '../../parts/format.ts'
import { Name } from '../../parts/name.tsx'
import { Failure } from '../../parts/states.tsx'
import { useKey } from '../../shell/keys.ts'
import type { ViewProps } from '../../shell/routes.tsx'
import { DeleteGroup } from './delete-group.tsx'
import { LagOverTime } from './lag.tsx'
import { Members } from './members.tsx'
import { Partitions } from './partitions.tsx'
import { ResetGroup } from './reset.tsx'
import { type GroupShown, readGroup } from './shapes.ts'
import { GroupState, sentenceOf } from './state.tsx'

const EVERY_MS = 5_000

/** The view. */
export default function GroupView({ params }: ViewProps) {
  const groupId = params.group ?? ''
  return <Shown key={groupId} groupId={groupId} />
}

function Shown({ groupId }: { readonly groupId: string }) {
  const [open, setOpen] = useState<'reset' | 'delete' | null>(null)
  const { data, error, at, reload } = useReading<GroupShown>(`${pathOf(['groups', groupId])}#all`, {
    everyMs: EVERY_MS,
    fetcher: (signal) => readGroup(groupId, signal),
  })
  useEffect(() => {
    document.title = `${groupId} · Ottla`
  }, [groupId])
  const may = useMayWithGroup(groupId)
  const start = (what: 'reset' | 'delete') => data !== undefined && setOpen(what)
  const close = () => setOpen(null)
  const isThere = data !== undefined || error === undefined
  return (
    <div class="view">
      <div class="view-head">
        <h1 class="crumbs">
          <a href="/groups">Groups</a>
          <span class="muted" aria-hidden="true">
            /
          </span>
          <Name text={groupId} />
        </h1>
        <div class="view-actions">
          {may('DELETE') && (
            <button
              type="button"
              class="button"
              disabled={data === undefined}
              onClick={() => start('delete')}
            >
              Delete…
            </button>
          )}
          {may('READ') && (
            <ResetButton isDisabled={data === undefined} onReset={() => start('reset')} />
          )}
        </div>
      </div>
      <Failure what="The group could not be read" error={error} at={at} again={reload} />
      {isThere && (
        <>
          <Summary group={data} />
          <LagOverTime groupId={groupId} />
          <Partitions offsets={data?.offsets} />
          {data !== undefined && <Members members={data.members} />}
        </>
      )}
      {open === 'reset' && data !== undefined && <ResetGroup group={data} onClose={close} />}
      {open === 'delete' && data !== undefined && <DeleteGroup group={data} onClose={close} />}
    </div>
  )
}

/** And its key, which goes with it. */
function ResetButton({
  isDisabled,
  onReset,
}: {
  readonly isDisabled: boolean
  readonly onReset: () => void
}) {
  useKey('r', 'Reset the offsets of this group', onReset)
  return (
    <button type="button" class="button button-main" disabled={isDisabled} onClick={onReset}>
      Reset…
    </button>
  )
}

function Summary({ group }: { readonly group: GroupShown | undefined }) {
  if (group === undefined) return <p class="health group-summary">{'\u00a0'}</p>
  const { offsets, state, type, assignor } = group
  const lags = offsets.flatMap(({ lag }) => lag ?? [])
  const lag = lags.length === 0 ? null : lags.reduce((sum, one) => sum + one, 0)
  const seconds = offsets.reduce((most, { lagSeconds }) => Math.max(most, lagSeconds ?? 0), 0)
  const topics = new Set(offsets.map(({ topic }) => topic)).size
  const known = { state, members: group.members.length, lag }
  const behind = `${counted(lag ?? 0, 'record')} behind${seconds === 0 ? '' : `, ${span(seconds * 1000)} of them`}`
  return (
    <p class="health group-summary">
      <GroupState group={known} />
      <span>
        {sentenceOf(known, behind)}
        <br />
        <span class="muted">
          {counted(topics, 'topic')}, {count(offsets.length)}{' '}
          {offsets.length === 1 ? 'partition' : 'partitions'}; {type} protocol
          {assignor === '' ? '' : `, ${assignor} assignor`}.
        </span>
      </span>
    </p>
  )
}
