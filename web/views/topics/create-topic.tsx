// Creating a topic, alone or with the settings of another.

import { useEffect, useState } from 'preact/hooks'
import { ask, pathOf } from '../../broker/http.ts'
import { outdate, useReading } from '../../broker/reading.ts'
import type { TopicShown } from '../../broker/shapes.ts'
import { Dialog, Refusal, useSending } from '../../parts/dialog.tsx'
import { Icon } from '../../parts/icon.tsx'
import { go } from '../../shell/router.ts'
import { tellDone } from '../../shell/toasts.tsx'

interface Setting {
  readonly name: string
  readonly value: string
}

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
  const [settings, setSettings] = useState<readonly Setting[]>([])
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

function Settings({
  settings,
  onChange,
}: {
  readonly settings: readonly Setting[]
  readonly onChange: (settings: readonly Setting[]) => void
}) {
  const set = (at: number, setting: Setting) => {
    onChange(settings.map((one, index) => (index === at ? setting : one)))
  }
  return (
    <div class="field">
      <span>Settings</span>
      <datalist id="settings-often">
        {OFTEN.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      {settings.map((setting, at) => (
        <div key={String(at)} class="header-row">
          <input
            class="input mono"
            aria-label={`Name of setting ${at + 1}`}
            placeholder="retention.ms"
            list="settings-often"
            value={setting.name}
            onInput={({ currentTarget }) => set(at, { ...setting, name: currentTarget.value })}
          />
          <input
            class="input mono"
            aria-label={`Value of setting ${at + 1}`}
            value={setting.value}
            onInput={({ currentTarget }) => set(at, { ...setting, value: currentTarget.value })}
          />
          <button
            type="button"
            class="icon-button"
            aria-label={`Remove setting ${at + 1}`}
            onClick={() => onChange(settings.filter((_, index) => index !== at))}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
      <div>
        <button
          type="button"
          class="link"
          onClick={() => onChange([...settings, { name: '', value: '' }])}
        >
          Add a setting
        </button>
      </div>
    </div>
  )
}
