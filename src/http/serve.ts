// The Worker's `fetch`: one application per isolate, one broker context per request. Not the routes.

import type { Hono } from 'hono'
import { brokerContext, environmentOf, type WorkerEnv } from '../broker/isolate.ts'
import { advertisedEndpoint } from '../core/env.ts'
import { httpApp } from './app.ts'

const KAFKA_PORT = 9092

let app: Hono | null = null

/** Answers one HTTP request. `context` is the runtime's; without it nothing outlives the answer. */
export function serveHttp(
  request: Request,
  env: WorkerEnv,
  context?: ExecutionContext,
): Response | Promise<Response> {
  app ??= httpApp({
    environment: environmentOf(env),
    context: (asked) => brokerContext(env, advertisedOver(asked, env)),
    random: Math.random,
  })
  return app.fetch(request, env, context)
}

/** Where a Kafka client on the machine of this caller would connect, as far as HTTP can know. */
function advertisedOver(request: Request, env: WorkerEnv) {
  const configured = advertisedEndpoint(environmentOf(env).advertised, undefined)
  return configured ?? { host: new URL(request.url).hostname, port: KAFKA_PORT }
}
