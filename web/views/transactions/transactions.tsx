// /transactions: the transactional ids and what each is at; one of them is shown beside the list, and the
// address says which. Only reading: a transaction is its producer's.

import { useEffect } from 'preact/hooks'
import { everyPage, pathOf } from '../../broker/http.ts'
import { useReading } from '../../broker/reading.ts'
import { Search } from '../../parts/fields.tsx'
import { count, counted } from '../../parts/format.ts'
import { RowLink } from '../../parts/name.tsx'
import { useRowKeys } from '../../parts/row-keys.ts'
import { Failure, Nothing } from '../../parts/states.tsx'
import { type Column, keepSort, sortOf, Table } from '../../parts/table.tsx'
import { query, setQuery } from '../../shell/router.ts'
import { type TransactionRow, TransactionState, wordsOf } from './shapes.tsx'
import { Transaction } from './transaction.tsx'

const EVERY_MS = 5_000
const MOST = 10_000

/** The address of one, with the list as it is. */
function addressOf(transactionalId: string): string {
  const parameters = new URLSearchParams(query.value)
  parameters.set('id', transactionalId)
  return `/transactions?${parameters}`
}

const COLUMNS: readonly Column<TransactionRow>[] = [
  {
    id: 'id',
    label: 'Transactional id',
    bare: true,
    sortBy: ({ transactionalId }) => transactionalId,
    cell: ({ transactionalId }) => (
      <RowLink href={addressOf(transactionalId)} text={transactionalId} />
    ),
  },
  {
    id: 'state',
    label: 'Last transaction',
    width: '168px',
    sortBy: ({ state }) => wordsOf(state)[1],
    cell: ({ state }) => <TransactionState state={state} />,
  },
  {
    id: 'producer',
    label: 'Producer id',
    align: 'right',
    width: '144px',
    sortBy: ({ producerId }) => producerId,
    cell: ({ producerId }) => <span class="mono">{producerId}</span>,
  },
]

/** The view. */
export default function TransactionsView() {
  const { data, error, at, reload } = useReading<readonly TransactionRow[]>(
    `${pathOf(['transactions'])}#all`,
    {
      everyMs: EVERY_MS,
      fetcher: (signal) => everyPage(['transactions'], { most: MOST, signal }),
    },
  )
  useEffect(() => {
    document.title = 'Transactions · Ottla'
  }, [])
  useRowKeys('transactional id')
  const q = query.value.get('q') ?? ''
  const chosen = query.value.get('id')
  const needle = q.toLowerCase()
  const rows = (data ?? []).filter((one) => one.transactionalId.toLowerCase().includes(needle))
  const open = rows.filter(({ state }) => state === 'Ongoing').length
  return (
    <div class="view">
      <div class="view-head">
        <h1>Transactions</h1>
      </div>
      <div class="toolbar">
        <Search
          label="Find a transactional id"
          value={q}
          onSearch={(text) => setQuery({ q: text })}
        />
        <p class="muted">
          {data === undefined || data.length === 0
            ? '\u00a0'
            : `${q === '' ? counted(rows.length, 'id') : `${count(rows.length)} of ${counted(data.length, 'id')}`}, ${count(open)} open`}
        </p>
      </div>
      <Failure what="The transactions could not be read" error={error} at={at} again={reload} />
      {chosen !== null && <Transaction key={chosen} transactionalId={chosen} />}
      <List
        rows={rows}
        q={q}
        chosen={chosen}
        isLoading={data === undefined}
        hasFailed={error !== undefined}
      />
    </div>
  )
}

function List({
  rows,
  q,
  chosen,
  isLoading,
  hasFailed,
}: {
  readonly rows: readonly TransactionRow[]
  readonly q: string
  readonly chosen: string | null
  readonly isLoading: boolean
  readonly hasFailed: boolean
}) {
  if (isLoading && hasFailed) return null
  if (!isLoading && rows.length === 0) {
    return q === '' ? (
      <Nothing title="There is no transactional id yet">
        One is there once a producer with <code>transactional.id</code> has started.
      </Nothing>
    ) : (
      <Nothing title={`No transactional id has “${q}” in it`}>
        <button type="button" class="button" onClick={() => setQuery({ q: null })}>
          Show all
        </button>
      </Nothing>
    )
  }
  return (
    <Table
      caption="Transactional ids"
      columns={COLUMNS}
      rows={rows}
      keyOf={({ transactionalId }) => transactionalId}
      isMarked={({ transactionalId }) => transactionalId === chosen}
      sort={sortOf(query.value, { by: 'id', down: false })}
      onSort={keepSort}
      {...(isLoading ? { loadingRows: 12 } : {})}
    />
  )
}
