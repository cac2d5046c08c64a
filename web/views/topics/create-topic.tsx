// Creating a topic, alone or with the settings of another.

import { useEffect, useState } from 'preact/hooks'
import { ask, pathOf } from '../../broker/http.ts'
import { outdate, useReading } from '../../broker/reading.ts'
import type { TopicShown } from '../../broker/shapes.ts'
import { Dialog, Refusal, useSending } from '../../parts/dialog.tsx'
import { type Pair, Pairs } from '../../parts/pairs.tsx'
import { go } from '../../shell/router.ts'
import { tellDone } from '../../shell/toasts.tsx'

/** The dialog; `from` is the topic whose settings are taken. */
export function CreateTopic({
  from,
  onClose,
}: {
  readonly from: string | null
  readonly onClose: () => void
}) {
  const [name, setName] = useState(from === null ? '' : `${from}-copy`.slice(0, 249))
  const [partitions, setPartitions] = useState('')
  const [settings, setSettings] = useState<readonly Pair[]>([])
  const { error, isSending, submit } = useSending(async () => {
    const configs = settings
      .filter(({ name }) => name !== '')
      .map(({ name, value }) => [name, value])
    const body = {
      name,
      ...(partitions === '' ? {} : { partitions: Number(partitions) }),
      ...(configs.length === 0 ? {} : { configs: Object.fromEntries(configs) }),
    }
    await ask(pathOf(['topics']), { method: 'POST', body })
    outdate(pathOf(['topics']))
    tellDone(`${name} created`)
    onClose()
    go(`/topics/${encodeURIComponent(name)}`)
  })
  return (
    <Dialog title={from === null ? 'Create a topic' : `A topic like ${from}`} onClose={onClose}>
      <form class="form" onSubmit={submit}>
        {from !== null && (
          <Clone
            from={from}
            onRead={({ partitions, configs }) => {
              setPartitions(String(partitions))
              setSettings(
                Object.entries(configs).map(([name, value]) => ({ name, value: value ?? '' })),
              )
            }}
          />
        )}
        <label class="field">
          <span>Name</span>
          <input
            class="input mono"
            value={name}
            required
            maxLength={249}
            pattern="[a-zA-Z0-9._\-]+"
            spellcheck={false}
            autocomplete="off"
            aria-invalid={error?.field === 'name'}
            onInput={({ currentTarget }) => setName(currentTarget.value)}
          />
          <span class="field-help">Letters, digits, dots, hyphens and underscores</span>
        </label>
        <label class="field narrow">
          <span>Partitions</span>
          <input
            class="input mono"
            type="number"
            min={1}
            max={10000}
            placeholder="As the broker says"
            value={partitions}
            aria-invalid={error?.field === 'partitions'}
            onInput={({ currentTarget }) => setPartitions(currentTarget.value)}
          />
        </label>
        <Settings settings={settings} onChange={setSettings} />
        <Refusal error={error} />
        <footer class="dialog-foot">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button button-main" disabled={isSending || name === ''}>
            Create
          </button>
        </footer>
      </form>
    </Dialog>
  )
}

function Clone({
  from,
  onRead,
}: {
  readonly from: string
  readonly onRead: (topic: TopicShown) => void
}) {
  const { data, error } = useReading<TopicShown>(pathOf(['topics', from]))
  useEffect(() => {
    if (data !== undefined) onRead(data)
  }, [data])
  return <Refusal error={error ?? null} />
}

const OFTEN = [
  'cleanup.policy',
  'retention.ms',
  'retention.bytes',
  'max.message.bytes',
  'min.insync.replicas',
  'compression.type',
  'message.timestamp.type',
]

const LIST_ID = 'settings-often'

function Settings({
  settings,
  onChange,
}: {
  readonly settings: readonly Pair[]
  readonly onChange: (settings: readonly Pair[]) => void
}) {
  return (
    <Pairs
      label="Settings"
      one="setting"
      rows={settings}
      empty={{ name: '', value: '' }}
      pairOf={(setting) => setting}
      changed={(_, pair) => pair}
      onChange={onChange}
      nameHint="retention.ms"
      names={LIST_ID}
    >
      <datalist id={LIST_ID}>
        {OFTEN.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </Pairs>
  )
}
