// Finds the topic and the offsets that a request names. Not the routes (routes/topics.ts).

import type { BrokerContext } from '../broker/context.ts'
import { listOffsets } from '../broker/handlers/list-offsets.ts'
import { byName, knownTopic, lookUpTopic } from '../broker/routing.ts'
import type { TopicState } from '../cluster/contract.ts'
import { type ErrorCode, KafkaError } from '../core/errors.ts'
import { Problem } from './problem.ts'

const LIST_OFFSETS_VERSION = 10

/** ListOffsets' times that are no time. */
export const LATEST = -1
export const EARLIEST = -2
export const MAX_TIMESTAMP = -3

/** The topic as this isolate knows it, else as Cluster does. It may be out of date. */
export async function findTopic(
  context: BrokerContext,
  name: string,
): Promise<TopicState | Problem> {
  return knownTopic(context, byName(name, 0)) ?? freshTopic(context, name)
}

/** The topic as Cluster knows it now. */
export async function freshTopic(
  context: BrokerContext,
  name: string,
): Promise<TopicState | Problem> {
  const topic = await lookUpTopic(context, byName(name, 0))
  return typeof topic === 'number' ? topicProblem(topic, name) : topic
}

/** True when an answer says that the topic id or the number of partitions we went by is out of date. */
export function isOutdated(problem: Problem): boolean {
  const { code } = problem
  return code === KafkaError.UNKNOWN_TOPIC_ID || code === KafkaError.UNKNOWN_TOPIC_OR_PARTITION
}

/**
 * Runs `use` with the topic; once more with a fresh one when it turns out that the topic was
 * recreated or grew since this isolate looked. `use` must not have stored anything when it answers so.
 */
export async function withTopic<T>(
  context: BrokerContext,
  name: string,
  use: (topic: TopicState) => Promise<T | Problem>,
): Promise<T | Problem> {
  const topic = await findTopic(context, name)
  if (topic instanceof Problem) return topic
  const answer = await use(topic)
  if (!(answer instanceof Problem) || !isOutdated(answer)) return answer
  const fresh = await freshTopic(context, name)
  if (fresh instanceof Problem) return fresh
  if (fresh.id === topic.id && fresh.partitions === topic.partitions) return answer
  return use(fresh)
}

/** The partition that a path names. */
export function partitionOf(text: string): number | Problem {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  const detail = `${text} is not a partition number`
  return new Problem(KafkaError.UNKNOWN_TOPIC_OR_PARTITION, { field: 'partition', detail })
}

/** A Kafka error about a topic, naming it. */
export function topicProblem(code: ErrorCode, name: string): Problem {
  const unknown = code === KafkaError.UNKNOWN_TOPIC_OR_PARTITION
  return new Problem(code, {
    field: 'topic',
    ...(unknown ? { detail: `there is no topic ${name}` } : {}),
  })
}

/** What ListOffsets found: -1 where no record is that late. */
export interface FoundOffset {
  readonly partition: number
  readonly offset: number
  /** Of the record found by a time, else -1. */
  readonly timestamp: number
}

/** What ListOffsets said of one partition; of one with an error both numbers are -1. */
export interface LookedUpOffset extends FoundOffset {
  readonly error: ErrorCode
}

/** Which offsets are looked up. */
export interface OffsetLookup {
  readonly partitions: readonly number[]
  /** Milliseconds, LATEST, EARLIEST or MAX_TIMESTAMP. */
  readonly timestamp: number
  readonly readCommitted: boolean
}

/** The offsets of a time or place in some partitions of a topic; the first error is the answer. */
export async function offsetsAt(
  context: BrokerContext,
  topic: TopicState,
  query: OffsetLookup,
): Promise<FoundOffset[] | Problem> {
  const found = await lookUpOffsets(context, topic.name, query)
  const failed = found.find(({ error }) => error !== KafkaError.NONE)
  return failed === undefined ? found : topicProblem(failed.error, topic.name)
}

/** As offsetsAt, with an error of each partition's own. In the order asked. */
export async function lookUpOffsets(
  context: BrokerContext,
  topic: string,
  query: OffsetLookup,
): Promise<LookedUpOffset[]> {
  const partitions = query.partitions.map((partitionIndex) => {
    return { partitionIndex, currentLeaderEpoch: -1, timestamp: query.timestamp }
  })
  const request = {
    replicaId: -1,
    isolationLevel: query.readCommitted ? 1 : 0,
    topics: [{ name: topic, partitions }],
    timeoutMs: 0,
  }
  const call = { version: LIST_OFFSETS_VERSION, clientId: null }
  const response = await listOffsets(request, call, context)
  return (response.topics[0]?.partitions ?? []).map((answer) => ({
    partition: answer.partitionIndex,
    error: answer.errorCode,
    offset: answer.offset ?? -1,
    timestamp: answer.timestamp ?? -1,
  }))
}
