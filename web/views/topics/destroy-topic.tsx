// Emptying and deleting a topic: what goes is said, with its figures, and its name is asked for.

import { ask, everyPage, pathOf } from '../../broker/http.ts'
import { outdate, useReading } from '../../broker/reading.ts'
import type { Page, PartitionShown, TopicGroup } from '../../broker/shapes.ts'
import { ConfirmByName } from '../../parts/dialog.tsx'
import { bytes, counted } from '../../parts/format.ts'
import { forgetSearches } from '../../reading/search.ts'
import { go, path } from '../../shell/router.ts'
import { tellDone } from '../../shell/toasts.tsx'

const MOST = 10_000
const GROUPS_NAMED = 5

interface DestroyProps {
  readonly topic: string
  readonly onClose: () => void
}

/** Asks whether a topic is to be deleted. */
export function DeleteTopic({ topic, onClose }: DestroyProps) {
  const run = async () => {
    await ask(pathOf(['topics', topic]), { method: 'DELETE' })
    done(topic, `${topic} deleted`)
    onClose()
    if (path.peek() !== '/topics') go('/topics')
  }
  return (
    <ConfirmByName
      title="Delete this topic"
      name={topic}
      action="Delete it"
      run={run}
      onClose={onClose}
    >
      <p>
        <Held topic={topic} /> are deleted with it, and cannot be brought back.
      </p>
      <Groups topic={topic} words="lose their place in it" />
    </ConfirmByName>
  )
}

/** Asks whether all records of a topic are to be deleted. */
export function EmptyTopic({ topic, onClose }: DestroyProps) {
  const run = async () => {
    await ask(pathOf(['topics', topic, 'records'], { before: 'latest' }), { method: 'DELETE' })
    done(topic, `${topic} emptied`)
    onClose()
  }
  return (
    <ConfirmByName
      title="Empty this topic"
      name={topic}
      action="Empty it"
      run={run}
      onClose={onClose}
    >
      <p>
        <Held topic={topic} /> are deleted, and cannot be brought back. The topic, its settings and
        its offsets stay: what comes next is numbered on.
      </p>
      <Groups topic={topic} words="go on behind what was deleted" />
    </ConfirmByName>
  )
}

function done(topic: string, words: string): void {
  forgetSearches(topic)
  outdate(pathOf(['topics']))
  tellDone(words)
}

function Held({ topic }: { readonly topic: string }) {
  const { data } = useReading<readonly PartitionShown[]>(
    `${pathOf(['topics', topic, 'partitions'])}#all`,
    {
      fetcher: (signal) => everyPage(['topics', topic, 'partitions'], { most: MOST, signal }),
    },
  )
  if (data === undefined) return <>All its records (they are being counted…)</>
  const records = data.reduce((sum, { start, end }) => sum + (end ?? 0) - (start ?? 0), 0)
  const size = data.reduce((sum, { sizeBytes }) => sum + (sizeBytes ?? 0), 0)
  return (
    <strong>
      {counted(records, 'record')} ({bytes(size)})
    </strong>
  )
}

function Groups({ topic, words }: { readonly topic: string; readonly words: string }) {
  const { data } = useReading<Page<TopicGroup>>(
    pathOf(['topics', topic, 'groups'], { limit: 1000 }),
  )
  if (data === undefined) return <p class="muted">Looking for groups that read it…</p>
  if (data.items.length === 0) return <p>No group reads it.</p>
  const names = data.items.map(({ groupId }) => groupId)
  const rest = names.length - GROUPS_NAMED
  return (
    <p class="wrap">
      {counted(names.length, 'group')} {words}:{' '}
      <strong>{names.slice(0, GROUPS_NAMED).join(', ')}</strong>
      {rest > 0 && ` and ${rest} more`}.
    </p>
  )
}
