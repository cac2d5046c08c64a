// The shapes of everything HTTP takes and gives, as zod schemas: the same ones validate requests and
// make the OpenAPI document. Made on first use, because a start must not pay for them. Not the meaning
// of a record's fields, which is records.ts.

import * as z from 'zod/mini'
import {
  HTTP_LIST_LIMIT,
  HTTP_LIST_LIMIT_MAX,
  HTTP_READ_BYTES,
  HTTP_READ_BYTES_MAX,
  HTTP_READ_LIMIT,
  HTTP_READ_LIMIT_MAX,
  HTTP_WAIT_MS_MAX,
  PARTITIONS_PER_TOPIC,
} from '../core/limits.ts'
import { both, lazily } from './lazily.ts'

/** All schemas by name; those with an id in their meta are shared parts of the document. */
export type Schemas = ReturnType<typeof makeSchemas>

let made: Schemas | null = null

/** The schemas, made once per isolate. */
export function schemas(): Schemas {
  made ??= makeSchemas()
  return made
}

function makeSchemas() {
  // Production refuses eval, which zod otherwise compiles its checks with.
  z.config({ jitless: true })
  const records = lazily(recordSchemas, ['record', 'recordList', 'headerOut', 'produceBody'])
  const events = lazily(cloudEventSchemas, ['cloudEvent', 'cloudEvents'])
  const topics = lazily(topicSchemas, ['newTopic', 'topicChange', 'topicsQuery'])
  const shownTopics = lazily(shownTopicSchemas, ['topic', 'topicList'])
  const queries = lazily(querySchemas, [
    'produceQuery',
    'readQuery',
    'eventsQuery',
    'topicsEventsQuery',
  ])
  const answers = lazily(
    () => answerSchemas(records.headerOut),
    ['produced', 'ingested', 'produceAnswer', 'readAnswer', 'problem'],
  )
  const nothing = lazily(() => ({ noQuery: z.strictObject({}) }), ['noQuery'])
  return both(
    both(both(records, events), both(topics, shownTopics)),
    both(both(queries, answers), nothing),
  )
}

/** A schema with a description in the document. */
export function described(description: string) {
  return z.meta({ description })
}

/** A whole number within bounds. */
export function wholeNumber(from: number, to: number = Number.MAX_SAFE_INTEGER) {
  return z.int().check(z.gte(from), z.lte(to))
}

function base64(of: string) {
  return z.string().check(z.meta({ contentEncoding: 'base64', description: `${of}, in base64` }))
}

/** An RFC 3339 time. Which texts are times is time.ts's to say: the document only names the format. */
export function timeText() {
  return z.string().check(z.meta({ format: 'date-time' }))
}

/** The query parameters of a list; `name` says what `q` and `after` look at. */
export function listQuery(name: string) {
  return {
    limit: z.optional(
      wholeNumber(1, HTTP_LIST_LIMIT_MAX).check(
        z.meta({ default: HTTP_LIST_LIMIT, description: 'Most items of one answer' }),
      ),
    ),
    after: z.optional(z.string().check(described('`next` of the page before'))),
    q: z.optional(
      z.string().check(described(`Items whose ${name} contains this, in any letter case`)),
    ),
  }
}

/** A page of items. */
export function listOf<Item extends z.ZodMiniType>(item: Item) {
  return z.strictObject({
    items: z.array(item),
    next: z
      .nullable(z.string())
      .check(described('`after` of the next page; null when this is the last')),
  })
}

function recordSchemas() {
  const jsonOf = (what: string) =>
    z
      .unknown()
      .check(
        described(
          `${what}: a string is its UTF-8 bytes, null is null, any other JSON is its JSON text`,
        ),
      )
  const header = z
    .strictObject({
      key: z.string(),
      value: z.optional(jsonOf('The value')),
      valueBase64: z.optional(base64('The value')),
    })
    .check(z.meta({ id: 'Header' }))
  const record = z
    .strictObject({
      key: z.optional(jsonOf('The key')),
      keyBase64: z.optional(base64('The key')),
      value: z.optional(jsonOf('The value (null is a tombstone)')),
      valueBase64: z.optional(base64('The value')),
      headers: z.optional(z.array(header)),
      partition: z.optional(
        wholeNumber(0).check(
          described('By default that of the key, as a Java client chooses it; without a key any'),
        ),
      ),
      timestamp: z.optional(
        wholeNumber(0).check(described('Milliseconds since the epoch; by default now')),
      ),
    })
    .check(z.meta({ id: 'Record' }))
  const recordList = z
    .strictObject({ records: z.array(record) })
    .check(z.meta({ id: 'RecordList' }))
  const headerOut = z
    .strictObject({
      key: z.string(),
      value: z.optional(z.nullable(z.string())),
      valueBase64: z.optional(base64('A value that is not UTF-8')),
    })
    .check(z.meta({ id: 'StoredHeader' }))
  const produceBody = z.union([record, recordList])
  return { record, recordList, headerOut, produceBody }
}

