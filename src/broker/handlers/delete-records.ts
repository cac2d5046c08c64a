// DeleteRecords (key 21), versions 0 to 2 (KIP-107). Moves a partition's log start offset, also into
// the middle of a batch; -1 means the high watermark. POLICY_VIOLATION unless cleanup.policy has
// delete, which the leader checks.

import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import type {
  DeleteRecordsRequest,
  DeleteRecordsResponse,
} from '../../protocol/messages/delete-records.ts'
import { Operation, Resource } from '../../security/access.ts'
import { authorised, denial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askLeader, byName } from '../routing.ts'

type PartitionRequest = DeleteRecordsRequest['topics'][number]['partitions'][number]
type PartitionResponse = DeleteRecordsResponse['topics'][number]['partitions'][number]

/** The new low watermark of each partition. */
export async function deleteRecords(
  request: DeleteRecordsRequest,
  _call: Call,
  context: BrokerContext,
): Promise<DeleteRecordsResponse> {
  const access = await authorised(context)
  const topics = request.topics.map(async ({ name, partitions }) => {
    const denied = denial(access, Operation.DELETE, Resource.TOPIC, name)
    const results = partitions.map((asked) =>
      denied === KafkaError.NONE ? deleteBefore(name, asked, context) : failure(asked, denied),
    )
    return { name, partitions: await Promise.all(results) }
  })
  return { throttleTimeMs: 0, topics: await Promise.all(topics) }
}

async function deleteBefore(
  topic: string,
  asked: PartitionRequest,
  context: BrokerContext,
): Promise<PartitionResponse> {
  const { partitionIndex, offset } = asked
  const answer = await askLeader(context, byName(topic, partitionIndex), (leader, target) =>
    leader.deleteRecords({ ...target, offset }),
  )
  if (answer.error !== KafkaError.NONE || 'failed' in answer) return failure(asked, answer.error)
  return { partitionIndex, lowWatermark: answer.lowWatermark, errorCode: KafkaError.NONE }
}

function failure({ partitionIndex }: PartitionRequest, errorCode: ErrorCode): PartitionResponse {
  return { partitionIndex, lowWatermark: -1, errorCode }
}
