// A group as a whole: its membership of either kind beside its offsets, how it comes into being and
// vanishes, and when something of it expires. Not what requests do to it (membership-requests.ts,
// commits.ts, offset-requests.ts).

import { type ErrorCode, KafkaError } from '../core/errors.ts'
import type { TopicId } from '../core/ids.ts'
import { ClassicGroup } from './classic/classic-group.ts'
import { ConsumerGroup } from './consumer/consumer-group.ts'
import type { ConsumerMembership, Membership, Surroundings } from './membership.ts'
import { type KeptOffsets, type OffsetChange, Offsets } from './offsets.ts'
import { expire, nextExpiryMs } from './offsets-expiry.ts'
import { Verifications } from './offsets-verification.ts'
import { type Outcome, take, write } from './outcome.ts'
import { type GroupSettings, groupSettings } from './settings.ts'

/** What is on disk of a group that exists. */
export interface KeptGroupState {
  readonly groupId: string
  readonly type: 'classic' | 'consumer'
  /** As last known: a load knows the timeouts before Cluster has said them again. */
  readonly settings: GroupSettings
  readonly rows: ReadonlyMap<string, string>
  readonly offsets: KeptOffsets
}

const NEVER = Number.POSITIVE_INFINITY

/** Whether this is a membership of KIP-848's kind. */
export function isConsumer(membership: Membership | null): membership is ConsumerMembership {
  return membership?.type === 'consumer'
}

/** See the head of this file. */
export class WholeGroup {
  readonly offsets: Offsets
  readonly verifications: Verifications
  /** null: the group does not exist. */
  membership: Membership | null = null
  groupId: string | null
  settings: GroupSettings
  /** The topics that Cluster said are alive, with their numbers of partitions. */
  topics: ReadonlyMap<TopicId, number> = new Map()
  #keptSettings: string
  /** When the offsets or the group itself may have expired. */
  #expiryDueMs = NEVER
  /** Of what the time above depends on. */
  #expiryKey = ''

  constructor(kept: KeptGroupState | null, nowMs: number) {
    this.groupId = kept?.groupId ?? null
    this.settings = kept?.settings ?? groupSettings({})
    this.#keptSettings = JSON.stringify(kept?.settings ?? null)
    this.offsets = new Offsets(kept?.offsets)
    this.verifications = new Verifications(this.offsets.openTransactions())
    if (kept === null) return
    this.membership =
      kept.type === 'classic'
        ? ClassicGroup.load(kept.rows, nowMs)
        : ConsumerGroup.load(kept.rows, nowMs, this.settings)
    this.#planExpiry(nowMs)
  }

  get expiryDueMs(): number {
    return this.#expiryDueMs
  }

  /** Takes a membership instead of the present one, whose rows go. */
  become(membership: Membership, out: Outcome, { groupId }: Surroundings): void {
    for (const key of this.membership?.rows() ?? []) {
      out.changes.push({ kind: 'row', row: { kind: 'delete', key } })
    }
    this.membership = membership
    this.groupId = groupId
    out.changes.push({ kind: 'group', groupId, type: membership.type })
    this.keepSettings(out)
  }

  /** Who commits without being a member makes the group exist. */
  found(out: Outcome, now: Surroundings): void {
    if (this.membership !== null) return
    const made = ClassicGroup.empty(now.nowMs)
    this.become(made, out, now)
    take(made.found(now.nowMs), out)
  }

  /** What Cluster has told is kept for the next load. */
  keepSettings(out: Outcome): void {
    const settings = JSON.stringify(this.settings)
    if (settings === this.#keptSettings) return
    this.#keptSettings = settings
    out.changes.push({ kind: 'settings', settings })
  }

  /** DeleteGroups: only of a group that nobody is in. */
  delete(out: Outcome): ErrorCode {
    if (this.membership === null) return KafkaError.GROUP_ID_NOT_FOUND
    if (!this.membership.isEmpty) return KafkaError.NON_EMPTY_GROUP
    this.#vanish(out)
    return KafkaError.NONE
  }

  // Expiry.

  /** Drops what has expired. */
  expire(out: Outcome, { nowMs, settings }: Surroundings): void {
    const membership = this.membership
    if (membership === null) return
    write(expire(this.offsets, membership, settings.offsetsRetentionMs, nowMs), out)
    if (this.#isAbandoned(membership)) this.#vanish(out)
    else this.#planExpiry(nowMs)
  }

  /** The next look is planned anew. */
  planAnew(): void {
    this.#expiryKey = ''
  }

  /** After each command: what has changed may expire at another time. */
  planExpiry(nowMs: number): void {
    if (this.#expiryKey !== this.#describeExpiry()) this.#planExpiry(nowMs)
  }

  /** A commit can only bring the time forward that is known. */
  expiresWith(change: OffsetChange, { settings, nowMs }: Surroundings): void {
    if (change.kind !== 'commit') return
    const expiresMs = change.kept.expiresMs ?? nowMs + settings.offsetsRetentionMs
    this.#expiryDueMs = Math.min(this.#expiryDueMs, Math.max(expiresMs, nowMs))
  }

  /** Nobody is in it or about to come, and there is nothing to keep. */
  #isAbandoned(membership: Membership): boolean {
    return membership.isEmpty && membership.deadlineMs === NEVER && this.offsets.size === 0
  }

  #vanish(out: Outcome): void {
    this.offsets.forgetTopics(this.offsets.topicIds())
    this.verifications.forget()
    this.membership = null
    this.#keptSettings = ''
    this.#expiryDueMs = NEVER
    out.changes.push({ kind: 'gone' })
  }

  #planExpiry(nowMs: number): void {
    const membership = this.membership
    this.#expiryKey = this.#describeExpiry()
    this.#expiryDueMs = NEVER
    if (membership === null) return
    const { offsetsRetentionMs, offsetsRetentionCheckMs } = this.settings
    // Kafka looks every now and then; an offset that has expired already waits for the next look.
    const soonestMs = nowMs + Math.min(offsetsRetentionCheckMs, offsetsRetentionMs)
    const offsetMs = nextExpiryMs(this.offsets, membership, offsetsRetentionMs)
    if (offsetMs !== NEVER) this.#expiryDueMs = Math.max(offsetMs, soonestMs)
    if (membership.isEmpty && this.offsets.size === 0) {
      const sinceMs = membership.emptySinceMs ?? nowMs
      this.#expiryDueMs = Math.max(sinceMs + offsetsRetentionCheckMs, nowMs)
    }
  }

  #describeExpiry(): string {
    const membership = this.membership
    if (membership === null) return '-'
    const { offsetsRetentionMs, offsetsRetentionCheckMs } = this.settings
    const isEmptyOfOffsets = this.offsets.size === 0
    return `${membership.type} ${membership.state} ${isEmptyOfOffsets} ${offsetsRetentionMs} ${offsetsRetentionCheckMs}`
  }
}
