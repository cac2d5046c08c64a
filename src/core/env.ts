// The Worker's settings as it finds them in its bindings: every OTTLA_… name in one place, parsed once.
// The launcher writes them as text, a deployment sets them in wrangler.toml (text or JSON values) or as
// a secret. Broker configuration by Kafka's names is only carried here; configs.ts knows its meaning.

import { SECRET_CHARACTERS_MAX } from './limits.ts'
import { type Tenants, tenantsOf } from './tenants.ts'

/** Every name this Worker reads, the bindings to objects and files aside. The launcher's own environment variables are in cli/flags.ts. */
export const EnvironmentName = {
  /** `1`: served by the launcher or `wrangler dev`, on this machine. */
  LOCAL: 'OTTLA_LOCAL',
  /** JSON object: static broker configuration by Kafka's names (`--set`). */
  CONFIG: 'OTTLA_CONFIG',
  /** `HOST[:PORT]`, or JSON `{"default"?: "HOST[:PORT]", "listeners": {"HOST:PORT": "HOST[:PORT]"}}`. */
  ADVERTISED: 'OTTLA_ADVERTISED',
  /** `1`: to be open without credentials is meant. */
  ALLOW_ANONYMOUS: 'OTTLA_ALLOW_ANONYMOUS',
  /** Origins that CORS admits beside loopback: JSON array or comma-separated. */
  ALLOW_ORIGINS: 'OTTLA_ALLOW_ORIGINS',
  /** Names accepted in `Host` beside loopback and the listeners: JSON array or comma-separated. */
  ALLOW_HOSTS: 'OTTLA_ALLOW_HOSTS',
  /** Addresses HTTP is listened on, as `HOST:PORT`, wildcards resolved: JSON array or comma-separated. */
  HTTP_LISTENERS: 'OTTLA_HTTP_LISTENERS',
  /** Port of the first Kafka listener, which HTTP tells where no address is advertised. Locally. */
  KAFKA_LISTENER_PORT: 'OTTLA_KAFKA_LISTENER_PORT',
  /** How many files this process may have open. Locally; not set where that is not known. */
  OPEN_FILES: 'OTTLA_OPEN_FILES',
  /** `debug`, `info`, `warn` or `error`. */
  LOG_LEVEL: 'OTTLA_LOG_LEVEL',
  /** A secret binding that opens a deployment to who presents it. Never logged. */
  SECRET: 'OTTLA_SECRET',
  /** Name of the first user, whose password the secret is. */
  USER: 'OTTLA_USER',
  /** JSON: the key set (RFC 7517) of who issues tokens, where sasl.oauthbearer.jwks.endpoint.url does not name it. */
  OAUTH_KEYS: 'OTTLA_OAUTH_KEYS',
  /** Service of the launcher's configuration: the way to the issuer's key set. Deployed, there is no need of one. */
  OAUTH_NETWORK: 'OTTLA_OAUTH_NETWORK',
  /** R2 bucket of the tier (tier/tier.ts), where the configuration names no other store. */
  TIER: 'OTTLA_TIER',
  /** Services of the launcher's configuration: the directory of the tier, and the way to its S3 server. */
  TIER_DIRECTORY: 'OTTLA_TIER_DIRECTORY',
  TIER_NETWORK: 'OTTLA_TIER_NETWORK',
  /** Credentials of the tier's S3 server, by the names that S3's own tools use. Never logged. */
  AWS_ACCESS_KEY_ID: 'AWS_ACCESS_KEY_ID',
  AWS_SECRET_ACCESS_KEY: 'AWS_SECRET_ACCESS_KEY',
  AWS_SESSION_TOKEN: 'AWS_SESSION_TOKEN',
} as const

/** From the most talkative to the least. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const

/** How severe an event is; a line is written when it is at or above the configured level. */
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Where clients are told to connect; without a port, the port they came to. */
export interface AdvertisedAddress {
  readonly host: string
  readonly port: number | null
}

/** What Metadata answers, by the listener a client came through. */
export interface Advertised {
  /** For listeners that have none of their own; null: the local address of the client's connection. */
  readonly default: AdvertisedAddress | null
  /** By listen address `HOST:PORT`; HOST may be a wildcard (`0.0.0.0`, `::`, `*`). */
  readonly listeners: ReadonlyMap<string, AdvertisedAddress>
}

