// The messages of `/v1/live` (subprotocol ottla.v1), both ways, as zod schemas: the same ones check what a
// client says, type the session, and stand in the OpenAPI document. JSON text, one object a message; the
// texts `ping` and `pong` beside them are signs of life and no messages. Not what they mean, which is
// session.ts. Made on first use, as http/schemas.ts.

import * as z from 'zod/mini'
import {
  LIVE_CLIENT_ID_CHARACTERS,
  LIVE_COMMIT_PARTITIONS,
  LIVE_GROUP_NAME_CHARACTERS,
  LIVE_MAX_POLL_MS,
  LIVE_MAX_POLL_MS_MAX,
  LIVE_TOPICS,
} from '../core/limits/live.ts'
import { described, schemas, wholeNumber } from '../http/schemas.ts'
import { LIVE_PROTOCOL } from './protocol.ts'

/** All schemas, by direction and type. */
export type LiveSchemas = ReturnType<typeof makeSchemas>

type Outputs<Schemas extends Readonly<Record<string, z.ZodMiniType>>> = {
  [Type in keyof Schemas]: z.output<Schemas[Type]>
}

/** What a client says, by type. */
export type ClientMessages = Outputs<LiveSchemas['client']>
export type ClientMessage = ClientMessages[keyof ClientMessages]

/** What the server says, by type. `records` is written as text and never made as an object here. */
export type ServerMessages = Outputs<LiveSchemas['server']>
export type ServerMessage = ServerMessages[keyof ServerMessages]

let made: LiveSchemas | null = null

/** The schemas, made once per isolate. */
export function liveSchemas(): LiveSchemas {
  made ??= makeSchemas()
  return made
}

function makeSchemas() {
  return { client: clientSchemas(), server: serverSchemas() }
}

const SUB_MAX = 2 ** 31 - 1
const BYTES_MAX = 2 ** 31

function sub() {
  return wholeNumber(1, SUB_MAX).check(described("The client's own number of a subscription"))
}

function id() {
  return wholeNumber(0).check(described("The client's own number of a request"))
}

function topics() {
  return z
    .array(z.string().check(z.minLength(1, { error: 'must not be empty' })))
    .check(
      z.minLength(1, { error: 'must name a topic' }),
      z.maxLength(LIVE_TOPICS, { error: `must name at most ${LIVE_TOPICS} topics` }),
    )
}

function grant() {
  return wholeNumber(1, BYTES_MAX).check(
    described(
      'Bytes of records the server may send: of each message the UTF-8 length of its `records` array',
    ),
  )
}

function partitionAt() {
  return { topic: z.string(), partition: wholeNumber(0) }
}

function offsets() {
  return z
    .array(
      z.strictObject({
        ...partitionAt(),
        offset: wholeNumber(0).check(described('Of the record to be read next')),
        metadata: z.optional(z.string()),
      }),
    )
    .check(
      z.maxLength(LIVE_COMMIT_PARTITIONS, {
        error: `must have at most ${LIVE_COMMIT_PARTITIONS} entries`,
      }),
    )
}

function clientSchemas() {
  const subscribe = z
    .strictObject({
      type: z.literal('subscribe'),
      sub: sub(),
      topics: topics(),
      partitions: z.optional(
        z.array(wholeNumber(0)).check(described('Of the one topic; by default all, new ones too')),
      ),
      key: z.optional(
        z.string().check(described('Only records with this key; only its partition is read')),
      ),
      keyBase64: z.optional(z.string().check(z.meta({ contentEncoding: 'base64' }))),
      from: z.optional(
        z.string().check(
          z.meta({
            default: 'latest',
            description: 'earliest, latest, an RFC 3339 time, or the position had last',
          }),
        ),
      ),
      isolation: z.optional(z.enum(['read_committed', 'read_uncommitted'])),
      bytes: grant(),
    })
    .check(z.meta({ id: 'LiveSubscribe' }))
  const grantMore = z
    .strictObject({ type: z.literal('grant'), sub: sub(), bytes: grant() })
    .check(z.meta({ id: 'LiveGrant' }))
  const unsubscribe = z
    .strictObject({ type: z.literal('unsubscribe'), sub: sub() })
    .check(z.meta({ id: 'LiveUnsubscribe' }))
  const produce = z
    .strictObject({
      type: z.literal('produce'),
      id: id(),
      topic: z.string(),
      records: z.array(schemas().record),
      idempotencyKey: z.optional(
        z.string().check(described('As the header Idempotency-Key of a POST')),
      ),
    })
    .check(z.meta({ id: 'LiveProduce' }))
  const join = z
    .strictObject({
      type: z.literal('join'),
      sub: sub(),
      group: z.string().check(
        z.minLength(1, { error: 'must not be empty' }),
        z.maxLength(LIVE_GROUP_NAME_CHARACTERS, {
          error: `must have at most ${LIVE_GROUP_NAME_CHARACTERS} characters`,
        }),
      ),
      topics: topics(),
      from: z.optional(
        z
          .enum(['earliest', 'latest'])
          .check(
            z.meta({ default: 'latest', description: 'Where the group has nothing committed' }),
          ),
      ),
      isolation: z.optional(z.enum(['read_committed', 'read_uncommitted'])),
      bytes: grant(),
      clientId: z.optional(
        z.string().check(
          z.minLength(1, { error: 'must not be empty' }),
          z.maxLength(LIVE_CLIENT_ID_CHARACTERS, {
            error: `must have at most ${LIVE_CLIENT_ID_CHARACTERS} characters`,
          }),
          described("Kafka's client.id, which descriptions of the group show"),
        ),
      ),
      maxPollIntervalMs: z.optional(
        wholeNumber(1_000, LIVE_MAX_POLL_MS_MAX).check(
          z.meta({
            default: LIVE_MAX_POLL_MS,
            description:
              'How long records may be unprocessed, or a revocation unanswered, before the member is out',
          }),
        ),
      ),
    })
    .check(z.meta({ id: 'LiveJoin' }))
  const commit = z
    .strictObject({ type: z.literal('commit'), id: id(), sub: sub(), offsets: offsets() })
    .check(z.meta({ id: 'LiveCommit' }))
  const processed = z
    .strictObject({ type: z.literal('processed'), sub: sub(), offsets: offsets() })
    .check(z.meta({ id: 'LiveProcessed' }))
  const revoked = z
    .strictObject({ type: z.literal('revoked'), sub: sub() })
    .check(z.meta({ id: 'LiveLetGo' }))
  const leave = z
    .strictObject({ type: z.literal('leave'), sub: sub() })
    .check(z.meta({ id: 'LiveLeave' }))
  return {
    subscribe,
    grant: grantMore,
    unsubscribe,
    produce,
    join,
    commit,
    processed,
    revoked,
    leave,
  }
}

