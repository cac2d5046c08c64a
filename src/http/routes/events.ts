// /v1/topics/{topic}/events: the tail of a topic as server-sent events.

import type { BrokerContext } from '../../broker/context.ts'
import { Events } from '../events.ts'
import { startOffsets } from '../events-start.ts'
import { Problem } from '../problem.ts'
import type { Asked, Route } from '../route.ts'
import { schemas } from '../schemas.ts'
import { freshTopic } from '../topics.ts'
import { validateQuery } from '../validate.ts'

const EVENT_STREAM = 'text/event-stream'

export const eventRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/topics/{topic}/events',
    operation: () => ({
      summary: 'Follow a topic: an event a record, with an id that resumes exactly',
      query: schemas().eventsQuery,
      headers: { 'Last-Event-ID': 'The id of the last event had; goes before from' },
      example: { query: { from: 'earliest' } },
      answers: {
        200: {
          description:
            'Events without a name are records; malformed, gap and problem say what else there is',
          content: { [EVENT_STREAM]: null },
        },
      },
    }),
    handle: eventsRoute,
  },
]

async function eventsRoute(asked: Asked): Promise<Response | Problem> {
  const { broker, request } = asked
  const query = validateQuery(schemas().eventsQuery, asked.query)
  if (query instanceof Problem) return query
  const topic = await freshTopic(broker, asked.param('topic'))
  if (topic instanceof Problem) return topic
  const lastId = request.headers.get('last-event-id') ?? ''
  const from =
    lastId === ''
      ? { field: 'from', text: query.from ?? 'latest' }
      : { field: 'last-event-id', text: lastId }
  const readCommitted = query.isolation !== 'read_uncommitted'
  const next = await startOffsets(broker, topic, from, readCommitted)
  if (next instanceof Problem) return next
  const events = new Events(broker, { topic, next, readCommitted })
  return new Response(streamOf(events, broker, asked.keepAlive), {
    headers: {
      'content-type': EVENT_STREAM,
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    },
  })
}

/** A stream that makes a piece when the one before was taken, and ends when the client goes. */
function streamOf(
  events: Events,
  { log }: BrokerContext,
  keepAlive: Asked['keepAlive'],
): ReadableStream<Uint8Array> {
  let gone = false
  let end = () => {}
  keepAlive(
    new Promise<void>((resolve) => {
      end = resolve
    }),
  )
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const piece = await events.piece().catch((error: unknown) => {
          log('warn', 'event stream failed', { reason: String(error) })
          return null
        })
        if (gone) return
        if (piece !== null) return controller.enqueue(piece)
        events.close()
        controller.close()
        end()
      },
      cancel() {
        gone = true
        events.close()
        end()
      },
    },
    { highWaterMark: 0 },
  )
}
