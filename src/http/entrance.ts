// Who is let in, and what they may, put together of what the broker has: one doorkeeper for an isolate, and per request or
// live session the calls that may be made for it. Not the decisions (doorkeeper.ts, http-access.ts).

import type { BrokerContext } from '../broker/context.ts'
import { environmentOf, type WorkerEnv } from '../broker/isolate.ts'
import { securityMode } from '../broker/security.ts'
import type { Environment } from '../core/env.ts'
import { utf8 } from '../core/text.ts'
import { ANONYMOUS } from '../security/principal.ts'
import { Signer } from '../security/signer.ts'
import { Doorkeeper, type DoorkeeperDeps } from './doorkeeper.ts'
import { HttpAccess } from './http-access.ts'
import type { Identity } from './identity.ts'
import { Stamps } from './stamps.ts'

/** Of one isolate of a broker that asks who somebody is. */
export class Entrance {
  readonly doorkeeper: Doorkeeper
  readonly #secret: string | null
  /** By tenant. */
  readonly #stamps = new Map<string, Stamps>()
  /** By the tenant of the host. */
  readonly #signers = new Map<string, Signer>()

  constructor({
    secret,
    user,
    allowAnonymous,
    tenants,
  }: Pick<Environment, 'secret' | 'user' | 'allowAnonymous' | 'tenants'>) {
    this.#secret = secret
    const settings = { secret, user, allowAnonymous, tenants }
    this.doorkeeper = new Doorkeeper(settings)
  }

  /** What may be asked for whoever this context belongs to. */
  deps(context: BrokerContext): DoorkeeperDeps {
    const { authentication, timers, tenant: home } = context
    if (authentication === null) throw new Error('a broker that asks nobody has no doorkeeper')
    const { authenticator } = authentication
    return {
      home,
      users: (tenant) => {
        const { cluster, version } = authenticator.users(tenant)
        const stamps = this.#stampsOf(tenant)
        return {
          checkPassword: (user, password) =>
            authenticator.checkPassword({ tenant, user }, password),
          stamp: async (user) => stamps.of(user, await version(), cluster),
        }
      },
      now: timers.now,
      signer: this.#signing(home),
      verifyJwt: (token) => authenticator.checkToken(token),
    }
  }

  /** The context of whoever has been let in: with what they may, in their tenant. */
  contextOf(asked: BrokerContext, identity: Identity): BrokerContext {
    const context = asked.authentication?.contextOf(identity.tenant) ?? asked
    const { access: rules, authentication } = context
    if (identity.principal !== ANONYMOUS) authentication?.identify(identity.principal)
    const deps = this.deps(context)
    const access = new HttpAccess({
      identity,
      rules,
      now: context.timers.now,
      end: (one) => this.doorkeeper.endOf(one, deps),
    })
    return { ...context, access }
  }

  #stampsOf(tenant: string): Stamps {
    const known = this.#stamps.get(tenant) ?? new Stamps()
    this.#stamps.set(tenant, known)
    return known
  }

  /**
   * What is given out is signed with a key of the secret: a broker without one gives nothing out. Each tenant's host has a
   * key of its own, so that what was given out there is nothing elsewhere.
   */
  #signing(home: string): Signer | null {
    const known = this.#signers.get(home)
    if (known !== undefined) return known
    const bytes = this.#secret === null ? null : utf8(this.#secret)
    if (bytes === null) return null
    const made = new Signer(bytes, home)
    this.#signers.set(home, made)
    return made
  }
}

let entrance: Entrance | null = null

/** That of this isolate; null where nobody is asked. */
export function entranceOf(env: WorkerEnv): Entrance | null {
  const settings = environmentOf(env)
  if (securityMode(settings) !== 'secured') return null
  entrance ??= new Entrance(settings)
  return entrance
}
