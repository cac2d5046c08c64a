// What one isolate of the Worker shares between its connections and requests (plain data only: caches,
// counters, settings), and how it makes a context for each of them. Not the hosting of a socket
// (tcp.ts) and not HTTP (../http).

import { advertisedEndpoint, type Environment, readEnvironment } from '../core/env.ts'
import { DEFAULT_TENANT, tenantOfName } from '../core/ids.ts'
import { CONNECTION_REFUSED_MS } from '../core/limits/security.ts'
import { STATISTICS_INTERVAL_MS } from '../core/limits/statistics.ts'
import {
  CONNECTIONS_FILES_SHARE,
  FILES_PER_CONNECTION,
  REQUEST_MAX_BYTES,
  TURN_HTTP_REQUESTS,
} from '../core/limits.ts'
import { shareOfFiles } from '../runtime/awake.ts'
import { workerLog } from '../runtime/log.ts'
import { type KeepAlive, type ObjectBindings, type Objects, objects } from '../runtime/objects.ts'
import { type Access, OPEN_ACCESS } from '../security/access.ts'
import { APIS } from './apis.ts'
import {
  type AuthenticationReach,
  AuthenticationState,
  Authenticator,
  authenticationSettings,
} from './authentication.ts'
import { memoryBudget } from './budget.ts'
import { Connection } from './connection.ts'
import { connectionLimits, OpenConnections } from './connection-limits.ts'
import type { BrokerContext, Endpoint, Log, Timers } from './context.ts'
import type { ConnectionKind } from './counts.ts'
import type { Fetch } from './issuer-keys.ts'
import {
  authorizerSettings,
  SecuredAccess,
  type SecuritySource,
  type SecurityState,
  securityMode,
} from './security.ts'
import { serveSocket, type TcpSocket } from './tcp.ts'
import { TenantState } from './tenant-state.ts'
import { Watches } from './watches.ts'

/** The bindings of the Worker: objects, the files of web/, and the variables of core/env.ts. */
export type WorkerEnv = ObjectBindings & {
  readonly ASSETS?: { fetch(request: Request): Promise<Response> }
  /** The objects that host tunnels (tunnel/object.ts). */
  readonly TUNNEL: { getByName(name: string): { fetch(request: Request): Promise<Response> } }
  /** The objects that host sessions of `/v1/live` (live/object.ts). */
  readonly LIVE: { getByName(name: string): { fetch(request: Request): Promise<Response> } }
  /** Locally: the way to the issuer's keys, for no other leads anywhere. */
  readonly OTTLA_OAUTH_NETWORK?: { fetch: Fetch }
  /** Locally, instead of ASSETS: the folder as it is (http/assets.ts). */
  readonly FILES?: { fetch(url: string): Promise<Response> }
}

const budget = memoryBudget()
const tenants = new Map<string, TenantState>()
let authentication: AuthenticationState | null = null
let environment: Environment | null = null
const connections = new OpenConnections()
let refusedAtMs = Number.NEGATIVE_INFINITY

/** The settings of this isolate, read once: bindings do not change while it lives. */
export function environmentOf(env: WorkerEnv): Environment {
  environment ??= readEnvironment(env)
  return environment
}

/** What this isolate knows of a tenant. @throws RangeError when there is none of this name (any more) */
function stateOf(env: WorkerEnv, tenant: string): TenantState {
  const known = tenants.get(tenant)
  if (known !== undefined) return known
  const settings = environmentOf(env)
  if (!settings.tenants.has(tenant)) throw new RangeError(`there is no tenant ${tenant}`)
  const count = 1 + settings.tenants.names.size
  const made = new TenantState(tenant, authorizerSettings(settings, tenant), count)
  tenants.set(tenant, made)
  return made
}

/** Nobody in particular: of a broker that asks nobody, or who may do nothing until they say who they are. */
function accessOf(
  env: WorkerEnv,
  state: SecurityState,
  source: SecuritySource,
  clientHost: () => string,
): Access {
  const settings = environmentOf(env)
  if (securityMode(settings) === 'open') return OPEN_ACCESS
  const { allowAnonymous } = settings
  return new SecuredAccess({ state, source, clientHost: clientHost(), allowAnonymous })
}

