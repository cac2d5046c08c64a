// Partitions that are created and deleted, as far as the client has quota for them (KIP-599): what is over is answered
// THROTTLING_QUOTA_EXCEEDED topic by topic, and what is refused for something else is given back. Where nobody has a
// quota the request goes on as it is. What is named twice goes on as well, free and whole, because the controller refuses it.

import { KafkaError } from '../core/errors.ts'
import { type TopicId, ZERO_TOPIC_ID } from '../core/ids.ts'
import type {
  CreatePartitionsRequest,
  CreatePartitionsResponse,
} from '../protocol/messages/create-partitions.ts'
import type {
  CreateTopicsRequest,
  CreateTopicsResponse,
} from '../protocol/messages/create-topics.ts'
import type {
  DeleteTopicsRequest,
  DeleteTopicsResponse,
} from '../protocol/messages/delete-topics.ts'
import { divided } from './authorise.ts'
import type { Call } from './call.ts'
import type { BrokerContext } from './context.ts'
import { namedTwice } from './controller.ts'
import { mutationQuota, OVER_QUOTA } from './mutation-quota.ts'

/** The first versions whose clients know THROTTLING_QUOTA_EXCEEDED; older ones are let through and left alone. */
const STRICT_FROM = { createTopics: 6, deleteTopics: 5, createPartitions: 3 } as const

/** Creates what there is quota for. @param ask creates all that it is given */
export async function createWithinQuota(
  request: CreateTopicsRequest,
  call: Call,
  context: BrokerContext,
  ask: (request: CreateTopicsRequest) => Promise<CreateTopicsResponse>,
): Promise<CreateTopicsResponse> {
  const quota = mutationQuota(context, call, STRICT_FROM.createTopics)
  if (quota === null) return ask(request)
  const standard = Number((await context.brokerConfig('num.partitions')) ?? 1)
  const sizes = new Map<string, number>()
  for (const { name, assignments, numPartitions } of request.topics) {
    const asked = assignments.length > 0 ? assignments.length : numPartitions
    sizes.set(name, asked < 1 ? standard : asked)
  }
  const isDouble = namedTwice(request.topics.map(({ name }) => name))
  const sizeOf = ({ name }: { readonly name: string }) =>
    isDouble(name) ? 0 : (sizes.get(name) ?? 0)
  const { allowed, denied } = divided(
    request.topics,
    (topic) => isDouble(topic.name) || quota.take(sizeOf(topic)),
  )
  const answer = await ask({ ...request, topics: allowed })
  for (const topic of answer.topics.filter(isRefused)) quota.giveBack(sizeOf(topic))
  const over = denied.map(({ name }) => ({ name, ...OVER_QUOTA, configs: [] }))
  return { ...answer, throttleTimeMs: quota.throttleMs, topics: [...answer.topics, ...over] }
}

/** Adds the partitions that there is quota for. @param ask adds all that it is given */
export async function growWithinQuota(
  request: CreatePartitionsRequest,
  call: Call,
  context: BrokerContext,
  ask: (request: CreatePartitionsRequest) => Promise<CreatePartitionsResponse>,
): Promise<CreatePartitionsResponse> {
  const quota = mutationQuota(context, call, STRICT_FROM.createPartitions)
  if (quota === null) return ask(request)
  const names = request.topics.map(({ name }) => name)
  const sizes = await sizesOf(context, names, [])
  const added = new Map<string, number>()
  // Of a topic that is not there nothing is made.
  for (const { name, count } of request.topics) {
    added.set(name, Math.max(0, count - (sizes.get(name) ?? count)))
  }
  const isDouble = namedTwice(names)
  const sizeOf = ({ name }: { readonly name: string }) =>
    isDouble(name) ? 0 : (added.get(name) ?? 0)
  const { allowed, denied } = divided(
    request.topics,
    (topic) => isDouble(topic.name) || quota.take(sizeOf(topic)),
  )
  const answer = await ask({ ...request, topics: allowed })
  for (const topic of answer.results.filter(isRefused)) quota.giveBack(sizeOf(topic))
  const over = denied.map(({ name }) => ({ name, ...OVER_QUOTA }))
  return { ...answer, throttleTimeMs: quota.throttleMs, results: [...answer.results, ...over] }
}

/** Deletes what there is quota for. @param ask deletes all that it is given */
export async function deleteWithinQuota(
  request: DeleteTopicsRequest,
  call: Call,
  context: BrokerContext,
  ask: (request: DeleteTopicsRequest) => Promise<DeleteTopicsResponse>,
): Promise<DeleteTopicsResponse> {
  const quota = mutationQuota(context, call, STRICT_FROM.deleteTopics)
  if (quota === null) return ask(request)
  const names = [...request.topicNames, ...request.topics.flatMap(({ name }) => name ?? [])]
  const ids = request.topics.flatMap(({ name, topicId }) => (name === null ? topicId : []))
  const sizes = await sizesOf(context, names, ids)
  const isTwice = namedTwice([
    ...request.topicNames.map((name) => keyOf({ name })),
    ...request.topics.map(keyOf),
  ])
  const isDouble = (one: Named) => isTwice(keyOf(one))
  const sizeOf = (one: Named) => {
    if (isDouble(one)) return 0
    return sizes.get(one.name ?? '') ?? sizes.get(one.topicId ?? '') ?? 0
  }
  const isLeft = (one: Named) => isDouble(one) || quota.take(sizeOf(one))
  const byName = divided(request.topicNames, (name) => isLeft({ name }))
  const byTopic = divided(request.topics, isLeft)
  const answer = await ask({ ...request, topics: byTopic.allowed, topicNames: byName.allowed })
  for (const topic of answer.responses.filter(isRefused)) quota.giveBack(sizeOf(topic))
  const over = [
    ...byName.denied.map((name) => ({ name, ...OVER_QUOTA })),
    ...byTopic.denied.map(({ name, topicId }) => ({ name, topicId, ...OVER_QUOTA })),
  ]
  return { ...answer, throttleTimeMs: quota.throttleMs, responses: [...answer.responses, ...over] }
}

interface Named {
  readonly name?: string | null | undefined
  readonly topicId?: TopicId | undefined
}

/** By which the controller knows that one is named twice. */
function keyOf({ name, topicId = ZERO_TOPIC_ID }: Named): string {
  return JSON.stringify([name, topicId])
}

/** One that took too long is under way all the same. */
function isRefused({ errorCode }: { readonly errorCode: number }): boolean {
  return errorCode !== KafkaError.NONE && errorCode !== KafkaError.REQUEST_TIMED_OUT
}

/** How many partitions these topics have, by name and by id; of what is not there nothing is said. */
async function sizesOf(
  context: BrokerContext,
  names: readonly string[],
  ids: readonly TopicId[],
): Promise<ReadonlyMap<string, number>> {
  const found = await context.topics.lookup(context.objects.cluster, { names, ids })
  const sizes = new Map<string, number>()
  for (const { topic } of found) {
    if (topic === undefined) continue
    sizes.set(topic.name, topic.partitions)
    sizes.set(topic.id, topic.partitions)
  }
  return sizes
}
