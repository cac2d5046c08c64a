// One message: key, value and headers whole, as a tree, text or hex; copy, link, send again.

import { useEffect, useRef, useState } from 'preact/hooks'
import { pathOf } from '../../broker/http.ts'
import { useMayWithTopic } from '../../broker/me.ts'
import { useReading } from '../../broker/reading.ts'
import { isMalformed, type RecordShown, type RecordsPage } from '../../broker/shapes.ts'
import { copy } from '../../parts/fields.tsx'
import { counted, exactTime, bytes as inBytes } from '../../parts/format.ts'
import { bytesOf, Hex } from '../../parts/hex.tsx'
import { Icon } from '../../parts/icon.tsx'
import { JsonTree, parseJson } from '../../parts/json-tree.tsx'
import { Failure, Nothing } from '../../parts/states.tsx'
import { Choice } from '../../parts/tabs.tsx'
import { Ago } from '../../parts/time.tsx'
import { bindKey } from '../../shell/keys.ts'
import { go, setQuery } from '../../shell/router.ts'
import { fillProduce } from './produce-draft.ts'
import { isBeside } from './selection.ts'

/** The message at `3:1234`. */
export function Detail({ topic, at }: { readonly topic: string; readonly at: string }) {
  const [, partition = '0', offset = '0'] = /^(\d{1,9}):(\d{1,15})x?$/.exec(at) ?? []
  // It is read again, for the list may have had it long ago, and the link may be all there is.
  const path = pathOf(['topics', topic, 'partitions', partition, 'records'], {
    offset,
    limit: 1,
    isolation: 'read_uncommitted',
  })
  const { data, error, reload } = useReading<RecordsPage>(path)
  const close = () => setQuery({ at: null })
  const panel = useRef<HTMLElement>(null)
  useEffect(() => bindKey('Escape', 'Close the message', close), [])
  useEffect(() => {
    // Above the list it may be out of sight; beside it, it never is.
    if (!isBeside()) panel.current?.scrollIntoView({ block: 'start' })
  }, [])
  const item = data?.records[0]
  const isGone = error?.code === 'OFFSET_OUT_OF_RANGE'
  const isThere = item !== undefined && item.offset === Number(offset)
  return (
    <aside ref={panel} class="detail" aria-label="Message">
      <header class="detail-head">
        <h2>
          <span class="muted">Partition</span> <span class="mono">{partition}</span>{' '}
          <span class="muted">offset</span> <span class="mono">{offset}</span>
        </h2>
        <button type="button" class="icon-button" aria-label="Close the message" onClick={close}>
          <Icon name="close" />
        </button>
      </header>
      {!isGone && <Failure what="The message could not be read" error={error} again={reload} />}
      {data === undefined && error === undefined && <p class="muted">Reading…</p>}
      {((data !== undefined && !isThere) || isGone) && (
        <Nothing title="It is not there any more">
          Retention, compaction or somebody has deleted it since.
        </Nothing>
      )}
      {isThere && isMalformed(item) && (
        <p>
          Offsets {item.offset} to {item.lastOffset} cannot be read: {item.detail}{' '}
          <code>{item.error}</code>
        </p>
      )}
      {isThere && !isMalformed(item) && <Message topic={topic} record={item} />}
    </aside>
  )
}

function Message({ topic, record }: { readonly topic: string; readonly record: RecordShown }) {
  const { timestamp, headers, key, keyBase64, value, valueBase64 } = record
  const may = useMayWithTopic(topic)
  const resend = () => {
    fillProduce(record)
    go(`/topics/${encodeURIComponent(topic)}?tab=produce`)
  }
  return (
    <>
      <p class="muted">
        {exactTime(timestamp)} · <Ago at={timestamp} />
      </p>
      <div class="detail-actions">
        <button
          type="button"
          class="button"
          onClick={() => void copy(value ?? valueBase64 ?? '', 'Value')}
        >
          <Icon name="copy" /> Value
        </button>
        <button
          type="button"
          class="button"
          onClick={() => void copy(JSON.stringify(record, null, 2), 'Message')}
        >
          <Icon name="copy" /> JSON
        </button>
        <button type="button" class="button" onClick={() => void copy(linkOf(record), 'Link')}>
          <Icon name="link" /> Link
        </button>
        {may('WRITE') && (
          <button type="button" class="button" onClick={resend}>
            <Icon name="send" /> Send again
          </button>
        )}
      </div>
      <Field label="Value" text={value} base64={valueBase64} none="null: a tombstone" />
      <Field label="Key" text={key} base64={keyBase64} none="none" />
      <section class="detail-part">
        <h3>{headers.length === 0 ? 'No headers' : counted(headers.length, 'header')}</h3>
        <dl class="headers">
          {headers.map((header, at) => (
            <div key={`${String(at)} ${header.key}`}>
              <dt class="mono">{header.key}</dt>
              <dd class="mono">
                {header.valueBase64 ?? header.value ?? <span class="muted">null</span>}
                {header.valueBase64 !== undefined && <span class="muted"> (base64)</span>}
              </dd>
            </div>
          ))}
        </dl>
      </section>
    </>
  )
}

/** Of the message alone, not of what is looked for. */
function linkOf({ partition, offset }: RecordShown): string {
  return `${location.origin}${location.pathname}?at=${partition}:${offset}`
}

type Form = 'tree' | 'text' | 'hex'

const TEXT_UNITS = 100_000
/** A tree of more would take seconds to make. */
const TREE_UNITS_MAX = 2 << 20

function Field({
  label,
  text,
  base64,
  none,
}: {
  readonly label: string
  readonly text: string | null | undefined
  readonly base64: string | undefined
  readonly none: string
}) {
  const json = text && text.length <= TREE_UNITS_MAX ? parseJson(text) : undefined
  const isTree = typeof json?.value === 'object' && json.value !== null
  const [chosen, setChosen] = useState<Form | null>(null)
  const bytes = bytesOf(text, base64)
  const form = chosen ?? (isTree ? 'tree' : base64 === undefined ? 'text' : 'hex')
  const choices: readonly (readonly [Form, string])[] = [
    ...(isTree ? ([['tree', 'Tree']] as const) : []),
    ...(base64 === undefined ? ([['text', 'Text']] as const) : []),
    ['hex', 'Hex'],
  ]
  return (
    <section class="detail-part">
      <header>
        <h3>
          {label}
          {bytes !== null && ` · ${inBytes(bytes.length)}`}
        </h3>
        {bytes !== null && bytes.length > 0 && (
          <Choice label={`${label} as`} value={form} choices={choices} onChoose={setChosen} />
        )}
      </header>
      {bytes === null && <p class="muted">{none}</p>}
      {bytes?.length === 0 && <p class="muted">empty</p>}
      {bytes !== null && bytes.length > 0 && (
        <div class="detail-value">
          {form === 'tree' && <JsonTree value={json?.value} />}
          {form === 'text' && <Text text={text ?? ''} />}
          {form === 'hex' && <Hex bytes={bytes} />}
        </div>
      )}
    </section>
  )
}

function Text({ text }: { readonly text: string }) {
  const [shown, setShown] = useState(TEXT_UNITS)
  return (
    <>
      <pre class="mono whole-text">{text.slice(0, shown)}</pre>
      {shown < text.length && (
        <button type="button" class="link" onClick={() => setShown(text.length)}>
          Show all {counted(text.length, 'character')}
        </button>
      )}
    </>
  )
}
