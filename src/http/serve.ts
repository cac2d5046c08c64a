// The Worker's `fetch`: one application per isolate, one broker context per request. Not the routes.
// The application is loaded with the first request: a start must not pay for what Kafka clients do not
// use, and Hono, zod and the routes are half of the bundle.

import type { Hono } from 'hono'
import { brokerContext, clientHost, environmentOf, type WorkerEnv } from '../broker/isolate.ts'
import { advertisedEndpoint } from '../core/env.ts'
import { diskAssets } from './assets.ts'

const KAFKA_PORT = 9092

let app: Hono | null = null

/** Answers one HTTP request. `context` is the runtime's; without it nothing outlives the answer. */
export async function serveHttp(
  request: Request,
  env: WorkerEnv,
  context?: ExecutionContext,
): Promise<Response> {
  const { httpApp } = await import('./app.ts')
  const assets = env.ASSETS ?? (env.FILES === undefined ? undefined : diskAssets(env.FILES))
  app ??= httpApp({
    environment: environmentOf(env),
    context: (asked) => brokerContext(env, advertisedOver(asked, env), clientHost(undefined)),
    random: Math.random,
    asset: assets === undefined ? undefined : (asked) => assets.fetch(asked),
  })
  return app.fetch(request, env, context)
}

/** Where a Kafka client on the machine of this caller would connect, as far as HTTP can know. */
function advertisedOver(request: Request, env: WorkerEnv) {
  const configured = advertisedEndpoint(environmentOf(env).advertised, undefined)
  return configured ?? { host: new URL(request.url).hostname, port: KAFKA_PORT }
}
