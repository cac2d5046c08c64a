// `ottla proxy`: listens for Kafka clients on this machine and carries their connections to a broker that takes no
// TCP. No frame is looked into: ../proxy/ has one connection, ../../core/tunnel-protocol.ts what it says.

import { createServer, type Server, type Socket } from 'node:net'
import { formatAddress, isLoopback, isWildcard, parseAddress } from '../../core/env.ts'
import {
  authorizationOf,
  BROKER_HELP,
  brokerUrl,
  type Command,
  EXIT,
  FailedError,
  type Io,
  numberOf,
  textOf,
  UsageError,
  type Values,
} from '../command.ts'
import { type Broker, dial, dialUntil, hangUp } from '../proxy/dial.ts'
import { carry } from '../proxy/tunnel.ts'

const DEFAULT_KAFKA_PORT = 9092
/** Free on one loopback and taken on the other, so many times. */
const PORT_ATTEMPTS = 20

export const proxy: Command = {
  name: 'proxy',
  summary: 'lead Kafka clients to a broker that takes no TCP',
  help: `Usage: ottla proxy URL [flags]

Kafka clients on this machine reach a deployed broker through it:

  OTTLA_SECRET=… ottla proxy https://ottla.example.workers.dev
  kcat -b 127.0.0.1:9092 -L
  ottla proxy https://ottla.example.workers.dev --kafka-port 19092 --secret-file ./secret

  --kafka-port PORT   where Kafka clients connect, 0 for any free port   (OTTLA_KAFKA_PORT, 9092)
  --host HOST         listen address; beyond loopback needs
                      --allow-anonymous                                  (both loopbacks)
  --advertised HOST[:PORT]
                      what clients are told to connect to                (the address they came to)
  --allow-anonymous   let other machines in: whoever reaches this port speaks with your secret
${BROKER_HELP}
It prints one line to standard output when it listens: ready kafka=HOST:PORT url=URL
`,
  flags: {
    'kafka-port': { type: 'string' },
    host: { type: 'string' },
    advertised: { type: 'string' },
    'allow-anonymous': { type: 'boolean' },
    url: { type: 'string' },
    'secret-file': { type: 'string' },
    user: { type: 'string' },
  },
  run,
}

async function run(words: readonly string[], values: Values, io: Io): Promise<number> {
  const [word, extra] = words
  if (extra !== undefined) throw new UsageError(`unexpected argument "${extra}"`)
  if (word !== undefined && textOf(values, 'url') !== undefined) {
    throw new UsageError('the URL is given twice')
  }
  const url = brokerUrl(values, io.env, word ?? textOf(values, 'url'))
  const broker: Broker = { url: tunnelUrl(url), authorization: authorizationOf(values, io.env) }
  const hosts = listenHosts(values)
  const port = listenPort(values, io)
  const advertised = advertisedOf(values)
  const links = new Links(broker, advertised, io)
  const servers = await listenAll(hosts, port, (client) => void links.open(client))
  try {
    const bound = servers[0]?.address()
    const ownPort = typeof bound === 'object' && bound !== null ? bound.port : port
    const shown = formatAddress(shownHost(hosts), ownPort)
    await links.check(advertised?.host ?? shownHost(hosts), advertised?.port ?? ownPort)
    if (io.signal.aborted) return EXIT.OK
    io.out(`ready kafka=${shown} url=${url.href}`)
    await new Promise<void>((stopped) => {
      if (io.signal.aborted) stopped()
      else io.signal.addEventListener('abort', () => stopped(), { once: true })
    })
    return EXIT.OK
  } finally {
    for (const server of servers) server.close()
    links.close()
  }
}

/** The connections of all clients, and what of their troubles is said: each kind once, until it has gone well. */
class Links {
  readonly #broker: Broker
  readonly #advertised: Address | null
  readonly #io: Io
  readonly #clients = new Set<Socket>()
  #saidReason = ''
  #closed = false

  constructor(broker: Broker, advertised: Address | null, io: Io) {
    this.#broker = broker
    this.#advertised = advertised
    this.#io = io
  }

