// What the client of one connection is charged by its quotas, and until when it is left alone, as Kafka does it (KIP-219):
// it is answered at once and told how long, and nothing it sends is looked at before. Not the quotas (security/quotas.ts)
// and not those of created and deleted partitions, which say no (mutation-quota.ts).

import { HTTP_THROTTLE_MS } from '../core/limits/security.ts'
import { Fetch, type FetchRequest, type FetchResponse } from '../protocol/messages/fetch.ts'
import { Produce } from '../protocol/messages/produce.ts'
import type { ChargedClient } from '../security/quotas.ts'
import type { BrokerContext } from './context.ts'

/** One request of a client that may have quotas. */
export interface Charge {
  readonly client: ChargedClient
  readonly apiKey: number
  readonly beganMs: number
  /** What it is left alone for so far. */
  throttleMs: number
  /** How long it was worked at, and not waited for: Kafka's time of a thread. */
  workedMs: number
  /** The most that a fetch may bring, as in Kafka: what is beyond it would be waited for at length. */
  readonly fetchBytes: number
  /** The answer, when it is refused what it asks: nothing is read for who owes what was read before. */
  readonly instead: FetchResponse | null
}

/** Of one connection. */
export class Charges {
  readonly #context: BrokerContext
  #client: ChargedClient | null = null
  #mutedUntilMs = Number.NEGATIVE_INFINITY

  constructor(context: BrokerContext) {
    this.#context = context
  }

  /** Begins a request; null where nobody has a quota, which is all that it costs then. */
  begin(apiKey: number, clientId: string | null, frameBytes: number): Charge | null {
    const { security, objects } = this.#context
    const quotas = security.quotasOf(objects.cluster)
    if (quotas === null) return null
    const client = clientOf(this.#context, clientId, this.#client)
    if (client === null) return null
    this.#client = client
    const now = this.#context.timers.now()
    const bytesMs =
      apiKey === Produce.key ? client.charge('producer_byte_rate', frameBytes, now) : 0
    const owedMs = apiKey === Fetch.key ? client.owedMs('consumer_byte_rate', now) : 0
    const charge: Charge = {
      client,
      apiKey,
      beganMs: now,
      throttleMs: Math.max(bytesMs, owedMs),
      workedMs: 0,
      fetchBytes: apiKey === Fetch.key ? client.burst('consumer_byte_rate', now) : 0,
      instead: owedMs > 0 ? NOTHING : null,
    }
    if (charge.throttleMs > 0) this.#mute(now, charge.throttleMs)
    return charge
  }

  /** It was worked at since then; what follows is waiting. */
  worked(charge: Charge, sinceMs: number): void {
    charge.workedMs += this.#context.timers.now() - sinceMs
  }

  /** It is answered with so many bytes; answers the throttle time that the client is told. */
  settle(charge: Charge, answerBytes: number, toldMs: number): number {
    const now = this.#context.timers.now()
    const { client, apiKey, workedMs } = charge
    const requestMs = client.charge('request_percentage', workedMs, now)
    const isRead = apiKey === Fetch.key && charge.instead === null
    const bytesMs = isRead ? client.charge('consumer_byte_rate', answerBytes, now) : 0
    const throttleMs = Math.max(toldMs, charge.throttleMs, requestMs, bytesMs)
    if (throttleMs > 0) this.#mute(now, throttleMs)
    return throttleMs
  }

  /** How long what the client sends is not looked at yet. */
  get mutedMs(): number {
    if (this.#mutedUntilMs === Number.NEGATIVE_INFINITY) return 0
    return Math.max(0, this.#mutedUntilMs - this.#context.timers.now())
  }

  #mute(now: number, ms: number): void {
    this.#mutedUntilMs = Math.max(this.#mutedUntilMs, now + ms)
  }
}

/** Of a fetch that must wait: as Kafka answers, and clients know that it means nothing else (KIP-219). */
const NOTHING: FetchResponse = { responses: [] }

/** A fetch that brings no more than the client may take at once; any other request as it is. */
export function within({ apiKey, fetchBytes }: Charge, request: object): object {
  if (apiKey !== Fetch.key) return request
  const { maxBytes } = request as FetchRequest
  return { ...request, maxBytes: Math.min(maxBytes, fetchBytes) }
}

/** Whom a request is charged to; null where nobody has a quota. @param known of the request before */
export function clientOf(
  { security, objects, access }: BrokerContext,
  clientId: string | null,
  known: ChargedClient | null = null,
): ChargedClient | null {
  const quotas = security.quotasOf(objects.cluster)
  if (quotas === null) return null
  const user = access.principal.slice(access.principal.indexOf(':') + 1)
  const id = clientId ?? ''
  if (known !== null && known.client.user === user && known.client.clientId === id) return known
  return quotas.of({ user, clientId: id })
}

/** Whether anybody has a quota at all. */
export function isCharged({ security, objects }: BrokerContext): boolean {
  return security.quotasOf(objects.cluster) !== null
}

/** What a request over HTTP has used. Without a client id, so that it counts for the quotas of users. */
export function chargeHttp(context: BrokerContext, key: ByteRate, bytes: number): void {
  clientOf(context, null)?.charge(key, bytes, context.timers.now())
}

/** Clients over HTTP know no throttle time: who owes waits here instead, HTTP_THROTTLE_MS at most. */
export async function payHttp(context: BrokerContext, key: ByteRate): Promise<void> {
  const { timers } = context
  const owedMs = clientOf(context, null)?.owedMs(key, timers.now()) ?? 0
  if (owedMs > 0) await timers.sleep(Math.min(owedMs, HTTP_THROTTLE_MS))
}

type ByteRate = 'producer_byte_rate' | 'consumer_byte_rate'
