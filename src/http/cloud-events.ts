// CloudEvents 1.0 as they come over HTTP to records of the log, as the Kafka binding maps them: an event in
// structured mode stays one (the value is the event), binary mode becomes `ce_` headers, and a batch, which
// Kafka has not, is an event a record. The extension `partitionkey` is the key. Not the way back
// (cloud-events-out.ts). https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md

import { fromBase64, utf8 } from '../core/text.ts'
import type { RecordHeader } from '../record/records.ts'
import { elementSpans, parseJson } from './json-text.ts'
import { badRequest, Problem } from './problem.ts'
import type { IncomingRecord } from './record-in.ts'
import { schemas } from './schemas.ts'
import { isTime } from './time.ts'
import { fieldName, validate } from './validate.ts'

export const CLOUD_EVENT = 'application/cloudevents+json'
export const CLOUD_EVENTS = 'application/cloudevents-batch+json'

/** How a request carries events; null: it carries none. */
export type EventMode = 'structured' | 'batched' | 'binary'

/** The header of a record that holds an event in structured mode. */
const STRUCTURED_HEADER = header('content-type', `${CLOUD_EVENT}; charset=UTF-8`)

/** Names of attributes, extensions included: lower-case letters and digits. */
const NAME = /^[a-z0-9]+$/
const REQUIRED = ['specversion', 'id', 'source', 'type']
const PREFIX = 'ce-'
const INT32_MAX = 2_147_483_647

/** What `?key=` and the like say beside the events. */
export interface EventOverrides {
  readonly key?: string | undefined
  readonly partition?: number | undefined
  readonly timestamp?: number | undefined
}

/** The mode of a request by its headers. Formats other than JSON are refused. */
export function eventMode(headers: Headers): EventMode | null | Problem {
  const given = headers.get('content-type')?.toLowerCase() ?? ''
  if (!given.startsWith('application/cloudevents')) {
    return headers.has('ce-specversion') ? 'binary' : null
  }
  const type = given.split(';')[0]?.trim()
  if (type === CLOUD_EVENT) return 'structured'
  if (type === CLOUD_EVENTS) return 'batched'
  const detail = `${given} is not taken: send ${CLOUD_EVENT} or ${CLOUD_EVENTS}`
  return badRequest('content-type', detail, { status: 415 })
}

/** The record of one event in JSON, or the records of a batch; the first fault is reported. */
export function recordsOfEvents(
  text: string,
  mode: 'structured' | 'batched',
  overrides: EventOverrides = {},
): IncomingRecord[] | Problem {
  const input = parseJson(text)
  if (input instanceof Problem) return input
  if (mode === 'structured') {
    const one = structured(input.value, text, '', overrides)
    return one instanceof Problem ? one : [one]
  }
  if (!Array.isArray(input.value)) return badRequest('', 'the body must be an array of events')
  const records: IncomingRecord[] = []
  for (const [at, { start, end }] of elementSpans(text, 0).entries()) {
    const record = structured(input.value[at], text.slice(start, end), `[${at}]`, overrides)
    if (record instanceof Problem) return record
    records.push(record)
  }
  return records
}

/** The value is the text that was sent: printing it again would round large numbers. */
function structured(
  input: unknown,
  text: string,
  prefix: string,
  overrides: EventOverrides,
): IncomingRecord | Problem {
  const event = validate(schemas().cloudEvent, input, prefix)
  if (event instanceof Problem) return event
  // Of what came, not of what the schema made of it: a name may be one that objects have of themselves.
  const fault = attributeFault(Object.entries(Object(input)), prefix)
  if (fault !== null) return fault
  if (event.data !== undefined && event.data_base64 !== undefined) {
    const field = fieldName(prefix, ['data'])
    return badRequest(field, `${field} and data_base64 exclude each other`)
  }
  if (event.data_base64 !== undefined && fromBase64(event.data_base64) === null) {
    const field = fieldName(prefix, ['data_base64'])
    return badRequest(field, `${field} is not padded standard base64`)
  }
  const value = utf8(text)
  if (value === null) return badRequest(prefix, 'the event holds half of a surrogate pair')
  return record(event, value, [STRUCTURED_HEADER], overrides)
}

/** The record of an event in binary mode: `ce-` headers, and the body as its data. */
export function recordOfBinaryEvent(
  headers: Headers,
  body: Uint8Array,
  overrides: EventOverrides,
): IncomingRecord | Problem {
  const attributes: Record<string, string> = {}
  const contentType = headers.get('content-type')
  for (const [name, encoded] of headers) {
    if (!name.startsWith(PREFIX)) continue
    const value = percentDecoded(encoded)
    if (value === null) return badRequest(name, `${name} is not percent-encoded UTF-8`)
    const attribute = name.slice(PREFIX.length)
    const fault = attributeFault(new Map([[attribute, value]]), '')
    if (fault !== null) return fault.with({ field: name })
    attributes[attribute] = value
  }
  const event = validate(schemas().cloudEvent, attributes)
  if (event instanceof Problem) return event.with({ field: `${PREFIX}${event.options.field}` })
  const recordHeaders = Object.entries(attributes).map(([name, value]) =>
    header(`ce_${name}`, value),
  )
  if (contentType !== null) recordHeaders.push(header('content-type', contentType))
  // No data is not empty data: without a type there is none.
  const value = body.length === 0 && contentType === null ? null : body
  return record(attributes, value, recordHeaders, overrides)
}

function record(
  attributes: Readonly<Record<string, unknown>>,
  value: Uint8Array | null,
  headers: readonly RecordHeader[],
  { key, partition, timestamp }: EventOverrides,
): IncomingRecord {
  const { partitionkey } = attributes
  const text = key ?? (typeof partitionkey === 'string' ? partitionkey : null)
  return {
    key: text === null ? null : utf8(text),
    value,
    headers,
    partition: partition ?? null,
    timestamp: timestamp ?? null,
  }
}

/** What the schema cannot say: names, the types of extensions, and times. */
function attributeFault(
  attributes: Iterable<readonly [string, unknown]>,
  prefix: string,
): Problem | null {
  for (const [name, value] of attributes) {
    if (name === 'data' || name === 'data_base64') continue
    const field = fieldName(prefix, [name])
    if (!NAME.test(name)) {
      return badRequest(field, `${field}: names are of lower-case letters and digits`)
    }
    // JSON says of an attribute that is not there that it is null.
    if (value === null && !REQUIRED.includes(name)) continue
    const isInteger = Number.isInteger(value) && Math.abs(Number(value)) <= INT32_MAX
    if (typeof value !== 'string' && typeof value !== 'boolean' && !isInteger) {
      return badRequest(field, `${field} must be a string, a boolean or an integer of 32 bits`)
    }
    if (typeof value === 'string' && !value.isWellFormed()) {
      return badRequest(field, `${field} holds half of a surrogate pair, which has no UTF-8`)
    }
    if (name === 'time' && !isTime(String(value))) {
      return badRequest(field, `${field} must be an RFC 3339 time`)
    }
  }
  return null
}

/** `%C3%A9` as é; null for what is no UTF-8. Bytes of a header that are not ASCII come as they are. */
function percentDecoded(text: string): string | null {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text.replace(/%(?![0-9A-Fa-f]{2})/g, '%25'))
  } catch {
    return null
  }
}

function header(key: string, value: string): RecordHeader {
  return { key, value: utf8(value) }
}
