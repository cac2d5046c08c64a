// The HTTP face: Hono over the rows of routes/. What is the same for every request is here: the gate,
// CORS, methods that a path does not have, and what becomes of a bug. Made on the first request, for a
// start must not pay for it.

import { type Context, Hono } from 'hono'
import type { BrokerContext } from '../broker/context.ts'
import { counts } from '../broker/counts.ts'
import { KafkaError } from '../core/errors.ts'
import { json } from './answer.ts'
import { allowOrigin, closedPage, judge, preflight } from './gate.ts'
import { openApiDocument } from './openapi.ts'
import { Problem } from './problem.ts'
import type { Asked, HttpDeps, Route } from './route.ts'
import { configRoutes } from './routes/configs.ts'
import { eventRoutes } from './routes/events.ts'
import { groupRoutes } from './routes/groups.ts'
import { kafkaRoutes } from './routes/kafka.ts'
import { liveRoutes } from './routes/live.ts'
import { metaRoutes } from './routes/meta.ts'
import { metricsRoutes } from './routes/metrics.ts'
import { overviewRoutes } from './routes/overview.ts'
import { partitionRoutes } from './routes/partitions.ts'
import { recordRoutes } from './routes/records.ts'
import { topicRoutes } from './routes/topics.ts'
import { transactionRoutes } from './routes/transactions.ts'
import { signIn } from './sign-in.ts'

const openApiRoute: Route = {
  method: 'GET',
  path: '/openapi.json',
  operation: () => ({
    summary: 'This document',
    answers: {
      200: { description: 'OpenAPI 3.1', content: { 'application/json': null } },
    },
  }),
  handle: async () => json(openApiDocument(routes)),
}

/** Every route that is served. */
export const routes: readonly Route[] = [
  ...metaRoutes,
  openApiRoute,
  ...topicRoutes,
  ...recordRoutes,
  ...eventRoutes,
  ...partitionRoutes,
  ...configRoutes,
  ...groupRoutes,
  ...overviewRoutes,
  ...metricsRoutes,
  ...transactionRoutes,
  ...kafkaRoutes,
  ...liveRoutes,
]

/** The application. Call it with the request's ExecutionContext where there is one. */
export function httpApp(deps: HttpDeps): Hono {
  const app = new Hono()
  app.use('*', (c, next) => gate(c, next, deps))
  for (const route of routes) {
    app.on(route.method, honoPath(route.path), (c) => run(c, route, deps))
  }
  for (const path of new Set(routes.map((route) => route.path))) {
    app.all(honoPath(path), () => wrongMethod(path).response())
  }
  app.notFound(async (c) => {
    const asset = isRead(c.req.method) ? await deps.asset?.(c.req.raw) : undefined
    // Its headers cannot be changed, and CORS adds some.
    if (asset !== undefined && asset.status !== 404) return new Response(asset.body, asset)
    const detail = `there is nothing at ${c.req.path}; /openapi.json says what there is`
    return new Problem(KafkaError.RESOURCE_NOT_FOUND, { detail }).response()
  })
  return app
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}

async function gate(
  c: Context,
  next: () => Promise<void>,
  { environment }: HttpDeps,
): Promise<Response | undefined> {
  const { headers, url } = c.req.raw
  const host = headers.get('host') ?? new URL(url).host
  const verdict = judge({ host, origin: headers.get('origin') }, environment)
  if (verdict.kind === 'closed') return closedPage()
  if (verdict.kind === 'refused') return verdict.problem.response()
  const answer = preflight(c.req.raw, verdict.origin)
  if (answer !== null) return answer
  const refusal = await signIn(c.req.raw, environment, Date.now())
  if (refusal !== null) {
    allowOrigin(refusal.headers, verdict.origin)
    return refusal
  }
  await next()
  allowOrigin(c.res.headers, verdict.origin)
  return undefined
}

async function run(c: Context, route: Route, deps: HttpDeps): Promise<Response> {
  const broker = deps.context(c.req.raw)
  const asked: Asked = {
    request: c.req.raw,
    query: queryOf(c.req.raw.url),
    param: (name) => c.req.param(name) ?? '',
    broker,
    tunnel: deps.tunnel ?? noTunnel,
    live: deps.live ?? noTunnel,
    random: deps.random,
    keepAlive: (work) => keepAlive(c, work),
  }
  const response = await route
    .handle(asked)
    .catch((error: unknown) => bug(error, route, broker).response())
  const answer = response instanceof Problem ? response.response() : response
  counts.add(`http|${route.method}|${route.path}|${answer.status}`)
  keepAlive(c, broker.tellCounts())
  // A HEAD runs as its GET; nobody will read the body.
  if (c.req.raw.method === 'HEAD') await answer.body?.cancel()
  return answer
}

async function noTunnel(): Promise<Response> {
  return new Response(null, { status: 503 })
}

/** Most requests have none, and then the URL need not be taken apart. */
function queryOf(url: string): URLSearchParams {
  return url.includes('?') ? new URL(url).searchParams : new URLSearchParams()
}

/** Deployed, a context ends with its answer unless it is told to stay. Tests have none. */
function keepAlive(c: Context, work: Promise<unknown>): void {
  let context: { waitUntil(work: Promise<unknown>): void }
  try {
    context = c.executionCtx
  } catch {
    return
  }
  context.waitUntil(work)
}

/** Nobody outside learns more of a bug than that there is one. */
function bug(error: unknown, { method, path }: Route, { log }: BrokerContext): Problem {
  log('error', 'request failed', { method, path, reason: String(error) })
  return new Problem(KafkaError.UNKNOWN_SERVER_ERROR)
}

function wrongMethod(path: string): Problem {
  const methods: string[] = routes
    .filter((route) => route.path === path)
    .map(({ method }) => method)
  const allow = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
  return new Problem(KafkaError.INVALID_REQUEST, {
    status: 405,
    detail: `${path} takes ${allow.join(', ')}`,
    headers: { allow: allow.join(', ') },
  })
}

function honoPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1')
}
