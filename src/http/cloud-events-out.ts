// Records as CloudEvents 1.0 in JSON, for `application/cloudevents-batch+json`. A record that holds an event
// in either mode of the Kafka binding is that event; any other is wrapped in one that says where it is from.

import type { TopicState } from '../cluster/contract.ts'
import { toBase64 } from '../core/text.ts'
import { CLOUD_EVENT, CLOUD_EVENTS } from './cloud-events.ts'
import type { PageForm } from './read-records.ts'

/** A record, or a malformed stretch, as record/json.ts shows it. */
interface Shown {
  readonly partition: number
  readonly offset: number
  readonly timestamp?: number
  readonly key?: string | null
  readonly keyBase64?: string
  readonly value?: string | null
  readonly valueBase64?: string
  readonly headers?: readonly { readonly key: string; readonly value?: string | null }[]
  readonly error?: string
}

const ATTRIBUTE = /^[a-z0-9]+$/
const REQUIRED = ['specversion', 'id', 'source', 'type']

/** Whether the client asks for events: it names their type, and no other comes before it. */
export function acceptsEvents(accept: string | null): boolean {
  const ranges = (accept ?? '').toLowerCase().split(',')
  const types = ranges.map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim())
    const q = parameters.find((one) => one.startsWith('q='))
    return { type, q: q === undefined ? 1 : Number(q.slice(2)) }
  })
  const events = types.find(({ type }) => type === CLOUD_EVENTS)
  if (events === undefined || !(events.q > 0)) return false
  const json = types.find(({ type }) => type === 'application/json')
  return json === undefined || events.q >= json.q
}

/** A page as a batch of events. Where it goes on is in the answer's `Link`. */
export function eventsForm(topic: TopicState): PageForm {
  return { open: '[', item: (json) => eventOf(JSON.parse(json), topic), close: () => ']' }
}

/** The event of a record, as JSON text. */
export function eventOf(shown: Shown, topic: Pick<TopicState, 'name' | 'id'>): string {
  const header = (name: string) => {
    return shown.headers?.find(({ key, value }) => key === name && typeof value === 'string')?.value
  }
  const contentType = header('content-type') ?? null
  if (contentType?.toLowerCase().startsWith(CLOUD_EVENT) === true) {
    if (isEvent(shown.value)) return shown.value
  }
  return typeof header('ce_specversion') === 'string'
    ? binaryEvent(shown, contentType)
    : wrapped(shown, contentType, topic)
}

/** Given on as it was sent, if it is an event at all: anybody may say so in a header. */
function isEvent(text: string | null | undefined): text is string {
  if (typeof text !== 'string') return false
  const event = parsed(text)?.value
  if (typeof event !== 'object' || event === null) return false
  return REQUIRED.every((name) => typeof Reflect.get(event, name) === 'string')
}

function binaryEvent(shown: Shown, contentType: string | null): string {
  const members: string[] = []
  const names = new Set<string>()
  for (const { key, value } of shown.headers ?? []) {
    const name = key.startsWith('ce_') ? key.slice('ce_'.length) : ''
    const isAttribute = ATTRIBUTE.test(name) && name !== 'datacontenttype' && name !== 'data'
    if (!isAttribute || names.has(name) || typeof value !== 'string') continue
    names.add(name)
    members.push(member(name, value))
  }
  if (!names.has('partitionkey')) members.push(...keyMember(shown))
  return object([...members, ...dataMembers(shown, contentType)])
}

function wrapped(
  shown: Shown,
  contentType: string | null,
  { name, id }: Pick<TopicState, 'name' | 'id'>,
): string {
  const { partition, offset, timestamp, error } = shown
  const where = [
    member('specversion', '1.0'),
    member('id', `${partition}:${offset}`),
    member('source', `/v1/topics/${encodeURIComponent(name)}#${id}`),
  ]
  if (error !== undefined) {
    return object([...where, member('type', 'ottla.malformed'), `"data":${JSON.stringify(shown)}`])
  }
  const time = timestamp === undefined ? null : timeText(timestamp)
  return object([
    ...where,
    member('type', 'ottla.record'),
    ...(time === null ? [] : [member('time', time)]),
    ...keyMember(shown),
    ...dataMembers(shown, contentType),
  ])
}

function keyMember({ key, keyBase64 }: Shown): string[] {
  if (typeof key === 'string') return [member('partitionkey', key)]
  return keyBase64 === undefined ? [] : [member('keybase64', keyBase64)]
}

/** JSON as it is stored, other text as a string, other bytes in base64; a null value is no data. */
function dataMembers({ value, valueBase64 }: Shown, contentType: string | null): string[] {
  const type = contentType === null ? [] : [member('datacontenttype', contentType)]
  if (valueBase64 !== undefined) return [...type, member('data_base64', valueBase64)]
  if (value === null || value === undefined) return type
  const isJson = contentType === null || /[/+]json\b/i.test(contentType)
  if (isJson && parsed(value) !== null) return [...type, `"data":${value}`]
  if (contentType !== null && isJson) return [...type, member('data_base64', base64Of(value))]
  return [
    ...(contentType === null ? [member('datacontenttype', 'text/plain')] : type),
    member('data', value),
  ]
}

function base64Of(text: string): string {
  return toBase64(new TextEncoder().encode(text))
}

/** RFC 3339; null for a time that has none. */
function timeText(ms: number): string | null {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) || ms < 0 ? null : date.toISOString()
}

function parsed(text: string): { readonly value: unknown } | null {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return null
  }
}

function member(name: string, value: string): string {
  return `${JSON.stringify(name)}:${JSON.stringify(value)}`
}

function object(members: readonly string[]): string {
  return `{${members.join(',')}}`
}
