// Which keyed requests run now, as far as their partition of meeting was told: in memory only. An object that
// is made anew knows of none, and a request that says nothing for a while is taken to be gone: then two may run at
// a time, and each batch is still stored once, because the table says what is there (requests.ts).

import { REQUEST_CLAIM_MS, REQUESTS_PER_PARTITION } from '../core/limits/requests.ts'
import type { RequestId } from './requests-contract.ts'

interface Claim {
  readonly owner: string
  readonly untilMs: number
}

/** The requests that run. */
export class RequestClaims {
  /** In the order in which they were last claimed. */
  readonly #claims = new Map<RequestId, Claim>()

  /** False when somebody else runs the request. */
  begin(id: RequestId, owner: string, nowMs: number): boolean {
    const claim = this.#claims.get(id)
    if (claim !== undefined && claim.owner !== owner && claim.untilMs > nowMs) return false
    this.#claims.delete(id)
    this.#claims.set(id, { owner, untilMs: nowMs + REQUEST_CLAIM_MS })
    this.#trim(nowMs)
    return true
  }

  /** It does not run any more; nothing happens when it was taken over. */
  end(id: RequestId, owner: string): boolean {
    return this.#claims.get(id)?.owner === owner && this.#claims.delete(id)
  }

  #trim(nowMs: number): void {
    for (const [id, { untilMs }] of this.#claims) {
      if (untilMs > nowMs && this.#claims.size <= REQUESTS_PER_PARTITION) return
      this.#claims.delete(id)
    }
  }
}