/** The parsed settings. */
export interface Environment {
  readonly local: boolean
  readonly config: Readonly<Record<string, string>>
  /** The virtual clusters that `config` names. */
  readonly tenants: Tenants
  readonly advertised: Advertised
  readonly allowAnonymous: boolean
  readonly allowOrigins: readonly string[]
  readonly allowHosts: readonly string[]
  /** `HOST:PORT`, IPv6 in brackets. Empty when deployed. */
  readonly httpListeners: readonly string[]
  /** Of the first Kafka listener; null when it is not known, or deployed. */
  readonly kafkaPort: number | null
  /** Null when it is not known, or elsewhere. */
  readonly openFiles: number | null
  readonly logLevel: LogLevel
  /** Null when none is set. */
  readonly secret: string | null
  /** The user whose password the secret is: a super user. */
  readonly user: string
  /** Null when none is given. */
  readonly oauthKeys: { readonly keys: readonly Readonly<Record<string, unknown>>[] } | null
}

/** Bindings as the runtime gives them; names that are not ours are not looked at. */
export type Bindings = Readonly<Record<string, unknown>>

/**
 * Reads the settings from the Worker's `env`. Text and native JSON values both serve.
 * @throws TypeError naming the variable when a value cannot be read: nothing is served on a guess.
 */
export function readEnvironment(env: object): Environment {
  const bindings = env as Bindings
  const config = readConfig(bindings)
  const tenants = tenantsOf(config)
  return {
    local: isOn(bindings, EnvironmentName.LOCAL),
    config,
    tenants,
    advertised: readAdvertised(bindings[EnvironmentName.ADVERTISED]),
    allowAnonymous: isOn(bindings, EnvironmentName.ALLOW_ANONYMOUS),
    allowOrigins: readList(bindings, EnvironmentName.ALLOW_ORIGINS),
    allowHosts: readList(bindings, EnvironmentName.ALLOW_HOSTS),
    httpListeners: readList(bindings, EnvironmentName.HTTP_LISTENERS),
    kafkaPort: readNumber(bindings, EnvironmentName.KAFKA_LISTENER_PORT),
    openFiles: readNumber(bindings, EnvironmentName.OPEN_FILES),
    logLevel: readLogLevel(bindings[EnvironmentName.LOG_LEVEL]),
    secret: readSecret(bindings),
    user: readUser(bindings, tenants),
    oauthKeys: readKeySet(bindings),
  }
}

/**
 * Splits `HOST:PORT`, `[V6]:PORT`, `HOST` or a bare IPv6 address; IPv4 mapped into IPv6 is unmapped.
 * @returns null when the text is neither
 */
export function parseAddress(text: string): AdvertisedAddress | null {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text)
  const plain = bracketed ?? /^([^\s:[\]/]+)(?::(\d{1,5}))?$/.exec(text)
  if (plain === null) {
    return /^[0-9a-f.:]+$/i.test(text) && text.includes('::')
      ? { host: unmapped(text), port: null }
      : null
  }
  const port = plain[2] === undefined ? null : Number(plain[2])
  if (port !== null && port > 65_535) return null
  return { host: unmapped(plain[1] ?? ''), port }
}

/** `HOST:PORT` with an IPv6 host in brackets. */
export function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** True for the addresses that mean "every interface"; they are listened on, never advertised. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::' || host === '*'
}

/** True for names and addresses that only this machine reaches. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase()
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '::1' ||
    /^127(\.\d{1,3}){3}$/.test(name)
  )
}

/**
 * Where a client that came in over `localAddress` is told to connect.
 * @param localAddress `HOST:PORT` of our end of the connection, as `socket.opened` gives it
 * @returns null when nothing is configured and the local address is unknown or a wildcard
 */
export function advertisedEndpoint(
  advertised: Advertised,
  localAddress: string | undefined,
): { readonly host: string; readonly port: number } | null {
  const local = localAddress === undefined ? null : parseAddress(localAddress)
  const listener = local === null ? null : listenerOf(advertised, local)
  const chosen = listener ?? advertised.default ?? local
  if (chosen === null || isWildcard(chosen.host)) return null
  const port = chosen.port ?? local?.port ?? null
  return port === null ? null : { host: chosen.host, port }
}

function listenerOf(advertised: Advertised, local: AdvertisedAddress): AdvertisedAddress | null {
  if (local.port === null) return null
  for (const host of [local.host, '0.0.0.0', '::', '*']) {
    const found = advertised.listeners.get(formatAddress(host, local.port))
    if (found !== undefined) return found
  }
  return null
}

function unmapped(host: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(host) ? host.slice(7) : host
}

function isOn(bindings: Bindings, name: string): boolean {
  const value = bindings[name]
  return value === '1' || value === 1 || value === true || value === 'true'
}

function readText(bindings: Bindings, name: string): string | null {
  const value = bindings[name]
  if (value === undefined || value === null || value === '') return null
  if (typeof value !== 'string') throw new TypeError(`${name} must be text`)
  return value
}