/** What checks who a client is, by the users of whatever tenant they say that they are of. */
function authenticatorOf(env: WorkerEnv, own: Objects, home: string): Authenticator {
  authentication ??= new AuthenticationState(authenticationSettings(environmentOf(env)))
  const reach: AuthenticationReach = {
    users(tenant) {
      const { security } = stateOf(env, tenant)
      const { cluster } = tenant === home ? own : objects(env, tenant)
      const version = async () => {
        await security.ready(cluster)
        return security.usersVersion
      }
      return { cluster, version }
    },
    fetch: (url, init) => (env.OTTLA_OAUTH_NETWORK ?? globalThis).fetch(url, init),
    now: timers.now,
    sleep: timers.sleep,
  }
  return new Authenticator(authentication, reach, home)
}

function isAuditOff(env: WorkerEnv): boolean {
  return environmentOf(env).config['ottla.audit.enable']?.trim().toLowerCase() === 'false'
}

/** Who asks, and of which tenant's cluster. */
export interface Asking {
  readonly advertised: Endpoint
  /** As BrokerContext has it; asked once somebody wants to know. */
  readonly clientHost: string | (() => string)
  /** main where it is not said */
  readonly tenant?: string | undefined
  /** Of a request that may lead a call for others (runtime/lanes.ts); null: it makes its calls alone. */
  readonly keepAlive?: KeepAlive | null
  /** Told the context in which the client has proved who they are. */
  readonly identified?: (context: BrokerContext) => void
}

/** Of the tenants' connections and requests it says whose they are. */
function logOf(env: WorkerEnv, tenant: string): Log {
  const log = workerLog(environmentOf(env).logLevel)
  if (tenant === DEFAULT_TENANT) return log
  return (level, event, fields) => log(level, event, { tenant, ...fields })
}

/** A context for one connection or HTTP request. @throws RangeError when there is no such tenant (any more) */
export function brokerContext(env: WorkerEnv, asking: Asking): BrokerContext {
  const { advertised, clientHost, tenant = DEFAULT_TENANT, keepAlive = null, identified } = asking
  const state = stateOf(env, tenant)
  const reached = objects(env, tenant, environmentOf(env).local ? keepAlive : null)
  const host = typeof clientHost === 'string' ? () => clientHost : clientHost
  const log = logOf(env, tenant)
  const access = accessOf(env, state.security, reached.cluster, host)
  const context: BrokerContext = {
    tenant,
    objects: reached,
    topics: state.topics,
    counts: state.counts,
    budget,
    advertised,
    get clientHost() {
      return host()
    },
    access,
    authentication:
      access instanceof SecuredAccess
        ? {
            authenticator: authenticatorOf(env, reached, tenant),
            identify(principal) {
              access.identify(principal)
              identified?.(context)
            },
            contextOf: (other) =>
              other === tenant ? context : brokerContext(env, { ...asking, tenant: other }),
            allowAnonymous: environmentOf(env).allowAnonymous,
          }
        : null,
    audit: access.isOpen || isAuditOff(env) ? null : state.audit,
    security: state.security,
    log,
    timers,
    watches: new Watches(timers, (shard) => reached.watch(shard)),
    brokerConfig: (name) => state.brokerConfig(name, reached.cluster, log),
    features: () => state.features(reached.cluster),
    forgetFeatures: () => state.forgetFeatures(),
    tellCounts: (when) => {
      const told = { nowMs: Date.now(), isAlone: environmentOf(env).local }
      return when === 'now'
        ? state.counts.tellNow(reached.statistics, told)
        : state.counts.tell(reached.statistics, told)
    },
  }
  return context
}

/** An object has so many connections that are open; it says so now and then while it has any. */
export async function countOpen(
  env: WorkerEnv,
  kind: ConnectionKind,
  owner: string,
  open: number,
): Promise<void> {
  const tenant = tenantOfName(owner)
  // Of one that is taken off the list the last connections may end yet.
  if (!environmentOf(env).tenants.has(tenant)) return
  const { counts } = stateOf(env, tenant)
  counts.hold(kind, owner, open)
  const told = { nowMs: Date.now(), isAlone: environmentOf(env).local }
  await counts.tell(objects(env, tenant).statistics, told)
}

/** A socket that tells its two ends. */
type OpenedSocket = TcpSocket & {
  readonly opened: Promise<{ readonly localAddress?: string; readonly remoteAddress?: string }>
}

const REFUSED_SAID_MS = 10_000

/** What may go on when a connection has been closed. */
interface Afterwards {
  waitUntil(promise: Promise<unknown>): void
}

/**
 * Serves one TCP connection of a Kafka client until it ends. The runtime closes the socket when this resolves and not
 * before, so that nothing else is waited for here.
 */
