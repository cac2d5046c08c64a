// /topics: all topics with how large and how busy they are, and the groups that are behind on each;
// creating, cloning, emptying, deleting.

import { signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { everyPage, pathOf } from '../../broker/http.ts'
import { useMayWithTopics } from '../../broker/me.ts'
import { useReading } from '../../broker/reading.ts'
import type { TopicRow } from '../../broker/shapes.ts'
import { Menu, Search } from '../../parts/fields.tsx'
import { bytes, count, counted, perSecond } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { Name, NotKnown, RowLink } from '../../parts/name.tsx'
import { Failure, Nothing } from '../../parts/states.tsx'
import { type Column, keepSort, sortOf, Table } from '../../parts/table.tsx'
import { useKey } from '../../shell/keys.ts'
import { query, setQuery } from '../../shell/router.ts'
import { CreateTopic } from './create-topic.tsx'
import { DeleteTopic, EmptyTopic } from './destroy-topic.tsx'

const EVERY_MS = 5_000
const MOST = 10_000

/** The key under which the list is read. */
export const TOPICS_KEY = `${pathOf(['topics'])}#all`

/** Which dialog is open. */
type Open =
  | { readonly kind: 'create'; readonly from: string | null }
  | { readonly kind: 'empty' | 'delete'; readonly topic: string }

const open = signal<Open | null>(null)

/** The view. */
export default function TopicsView() {
  const { data, error, at, reload } = useReading<readonly TopicRow[]>(TOPICS_KEY, {
    everyMs: EVERY_MS,
    fetcher: (signal) => everyPage(['topics'], { most: MOST, signal }),
  })
  useEffect(() => {
    document.title = 'Topics · Ottla'
    return () => {
      open.value = null
    }
  }, [])
  const may = useMayWithTopics()
  const q = query.value.get('q') ?? ''
  const needle = q.toLowerCase()
  const rows = (data ?? []).filter(({ name }) => name.toLowerCase().includes(needle))
  return (
    <div class="view">
      <div class="view-head">
        <h1>Topics</h1>
        <div class="view-actions">{may.create && <CreateButton />}</div>
      </div>
      <div class="toolbar">
        <Search label="Find a topic" value={q} onSearch={(text) => setQuery({ q: text })} />
        <p class="muted">
          {data === undefined || data.length === 0
            ? '\u00a0'
            : q === ''
              ? counted(rows.length, 'topic')
              : `${count(rows.length)} of ${counted(data.length, 'topic')}`}
        </p>
      </div>
      <Failure what="The topics could not be read" error={error} at={at} again={reload} />
      <List rows={rows} q={q} isLoading={data === undefined} hasFailed={error !== undefined} />
      <Dialogs />
    </div>
  )
}

/** And its key, which goes with it. */
function CreateButton() {
  const create = () => {
    open.value = { kind: 'create', from: null }
  }
  useKey('c', 'Create a topic', create)
  return (
    <button type="button" class="button button-main" onClick={create}>
      <Icon name="plus" /> Create topic
    </button>
  )
}

function List({
  rows,
  q,
  isLoading,
  hasFailed,
}: {
  readonly rows: readonly TopicRow[]
  readonly q: string
  readonly isLoading: boolean
  readonly hasFailed: boolean
}) {
  const may = useMayWithTopics()
  if (isLoading && hasFailed) return null
  if (!isLoading && rows.length === 0) {
    return q === '' ? (
      <Nothing title="There is no topic yet">
        {may.create && (
          <button
            type="button"
            class="button button-main"
            onClick={() => (open.value = { kind: 'create', from: null })}
          >
            Create one
          </button>
        )}
      </Nothing>
    ) : (
      <Nothing title={`No topic's name has “${q}” in it`}>
        <button type="button" class="button" onClick={() => setQuery({ q: null })}>
          Show all topics
        </button>
      </Nothing>
    )
  }
  return (
    <Table
      caption="Topics"
      columns={COLUMNS}
      rows={rows}
      keyOf={({ name }) => name}
      sort={sortOf(query.value, { by: 'name', down: false })}
      onSort={keepSort}
      {...(isLoading ? { loadingRows: 22 } : {})}
    />
  )
}

const UNKNOWN = <NotKnown why="Not counted yet" />

const COLUMNS: readonly Column<TopicRow>[] = [
  {
    id: 'name',
    label: 'Name',
    bare: true,
    sortBy: ({ name }) => name,
    cell: ({ name }) => <RowLink href={`/topics/${encodeURIComponent(name)}`} text={name} />,
  },
  {
    id: 'partitions',
    label: 'Partitions',
    align: 'right',
    width: '104px',
    largestFirst: true,
    sortBy: ({ partitions }) => partitions,
    cell: ({ partitions }) => count(partitions),
  },
  {
    id: 'records',
    label: 'Records',
    align: 'right',
    width: '104px',
    largestFirst: true,
    sortBy: ({ records }) => records ?? -1,
    cell: ({ records }) => (records === null ? UNKNOWN : count(records)),
  },
  {
    id: 'size',
    label: 'Size',
    align: 'right',
    width: '96px',
    largestFirst: true,
    sortBy: ({ sizeBytes }) => sizeBytes ?? -1,
    cell: ({ sizeBytes }) => (sizeBytes === null ? UNKNOWN : bytes(sizeBytes)),
  },
  {
    id: 'rate',
    label: 'Records/s',
    align: 'right',
    width: '104px',
    largestFirst: true,
    sortBy: ({ recordsPerSecond }) => recordsPerSecond ?? -1,
    cell: ({ recordsPerSecond: rate }) => (rate === null ? UNKNOWN : perSecond(rate)),
  },
  {
    id: 'group',
    label: 'Group furthest behind',
    width: '22%',
    wide: true,
    cell: ({ worstGroup }) =>
      worstGroup === null ? (
        <span class="muted">none</span>
      ) : (
        <a class="row-link quiet" href={`/groups/${encodeURIComponent(worstGroup.groupId)}`}>
          <Name text={worstGroup.groupId} />
        </a>
      ),
  },
  {
    id: 'lag',
    label: 'Worst lag',
    align: 'right',
    width: '104px',
    largestFirst: true,
    sortBy: ({ worstGroup }) => worstGroup?.lag ?? -1,
    cell: ({ worstGroup }) => (worstGroup === null ? UNKNOWN : count(worstGroup.lag)),
  },
  {
    id: 'actions',
    label: '',
    width: '40px',
    bare: true,
    cell: ({ name }) => <RowMenu topic={name} />,
  },
]

function RowMenu({ topic }: { readonly topic: string }) {
  const may = useMayWithTopics()
  const creating = [
    {
      label: 'Clone its settings',
      icon: 'copy',
      run: () => (open.value = { kind: 'create', from: topic }),
    },
  ] as const
  const destroying = [
    {
      label: 'Empty…',
      isBad: true,
      icon: 'close',
      run: () => (open.value = { kind: 'empty', topic }),
    },
    {
      label: 'Delete…',
      isBad: true,
      icon: 'alert',
      run: () => (open.value = { kind: 'delete', topic }),
    },
  ] as const
  const actions = [...(may.create ? creating : []), ...(may.destroy ? destroying : [])]
  return actions.length === 0 ? null : <Menu label={`Actions of ${topic}`} actions={actions} />
}

function Dialogs() {
  const shown = open.value
  const close = () => (open.value = null)
  if (shown === null) return null
  if (shown.kind === 'create') return <CreateTopic from={shown.from} onClose={close} />
  if (shown.kind === 'empty') return <EmptyTopic topic={shown.topic} onClose={close} />
  return <DeleteTopic topic={shown.topic} onClose={close} />
}
