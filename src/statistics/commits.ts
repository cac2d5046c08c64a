// The groups as their coordinators last reported them, and how far behind they are by the ends that the logs last
// reported. A group that is dead goes on falling behind, for its logs go on. Not the lag in time, which only the logs
// themselves can tell (http/group-offsets.ts).

import type { TopicId } from '../core/ids.ts'
import { STATISTICS_OFFSETS } from '../core/limits/statistics.ts'
import type {
  GroupFigures,
  GroupReport,
  ReportedOffsets,
  TopicGroup,
  TopicLag,
} from './contract.ts'
import type { Logs } from './logs.ts'

/** What a group has committed of a topic. */
export interface CommittedTopic {
  name: string
  readonly partitions: Map<number, number>
}

/** One group. */
export interface KnownGroup {
  readonly groupId: string
  type: 'classic' | 'consumer'
  state: string
  members: number
  reportedMs: number
  readonly topics: Map<TopicId, CommittedTopic>
}

/** See the head of this file. */
export class Commits {
  readonly #groups = new Map<string, KnownGroup>()
  /** The groups that have offsets of a topic. */
  readonly #byTopic = new Map<TopicId, Set<string>>()
  readonly #logs: Logs
  readonly #most: number
  #size = 0
  #left = 0

  constructor(logs: Logs, most: number = STATISTICS_OFFSETS) {
    this.#logs = logs
    this.#most = most
  }

  /** Offsets held. */
  get size(): number {
    return this.#size
  }

  /** Offsets that there was no room for, each time they were reported. */
  get left(): number {
    return this.#left
  }

  get groups(): ReadonlyMap<string, KnownGroup> {
    return this.#groups
  }

  /** Topics that somebody has offsets of. */
  topicIds(): IterableIterator<TopicId> {
    return this.#byTopic.keys()
  }

  /** Takes a report. Answers the topics of the group of which something is new. */
  report(report: GroupReport, nowMs: number): ReadonlySet<TopicId> {
    const { groupId, state, type, members, topics, whole } = report
    const altered = new Set<TopicId>()
    const known = this.#groups.get(groupId)
    if (whole || report.gone) {
      for (const topicId of known?.topics.keys() ?? []) {
        altered.add(topicId)
        this.#forgetTopic(groupId, topicId)
      }
    }
    if (report.gone) {
      this.#groups.delete(groupId)
      return altered
    }
    const group = known ?? { groupId, type, state, members, reportedMs: nowMs, topics: new Map() }
    this.#groups.set(groupId, Object.assign(group, { type, state, members, reportedMs: nowMs }))
    for (const topic of topics) {
      altered.add(topic.topicId)
      this.#take(group, topic)
    }
    return altered
  }

  /** As it was kept. */
  restore(group: Omit<KnownGroup, 'topics'>): void {
    this.#groups.set(group.groupId, { ...group, topics: new Map() })
  }

  restoreOffsets(groupId: string, offsets: ReportedOffsets): void {
    const group = this.#groups.get(groupId)
    if (group !== undefined) this.#take(group, offsets)
  }

  /** The topic is no more. Answers the groups that had to do with it. */
  forgetTopic(topicId: TopicId): readonly string[] {
    const groups = [...(this.#byTopic.get(topicId) ?? [])]
    for (const groupId of groups) this.#forgetTopic(groupId, topicId)
    return groups
  }

  #take(group: KnownGroup, { topicId, name, partitions }: ReportedOffsets): void {
    const topic = group.topics.get(topicId) ?? { name, partitions: new Map<number, number>() }
    topic.name = name
    for (const [partition, committed] of partitions) {
      const isNew = !topic.partitions.has(partition)
      if (committed < 0) {
        if (topic.partitions.delete(partition)) this.#size -= 1
        continue
      }
      if (isNew && this.#size >= this.#most) {
        this.#left += 1
        continue
      }
      if (isNew) this.#size += 1
      topic.partitions.set(partition, committed)
    }
    if (topic.partitions.size === 0) {
      this.#forgetTopic(group.groupId, topicId)
      return
    }
    group.topics.set(topicId, topic)
    const readers = this.#byTopic.get(topicId) ?? new Set<string>()
    this.#byTopic.set(topicId, readers.add(group.groupId))
  }

  #forgetTopic(groupId: string, topicId: TopicId): void {
    const topics = this.#groups.get(groupId)?.topics
    this.#size -= topics?.get(topicId)?.partitions.size ?? 0
    topics?.delete(topicId)
    const readers = this.#byTopic.get(topicId)
    readers?.delete(groupId)
    if (readers?.size === 0) this.#byTopic.delete(topicId)
  }

  /** Records from a committed offset to the end; null when the end is not known. */
  lagOf(topicId: TopicId, partition: number, committed: number): number | null {
    const log = this.#logs.of(topicId).get(partition)
    return log === undefined ? null : Math.max(0, log.end - committed)
  }

  #topicLag(topicId: TopicId, { partitions }: CommittedTopic): number {
    let lag = 0
    for (const [partition, committed] of partitions) {
      lag += this.lagOf(topicId, partition, committed) ?? 0
    }
    return lag
  }

  /** A group with its lag. */
  figures({ groupId, type, state, members, reportedMs, topics }: KnownGroup): GroupFigures {
    let lag = 0
    for (const [topicId, topic] of topics) lag += this.#topicLag(topicId, topic)
    return { groupId, type, state, members, lag, topics: topics.size, reportedMs }
  }

  /** Those who read a topic, most behind in it first. */
  readersOf(topicId: TopicId): TopicGroup[] {
    const readers: TopicGroup[] = []
    for (const groupId of this.#byTopic.get(topicId) ?? []) {
      const group = this.#groups.get(groupId)
      const topic = group?.topics.get(topicId)
      if (group === undefined || topic === undefined) continue
      const topicLag = this.#topicLag(topicId, topic)
      readers.push({ ...this.figures(group), topicLag, partitions: topic.partitions.size })
    }
    return readers.sort((a, b) => b.topicLag - a.topicLag || compare(a.groupId, b.groupId))
  }

  /** Who is furthest behind in a topic; null when nobody reads it. */
  worstOf(topicId: TopicId): TopicLag | null {
    let worst: TopicLag | null = null
    for (const groupId of this.#byTopic.get(topicId) ?? []) {
      const topic = this.#groups.get(groupId)?.topics.get(topicId)
      if (topic === undefined) continue
      const lag = this.#topicLag(topicId, topic)
      if (worst === null || lag > worst.lag) worst = { groupId, lag }
    }
    return worst
  }
}

/** Most lag first, then by name. */
export function byLag(a: GroupFigures, b: GroupFigures): number {
  return b.lag - a.lag || compare(a.groupId, b.groupId)
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
