import { KafkaError } from '../../../src/core/errors.ts'
import { readAssignment } from '../../../src/group/consumer/consumer-protocol.ts'
import type { JoinGroupResponse } from '../../../src/protocol/messages/join-group.ts'
import type {
  SyncGroupRequest,
  SyncGroupResponse,
} from '../../../src/protocol/messages/sync-group.ts'
import type { Invariant } from './invariant.ts'

/** In a generation each partition is given to one member, and each member the same whenever it asks. */
export function oneOwnerPerGeneration(): Invariant {
  const owners = new Map<string, string>()
  const given = new Map<string, string>()
  return {
    name: 'one-owner-per-partition-per-generation',
    served({ method, args, result }) {
      if (method !== 'syncGroup') return null
      const { memberId, groupInstanceId, generationId } = args[0] as SyncGroupRequest
      const { errorCode, assignment } = result as SyncGroupResponse
      if (errorCode !== KafkaError.NONE) return null
      // A static member that comes again has a new id and what the old one had.
      const who = groupInstanceId ?? memberId
      const partitions = (readAssignment(assignment) ?? []).flatMap((each) => each.partitions)
      const mine = `${generationId}/${who}`
      const before = given.get(mine)
      given.set(mine, partitions.join())
      if (before !== undefined && before !== partitions.join()) {
        return `generation ${generationId}: ${who} was given ${before} and then ${partitions}`
      }
      for (const partition of partitions) {
        const key = `${generationId}/${partition}`
        const owner = owners.get(key) ?? who
        owners.set(key, who)
        if (owner !== who) return `${key} was given to ${owner} and to ${who}`
      }
      return null
    },
  }
}

/**
 * Generations only grow: once one is complete (its assignments were given out) no earlier one comes back,
 * and a number is used for one set of members. One that was never complete dies with the object's
 * memory: then its members go on in the last that was, as after a failover of Kafka's coordinator.
 */
export function generationsOnlyGrow(): Invariant {
  let complete = 0
  const leaders = new Map<number, string>()
  return {
    name: 'generations-only-grow',
    served({ method, args, result }) {
      if (method === 'syncGroup') {
        const { generationId } = args[0] as SyncGroupRequest
        if ((result as SyncGroupResponse).errorCode !== KafkaError.NONE) return null
        if (generationId < complete) return `${generationId} was completed after ${complete}`
        complete = generationId
        return null
      }
      if (method !== 'joinGroup') return null
      const {
        errorCode,
        generationId = -1,
        members,
        memberId,
        leader,
      } = result as JoinGroupResponse
      if (errorCode !== KafkaError.NONE) return null
      if (generationId < complete) return `${generationId} after ${complete}`
      // Who is given the members has to assign: once in a generation.
      if (members.length === 0 || memberId !== leader) return null
      const before = leaders.get(generationId)
      const now = members
        .map((member) => member.groupInstanceId ?? member.memberId)
        .toSorted()
        .join()
      leaders.set(generationId, now)
      return before === undefined || before === now
        ? null
        : `generation ${generationId} was made of ${before} and of ${now}`
    },
  }
}
