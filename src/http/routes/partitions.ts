// /v1/topics/{topic}/partitions, …/offsets, and deleting records: what is asked of a topic's partitions
// beside their records.

import { deleteRecords } from '../../broker/handlers/delete-records.ts'
import { errorName, KafkaError } from '../../core/errors.ts'
import { HTTP_LIST_LIMIT } from '../../core/limits.ts'
import { onTopic } from '../access-rule.ts'
import { adminSchemas } from '../admin-schemas.ts'
import { json } from '../answer.ts'
import { checkedBody } from '../checked-body.ts'
import { pageOfNumbers } from '../page.ts'
import { addPartitions, showPartitions } from '../partitions.ts'
import { noPartition } from '../placement.ts'
import { badRequest, Problem } from '../problem.ts'
import { outOfRange } from '../read-records.ts'
import type { Asked, Route } from '../route.ts'
import { schemas } from '../schemas.ts'
import { parseTime } from '../time.ts'
import {
  EARLIEST,
  freshTopic,
  LATEST,
  lookUpOffsets,
  MAX_TIMESTAMP,
  offsetsAt,
  partitionOf,
  topicProblem,
} from '../topics.ts'
import { validateQuery } from '../validate.ts'

const JSON_TYPE = 'application/json'
const DELETE_RECORDS = { version: 2, clientId: null }
const TIMEOUT_MS = 30_000
/** Of DeleteRecords: up to the high watermark. */
const TO_THE_END = -1

export const partitionRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/topics/{topic}/partitions',
    access: { needs: [onTopic('DESCRIBE')] },
    operation: () => ({
      summary: 'List the partitions of a topic: leader, start, end, size',
      query: adminSchemas().partitionsQuery,
      example: { query: { limit: '2', after: '0' } },
      answers: {
        200: { description: 'By number', content: { [JSON_TYPE]: adminSchemas().partitionList } },
      },
    }),
    handle: listRoute,
  },
  {
    method: 'POST',
    path: '/v1/topics/{topic}/partitions',
    access: { needs: [onTopic('ALTER')] },
    operation: () => ({
      summary: 'Add partitions to a topic',
      query: schemas().noQuery,
      body: { [JSON_TYPE]: adminSchemas().newPartitions },
      example: { body: { count: 8, dryRun: true } },
      answers: {
        200: {
          description: 'How many there are, or would be',
          content: { [JSON_TYPE]: adminSchemas().partitionCount },
        },
      },
    }),
    handle: addRoute,
  },
  {
    method: 'GET',
    path: '/v1/topics/{topic}/partitions/{partition}',
    access: { needs: [onTopic('DESCRIBE')] },
    operation: () => ({
      summary: 'Show a partition: leader, start, end, size',
      query: schemas().noQuery,
      answers: {
        200: { description: 'The partition', content: { [JSON_TYPE]: adminSchemas().partition } },
      },
    }),
    handle: showRoute,
  },
  {
    method: 'GET',
    path: '/v1/topics/{topic}/offsets',
    access: { needs: [onTopic('DESCRIBE')] },
    operation: () => ({
      summary: 'Find the offsets of a time, or of the beginning or the end',
      query: adminSchemas().offsetsQuery,
      example: { query: { at: '2026-01-31T12:00:00Z', limit: '2' } },
      answers: {
        200: { description: 'By partition', content: { [JSON_TYPE]: adminSchemas().offsetList } },
      },
    }),
    handle: offsetsRoute,
  },
  {
    method: 'DELETE',
    path: '/v1/topics/{topic}/records',
    access: { needs: [onTopic('DELETE')] },
    operation: () => ({
      summary: 'Delete the oldest records of every partition',
      query: adminSchemas().deleteTopicQuery,
      example: { query: { before: '2026-01-31T12:00:00Z' } },
      answers: {
        200: {
          description: 'Deleted; what is left begins there',
          content: { [JSON_TYPE]: adminSchemas().recordsDeleted },
        },
      },
    }),
    handle: deleteInTopic,
  },
  {
    method: 'DELETE',
    path: '/v1/topics/{topic}/partitions/{partition}/records',
    access: { needs: [onTopic('DELETE')] },
    operation: () => ({
      summary: 'Delete the oldest records of a partition',
      query: adminSchemas().deletePartitionQuery,
      example: { query: { before: '1' } },
      answers: {
        200: {
          description: 'Deleted; what is left begins there',
          content: { [JSON_TYPE]: adminSchemas().recordsDeleted },
        },
      },
    }),
    handle: deleteInPartition,
  },
]

