// Flags and environment variables of the commands, parsed and checked before anything is touched. A
// flag wins over its variable. Not the Worker's own bindings: those are in core/env.ts.

import { parseArgs } from 'node:util'
import { isWildcard, LOG_LEVELS, type LogLevel, parseAddress } from '../core/env.ts'

export const DEFAULT_KAFKA_PORT = 9092
export const DEFAULT_HTTP_PORT = 8080
export const DEFAULT_DATA = './.ottla'

/** One more Kafka listener, with the address its clients are told. */
export interface ExtraListener {
  readonly host: string
  readonly port: number
  /** `HOST[:PORT]`. */
  readonly advertised: string
}

/** PEM files, as given. */
export interface TlsFiles {
  readonly certificate: string
  readonly key: string
  /** Of the authority whose certificates clients must have; null: they need none. */
  readonly clientAuthority: string | null
}

/** What to start. */
export interface StartOptions {
  /** 0: any free port. */
  readonly kafkaPort: number
  readonly httpPort: number
  /** Null: both loopbacks. */
  readonly host: string | null
  /** `HOST[:PORT]`; null: the local address of each client's connection. */
  readonly advertised: string | null
  readonly listen: readonly ExtraListener[]
  /** As given, not resolved; null: a temporary folder that is removed at exit. */
  readonly data: string | null
  /** Broker configuration by Kafka's names, not checked yet: core/configs.ts does. */
  readonly config: Readonly<Record<string, string>>
  readonly allowAnonymous: boolean
  readonly allowOrigins: readonly string[]
  readonly allowHosts: readonly string[]
  readonly logLevel: LogLevel
  readonly logJson: boolean
  /** A file that holds the secret which HTTP and tunnels then ask for; otherwise OTTLA_SECRET has it. */
  readonly secretFile: string | null
  /** The name of the first user, whose password the secret is; null: the broker's default. */
  readonly user: string | null
  /** Null: listeners speak in the clear. */
  readonly tls: TlsFiles | null
  /** Open the console in a browser when it is ready. */
  readonly open: boolean
}

export type ParsedFlags =
  | { readonly kind: 'start'; readonly options: StartOptions }
  /** Checks the data of a broker that is stopped. `data` is as given, not resolved. */
  | { readonly kind: 'verify'; readonly data: string; readonly logJson: boolean }
  | { readonly kind: 'help' }
  /** One of commands.ts, which reads its own flags. */
  | { readonly kind: 'command'; readonly name: string; readonly args: readonly string[] }
  | { readonly kind: 'version' }
  | { readonly kind: 'bad'; readonly reason: string; readonly logJson: boolean }

/** What dist/commands.js runs (commands.ts). */
export const COMMAND_NAMES = [
  'proxy',
  'topics',
  'produce',
  'consume',
  'groups',
  'users',
  'acls',
  'bench',
] as const

export const HELP = `Usage: ottla COMMAND [flags]

  ottla start                                   a broker on this machine
  ottla topics create orders --partitions 3
  echo '{"id":1}' | ottla produce orders
  ottla consume orders --from earliest
  ottla groups                                  who reads what, and how far behind
  ottla users create bob                        who can log in
  ottla acls allow bob READ --topic orders      and what they may do
  ottla bench                                   how fast it is
  ottla proxy https://ottla.example.workers.dev  Kafka clients to a deployed broker
  ottla verify                                  checks the data of a stopped broker

ottla COMMAND --help says more of each but these two.

       ottla start [flags]

  ottla start --open                            and the console in a browser
  ottla start --ephemeral --kafka-port 0 --http-port 0       gone when it ends, on any free ports
  ottla start --set num.partitions=3 --set log.retention.hours=24
  OTTLA_SECRET="$(openssl rand -hex 24)" ottla start --host 0.0.0.0 --advertised kafka.example.com

  --kafka-port PORT    Kafka protocol over TCP, 0 for any free port      (OTTLA_KAFKA_PORT, 9092)
  --http-port PORT     HTTP API, 0 for any free port                     (OTTLA_HTTP_PORT, 8080)
  --host HOST          listen address; beyond loopback needs
                       a secret or --allow-anonymous                     (OTTLA_HOST, both loopbacks)
  --advertised HOST[:PORT]
                       what clients are told to connect to               (OTTLA_ADVERTISED, the local
                                                                         address of each connection)
  --listen HOST:PORT=ADVERTISED
                       one more Kafka listener with an address of its own; repeatable
  --data FOLDER        where data is kept                                (OTTLA_DATA, ./.ottla)
  --ephemeral          keep data in a temporary folder, removed at exit
  --set KEY=VALUE      broker configuration by Kafka's names; repeatable
  --allow-anonymous    serve who has no credentials: with a secret as
                       User:ANONYMOUS, else everybody as anybody         (OTTLA_ALLOW_ANONYMOUS)
  --allow-origin URL   an origin that CORS admits beside loopback; repeatable
  --allow-host NAME    a name accepted in Host beside loopback; repeatable
  --log-level LEVEL    ${LOG_LEVELS.join(', ')}; default info
  --secret-file FILE   the password of the first user: the broker then
                       asks everybody who they are                       (OTTLA_SECRET)
  --user NAME          the first user, who may do everything             (OTTLA_USER, admin)
  --tls-cert FILE      certificate chain in PEM: all listeners speak TLS (OTTLA_TLS_CERT)
  --tls-key FILE       its private key                                   (OTTLA_TLS_KEY)
  --tls-client-ca FILE clients must have a certificate of this authority (OTTLA_TLS_CLIENT_CA)
  --open               open the console in a browser
  --log-json           log lines as JSON
  --help, --version

       ottla verify [--data FOLDER] [--log-json]

Checks the data of a broker that is not running: prints a line for each partition
and what is damaged in it. Exit code 1 when anything is.
`