function serverSchemas() {
  const position = () =>
    z
      .string()
      .check(
        described(
          'What was delivered last, as the ids of events: `0:123,1:88`, of several topics with their ids',
        ),
      )
  const subject = { sub: sub(), topic: z.string(), topicId: z.string() }
  const hello = z
    .strictObject({ type: z.literal('hello'), version: z.literal(LIVE_PROTOCOL) })
    .check(z.meta({ id: 'LiveHello' }))
  const subscribed = z
    .strictObject({ type: z.literal('subscribed'), sub: sub(), position: position() })
    .check(z.meta({ id: 'LiveSubscribed' }))
  const records = z
    .strictObject({
      type: z.literal('records'),
      ...subject,
      records: schemas().readAnswer.shape.records,
      position: position(),
      bytes: z.int().check(described('What these took of the grant')),
    })
    .check(z.meta({ id: 'LiveRecords' }))
  const moved = z
    .strictObject({ type: z.literal('position'), sub: sub(), position: position() })
    .check(z.meta({ id: 'LivePosition' }))
  const starved = z
    .strictObject({
      type: z.literal('starved'),
      sub: sub(),
      bytes: z.int().check(described('What the next record takes; less than that is granted')),
    })
    .check(z.meta({ id: 'LiveStarved' }))
  const reset = z
    .strictObject({
      type: z.literal('reset'),
      sub: sub(),
      topic: z.string(),
      partition: z.optional(z.int()),
      reason: z.enum(['trimmed', 'recreated', 'deleted']),
      position: position(),
      next: z
        .nullable(position())
        .check(described('Where it goes on; null when the subscription is over')),
    })
    .check(z.meta({ id: 'LiveReset' }))
  const unsubscribed = z
    .strictObject({ type: z.literal('unsubscribed'), sub: sub() })
    .check(z.meta({ id: 'LiveUnsubscribed' }))
  const ack = z
    .strictObject({
      type: z.literal('ack'),
      id: id(),
      offsets: schemas().produced.shape.offsets,
      replayed: z.optional(z.literal(true)),
    })
    .check(z.meta({ id: 'LiveAck' }))
  const joined = z
    .strictObject({ type: z.literal('joined'), sub: sub(), memberId: z.string() })
    .check(z.meta({ id: 'LiveJoined' }))
  const assigned = z
    .strictObject({
      type: z.literal('assigned'),
      sub: sub(),
      partitions: z
        .array(z.strictObject({ ...partitionAt(), offset: z.int() }))
        .check(described('Those that came, with the offset that reading begins at')),
    })
    .check(z.meta({ id: 'LiveAssigned' }))
  const revoked = z
    .strictObject({
      type: z.literal('revoked'),
      sub: sub(),
      partitions: z.array(z.strictObject(partitionAt())),
      lost: z.optional(
        z.literal(true).check(described('They are gone already: commits of them are refused')),
      ),
      reason: z.optional(
        z
          .enum(['fenced', 'max.poll.interval.ms'])
          .check(described('Of what is lost: why. It rejoins when the client has let go')),
      ),
    })
    .check(z.meta({ id: 'LiveRevoked' }))
  const committed = z
    .strictObject({ type: z.literal('committed'), id: id() })
    .check(z.meta({ id: 'LiveCommitted' }))
  const left = z
    .strictObject({ type: z.literal('left'), sub: sub() })
    .check(z.meta({ id: 'LiveLeft' }))
  const error = z
    .strictObject({
      type: z.literal('error'),
      id: z.optional(id()),
      sub: z.optional(sub().check(described('That subscription is over'))),
      problem: schemas().problem,
    })
    .check(z.meta({ id: 'LiveError' }))
  return {
    hello,
    subscribed,
    records,
    position: moved,
    starved,
    reset,
    unsubscribed,
    ack,
    joined,
    assigned,
    revoked,
    committed,
    left,
    error,
  }
}
