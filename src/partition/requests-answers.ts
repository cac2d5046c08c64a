// What a leader answers to keyed HTTP requests before and after their batches: here all requests of a key meet, whether
// or not their records come here. In memory: the claims; remembered: what a key was used for (requests.ts).

import { type ErrorCode, KafkaError } from '../core/errors.ts'
import type { LeaderHost } from './host.ts'
import type { LeaderLog } from './leader-log.ts'
import { RequestClaims } from './requests-claims.ts'
import type { ClaimReply, RequestClaim, RequestIdentity } from './requests-contract.ts'

/** The calls of a leader about keyed requests: they answer instead of throwing. */
export class RequestAnswers {
  readonly #host: LeaderHost
  readonly #log: LeaderLog
  readonly #claims = new RequestClaims()

  constructor(host: LeaderHost, log: LeaderLog) {
    this.#host = host
    this.#log = log
  }

  async claim(claim: RequestClaim): Promise<ClaimReply> {
    const error = await this.#log.readiness(claim)
    if (error !== KafkaError.NONE) return answer('free', null, error)
    try {
      return this.#claim(claim)
    } catch (cause) {
      return answer('free', null, this.#log.storageError('keyed requests were not read', cause))
    }
  }

  #claim({ act, id, owner, ...request }: RequestClaim): ClaimReply {
    const requests = this.#log.opened.readRequests()
    const nowMs = this.#host.now()
    if (act !== 'begin') {
      const isOwn = this.#claims.end(id, owner)
      if (isOwn && act === 'forget') requests.forget(id)
      if (request.total > 0) requests.ended({ id, ...request })
      return answer('free')
    }
    if (!requests.claim({ id, ...request }, nowMs)) return answer('other')
    if (!this.#claims.begin(id, owner, nowMs)) return answer('running')
    return answer('free', requests.identityOf(id))
  }
}

function answer(
  verdict: ClaimReply['verdict'],
  known: RequestIdentity | null = null,
  error: ErrorCode = KafkaError.NONE,
): ClaimReply {
  return { error, verdict, partitions: known?.partitions ?? 0, total: known?.total ?? 0 }
}
