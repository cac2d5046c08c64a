// Producing one message by hand.

import { useState } from 'preact/hooks'
import { ask, pathOf } from '../../broker/http.ts'
import { outdate } from '../../broker/reading.ts'
import type { HeaderShown } from '../../broker/shapes.ts'
import { Refusal, useSending } from '../../parts/dialog.tsx'
import { Icon } from '../../parts/icon.tsx'
import { Pairs } from '../../parts/pairs.tsx'
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
  return (
    <Pairs
      label="Headers"
      one="header"
      rows={headers}
      empty={{ key: '', value: '' }}
      pairOf={({ key, value, valueBase64 }) => ({ name: key, value: valueBase64 ?? value ?? '' })}
      changed={({ valueBase64 }, { name, value }) =>
        // Bytes that are no text came as base64, and go as such.
        valueBase64 === undefined ? { key: name, value } : { key: name, valueBase64: value }
      }
      onChange={onChange}
      nameHint="name"
      valueHint={({ valueBase64 }) => (valueBase64 === undefined ? 'value' : 'base64')}
    />
  )
}