const OPTIONS = {
  'kafka-port': { type: 'string' },
  'http-port': { type: 'string' },
  host: { type: 'string' },
  advertised: { type: 'string' },
  listen: { type: 'string', multiple: true },
  data: { type: 'string' },
  ephemeral: { type: 'boolean' },
  set: { type: 'string', multiple: true },
  'allow-anonymous': { type: 'boolean' },
  'allow-origin': { type: 'string', multiple: true },
  'allow-host': { type: 'string', multiple: true },
  'log-level': { type: 'string' },
  'log-json': { type: 'boolean' },
  'secret-file': { type: 'string' },
  user: { type: 'string' },
  'tls-cert': { type: 'string' },
  'tls-key': { type: 'string' },
  'tls-client-ca': { type: 'string' },
  open: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const

/** Thrown inside this file for a value that cannot be; it leaves as a `bad` result. */
class BadFlag extends Error {}

/**
 * Reads the command line (without `node` and the script) and the environment.
 */
export function parseFlags(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ParsedFlags {
  const [first = ''] = args
  if (COMMAND_NAMES.some((name) => name === first)) {
    return { kind: 'command', name: first, args: args.slice(1) }
  }
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: OPTIONS,
      allowPositionals: true,
    })
    if (values.version) return { kind: 'version' }
    if (values.help || positionals.length === 0) return { kind: 'help' }
    if (positionals[0] !== 'start' && positionals[0] !== 'verify') {
      throw new BadFlag(`unknown command "${positionals[0]}"`)
    }
    if (positionals.length > 1) throw new BadFlag(`unexpected argument "${positionals[1]}"`)
    if (positionals[0] === 'verify') return verifyOptions(values, env)
    return { kind: 'start', options: startOptions(values, env) }
  } catch (error) {
    return { kind: 'bad', reason: reasonOf(error), logJson: args.includes('--log-json') }
  }
}

/** Of the flags only these mean anything to it. */
function verifyOptions(
  { data, 'log-json': logJson = false, ...others }: Values,
  env: Readonly<Record<string, string | undefined>>,
): ParsedFlags {
  const [other] = Object.keys(others)
  if (other !== undefined) throw new BadFlag(`verify has no --${other}`)
  if (data === '') throw new BadFlag('--data needs a folder')
  return { kind: 'verify', data: data ?? (env.OTTLA_DATA || DEFAULT_DATA), logJson }
}

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values']

function startOptions(
  values: Values,
  env: Readonly<Record<string, string | undefined>>,
): StartOptions {
  const text = (flag: 'host' | 'advertised' | 'kafka-port' | 'http-port', variable: string) => {
    const fromFlag = values[flag]
    if (fromFlag !== undefined) return { name: `--${flag}`, value: fromFlag }
    return { name: variable, value: env[variable] || undefined }
  }
  if (values.ephemeral && values.data !== undefined) {
    throw new BadFlag('--ephemeral and --data exclude each other')
  }
  if (values.data === '') throw new BadFlag('--data needs a folder')
  return {
    kafkaPort: port(text('kafka-port', 'OTTLA_KAFKA_PORT'), DEFAULT_KAFKA_PORT),
    httpPort: port(text('http-port', 'OTTLA_HTTP_PORT'), DEFAULT_HTTP_PORT),
    host: host(text('host', 'OTTLA_HOST')),
    advertised: advertised(text('advertised', 'OTTLA_ADVERTISED')),
    listen: (values.listen ?? []).map(extraListener),
    data: values.ephemeral ? null : (values.data ?? (env.OTTLA_DATA || DEFAULT_DATA)),
    config: config(values.set ?? []),
    allowAnonymous: values['allow-anonymous'] ?? isOn('OTTLA_ALLOW_ANONYMOUS', env),
    allowOrigins: (values['allow-origin'] ?? []).map(origin),
    allowHosts: (values['allow-host'] ?? []).map(hostName),
    logLevel: logLevel(values['log-level'] ?? 'info'),
    logJson: values['log-json'] ?? false,
    secretFile: values['secret-file'] ?? null,
    user: values.user ?? (env.OTTLA_USER || null),
    tls: tlsFiles(values, env),
    open: values.open ?? false,
  }
}

