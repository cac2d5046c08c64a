// What a member says to its coordinator (ConsumerGroupHeartbeat, KIP-848), and when: its epoch, how much it says,
// how often, and when it tries again. Not what follows from the answers (member.ts).

import { KafkaError } from '../core/errors.ts'
import type { TopicId } from '../core/ids.ts'
import { LIVE_RETRY_MAX_MS, LIVE_RETRY_MIN_MS } from '../core/limits/live.ts'
import type { ConsumerGroupHeartbeatResponse } from '../protocol/messages/consumer-group-heartbeat.ts'
import type { MemberState } from './member-state.ts'
import type { MemberIdentity, Surroundings } from './surroundings.ts'

const LEAVE_EPOCH = -1

/** See the head of this file. */
export class Heartbeats {
  readonly #surroundings: Surroundings
  readonly #asked: MemberState
  readonly #owned: () => { topicId: TopicId; partitions: number[] }[]
  #epoch: number
  /** The next one says everything: at first, when what it has has changed, after a call that failed. */
  #saysAll = true
  #dueMs = 0
  #retryMs = 0
  #waiters: (() => void)[] = []

  /** @param owned what the member has, as it is to be said */
  constructor(
    surroundings: Surroundings,
    asked: MemberState,
    owned: () => { topicId: TopicId; partitions: number[] }[],
  ) {
    this.#surroundings = surroundings
    this.#asked = asked
    this.#owned = owned
    this.#epoch = asked.epoch
  }

  /** 0: it is not in the group, as far as it knows. */
  get epoch(): number {
    return this.#epoch
  }

  /** When the next one is to be sent. */
  get dueMs(): number {
    return this.#dueMs
  }

  /** The member, for its commits. */
  get identity(): MemberIdentity {
    const { group, memberId, clientId } = this.#asked
    return { group, memberId, clientId, epoch: this.#epoch }
  }

  /** Sends one. Its answer counts from here on; what it means beside the epoch is the caller's. */
  async beat(): Promise<ConsumerGroupHeartbeatResponse> {
    const request = this.#request(this.#saysAll)
    this.#saysAll = false
    const answer = await this.#surroundings.group.heartbeat(this.identity, request)
    if (answer.errorCode === KafkaError.NONE) {
      this.#epoch = answer.memberEpoch
      this.#retryMs = 0
      // What has changed while the call was under way is to be said at once.
      this.#dueMs = this.#saysAll ? 0 : this.#surroundings.now() + answer.heartbeatIntervalMs
    } else this.#saysAll = true
    return answer
  }

  /** The next one is due at once, and says everything. */
  soon(): void {
    this.#saysAll = true
    this.#dueMs = 0
  }

  /** The next one is due when the coordinator, or whoever else could not answer, may be able to. */
  later(): void {
    this.#retryMs = Math.min(LIVE_RETRY_MAX_MS, Math.max(LIVE_RETRY_MIN_MS, 2 * this.#retryMs))
    this.#dueMs = this.#surroundings.now() + this.#retryMs
  }

  /** It is out of the group. */
  out(): void {
    this.#epoch = 0
  }

  /** Leaves the group. */
  async leave(): Promise<void> {
    const leaving = { ...this.#request(false), memberEpoch: LEAVE_EPOCH }
    await this.#surroundings.group.heartbeat(this.identity, leaving)
  }

  /** Resolves with the next settled(). */
  nextAnswer(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push(resolve)
    })
  }

  /** An answer was dealt with, or there will be no other. */
  settled(): void {
    for (const resolve of this.#waiters.splice(0)) resolve()
  }

  #request(saysAll: boolean) {
    const { group, memberId, maxPollIntervalMs, topics } = this.#asked
    return {
      groupId: group,
      memberId,
      memberEpoch: this.#epoch,
      instanceId: null,
      rackId: null,
      // As Kafka's consumer: who does not poll in time does not let go in time either.
      rebalanceTimeoutMs: saysAll ? maxPollIntervalMs : -1,
      subscribedTopicNames: saysAll ? [...topics] : null,
      subscribedTopicRegex: null,
      serverAssignor: null,
      topicPartitions: saysAll ? this.#owned() : null,
    }
  }
}
