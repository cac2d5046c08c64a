// The configuration of a topic: what holds, where it comes from, what differs from the default; changing
// one at a time.

import { useState } from 'preact/hooks'
import { ask, everyPage, pathOf } from '../../broker/http.ts'
import { useMayWithTopic } from '../../broker/me.ts'
import { outdate, useReading } from '../../broker/reading.ts'
import type { ConfigShown } from '../../broker/shapes.ts'
import { Dialog, Refusal, useSending } from '../../parts/dialog.tsx'
import { Search } from '../../parts/fields.tsx'
import { bytes, span } from '../../parts/format.ts'
import { Pill } from '../../parts/pill.tsx'
import { Failure, Nothing } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { query, setQuery } from '../../shell/router.ts'
import { tellDone } from '../../shell/toasts.tsx'

const MOST = 1_000

/** The tab. */
export function ConfigTab({ topic }: { readonly topic: string }) {
  const segments = ['topics', topic, 'configs']
  const { data, error, at, reload } = useReading<readonly ConfigShown[]>(
    `${pathOf(segments)}#all`,
    {
      fetcher: (signal) => everyPage(segments, { most: MOST, signal }),
    },
  )
  const may = useMayWithTopic(topic)
  const [edited, setEdited] = useState<ConfigShown | null>(null)
  const q = query.value.get('q') ?? ''
  const isChangedOnly = query.value.get('show') === 'changed'
  const rows = (data ?? []).filter(({ name, isSetHere }) => {
    return name.includes(q.toLowerCase()) && (isSetHere || !isChangedOnly)
  })
  const changed = data?.filter(({ isSetHere }) => isSetHere).length
  return (
    <>
      <div class="toolbar">
        <Search label="Find a configuration" value={q} onSearch={(text) => setQuery({ q: text })} />
        <label class="field-inline">
          <input
            type="checkbox"
            checked={isChangedOnly}
            onChange={({ currentTarget }) =>
              setQuery({ show: currentTarget.checked ? 'changed' : null })
            }
          />
          Only what is set on this topic{changed === undefined ? '' : ` (${changed})`}
        </label>
      </div>
      <Failure what="The configuration could not be read" error={error} at={at} again={reload} />
      {data !== undefined && rows.length === 0 ? (
        <Nothing title={q === '' ? 'Everything is as by default' : 'No configuration matches'}>
          <button type="button" class="button" onClick={() => setQuery({ q: null, show: null })}>
            Show all
          </button>
        </Nothing>
      ) : (
        (data !== undefined || error === undefined) && (
          <Table
            caption={`Configuration of ${topic}`}
            columns={columnsOf(may('ALTER_CONFIGS') ? setEdited : null)}
            rows={rows}
            keyOf={({ name }) => name}
            {...(data === undefined ? { loadingRows: 20 } : {})}
          />
        )
      )}
      {edited !== null && (
        <Edit topic={topic} config={edited} onClose={() => setEdited(null)} onSaved={reload} />
      )}
    </>
  )
}

/** @param edit null where nothing may be changed */
function columnsOf(edit: ((config: ConfigShown) => void) | null): readonly Column<ConfigShown>[] {
  return [
    {
      id: 'name',
      label: 'Name',
      width: '42%',
      bare: true,
      cell: ({ name, documentation }) => (
        <span class="mono wrap" title={documentation ?? undefined}>
          {name
            .split('.')
            .flatMap((part, at) => (at === 0 ? [part] : [<wbr key={at} />, `.${part}`]))}
        </span>
      ),
    },
    {
      id: 'value',
      label: 'Value',
      cell: (config) => (
        <Value name={config.name} value={config.value} isSensitive={config.sensitive} />
      ),
    },
    {
      id: 'default',
      label: 'Default',
      wide: true,
      cell: (config) => (
        <span class="muted">
          <Value name={config.name} value={config.default} isSensitive={config.sensitive} />
        </span>
      ),
    },
    {
      id: 'source',
      label: 'From',
      width: '128px',
      cell: ({ isSetHere, source }) =>
        isSetHere ? (
          <Pill tone="accent">this topic</Pill>
        ) : (
          <span class="muted">{SOURCES[source] ?? source}</span>
        ),
    },
    {
      id: 'edit',
      label: '',
      width: '88px',
      bare: true,
      cell: (config) =>
        config.readOnly || edit === null ? null : (
          <button
            type="button"
            class="link"
            aria-label={`Change ${config.name}`}
            onClick={() => edit(config)}
          >
            Change
          </button>
        ),
    },
  ]
}

