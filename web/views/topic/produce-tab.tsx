// Producing one message by hand.

import { useState } from 'preact/hooks'
import { ask, pathOf } from '../../broker/http.ts'
import { outdate } from '../../broker/reading.ts'
import type { HeaderShown } from '../../broker/shapes.ts'
import { Refusal, useSending } from '../../parts/dialog.tsx'
import { Icon } from '../../parts/icon.tsx'
import { forgetSearches } from '../../reading/search.ts'
import { type Draft, draft, EMPTY, recordOf } from './produce-draft.ts'

interface Produced {
  readonly offsets: readonly { readonly partition: number; readonly offset: number }[]
}

/** The tab. */
export function ProduceTab({ topic }: { readonly topic: string }) {
  const [sent, setSent] = useState<readonly string[]>([])
  const now = draft.value
  const change = (changes: Partial<Draft>) => {
    draft.value = { ...draft.peek(), ...changes }
  }
  const { error, isSending, submit } = useSending(async () => {
    const { offsets } = await ask<Produced>(pathOf(['topics', topic, 'records']), {
      method: 'POST',
      body: recordOf(draft.peek()),
    })
    const places = offsets.map(({ partition, offset }) => `${partition}:${offset}`)
    setSent((before) => [...places, ...before].slice(0, 10))
    forgetSearches(topic)
    outdate(pathOf(['topics']))
  })
  return (
    <div class="produce">
      <form class="form" onSubmit={submit}>
        <div class="field">
          <span>
            <label class="field-inline">
              <input
                type="checkbox"
                checked={now.hasKey}
                onChange={({ currentTarget }) => change({ hasKey: currentTarget.checked })}
              />
              With a key
            </label>
          </span>
          <input
            class="input mono"
            aria-label={now.isKeyBase64 ? 'Key in base64' : 'Key'}
            placeholder={now.isKeyBase64 ? 'base64' : 'Key'}
            value={now.key}
            spellcheck={false}
            onInput={({ currentTarget }) => change({ key: currentTarget.value, hasKey: true })}
          />
        </div>
        <label class="field">
          <span>{now.isValueBase64 ? 'Value, in base64' : 'Value'}</span>
          <textarea
            class="input mono"
            rows={10}
            value={now.value}
            disabled={now.isTombstone}
            spellcheck={false}
            onInput={({ currentTarget }) => change({ value: currentTarget.value })}
          />
        </label>
        <div class="view-actions wrapping">
          <label class="field-inline">
            <input
              type="checkbox"
              checked={now.isTombstone}
              onChange={({ currentTarget }) => change({ isTombstone: currentTarget.checked })}
            />
            No value (tombstone)
          </label>
          <button type="button" class="link" onClick={() => pretty(now, change)}>
            Format JSON
          </button>
        </div>
        <Headers headers={now.headers} onChange={(headers) => change({ headers })} />
        <label class="field narrow">
          <span>Partition</span>
          <input
            class="input mono"
            value={now.partition}
            placeholder="By the key"
            pattern="\d{0,9}"
            onInput={({ currentTarget }) => change({ partition: currentTarget.value })}
          />
        </label>
        <Refusal error={error} />
        <div class="view-actions">
          <button type="submit" class="button button-main" disabled={isSending}>
            <Icon name="send" /> Produce
          </button>
          <button type="button" class="button" onClick={() => change(EMPTY)}>
            Clear
          </button>
        </div>
      </form>
      <section aria-label="Produced" aria-live="polite" class="produced">
        <h2>Produced</h2>
        {sent.length === 0 ? (
          <p class="muted">What you send is listed here with its place.</p>
        ) : (
          <ul>
            {sent.map((place) => (
              <li key={place}>
                <Icon name="check" />
                <a class="mono" href={`/topics/${encodeURIComponent(topic)}?at=${place}`}>
                  {place.replace(':', ' · ')}
                </a>
                <span class="muted">partition · offset</span>
              </li>
            ))}
          </ul>
        )}
      </section>
    </div>
  )
}

/** What is no JSON stays as it is. */
function pretty({ value }: Draft, change: (changes: Partial<Draft>) => void): void {
  try {
    change({ value: JSON.stringify(JSON.parse(value), null, 2) })
  } catch {
    // It is not ours to say: a value may be anything.
  }
}

function Headers({
  headers,
  onChange,
}: {
  readonly headers: readonly HeaderShown[]
  readonly onChange: (headers: readonly HeaderShown[]) => void
}) {
  const set = (at: number, header: HeaderShown) => {
    onChange(headers.map((one, index) => (index === at ? header : one)))
  }
  return (
    <div class="field">
      <span>Headers</span>
      {headers.map((header, at) => (
        <div key={String(at)} class="header-row">
          <input
            class="input mono"
            aria-label={`Name of header ${at + 1}`}
            placeholder="name"
            value={header.key}
            onInput={({ currentTarget }) => set(at, { ...header, key: currentTarget.value })}
          />
          <input
            class="input mono"
            aria-label={`Value of header ${at + 1}`}
            placeholder={header.valueBase64 === undefined ? 'value' : 'base64'}
            value={header.valueBase64 ?? header.value ?? ''}
            onInput={({ currentTarget: { value } }) =>
              set(
                at,
                header.valueBase64 === undefined
                  ? { key: header.key, value }
                  : { key: header.key, valueBase64: value },
              )
            }
          />
          <button
            type="button"
            class="icon-button"
            aria-label={`Remove header ${at + 1}`}
            onClick={() => onChange(headers.filter((_, index) => index !== at))}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
      <div>
        <button
          type="button"
          class="link"
          onClick={() => onChange([...headers, { key: '', value: '' }])}
        >
          Add a header
        </button>
      </div>
    </div>
  )
}
