// The HTTP face: Hono over the rows of routes/. What is the same for every request is here: the gate,
// CORS, methods that a path does not have, and what becomes of a bug. Made on the first request, for a
// start must not pay for it.

import { type Context, Hono } from 'hono'
import type { BrokerContext } from '../broker/context.ts'
import { securityMode } from '../broker/security.ts'
import { KafkaError } from '../core/errors.ts'
import { ObjectCallError } from '../runtime/objects.ts'
import { ADMITTED, refusalOf } from './access-rule.ts'
import { isPlain, json } from './answer.ts'
import { isView } from './assets.ts'
import { auditAnswer, auditRefusal } from './audited.ts'
import { BrokenBody } from './body.ts'
import { pageFor } from './console-page.ts'
import { isSecure, TOKEN_PARAMETER } from './credentials.ts'
import { allowOrigin, closedPage, homeOf, hostOf, judge, preflight, type Verdict } from './gate.ts'
import { anonymousIdentity, type Identity, openIdentity } from './identity.ts'
import { openApiDocument } from './openapi.ts'
import { badRequest, Problem, unreachable } from './problem.ts'
import type { Asked, HttpDeps, Route } from './route.ts'
import { aclRoutes } from './routes/acls.ts'
import { configRoutes } from './routes/configs.ts'
import { eventRoutes } from './routes/events.ts'
import { groupRoutes } from './routes/groups.ts'
import { kafkaRoutes } from './routes/kafka.ts'
import { liveRoutes } from './routes/live.ts'
import { meRoutes } from './routes/me.ts'
import { metaRoutes } from './routes/meta.ts'
import { metricsRoutes } from './routes/metrics.ts'
import { overviewRoutes } from './routes/overview.ts'
import { partitionRoutes } from './routes/partitions.ts'
import { quotaRoutes } from './routes/quotas.ts'
import { recordRoutes } from './routes/records.ts'
import { tokenRoutes } from './routes/tokens.ts'
import { topicRoutes } from './routes/topics.ts'
import { transactionRoutes } from './routes/transactions.ts'
import { userRoutes } from './routes/users.ts'
import { secureHeaders } from './security-headers.ts'
import { enter } from './sign-in.ts'

const openApiRoute: Route = {
  method: 'GET',
  path: '/openapi.json',
  access: ADMITTED,
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
  ...meRoutes,
  ...tokenRoutes,
  ...userRoutes,
  ...aclRoutes,
  ...quotaRoutes,
]

/** What a request carries through the router. */
type App = { Bindings: { identity: Identity } }

/** Where a signed token may stand in the query. */
const QUERY_TOKENS = routes
  .filter(({ access }) => access.takesQueryToken)
  .map(({ path }) => patternOf(path))

/** The application. */
export interface HttpApp {
  /** @param context the runtime's; without it nothing outlives the answer */
  fetch(request: Request, env?: unknown, context?: ExecutionContext): Promise<Response>
}

/** Makes it. The gate stands around the router and not in it, which then calls one handler and composes nothing. */
export function httpApp(deps: HttpDeps): HttpApp {
  if (deps.security === undefined && securityMode(deps.environment) === 'secured') {
    throw new Error('a broker with credentials was given nothing to check them with')
  }
  const router = new Hono<App>()
  for (const route of routes) {
    router.on(route.method, honoPath(route.path), (c) => run(c, route, deps))
  }
  router.notFound(async (c) => {
    // Not as routes of every method: to make Hono's matchers of those took half of the first request.
    const other = routes.find(({ path }) => patternOf(path).test(c.req.path))
    if (other !== undefined) return wrongMethod(other.path).response()
    const asset = isRead(c.req.method) ? await deps.asset?.(c.req.raw) : undefined
    if (asset !== undefined && asset.status !== 404) {
      const isPage = c.req.method === 'GET' && isView(c.req.path)
      // Its headers cannot be changed, and some are added.
      if (!isPage) return new Response(asset.body, asset)
      const { identity } = c.env
      const { access } = deps.context(c.req.raw, identity)
      return pageFor(c.req.path, asset, identity, access)
    }
    const detail = `there is nothing at ${c.req.path}; /openapi.json says what there is`
    return new Problem(KafkaError.RESOURCE_NOT_FOUND, { detail }).response()
  })
  return {
    fetch: (request, _env, context) =>
      gate(request, { router, deps, context }).catch((error: unknown) => {
        const broker = deps.context(request, anonymousIdentity(homeOf(request, deps.environment)))
        const { method, url } = request
        return bug(error, { method, path: new URL(url).pathname }, broker).response()
      }),
  }
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}

