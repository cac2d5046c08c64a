// ListOffsets (key 2), versions 1 to 10: by time, and the special times latest (-1), earliest (-2),
// max timestamp (-3, KIP-734), earliest local (-4, KIP-405) and latest tiered (-5, KIP-1005).

import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import { LEADER_EPOCH } from '../../core/ids.ts'
import type {
  ListOffsetsRequest,
  ListOffsetsResponse,
} from '../../protocol/messages/list-offsets.ts'
import { Operation, Resource } from '../../security/access.ts'
import { authorised, denial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askLeader, byName } from '../routing.ts'
import { leaderEpochError } from './leader-epoch.ts'

type PartitionRequest = ListOffsetsRequest['topics'][number]['partitions'][number]
type PartitionResponse = ListOffsetsResponse['topics'][number]['partitions'][number]

/** Special times by the first version that knows them. */
const SPECIAL_FROM: ReadonlyMap<number, number> = new Map([
  [-1, 1],
  [-2, 1],
  [-3, 7],
  [-4, 8],
  [-5, 9],
])

/** One answer per partition asked, in the order asked. */
export async function listOffsets(
  request: ListOffsetsRequest,
  call: Call,
  context: BrokerContext,
): Promise<ListOffsetsResponse> {
  const duplicates = duplicatesOf(request)
  const access = await authorised(context)
  const topics = request.topics.map(async ({ name, partitions }) => {
    const denied = denial(access, Operation.DESCRIBE, Resource.TOPIC, name)
    const results = partitions.map((asked) => {
      if (denied !== KafkaError.NONE) return failure(asked, denied)
      return duplicates.has(`${name}\n${asked.partitionIndex}`)
        ? failure(asked, KafkaError.INVALID_REQUEST)
        : lookUp(name, asked, request.isolationLevel === 1, call, context)
    })
    return { name, partitions: await Promise.all(results) }
  })
  return { throttleTimeMs: 0, topics: await Promise.all(topics) }
}

async function lookUp(
  name: string,
  asked: PartitionRequest,
  readCommitted: boolean,
  call: Call,
  context: BrokerContext,
): Promise<PartitionResponse> {
  const { timestamp, partitionIndex } = asked
  const isKnown = timestamp >= 0 || call.version >= (SPECIAL_FROM.get(timestamp) ?? Infinity)
  if (!isKnown) return failure(asked, KafkaError.UNSUPPORTED_VERSION)
  const epochError = leaderEpochError(asked.currentLeaderEpoch)
  if (epochError !== KafkaError.NONE) return failure(asked, epochError)
  const answer = await askLeader(context, byName(name, partitionIndex), (leader, target) =>
    leader.listOffset({ ...target, timestamp, readCommitted }),
  )
  if (answer.error !== KafkaError.NONE || 'failed' in answer) return failure(asked, answer.error)
  const { offset, timestamp: found } = answer
  const leaderEpoch = offset < 0 ? -1 : LEADER_EPOCH
  return { partitionIndex, errorCode: KafkaError.NONE, offset, timestamp: found, leaderEpoch }
}

function failure({ partitionIndex }: PartitionRequest, errorCode: ErrorCode): PartitionResponse {
  return { partitionIndex, errorCode }
}

/** Partitions named more than once, which Kafka refuses one by one. */
function duplicatesOf(request: ListOffsetsRequest): ReadonlySet<string> {
  const seen = new Set<string>()
  const duplicates = new Set<string>()
  for (const { name, partitions } of request.topics) {
    for (const { partitionIndex } of partitions) {
      const key = `${name}\n${partitionIndex}`
      if (seen.has(key)) duplicates.add(key)
      seen.add(key)
    }
  }
  return duplicates
}
