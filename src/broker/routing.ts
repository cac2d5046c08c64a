// From a topic as a client names it to its leader, and what to do when the cache was wrong: a dead id
// is forgotten and, if the client asked by name, its successor is asked once. One implementation for
// every handler that talks to partitions. Not a cache (topic-cache.ts) and not a stub (Objects).

import type { TopicState } from '../cluster/contract.ts'
import { type ErrorCode, KafkaError } from '../core/errors.ts'
import { type TopicId, ZERO_TOPIC_ID } from '../core/ids.ts'
import type { PartitionRpc, PartitionTarget } from '../partition/contract.ts'
import { ObjectCallError } from '../runtime/objects.ts'
import type { BrokerContext } from './context.ts'
import { leaderTurns } from './leader-turns.ts'

/** A partition as a request names it: by id where topicId is not zero, else by name. */
export interface Route {
  readonly name: string
  readonly topicId: TopicId
  readonly partition: number
}

/** A route to a topic by its name. */
export function byName(name: string, partition: number): Route {
  return { name, topicId: ZERO_TOPIC_ID, partition }
}

/** The topic as cached; undefined also for a partition it does not have, which may have been added. */
export function knownTopic(
  context: BrokerContext,
  { name, topicId, partition }: Route,
): TopicState | undefined {
  const { topics } = context
  const topic = topicId === ZERO_TOPIC_ID ? topics.byName(name) : topics.byId(topicId)
  return topic !== undefined && partition >= 0 && partition < topic.partitions ? topic : undefined
}

/**
 * Asks Cluster. UNKNOWN_TOPIC_ID or UNKNOWN_TOPIC_OR_PARTITION by how it was asked;
 * NOT_LEADER_OR_FOLLOWER, which every client retries, when Cluster could not be reached.
 */
export async function lookUpTopic(
  context: BrokerContext,
  { name, topicId, partition }: Route,
): Promise<TopicState | ErrorCode> {
  const isById = topicId !== ZERO_TOPIC_ID
  try {
    const request = isById ? { ids: [topicId] } : { names: [name] }
    const reply = await context.topics.refresh(context.objects.cluster, request)
    const topic = reply.topics[0]?.topic
    if (topic === undefined) {
      return isById ? KafkaError.UNKNOWN_TOPIC_ID : KafkaError.UNKNOWN_TOPIC_OR_PARTITION
    }
    const exists = partition >= 0 && partition < topic.partitions
    return exists ? topic : KafkaError.UNKNOWN_TOPIC_OR_PARTITION
  } catch (error) {
    context.log('warn', 'topic lookup failed', { reason: String(error) })
    return KafkaError.NOT_LEADER_OR_FOLLOWER
  }
}

/**
 * The topic that took the name of a dead one, if the client asked by name; else the error to answer.
 * The dead one is forgotten.
 */
export async function successorOf(
  context: BrokerContext,
  route: Route,
  dead: TopicState,
): Promise<TopicState | ErrorCode> {
  context.topics.forget(dead.id)
  const topic = await lookUpTopic(context, route)
  if (typeof topic !== 'number' && topic.id === dead.id) {
    return KafkaError.UNKNOWN_TOPIC_OR_PARTITION
  }
  return topic
}

/** What a call to a leader that was rejected is to a client: an error that every client retries. */
export function rejectionError(cause: unknown): ErrorCode {
  return cause instanceof ObjectCallError && cause.storageFailed
    ? KafkaError.KAFKA_STORAGE_ERROR
    : KafkaError.NOT_LEADER_OR_FOLLOWER
}

/** A leader's answer, or only why there is none. */
export type LeaderAnswer<Answer> = Answer | { readonly error: ErrorCode; readonly failed: true }

/**
 * Asks the leader of a route. What a client can cause is in the answer's own error.
 * A call whose outcome is unknown becomes what rejectionError says: use it for calls that may be
 * repeated, as reads and idempotent writes may.
 */
export async function askLeader<Answer extends { readonly error: ErrorCode }>(
  context: BrokerContext,
  route: Route,
  ask: Ask<Answer>,
): Promise<LeaderAnswer<Answer>> {
  const turns = leaderTurns(context)
  const begun = turns.begin()
  if (begun !== undefined) await begun
  try {
    return await askNow(context, route, ask)
  } finally {
    turns.end()
  }
}

type Ask<Answer> = (
  leader: PartitionRpc,
  target: PartitionTarget,
  topic: TopicState,
) => Promise<Answer>

async function askNow<Answer extends { readonly error: ErrorCode }>(
  context: BrokerContext,
  route: Route,
  ask: Ask<Answer>,
): Promise<LeaderAnswer<Answer>> {
  const failed = (error: ErrorCode) => ({ error, failed: true }) as const
  let topic = knownTopic(context, route) ?? (await lookUpTopic(context, route))
  for (let attempt = 0; ; attempt++) {
    if (typeof topic === 'number') return failed(topic)
    try {
      const target = { topicId: topic.id, partition: route.partition }
      const leader = context.objects.partition(topic.id, route.partition)
      const answer = await ask(leader, target, topic)
      if (answer.error !== KafkaError.UNKNOWN_TOPIC_ID) return answer
    } catch (error) {
      context.log('warn', 'call to a partition failed', {
        topic: topic.name,
        partition: route.partition,
        reason: String(error),
      })
      return failed(rejectionError(error))
    }
    if (attempt > 0) return failed(KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
    topic = await successorOf(context, route, topic)
  }
}