async function listRoute({ broker, param, query }: Asked): Promise<Response | Problem> {
  const checked = validateQuery(adminSchemas().partitionsQuery, query)
  if (checked instanceof Problem) return checked
  const topic = await freshTopic(broker, param('topic'))
  if (topic instanceof Problem) return topic
  const page = pageOfNumbers(topic.partitions, checked)
  const from = page.items[0]
  if (from === undefined) return json({ items: [], next: null })
  const limit = Math.min(checked.limit ?? HTTP_LIST_LIMIT, page.items.length)
  const items = await showPartitions(broker, topic.name, { from, limit })
  if (items instanceof Problem) return items
  // The broker may give fewer than asked (max.request.partition.size.limit).
  const last = items.at(-1)?.partition ?? from
  return json({ items, next: last + 1 < topic.partitions ? String(last) : null })
}

async function showRoute({ broker, param, query }: Asked): Promise<Response | Problem> {
  const checked = validateQuery(schemas().noQuery, query)
  if (checked instanceof Problem) return checked
  const partition = partitionOf(param('partition'))
  if (partition instanceof Problem) return partition
  const topic = await freshTopic(broker, param('topic'))
  if (topic instanceof Problem) return topic
  if (partition >= topic.partitions) return noPartition(topic, partition)
  const shown = await showPartitions(broker, topic.name, { from: partition, limit: 1 })
  return shown instanceof Problem ? shown : json(shown[0])
}

async function addRoute(asked: Asked): Promise<Response | Problem> {
  const body = await checkedBody(asked, adminSchemas().newPartitions)
  if (body instanceof Problem) return body
  const { count, dryRun = false } = body
  const topic = asked.param('topic')
  const fields = { fallback: 'topic', [KafkaError.INVALID_PARTITIONS]: 'count' }
  const problem = await addPartitions(asked.broker, topic, count, dryRun, fields)
  return problem ?? json({ partitions: count, dryRun })
}

async function offsetsRoute({ broker, param, query }: Asked): Promise<Response | Problem> {
  const checked = validateQuery(adminSchemas().offsetsQuery, query)
  if (checked instanceof Problem) return checked
  const timestamp = placeOf(checked.at ?? 'latest')
  if (timestamp instanceof Problem) return timestamp
  const topic = await freshTopic(broker, param('topic'))
  if (topic instanceof Problem) return topic
  const { partition } = checked
  if (partition !== undefined && partition >= topic.partitions) return noPartition(topic, partition)
  const { items: partitions, next } =
    partition === undefined
      ? pageOfNumbers(topic.partitions, checked)
      : { items: [partition], next: null }
  const readCommitted = checked.isolation === 'read_committed'
  const found = await lookUpOffsets(broker, topic.name, { partitions, timestamp, readCommitted })
  const items = found.map((one) => ({
    partition: one.partition,
    offset: one.offset < 0 ? null : one.offset,
    timestamp: one.timestamp < 0 ? null : one.timestamp,
    ...(one.error === KafkaError.NONE ? {} : { error: errorName(one.error) }),
  }))
  return json({ items, next })
}

