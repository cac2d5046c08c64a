// Lists in pages: `limit` items behind the one that `after` names, of those whose name holds `q`. A cursor
// is the name of the last item given, so that a page stays right while items come and go.

import { HTTP_LIST_LIMIT } from '../core/limits.ts'

/** What every list takes; see schemas.ts. */
export interface PageQuery {
  readonly limit?: number | undefined
  readonly after?: string | undefined
  readonly q?: string | undefined
}

/** A page: `next` is the `after` of the page behind it, null on the last. */
export interface Page<Item> {
  readonly items: readonly Item[]
  readonly next: string | null
}

/** A page of items that have a name each, in the order of their names' code units. */
export function pageOf<Item>(
  all: readonly Item[],
  nameOf: (item: Item) => string,
  { limit = HTTP_LIST_LIMIT, after, q }: PageQuery,
): Page<Item> {
  const wanted = all
    .filter((item) => (after === undefined || nameOf(item) > after) && holds(nameOf(item), q))
    .sort((a, b) => compare(nameOf(a), nameOf(b)))
  const items = wanted.slice(0, limit)
  const last = items.at(-1)
  return { items, next: last === undefined || wanted.length <= limit ? null : nameOf(last) }
}

/** A page of the numbers from 0 up to but not including `count`. */
export function pageOfNumbers(
  count: number,
  { limit = HTTP_LIST_LIMIT, after }: PageQuery,
): Page<number> {
  const from = after === undefined ? 0 : Number(after) + 1
  const until = Math.min(count, from + limit)
  const items = Array.from({ length: Math.max(0, until - from) }, (_, at) => from + at)
  return { items, next: items.length > 0 && until < count ? String(until - 1) : null }
}

/** A partition of a topic, as lists over several topics name it. No topic's name has a slash. */
export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** A page of partitions of several topics, by topic and number. `q` is looked for in the topic. */
export function pageOfPartitions<Item extends TopicPartition>(
  all: readonly Item[],
  { limit = HTTP_LIST_LIMIT, after, q }: PageQuery,
): Page<Item> {
  const position = after === undefined ? null : positionOf(after)
  const wanted = all
    .filter((item) => (position === null || order(item, position) > 0) && holds(item.topic, q))
    .sort(order)
  const items = wanted.slice(0, limit)
  const last = items.at(-1)
  const isLast = last === undefined || wanted.length <= limit
  return { items, next: isLast ? null : `${last.topic}/${last.partition}` }
}

/** Of `orders/3`; null when it is no such position. */
export function positionOf(cursor: string): TopicPartition | null {
  const [, topic, partition] = /^([^/]+)\/(\d{1,9})$/.exec(cursor) ?? []
  return topic === undefined ? null : { topic, partition: Number(partition) }
}

function holds(name: string, q: string | undefined): boolean {
  return q === undefined || name.toLowerCase().includes(q.toLowerCase())
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

function order(a: TopicPartition, b: TopicPartition): number {
  return compare(a.topic, b.topic) || a.partition - b.partition
}