export async function serveKafka(
  socket: OpenedSocket,
  env: WorkerEnv,
  afterwards: Afterwards,
): Promise<void> {
  if (securityMode(environmentOf(env)) === 'closed') return socket.close()
  if (connections.total >= connectionsMax(env)) return refuse(socket, env, 'no files are left')
  const { localAddress, remoteAddress } = await socket.opened
  // A CONNECT to the port of HTTP comes here too, past all that HTTP asks first; no listener of ours took it.
  if (!remoteAddress) return socket.close()
  const host = clientHost(remoteAddress)
  const closed = connections.open(host)
  let tenant = stateOf(env, DEFAULT_TENANT)
  let ended = tenant.counts.opened('tcp')
  // It is counted where its client has logged in.
  const identified = (context: BrokerContext) => {
    if (context.tenant === tenant.name) return
    ended()
    tenant = stateOf(env, context.tenant)
    ended = tenant.counts.opened('tcp')
  }
  try {
    await serveOpened(socket, env, { localAddress, host, identified })
  } finally {
    closed()
    ended()
  }
  if (!tenant.counts.hasOpen('tcp')) afterwards.waitUntil(tellLast(env, tenant))
}

/** Nobody else is there to tell what the last connection has done. */
async function tellLast(env: WorkerEnv, { name, counts }: TenantState): Promise<void> {
  await timers.sleep(STATISTICS_INTERVAL_MS)
  const told = { nowMs: Date.now(), isAlone: environmentOf(env).local }
  await counts.tell(objects(env, name).statistics, told)
}

/** When a request over HTTP may begin, beside all others; undefined for at once. */
export function turnOverHttp(): Promise<void> | undefined {
  const cost = TURN_HTTP_REQUESTS
  return budget.turns.tryTake(cost, cost) === null
    ? budget.turns.takeOne(cost, timers.sleep)
    : undefined
}

/** Of the process's file descriptors; the runtime would end with the first connection that finds none. */
export function connectionsMax(env: WorkerEnv): number {
  return shareOfFiles(environmentOf(env).openFiles, CONNECTIONS_FILES_SHARE, FILES_PER_CONNECTION)
}

/** Says so once in a while: who is closed comes again. */
function refuse(socket: TcpSocket, env: WorkerEnv, reason: string): Promise<void> {
  stateOf(env, DEFAULT_TENANT).counts.add('refused|tcp')
  if (Date.now() >= refusedAtMs + REFUSED_SAID_MS) {
    refusedAtMs = Date.now()
    const open = connections.total
    workerLog(environmentOf(env).logLevel)('warn', 'too many connections', { open, reason })
  }
  return socket.close()
}

/** The two ends of a connection, and who is told whose it is. */
interface Ends {
  readonly localAddress: string | undefined
  readonly host: string
  readonly identified: (context: BrokerContext) => void
}

async function serveOpened(
  socket: OpenedSocket,
  env: WorkerEnv,
  { localAddress, host, identified }: Ends,
): Promise<void> {
  const advertised = advertisedEndpoint(environmentOf(env).advertised, localAddress)
  if (advertised === null) {
    workerLog(environmentOf(env).logLevel)('error', 'no address to advertise: set --advertised', {
      local: localAddress ?? '',
    })
    return socket.close()
  }
  const context = brokerContext(env, { advertised, clientHost: host, identified })
  const excess = connections.excess(await connectionLimits(context.brokerConfig), host)
  if (excess !== null) return refuse(socket, env, excess)
  const waitMs = context.security.connectionWaitMs(context.objects.cluster, host)
  if (waitMs > 0) {
    // As Kafka does: who is closed at once comes again at once.
    await timers.sleep(Math.min(waitMs, CONNECTION_REFUSED_MS))
    return refuse(socket, env, 'too many new ones of one address (connection_creation_rate)')
  }
  const maxBytes = await requestMaxBytes(context)
  await serveSocket(socket, new Connection(APIS, context, maxBytes), context)
}

/** Largest request frame of a connection that begins now. */
export async function requestMaxBytes(context: BrokerContext): Promise<number> {
  const configured = Number(await context.brokerConfig('socket.request.max.bytes'))
  return Number.isFinite(configured) ? Math.min(configured, REQUEST_MAX_BYTES) : REQUEST_MAX_BYTES
}

/** `/127.0.0.1` of an address and port, as Kafka prints a client's host. */
export function clientHost(remoteAddress: string | undefined): string {
  const address = (remoteAddress ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
  return `/${address}`
}

const timers: Timers = {
  now: () => Date.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms)
    return () => clearTimeout(timer)
  },
  sleep: (ms) =>
    new Promise((resolve) => {
      setTimeout(resolve, ms)
    }),
}
