// Writes workerd's configuration (workerd.capnp of the workerd package) as Cap'n Proto text: sockets,
// the Worker with its modules and bindings, and storage on disk. Not behaviour: start.ts runs it.

import { EnvironmentName, formatAddress } from '../core/env.ts'
import type { StartOptions } from './flags.ts'
import type { Listeners } from './listeners.ts'

/** The same date as in wrangler.toml: what the Worker was tested with. */
export const COMPATIBILITY_DATE = '2026-10-01'

/** Durable Object classes and their bindings. Names and keys are part of the data folder's layout. */
const OBJECTS = [
  { className: 'Partition', binding: 'PARTITION' },
  { className: 'Cluster', binding: 'CLUSTER' },
  { className: 'Group', binding: 'GROUP' },
  { className: 'Transaction', binding: 'TRANSACTION' },
] as const

/** Name of the socket that locks the data folder, and of its file there. */
export const LOCK = 'lock'

export interface WorkerdConfig {
  readonly options: StartOptions
  readonly listeners: Listeners
  /** Absolute folder of the bundle. */
  readonly workerDir: string
  /** Files of the bundle: `index.js` and its WASM modules, by the names that `index.js` imports. */
  readonly modules: readonly string[]
  /** Absolute path of the Worker that stands before the files of web/. */
  readonly assetWorker: string
  /** Absolute folder of the files of web/. */
  readonly webDir: string
  /** Absolute folder of the Durable Objects' storage. */
  readonly objectsDir: string
}

/**
 * The whole configuration. Absolute paths in `embed` need workerd's `--import-path /`.
 * The broker calls nobody, so `internet` leads nowhere: workerd's own would read every certificate
 * authority of the machine at each start (a quarter of its start-up time). The lock answers with it.
 */
export function workerdConfig(config: WorkerdConfig): string {
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "objects", disk = (path = ${text(config.objectsDir)}, writable = true)),
    (name = "web", disk = (path = ${text(config.webDir)})),
    (name = "assets", worker = .assets),
    (name = "internet", network = (allow = [])),
  ],
  sockets = [
${sockets(config.listeners)}
    (name = "${LOCK}", address = "unix:${LOCK}", http = (), service = "internet"),
  ],
);

const assets :Workerd.Worker = (
  compatibilityDate = "${COMPATIBILITY_DATE}",
  modules = [(name = "assets.js", esModule = embed ${text(config.assetWorker)})],
  bindings = [(name = "FILES", service = "web")],
);

const worker :Workerd.Worker = (
  compatibilityDate = "${COMPATIBILITY_DATE}",
  modules = [
${config.modules.map((name) => module(config.workerDir, name)).join('\n')}
  ],
  durableObjectNamespaces = [
${OBJECTS.map(({ className }) => `    (className = "${className}", uniqueKey = "ottla-${className}", enableSql = true),`).join('\n')}
  ],
  durableObjectStorage = (localDisk = "objects"),
  bindings = [
${OBJECTS.map(({ className, binding }) => `    (name = "${binding}", durableObjectNamespace = "${className}"),`).join('\n')}
    (name = "ASSETS", service = "assets"),
${Object.entries(bindings(config)).map(textBinding).join('\n')}
  ],
);
`
}

/** The Worker's settings as core/env.ts reads them. */
export function bindings({ options, listeners }: WorkerdConfig): Readonly<Record<string, string>> {
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
    [EnvironmentName.LOG_LEVEL]: options.logLevel,
  }
}

/** A Cap'n Proto text literal: UTF-8 as it is, quotes, backslashes and control characters escaped. */
export function text(value: string): string {
  const escaped = value.replace(/["\\\p{Cc}]/gu, (char) => {
    if (char === '"' || char === '\\') return `\\${char}`
    // \x stands for a byte: beyond ASCII it would break the UTF-8.
    return char < '\x80' ? `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}` : char
  })
  return `"${escaped}"`
}

function sockets(listeners: Listeners): string {
  return listeners.all
    .map(({ name, protocol, host, port }) => {
      const kind = protocol === 'kafka' ? 'tcp' : 'http'
      const address = text(formatAddress(host, port))
      return `    (name = "${name}", address = ${address}, ${kind} = (), service = "main"),`
    })
    .join('\n')
}

function module(dir: string, name: string): string {
  const kind = name.endsWith('.wasm') ? 'wasm' : 'esModule'
  return `    (name = ${text(name)}, ${kind} = embed ${text(`${dir}/${name}`)}),`
}

function textBinding([name, value]: [string, string]): string {
  return `    (name = "${name}", text = ${text(value)}),`
}
