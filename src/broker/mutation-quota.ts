// The quota of partitions that are created and deleted (KIP-599), as the handlers of these APIs ask it: newer versions
// are told no (THROTTLING_QUOTA_EXCEEDED), older ones are let through and left alone afterwards.

import { KafkaError } from '../core/errors.ts'
import type { ChargedClient } from '../security/quotas.ts'
import type { Call } from './call.ts'
import { clientOf } from './charges.ts'
import type { BrokerContext } from './context.ts'

/** What is said of what is too much, as Kafka says it: how long is in the answer's throttle time. */
export const OVER_QUOTA = {
  errorCode: KafkaError.THROTTLING_QUOTA_EXCEEDED,
  errorMessage: null,
} as const

/** Of one request. */
export class MutationQuota {
  readonly #client: ChargedClient
  readonly #isStrict: boolean
  readonly #now: () => number
  #throttleMs = 0

  constructor(client: ChargedClient, isStrict: boolean, now: () => number) {
    this.#client = client
    this.#isStrict = isStrict
    this.#now = now
  }

  /** Whether so many may be created or deleted now; they are charged then. */
  take(partitions: number): boolean {
    const now = this.#now()
    const owedMs = this.#isStrict ? this.#client.owedMs(KEY, now) : 0
    if (owedMs > 0) {
      this.#throttleMs = Math.max(this.#throttleMs, owedMs)
      return false
    }
    const ms = this.#client.charge(KEY, partitions, now)
    if (!this.#isStrict) this.#throttleMs = Math.max(this.#throttleMs, ms)
    return true
  }

  /** They were not: the request was refused for something else. */
  giveBack(partitions: number): void {
    this.#client.charge(KEY, -partitions, this.#now())
  }

  /** What the answer says. */
  get throttleMs(): number {
    return this.#throttleMs
  }
}

const KEY = 'controller_mutation_rate'

/** The quota of who asks; null where nobody has any. @param strictFrom the first version that is told no */
export function mutationQuota(
  context: BrokerContext,
  call: Call,
  strictFrom: number,
): MutationQuota | null {
  const client = clientOf(context, call.clientId)
  if (client === null) return null
  return new MutationQuota(client, call.version >= strictFrom, context.timers.now)
}
