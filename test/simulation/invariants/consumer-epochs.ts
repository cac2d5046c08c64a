import { KafkaError } from '../../../src/core/errors.ts'
import type { CommitReply, CommitRequest } from '../../../src/group/contract.ts'
import type {
  ConsumerGroupHeartbeatRequest,
  ConsumerGroupHeartbeatResponse,
} from '../../../src/protocol/messages/consumer-group-heartbeat.ts'
import type { Invariant } from './invariant.ts'

/** Answers leave a little after they were decided: commits take time. */
const SLACK_MS = 6_000

interface Held {
  /** Said by the member, not contradicted since. */
  owned: Set<number>
  /** Given to it last. */
  given: Set<number>
  heardMs: number
  epoch: number
  /** When it was first told to give something up that it still has. */
  revokingSinceMs: number
  /** Since when a heartbeat may have had such a consequence, of which nobody was told. */
  unansweredMs: number
}

export interface EpochOptions {
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
}

/**
 * A partition is never given to a member while another, that is not fenced, may have it: it was given to
 * that one and has not been given back; only silence for a session, or a revocation that outlasts the
 * rebalance timeout, ends what it has. Epochs of a member only grow, and a commit is taken at its own.
 */
export function oneOwnerPerEpoch(options: EpochOptions): Invariant {
  const { sessionTimeoutMs, rebalanceTimeoutMs } = options
  const members = new Map<string, Held>()
  const instances = new Map<string, string>()

  function heartbeat(
    request: ConsumerGroupHeartbeatRequest,
    reply: ConsumerGroupHeartbeatResponse,
    atMs: number,
  ): string | null {
    const { memberId, instanceId, memberEpoch } = request
    if (reply.errorCode !== KafkaError.NONE) {
      const isOver =
        reply.errorCode === KafkaError.FENCED_MEMBER_EPOCH ||
        reply.errorCode === KafkaError.UNKNOWN_MEMBER_ID
      if (isOver) members.delete(memberId)
      return null
    }
    if (memberEpoch < 0) {
      members.delete(memberId)
      return null
    }
    if (instanceId !== null) {
      const before = instances.get(instanceId)
      if (before !== undefined && before !== memberId) members.delete(before)
      instances.set(instanceId, memberId)
    }
    const held = members.get(memberId) ?? {
      owned: new Set(),
      given: new Set(),
      heardMs: atMs,
      epoch: 0,
      revokingSinceMs: Number.POSITIVE_INFINITY,
      unansweredMs: Number.POSITIVE_INFINITY,
    }
    members.set(memberId, held)
    held.heardMs = atMs
    if (memberEpoch === 0) held.epoch = 0
    if (reply.memberEpoch < held.epoch)
      return `${memberId} from ${held.epoch} to ${reply.memberEpoch}`
    held.epoch = reply.memberEpoch
    if (memberEpoch === 0) held.owned = new Set()
    if (reply.assignment != null) {
      held.given = new Set(reply.assignment.topicPartitions.flatMap((one) => one.partitions))
    }
    const revokes = [...held.owned].some((partition) => !held.given.has(partition))
    if (!revokes) held.revokingSinceMs = Number.POSITIVE_INFINITY
    else held.revokingSinceMs = Math.min(held.revokingSinceMs, held.unansweredMs, atMs)
    held.unansweredMs = Number.POSITIVE_INFINITY
    for (const [other, theirs] of members) {
      if (other === memberId) continue
      const isExpelled =
        atMs - theirs.heardMs >= sessionTimeoutMs - SLACK_MS ||
        atMs - theirs.revokingSinceMs >= rebalanceTimeoutMs - SLACK_MS
      if (isExpelled) continue
      for (const partition of held.given) {
        if (theirs.owned.has(partition) || theirs.given.has(partition)) {
          return `${partition} was given to ${memberId}@${held.epoch} while ${other}@${theirs.epoch} has it`
        }
      }
    }
    return null
  }

  return {
    name: 'one-owner-per-partition-per-epoch',
    arrived({ method, args, atMs }) {
      if (method !== 'consumerHeartbeat') return
      const { memberId, memberEpoch, topicPartitions } = args[0] as ConsumerGroupHeartbeatRequest
      // Who says that it goes, or what it has, may have been heard even if it is not answered.
      const held = members.get(memberId)
      if (held !== undefined) held.unansweredMs = Math.min(held.unansweredMs, atMs)
      if (memberEpoch < 0) members.delete(memberId)
      else if (topicPartitions !== null && held !== undefined) {
        held.owned = new Set(topicPartitions.flatMap((one) => one.partitions))
        if (memberEpoch === 0) held.given = new Set()
      }
    },
    served({ method, args, result, atMs }) {
      if (method === 'consumerHeartbeat') {
        return heartbeat(
          args[0] as ConsumerGroupHeartbeatRequest,
          result as ConsumerGroupHeartbeatResponse,
          atMs,
        )
      }
      if (method !== 'commitOffsets') return null
      const { memberId, generationOrEpoch } = args[0] as CommitRequest
      const isTaken = (result as CommitReply).topics[0]?.errors.includes(KafkaError.NONE)
      const epoch = members.get(memberId)?.epoch
      return isTaken && epoch !== undefined && generationOrEpoch < epoch
        ? `a commit of ${memberId} at ${generationOrEpoch} was taken at ${epoch}`
        : null
    },
  }
}
