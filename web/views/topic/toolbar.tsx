// Where the messages begin, and what is looked for among them. What is typed takes effect when it is
// complete: after a pause, at Enter, or when the field is left.

import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { agree, isAgreed } from '../../filter/filter.ts'
import { Search } from '../../parts/fields.tsx'
import { Choice } from '../../parts/tabs.tsx'
import { setQuery } from '../../shell/router.ts'
import { type Asked, localTime, MODES, type Mode } from './plan.ts'

const TYPED_AFTER_MS = 350

/** The controls above the list. */
export function Toolbar({ asked }: { readonly topic: string; readonly asked: Asked }) {
  const { mode, offset, time, partition, key, text } = asked
  const [isFilterOpen, setFilterOpen] = useState(asked.code !== '' && isAgreed(asked.code))
  const choose = (next: Mode) => {
    const now =
      next === 'time' && time === 0 ? new Date(Date.now() - 3_600_000).toISOString() : null
    setQuery(
      { from: next === 'newest' ? null : next, at: null, ...(now === null ? {} : { time: now }) },
      { replace: false },
    )
  }
  return (
    <>
      <div class="toolbar">
        <Choice label="Begin at" value={mode} choices={MODES} onChoose={choose} />
        {mode === 'offset' && (
          <Typed
            label="Offset"
            value={String(offset)}
            width="112px"
            pattern="\d{1,15}"
            isMono
            onTyped={(typed) => setQuery({ offset: typed, at: null })}
          />
        )}
        {mode === 'time' && (
          <Typed
            label="Time"
            isTime
            value={localTime(time)}
            width="232px"
            onTyped={(typed) => {
              const at = new Date(typed).getTime()
              if (!Number.isNaN(at)) setQuery({ time: new Date(at).toISOString(), at: null })
            }}
          />
        )}
        <Typed
          label="Partition"
          value={partition === null ? '' : String(partition)}
          placeholder="All"
          width="56px"
          pattern="\d{0,9}"
          isMono
          onTyped={(typed) => setQuery({ partition: typed, at: null })}
        />
        <Typed
          label="Key"
          value={key}
          placeholder="Any"
          width="128px"
          isMono
          onTyped={(typed) => setQuery({ key: typed, at: null })}
        />
        <TextSearch text={text} />
        <button
          type="button"
          class="button"
          aria-expanded={isFilterOpen}
          onClick={() => setFilterOpen(!isFilterOpen)}
        >
          JavaScript
        </button>
      </div>
      {isFilterOpen && <FilterEditor code={asked.code} />}
    </>
  )
}

function TextSearch({ text }: { readonly text: string }) {
  const [typed, setTyped] = useTyped(text, (value) => setQuery({ text: value, at: null }))
  return <Search label="Text in key, value, headers" value={typed} onSearch={setTyped} />
}

/** A field with its label before it, whose value counts when it is complete and fits. */
function Typed({
  label,
  value,
  onTyped,
  width,
  isMono = false,
  isTime = false,
  placeholder,
  pattern,
}: {
  readonly label: string
  readonly value: string
  readonly onTyped: (value: string) => void
  readonly width: string
  readonly isMono?: boolean
  readonly placeholder?: string
  readonly pattern?: string
  readonly isTime?: boolean
}) {
  const input = useRef<HTMLInputElement>(null)
  const [typed, setTyped] = useTyped(value, (next) => {
    if (input.current?.checkValidity() !== false) onTyped(next)
  })
  const id = useId()
  const common = {
    id,
    ref: input,
    style: `--width: ${width}`,
    value: typed,
    onInput: ({ currentTarget }: { readonly currentTarget: HTMLInputElement }) =>
      setTyped(currentTarget.value),
  }
  return (
    <label class={isTime ? 'field-inline field-time' : 'field-inline'} for={id}>
      <span class="muted">{label}</span>
      {isTime ? (
        <input type="datetime-local" step="1" class="input" {...common} />
      ) : (
        <input
          type="text"
          class={isMono ? 'input mono' : 'input'}
          spellcheck={false}
          placeholder={placeholder ?? ''}
          {...(pattern === undefined ? {} : { pattern })}
          {...common}
        />
      )}
    </label>
  )
}

/** What is typed, and `onTyped` once it has stood for a moment. */
function useTyped(value: string, onTyped: (value: string) => void) {
  const [typed, setTyped] = useState(value)
  const sent = useRef(value)
  useEffect(() => {
    // The value was changed by something else: a link, or Back.
    if (value !== sent.current) setTyped(value)
    sent.current = value
  }, [value])
  useEffect(() => {
    if (typed === sent.current) return
    const timer = setTimeout(() => {
      sent.current = typed
      onTyped(typed)
    }, TYPED_AFTER_MS)
    return () => clearTimeout(timer)
  }, [typed])
  return [typed, setTyped] as const
}

function FilterEditor({ code }: { readonly code: string }) {
  const [typed, setTyped] = useState(code)
  useEffect(() => setTyped(code), [code])
  const run = () => {
    agree(typed)
    setQuery({ js: typed, at: null })
  }
  return (
    <form
      class="filter-editor"
      onSubmit={(event) => {
        event.preventDefault()
        run()
      }}
    >
      <label class="field">
        <span>
          JavaScript that is true for what you look for; there are <code>key</code>,{' '}
          <code>value</code> (JSON where it is), <code>headers</code>, <code>record</code>
        </span>
        <textarea
          class="input mono"
          rows={3}
          value={typed}
          placeholder="value.total > 100 && headers.source === 'web'"
          spellcheck={false}
          onInput={({ currentTarget }) => setTyped(currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) run()
          }}
        />
      </label>
      <div class="view-actions">
        <button type="submit" class="button button-main" disabled={typed.trim() === ''}>
          Run filter
        </button>
        {code !== '' && (
          <button type="button" class="button" onClick={() => setQuery({ js: null })}>
            Remove
          </button>
        )}
      </div>
    </form>
  )
}
