// One transactional id: its producer, since when its transaction is open, and the partitions that are in it.

import { Fragment } from 'preact'
import { pathOf } from '../../broker/http.ts'
import { useReading } from '../../broker/reading.ts'
import { span } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { Name, RowLink } from '../../parts/name.tsx'
import { Failure } from '../../parts/states.tsx'
import { Ago } from '../../parts/time.tsx'
import { useKey } from '../../shell/keys.ts'
import { setQuery } from '../../shell/router.ts'
import { type TransactionShown, TransactionState } from './shapes.tsx'

const EVERY_MS = 5_000

/** The panel. */
export function Transaction({ transactionalId }: { readonly transactionalId: string }) {
  const path = pathOf(['transactions', transactionalId])
  const { data, error, at, reload } = useReading<TransactionShown>(path, { everyMs: EVERY_MS })
  const close = () => setQuery({ id: null }, { replace: false })
  useKey('Escape', 'Close the transaction', close)
  return (
    <section class="panel" aria-label={`Transactional id ${transactionalId}`}>
      <header class="panel-head">
        <h2>
          <Name text={transactionalId} />
        </h2>
        <button
          type="button"
          class="icon-button"
          aria-label="Close the transaction"
          onClick={close}
        >
          <Icon name="close" />
        </button>
      </header>
      <Failure what="It could not be read" error={error} at={at} again={reload} />
      {data !== undefined && <Facts transaction={data} />}
      {data === undefined && error === undefined && <NotYet />}
    </section>
  )
}

function Facts({ transaction }: { readonly transaction: TransactionShown }) {
  const { state, startedMs, timeoutMs, producerId, producerEpoch, topics } = transaction
  return (
    <dl class="facts">
      <dt>Last transaction</dt>
      <dd>
        <TransactionState state={state} />
        {startedMs !== null && (
          <>
            {' '}
            begun <Ago at={startedMs} />
          </>
        )}
      </dd>
      <dt>Aborted when open for</dt>
      <dd>{span(timeoutMs)}</dd>
      <dt>Producer</dt>
      <dd>
        <span class="mono">{producerId}</span>, epoch <span class="mono">{producerEpoch}</span>
      </dd>
      <dt>Partitions in it</dt>
      <dd>
        {topics.length === 0 && <span class="muted">none</span>}
        {topics.map(({ topic, partitions }) => (
          <span key={topic} class="assigned">
            <RowLink href={`/topics/${encodeURIComponent(topic)}`} text={topic} />
            <span class="muted">{partitions.join(', ')}</span>
          </span>
        ))}
      </dd>
    </dl>
  )
}

/** As high as what will be there. */
function NotYet() {
  return (
    <dl class="facts" aria-busy="true">
      {['Last transaction', 'Aborted when open for', 'Producer', 'Partitions in it'].map(
        (label) => (
          <Fragment key={label}>
            <dt>{label}</dt>
            <dd>
              <span class="bone" />
            </dd>
          </Fragment>
        ),
      )}
    </dl>
  )
}
