// What the members' names and patterns come to, given the topics there are: topic ids to assign, names
// subscribed to, and a fingerprint that changes when either side does. Patterns are compiled once and
// matched once per metadata; of what one matches a member gets what its principal may see (views.ts). Not who
// is a member (roster.ts).

import type { GroupMetadata, GroupTopic } from '../../cluster/contract.ts'
import type { TopicId } from '../../core/ids.ts'
import { PATTERNS_PER_GROUP } from '../../core/limits/coordinators.ts'
import { compilePattern, type Pattern } from '../../core/patterns.ts'
import type { TopicToJudge, Verdict } from '../contract.ts'
import type { ConsumerMember } from './member.ts'
import { Views } from './views.ts'

interface HeldPattern {
  readonly compiled: Pattern
  /** What it matches in the metadata; undefined until asked. */
  topics: readonly GroupTopic[] | undefined
}

/** Resolves subscriptions against the newest metadata. */
export class Subscriptions {
  #metadata: GroupMetadata | undefined
  readonly #byName = new Map<string, GroupTopic>()
  readonly #byId = new Map<TopicId, GroupTopic>()
  readonly #patterns = new Map<string, HeldPattern>()
  readonly #views = new Views()

  /** Takes metadata over; true when it is other than before. */
  learn(metadata: GroupMetadata): boolean {
    if (metadata === this.#metadata) return false
    this.#metadata = metadata
    this.#byName.clear()
    this.#byId.clear()
    for (const topic of metadata.topics) {
      this.#byName.set(topic.name, topic)
      this.#byId.set(topic.id, topic)
    }
    for (const held of this.#patterns.values()) held.topics = undefined
    this.#views.topicsChanged((id) => this.#byId.has(id))
    return true
  }

  topicById(id: TopicId): GroupTopic | undefined {
    return this.#byId.get(id)
  }

  topicByName(name: string): GroupTopic | undefined {
    return this.#byName.get(name)
  }

  /** Undefined when this pattern can be subscribed to, else what is wrong with it. */
  refusePattern(text: string): string | undefined {
    if (this.#patterns.has(text)) return undefined
    if (this.#patterns.size >= PATTERNS_PER_GROUP) {
      return `the group has ${PATTERNS_PER_GROUP} patterns already`
    }
    const compiled = compilePattern(text)
    if (typeof compiled === 'string') return compiled
    this.#patterns.set(text, { compiled, topics: undefined })
    return undefined
  }

  /** Forgets patterns and principals that no member has. */
  retainPatterns(members: Iterable<ConsumerMember>): void {
    if (this.#patterns.size === 0) return
    const used = new Set<string>()
    const viewers = new Set<string>()
    for (const { pattern, viewer } of members) {
      used.add(pattern)
      viewers.add(viewer)
    }
    for (const text of this.#patterns.keys()) if (!used.has(text)) this.#patterns.delete(text)
    this.#views.retain(viewers)
  }

  /** Whether the group has room for what one more principal may see. */
  hasRoomFor(viewer: string): boolean {
    return this.#views.hasRoomFor(viewer)
  }

  /** For a member that was loaded: it may see what it was assigned, until that is judged. */
  presume({ viewer, target }: ConsumerMember): void {
    if (viewer !== '') this.#views.presume(viewer, target.keys())
  }

  /** Topics of which must be known whether this member may see them; none while that is known of all. */
  toJudge({ viewer, pattern }: ConsumerMember, nowMs: number): readonly TopicToJudge[] {
    if (viewer === '') return []
    const ids = this.#views.toJudge(viewer, pattern, this.#matched(pattern), nowMs)
    return ids.flatMap((id) => {
      const name = this.#byId.get(id)?.name
      return name === undefined ? [] : [{ id, name }]
    })
  }

  /** Takes over what this member may see; true when that is other than before. */
  judge({ viewer }: ConsumerMember, verdict: Verdict, nowMs: number): boolean {
    return this.#views.judge(viewer, verdict, (id) => this.#byId.has(id), nowMs)
  }

  /** The topics of every member's subscription that there are, in their order; shared where alike. */
  resolve(members: Iterable<ConsumerMember>): (readonly TopicId[])[] {
    const resolved: (readonly TopicId[])[] = []
    const known = new Map<readonly string[], Map<string, readonly TopicId[]>>()
    let last: ConsumerMember | undefined
    let topicIds: readonly TopicId[] = []
    for (const member of members) {
      const { topicNames, pattern, viewer } = member
      if (topicNames !== last?.topicNames || pattern !== last.pattern || viewer !== last.viewer) {
        const byPattern = known.get(topicNames) ?? new Map<string, readonly TopicId[]>()
        known.set(topicNames, byPattern)
        const key = seenBy(member)
        topicIds = byPattern.get(key) ?? this.#topicIds(member)
        byPattern.set(key, topicIds)
        last = member
      }
      resolved.push(topicIds)
    }
    return resolved
  }

  /** Every topic that some member subscribes to and that there is. */
  topics(members: Iterable<ConsumerMember>): Map<TopicId, GroupTopic> {
    const topics = new Map<TopicId, GroupTopic>()
    for (const topicIds of new Set(this.resolve(members))) {
      for (const id of topicIds) {
        const topic = this.#byId.get(id)
        if (topic !== undefined) topics.set(id, topic)
      }
    }
    return topics
  }

  /** Names that some member subscribes to, and those that a pattern matches. */
  names(members: Iterable<ConsumerMember>): ReadonlySet<string> {
    const names = new Set<string>()
    const seen = new Set<readonly string[] | string>()
    for (const member of members) {
      const { topicNames } = member
      if (!seen.has(topicNames)) for (const name of topicNames) names.add(name)
      seen.add(topicNames)
      const key = seenBy(member)
      if (seen.has(key)) continue
      seen.add(key)
      for (const { name } of this.#shown(member)) names.add(name)
    }
    return names
  }

  #topicIds(member: ConsumerMember): TopicId[] {
    const ids = new Set<TopicId>()
    for (const name of member.topicNames) {
      const topic = this.#byName.get(name)
      if (topic !== undefined) ids.add(topic.id)
    }
    for (const { id } of this.#shown(member)) ids.add(id)
    return [...ids].sort()
  }

  /** What a member's pattern matches and it may see. */
  #shown({ pattern, viewer }: ConsumerMember): readonly GroupTopic[] {
    if (pattern === '') return []
    const matched = this.#matched(pattern)
    if (viewer === '') return matched
    return matched.filter(({ id }) => this.#views.isShown(viewer, id))
  }

  /** Nothing for a pattern that does not compile: one kept by an older version of the engine. */
  #matched(text: string): readonly GroupTopic[] {
    if (!this.#patterns.has(text) && this.refusePattern(text) !== undefined) return []
    const held = this.#patterns.get(text)
    if (held === undefined) return []
    held.topics ??= (this.#metadata?.topics ?? []).filter(({ name }) => held.compiled.matches(name))
    return held.topics
  }
}

/** The same for members whose patterns give them the same topics. A principal has no line break. */
function seenBy({ pattern, viewer }: ConsumerMember): string {
  return `${viewer}\n${pattern}`
}

/** Two topics' sets with the same fingerprint have the same ids and numbers of partitions. */
export function fingerprint(topics: ReadonlyMap<TopicId, GroupTopic>): string {
  const parts = [...topics.values()].map(({ id, partitions }) => `${id}:${partitions}`).sort()
  let low = 0x811c9dc5
  let high = 0x9747b28c
  for (const part of parts) {
    for (let at = 0; at < part.length; at += 1) {
      const code = part.charCodeAt(at)
      low = Math.imul(low ^ code, 0x01000193)
      high = Math.imul(high ^ code, 0x5bd1e995)
      high ^= high >>> 15
    }
  }
  return `${parts.length}.${(low >>> 0).toString(36)}.${(high >>> 0).toString(36)}`
}
