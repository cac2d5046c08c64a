// Who may speak HTTP to this broker at all: closed until it is opened on purpose, and no web page of
// another site. Pure decisions over headers; app.ts acts on them. Who it is that asks is sign-in.ts's. A foreign `Host` is how a page that
// rebinds its DNS name to 127.0.0.1 gives itself away; a foreign `Origin` is any other page.

import { authorizerSettings, securityMode } from '../broker/security.ts'
import { type Environment, isLoopback, parseAddress, readEnvironment } from '../core/env.ts'
import { KafkaError } from '../core/errors.ts'
import { DEFAULT_TENANT } from '../core/ids.ts'
import { Problem } from './problem.ts'

/** What the gate looks at. */
export interface Caller {
  /** The `Host` header, or the host of the request's URL. */
  readonly host: string
  /** The `Origin` header; null when there is none (curl, same-origin GET). */
  readonly origin: string | null
}

/** Admitted with the origin that CORS headers must name, or null when no browser asks. */
export type Verdict =
  | { readonly kind: 'closed' }
  | { readonly kind: 'refused'; readonly problem: Problem }
  | { readonly kind: 'admitted'; readonly origin: string | null }

/**
 * What is wrong with a broker's settings, which nobody has looked at before when it is deployed: nothing is served on a
 * guess. Null when nothing is.
 */
export function misconfiguration(env: object): Problem | null {
  try {
    authorizerSettings(readEnvironment(env))
    return null
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const detail = `this broker is misconfigured: ${why}`
    return new Problem(KafkaError.INVALID_CONFIG, { status: 500, detail })
  }
}

/** The host that a request is for. */
export function hostOf({ headers, url }: Request): string {
  return headers.get('host') ?? new URL(url).host
}

/** The tenant whose host a request is for. */
export function homeOf(request: Request, { tenants }: Pick<Environment, 'tenants'>): string {
  return tenants.names.size === 0 ? DEFAULT_TENANT : tenants.ofHost(hostOf(request))
}

/** Decides on a request before anything else is done with it. */
export function judge(caller: Caller, environment: Environment): Verdict {
  if (securityMode(environment) === 'closed') return { kind: 'closed' }
  if (!hostIsOurs(caller.host, environment)) {
    return refused('host', 421, `Host ${caller.host} is not a name of this broker (--allow-host)`)
  }
  if (caller.origin === null) return { kind: 'admitted', origin: null }
  if (!originIsWelcome(caller.origin, caller.host, environment)) {
    const detail = `origin ${caller.origin} may not use this broker (--allow-origin)`
    return refused('origin', 403, detail)
  }
  return { kind: 'admitted', origin: caller.origin }
}

function refused(field: string, status: number, detail: string): Verdict {
  const code = KafkaError.CLUSTER_AUTHORIZATION_FAILED
  return { kind: 'refused', problem: new Problem(code, { status, field, detail }) }
}

/**
 * Deployed, the platform routes by name and only our own names arrive, so `Host` is checked only
 * where names were configured. On a machine anybody's DNS may point here. A tenant's name stands before any of ours.
 */
function hostIsOurs(host: string, environment: Environment): boolean {
  const known = ours.get(environment) ?? new Set()
  if (known.has(host)) return true
  if (!isOurs(host, environment)) return false
  if (known.size < HOSTS_KEPT) ours.set(environment, known.add(host))
  return true
}

/** Hosts that were found to be ours: nearly every request says one of a few. */
const ours = new WeakMap<Environment, Set<string>>()
const HOSTS_KEPT = 32

function isOurs(host: string, environment: Environment): boolean {
  if (!environment.local && environment.allowHosts.length === 0) return true
  const behind = environment.tenants.hostBehind(host)
  return isOurName(host, environment) || (behind !== null && isOurName(behind, environment))
}

function isOurName(host: string, { allowHosts, httpListeners }: Environment): boolean {
  const name = hostName(host)
  if (name === null) return false
  if (isLoopback(name)) return true
  return [...allowHosts, ...httpListeners].some((allowed) => hostName(allowed) === name)
}

function hostName(host: string): string | null {
  return parseAddress(host)?.host.toLowerCase() ?? null
}

/** Once credentials exist, what else runs on the developer's machine is as foreign as any other page. */
function originIsWelcome(origin: string, host: string, environment: Environment): boolean {
  if (environment.allowOrigins.includes('*') || environment.allowOrigins.includes(origin))
    return true
  if (!/^https?:\/\//.test(origin) || !URL.canParse(origin)) return false
  const url = new URL(origin)
  if (url.host === host.toLowerCase()) return true
  const isOpen = securityMode(environment) === 'open'
  return isOpen && isLoopback(url.hostname.replace(/^\[|\]$/g, ''))
}

const CORS_METHODS = 'GET, HEAD, POST, PATCH, DELETE'
const CORS_HEADERS = 'Content-Type, Last-Event-ID, Authorization, If-None-Match, Idempotency-Key'
const CORS_MAX_AGE_S = '600'
/** Of an answer, what a page of another origin may look at beside the body. */
const CORS_EXPOSED = 'ETag, Link, Location, Retry-After, Allow, Idempotent-Replayed'

/** Adds what a browser needs before it shows an answer to the page of an admitted origin. */
export function allowOrigin(headers: Headers, origin: string | null): void {
  if (!(headers.get('vary') ?? '').includes('Origin')) headers.append('vary', 'Origin')
  if (origin === null) return
  headers.set('access-control-allow-origin', origin)
  headers.set('access-control-expose-headers', CORS_EXPOSED)
}

/**
 * Answers a CORS preflight of an admitted origin; null when the request is none. A preflight from the
 * public web to this machine also asks for the private network (Private Network Access).
 */
export function preflight(request: Request, origin: string | null): Response | null {
  if (request.method !== 'OPTIONS' || origin === null) return null
  if (!request.headers.has('access-control-request-method')) return null
  const headers = new Headers({
    'access-control-allow-methods': CORS_METHODS,
    'access-control-allow-headers': CORS_HEADERS,
    'access-control-max-age': CORS_MAX_AGE_S,
  })
  if (request.headers.get('access-control-request-private-network') === 'true') {
    headers.set('access-control-allow-private-network', 'true')
  }
  allowOrigin(headers, origin)
  return new Response(null, { status: 204, headers })
}

/** What a broker serves that nobody has opened: 503 and how to open it. */
export function closedPage(): Response {
  const html = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Ottla is closed</title>
<h1>Ottla is closed</h1>
<p>This deployment serves nobody until you say who may use it.</p>
<p>To open it to who knows a secret, set one:</p>
<pre>npx wrangler secret put OTTLA_SECRET</pre>
<p>Then sign in here, send it as <code>Authorization: Bearer</code>, or lead Kafka clients here:</p>
<pre>OTTLA_SECRET=… npx ottla proxy https://this-deployment</pre>
<p>To open it to everybody who can reach it, without credentials, set the variable
<code>OTTLA_ALLOW_ANONYMOUS=1</code> and deploy again:</p>
<pre>npx wrangler deploy --var OTTLA_ALLOW_ANONYMOUS:1</pre>
<p>On your own machine, start the broker with <code>npx ottla start</code>.</p>
</html>
`
  return new Response(html, {
    status: 503,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'retry-after': '60',
    },
  })
}
