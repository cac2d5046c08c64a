// /v1/topics/{topic}/records and …/partitions/{p}/records: producing and reading. Checks the request and
// gives the answer its form; batches, placement and reading are their own files.

import { repliesPool } from '../../broker/budget.ts'
import type { TopicState } from '../../cluster/contract.ts'
import { KafkaError } from '../../core/errors.ts'
import { HTTP_READ_BYTES, HTTP_READ_LIMIT } from '../../core/limits.ts'
import { utf8 } from '../../core/text.ts'
import { onTopic } from '../access-rule.ts'
import { heldJson, json } from '../answer.ts'
import { append, batchBytesMax } from '../appender.ts'
import { BodyReader, JSON_FACTOR, readBody, textOfBody } from '../body.ts'
import {
  CLOUD_EVENT,
  CLOUD_EVENTS,
  type EventMode,
  eventMode,
  recordOfBinaryEvent,
  recordsOfEvents,
} from '../cloud-events.ts'
import { acceptsEvents, eventsForm } from '../cloud-events-out.ts'
import { KeyedRequest } from '../idempotency.ts'
import { IDEMPOTENCY_KEY, idempotencyKey, REPLAYED, requestId } from '../idempotency-key.ts'
import { type IngestDeps, ingest } from '../ndjson.ts'
import { isKnown, keptHeaders, tagOf, varying } from '../page-cache.ts'
import { noPartition, placement } from '../placement.ts'
import { badRequest, Problem } from '../problem.ts'
import { produceList } from '../produce.ts'
import { type PageForm, type ReadAnswer, type ReadStart, readRecords } from '../read-records.ts'
import { type IncomingRecord, recordsFromText } from '../record-in.ts'
import type { Asked, Route } from '../route.ts'
import { schemas } from '../schemas.ts'
import { parseTime } from '../time.ts'
import { freshTopic, partitionOf, withTopic } from '../topics.ts'
import { validateQuery } from '../validate.ts'

const JSON_TYPE = 'application/json'
const NDJSON_TYPE = 'application/x-ndjson'
/** A raw value is held as a body and as a batch. */
const RAW_FACTOR = 2

export const recordRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/v1/topics/{topic}/records',
    access: { needs: [onTopic('WRITE')] },
    operation: () => ({
      summary: 'Produce one record, a list of records, or a stream of one record a line',
      query: schemas().produceQuery,
      headers: {
        [IDEMPOTENCY_KEY]:
          'Makes a retry safe: 1 to 128 visible ASCII characters, new for each request. For 24 hours the same key and body are answered as before, with Idempotent-Replayed: true; another body is 422, and 409 says that the first request is still running',
      },
      body: {
        [JSON_TYPE]: schemas().produceBody,
        [NDJSON_TYPE]: schemas().record,
        [CLOUD_EVENT]: schemas().cloudEvent,
        [CLOUD_EVENTS]: schemas().cloudEvents,
        '*/*': null,
      },
      example: { body: { key: 'o-1', value: { total: 12 } } },
      answers: {
        200: {
          description: 'Durable. A stream is answered with a summary',
          content: { [JSON_TYPE]: schemas().produceAnswer },
        },
      },
    }),
    handle: produceRoute,
  },
  {
    method: 'GET',
    path: '/v1/topics/{topic}/partitions/{partition}/records',
    access: { needs: [onTopic('READ')] },
    operation: () => ({
      summary: 'Read records of one partition from an offset or a time on',
      query: schemas().readQuery,
      headers: { 'If-None-Match': 'The ETag of a page that is kept' },
      example: { query: { offset: '0', limit: '10' } },
      answers: {
        200: {
          description: 'Records in offset order; none when there are none in time',
          content: { [JSON_TYPE]: schemas().readAnswer, [CLOUD_EVENTS]: schemas().cloudEvents },
        },
        304: { description: 'The page that If-None-Match names' },
      },
    }),
    handle: readRoute,
  },
]

async function produceRoute(asked: Asked): Promise<Response | Problem> {
  const mode = eventMode(asked.request.headers)
  if (mode instanceof Problem) return mode
  if (mode !== null) return produceEvents(asked, mode)
  const type = mediaType(asked.request.headers.get('content-type'))
  if (type instanceof Problem) return type
  if (type === 'raw') return produceRaw(asked)
  // The most frequent request of all has none.
  const query = asked.query.size === 0 ? null : validateQuery(schemas().noQuery, asked.query)
  if (query instanceof Problem) return query
  return type === 'json' ? produceJson(asked) : produceLines(asked)
}