function tlsFiles(
  values: Values,
  env: Readonly<Record<string, string | undefined>>,
): TlsFiles | null {
  const certificate = values['tls-cert'] ?? (env.OTTLA_TLS_CERT || null)
  const key = values['tls-key'] ?? (env.OTTLA_TLS_KEY || null)
  const clientAuthority = values['tls-client-ca'] ?? (env.OTTLA_TLS_CLIENT_CA || null)
  if (certificate !== null && key !== null) return { certificate, key, clientAuthority }
  if (certificate === null && key === null && clientAuthority === null) return null
  const missing = certificate === null ? '--tls-cert' : '--tls-key'
  throw new BadFlag(`TLS needs --tls-cert and --tls-key: ${missing} is missing`)
}

interface Given {
  readonly name: string
  readonly value: string | undefined
}

function port({ name, value }: Given, otherwise: number): number {
  if (value === undefined) return otherwise
  if (!/^\d{1,5}$/.test(value) || Number(value) > 65_535) {
    throw new BadFlag(`${name} must be a port from 0 to 65535, not "${value}"`)
  }
  return Number(value)
}

function host({ name, value }: Given): string | null {
  if (value === undefined) return null
  const address = value === '::' ? { host: '::', port: null } : parseAddress(value)
  if (address === null || address.port !== null) {
    throw new BadFlag(`${name} must be an address or a host name without a port, not "${value}"`)
  }
  return address.host
}

function advertised({ name, value }: Given): string | null {
  if (value === undefined) return null
  const address = parseAddress(value)
  if (address === null || address.port === 0 || isWildcard(address.host)) {
    throw new BadFlag(`${name} must be HOST or HOST:PORT that clients can reach, not "${value}"`)
  }
  return value
}

function extraListener(value: string): ExtraListener {
  const [listen = '', told = ''] = splitOnce(value)
  const address = parseAddress(listen)
  if (address === null || address.port === null || address.port === 0 || told === '') {
    throw new BadFlag(`--listen must be HOST:PORT=ADVERTISED, not "${value}"`)
  }
  const name = `--listen ${listen}=`
  return {
    host: address.host,
    port: address.port,
    advertised: advertised({ name, value: told }) ?? told,
  }
}

function config(entries: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    entries.map((entry): [string, string] => {
      const [key = '', value] = splitOnce(entry)
      if (key === '' || value === undefined) {
        throw new BadFlag(`--set must be KEY=VALUE, not "${entry}"`)
      }
      return [key, value]
    }),
  )
}

function origin(value: string): string {
  if (value === '*') return value
  const url = URL.canParse(value) ? new URL(value) : null
  if (url === null || url.origin !== value) {
    throw new BadFlag(
      `--allow-origin must be an origin such as https://example.com, not "${value}"`,
    )
  }
  return value
}

function hostName(value: string): string {
  const address = parseAddress(value)
  if (address === null || address.port !== null || isWildcard(address.host)) {
    throw new BadFlag(`--allow-host must be a name without a port, not "${value}"`)
  }
  return address.host.toLowerCase()
}

function logLevel(value: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === value)
  if (level !== undefined) return level
  throw new BadFlag(`--log-level must be one of ${LOG_LEVELS.join(', ')}, not "${value}"`)
}

function isOn(name: string, env: Readonly<Record<string, string | undefined>>): boolean {
  const value = env[name] ?? ''
  if (value === '1' || value === 'true') return true
  if (value === '' || value === '0' || value === 'false') return false
  throw new BadFlag(`${name} must be 1 or 0, not "${value}"`)
}

function splitOnce(text: string): readonly [string, string?] {
  const at = text.indexOf('=')
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

/** Node's own messages go on with advice about `--`; their first sentence is the reason. */
function reasonOf(error: unknown): string {
  if (error instanceof BadFlag) return error.message
  if (!(error instanceof Error) || !('code' in error)) throw error
  const sentence = error.message.split(/[.\n]/, 1)[0] ?? ''
  return sentence.charAt(0).toLowerCase() + sentence.slice(1)
}
