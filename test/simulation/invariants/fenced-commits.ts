import { KafkaError } from '../../../src/core/errors.ts'
import { readAssignment } from '../../../src/group/consumer/consumer-protocol.ts'
import type { CommitReply, CommitRequest } from '../../../src/group/contract.ts'
import type { ConsumerGroupHeartbeatResponse } from '../../../src/protocol/messages/consumer-group-heartbeat.ts'
import type {
  HeartbeatRequest,
  HeartbeatResponse,
} from '../../../src/protocol/messages/heartbeat.ts'
import type {
  JoinGroupRequest,
  JoinGroupResponse,
} from '../../../src/protocol/messages/join-group.ts'
import type {
  SyncGroupRequest,
  SyncGroupResponse,
} from '../../../src/protocol/messages/sync-group.ts'
import { ownedIn } from '../actors/consumer-protocol.ts'
import type { Invariant } from './invariant.ts'

/**
 * A commit that took longer to arrive than its sender waited for it comes behind what that has committed
 * since: its client is to blame, and the order begins anew.
 */
const ABANDONED_MS = 10_000

/** Once a later generation is complete, no commit of an earlier one is taken. */
export function noCommitFromFencedMember(): Invariant {
  let generation = -1
  /** The generation that was complete when a commit came: it is answered later than others after it. */
  const arrivals = new WeakMap<CommitRequest, number>()
  return {
    name: 'no-commit-from-a-fenced-member',
    arrived({ method, args }) {
      if (method === 'commitOffsets') arrivals.set(args[0] as CommitRequest, generation)
    },
    served({ method, args, result }) {
      if (method === 'syncGroup') {
        const { errorCode } = result as SyncGroupResponse
        const { generationId } = args[0] as SyncGroupRequest
        if (errorCode === KafkaError.NONE) generation = Math.max(generation, generationId)
        return null
      }
      if (method !== 'commitOffsets') return null
      const request = args[0] as CommitRequest
      const { generationOrEpoch, memberId } = request
      const { topics } = result as CommitReply
      const isTaken = topics.some(({ errors }) => errors.includes(KafkaError.NONE))
      const current = arrivals.get(request) ?? -1
      return isTaken && generationOrEpoch < current
        ? `${memberId} of ${generationOrEpoch} in ${current}`
        : null
    },
  }
}

/** Once a later generation is complete, a member of an earlier one is told so when it says that it lives. */
export function fencedMembersLearnIt(): Invariant {
  let generation = -1
  return {
    name: 'no-heartbeat-of-an-old-generation-is-good',
    served({ method, args, result }) {
      if (method === 'syncGroup') {
        const { errorCode } = result as SyncGroupResponse
        const { generationId } = args[0] as SyncGroupRequest
        if (errorCode === KafkaError.NONE) generation = Math.max(generation, generationId)
        return null
      }
      if (method !== 'heartbeat' || (result as HeartbeatResponse).errorCode !== KafkaError.NONE) {
        return null
      }
      const { generationId, memberId } = args[0] as HeartbeatRequest
      return generationId < generation ? `${memberId} of ${generationId} in ${generation}` : null
    },
  }
}

/**
 * What a member commits is never behind what a member before it has committed. Except, as in Kafka: who was
 * put out of a group and joins it under its old id is taken at its word about what it still has, so that it
 * goes on from where it was.
 */
export function offsetsNeverGoBack(): Invariant {
  const committed = new Map<number, { readonly memberId: string; readonly offset: number }>()
  /** Who was given a partition last. */
  const owners = new Map<number, string>()
  /** Who claimed a partition that somebody else was given since, and has not lost it again. */
  const claimants = new Map<number, Set<string>>()

  function given(memberId: string, partitions: readonly number[]): void {
    for (const [partition, claiming] of claimants) {
      if (!partitions.includes(partition)) claiming.delete(memberId)
    }
    for (const partition of partitions) owners.set(partition, memberId)
  }

  function joined({ protocols }: JoinGroupRequest, { memberId }: JoinGroupResponse): void {
    for (const partition of protocols.flatMap(({ metadata }) => ownedIn(metadata))) {
      if (owners.get(partition) === memberId) continue
      const claiming = claimants.get(partition) ?? new Set()
      claimants.set(partition, claiming.add(memberId))
    }
  }

  function commit(
    { memberId, topics }: CommitRequest,
    reply: CommitReply,
    isAbandoned: boolean,
  ): string | null {
    for (const [at, { partition, offset }] of (topics[0]?.partitions ?? []).entries()) {
      if (reply.topics[0]?.errors[at] !== KafkaError.NONE) continue
      const isAnew = isAbandoned || claimants.get(partition)?.delete(memberId) === true
      const before = isAnew ? undefined : committed.get(partition)
      if (before !== undefined && before.memberId !== memberId && offset < before.offset) {
        return `partition ${partition}: ${memberId} at ${offset} after ${before.memberId} at ${before.offset}`
      }
      if (before === undefined || offset >= before.offset) {
        committed.set(partition, { memberId, offset })
      }
    }
    return null
  }

  return {
    name: 'committed-offsets-never-go-back-to-a-predecessors',
    arrived({ method, args, sentMs, atMs }) {
      if (method !== 'commitOffsets' || atMs - sentMs < ABANDONED_MS) return
      // It may be taken, and its answer lost.
      const { topics } = args[0] as CommitRequest
      for (const { partition } of topics[0]?.partitions ?? []) committed.delete(partition)
    },
    served({ method, args: [request], result, sentMs, atMs }) {
      switch (method) {
        case 'joinGroup':
          if ((result as JoinGroupResponse).errorCode !== KafkaError.NONE) return null
          joined(request as JoinGroupRequest, result as JoinGroupResponse)
          return null
        case 'syncGroup': {
          const { errorCode, assignment } = result as SyncGroupResponse
          if (errorCode !== KafkaError.NONE) return null
          const partitions = readAssignment(assignment)?.flatMap((one) => one.partitions) ?? []
          given((request as SyncGroupRequest).memberId, partitions)
          return null
        }
        case 'consumerHeartbeat': {
          const { memberId, assignment } = result as ConsumerGroupHeartbeatResponse
          if (assignment == null || memberId == null) return null
          given(
            memberId,
            assignment.topicPartitions.flatMap((one) => one.partitions),
          )
          return null
        }
        case 'commitOffsets':
          return commit(
            request as CommitRequest,
            result as CommitReply,
            atMs - sentMs >= ABANDONED_MS,
          )
        default:
          return null
      }
    },
  }
}
