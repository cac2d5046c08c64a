// The uniform assignor: first balance, then as little movement as it allows. Members with one
// subscription differ by one partition at most; with different ones no partition has a subscriber
// that has two fewer than its owner.

import type { TopicId } from '../../core/ids.ts'
import type { AssignableGroup, AssignableMember } from './assignor.ts'
import { type Partitions, samePartitions, sorted } from './partitions.ts'

/** With different subscriptions, rounds of evening out: each about halves what is uneven. */
const ROUNDS_MAX = 64

/** Balanced and sticky. */
export function assignUniformly(group: AssignableGroup): ReadonlyMap<string, Partitions> {
  const drafts = group.members.map((member) => new Draft(member))
  const loose = keepWhatHolds(group, drafts)
  if (isHomogeneous(group.members)) {
    levelAlike(drafts, loose, group.partitions)
  } else {
    const subscribers = subscribersOf(drafts)
    const topics = scarcestFirst(subscribers, group.partitions)
    for (const topicId of topics) {
      hand(loose.get(topicId) ?? [], topicId, subscribers.get(topicId) ?? [])
    }
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const moved = topics.map((topicId) => even(topicId, subscribers.get(topicId) ?? []))
      if (!moved.includes(true)) break
    }
  }
  return new Map(drafts.map((draft) => [draft.member.memberId, draft.target()]))
}

/** What a member is to have, being put together. Copied from what it had only when that changes. */
class Draft {
  readonly member: AssignableMember
  size = 0
  #changed: Map<TopicId, Set<number>> | undefined

  constructor(member: AssignableMember) {
    this.member = member
  }

