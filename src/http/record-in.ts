// A record as JSON says it (design: a string is its UTF-8 bytes, null is null, other JSON is its JSON
// text, …Base64 carries other bytes) to a record of the log. Not the way back (record/json.ts) and not
// the choice of a partition.

import { fromBase64, utf8 } from '../core/text.ts'
import type { RecordHeader } from '../record/records.ts'
import { elementSpans, memberSpans, parseJson, type Span } from './json-text.ts'
import { badRequest, Problem } from './problem.ts'
import { schemas } from './schemas.ts'
import { fieldName, validate } from './validate.ts'

/** A record to produce. */
export interface IncomingRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly RecordHeader[]
  /** As asked; null: chosen by key, or any. */
  readonly partition: number | null
  /** Milliseconds; null: now. */
  readonly timestamp: number | null
}

/** What `{value, valueBase64}` can hold after validation. */
type Members = Readonly<Record<string, unknown>>

/** Reads one record from its JSON text, such as a line of NDJSON. */
export function recordFromText(text: string): IncomingRecord | Problem {
  const input = parseJson(text)
  if (input instanceof Problem) return input
  const span = { start: 0, end: text.length }
  return recordFrom(input.value, text, span, '')
}

/** Reads the body of a JSON produce: one record, or `{"records": […]}`. The first fault is reported. */
export function recordsFromText(text: string): IncomingRecord[] | Problem {
  const input = parseJson(text)
  if (input instanceof Problem) return input
  const { value } = input
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'records')) {
    const one = recordFrom(value, text, { start: 0, end: text.length }, '')
    return one instanceof Problem ? one : [one]
  }
  const list = validate(schemas().recordList, value)
  if (list instanceof Problem) return list
  const spans = elementSpans(text, spanOf(memberSpans(text, 0), 'records').start)
  const records: IncomingRecord[] = []
  for (const [at, item] of list.records.entries()) {
    const record = convert(item, text, elementAt(spans, at), `records[${at}]`)
    if (record instanceof Problem) return record
    records.push(record)
  }
  return records
}

function recordFrom(
  input: unknown,
  text: string,
  span: Span,
  prefix: string,
): IncomingRecord | Problem {
  const item = validate(schemas().record, input, prefix)
  return item instanceof Problem ? item : convert(item, text, span, prefix)
}

type RecordInput = Members & {
  readonly headers?: readonly (Members & { readonly key: string })[] | undefined
  readonly partition?: number | undefined
  readonly timestamp?: number | undefined
}

function convert(
  item: RecordInput,
  text: string,
  span: Span,
  prefix: string,
): IncomingRecord | Problem {
  const source = new Source(text, span)
  const key = bytesOf(item, 'key', () => source.textOf('key'), prefix)
  if (key instanceof Problem) return key
  const value = bytesOf(item, 'value', () => source.textOf('value'), prefix)
  if (value instanceof Problem) return value
  const headers: RecordHeader[] = []
  let sources: Source[] | null = null
  for (const [at, header] of (item.headers ?? []).entries()) {
    const field = fieldName(prefix, ['headers', at])
    if (!header.key.isWellFormed()) return loneSurrogate(`${field}.key`)
    const text = () => {
      sources ??= source.elements('headers')
      return sources[at]?.textOf('value') ?? ''
    }
    const content = bytesOf(header, 'value', text, field)
    if (content instanceof Problem) return content
    headers.push({ key: header.key, value: content })
  }
  return {
    key,
    value,
    headers,
    partition: item.partition ?? null,
    timestamp: item.timestamp ?? null,
  }
}

/** The bytes of `name` or `nameBase64`; absent is null. */
function bytesOf(
  item: Members,
  name: 'key' | 'value',
  sourceText: () => string,
  prefix: string,
): Uint8Array | null | Problem {
  const content = item[name]
  const encoded = item[`${name}Base64`]
  const field = fieldName(prefix, [name])
  if (encoded !== undefined) {
    if (content !== undefined)
      return badRequest(field, `${field} and ${field}Base64 exclude each other`)
    const bytes = typeof encoded === 'string' ? fromBase64(encoded) : null
    return bytes ?? badRequest(`${field}Base64`, `${field}Base64 is not padded standard base64`)
  }
  if (content === undefined || content === null) return null
  const text = typeof content === 'string' ? content : sourceText()
  return utf8(text) ?? loneSurrogate(field)
}

function loneSurrogate(field: string): Problem {
  return badRequest(field, `${field} holds half of a surrogate pair, which has no UTF-8`)
}

/** The JSON text of an object, taken apart only when a member's own text is needed. */
class Source {
  readonly #text: string
  readonly #span: Span
  #members: Map<string, Span> | null = null

  constructor(text: string, span: Span) {
    this.#text = text
    this.#span = span
  }

  textOf(name: string): string {
    const { start, end } = this.#spanOf(name)
    return this.#text.slice(start, end)
  }

  /** The objects of the array `name`. */
  elements(name: string): Source[] {
    const spans = elementSpans(this.#text, this.#spanOf(name).start)
    return spans.map((span) => new Source(this.#text, span))
  }

  #spanOf(name: string): Span {
    this.#members ??= memberSpans(this.#text, this.#span.start)
    return spanOf(this.#members, name)
  }
}

function spanOf(members: ReadonlyMap<string, Span>, name: string): Span {
  const span = members.get(name)
  if (span === undefined) throw new Error(`the parsed document has ${name}, its text has not`)
  return span
}

function elementAt(spans: readonly Span[], index: number): Span {
  const span = spans[index]
  if (span === undefined) throw new Error('the parsed array is longer than its text')
  return span
}
