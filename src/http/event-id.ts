// The ids of SSE events: a vector of partition:offset pairs, `0:123,1:88`, of what was delivered last.
// A stream told such a vector starts behind it. -1 is a partition of which nothing was delivered.

import { eventStarts } from '../partition/fanout-pieces.ts'

/** Longest vector taken: 10,000 partitions with offsets of thirteen digits. */
const VECTOR_UNITS_MAX = 200_000

/** The vector of a stream that delivers these offsets next. */
export function formatVector(next: ReadonlyMap<number, number>): string {
  let text = ''
  for (const [partition, offset] of next) {
    text += `${text === '' ? '' : ','}${partition}:${offset - 1}`
  }
  return text
}

/** The offsets to deliver next by partition; null for text that is no vector, or names one twice. */
export function parseVector(text: string): Map<number, number> | null {
  if (text.length > VECTOR_UNITS_MAX) return null
  const next = new Map<number, number>()
  for (const pair of text.split(',')) {
    const match = /^(\d{1,9}):(-1|\d{1,15})$/.exec(pair)
    if (match === null) return null
    const partition = Number(match[1])
    if (next.has(partition)) return null
    next.set(partition, Number(match[2]) + 1)
  }
  return next
}

const encoder = new TextEncoder()
const NEWLINE = 10
/** Every event begins with it. */
const ID_FIELD = encoder.encode('id: ')

/**
 * Events of one partition, which name it alone in their ids, as events of a stream that has had `next`
 * of the other partitions: their bytes are copied, nothing is decoded.
 */
export function withVector(
  events: Uint8Array,
  partition: number,
  next: ReadonlyMap<number, number>,
): Uint8Array {
  const others = [...next].filter(([other]) => other !== partition)
  if (others.length === 0) return events
  const vector = (pairs: [number, number][]) => formatVector(new Map(pairs))
  const low = vector(others.filter(([other]) => other < partition))
  const high = vector(others.filter(([other]) => other > partition))
  const before = encoder.encode(low === '' ? '' : `${low},`)
  const behind = encoder.encode(high === '' ? '' : `,${high}`)
  const starts = eventStarts(events)
  const bytes = new Uint8Array(events.length + starts.length * (before.length + behind.length))
  let at = 0
  const put = (part: Uint8Array) => {
    bytes.set(part, at)
    at += part.length
  }
  for (const [index, start] of starts.entries()) {
    const id = start + ID_FIELD.length
    const idEnd = events.indexOf(NEWLINE, id)
    put(ID_FIELD)
    put(before)
    put(events.subarray(id, idEnd))
    put(behind)
    put(events.subarray(idEnd, starts[index + 1] ?? events.length))
  }
  return bytes
}
