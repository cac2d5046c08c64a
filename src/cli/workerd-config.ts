// Writes workerd's configuration (workerd.capnp of the workerd package) as an encoded message: sockets,
// the Worker with its modules and bindings, and storage on disk. Not behaviour: start.ts runs it.
// Encoded, not as text: to compile text against its schema took workerd a fifth of its start. Where a field
// lies is found by encoding a text with `workerd compile --config-only`, as the test of this file does.

import { EnvironmentName, formatAddress } from '../core/env.ts'
import { data, list, message, type Struct, struct, text, texts, type Value } from './capnp.ts'
import type { StartOptions } from './flags.ts'
import type { Listeners } from './listeners.ts'
import type { LocalOauth, LocalTls } from './security.ts'
import type { LocalTier } from './tier.ts'

/** The same date as in wrangler.toml: what the Worker was tested with. */
export const COMPATIBILITY_DATE = '2026-10-01'

/** Durable Object classes and their bindings. Names and keys are part of the data folder's layout. */
export const OBJECTS = [
  { className: 'Partition', binding: 'PARTITION' },
  { className: 'Cluster', binding: 'CLUSTER' },
  { className: 'Group', binding: 'GROUP' },
  { className: 'Transaction', binding: 'TRANSACTION' },
  { className: 'Watch', binding: 'WATCH' },
  { className: 'Statistics', binding: 'STATISTICS' },
  { className: 'Tunnel', binding: 'TUNNEL' },
  { className: 'Live', binding: 'LIVE' },
] as const

/** Name of the socket that locks the data folder, and of its file there. */
export const LOCK = 'lock'

/** A file of the bundle, by the name that `index.js` imports. */
export interface WorkerModule {
  readonly name: string
  readonly content: Uint8Array
}

export interface WorkerdConfig {
  readonly options: StartOptions
  readonly listeners: Listeners
  /** `index.js` first. */
  readonly modules: readonly WorkerModule[]
  /** Absolute folder of the files of web/. */
  readonly webDir: string
  /** Absolute folder of the Durable Objects' storage. */
  readonly objectsDir: string
  /** null: nothing is moved anywhere. */
  readonly tier: LocalTier | null
  /** OTTLA_SECRET is in workerd's environment. */
  readonly hasSecret?: boolean
  /** What is to be read of TLS files, as text. */
  readonly tls?: LocalTls | null
  readonly oauth?: LocalOauth | null
  /** How many files workerd may have open, where that is known. */
  readonly openFiles?: number
}

/** Which of a union's fields is set, in the first 16 bits of the struct. */
const SERVICE = { worker: 1, network: 2, disk: 4 } as const
const SOCKET = { http: 0, https: 1, tcp: 2 } as const
const MODULE = { esModule: 0, wasm: 4 } as const
const BINDING = { text: 2, service: 7, objects: 8, fromEnvironment: 14 } as const

/** In the second 16 bits of a Worker: its objects are kept on the disk that a service of this name is. */
const OBJECTS_ON_DISK = 2 << 16
/** Of a namespace: its key is `uniqueKey` (the default), and its objects have SQLite. */
const HAS_SQLITE = 2 << 16
/** Of a disk service. */
const WRITABLE = 1

const MAIN = 'main'
const DISK = 'objects'
const WEB = 'web'
const NOWHERE = 'internet'
const TIER = 'tier'
const ISSUER = 'issuer'

/** Networks that S3 servers are in: the tier's own code decides which one is spoken to. */
const EVERYWHERE = ['public', 'private']
/** Of TLS options: clients must have a certificate; who browsers trust is trusted. */
const REQUIRE_CLIENT_CERTS = 1 << 0
const TRUST_BROWSERS = 1 << 1

/**
 * The whole configuration, for `workerd serve --binary`.
 * The broker calls nobody but an S3 server of its tier, so `internet` leads nowhere: workerd's own would read
 * every certificate authority of the machine at each start (a quarter of its start-up time), as now happens
 * only where that server has a certificate. The lock answers with it.
 */
export function workerdConfig(config: WorkerdConfig): Uint8Array {
  const { objectsDir, webDir, listeners } = config
  const services = [
    service(MAIN, SERVICE.worker, worker(config)),
    service(DISK, SERVICE.disk, struct([WRITABLE], [text(objectsDir)])),
    service(WEB, SERVICE.disk, struct([0], [text(webDir)])),
    service(NOWHERE, SERVICE.network, struct([], [texts([])])),
    ...tierServices(config.tier),
    ...issuerServices(config.oauth ?? null),
  ]
  const tls = config.tls ?? null
  const sockets = listeners.all.map(({ name, protocol, host, port }) =>
    socket(
      { name, address: formatAddress(host, port) },
      protocol === 'kafka' ? SOCKET.tcp : tls === null ? SOCKET.http : SOCKET.https,
      { to: MAIN, tls },
    ),
  )
  const lock = socket({ name: LOCK, address: `unix:${LOCK}` }, SOCKET.http, {
    to: NOWHERE,
    tls: null,
  })
  return message(struct([0], [list(services), list([...sockets, lock])]))
}

function tierServices(tier: LocalTier | null): readonly Struct[] {
  switch (tier?.kind) {
    case 'directory':
      return [service(TIER, SERVICE.disk, struct([WRITABLE], [text(tier.path)]))]
    case 's3': {
      const tls = tier.isTls ? struct([TRUST_BROWSERS], []) : null
      return [service(TIER, SERVICE.network, struct([], [texts(EVERYWHERE), null, tls]))]
    }
    case undefined:
      return []
  }
}

