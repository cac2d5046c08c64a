// Where a member begins to read what it was assigned: where its group has committed, else where it asked for. Not who
// assigns (member.ts).

import { type ErrorCode, KafkaError } from '../core/errors.ts'
import type { TopicId } from '../core/ids.ts'
import type { AssignedPartition } from '../http/tail/contract.ts'
import type { GroupFace, MemberIdentity, StartOptions } from './surroundings.ts'

/**
 * The partitions with the offset of each, without those of topics that are gone: the coordinator will find out, and say
 * so. An error code where nobody can say now.
 */
export async function startsOf(
  group: GroupFace,
  member: MemberIdentity,
  assigned: readonly { readonly topicId: TopicId; readonly partition: number }[],
  options: StartOptions,
): Promise<readonly AssignedPartition[] | ErrorCode> {
  const names = await group.topicNames([...new Set(assigned.map(({ topicId }) => topicId))])
  if (names === null) return KafkaError.COORDINATOR_NOT_AVAILABLE
  const alive = assigned.flatMap(({ topicId, partition }) => {
    const topic = names.get(topicId)
    return topic === undefined ? [] : [{ topic, topicId, partition }]
  })
  return alive.length === 0 ? [] : group.startOffsets(member, alive, options)
}