  /** @throws FailedError when nobody will ever be let in; a broker that is not there yet may come */
  async check(host: string, port: number): Promise<void> {
    const dialled = await dial(this.#broker, formatAddress(host, port))
    if (dialled.kind === 'open') hangUp(dialled.socket)
    else if (dialled.isFinal) throw new FailedError(`${this.#broker.url}: ${dialled.reason}`)
    else
      this.#say(`${this.#broker.url}: ${dialled.reason}; each client is tried again when it comes`)
  }

  async open(client: Socket): Promise<void> {
    this.#clients.add(client)
    client.once('close', () => this.#clients.delete(client))
    client.on('error', () => {})
    client.setNoDelay(true)
    const address = formatAddress(
      this.#advertised?.host ?? unmapped(client.localAddress ?? ''),
      this.#advertised?.port ?? client.localPort ?? 0,
    )
    const isWanted = () => !this.#closed && !client.destroyed
    const dialled = await dialUntil(this.#broker, address, isWanted)
    if (dialled.kind === 'failed') {
      this.#say(`no connection to ${this.#broker.url}: ${dialled.reason}`)
      client.destroy()
      return
    }
    if (!isWanted()) {
      hangUp(dialled.socket)
      return
    }
    this.#saidReason = ''
    const reason = await carry(client, dialled.socket)
    if (reason !== '' && !this.#closed) this.#say(`a connection has ended: ${reason}`)
  }

  close(): void {
    this.#closed = true
    for (const client of this.#clients) client.destroy()
  }

  #say(reason: string): void {
    if (reason === this.#saidReason) return
    this.#saidReason = reason
    this.#io.say(`ottla proxy: ${reason}`)
  }
}

interface Address {
  readonly host: string
  /** Null: the port they came to. */
  readonly port: number | null
}

function tunnelUrl(url: URL): string {
  const tunnel = new URL('kafka', url)
  tunnel.protocol = tunnel.protocol.replace('http', 'ws')
  return tunnel.href
}

function listenHosts(values: Values): readonly string[] {
  const host = textOf(values, 'host')
  if (host === undefined || host === 'localhost') return ['127.0.0.1', '::1']
  const address = host === '::' ? { host, port: null } : parseAddress(host)
  if (address === null || address.port !== null) {
    throw new UsageError(`--host must be an address or a host name without a port, not "${host}"`)
  }
  if (!isLoopback(address.host) && values['allow-anonymous'] !== true) {
    throw new UsageError(`listening on ${host}, beyond loopback, needs --allow-anonymous`)
  }
  return [address.host]
}

function listenPort(values: Values, { env }: Io): number {
  const fromEnv = { 'kafka-port': env.OTTLA_KAFKA_PORT || undefined }
  const source = textOf(values, 'kafka-port') === undefined ? fromEnv : values
  return numberOf(source, 'kafka-port', { most: 65_535 }) ?? DEFAULT_KAFKA_PORT
}

function advertisedOf(values: Values): Address | null {
  const text = textOf(values, 'advertised')
  if (text === undefined) return null
  const address = parseAddress(text)
  if (address === null || address.port === 0 || isWildcard(address.host)) {
    throw new UsageError(
      `--advertised must be HOST or HOST:PORT that clients can reach, not "${text}"`,
    )
  }
  return address
}

function shownHost(hosts: readonly string[]): string {
  const [first = '127.0.0.1'] = hosts
  return isWildcard(first) ? '127.0.0.1' : first
}

/** Listens on every host with one port. A machine without ::1 has one loopback. */
async function listenAll(
  hosts: readonly string[],
  port: number,
  onClient: (client: Socket) => void,
): Promise<Server[]> {
  for (let attempt = 1; ; attempt++) {
    const servers: Server[] = []
    try {
      let chosen = port
      for (const host of hosts) {
        const server = await listen(host, chosen, onClient)
        if (server === null) continue
        servers.push(server)
        const address = server.address()
        if (typeof address === 'object' && address !== null) chosen = address.port
      }
      return servers
    } catch (error) {
      for (const server of servers) server.close()
      const { code, message } = error as NodeJS.ErrnoException
      if (code !== 'EADDRINUSE') throw new FailedError(`cannot listen: ${message}`)
      if (port === 0 && attempt < PORT_ATTEMPTS) continue
      throw new FailedError(`port ${port} is already in use; --kafka-port chooses another`)
    }
  }
}

function listen(
  host: string,
  port: number,
  onClient: (client: Socket) => void,
): Promise<Server | null> {
  const options = { allowHalfOpen: true, pauseOnConnect: true, noDelay: true }
  const server = createServer(options, onClient)
  return new Promise((done, failed) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const isAbsent = error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT'
      if (host === '::1' && isAbsent) done(null)
      else failed(error)
    })
    server.listen({ host, port, ipv6Only: host === '::1' }, () => done(server))
  })
}

/** Node shows IPv4 clients of an IPv6 listener as `::ffff:…`. */
function unmapped(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address
}
