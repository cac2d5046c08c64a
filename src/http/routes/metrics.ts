// /metrics: the figures of the cluster for Prometheus. One call to the Statistics object: no topic and no group is woken.

import type { Metrics } from '../../statistics/contract.ts'
import { onCluster } from '../access-rule.ts'
import { exposition, METRICS_TYPE } from '../metrics.ts'
import { Problem } from '../problem.ts'
import type { Asked, Route } from '../route.ts'
import { schemas } from '../schemas.ts'
import { whenKnown } from '../statistics.ts'
import { validateQuery } from '../validate.ts'

/** Text is handed on in pieces of about so many characters. */
const PIECE_UNITS = 64 * 1024

export const metricsRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/metrics',
    access: { needs: [onCluster('DESCRIBE')] },
    operation: () => ({
      summary: 'Figures for Prometheus, as objects last reported them; wakes none of them',
      query: schemas().noQuery,
      answers: {
        200: { description: "Prometheus' text format", content: { 'text/plain': null } },
      },
    }),
    handle: metricsRoute,
  },
]

async function metricsRoute({ broker, query }: Asked): Promise<Response | Problem> {
  const checked = validateQuery(schemas().noQuery, query)
  if (checked instanceof Problem) return checked
  // What this isolate has counted is part of what is asked for.
  await broker.tellCounts('now')
  const metrics = await whenKnown(broker, (statistics) => statistics.metrics())
  if (metrics instanceof Problem) return metrics
  return new Response(textOf(metrics), {
    headers: { 'content-type': METRICS_TYPE, 'cache-control': 'no-store' },
  })
}

/** Made as fast as it is taken. */
function textOf(metrics: Metrics): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  const lines = exposition(metrics)
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        let piece = ''
        while (piece.length < PIECE_UNITS) {
          const { value, done } = lines.next()
          if (done === true) {
            if (piece !== '') controller.enqueue(encoder.encode(piece))
            controller.close()
            return
          }
          piece += value
        }
        controller.enqueue(encoder.encode(piece))
      },
    },
    { highWaterMark: 0 },
  )
}
