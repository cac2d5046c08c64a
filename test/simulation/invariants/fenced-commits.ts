import { KafkaError } from '../../../src/core/errors.ts'
import type { CommitReply, CommitRequest } from '../../../src/group/contract.ts'
import type {
  HeartbeatRequest,
  HeartbeatResponse,
} from '../../../src/protocol/messages/heartbeat.ts'
import type {
  SyncGroupRequest,
  SyncGroupResponse,
} from '../../../src/protocol/messages/sync-group.ts'
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

/** What a member commits is never behind what a member before it has committed. */
export function offsetsNeverGoBack(): Invariant {
  const committed = new Map<number, { readonly memberId: string; readonly offset: number }>()
  return {
    name: 'committed-offsets-never-go-back-to-a-predecessors',
    served({ method, args, result, sentMs, atMs }) {
      if (method !== 'commitOffsets') return null
      const isAbandoned = atMs - sentMs >= ABANDONED_MS
      const { memberId, topics } = args[0] as CommitRequest
      const reply = result as CommitReply
      for (const [at, { partition, offset }] of (topics[0]?.partitions ?? []).entries()) {
        if (reply.topics[0]?.errors[at] !== KafkaError.NONE) continue
        const before = isAbandoned ? undefined : committed.get(partition)
        if (before !== undefined && before.memberId !== memberId && offset < before.offset) {
          return `partition ${partition}: ${memberId} at ${offset} after ${before.memberId} at ${before.offset}`
        }
        if (before === undefined || offset >= before.offset) {
          committed.set(partition, { memberId, offset })
        }
      }
      return null
    },
  }
}
