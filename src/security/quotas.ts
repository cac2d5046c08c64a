// How much clients may do: Kafka's quotas of users, client ids and their defaults, as buckets of tokens that refill at
// the quota's rate. Which quota is whose follows Kafka's precedence. No IO and no clock; one set of buckets counts what
// one broker process serves, as in Kafka.

import {
  QUOTA_BUCKETS,
  QUOTA_BURST_S,
  QUOTA_MUTATION_BURST_S,
  QUOTA_REQUEST_THROTTLE_MS,
  SECURITY_NAME_CHARACTERS,
} from '../core/limits/security.ts'
import { canonicalHost } from './host.ts'
import type { ClientQuota, QuotaEntity, QuotaKey } from './kept.ts'

/** Who is charged: names as Kafka has them, without `User:`; an absent client id is ''. */
export interface QuotaClient {
  readonly user: string
  readonly clientId: string
}

/** The quotas that clients are charged by; that of connections is of addresses. */
export type ClientQuotaKey = Exclude<QuotaKey, 'connection_creation_rate'>

/** Milliseconds of one thread in a second, for each percent of request_percentage. */
const REQUEST_MS_PER_PERCENT = 10

/** Tokens that come back with time, up to a burst. Whoever is allowed may take it below zero, and owes then. */
export class TokenBucket {
  #perMs: number
  #burst: number
  #tokens: number
  #atMs: number

  /** Full. @param perSecond tokens that come back @param burstS seconds of which it holds the tokens */
  constructor(perSecond: number, burstS: number, nowMs: number) {
    this.#perMs = perSecond / 1_000
    this.#burst = perSecond * burstS
    this.#tokens = this.#burst
    this.#atMs = nowMs
  }

  /** The most that it holds. */
  get burst(): number {
    return this.#burst
  }

  /** Takes tokens, there or not. Answers as owedMs does. */
  take(amount: number, nowMs: number): number {
    this.#refill(nowMs)
    this.#tokens -= amount
    return this.owedMs(nowMs)
  }

  /** How long it takes until nothing is owed; 0 when nothing is. */
  owedMs(nowMs: number): number {
    this.#refill(nowMs)
    return this.#tokens >= 0 ? 0 : Math.ceil(-this.#tokens / this.#perMs)
  }

  /** Nobody would notice if it were made anew. */
  isFull(nowMs: number): boolean {
    this.#refill(nowMs)
    return this.#tokens >= this.#burst
  }

  /** Goes on at another rate; what is there or owed stays, up to the new burst. */
  setRate(perSecond: number, burstS: number, nowMs: number): void {
    this.#refill(nowMs)
    this.#perMs = perSecond / 1_000
    this.#burst = perSecond * burstS
    this.#tokens = Math.min(this.#tokens, this.#burst)
  }

  #refill(nowMs: number): void {
    // Clocks go back.
    const passed = Math.max(0, nowMs - this.#atMs)
    this.#atMs = nowMs
    this.#tokens = Math.min(this.#burst, this.#tokens + passed * this.#perMs)
  }
}

/** A quota that was found, and whose tokens it takes. */
export interface FoundQuota {
  readonly value: number
  /** Clients of one bucket share the quota. */
  readonly bucket: string
}

/** The quotas of a cluster, by whom they are for. */
export class QuotaTable {
  readonly #values = new Map<string, ClientQuota['values']>()
  /** By address; null is the default. */
  readonly #connections = new Map<string | null, ClientQuota['values']>()

  constructor(quotas: readonly ClientQuota[]) {
    for (const { entity, values } of quotas) {
      const { ip } = entity
      if (ip === undefined) this.#values.set(nameOf(entity), values)
      else this.#connections.set(ip === null ? null : canonicalHost(ip), values)
    }
  }

  /** Connections that an address may open in a second; null: any number. */
  connectionRate(address: string): number | null {
    const own = this.#connections.get(address) ?? this.#connections.get(null)
    return own?.connection_creation_rate ?? null
  }

  /** True when no client can be charged for anything. */
  get isEmpty(): boolean {
    return this.#values.size === 0
  }

  /**
   * The most specific quota of a client: user and client id, user, client id, each before its default. A default is one
   * for each: clients of another name have a bucket of their own.
   */
  find(key: ClientQuotaKey, { user, clientId }: QuotaClient): FoundQuota | null {
    const ofBoth = () => bucketName(key, user, clientId)
    const ofUser = () => bucketName(key, user, null)
    const ofClient = () => bucketName(key, null, clientId)
    for (const [entity, bucket] of [
      [{ user, 'client-id': clientId }, ofBoth],
      [{ user, 'client-id': null }, ofBoth],
      [{ user }, ofUser],
      [{ user: null, 'client-id': clientId }, ofBoth],
      [{ user: null, 'client-id': null }, ofBoth],
      [{ user: null }, ofUser],
      [{ 'client-id': clientId }, ofClient],
      [{ 'client-id': null }, ofClient],
    ] satisfies [QuotaEntity, () => string][]) {
      const value = this.#values.get(nameOf(entity))?.[key]
      if (value !== undefined) return { value, bucket: bucket() }
    }
    return null
  }
}

/** What all clients of one process have taken. */
export class ClientQuotas {
  #table = new QuotaTable([])
  #version = 0
  readonly #buckets = new Map<string, Bucket>()