/** What is wrong with a secret, which has to fit into a header; null when nothing is. */
export function secretProblem(secret: string): string | null {
  if (/^[!-~]+$/.test(secret) && secret.length <= SECRET_CHARACTERS_MAX) return null
  return `must be 1 to ${SECRET_CHARACTERS_MAX} visible ASCII characters`
}

function readSecret(bindings: Bindings): string | null {
  const secret = readText(bindings, EnvironmentName.SECRET)
  const problem = secret === null ? null : secretProblem(secret)
  if (problem !== null) throw new TypeError(`${EnvironmentName.SECRET} ${problem}`)
  return secret
}

/** Named so unless another name is given. */
const FIRST_USER = 'admin'

/** HTTP Basic has a colon behind the name. They are in every tenant, so they are named in none. */
function readUser(bindings: Bindings, tenants: Tenants): string {
  const user = readText(bindings, EnvironmentName.USER) ?? FIRST_USER
  if (tenants.userOf(user)?.user !== user) {
    throw new TypeError(
      `${EnvironmentName.USER} must not begin with a tenant's name: it is a user of each`,
    )
  }
  if (/^[!-9;-~]+$/.test(user) && user.length <= SECRET_CHARACTERS_MAX) return user
  const characters = `1 to ${SECRET_CHARACTERS_MAX} visible ASCII characters without a colon`
  throw new TypeError(`${EnvironmentName.USER} must be ${characters}`)
}

function readKeySet(bindings: Bindings): Environment['oauthKeys'] {
  const name = EnvironmentName.OAUTH_KEYS
  const raw = bindings[name]
  if (raw === undefined || raw === null || raw === '') return null
  const value = typeof raw === 'string' ? readJson(name, raw) : raw
  const keys = isObject(value) ? value.keys : undefined
  if (!Array.isArray(keys) || keys.length === 0 || !keys.every(isObject)) {
    throw new TypeError(`${name} must be a JSON Web Key Set: {"keys":[…]}`)
  }
  return { keys }
}

function readNumber(bindings: Bindings, name: string): number | null {
  const value = bindings[name]
  if (value === undefined || value === null || value === '') return null
  const number = Number(value)
  if (!Number.isSafeInteger(number) || number < 0) throw new TypeError(`${name} must be a number`)
  return number
}

function readJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new TypeError(`${name} is not valid JSON`)
  }
}

function readList(bindings: Bindings, name: string): readonly string[] {
  let value = bindings[name]
  if (typeof value === 'string') {
    const text = value.trim()
    value = text.startsWith('[')
      ? readJson(name, text)
      : text
          .split(',')
          .map((item) => item.trim())
          .filter((item) => item !== '')
  }
  if (value === undefined || value === null) return []
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
    throw new TypeError(`${name} must be a list of texts`)
  }
  return value
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function readConfig(bindings: Bindings): Readonly<Record<string, string>> {
  const name = EnvironmentName.CONFIG
  const raw = bindings[name]
  if (raw === undefined || raw === null || raw === '') return {}
  const value = typeof raw === 'string' ? readJson(name, raw) : raw
  if (!isObject(value)) throw new TypeError(`${name} must be a JSON object`)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, String(item)]))
}

function readAdvertised(raw: unknown): Advertised {
  const name = EnvironmentName.ADVERTISED
  if (raw === undefined || raw === null || raw === '') {
    return { default: null, listeners: new Map() }
  }
  const isJson = typeof raw !== 'string' || raw.trimStart().startsWith('{')
  const value = isJson ? (typeof raw === 'string' ? readJson(name, raw) : raw) : { default: raw }
  if (!isObject(value)) throw new TypeError(`${name} must be HOST[:PORT] or a JSON object`)
  const listeners = isObject(value.listeners) ? Object.entries(value.listeners) : []
  return {
    default: value.default === undefined ? null : readAdvertisedAddress(value.default),
    listeners: new Map(listeners.map(([listen, item]) => [listen, readAdvertisedAddress(item)])),
  }
}

function readAdvertisedAddress(value: unknown): AdvertisedAddress {
  const address = typeof value === 'string' ? parseAddress(value) : null
  if (address === null || isWildcard(address.host)) {
    throw new TypeError(`${EnvironmentName.ADVERTISED}: not an address: ${String(value)}`)
  }
  return address
}

function readLogLevel(raw: unknown): LogLevel {
  if (raw === undefined || raw === null || raw === '') return 'info'
  const level = LOG_LEVELS.find((known) => known === raw)
  if (level !== undefined) return level
  throw new TypeError(`${EnvironmentName.LOG_LEVEL} must be one of ${LOG_LEVELS.join(', ')}`)
}
