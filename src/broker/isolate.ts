// What one isolate of the Worker shares between its connections and requests (plain data only: caches,
// counters, settings), and how it makes a context for each of them. Not the hosting of a socket
// (tcp.ts) and not HTTP (../http).

import type { FinalizedFeatures, SecurityRpc } from '../cluster/contract.ts'
import { advertisedEndpoint, type Environment, readEnvironment } from '../core/env.ts'
import { CONNECTION_REFUSED_MS } from '../core/limits/security.ts'
import { STATISTICS_INTERVAL_MS } from '../core/limits/statistics.ts'
import {
  BROKER_CONFIG_CACHE_MS,
  CONNECTIONS_FILES_SHARE,
  FILES_PER_CONNECTION,
  REQUEST_MAX_BYTES,
} from '../core/limits.ts'
import { shareOfFiles } from '../runtime/awake.ts'
import { workerLog } from '../runtime/log.ts'
import { type ObjectBindings, objects } from '../runtime/objects.ts'
import { type Access, OPEN_ACCESS } from '../security/access.ts'
import { APIS } from './apis.ts'
import { AuditLog } from './audit.ts'
import { AuthenticationState, Authenticator, authenticationSettings } from './authentication.ts'
import { memoryBudget } from './budget.ts'
import { Connection } from './connection.ts'
import { connectionLimits, OpenConnections } from './connection-limits.ts'
import type { Authentication, BrokerContext, Endpoint, Timers } from './context.ts'
import { type ConnectionKind, counts } from './counts.ts'
import type { Fetch } from './issuer-keys.ts'
import {
  authorizerSettings,
  SecuredAccess,
  type SecuritySource,
  SecurityState,
  securityMode,
} from './security.ts'
import { serveSocket, type TcpSocket } from './tcp.ts'
import { TopicCache } from './topic-cache.ts'
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

const topics = new TopicCache()
const budget = memoryBudget()
let brokerConfigs: {
  readonly values: Readonly<Record<string, string>>
  readonly readAtMs: number
} | null = null
let features: { readonly value: FinalizedFeatures; readonly readAtMs: number } | null = null
let authentication: AuthenticationState | null = null
let environment: Environment | null = null
let security: SecurityState | null = null
const auditLog = new AuditLog()
const connections = new OpenConnections()
let refusedAtMs = Number.NEGATIVE_INFINITY

/** The settings of this isolate, read once: bindings do not change while it lives. */
export function environmentOf(env: WorkerEnv): Environment {
  environment ??= readEnvironment(env)
  return environment
}

/** What this isolate knows of users, rules and quotas. */
export function securityOf(env: WorkerEnv): SecurityState {
  security ??= new SecurityState(timers.now, authorizerSettings(environmentOf(env)))
  return security
}

/** Nobody in particular: of a broker that asks nobody, or who may do nothing until they say who they are. */
function accessOf(env: WorkerEnv, source: SecuritySource, clientHost: string): Access {
  const settings = environmentOf(env)
  if (securityMode(settings) === 'open') return OPEN_ACCESS
  const { allowAnonymous } = settings
  return new SecuredAccess({ state: securityOf(env), source, clientHost, allowAnonymous })
}

/** How whoever has this access may prove who they are; null where nobody is asked. */
function authenticationOf(
  env: WorkerEnv,
  access: Access,
  cluster: SecurityRpc,
): Authentication | null {
  if (!(access instanceof SecuredAccess)) return null
  const settings = environmentOf(env)
  authentication ??= new AuthenticationState(authenticationSettings(settings))
  const security = securityOf(env)
  const authenticator = new Authenticator(authentication, {
    cluster,
    usersVersion: async () => {
      await security.ready(cluster)
      return security.usersVersion
    },
    fetch: (url, init) => (env.OTTLA_OAUTH_NETWORK ?? globalThis).fetch(url, init),
    now: timers.now,
  })
  return {
    authenticator,
    identify: (principal) => access.identify(principal),
    allowAnonymous: settings.allowAnonymous,
  }
}

function isAuditOff(env: WorkerEnv): boolean {
  return environmentOf(env).config['ottla.audit.enable']?.trim().toLowerCase() === 'false'
}

