// Which addresses to listen on. A wildcard is spread over the machine's addresses, because workerd
// reports the listener's address as a connection's local one: only so can a client be told the
// address it came to. Ports that were left open (0) are chosen here: one port for every address.

import { networkInterfaces } from 'node:os'
import { formatAddress, isLoopback, isWildcard } from '../core/env.ts'
import type { StartOptions } from './flags.ts'

/** One socket for workerd. */
export interface Listener {
  /** Unique; workerd names it when it listens or cannot. */
  readonly name: string
  readonly protocol: 'kafka' | 'http'
  readonly host: string
  readonly port: number
  /** `HOST[:PORT]` told to clients of this listener alone. */
  readonly advertised: string | null
  /** True when the port was chosen here: if workerd finds it taken, another will do. */
  readonly portChosen: boolean
}

export interface Listeners {
  readonly all: readonly Listener[]
  /** `HOST:PORT` of the ready line. */
  readonly kafka: string
  readonly http: string
  /** Addresses by which HTTP is reached, wildcards resolved. */
  readonly httpAddresses: readonly string[]
}

/** The addresses of this machine, as far as they matter here. */
export interface Machine {
  /** Of all interfaces, loopback included; no scoped (link-local) IPv6. */
  readonly addresses: readonly string[]
  /** Addresses of a host name. Rejects when there is none. */
  resolve(name: string): Promise<readonly string[]>
  /** A port that is probably free. */
  anyPort(): number
}

/** Listeners, or the reason why they cannot be. */
export type ListenersResult =
  | { readonly kind: 'listeners'; readonly listeners: Listeners }
  | { readonly kind: 'refused'; readonly reason: string }

/** Works out every socket. Refuses what is beyond loopback unless everybody is asked who they are, or it was allowed. */
export async function planListeners(
  options: StartOptions,
  machine: Machine,
  isSecured = false,
): Promise<ListenersResult> {
  const wanted = [options.host ?? 'localhost', ...options.listen.map((extra) => extra.host)]
  const hosts = new Map<string, readonly string[]>()
  for (const name of wanted) {
    const addresses = await addressesOf(name, machine)
    if (addresses.length === 0) return refused(`the host name "${name}" has no address`)
    if (!isSecured && !options.allowAnonymous && !addresses.every(isLoopback)) {
      return refused(
        `listening on ${name}, beyond loopback, needs a first user or --allow-anonymous: OTTLA_SECRET="$(openssl rand -hex 24)" npx ottla start --host ${name}`,
      )
    }
    hosts.set(name, addresses)
  }
  const own = hosts.get(options.host ?? 'localhost') ?? []
  // A configured address serves every client, so the wildcard itself can be listened on.
  const kafkaHosts =
    options.advertised === null ? spread(own, machine) : own.map((host) => withWildcard(host))
  const httpHosts = own.map((host) => withWildcard(host))
  const kafkaPort = options.kafkaPort || portOtherThan(options.httpPort, machine)
  const httpPort = options.httpPort || portOtherThan(kafkaPort, machine)
  const all = [
    ...kafkaHosts.map((host) => ({
      protocol: 'kafka' as const,
      host,
      port: kafkaPort,
      advertised: null,
      portChosen: options.kafkaPort === 0,
    })),
    ...options.listen.flatMap(({ host, port, advertised }) =>
      (hosts.get(host) ?? []).map((each) => ({
        protocol: 'kafka' as const,
        host: withWildcard(each),
        port,
        advertised,
        portChosen: false,
      })),
    ),
    ...httpHosts.map((host) => ({
      protocol: 'http' as const,
      host,
      port: httpPort,
      advertised: null,
      portChosen: options.httpPort === 0,
    })),
  ].map((each, index) => ({ ...each, name: `${each.protocol}-${index}` }))
  const twice = all.find((each, index) => all.findIndex((other) => same(each, other)) < index)
  if (twice !== undefined) {
    return refused(`${formatAddress(twice.host, twice.port)} is asked for twice`)
  }
  return {
    kind: 'listeners',
    listeners: {
      all,
      kafka: formatAddress(shown(kafkaHosts), kafkaPort),
      http: formatAddress(shown(httpHosts), httpPort),
      httpAddresses: spread(own, machine).map((host) => formatAddress(host, httpPort)),
    },
  }
}

/** This machine. */
export function thisMachine(): Machine {
  return {
    addresses: Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter((each) => each.family === 'IPv4' || each.scopeid === 0)
      .map((each) => each.address),
    async resolve(name) {
      const { lookup } = await import('node:dns/promises')
      const found = await lookup(name, { all: true })
      return found.map((each) => each.address)
    },
    anyPort: () => FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1)),
  }
}

/** Below the ports that Linux and macOS give to outgoing connections, so seldom taken. */
const FIRST_PORT = 20_000
const LAST_PORT = 32_767

function portOtherThan(taken: number, machine: Machine): number {
  for (;;) {
    const port = machine.anyPort()
    if (port !== taken) return port
  }
}

/** Addresses of one `--host`; a wildcard stays one. A machine without ::1 has one loopback. */
async function addressesOf(name: string, machine: Machine): Promise<readonly string[]> {
  if (isWildcard(name) || /^[\d.]+$/.test(name) || name.includes(':')) return [name]
  if (name === 'localhost') {
    return machine.addresses.includes('::1') ? ['127.0.0.1', '::1'] : ['127.0.0.1']
  }
  try {
    return [...new Set(await machine.resolve(name))]
  } catch {
    return []
  }
}

function spread(hosts: readonly string[], machine: Machine): readonly string[] {
  return hosts.flatMap((host) => {
    if (!isWildcard(host)) return [host]
    const both = host !== '0.0.0.0'
    return machine.addresses.filter((address) => both || !address.includes(':'))
  })
}

/** workerd's `*` is the wildcard of both address families. */
function withWildcard(host: string): string {
  return host === '::' ? '*' : host
}

function shown(hosts: readonly string[]): string {
  const [first = '127.0.0.1'] = hosts
  return hosts.includes('127.0.0.1') || isWildcard(first) ? '127.0.0.1' : first
}

function same(a: Listener, b: Listener): boolean {
  return a.port === b.port && a.host === b.host
}

function refused(reason: string): ListenersResult {
  return { kind: 'refused', reason }
}
