// The surroundings of a live session in the Worker: topics, producing and groups through the same functions
// that HTTP's routes and Kafka's connections call. Not the socket (host.ts).

import type { BrokerContext } from '../broker/context.ts'
import { consumerGroupHeartbeat } from '../broker/handlers/consumer-group-heartbeat.ts'
import { offsetCommit } from '../broker/handlers/offset-commit.ts'
import { offsetFetch } from '../broker/handlers/offset-fetch.ts'
import type { ErrorCode } from '../core/errors.ts'
import { KafkaError } from '../core/errors.ts'
import type { TopicId } from '../core/ids.ts'
import { SMALL_BYTES } from '../core/limits.ts'
import { denied } from '../http/access-rule.ts'
import { JSON_FACTOR } from '../http/body.ts'
import { checkedKey } from '../http/idempotency-key.ts'
import { inTurns } from '../http/in-turns.ts'
import { Problem } from '../http/problem.ts'
import { produceList } from '../http/produce.ts'
import { recordsFromText } from '../http/record-in.ts'
import type { AssignedPartition } from '../http/tail/contract.ts'
import { readingDenied } from '../http/tail/start.ts'
import { assignedTail, openTail } from '../http/tail/tail.ts'
import { EARLIEST, freshTopic, LATEST, lookUpOffsets } from '../http/topics.ts'
import type {
  CommitOffset,
  GroupFace,
  MemberIdentity,
  ProduceAsk,
  Produced,
  StartOptions,
  Surroundings,
  TopicPartition,
} from './surroundings.ts'

/** How members that name no client id look to who describes the group. */
const CLIENT_ID = 'ottla-live'
const HEARTBEAT_VERSION = 1
const OFFSETS_VERSION = 9

/** What a session needs of its broker; the rest is the socket's. */
export type BrokerFace = Pick<Surroundings, 'openTail' | 'assignedTail' | 'produce' | 'group'>

/** The broker as one session uses it: the context is the session's own. */
export function brokerFace(context: BrokerContext, random: () => number): BrokerFace {
  return {
    openTail: (ask) => openTail(context, ask),
    assignedTail: (readCommitted) => assignedTail(context, readCommitted),
    produce: (ask) => produce(context, ask, random),
    group: groupFace(context),
  }
}

/** As POST …/records of a list. */
async function produce(
  context: BrokerContext,
  { topic, records: text, idempotencyKey }: ProduceAsk,
  random: () => number,
): Promise<Produced | Problem> {
  const key = idempotencyKey === null ? null : checkedKey(idempotencyKey)
  if (key instanceof Problem) return key.with({ field: 'idempotencyKey' })
  const { access, budget, timers } = context
  const refused = await denied(access, { operation: 'WRITE', resource: 'TOPIC' }, topic)
  if (refused !== null) return refused
  const pool = text.length > SMALL_BYTES ? budget.largeFrames : budget.smallFrames
  const memory = await pool.reserve(text.length * JSON_FACTOR, (ms) => timers.sleep(ms))
  try {
    const records = recordsFromText(`{"records":${text}}`)
    if (records instanceof Problem) return records
    const produced = await produceList(context, { topic, records, key, random })
    if (produced instanceof Problem) return produced
    return { offsets: produced.offsets, replayed: produced.isReplayed }
  } finally {
    memory?.release()
  }
}

function groupFace(context: BrokerContext): GroupFace {
  return {
    heartbeat: (member, request) =>
      consumerGroupHeartbeat(request, asked(member, HEARTBEAT_VERSION), context),
    commit: (member, offsets) => commit(context, member, offsets),
    async unknownTopic(names) {
      const refused = await readingDenied(context.access, names)
      if (refused !== null) return refused
      const found = await inTurns(names, (name) => freshTopic(context, name))
      return found.find((one) => one instanceof Problem) ?? null
    },
    topicNames: (ids) => topicNames(context, ids),
    startOffsets: (member, partitions, options) =>
      startOffsets(context, member, partitions, options),
  }
}

/** What a handler is told of a request. */
function asked({ clientId = CLIENT_ID }: MemberIdentity, version: number) {
  return { version, clientId }
}