function cloudEventSchemas() {
  const text = () => z.string().check(z.minLength(1, { error: 'must not be empty' }))
  const optionalText = () => z.optional(z.nullable(text()))
  const cloudEvent = z
    .looseObject({
      specversion: z.enum(['1.0']),
      id: text(),
      source: text(),
      type: text(),
      subject: optionalText(),
      time: optionalText(),
      datacontenttype: optionalText(),
      dataschema: optionalText(),
      partitionkey: optionalText(),
      data: z.optional(z.unknown()),
      data_base64: z.optional(base64('The data')),
    })
    .check(z.meta({ id: 'CloudEvent' }))
  return { cloudEvent, cloudEvents: z.array(cloudEvent) }
}

function topicSchemas() {
  const partitions = wholeNumber(1, PARTITIONS_PER_TOPIC)
  const setting = z.union([z.string(), z.number(), z.boolean()], {
    error: 'must be a string, a number or a boolean',
  })
  const settingOrDefault = z.union([z.string(), z.number(), z.boolean(), z.null()], {
    error: 'must be a string, a number, a boolean, or null for the default',
  })
  const newTopic = z
    .strictObject({
      // Kafka has an error of its own for a name that is none.
      name: z.string().check(z.meta({ pattern: '^[a-zA-Z0-9._-]{1,249}$' })),
      partitions: z.optional(partitions.check(described('By default num.partitions'))),
      configs: z.optional(
        z.record(z.string(), setting).check(described("Kafka's names of topic configurations")),
      ),
    })
    .check(z.meta({ id: 'NewTopic' }))
  const topicChange = z
    .strictObject({
      partitions: z.optional(partitions.check(described('Partitions are only ever added'))),
      configs: z.optional(
        z.record(z.string(), settingOrDefault).check(described('null returns to the default')),
      ),
    })
    .check(z.meta({ id: 'TopicChange', minProperties: 1 }))
  return { newTopic, topicChange, topicsQuery: z.strictObject(listQuery('name')) }
}

function shownTopicSchemas() {
  const status = z
    .strictObject({
      state: z.enum(['ok', 'degraded']),
      problems: z.array(
        z.strictObject({
          partition: z.int(),
          since: z.nullable(z.string().check(described('ISO 8601'))),
          reason: z.string(),
        }),
      ),
    })
    .check(described('With remote storage: what keeps partitions from using it'))
  const topic = z
    .strictObject({
      name: z.string(),
      id: z.string(),
      partitions: z.int(),
      configs: z
        .nullable(z.record(z.string(), z.nullable(z.string())))
        .check(described('What is set on this topic; null to who may not DESCRIBE_CONFIGS')),
      effectiveConfigs: z
        .nullable(z.record(z.string(), z.nullable(z.string())))
        .check(described('What holds for this topic, defaults included; null as configs is')),
      status: z.optional(status),
    })
    .check(z.meta({ id: 'Topic' }))
  const worstGroup = z.strictObject({ groupId: z.string(), lag: z.int() })
  const topicList = listOf(
    z.strictObject({
      name: z.string(),
      id: z.string(),
      partitions: z.int(),
      records: z
        .nullable(z.int())
        .check(described('Offsets from start to end, as leaders last reported; null: not known')),
      sizeBytes: z.nullable(z.int()),
      recordsPerSecond: z.nullable(z.number()),
      bytesPerSecond: z.nullable(z.number()),
      worstGroup: z
        .nullable(worstGroup)
        .check(described('The group that lags most here, in records; null: nobody reads it')),
      reported: z.nullable(timeText()).check(described('When a leader of it last reported')),
    }),
  ).check(z.meta({ id: 'TopicList' }))
  return { topic, topicList }
}