const SOURCES: Readonly<Record<string, string>> = {
  DEFAULT_CONFIG: 'default',
  STATIC_BROKER_CONFIG: 'broker (flags)',
  DYNAMIC_BROKER_CONFIG: 'broker',
  DYNAMIC_DEFAULT_BROKER_CONFIG: 'cluster',
}

function Value({
  name,
  value,
  isSensitive,
}: {
  readonly name: string
  readonly value: string | null
  readonly isSensitive: boolean
}) {
  if (isSensitive) return <span class="muted">hidden</span>
  if (value === null) return <span class="muted">none</span>
  if (value === '') return <span class="muted">empty</span>
  const words = wordsOf(name, value)
  return (
    <span class="config-value" title={value}>
      <span class="mono wrap">{value}</span>
      {words !== null && <span class="muted"> {words}</span>}
    </span>
  )
}

/** What a figure means: its unit is in the name. */
export function wordsOf(name: string, value: string): string | null {
  const amount = Number(value)
  if (value === '' || !Number.isFinite(amount)) return null
  if (name.endsWith('.ms')) {
    if (amount === -1) return 'no limit'
    if (amount >= 8_640_000_000_000_000) return 'for ever'
    return amount >= 1_000 ? span(amount) : null
  }
  if (name.endsWith('.bytes'))
    return amount === -1 ? 'no limit' : amount >= 1_024 ? bytes(amount) : null
  return null
}

function Edit({
  topic,
  config,
  onClose,
  onSaved,
}: {
  readonly topic: string
  readonly config: ConfigShown
  readonly onClose: () => void
  readonly onSaved: () => void
}) {
  const [value, setValue] = useState(config.value ?? '')
  const [isReset, setReset] = useState(false)
  const { error, isSending, submit } = useSending(async () => {
    const configs = { [config.name]: isReset ? null : value }
    await ask(pathOf(['topics', topic, 'configs']), { method: 'PATCH', body: { configs } })
    onSaved()
    outdate(pathOf(['topics', topic]))
    tellDone(`${config.name} ${isReset ? 'is the default again' : 'changed'}`)
    onClose()
  })
  const words = wordsOf(config.name, isReset ? (config.default ?? '') : value)
  return (
    <Dialog title={config.name} onClose={onClose}>
      <form class="form" onSubmit={submit}>
        {config.documentation !== null && <p class="muted">{config.documentation}</p>}
        <label class="field" for="config-value">
          <span>Value</span>
          {config.type === 'BOOLEAN' ? (
            <select
              id="config-value"
              class="input"
              value={isReset ? (config.default ?? '') : value}
              disabled={isReset}
              onChange={({ currentTarget }) => setValue(currentTarget.value)}
            >
              <option>true</option>
              <option>false</option>
            </select>
          ) : (
            <input
              id="config-value"
              class="input mono"
              value={isReset ? (config.default ?? '') : value}
              disabled={isReset}
              spellcheck={false}
              aria-invalid={error !== null}
              onInput={({ currentTarget }) => setValue(currentTarget.value)}
            />
          )}
          <span class="field-help">{words ?? '\u00a0'}</span>
        </label>
        <p class="muted">
          Default: <span class="mono wrap">{config.default ?? 'none'}</span>
          {value !== config.default && !isReset && <Differs />}
        </p>
        {config.isSetHere && (
          <label class="field-inline">
            <input
              type="checkbox"
              checked={isReset}
              onChange={({ currentTarget }) => setReset(currentTarget.checked)}
            />
            Back to the default
          </label>
        )}
        <Refusal error={error} />
        <footer class="dialog-foot">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button
            type="submit"
            class="button button-main"
            disabled={isSending || (!isReset && value === config.value)}
          >
            Save
          </button>
        </footer>
      </form>
    </Dialog>
  )
}

function Differs() {
  return (
    <>
      {' '}
      <Pill tone="accent">differs</Pill>
    </>
  )
}
