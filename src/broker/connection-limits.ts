// How many connections of Kafka clients one isolate serves, in all and of each address, by Kafka's `max.connections`,
// `max.connections.per.ip` and its overrides. Not how fast an address may open them: that is a quota (security/quotas.ts).

import { canonicalHost } from '../security/host.ts'

/** What the broker's configuration allows. */
export interface ConnectionLimits {
  readonly total: number
  readonly perAddress: number
  /** By address, as canonicalHost spells it. */
  readonly overrides: ReadonlyMap<string, number>
}

/** Reads them. @param config the broker's configuration by Kafka's names */
export async function connectionLimits(
  config: (name: string) => Promise<string | undefined>,
): Promise<ConnectionLimits> {
  const numberOf = async (name: string) => Number((await config(name)) ?? Number.POSITIVE_INFINITY)
  return {
    total: await numberOf('max.connections'),
    perAddress: await numberOf('max.connections.per.ip'),
    overrides: overridesOf((await config('max.connections.per.ip.overrides')) ?? ''),
  }
}

/** `10.0.0.1:5,::1:7`; what is no address with a number means nobody. */
function overridesOf(text: string): ReadonlyMap<string, number> {
  const overrides = new Map<string, number>()
  for (const part of text.split(',')) {
    const [, host, most] = /^\s*(\S+):(\d+)\s*$/.exec(part) ?? []
    if (host !== undefined) overrides.set(canonicalHost(host), Number(most))
  }
  return overrides
}

/** Kafka's number for no bound. */
const UNBOUNDED = 2 ** 31 - 1

/** Whether so many of this address alone may be open. */
export function isBounded(
  { perAddress, overrides }: ConnectionLimits,
  clientHost: string,
): boolean {
  return (overrides.get(canonicalHost(clientHost)) ?? perAddress) < UNBOUNDED
}

/** Why one more, of this address, is too many beside those that are open, of these; null when it is not. */
export function excessBeside(
  open: Iterable<string>,
  limits: ConnectionLimits,
  clientHost: string,
): string | null {
  const connections = new OpenConnections()
  for (const one of open) connections.open(one)
  connections.open(clientHost)
  return connections.excess(limits, clientHost)
}

/** Those that are open: counts by address, which are dropped with the last one. */
export class OpenConnections {
  readonly #byAddress = new Map<string, number>()
  #total = 0

  get total(): number {
    return this.#total
  }

  /** One more, from an address as contexts have it; answers what is to be called when it ends. */
  open(clientHost: string): () => void {
    const address = canonicalHost(clientHost)
    this.#total += 1
    this.#byAddress.set(address, this.#of(address) + 1)
    return () => {
      this.#total -= 1
      const left = this.#of(address) - 1
      if (left > 0) this.#byAddress.set(address, left)
      else this.#byAddress.delete(address)
    }
  }

  /** Why the one that was opened last, of this address, is one too many; null when it is not. */
  excess({ total, perAddress, overrides }: ConnectionLimits, clientHost: string): string | null {
    const address = canonicalHost(clientHost)
    if (this.#total > total) return `more than ${total} connections (max.connections)`
    const most = overrides.get(address) ?? perAddress
    if (this.#of(address) <= most) return null
    return `more than ${most} connections of one address (max.connections.per.ip)`
  }

  #of(address: string): number {
    return this.#byAddress.get(address) ?? 0
  }
}