async function commit(
  context: BrokerContext,
  member: MemberIdentity,
  offsets: readonly CommitOffset[],
): Promise<ErrorCode[]> {
  const { group, memberId, epoch } = member
  const topics = [...Map.groupBy(offsets, ({ topic }) => topic)].map(([name, own]) => ({
    name,
    partitions: own.map(({ partition, offset, metadata }) => ({
      partitionIndex: partition,
      committedOffset: offset,
      committedLeaderEpoch: -1,
      committedMetadata: metadata ?? '',
    })),
  }))
  const request = {
    groupId: group,
    generationIdOrMemberEpoch: epoch,
    memberId,
    groupInstanceId: null,
    retentionTimeMs: -1,
    topics,
  }
  const handling = offsetCommit(request, asked(member, OFFSETS_VERSION), context)
  const [response] = await Promise.all([handling.response, handling.effect])
  handling.sent?.()
  if (response === null) throw new Error('OffsetCommit answered nothing')
  const errors = new Map(
    response.topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, errorCode }) => [`${name}/${partitionIndex}`, errorCode]),
    ),
  )
  return offsets.map(
    ({ topic, partition }) =>
      errors.get(`${topic}/${partition}`) ?? KafkaError.UNKNOWN_SERVER_ERROR,
  )
}

async function topicNames(
  context: BrokerContext,
  ids: readonly TopicId[],
): Promise<ReadonlyMap<TopicId, string> | null> {
  try {
    const found = await context.topics.lookup(context.objects.cluster, { ids })
    return new Map(
      found.flatMap(({ topic }) => (topic === undefined ? [] : [[topic.id, topic.name] as const])),
    )
  } catch (error) {
    context.log('warn', 'topic lookup failed', { reason: String(error) })
    return null
  }
}

async function startOffsets(
  context: BrokerContext,
  member: MemberIdentity,
  partitions: readonly TopicPartition[],
  { from, readCommitted }: StartOptions,
): Promise<AssignedPartition[] | ErrorCode> {
  const committed = await committedOffsets(context, member, partitions, readCommitted)
  if (typeof committed === 'number') return committed
  const at = (one: TopicPartition) => committed.get(`${one.topic}/${one.partition}`) ?? -1
  const without = Map.groupBy(
    partitions.filter((one) => at(one) < 0),
    ({ topic }) => topic,
  )
  const ends = new Map<string, number>()
  const timestamp = from === 'earliest' ? EARLIEST : LATEST
  const answers = await inTurns([...without], ([topic, own]) =>
    lookUpOffsets(context, topic, {
      partitions: own.map(({ partition }) => partition),
      timestamp,
      readCommitted,
    }).then((found) => found.map((one) => ({ ...one, topic }))),
  )
  for (const { topic, partition, offset, error } of answers.flat()) {
    if (error !== KafkaError.NONE) return error
    ends.set(`${topic}/${partition}`, offset)
  }
  return partitions.map((one) => {
    const offset = at(one) >= 0 ? at(one) : (ends.get(`${one.topic}/${one.partition}`) ?? 0)
    return { topic: one.topic, topicId: one.topicId, partition: one.partition, offset }
  })
}

/** By `topic/partition`; -1 where nothing is committed. */
async function committedOffsets(
  context: BrokerContext,
  member: MemberIdentity,
  partitions: readonly TopicPartition[],
  requireStable: boolean,
): Promise<ReadonlyMap<string, number> | ErrorCode> {
  const { group, memberId, epoch } = member
  const topics = [...Map.groupBy(partitions, ({ topic }) => topic)].map(([name, own]) => ({
    name,
    partitionIndexes: own.map(({ partition }) => partition),
  }))
  const wanted = { groupId: group, memberId, memberEpoch: epoch, topics }
  const request = { groupId: '', topics: [], groups: [wanted], requireStable }
  const { groups = [] } = await offsetFetch(request, asked(member, OFFSETS_VERSION), context)
  const [answer] = groups
  if (answer === undefined) throw new Error('OffsetFetch answered no group')
  if (answer.errorCode !== KafkaError.NONE) return answer.errorCode
  const offsets = new Map<string, number>()
  for (const { name, partitions: own } of answer.topics) {
    for (const { partitionIndex, committedOffset, errorCode } of own) {
      if (errorCode !== KafkaError.NONE) return errorCode
      offsets.set(`${name}/${partitionIndex}`, committedOffset)
    }
  }
  return offsets
}
