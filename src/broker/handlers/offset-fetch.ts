// OffsetFetch (key 9), versions 1 to 9. Names are resolved by Cluster itself, never by the cache: a
// topic that was created anew must not resume where its predecessor was left.

import type { TopicState } from '../../cluster/contract.ts'
import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import type { FetchedPartition, FetchOffsetsReply } from '../../group/contract.ts'
import type {
  OffsetFetchRequest,
  OffsetFetchResponse,
} from '../../protocol/messages/offset-fetch.ts'
import { type Access, Operation, Resource } from '../../security/access.ts'
import { allowing, authorised, denial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { inTurns } from '../in-turns.ts'
import { askCoordinator, groupCaller } from './group-call.ts'

type AskedGroup = OffsetFetchRequest['groups'][number]
type FetchedGroup = NonNullable<OffsetFetchResponse['groups']>[number]
type FetchedTopic = FetchedGroup['topics'][number]

/** From this version on several groups are asked at once. */
const GROUPS_FROM = 8
/** From this version on an error of the group is the answer's own. */
const GROUP_ERROR_FROM = 2

export async function offsetFetch(
  request: OffsetFetchRequest,
  call: Call,
  context: BrokerContext,
): Promise<OffsetFetchResponse> {
  const { requireStable } = request
  const access = await authorised(context)
  const asked: readonly AskedGroup[] =
    call.version >= GROUPS_FROM
      ? request.groups
      : [
          {
            groupId: request.groupId,
            memberId: null,
            memberEpoch: -1,
            topics: request.topics,
          },
        ]
  const names = new Set(asked.flatMap(({ topics }) => (topics ?? []).map(({ name }) => name)))
  const isShown = allowing(access, Operation.DESCRIBE, Resource.TOPIC)
  const known = await lookUp([...names].filter(isShown), context)
  const groups = await inTurns(
    asked,
    (one) => fetchGroup(one, requireStable, known, access, call, context),
    context.timers,
  )
  if (call.version >= GROUPS_FROM) return { groups }
  const { errorCode, topics } = groups[0] ?? failure('', KafkaError.NONE)
  if (errorCode === KafkaError.NONE || call.version >= GROUP_ERROR_FROM)
    return { errorCode, topics }
  return { topics: noOffsets(asked[0]?.topics ?? [], errorCode) }
}

/** The topics of these names now; null when Cluster cannot be asked. */
async function lookUp(
  names: readonly string[],
  context: BrokerContext,
): Promise<ReadonlyMap<string, TopicState> | null> {
  if (names.length === 0) return new Map()
  try {
    const { topics } = await context.topics.refresh(context.objects.cluster, { names })
    return new Map(
      topics.flatMap(({ topic }, index) => (topic ? [[names[index] ?? '', topic] as const] : [])),
    )
  } catch (error) {
    context.log('warn', 'topic lookup failed', { reason: String(error) })
    return null
  }
}

async function fetchGroup(
  asked: AskedGroup,
  requireStable: boolean,
  known: ReadonlyMap<string, TopicState> | null,
  access: Access,
  call: Call,
  context: BrokerContext,
): Promise<FetchedGroup> {
  const { groupId, memberId, memberEpoch, topics } = asked
  const denied = denial(access, Operation.DESCRIBE, Resource.GROUP, groupId)
  if (denied !== KafkaError.NONE) return failure(groupId, denied)
  if (known === null) return failure(groupId, KafkaError.COORDINATOR_LOAD_IN_PROGRESS)
  const resolved = (topics ?? []).map((topic) => ({ topic, state: known.get(topic.name) }))
  const reply = await askCoordinator<FetchOffsetsReply>(
    context,
    'OffsetFetch',
    () =>
      context.objects.group(groupId).fetchOffsets(
        {
          groupId,
          memberId,
          memberEpoch,
          requireStable,
          topics:
            topics === null
              ? null
              : resolved.flatMap(({ topic, state }) =>
                  state ? [{ topicId: state.id, partitions: topic.partitionIndexes }] : [],
                ),
        },
        groupCaller(call, context),
      ),
    { error: KafkaError.COORDINATOR_LOAD_IN_PROGRESS, topics: [] },
  )
  if (reply.error !== KafkaError.NONE) return failure(groupId, reply.error)
  const isShown = allowing(access, Operation.DESCRIBE, Resource.TOPIC)
  if (topics === null) return everything(groupId, reply, isShown, context)
  let next = 0
  return {
    groupId,
    errorCode: KafkaError.NONE,
    topics: resolved.map(({ topic, state }) => {
      const answer = state === undefined ? undefined : reply.topics[next++]
      if (!isShown(topic.name)) return noOffset(topic, KafkaError.TOPIC_AUTHORIZATION_FAILED)
      return answer === undefined
        ? noOffset(topic, KafkaError.NONE)
        : { name: topic.name, partitions: answer.partitions.map(toWire) }
    }),
  }
}

/** All that is committed, without the topics that have been deleted or that the client may not see. */
async function everything(
  groupId: string,
  reply: FetchOffsetsReply,
  isShown: (name: string) => boolean,
  context: BrokerContext,
): Promise<FetchedGroup> {
  const ids = reply.topics.map(({ topicId }) => topicId)
  if (ids.length === 0) return { groupId, errorCode: KafkaError.NONE, topics: [] }
  try {
    const { topics } = await context.topics.refresh(context.objects.cluster, { ids })
    return {
      groupId,
      errorCode: KafkaError.NONE,
      topics: reply.topics.flatMap(({ partitions }, index) => {
        const name = topics[index]?.topic?.name
        if (name === undefined || !isShown(name)) return []
        return [{ name, partitions: partitions.map(toWire) }]
      }),
    }
  } catch (error) {
    context.log('warn', 'topic lookup failed', { reason: String(error) })
    return failure(groupId, KafkaError.COORDINATOR_LOAD_IN_PROGRESS)
  }
}

function toWire({ partition, offset, leaderEpoch, metadata, error }: FetchedPartition) {
  return {
    partitionIndex: partition,
    committedOffset: offset,
    committedLeaderEpoch: leaderEpoch,
    metadata,
    errorCode: error,
  }
}

/** Nothing is committed, which is no error. */
function noOffset(
  { name, partitionIndexes }: NonNullable<AskedGroup['topics']>[number],
  errorCode: ErrorCode,
): FetchedTopic {
  return {
    name,
    partitions: partitionIndexes.map((partitionIndex) => ({
      partitionIndex,
      committedOffset: -1,
      committedLeaderEpoch: -1,
      metadata: '',
      errorCode,
    })),
  }
}

function noOffsets(topics: NonNullable<AskedGroup['topics']>, errorCode: ErrorCode) {
  return topics.map((topic) => noOffset(topic, errorCode))
}

function failure(groupId: string, errorCode: ErrorCode): FetchedGroup {
  return { groupId, topics: [], errorCode }
}
