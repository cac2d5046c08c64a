import { KafkaError } from '../../../src/core/errors.ts'
import { readAssignment } from '../../../src/group/consumer/consumer-protocol.ts'
import type { CommitReply, CommitRequest } from '../../../src/group/contract.ts'
import type {
  ConsumerGroupHeartbeatRequest,
  ConsumerGroupHeartbeatResponse,
} from '../../../src/protocol/messages/consumer-group-heartbeat.ts'
import type {
  HeartbeatRequest,
  HeartbeatResponse,
} from '../../../src/protocol/messages/heartbeat.ts'
import type {
  JoinGroupRequest,
  JoinGroupResponse,
} from '../../../src/protocol/messages/join-group.ts'
import type { LeaveGroupRequest } from '../../../src/protocol/messages/leave-group.ts'
import type {
  SyncGroupRequest,
  SyncGroupResponse,
} from '../../../src/protocol/messages/sync-group.ts'
import { ownedIn } from '../actors/consumer-protocol.ts'
import type { Invariant } from './invariant.ts'

/** Answers leave a little after they were decided: commits take time. */
const SLACK_MS = 6_000
const NEVER = Number.POSITIVE_INFINITY

interface Held {
  readonly isClassic: boolean
  /** Said by the member, not contradicted since. */
  owned: Set<number>
  /** Given to it last. */
  given: Set<number>
  /** When it was last heard; of a classic member, when it was last told that it may go on. */
  heardMs: number
  epoch: number
  /** When it was first told to give something up that it still has. */
  revokingSinceMs: number
  /** When an answer that nobody read told it so: the coordinator's time for it runs all the same. */
  untoldSinceMs: number
  /** Since when a heartbeat may have had such a consequence, of which nobody was told. */
  unansweredMs: number
}

export interface EpochOptions {
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  /** Where members of the classic protocol take part. */
  readonly classicSessionTimeoutMs?: number
}

/**
 * A partition is never given to a member while another, that is not fenced, may have it: it was given to
 * that one and has not been given back; only silence for a session, or a revocation (of a classic member:
 * a rebalance) that outlasts the rebalance timeout, ends what it has. Epochs of a member only grow, and a
 * commit is taken at its own.
 */
