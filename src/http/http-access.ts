// What one identity may: what its principal may by the rules, of that what its token is bound to, and nothing once what it
// has shown has ended. Given to handlers as any other access, so that what goes on for long (a stream of records, a live
// session) ends for the handlers, too. Streams that call no handler ask `endOf` themselves.

import { KafkaError } from '../core/errors.ts'
import { STREAM_ACCESS_MS, STREAM_UNKNOWN_MS } from '../core/limits/http-security.ts'
import { type Access, Operation, Resource } from '../security/access.ts'
import { grantAllows, grantAllowsOnAny } from '../security/grant.ts'
import type { Principal } from '../security/principal.ts'
import type { Identity } from './identity.ts'
import { Problem } from './problem.ts'

/** What an access of HTTP is made of. */
export interface HttpAccessParts {
  readonly identity: Identity
  /** Of the identity's principal. */
  readonly rules: Access
  now(): number
  /** Why it has to end; null when it need not. @throws where nobody could say */
  end(identity: Identity): Promise<Problem | null>
}

/** The access of one request or live session of a broker that asks. */
export class HttpAccess implements Access {
  readonly isOpen = false
  readonly identity: Identity
  readonly #rules: Access
  readonly #now: () => number
  readonly #end: HttpAccessParts['end']
  #ended: Problem | null = null
  /** When it was last known that it need not end. */
  #askedMs: number

  constructor({ identity, rules, now, end }: HttpAccessParts) {
    this.identity = identity
    this.#rules = rules
    this.#now = now
    this.#end = end
    this.#askedMs = now()
  }

  get principal(): Principal {
    return this.identity.principal
  }

  ready(): Promise<void> | undefined {
    const isAsked = this.identity.stamp !== null && this.#now() - this.#askedMs >= STREAM_ACCESS_MS
    return isAsked && this.#ended === null ? this.#readyAnew() : this.#rules.ready()
  }

  may(operation: Operation, resource: Resource, name: string): boolean {
    const { grant } = this.identity
    if (this.#isOver()) return false
    if (grant !== null && !grantAllows(grant, operation, resource, name)) return false
    return this.#rules.may(operation, resource, name)
  }

  mayOnAny(operation: Operation, resource: Resource): boolean {
    const { grant } = this.identity
    if (this.#isOver()) return false
    if (grant !== null && !grantAllowsOnAny(grant, operation, resource)) return false
    return this.#rules.mayOnAny(operation, resource)
  }

  /** Why what goes on has to end; null when it need not, as far as was known within STREAM_UNKNOWN_MS. Never rejects. */
  async endOf(): Promise<Problem | null> {
    if (this.#ended !== null) return this.#ended
    const nowMs = this.#now()
    try {
      await this.#rules.ready()
      this.#ended = await this.#end(this.identity)
      this.#askedMs = nowMs
    } catch {
      if (nowMs - this.#askedMs >= STREAM_UNKNOWN_MS) this.#ended = unknownForLong()
    }
    return this.#ended
  }

  async #readyAnew(): Promise<void> {
    await this.endOf()
    await this.#rules.ready()
  }

  #isOver(): boolean {
    const { expiresAtMs } = this.identity
    return this.#ended !== null || (expiresAtMs !== null && this.#now() >= expiresAtMs)
  }
}

/** Why what goes on by this access has to end; null where it need not, and where nobody is asked. Never rejects. */
export async function endOfAccess(access: Access): Promise<Problem | null> {
  return access instanceof HttpAccess ? access.endOf() : null
}

/** Whether it is what a token is bound to that does not hold for this, whatever its principal may. */
export function isBeyondToken(
  access: Access,
  {
    operation,
    resource,
  }: { readonly operation: keyof typeof Operation; readonly resource: keyof typeof Resource },
  name: string,
): boolean {
  const grant = access instanceof HttpAccess ? access.identity.grant : null
  return grant !== null && !grantAllows(grant, Operation[operation], Resource[resource], name)
}

/** When what was shown expires by itself, ms since the epoch. */
export function expiryOf(access: Access): number {
  const expiresAtMs = access instanceof HttpAccess ? access.identity.expiresAtMs : null
  return expiresAtMs ?? Number.POSITIVE_INFINITY
}

function unknownForLong(): Problem {
  const detail = 'it could not be found out whether this may go on: connect again'
  return new Problem(KafkaError.BROKER_NOT_AVAILABLE, { status: 503, detail })
}
