// From the topics that a commit names to those that the group keeps offsets by, and the answers back:
// shared by OffsetCommit and TxnOffsetCommit. A topic that the cache has wrong is asked for once more.

import type { TopicState } from '../../cluster/contract.ts'
import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import type { CommitReply, CommittedTopic } from '../../group/contract.ts'
import { type Access, Operation, Resource } from '../../security/access.ts'
import { allowing } from '../authorise.ts'
import type { BrokerContext } from '../context.ts'

/** As both requests name what they commit. */
export interface TopicToCommit {
  readonly name: string
  readonly partitions: readonly {
    readonly partitionIndex: number
    readonly committedOffset: number
    readonly committedLeaderEpoch: number
    readonly committedMetadata: string | null
  }[]
}

/** As both responses answer it. */
export interface CommittedAnswer {
  readonly name: string
  readonly partitions: readonly { readonly partitionIndex: number; readonly errorCode: ErrorCode }[]
}

/** Sends topics to the group. A rejection is an error for all of them. */
export type SendCommit = (topics: readonly CommittedTopic[]) => Promise<CommitReply>

/** Whether everything named is known, so that the commit can leave at once. */
export function isCached(topics: readonly TopicToCommit[], context: BrokerContext): boolean {
  return topics.every((topic) => {
    const known = context.topics.byName(topic.name)
    return known !== undefined && topic.partitions.every((one) => has(known, one.partitionIndex))
  })
}

/** Asks Cluster for the topics named; where it cannot be reached they stay as they are cached. */
export async function refreshTopics(
  names: readonly string[],
  context: BrokerContext,
): Promise<void> {
  try {
    await context.topics.refresh(context.objects.cluster, { names: [...new Set(names)] })
  } catch (error) {
    context.log('warn', 'topic lookup failed', { reason: String(error) })
  }
}

/** The answer where nothing is committed for one reason. */
export function refusedTopics(
  topics: readonly TopicToCommit[],
  errorCode: ErrorCode,
): CommittedAnswer[] {
  return topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
  }))
}

/**
 * Commits what is known of these topics, of those that the client may read, and answers the rest, in the order
 * asked. The call leaves in the caller's own turn.
 */
export async function commitTopics(
  topics: readonly TopicToCommit[],
  access: Access,
  context: BrokerContext,
  send: SendCommit,
): Promise<CommittedAnswer[]> {
  const mayRead = allowing(access, Operation.READ, Resource.TOPIC)
  const isAllowed = topics.map(({ name }) => mayRead(name))
  const allowed = topics.filter((_, index) => isAllowed[index])
  const answers = (await commitAllowed(allowed, context, send)).values()
  const refused = refusedTopics(topics, KafkaError.TOPIC_AUTHORIZATION_FAILED)
  return refused.map((answer, index) => (isAllowed[index] ? answers.next().value : null) ?? answer)
}

async function commitAllowed(
  topics: readonly TopicToCommit[],
  context: BrokerContext,
  send: SendCommit,
): Promise<CommittedAnswer[]> {
  const errors = await commitOnce(topics, context, send)
  const stale = topics.filter((_, index) => errors[index]?.includes(KafkaError.UNKNOWN_TOPIC_ID))
  if (stale.length > 0) {
    const again = await commitSuccessors(stale, context, send)
    for (const [index, topic] of topics.entries()) errors[index] = again.get(topic) ?? errors[index]
  }
  return topics.map(({ name, partitions }, index) => ({
    name,
    partitions: partitions.map(({ partitionIndex }, at) => ({
      partitionIndex,
      errorCode: errors[index]?.[at] ?? KafkaError.UNKNOWN_SERVER_ERROR,
    })),
  }))
}

/** Errors by topic and partition, in the order asked. One call, or none when nothing is known. */
async function commitOnce(
  topics: readonly TopicToCommit[],
  context: BrokerContext,
  send: SendCommit,
): Promise<(readonly ErrorCode[] | undefined)[]> {
  const resolved = topics.map((topic) => ({ topic, known: context.topics.byName(topic.name) }))
  const toSend = resolved.flatMap(({ topic, known }) => (known ? [sendable(topic, known)] : []))
  const isAny = toSend.some(({ partitions }) => partitions.length > 0)
  const reply = isAny ? await send(toSend) : { topics: [] }
  let next = 0
  return resolved.map(({ topic, known }) => {
    const unknown = KafkaError.UNKNOWN_TOPIC_OR_PARTITION
    if (known === undefined) return topic.partitions.map(() => unknown)
    const answers = reply.topics[next++]?.errors ?? []
    let at = 0
    return topic.partitions.map(({ partitionIndex }) =>
      has(known, partitionIndex) ? (answers[at++] ?? KafkaError.UNKNOWN_SERVER_ERROR) : unknown,
    )
  })
}

/** The topics were deleted: those that took their names, if there are, are meant now. */
async function commitSuccessors(
  stale: readonly TopicToCommit[],
  context: BrokerContext,
  send: SendCommit,
): Promise<Map<TopicToCommit, readonly ErrorCode[]>> {
  for (const { name } of stale) {
    const dead = context.topics.byName(name)
    if (dead !== undefined) context.topics.forget(dead.id)
  }
  await refreshTopics(
    stale.map(({ name }) => name),
    context,
  )
  const errors = await commitOnce(stale, context, send)
  return new Map(
    stale.map((topic, index) => [
      topic,
      (errors[index] ?? []).map((error) =>
        error === KafkaError.UNKNOWN_TOPIC_ID ? KafkaError.UNKNOWN_TOPIC_OR_PARTITION : error,
      ),
    ]),
  )
}

function sendable(topic: TopicToCommit, known: TopicState): CommittedTopic {
  return {
    topicId: known.id,
    name: known.name,
    partitions: topic.partitions
      .filter(({ partitionIndex }) => has(known, partitionIndex))
      .map((one) => ({
        partition: one.partitionIndex,
        offset: one.committedOffset,
        leaderEpoch: one.committedLeaderEpoch,
        metadata: one.committedMetadata,
      })),
  }
}

function has({ partitions }: TopicState, partition: number): boolean {
  return partition >= 0 && partition < partitions
}