/** A type that looks like JSON and is not one of ours would store the envelope as the value: refused. */
function mediaType(header: string | null): 'json' | 'ndjson' | 'raw' | Problem {
  const [type = '', ...parameters] = (header ?? '')
    .toLowerCase()
    .split(';')
    .map((part) => part.trim())
  const known = type === JSON_TYPE ? 'json' : type === NDJSON_TYPE ? 'ndjson' : null
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))
  const isUtf8 = charset === undefined || /^charset="?utf-?8"?$/.test(charset)
  if (known !== null && isUtf8) return known
  if (known === null && !type.includes('json')) return 'raw'
  return badRequest(
    'content-type',
    `${header} is not taken: send ${JSON_TYPE} or ${NDJSON_TYPE} in UTF-8, or any type without json in its name for a raw value`,
    {
      status: 415,
      headers: { 'accept-post': `${JSON_TYPE}, ${NDJSON_TYPE}, */*` },
    },
  )
}

async function produceJson(asked: Asked): Promise<Response | Problem> {
  return produceBody(asked, JSON_FACTOR, (bytes) => {
    const text = textOfBody(bytes)
    return text instanceof Problem ? text : recordsFromText(text)
  })
}

/** An event in whatever mode; of a batch each chooses its own partition by its key. */
async function produceEvents(asked: Asked, mode: EventMode): Promise<Response | Problem> {
  const schema = mode === 'batched' ? schemas().noQuery : schemas().produceQuery
  const query = validateQuery(schema, asked.query)
  if (query instanceof Problem) return query
  return produceBody(asked, JSON_FACTOR, (bytes) => {
    if (mode === 'binary') {
      const one = recordOfBinaryEvent(asked.request.headers, bytes, query)
      return one instanceof Problem ? one : [one]
    }
    const text = textOfBody(bytes)
    return text instanceof Problem ? text : recordsOfEvents(text, mode, query)
  })
}

async function produceRaw(asked: Asked): Promise<Response | Problem> {
  const query = validateQuery(schemas().produceQuery, asked.query)
  if (query instanceof Problem) return query
  return produceBody(asked, RAW_FACTOR, (value) => [
    {
      key: query.key === undefined ? null : utf8(query.key),
      value,
      headers: [],
      partition: query.partition ?? null,
      timestamp: query.timestamp ?? null,
    },
  ])
}

/** Produces what `parse` makes of the body, which is not kept beside its records. */
async function produceBody(
  asked: Asked,
  factor: number,
  parse: (bytes: Uint8Array) => IncomingRecord[] | Problem,
): Promise<Response | Problem> {
  const body = await readBody(asked.request, asked.broker, factor)
  if (body instanceof Problem) return body
  const { memory } = body
  try {
    const records = parse(body.take())
    return records instanceof Problem ? records : await produceAll(asked, records)
  } finally {
    memory.release()
  }
}

async function produceAll(
  { broker, keepAlive, random, request, param }: Asked,
  records: readonly IncomingRecord[],
): Promise<Response | Problem> {
  const key = idempotencyKey(request.headers)
  if (key instanceof Problem) return key
  const producing = produceList(broker, { topic: param('topic'), records, key, random })
  // Whoever retries is told that it runs until it has ended, so it must, whether the client waits or not.
  if (key !== null) keepAlive(producing.catch(() => {}))
  const produced = await producing
  if (produced instanceof Problem) return produced
  return json({ offsets: produced.offsets }, 200, produced.isReplayed ? REPLAYED : undefined)
}

async function produceLines(asked: Asked): Promise<Response | Problem> {
  const { broker, request } = asked
  const key = idempotencyKey(request.headers)
  if (key instanceof Problem) return key
  const id = key === null ? null : await requestId(key, broker.access.principal)
  const topic = await freshTopic(broker, asked.param('topic'))
  if (topic instanceof Problem) return topic
  const keyed = id === null ? null : new KeyedRequest(broker, topic, id, broker.timers.now())
  const ingesting = ingest({
    reader: new BodyReader(request.body, broker.timers),
    timers: broker.timers,
    budget: broker.budget,
    batchBytesMax: batchBytesMax(topic),
    ...(keyed === null
      ? {
          place: placement(topic, asked.random),
          append: (partition, batch) => append(broker, topic, partition, batch),
        }
      : keyedStream(keyed)),
  }).finally(() => keyed?.end(null))
  asked.keepAlive(ingesting.catch(() => {}))
  const summary = await ingesting
  if (summary instanceof Problem) return summary
  return json(summary, 200, keyed?.isReplayed === true ? REPLAYED : undefined)
}