/** A context for one connection or HTTP request. */
export function brokerContext(
  env: WorkerEnv,
  advertised: Endpoint,
  clientHost: string,
): BrokerContext {
  const reached = objects(env)
  const log = workerLog(environmentOf(env).logLevel)
  const access = accessOf(env, reached.cluster, clientHost)
  return {
    objects: reached,
    topics,
    budget,
    advertised,
    clientHost,
    access,
    authentication: authenticationOf(env, access, reached.cluster),
    audit: access.isOpen || isAuditOff(env) ? null : auditLog,
    security: securityOf(env),
    log,
    timers,
    watches: new Watches(timers, (shard) => reached.watch(shard)),
    brokerConfig: async (name) => {
      const now = Date.now()
      if (brokerConfigs === null || now - brokerConfigs.readAtMs > BROKER_CONFIG_CACHE_MS) {
        // Who comes meanwhile has the old ones: thousands of connections would all ask.
        if (brokerConfigs !== null) brokerConfigs = { ...brokerConfigs, readAtMs: now }
        try {
          brokerConfigs = { values: await reached.cluster.brokerConfigs(), readAtMs: now }
        } catch (error) {
          log('warn', 'broker configuration not read', { reason: String(error) })
        }
      }
      return brokerConfigs?.values[name]
    },
    features: async () => {
      const now = Date.now()
      if (features === null || now - features.readAtMs > BROKER_CONFIG_CACHE_MS) {
        features = { value: await reached.cluster.features(), readAtMs: now }
      }
      return features.value
    },
    forgetFeatures() {
      features = null
    },
    tellCounts: (when) => {
      const told = { nowMs: Date.now(), isAlone: environmentOf(env).local }
      return when === 'now'
        ? counts.tellNow(reached.statistics, told)
        : counts.tell(reached.statistics, told)
    },
  }
}

/** An object has so many connections that are open; it says so now and then while it has any. */
export async function countOpen(
  env: WorkerEnv,
  kind: ConnectionKind,
  owner: string,
  open: number,
): Promise<void> {
  counts.hold(kind, owner, open)
  const told = { nowMs: Date.now(), isAlone: environmentOf(env).local }
  await counts.tell(objects(env).statistics, told)
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
  const ended = counts.opened('tcp')
  try {
    await serveOpened(socket, env, { localAddress, host })
  } finally {
    closed()
    ended()
  }
  if (connections.total === 0) afterwards.waitUntil(tellLast(env))
}

/** Nobody else is there to tell what the last connection has done. */
async function tellLast(env: WorkerEnv): Promise<void> {
  await timers.sleep(STATISTICS_INTERVAL_MS)
  const told = { nowMs: Date.now(), isAlone: environmentOf(env).local }
  await counts.tell(objects(env).statistics, told)
}

/** Of the process's file descriptors; the runtime would end with the first connection that finds none. */
export function connectionsMax(env: WorkerEnv): number {
  return shareOfFiles(environmentOf(env).openFiles, CONNECTIONS_FILES_SHARE, FILES_PER_CONNECTION)
}

/** Says so once in a while: who is closed comes again. */
function refuse(socket: TcpSocket, env: WorkerEnv, reason: string): Promise<void> {
  counts.add('refused|tcp')
  if (Date.now() >= refusedAtMs + REFUSED_SAID_MS) {
    refusedAtMs = Date.now()
    const open = connections.total
    workerLog(environmentOf(env).logLevel)('warn', 'too many connections', { open, reason })
  }
  return socket.close()
}

/** The two ends of a connection. */
interface Ends {
  readonly localAddress: string | undefined
  readonly host: string
}

async function serveOpened(
  socket: OpenedSocket,
  env: WorkerEnv,
  { localAddress, host }: Ends,
): Promise<void> {
  const advertised = advertisedEndpoint(environmentOf(env).advertised, localAddress)
  if (advertised === null) {
    workerLog(environmentOf(env).logLevel)('error', 'no address to advertise: set --advertised', {
      local: localAddress ?? '',
    })
    return socket.close()
  }
  const context = brokerContext(env, advertised, host)
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
