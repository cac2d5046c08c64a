// The Worker's `fetch`: one application per isolate, one broker context per request. Not the routes.
// The application is loaded with the first request: a start must not pay for what Kafka clients do not
// use, and Hono, zod and the routes are half of the bundle.

import { waitUntil } from 'cloudflare:workers'
import type { BrokerContext, Endpoint } from '../broker/context.ts'
import { brokerContext, environmentOf, turnOverHttp, type WorkerEnv } from '../broker/isolate.ts'
import { advertisedEndpoint } from '../core/env.ts'
import { liveName, tunnelName } from '../core/ids.ts'
import type { HttpApp } from './app.ts'
import { consoleAssets, diskAssets } from './assets.ts'
import { clientAddress } from './client-address.ts'
import { homeOf, misconfiguration } from './gate.ts'
import type { HttpSecurity } from './route.ts'

const KAFKA_PORT = 9092

let app: HttpApp | null = null

/** Answers one HTTP request. `context` is the runtime's; without it nothing outlives the answer. */
export async function serveHttp(
  request: Request,
  env: WorkerEnv,
  context?: ExecutionContext,
): Promise<Response> {
  if (app === null) {
    const wrong = misconfiguration(env)
    if (wrong !== null) return wrong.response()
    app = await loadApp(env)
  }
  const turn = turnOverHttp()
  if (turn !== undefined) await turn
  return app.fetch(request, env, context)
}

async function loadApp(env: WorkerEnv): Promise<HttpApp> {
  const [{ httpApp }, { entranceOf }] = await Promise.all([
    import('./app.ts'),
    import('./entrance.ts'),
  ])
  const files = env.ASSETS ?? (env.FILES === undefined ? undefined : diskAssets(env.FILES))
  const assets = files === undefined ? undefined : consoleAssets(files)
  const reach = reachOf(env)
  const entrance = entranceOf(env)
  const security: HttpSecurity | undefined =
    entrance === null
      ? undefined
      : { doorkeeper: entrance.doorkeeper, deps: (asked) => entrance.deps(reach(asked)) }
  return httpApp({
    environment: environmentOf(env),
    context: (asked, identity) => entrance?.contextOf(reach(asked), identity) ?? reach(asked),
    security,
    random: Math.random,
    tunnel: (tenant, shard, headers) =>
      env.TUNNEL.getByName(tunnelName(shard, tenant)).fetch(
        new Request('http://tunnel/', { headers }),
      ),
    live: (tenant, shard, headers) =>
      env.LIVE.getByName(liveName(shard, tenant)).fetch(new Request('http://live/', { headers })),
    asset: assets === undefined ? undefined : (asked) => assets.fetch(asked),
  })
}

/** The broker as each request reaches it, made once for the question who asks and for what they ask. */
function reachOf(env: WorkerEnv): (request: Request) => BrokerContext {
  const contexts = new WeakMap<Request, BrokerContext>()
  return (request) => {
    const known = contexts.get(request)
    if (known !== undefined) return known
    // Where it comes from is JSON to be parsed, which few requests ask for.
    const clientHost = () => `/${clientAddress(request)}`
    const advertised = advertisedOver(request, env)
    const tenant = homeOf(request, environmentOf(env))
    const keepAlive = (work: Promise<unknown>) => waitUntil(work)
    const made = brokerContext(env, { advertised, clientHost, tenant, keepAlive })
    contexts.set(request, made)
    return made
  }
}

/** Where a Kafka client on the machine of this caller would connect, as far as HTTP can know. Few routes ask. */
function advertisedOver(request: Request, env: WorkerEnv): Endpoint {
  const endpoint = () =>
    advertisedEndpoint(environmentOf(env).advertised, undefined) ?? {
      host: new URL(request.url).hostname,
      port: environmentOf(env).kafkaPort ?? KAFKA_PORT,
    }
  return {
    get host() {
      return endpoint().host
    },
    get port() {
      return endpoint().port
    },
  }
}
