// Sets of partitions by topic, and what the protocol does with them: both, only here, all, is a part
// of. Values that never change; not who owns them (owners.ts).

import type { TopicId } from '../../core/ids.ts'

/** Partitions by topic: ascending, no topic without any. */
export type Partitions = ReadonlyMap<TopicId, readonly number[]>

/** As the protocol's messages carry them. */
export interface TopicPartitions {
  readonly topicId: TopicId
  readonly partitions: readonly number[]
}

export const NO_PARTITIONS: Partitions = new Map()

/** As a client listed them: sorted, doubled ones and empty topics left out. */
export function partitionsOf(list: readonly TopicPartitions[]): Partitions {
  const found = new Map<TopicId, Set<number>>()
  for (const { topicId, partitions } of list) {
    const known = found.get(topicId)
    if (known === undefined) found.set(topicId, new Set(partitions))
    else for (const partition of partitions) known.add(partition)
  }
  return sorted(found)
}

/** Sorts and leaves out what is empty. */
export function sorted(found: ReadonlyMap<TopicId, Iterable<number>>): Partitions {
  const result = new Map<TopicId, readonly number[]>()
  for (const [topicId, partitions] of found) {
    const list = [...partitions].sort((a, b) => a - b)
    if (list.length > 0) result.set(topicId, list)
  }
  return result
}

export function listPartitions(partitions: Partitions): TopicPartitions[] {
  return [...partitions].map(([topicId, list]) => ({ topicId, partitions: list }))
}

export function countPartitions(partitions: Partitions): number {
  let count = 0
  for (const list of partitions.values()) count += list.length
  return count
}

export function samePartitions(a: Partitions, b: Partitions): boolean {
  if (a === b) return true
  if (a.size !== b.size) return false
  for (const [topicId, list] of a) {
    const other = b.get(topicId)
    if (other === undefined || !sameList(list, other)) return false
  }
  return true
}

/** What is in both. */
export function both(a: Partitions, b: Partitions): Partitions {
  return filter(a, (topicId) => {
    const other = b.get(topicId)
    return other === undefined ? undefined : new Set(other)
  })
}

/** What is in `a` and not in `b`. */
export function without(a: Partitions, b: Partitions): Partitions {
  const result = new Map<TopicId, readonly number[]>()
  for (const [topicId, list] of a) {
    const taken = b.get(topicId)
    const left = taken === undefined ? list : list.filter(notIn(new Set(taken)))
    if (left.length > 0) result.set(topicId, left)
  }
  return result
}

/** What is in either. */
export function all(a: Partitions, b: Partitions): Partitions {
  if (a.size === 0) return b
  if (b.size === 0) return a
  const result = new Map<TopicId, Iterable<number>>(a)
  for (const [topicId, list] of b) {
    const known = a.get(topicId)
    result.set(topicId, known === undefined ? list : new Set([...known, ...list]))
  }
  return sorted(result)
}

/** Whether something is in both. */
export function overlap(a: Partitions, b: Partitions): boolean {
  return both(a, b).size > 0
}

/** Whether all of `part` is in `whole`. */
export function isPart(part: Partitions, whole: Partitions): boolean {
  return without(part, whole).size === 0
}

function filter(
  a: Partitions,
  wanted: (topicId: TopicId) => ReadonlySet<number> | undefined,
): Partitions {
  const result = new Map<TopicId, readonly number[]>()
  for (const [topicId, list] of a) {
    const set = wanted(topicId)
    if (set === undefined) continue
    const kept = list.filter((partition) => set.has(partition))
    if (kept.length > 0) result.set(topicId, kept)
  }
  return result
}

function notIn(taken: ReadonlySet<number>): (partition: number) => boolean {
  return (partition) => !taken.has(partition)
}

function sameList(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((partition, index) => partition === b[index])
}

/** As a row keeps them: `{"<topic id>": "0-3,7"}`, since most are ranges. */
export type StoredPartitions = Readonly<Record<string, string>>

export function storePartitions(partitions: Partitions): StoredPartitions {
  return Object.fromEntries([...partitions].map(([topicId, list]) => [topicId, ranges(list)]))
}

export function restorePartitions(stored: StoredPartitions): Partitions {
  return new Map(
    Object.entries(stored).map(([topicId, text]) => [topicId as TopicId, fromRanges(text)]),
  )
}

function ranges(list: readonly number[]): string {
  const parts: string[] = []
  for (let at = 0; at < list.length; ) {
    const first = list[at] as number
    let last = first
    for (at += 1; list[at] === last + 1; at += 1) last += 1
    parts.push(first === last ? `${first}` : `${first}-${last}`)
  }
  return parts.join(',')
}

function fromRanges(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
}