/** What is behind the gate. */
interface Behind {
  readonly router: Hono<App>
  readonly deps: HttpDeps
  readonly context: ExecutionContext | undefined
}

async function gate(request: Request, { router, deps, context }: Behind): Promise<Response> {
  const host = hostOf(request)
  const verdict = judge({ host, origin: request.headers.get('origin') }, deps.environment)
  const origin = verdict.kind === 'admitted' ? verdict.origin : null
  const entered = await admit(request, verdict, deps)
  const isRefused = entered instanceof Response
  if (isRefused && entered.status === 401) {
    const keepAlive = (work: Promise<unknown>) => context?.waitUntil(work)
    const nobody = anonymousIdentity(homeOf(request, deps.environment))
    auditRefusal(request, deps.context(request, nobody), keepAlive)
  }
  const answer = isRefused ? entered : await router.fetch(request, { identity: entered }, context)
  if (isPlain(answer) && origin === null && !isSecure(request)) return answer
  const { headers } = answer
  if (verdict.kind === 'admitted') allowOrigin(headers, origin)
  secureHeaders(headers, isSecure(request))
  return answer
}

/** Who asks, or the answer to a request that goes no further. */
async function admit(
  request: Request,
  verdict: Verdict,
  { security, environment }: HttpDeps,
): Promise<Identity | Response> {
  if (verdict.kind === 'closed') return closedPage()
  if (verdict.kind === 'refused') return verdict.problem.response()
  const answer = preflight(request, verdict.origin)
  if (answer !== null) return answer
  if (security === undefined) return openIdentity(homeOf(request, environment))
  const { doorkeeper } = security
  return enter(request, { doorkeeper, deps: security.deps(request), takesQueryToken })
}

function takesQueryToken(path: string): boolean {
  return QUERY_TOKENS.some((one) => one.test(path))
}

async function run(c: Context<App>, route: Route, deps: HttpDeps): Promise<Response> {
  const { identity } = c.env
  const broker = deps.context(c.req.raw, identity)
  const asked: Asked = {
    request: c.req.raw,
    query: queryOf(c.req.raw.url, route),
    param: (name) => c.req.param(name) ?? '',
    broker,
    identity,
    credentials: deps.security?.deps(c.req.raw) ?? null,
    tunnel: deps.tunnel ?? noTunnel,
    live: deps.live ?? noTunnel,
    random: deps.random,
    keepAlive: (work) => keepAlive(c, work),
  }
  const response = await serve(route, asked).catch((error: unknown) =>
    bug(error, route, broker).response(),
  )
  const answer = response instanceof Problem ? response.response() : response
  const { counts } = broker
  counts.add(`http|${route.method}|${route.path}|${answer.status}`)
  await auditAnswer(route, asked, answer.status)
  if (counts.isDue(Date.now())) keepAlive(c, broker.tellCounts())
  // A HEAD runs as its GET; nobody will read the body.
  if (c.req.raw.method === 'HEAD') await answer.body?.cancel()
  return answer
}

async function serve(route: Route, asked: Asked): Promise<Response | Problem> {
  const { access } = asked.broker
  const refused = access.isOpen ? null : await refusalOf(route.access, asked)
  return refused ?? route.handle(asked)
}

async function noTunnel(): Promise<Response> {
  return new Response(null, { status: 503 })
}

/** Nobody changes what was asked. */
const NO_QUERY = new URLSearchParams()

/** Most requests have none, and then the URL need not be taken apart. What was let in by its token has none left. */
function queryOf(url: string, { access }: Route): URLSearchParams {
  if (!url.includes('?')) return NO_QUERY
  const query = new URL(url).searchParams
  if (access.takesQueryToken) query.delete(TOKEN_PARAMETER)
  return query
}

/** Deployed, a context ends with its answer unless it is told to stay. Tests have none. */
function keepAlive(c: Context<App>, work: Promise<unknown>): void {
  let context: { waitUntil(work: Promise<unknown>): void }
  try {
    context = c.executionCtx
  } catch {
    return
  }
  context.waitUntil(work)
}

/** Nobody outside learns more of a bug than that there is one. */
function bug(
  error: unknown,
  { method, path }: { readonly method: string; readonly path: string },
  { log }: BrokerContext,
): Problem {
  if (error instanceof BrokenBody) return badRequest('body', error.message)
  if (error instanceof ObjectCallError) {
    log('warn', 'request failed', { method, path, reason: String(error) })
    return unreachable()
  }
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

/** What matches the paths of a route. */
function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`)
}

function honoPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1')
}
