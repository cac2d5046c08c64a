// /v1/topics/{topic}/events and /v1/events: the tail of one topic, or of several, as server-sent events.

import type { BrokerContext } from '../../broker/context.ts'
import { KafkaError } from '../../core/errors.ts'
import { fromBase64, utf8 } from '../../core/text.ts'
import { ObjectCallError } from '../../runtime/objects.ts'
import { onTopic } from '../access-rule.ts'
import { Events } from '../events.ts'
import { badRequest, Problem, unreachable } from '../problem.ts'
import type { Asked, Operation, Route } from '../route.ts'
import { schemas } from '../schemas.ts'
import type { TailAsk, TailFrom } from '../tail/contract.ts'
import { openTail } from '../tail/tail.ts'
import { validateQuery } from '../validate.ts'

const EVENT_STREAM = 'text/event-stream'
/** Parameters that may be given several times. */
const LISTS = ['topic', 'partition']

const STREAM: Pick<Operation, 'headers' | 'answers'> = {
  headers: { 'Last-Event-ID': 'The id of the last event had; goes before from' },
  answers: {
    200: {
      description:
        'Events without a name are records. malformed is a stretch of the log that cannot be read; reset tells that a topic was trimmed, recreated or deleted, with the position there was and the next; problem is the last event. An id without data moves the position',
      content: { [EVENT_STREAM]: null },
    },
  },
}

export const eventRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/topics/{topic}/events',
    access: { needs: [onTopic('READ')], takesQueryToken: true },
    operation: () => ({
      ...STREAM,
      summary: 'Follow a topic: an event a record, with an id that resumes exactly',
      query: schemas().eventsQuery,
      example: { query: { from: 'earliest' } },
    }),
    handle: topicRoute,
  },
  {
    method: 'GET',
    path: '/v1/events',
    access: {
      needs: [{ ...onTopic('READ'), name: { in: 'query', parameter: 'topic' } }],
      takesQueryToken: true,
    },
    operation: () => ({
      ...STREAM,
      summary: 'Follow several topics in one stream, whose ids name them by their topic ids',
      query: schemas().topicsEventsQuery,
      example: { query: { topic: 'orders', from: 'earliest' } },
    }),
    handle: topicsRoute,
  },
]

async function topicRoute(asked: Asked): Promise<Response | Problem> {
  const query = validateQuery(schemas().eventsQuery, asked.query, LISTS)
  return query instanceof Problem
    ? query
    : stream(asked, { ...query, topics: [asked.param('topic')], namesTopics: false })
}

async function topicsRoute(asked: Asked): Promise<Response | Problem> {
  const query = validateQuery(schemas().topicsEventsQuery, asked.query, LISTS)
  return query instanceof Problem
    ? query
    : stream(asked, { ...query, topics: query.topic, namesTopics: true })
}

interface EventsQuery {
  readonly from?: string | undefined
  readonly partition?: readonly number[] | undefined
  readonly key?: string | undefined
  readonly keyBase64?: string | undefined
  readonly isolation?: 'read_committed' | 'read_uncommitted' | undefined
}

async function stream(
  asked: Asked,
  query: EventsQuery & Pick<TailAsk, 'topics' | 'namesTopics'>,
): Promise<Response | Problem> {
  const { broker } = asked
  const key = keyOf(query)
  if (key instanceof Problem) return key
  const tail = await openTail(broker, {
    topics: query.topics,
    namesTopics: query.namesTopics,
    partitions: query.partition,
    key,
    from: fromOf(asked.request, query),
    readCommitted: query.isolation !== 'read_uncommitted',
  })
  if (tail instanceof Problem) return tail
  const events = new Events(tail, broker.timers)
  return new Response(streamOf(events, broker, asked.keepAlive), {
    headers: {
      'content-type': EVENT_STREAM,
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    },
  })
}

function keyOf({ key, keyBase64 }: EventsQuery): Uint8Array | undefined | Problem {
  if (key !== undefined && keyBase64 !== undefined) {
    return badRequest('keyBase64', 'key and keyBase64 exclude each other')
  }
  const bytes = keyBase64 === undefined ? utf8(key ?? '') : fromBase64(keyBase64)
  if (bytes === null) return badRequest('keyBase64', 'keyBase64 must be padded standard base64')
  return key === undefined && keyBase64 === undefined ? undefined : bytes
}

/** EventSource comes back with the URL it had and the id of the last event. */
function fromOf({ headers }: Request, { from = 'latest' }: EventsQuery): TailFrom {
  const lastId = headers.get('last-event-id') ?? ''
  return lastId === ''
    ? { field: 'from', text: from, resumes: false }
    : { field: 'last-event-id', text: lastId, resumes: true }
}

/** A stream that makes a piece when the one before was taken, and ends when the client goes. */
function streamOf(
  events: Events,
  broker: BrokerContext,
  keepAlive: Asked['keepAlive'],
): ReadableStream<Uint8Array> {
  let gone = false
  let isMaking = false
  let isOver = () => {}
  const { counts } = broker
  const ended = counts.opened('events')
  keepAlive(
    new Promise<void>((resolve) => {
      isOver = resolve
    }),
  )
  // A context that ended with a read under way would never give back the memory that the read has reserved.
  const end = () => {
    events.close()
    ended()
    if (!isMaking) events.released().then(isOver, isOver)
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        isMaking = true
        const piece = await events.piece().catch((error: unknown) => {
          const isBug = !(error instanceof ObjectCallError)
          broker.log(isBug ? 'error' : 'warn', 'event stream failed', { reason: String(error) })
          return events.lastWords(
            isBug ? new Problem(KafkaError.UNKNOWN_SERVER_ERROR) : unreachable(),
          )
        })
        isMaking = false
        if (gone) return end()
        if (piece !== null) {
          counts.add('sent|events', piece.length)
          void broker.tellCounts()
          return controller.enqueue(piece)
        }
        controller.close()
        end()
      },
      cancel() {
        gone = true
        end()
      },
    },
    { highWaterMark: 0 },
  )
}
