// The positions of a tail as text: a vector `0:123,1:88` of the offset that was delivered last of each
// partition, and where there are several topics, or a reader wants to be sure of the one, each vector behind
// its topic's id: `<topic id>/0:123,1:88;<topic id>/0:5`. -1 is a partition of which nothing was delivered;
// an id without a vector is a topic that is gone, which its reader knows.

import type { TopicId } from '../../core/ids.ts'
import { EVENTS_ID_BYTES } from '../../core/limits.ts'

/** Of one topic: the offsets to deliver next, by partition. */
export interface TopicPosition {
  /** null where the text names no topic. */
  readonly id: TopicId | null
  readonly next: ReadonlyMap<number, number>
}

/** The text of a position before and behind the pair of one partition. */
export interface Around {
  readonly before: string
  readonly behind: string
}

const NOTHING: Around = { before: '', behind: '' }
const PAIR = /^(\d{1,9}):(-1|\d{1,15})$/
const TOPIC_ID = /^[A-Za-z0-9_-]{22}$/

/** One partition and the offset delivered last of it. */
export function pairText(partition: number, next: number): string {
  return `${partition}:${next - 1}`
}

/** The vector of offsets to deliver next, in the order of the map, which is that of the partitions. */
export function formatVector(next: ReadonlyMap<number, number>): string {
  let text = ''
  for (const [partition, offset] of next) {
    text += `${text === '' ? '' : ','}${pairText(partition, offset)}`
  }
  return text
}

/** All topics of a position, in their order; with their ids unless there is one without. */
export function formatPosition(topics: readonly TopicPosition[]): string {
  return topics.map(({ id, next }) => prefixOf(id) + formatVector(next)).join(';')
}

/** What of the position stays as it is while one partition moves. */
export function aroundPair(
  topics: readonly TopicPosition[],
  of: TopicPosition,
  partition: number,
): Around {
  if (topics.length === 1 && of.id === null && of.next.size === 1) return NOTHING
  const at = topics.indexOf(of)
  const low: string[] = []
  const high: string[] = []
  for (const [other, next] of of.next) {
    if (other < partition) low.push(`${pairText(other, next)},`)
    else if (other > partition) high.push(`,${pairText(other, next)}`)
  }
  const before = topics.slice(0, at).map((topic) => `${formatPosition([topic])};`)
  const behind = topics.slice(at + 1).map((topic) => `;${formatPosition([topic])}`)
  return {
    before: before.join('') + prefixOf(of.id) + low.join(''),
    behind: high.join('') + behind.join(''),
  }
}

/** The topics of a position; null for text that is none, or names a topic or a partition twice. */
export function parsePosition(text: string): TopicPosition[] | null {
  if (text.length > EVENTS_ID_BYTES) return null
  if (!text.includes('/')) {
    const next = parseVector(text)
    return next === null ? null : [{ id: null, next }]
  }
  const topics: TopicPosition[] = []
  for (const part of text.split(';')) {
    const slash = part.indexOf('/')
    const id = part.slice(0, Math.max(0, slash))
    const vector = part.slice(slash + 1)
    const next = vector === '' ? new Map<number, number>() : parseVector(vector)
    if (!TOPIC_ID.test(id) || next === null) return null
    if (topics.some((topic) => topic.id === id)) return null
    topics.push({ id: id as TopicId, next })
  }
  return topics
}

/** The least length that a position of so many topics and these partitions has. */
export function leastLength(partitions: readonly number[]): number {
  return partitions.reduce((length, partition) => length + `${partition}:-1,`.length, -1)
}

function prefixOf(id: TopicId | null): string {
  return id === null ? '' : `${id}/`
}

function parseVector(text: string): Map<number, number> | null {
  const next = new Map<number, number>()
  for (const pair of text.split(',')) {
    const match = PAIR.exec(pair)
    if (match === null) return null
    const partition = Number(match[1])
    if (next.has(partition)) return null
    next.set(partition, Number(match[2]) + 1)
  }
  return next
}