function keyedStream(request: KeyedRequest): Pick<IngestDeps, 'place' | 'append' | 'keyed'> {
  return {
    place: request.place,
    append: (partition, batch) => request.append(partition, batch),
    keyed: { take: (record) => request.take(record), whole: () => request.whole() },
  }
}

async function readRoute(asked: Asked): Promise<Response | Problem> {
  const { broker } = asked
  const query = validateQuery(schemas().readQuery, asked.query)
  if (query instanceof Problem) return query
  const start = startOf(query)
  if (start instanceof Problem) return start
  const partition = partitionOf(asked.param('partition'))
  if (partition instanceof Problem) return partition
  const { topicId } = query
  const isKept = topicId !== undefined && typeof start === 'number'
  const events = acceptsEvents(asked.request.headers.get('accept'))
  const read = await withTopic(broker, asked.param('topic'), async (topic) => {
    if (topicId !== undefined && topicId !== topic.id) return otherTopic(topic, topicId)
    if (partition >= topic.partitions) return noPartition(topic, partition)
    return readRecords(broker, topic, partition, {
      form: events ? eventsForm(topic) : recordsForm(isKept),
      start,
      limit: query.limit ?? HTTP_READ_LIMIT,
      maxBytes: query.maxBytes ?? HTTP_READ_BYTES,
      waitMs: query.waitMs ?? 0,
      readCommitted: query.isolation !== 'read_uncommitted',
    })
  })
  if (read instanceof Problem) return read
  const { timers, budget } = broker
  const { keepAlive } = asked
  const tag = isKept && read.isFull ? tagOf(read.parts, start, read.nextOffset) : null
  const headers = { vary: varying(broker.access), ...(tag === null ? {} : keptHeaders(tag)) }
  if (tag !== null && isKnown(asked.request.headers.get('if-none-match'), tag)) {
    read.release()
    return new Response(null, { status: 304, headers })
  }
  const pool = repliesPool(budget, query.maxBytes ?? HTTP_READ_BYTES)
  const deps = { timers, pool, release: read.release, keepAlive }
  const ofEvents = events ? eventHeaders(asked, read) : {}
  return heldJson(read.parts, deps, { ...headers, ...ofEvents })
}

/** Of a page that may be kept, what moves is left out: whoever keeps it would be told what was. */
function recordsForm(isKept: boolean): PageForm {
  return {
    open: '{"records":[',
    item: (json) => json,
    close: ({ nextOffset, highWatermark, lastStableOffset, earliest, isFull }) =>
      isKept && isFull
        ? `],"nextOffset":${nextOffset}}`
        : `],"nextOffset":${nextOffset},"highWatermark":${highWatermark},` +
          `"lastStableOffset":${lastStableOffset},"earliest":${earliest}}`,
  }
}

/** An array of events has no place for where to go on: that is a link. */
function eventHeaders({ request, query }: Asked, { nextOffset }: ReadAnswer) {
  const next = new URLSearchParams(query)
  next.delete('timestamp')
  next.set('offset', String(nextOffset))
  const link = `<${new URL(request.url).pathname}?${next}>; rel="next"`
  return { 'content-type': `${CLOUD_EVENTS}; charset=utf-8`, link }
}

function otherTopic({ name, id }: TopicState, asked: string): Problem {
  const detail = `topic ${name} has the id ${id}: the one of id ${asked} is gone`
  return new Problem(KafkaError.UNKNOWN_TOPIC_ID, { field: 'topicId', detail })
}

function startOf(query: {
  readonly offset?: number | 'earliest' | 'latest' | undefined
  readonly timestamp?: number | string | undefined
}): ReadStart | Problem {
  const { offset = 'earliest', timestamp } = query
  if (timestamp === undefined) return offset
  if (query.offset !== undefined) {
    return badRequest('timestamp', 'offset and timestamp exclude each other')
  }
  const ms = typeof timestamp === 'number' ? timestamp : parseTime(timestamp)
  if (ms !== null) return { timestamp: ms }
  return badRequest(
    'timestamp',
    'timestamp must be milliseconds since the epoch or an RFC 3339 time',
  )
}