function issuerServices(oauth: LocalOauth | null): readonly Struct[] {
  if (oauth?.network == null) return []
  const tls = oauth.network.isTls ? struct([TRUST_BROWSERS], []) : null
  return [service(ISSUER, SERVICE.network, struct([], [texts(EVERYWHERE), null, tls]))]
}

function issuerBindings(oauth: LocalOauth | null): readonly Struct[] {
  if (oauth === null) return []
  return [
    ...(oauth.network === null
      ? []
      : [binding(EnvironmentName.OAUTH_NETWORK, BINDING.service, designator(ISSUER))]),
    ...(oauth.keys === null
      ? []
      : [binding(EnvironmentName.OAUTH_KEYS, BINDING.text, text(oauth.keys))]),
  ]
}

/** Credentials go from environment to environment: they are in no file. */
function tierBindings(tier: LocalTier | null): readonly Struct[] {
  switch (tier?.kind) {
    case 'directory':
      return [binding(EnvironmentName.TIER_DIRECTORY, BINDING.service, designator(TIER))]
    case 's3':
      return [
        binding(EnvironmentName.TIER_NETWORK, BINDING.service, designator(TIER)),
        ...tier.credentials.map((name) => binding(name, BINDING.fromEnvironment, text(name))),
      ]
    case undefined:
      return []
  }
}

function service(name: string, kind: number, value: Value): Struct {
  return struct([kind], [text(name), value])
}

function socket(
  { name, address }: { readonly name: string; readonly address: string },
  kind: number,
  { to, tls }: { readonly to: string; readonly tls: LocalTls | null },
): Struct {
  const encrypted = tls && tlsOptions(tls)
  // Of TCP they are where the others have their options for HTTP.
  const first = kind === SOCKET.tcp ? encrypted : struct([], [])
  const second = kind === SOCKET.https ? encrypted : null
  return struct([kind, 0], [text(name), text(address), first, second, designator(to)])
}

function tlsOptions({ certificate, key, clientAuthority }: LocalTls): Struct {
  const keypair = struct([], [text(key), text(certificate)])
  if (clientAuthority === null) return struct([0], [keypair])
  return struct([REQUIRE_CLIENT_CERTS], [keypair, texts([clientAuthority])])
}

function designator(name: string): Struct {
  return struct([0], [text(name)])
}

function worker(config: WorkerdConfig): Struct {
  const modules = config.modules.map(({ name, content }) => {
    const isWasm = name.endsWith('.wasm')
    const value = isWasm ? data(content) : text(content)
    return struct([isWasm ? MODULE.wasm : MODULE.esModule], [text(name), value])
  })
  const namespaces = OBJECTS.map(({ className }) =>
    struct([HAS_SQLITE], [text(className), text(`ottla-${className}`)]),
  )
  const bound = [
    ...OBJECTS.map(({ binding: name, className }) =>
      binding(name, BINDING.objects, struct([], [text(className)])),
    ),
    binding('FILES', BINDING.service, designator(WEB)),
    ...Object.entries(bindings(config)).map(([name, value]) =>
      binding(name, BINDING.text, text(value)),
    ),
    ...tierBindings(config.tier),
    ...issuerBindings(config.oauth ?? null),
    // As credentials: in no file.
    ...(config.hasSecret === true
      ? [binding(EnvironmentName.SECRET, BINDING.fromEnvironment, text(EnvironmentName.SECRET))]
      : []),
  ]
  const objects = [list(namespaces), null, null, text(DISK)]
  const pointers = [list(modules), text(COMPATIBILITY_DATE), null, list(bound), null, ...objects]
  return struct([OBJECTS_ON_DISK], pointers)
}

function binding(name: string, kind: number, value: Value): Struct {
  return struct([kind], [text(name), value])
}

/** The Worker's settings as core/env.ts reads them. */
export function bindings({
  options,
  listeners,
  openFiles,
}: Pick<WorkerdConfig, 'options' | 'listeners' | 'openFiles'>): Readonly<Record<string, string>> {
  const kafka = listeners.all.find(({ protocol }) => protocol === 'kafka')
  const told = listeners.all.flatMap(({ host, port, advertised }): [string, string][] =>
    advertised === null ? [] : [[formatAddress(host, port), advertised]],
  )
  return {
    [EnvironmentName.LOCAL]: '1',
    [EnvironmentName.CONFIG]: JSON.stringify(options.config),
    [EnvironmentName.ADVERTISED]: JSON.stringify({
      ...(options.advertised === null ? {} : { default: options.advertised }),
      listeners: Object.fromEntries(told),
    }),
    [EnvironmentName.ALLOW_ANONYMOUS]: options.allowAnonymous ? '1' : '0',
    [EnvironmentName.ALLOW_ORIGINS]: JSON.stringify(options.allowOrigins),
    [EnvironmentName.ALLOW_HOSTS]: JSON.stringify(options.allowHosts),
    [EnvironmentName.HTTP_LISTENERS]: JSON.stringify(listeners.httpAddresses),
    ...(kafka === undefined ? {} : { [EnvironmentName.KAFKA_LISTENER_PORT]: String(kafka.port) }),
    [EnvironmentName.LOG_LEVEL]: options.logLevel,
    ...(options.user === null ? {} : { [EnvironmentName.USER]: options.user }),
    ...(openFiles === undefined ? {} : { [EnvironmentName.OPEN_FILES]: String(openFiles) }),
  }
}