  /** By whom use is counted. */
  get buckets(): readonly string[] {
    return [...this.#buckets.keys()]
  }

  /** True when nothing need be charged. */
  get isEmpty(): boolean {
    return this.#table.isEmpty
  }

  /** Rises when a client may have other quotas. */
  get version(): number {
    return this.#version
  }

  /** From now on these; who owes goes on owing. */
  replace(quotas: readonly ClientQuota[]): void {
    this.#table = new QuotaTable(quotas)
    this.#version += 1
    if (quotas.length === 0) this.#buckets.clear()
  }

  /** Takes a connection of an address, where it may open one; else answers how long it is to wait. */
  connect(address: string, nowMs: number): number {
    const rate = this.#table.connectionRate(address)
    if (rate === null) return 0
    const name = bucketName('connection_creation_rate', null, address)
    const tokens = this.#tokens(name, rate, QUOTA_BURST_S, nowMs)
    const owedMs = tokens.owedMs(nowMs)
    if (owedMs === 0) tokens.take(1, nowMs)
    return owedMs
  }

  /** Whose quotas are looked up once, until they change. */
  of(client: QuotaClient): ChargedClient {
    return new ChargedClient(this, client)
  }

  /** The bucket of a client's quota; null when it has none. By ChargedClient alone. */
  bucket(key: ClientQuotaKey, client: QuotaClient, nowMs: number): TokenBucket | null {
    const found = this.#table.find(key, client)
    if (found === null || found.value === Number.POSITIVE_INFINITY) return null
    const rate = key === 'request_percentage' ? found.value * REQUEST_MS_PER_PERCENT : found.value
    const burstS = key === 'controller_mutation_rate' ? QUOTA_MUTATION_BURST_S : QUOTA_BURST_S
    return this.#tokens(found.bucket, rate, burstS, nowMs)
  }

  #tokens(name: string, rate: number, burstS: number, nowMs: number): TokenBucket {
    const known = this.#buckets.get(name)
    if (known !== undefined) {
      if (known.rate !== rate) known.tokens.setRate(rate, burstS, nowMs)
      known.rate = rate
      return known.tokens
    }
    if (this.#buckets.size >= QUOTA_BUCKETS) this.#forget(nowMs)
    const tokens = new TokenBucket(rate, burstS, nowMs)
    this.#buckets.set(name, { tokens, rate })
    return tokens
  }

  /** Those that are full, and if all are in use the oldest: client ids are free, so there may be any number. */
  #forget(nowMs: number): void {
    for (const [name, { tokens }] of this.#buckets) {
      if (tokens.isFull(nowMs)) this.#buckets.delete(name)
    }
    for (const name of this.#buckets.keys()) {
      if (this.#buckets.size < QUOTA_BUCKETS) return
      this.#buckets.delete(name)
    }
  }
}

interface Bucket {
  readonly tokens: TokenBucket
  rate: number
}

/** One client, as its connection charges it. */
export class ChargedClient {
  readonly #quotas: ClientQuotas
  readonly client: QuotaClient
  readonly #buckets = new Map<ClientQuotaKey, TokenBucket | null>()
  #version = -1

  /** By ClientQuotas.of alone. */
  constructor(quotas: ClientQuotas, client: QuotaClient) {
    this.#quotas = quotas
    this.client = client
  }

  /**
   * Charges it, whatever it owes already. Answers how long it is to be left alone, in milliseconds.
   * @param amount bytes, milliseconds of work, or partitions made or deleted; below zero it gets them back
   */
  charge(key: ClientQuotaKey, amount: number, nowMs: number): number {
    const bucket = this.#bucket(key, nowMs)
    return bucket === null ? 0 : throttleOf(key, bucket.take(amount, nowMs))
  }

  /** What it may take at once; infinite without a quota. */
  burst(key: ClientQuotaKey, nowMs: number): number {
    return this.#bucket(key, nowMs)?.burst ?? Number.POSITIVE_INFINITY
  }

  /** How long it is to be left alone for what it has taken before. */
  owedMs(key: ClientQuotaKey, nowMs: number): number {
    const bucket = this.#bucket(key, nowMs)
    return bucket === null ? 0 : throttleOf(key, bucket.owedMs(nowMs))
  }

  #bucket(key: ClientQuotaKey, nowMs: number): TokenBucket | null {
    if (this.#version !== this.#quotas.version) {
      this.#version = this.#quotas.version
      this.#buckets.clear()
    }
    let bucket = this.#buckets.get(key)
    if (bucket === undefined) {
      bucket = this.#quotas.bucket(key, this.client, nowMs)
      this.#buckets.set(key, bucket)
    }
    return bucket
  }
}

/** Of requests Kafka never waits longer than one window. */
function throttleOf(key: ClientQuotaKey, owedMs: number): number {
  if (key === 'request_percentage') return Math.min(owedMs, QUOTA_REQUEST_THROTTLE_MS)
  return Math.min(owedMs, INT32_MAX)
}

/** A throttle time is an int32. */
const INT32_MAX = 2 ** 31 - 1

function nameOf({ user, 'client-id': clientId }: QuotaEntity): string {
  return JSON.stringify([user ?? (user === null ? 0 : 1), clientId ?? (clientId === null ? 0 : 1)])
}

/** No two of them are one, but for client ids that differ behind so many characters, as which no quota names any. */
function bucketName(key: string, user: string | null, clientId: string | null): string {
  const ofUser = user === null ? '' : `u${user.length}:${user}`
  return `${key} ${ofUser}${clientId === null ? '' : `c${clientId.slice(0, SECURITY_NAME_CHARACTERS)}`}`
}