  /** Topics of which it has some, or had. */
  get topics(): TopicId[] {
    return [...(this.#changed ?? this.member.target).keys()]
  }

  /** Keeps all that it had. */
  keep(size: number): void {
    this.size = size
  }

  /** Starts from nothing, to be given what it may keep. */
  drop(): void {
    this.#changed = new Map()
    this.size = 0
  }

  add(topicId: TopicId, partition: number): void {
    const changed = this.#change()
    const known = changed.get(topicId)
    if (known === undefined) changed.set(topicId, new Set([partition]))
    else known.add(partition)
    this.size += 1
  }

  /** Takes its highest partition of a topic away; undefined when it has none. */
  take(topicId: TopicId): number | undefined {
    if (!this.has(topicId)) return undefined
    const partitions = this.#change().get(topicId)
    if (partitions === undefined) return undefined
    const partition = Math.max(...partitions)
    partitions.delete(partition)
    this.size -= 1
    return partition
  }

  has(topicId: TopicId): boolean {
    if (this.#changed === undefined) return this.member.target.has(topicId)
    return (this.#changed.get(topicId)?.size ?? 0) > 0
  }

  /** The same object as before where nothing changed. */
  target(): Partitions {
    if (this.#changed === undefined) return this.member.target
    const target = sorted(this.#changed)
    return samePartitions(target, this.member.target) ? this.member.target : target
  }

  #change(): Map<TopicId, Set<number>> {
    this.#changed ??= new Map([...this.member.target].map(([id, list]) => [id, new Set(list)]))
    return this.#changed
  }
}

/** Drafts start with what they had and may keep; answers the partitions that nobody has then. */
function keepWhatHolds(
  { partitions }: AssignableGroup,
  drafts: readonly Draft[],
): Map<TopicId, number[]> {
  const taken = new Map([...partitions].map(([id, count]) => [id, new Uint8Array(count)]))
  let topicIds: readonly TopicId[] | undefined
  let subscribed: ReadonlySet<TopicId> = new Set()
  for (const draft of drafts) {
    if (draft.member.topicIds !== topicIds) {
      topicIds = draft.member.topicIds
      subscribed = new Set(topicIds)
    }
    keepOf(draft, subscribed, taken)
  }
  const loose = new Map<TopicId, number[]>()
  for (const [topicId, marks] of taken) {
    const list: number[] = []
    for (let at = marks.indexOf(0); at >= 0; at = marks.indexOf(0, at + 1)) list.push(at)
    if (list.length > 0) loose.set(topicId, list)
  }
  return loose
}

/** Of partitions that two had the first keeps them. */
function keepOf(
  draft: Draft,
  subscribed: ReadonlySet<TopicId>,
  taken: ReadonlyMap<TopicId, Uint8Array>,
): void {
  const kept: (readonly [TopicId, number])[] = []
  let had = 0
  for (const [topicId, list] of draft.member.target) {
    had += list.length
    const marks = subscribed.has(topicId) ? taken.get(topicId) : undefined
    if (marks === undefined) continue
    for (const partition of list) {
      if (marks[partition] !== 0) continue
      marks[partition] = 1
      kept.push([topicId, partition])
    }
  }
  if (kept.length === had) {
    draft.keep(had)
    return
  }
  draft.drop()
  for (const [topicId, partition] of kept) draft.add(topicId, partition)
}

function isHomogeneous(members: readonly AssignableMember[]): boolean {
  const first = members[0]?.topicIds ?? []
  return members.every(
    ({ topicIds }) =>
      topicIds === first ||
      (topicIds.length === first.length && topicIds.every((id, index) => id === first[index])),
  )
}

/** All subscribe alike: everyone gets the same number, those who had most one of the odd ones. */
function levelAlike(
  drafts: readonly Draft[],
  loose: ReadonlyMap<TopicId, readonly number[]>,
  partitions: ReadonlyMap<TopicId, number>,
): void {
  if (drafts.length === 0) return
  let total = 0
  for (const count of partitions.values()) total += count
  const least = Math.floor(total / drafts.length)
  const odd = total % drafts.length
  const bySize = [...drafts].sort((a, b) => b.size - a.size)
  const quotas = new Map(bySize.map((draft, index) => [draft, least + (index < odd ? 1 : 0)]))
  const pool: (readonly [TopicId, number])[] = []
  for (const [topicId, list] of loose) for (const partition of list) pool.push([topicId, partition])
  for (const [draft, quota] of quotas) {
    if (draft.size <= quota) continue
    for (const topicId of draft.topics.reverse()) {
      while (draft.size > quota) {
        const partition = draft.take(topicId)
        if (partition === undefined) break
        pool.push([topicId, partition])
      }
    }
  }
  let next = 0
  for (const draft of drafts) {
    const quota = quotas.get(draft) ?? least
    for (; draft.size < quota && next < pool.length; next += 1) {
      const [topicId, partition] = pool[next] as readonly [TopicId, number]
      draft.add(topicId, partition)
    }
  }
}

function subscribersOf(drafts: readonly Draft[]): Map<TopicId, Draft[]> {
  const subscribers = new Map<TopicId, Draft[]>()
  for (const draft of drafts) {
    for (const topicId of draft.member.topicIds) {
      const known = subscribers.get(topicId)
      if (known === undefined) subscribers.set(topicId, [draft])
      else known.push(draft)
    }
  }
  return subscribers
}

/** Topics whose subscribers have least choice first: most partitions each, then fewest of them. */
function scarcestFirst(
  subscribers: ReadonlyMap<TopicId, readonly Draft[]>,
  partitions: ReadonlyMap<TopicId, number>,
): TopicId[] {
  const share = (topicId: TopicId) =>
    (partitions.get(topicId) ?? 0) / (subscribers.get(topicId)?.length ?? 1)
  return [...subscribers.keys()].sort((a, b) => {
    const byShare = share(b) - share(a)
    if (byShare !== 0) return byShare
    const byCount = (subscribers.get(a)?.length ?? 0) - (subscribers.get(b)?.length ?? 0)
    return byCount !== 0 ? byCount : a < b ? -1 : 1
  })
}

/** Gives each partition to the subscriber that has fewest. */
function hand(list: readonly number[], topicId: TopicId, subscribers: readonly Draft[]): void {
  if (list.length === 0) return
  const fewest = new Heap(subscribers, (a, b) => a.size < b.size)
  for (const partition of list) {
    fewest.top?.add(topicId, partition)
    fewest.settle()
  }
}

/** Moves partitions of one topic from who has most to who has fewest while they differ by two. */
function even(topicId: TopicId, subscribers: readonly Draft[]): boolean {
  const holders = subscribers.filter((draft) => draft.has(topicId))
  const most = new Heap(holders, (a, b) => a.size > b.size)
  const fewest = new Heap(subscribers, (a, b) => a.size < b.size)
  let moved = false
  for (;;) {
    const from = most.top
    const to = fewest.top
    if (from === undefined || to === undefined || from.size - to.size < 2) return moved
    const partition = from.take(topicId)
    if (partition === undefined) {
      most.drop()
      continue
    }
    to.add(topicId, partition)
    most.settle()
    fewest.settle()
    moved = true
  }
}

/** A binary heap whose top may change its size. */
class Heap {
  readonly #items: Draft[]
  readonly #before: (a: Draft, b: Draft) => boolean

  constructor(items: readonly Draft[], before: (a: Draft, b: Draft) => boolean) {
    this.#before = before
    // An ordered list is a heap.
    this.#items = [...items].sort((a, b) => (before(a, b) ? -1 : before(b, a) ? 1 : 0))
  }

  get top(): Draft | undefined {
    return this.#items[0]
  }

  drop(): void {
    const last = this.#items.pop()
    if (last === undefined || this.#items.length === 0) return
    this.#items[0] = last
    this.settle()
  }

  /** The top has changed. */
  settle(): void {
    const items = this.#items
    for (let at = 0; ; ) {
      const left = 2 * at + 1
      let first = at
      for (const child of [left, left + 1]) {
        const item = items[child]
        if (item !== undefined && this.#before(item, items[first] as Draft)) first = child
      }
      if (first === at) return
      const item = items[at] as Draft
      items[at] = items[first] as Draft
      items[first] = item
      at = first
    }
  }
}