/** The time or place of ListOffsets that `at` names. */
function placeOf(at: string): number | Problem {
  if (at === 'earliest') return EARLIEST
  if (at === 'latest') return LATEST
  if (at === 'max-timestamp') return MAX_TIMESTAMP
  const ms = /^\d{1,15}$/.test(at) ? Number(at) : parseTime(at)
  const forms = 'earliest, latest, max-timestamp, an RFC 3339 time or milliseconds'
  return ms ?? badRequest('at', `at must be ${forms}`)
}

async function deleteInTopic(asked: Asked): Promise<Response | Problem> {
  const query = validateQuery(adminSchemas().deleteTopicQuery, asked.query)
  if (query instanceof Problem) return query
  const { before } = query
  if (before !== 'latest' && parseTime(before) === null) {
    return badRequest('before', 'before must be latest or an RFC 3339 time')
  }
  const topic = await freshTopic(asked.broker, asked.param('topic'))
  if (topic instanceof Problem) return topic
  const partitions = Array.from({ length: topic.partitions }, (_, partition) => partition)
  return deleteBefore(asked, partitions, before)
}

async function deleteInPartition(asked: Asked): Promise<Response | Problem> {
  const query = validateQuery(adminSchemas().deletePartitionQuery, asked.query)
  if (query instanceof Problem) return query
  const { before } = query
  if (before !== 'latest' && !/^\d{1,15}$/.test(before) && parseTime(before) === null) {
    return badRequest('before', 'before must be an offset, latest, or an RFC 3339 time')
  }
  const partition = partitionOf(asked.param('partition'))
  return partition instanceof Problem ? partition : deleteBefore(asked, [partition], before)
}

/** Offsets of all partitions are found before anything is deleted; then a failure says what was. */
async function deleteBefore(
  { broker, param }: Asked,
  partitions: readonly number[],
  before: string,
): Promise<Response | Problem> {
  const topic = await freshTopic(broker, param('topic'))
  if (topic instanceof Problem) return topic
  const unknown = partitions.find((partition) => partition >= topic.partitions)
  if (unknown !== undefined) return noPartition(topic, unknown)
  const offsets = new Map<number, number>()
  const timestamp = parseTime(before)
  if (timestamp === null) {
    const offset = before === 'latest' ? TO_THE_END : Number(before)
    for (const partition of partitions) offsets.set(partition, offset)
  } else {
    const found = await offsetsAt(broker, topic, { partitions, timestamp, readCommitted: false })
    if (found instanceof Problem) return found
    // No record is that late: all of them are older.
    for (const { partition, offset } of found) offsets.set(partition, offset)
  }
  const asked = [...offsets].map(([partitionIndex, offset]) => ({ partitionIndex, offset }))
  const request = { topics: [{ name: topic.name, partitions: asked }], timeoutMs: TIMEOUT_MS }
  const response = await deleteRecords(request, DELETE_RECORDS, broker)
  const answers = response.topics[0]?.partitions ?? []
  const items = answers
    .filter(({ errorCode }) => errorCode === KafkaError.NONE)
    .map(({ partitionIndex, lowWatermark }) => ({ partition: partitionIndex, start: lowWatermark }))
  const failed = answers.find(({ errorCode }) => errorCode !== KafkaError.NONE)
  if (failed === undefined) return json({ items })
  const { partitionIndex: partition, errorCode } = failed
  if (errorCode === KafkaError.OFFSET_OUT_OF_RANGE) {
    const offset = offsets.get(partition) ?? 0
    const problem = await outOfRange(broker, topic, { partition, offset }, false)
    return problem.with({ field: 'before' })
  }
  return deletionProblem(errorCode, topic.name).with({ members: { partition, deleted: items } })
}

function deletionProblem(errorCode: number, topic: string): Problem {
  if (errorCode !== KafkaError.POLICY_VIOLATION) return topicProblem(errorCode, topic)
  const detail = `records of ${topic} are compacted, not deleted: its cleanup.policy has no delete`
  return new Problem(errorCode, { field: 'topic', detail })
}