export function oneOwnerPerEpoch(options: EpochOptions): Invariant {
  const { sessionTimeoutMs, rebalanceTimeoutMs, classicSessionTimeoutMs = NEVER } = options
  const members = new Map<string, Held>()
  /** Of whom a commit is, when it came: it is answered later than what was decided after it. */
  const committers = new WeakMap<CommitRequest, number>()
  const instances = new Map<string, string>()
  /** The heartbeat that each member sent last, of those that came: one that it gave up on may come after it. */
  const latest = new Map<
    string,
    { readonly request: ConsumerGroupHeartbeatRequest; readonly sentMs: number }
  >()

  function known(memberId: string, isClassic: boolean, atMs: number): Held {
    const before = members.get(memberId)
    if (before?.isClassic === isClassic) return before
    const held: Held = {
      isClassic,
      owned: new Set(),
      given: new Set(),
      heardMs: atMs,
      epoch: 0,
      revokingSinceMs: NEVER,
      untoldSinceMs: NEVER,
      unansweredMs: NEVER,
    }
    members.set(memberId, held)
    return held
  }

  /** A static member that comes again takes the place of the one before. */
  function replaces(instanceId: string | null, memberId: string): void {
    if (instanceId === null) return
    const before = instances.get(instanceId)
    if (before !== undefined && before !== memberId) members.delete(before)
    instances.set(instanceId, memberId)
  }

  function isExpelled(held: Held, atMs: number): boolean {
    const { isClassic, heardMs, revokingSinceMs, untoldSinceMs } = held
    const silentMs = isClassic
      ? Math.min(classicSessionTimeoutMs, rebalanceTimeoutMs)
      : sessionTimeoutMs
    return (
      atMs - heardMs >= silentMs - SLACK_MS ||
      atMs - Math.min(revokingSinceMs, untoldSinceMs) >= rebalanceTimeoutMs - SLACK_MS
    )
  }

  function conflict(memberId: string, held: Held, atMs: number): string | null {
    for (const [other, theirs] of members) {
      if (other === memberId || isExpelled(theirs, atMs)) continue
      for (const partition of held.given) {
        if (theirs.owned.has(partition) || theirs.given.has(partition)) {
          return `${partition} was given to ${memberId}@${held.epoch} while ${other}@${theirs.epoch} has it`
        }
      }
    }
    return null
  }

  function moved(memberId: string, held: Held, epoch: number): string | null {
    const before = held.epoch
    held.epoch = epoch
    return epoch < before ? `${memberId} from ${before} to ${epoch}` : null
  }

  function consumerHeartbeat(
    request: ConsumerGroupHeartbeatRequest,
    reply: ConsumerGroupHeartbeatResponse,
    atMs: number,
  ): string | null {
    const { memberId, instanceId, memberEpoch } = request
    if (reply.errorCode !== KafkaError.NONE) {
      if (isOver(reply.errorCode)) members.delete(memberId)
      return null
    }
    if (memberEpoch < 0) {
      members.delete(memberId)
      return null
    }
    const last = latest.get(memberId)?.request ?? request
    // It has said since that it goes.
    if (last.memberEpoch < 0) return null
    replaces(instanceId, memberId)
    const held = known(memberId, false, atMs)
    held.heardMs = atMs
    if (memberEpoch === 0) held.epoch = 0
    const backwards = moved(memberId, held, reply.memberEpoch)
    if (backwards !== null) return backwards
    if (memberEpoch === 0) held.owned = new Set()
    // A member asks again when it has given up on the answer: nobody reads that any more.
    const isRead = last === request
    if (reply.assignment != null) {
      const given = new Set(reply.assignment.topicPartitions.flatMap((one) => one.partitions))
      const takes = [...held.given].some((partition) => !given.has(partition))
      if (isRead) {
        held.given = given
        held.untoldSinceMs = NEVER
      } else if (takes) {
        held.untoldSinceMs = Math.min(held.untoldSinceMs, held.unansweredMs, atMs)
      }
    }
    const revokes = [...held.owned].some((partition) => !held.given.has(partition))
    if (!revokes) held.revokingSinceMs = NEVER
    else held.revokingSinceMs = Math.min(held.revokingSinceMs, held.unansweredMs, atMs)
    held.unansweredMs = NEVER
    return conflict(memberId, held, atMs)
  }

  function sync(request: SyncGroupRequest, reply: SyncGroupResponse, atMs: number): string | null {
    const { memberId, generationId } = request
    if (isOver(reply.errorCode)) members.delete(memberId)
    if (reply.errorCode !== KafkaError.NONE) return null
    const held = known(memberId, true, atMs)
    held.heardMs = atMs
    held.owned = new Set()
    held.given = new Set(readAssignment(reply.assignment)?.flatMap((one) => one.partitions) ?? [])
    return moved(memberId, held, generationId) ?? conflict(memberId, held, atMs)
  }

  function commit(request: CommitRequest, reply: CommitReply): string | null {
    const { memberId, generationOrEpoch } = request
    const isTaken = reply.topics[0]?.errors.includes(KafkaError.NONE)
    const epoch = committers.get(request)
    return isTaken && epoch !== undefined && generationOrEpoch < epoch
      ? `a commit of ${memberId} at ${generationOrEpoch} was taken at ${epoch}`
      : null
  }

  return {
    name: 'one-owner-per-partition-per-epoch',
    arrived({ method, args, sentMs, atMs }) {
      if (method === 'consumerHeartbeat') {
        const request = args[0] as ConsumerGroupHeartbeatRequest
        const { memberId, memberEpoch, topicPartitions } = request
        // Who says that it goes, or what it has, may have been heard even if it is not answered.
        const held = members.get(memberId)
        if (held !== undefined) held.unansweredMs = Math.min(held.unansweredMs, atMs)
        if (sentMs >= (latest.get(memberId)?.sentMs ?? 0)) latest.set(memberId, { request, sentMs })
        if (memberEpoch < 0) members.delete(memberId)
        else if (topicPartitions !== null && held !== undefined) {
          const says = topicPartitions.flatMap((one) => one.partitions)
          // Of an epoch that it has left: a request that comes late, or twice, may say what is over.
          const isOld = memberEpoch > 0 && memberEpoch < held.epoch
          held.owned = new Set(isOld ? says.filter((one) => held.owned.has(one)) : says)
          if (memberEpoch === 0) held.given = new Set()
        }
      } else if (method === 'joinGroup') {
        const { memberId, protocols } = args[0] as JoinGroupRequest
        const held = members.get(memberId)
        if (held === undefined) return
        // It has what it says, unless it was never given that.
        const says = protocols.flatMap(({ metadata }) => ownedIn(metadata))
        held.owned = new Set(says.filter((one) => held.given.has(one) || held.owned.has(one)))
        held.given = new Set()
      } else if (method === 'commitOffsets') {
        const request = args[0] as CommitRequest
        const epoch = members.get(request.memberId)?.epoch
        if (epoch !== undefined) committers.set(request, epoch)
      } else if (method === 'leaveGroup') {
        for (const { memberId } of (args[0] as LeaveGroupRequest).members) members.delete(memberId)
      }
    },
    served({ method, args, result, atMs }) {
      const [request] = args
      switch (method) {
        case 'consumerHeartbeat':
          return consumerHeartbeat(
            request as ConsumerGroupHeartbeatRequest,
            result as ConsumerGroupHeartbeatResponse,
            atMs,
          )
        case 'joinGroup': {
          const { errorCode, memberId } = result as JoinGroupResponse
          if (isOver(errorCode)) members.delete((request as JoinGroupRequest).memberId)
          if (errorCode !== KafkaError.NONE) return null
          replaces((request as JoinGroupRequest).groupInstanceId, memberId)
          const before = members.get(memberId)
          // It was put out, and it may be another group that it comes to.
          if (before !== undefined && isExpelled(before, atMs)) members.delete(memberId)
          known(memberId, true, atMs)
          return null
        }
        case 'syncGroup':
          return sync(request as SyncGroupRequest, result as SyncGroupResponse, atMs)
        case 'heartbeat': {
          const { memberId } = request as HeartbeatRequest
          const { errorCode } = result as HeartbeatResponse
          if (isOver(errorCode)) members.delete(memberId)
          const held = members.get(memberId)
          if (held !== undefined && errorCode === KafkaError.NONE) held.heardMs = atMs
          return null
        }
        case 'commitOffsets':
          return commit(request as CommitRequest, result as CommitReply)
        default:
          return null
      }
    },
  }
}

/** What tells a member that it has nothing any more. */
function isOver(errorCode: number): boolean {
  return (
    errorCode === KafkaError.FENCED_MEMBER_EPOCH ||
    errorCode === KafkaError.UNKNOWN_MEMBER_ID ||
    errorCode === KafkaError.ILLEGAL_GENERATION ||
    errorCode === KafkaError.FENCED_INSTANCE_ID
  )
}
