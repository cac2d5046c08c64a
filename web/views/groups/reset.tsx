// Moving what a group has committed: where to, of what, and before it is done what every partition's offset is
// before and after, as the broker says in a dry run. Nothing is changed until then.

import { useState } from 'preact/hooks'
import { ask, pathOf } from '../../broker/http.ts'
import { outdate } from '../../broker/reading.ts'
import { Dialog, Refusal, useSending } from '../../parts/dialog.tsx'
import { count, counted } from '../../parts/format.ts'
import { Choice } from '../../parts/tabs.tsx'
import { tellDone } from '../../shell/toasts.tsx'
import { Moves, usePreview } from './preview.tsx'
import type { GroupShown, Move } from './shapes.ts'

type Kind = 'earliest' | 'latest' | 'offset' | 'time' | 'shift'

const KINDS: readonly (readonly [Kind, string])[] = [
  ['earliest', 'Earliest'],
  ['latest', 'Latest'],
  ['offset', 'Offset'],
  ['time', 'Time'],
  ['shift', 'Shift'],
]

/** Where to, as the broker takes it; null while it is not said yet. */
export function targetOf(kind: Kind, text: string): object | string | null {
  if (kind === 'earliest' || kind === 'latest') return kind
  if (text.trim() === '') return null
  if (kind === 'time') {
    const time = new Date(text).getTime()
    return Number.isNaN(time) ? null : { time }
  }
  const amount = Number(text)
  if (!Number.isSafeInteger(amount) || (kind === 'offset' && amount < 0)) return null
  return { [kind]: amount }
}

/** The dialog. */
export function ResetGroup({
  group: { groupId, offsets },
  onClose,
}: {
  readonly group: GroupShown
  readonly onClose: () => void
}) {
  const [kind, setKind] = useState<Kind>('earliest')
  const [text, setText] = useState('')
  const [topic, setTopic] = useState('')
  const [partition, setPartition] = useState('')
  const to = targetOf(kind, text)
  const of = {
    ...(topic === '' ? {} : { topic }),
    ...(topic === '' || partition === '' ? {} : { partitions: [Number(partition)] }),
  }
  const path = pathOf(['groups', groupId, 'reset'])
  const preview = usePreview(path, to === null ? null : { to, ...of })
  const { error, isSending, submit } = useSending(async () => {
    if (to === null) return
    const body = { to, ...of }
    const { items } = await ask<{ items: readonly Move[] }>(path, { method: 'POST', body })
    tellDone(`${groupId} moved in ${counted(items.length, 'partition')}`)
    onClose()
    outdate(pathOf(['groups']))
  })
  const changed = preview.moves?.filter(({ before, after }) => before !== after).length ?? 0
  return (
    <Dialog title={`Reset ${groupId}`} onClose={onClose}>
      <form class="form" onSubmit={submit}>
        <Choice
          label="Where to"
          value={kind}
          choices={KINDS}
          onChoose={(chosen) => {
            setKind(chosen)
            setText('')
          }}
        />
        <Amount kind={kind} text={text} onText={setText} />
        <Which
          offsets={offsets}
          topic={topic}
          partition={partition}
          onTopic={(chosen) => {
            setTopic(chosen)
            setPartition('')
          }}
          onPartition={setPartition}
        />
        <Moves {...preview} />
        <Refusal error={error} />
        <footer class="dialog-foot">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button
            type="submit"
            class="button button-main"
            disabled={isSending || changed === 0 || preview.isStale}
          >
            {changed === 0
              ? 'Reset'
              : `Reset ${count(changed)} ${changed === 1 ? 'offset' : 'offsets'}`}
          </button>
        </footer>
      </form>
    </Dialog>
  )
}

const AMOUNTS = {
  offset: ['Offset', 'The next offset to read, in each partition'],
  time: ['Time', 'The first record at or after it is read next'],
  shift: ['Records', 'Negative goes back, positive forward; kept within the log'],
} as const

function Amount({
  kind,
  text,
  onText,
}: {
  readonly kind: Kind
  readonly text: string
  readonly onText: (text: string) => void
}) {
  if (kind === 'earliest' || kind === 'latest') return null
  const [label, help] = AMOUNTS[kind]
  return (
    <label class="field narrow">
      <span>{label}</span>
      <input
        key={kind}
        class="input mono"
        type={kind === 'time' ? 'datetime-local' : 'number'}
        {...(kind === 'time' ? { step: 1 } : {})}
        {...(kind === 'offset' ? { min: 0 } : {})}
        value={text}
        onInput={({ currentTarget }) => onText(currentTarget.value)}
      />
      <span class="field-help">{help}</span>
    </label>
  )
}

function Which({
  offsets,
  topic,
  partition,
  onTopic,
  onPartition,
}: {
  readonly offsets: GroupShown['offsets']
  readonly topic: string
  readonly partition: string
  readonly onTopic: (topic: string) => void
  readonly onPartition: (partition: string) => void
}) {
  const topics = [...new Set(offsets.map((one) => one.topic))].toSorted()
  const partitions = offsets.filter((one) => one.topic === topic)
  return (
    <div class="field-row">
      <label class="field">
        <span>Topics</span>
        <select
          class="input"
          value={topic}
          onChange={({ currentTarget }) => onTopic(currentTarget.value)}
        >
          <option value="">All that it has committed</option>
          {topics.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        <span>Partitions</span>
        <select
          class="input"
          value={partition}
          disabled={topic === ''}
          onChange={({ currentTarget }) => onPartition(currentTarget.value)}
        >
          <option value="">All</option>
          {partitions.map((one) => (
            <option key={one.partition} value={String(one.partition)}>
              {one.partition}
            </option>
          ))}
        </select>
      </label>
    </div>
  )
}
