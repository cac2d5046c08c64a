// The partitions of a topic by the broker's handlers: who leads them, where they begin and end and what
// they take up; and adding some.

import type { BrokerContext } from '../broker/context.ts'
import { createPartitions } from '../broker/handlers/create-partitions.ts'
import { describeLogDirs } from '../broker/handlers/describe-log-dirs.ts'
import { describeTopicPartitions } from '../broker/handlers/describe-topic-partitions.ts'
import { errorName, KafkaError } from '../core/errors.ts'
import type { DescribeTopicPartitionsResponse } from '../protocol/messages/describe-topic-partitions.ts'
import { inTurns } from './in-turns.ts'
import type { Problem } from './problem.ts'
import { type ErrorFields, refusal } from './refusal.ts'
import { EARLIEST, LATEST, type LookedUpOffset, lookUpOffsets, topicProblem } from './topics.ts'

const ADMIN_TIMEOUT_MS = 30_000
const CREATE_PARTITIONS = { version: 3, clientId: null }
const DESCRIBE_LOG_DIRS = { version: 4, clientId: null }
const DESCRIBE_TOPIC_PARTITIONS = { version: 0, clientId: null }

/** A partition as HTTP shows it; null is what is not known, and then `error` says why. */
export interface ShownPartition {
  readonly partition: number
  readonly leader: number
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly inSync: readonly number[]
  readonly start: number | null
  readonly end: number | null
  readonly highWatermark: number | null
  readonly lastStableOffset: number | null
  readonly sizeBytes: number | null
  readonly error?: string
}

type View = DescribeTopicPartitionsResponse['topics'][number]['partitions'][number]

/** `limit` partitions of a topic from `from` on. */
export async function showPartitions(
  context: BrokerContext,
  topic: string,
  { from, limit }: { readonly from: number; readonly limit: number },
): Promise<ShownPartition[] | Problem> {
  const cursor = { topicName: topic, partitionIndex: from }
  const request = { topics: [{ name: topic }], responsePartitionLimit: limit, cursor }
  const response = await describeTopicPartitions(request, DESCRIBE_TOPIC_PARTITIONS, context)
  const [answer] = response.topics
  if (answer === undefined) throw new Error('DescribeTopicPartitions answered no topic')
  if (answer.errorCode !== KafkaError.NONE) return topicProblem(answer.errorCode, topic)
  return inTurns(answer.partitions, (view) => showPartition(context, topic, view))
}

async function showPartition(
  context: BrokerContext,
  topic: string,
  view: View,
): Promise<ShownPartition> {
  const { partitionIndex: partition } = view
  const [start, end, stable, sizeBytes] = await Promise.all([
    oneOffset(context, topic, { partition, timestamp: EARLIEST, readCommitted: false }),
    oneOffset(context, topic, { partition, timestamp: LATEST, readCommitted: false }),
    oneOffset(context, topic, { partition, timestamp: LATEST, readCommitted: true }),
    sizeOf(context, topic, partition),
  ])
  const known = (found: LookedUpOffset) => (found.error === KafkaError.NONE ? found.offset : null)
  const failed = [start, end, stable].find(({ error }) => error !== KafkaError.NONE)
  return {
    partition,
    leader: view.leaderId,
    leaderEpoch: view.leaderEpoch ?? -1,
    replicas: view.replicaNodes,
    inSync: view.isrNodes,
    start: known(start),
    end: known(end),
    highWatermark: known(end),
    lastStableOffset: known(stable),
    sizeBytes,
    ...(failed === undefined ? {} : { error: errorName(failed.error) }),
  }
}

async function oneOffset(
  context: BrokerContext,
  topic: string,
  { partition, ...query }: { partition: number; timestamp: number; readCommitted: boolean },
): Promise<LookedUpOffset> {
  const [found] = await lookUpOffsets(context, topic, { partitions: [partition], ...query })
  if (found === undefined) throw new Error('ListOffsets answered no partition')
  return found
}

/** Bytes of the batches kept; null where the leader did not say. */
async function sizeOf(
  context: BrokerContext,
  topic: string,
  partition: number,
): Promise<number | null> {
  const request = { topics: [{ topic, partitions: [partition] }] }
  const { results } = await describeLogDirs(request, DESCRIBE_LOG_DIRS, context)
  return results[0]?.topics[0]?.partitions[0]?.partitionSize ?? null
}

/** Makes the topic have `count` partitions, or with `validateOnly` says whether it may. */
export async function addPartitions(
  context: BrokerContext,
  topic: string,
  count: number,
  validateOnly: boolean,
  fields: ErrorFields,
): Promise<Problem | null> {
  const topics = [{ name: topic, count, assignments: null }]
  const request = { topics, timeoutMs: ADMIN_TIMEOUT_MS, validateOnly }
  const response = await createPartitions(request, CREATE_PARTITIONS, context)
  return refusal(response.results[0], fields)
}