/** Query parameters; a parameter of digits is a number here where its schema says number. */
function querySchemas() {
  const isolation = z.optional(
    z
      .enum(['read_committed', 'read_uncommitted'])
      .check(described('By default read_committed. Control records are never shown')),
  )
  const produceQuery = z.strictObject({
    key: z.optional(z.string().check(described('The key; without it the record has none'))),
    partition: z.optional(wholeNumber(0)),
    timestamp: z.optional(wholeNumber(0)),
  })
  const readQuery = z.strictObject({
    offset: z.optional(
      z
        .union([wholeNumber(0), z.enum(['earliest', 'latest'])], {
          error: 'must be a whole number from 0, earliest or latest',
        })
        .check(described('Where to start; by default earliest')),
    ),
    timestamp: z.optional(
      z
        .union([wholeNumber(0), timeText()], {
          error: 'must be milliseconds since the epoch or an RFC 3339 time',
        })
        .check(
          described(
            'Start at the first record at or after this time: milliseconds or RFC 3339. Not with offset',
          ),
        ),
    ),
    limit: z.optional(
      wholeNumber(1, HTTP_READ_LIMIT_MAX).check(
        z.meta({ default: HTTP_READ_LIMIT, description: 'Most records of one answer' }),
      ),
    ),
    maxBytes: z.optional(
      wholeNumber(1, HTTP_READ_BYTES_MAX).check(
        z.meta({
          default: HTTP_READ_BYTES,
          description: 'Most bytes of keys, values and headers; one record is always given',
        }),
      ),
    ),
    waitMs: z.optional(
      wholeNumber(0, HTTP_WAIT_MS_MAX).check(
        z.meta({ default: 0, description: 'How long to wait for a first record' }),
      ),
    ),
    topicId: z.optional(
      z
        .string()
        .check(
          described(
            'Read the topic of this id only. A page that nothing can be added to may then be kept: it has an ETag, and leaves out the offsets that move',
          ),
        ),
    ),
    isolation,
  })
  const followed = {
    from: z.optional(
      z.string().check(
        z.meta({
          default: 'latest',
          description:
            'earliest, latest, an RFC 3339 time, or the id of an event, behind which it goes on; Last-Event-ID goes before it',
        }),
      ),
    ),
    partition: z.optional(
      z
        .array(wholeNumber(0))
        .check(described('Only these partitions, of one topic; may be given several times')),
    ),
    key: z.optional(
      z.string().check(described('Only records of this key; only its partition is read')),
    ),
    keyBase64: z.optional(base64('A key that is not UTF-8')),
    isolation,
  }
  const eventsQuery = z.strictObject(followed)
  const topicsEventsQuery = z.strictObject({
    topic: z
      .array(z.string())
      .check(described('The topics, in the order in which ids name them; given once for each')),
    ...followed,
  })
  return { produceQuery, readQuery, eventsQuery, topicsEventsQuery }
}

function answerSchemas(headerOut: ReturnType<typeof recordSchemas>['headerOut']) {
  const produced = z
    .strictObject({
      offsets: z
        .array(z.strictObject({ partition: z.int(), offset: z.int(), timestamp: z.int() }))
        .check(described('In the order of the records')),
    })
    .check(z.meta({ id: 'Produced' }))
  const ingested = z
    .strictObject({
      count: z.int(),
      partitions: z.record(z.string(), z.strictObject({ first: z.int(), last: z.int() })),
    })
    .check(z.meta({ id: 'Ingested' }))
  const storedRecord = z
    .strictObject({
      partition: z.int(),
      offset: z.int(),
      timestamp: z.int(),
      key: z.optional(z.nullable(z.string())),
      keyBase64: z.optional(base64('A key that is not UTF-8')),
      value: z.optional(z.nullable(z.string())),
      valueBase64: z.optional(base64('A value that is not UTF-8')),
      headers: z.array(headerOut),
    })
    .check(z.meta({ id: 'StoredRecord' }))
  const malformedBatch = z
    .strictObject({
      partition: z.int(),
      offset: z.int(),
      lastOffset: z.int().check(described('Reading goes on behind it')),
      error: z.string().check(described("Kafka's name of the error")),
      detail: z.string(),
    })
    .check(z.meta({ id: 'MalformedBatch' }))
  const readAnswer = z
    .strictObject({
      records: z.array(z.union([storedRecord, malformedBatch])),
      nextOffset: z.int(),
      highWatermark: z.optional(z.int()),
      lastStableOffset: z.optional(z.int()),
      earliest: z.optional(z.int()),
    })
    .check(z.meta({ id: 'Records' }))
  const problem = z
    .looseObject({
      code: z.string().check(described("Kafka's name of the error")),
      status: z.int(),
      title: z.string(),
      detail: z.string(),
      field: z.optional(z.string().check(described('The field, parameter or header at fault'))),
    })
    .check(z.meta({ id: 'Problem' }))
  return { produced, ingested, produceAnswer: z.union([produced, ingested]), readAnswer, problem }
}
