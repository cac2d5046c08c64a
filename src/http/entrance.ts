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
import { Passwords } from './passwords.ts'
import { Stamps } from './stamps.ts'

/** Of one isolate of a broker that asks who somebody is. */
export class Entrance {
  readonly doorkeeper: Doorkeeper
  readonly #secret: string | null
  readonly #stamps = new Stamps()
  #signer: Signer | null = null

  constructor({
    secret,
    user,
    allowAnonymous,
  }: Pick<Environment, 'secret' | 'user' | 'allowAnonymous'>) {
    this.#secret = secret
    this.doorkeeper = new Doorkeeper({ secret, user, allowAnonymous }, new Passwords())
  }

  /** What may be asked for whoever this context belongs to. */
  deps(context: BrokerContext): DoorkeeperDeps {
    const { authentication, security, timers, objects } = context
    if (authentication === null) throw new Error('a broker that asks nobody has no doorkeeper')
    const { authenticator } = authentication
    const version = async () => {
      await security.ready(objects.cluster)
      return security.usersVersion
    }
    return {
      users: {
        version,
        checkPassword: (user, password) => authenticator.checkPassword(user, password),
        stamp: async (user) => this.#stamps.of(user, await version(), objects.cluster),
      },
      now: timers.now,
      sleep: timers.sleep,
      signer: this.#signing(),
      verifyJwt: (token) => authenticator.checkToken(token),
    }
  }

  /** The context of whoever has been let in: with what they may. */
  contextOf(context: BrokerContext, identity: Identity): BrokerContext {
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

  /** What is given out is signed with a key of the secret: a broker without one gives nothing out. */
  #signing(): Signer | null {
    const bytes = this.#secret === null ? null : utf8(this.#secret)
    if (bytes === null) return null
    this.#signer ??= new Signer(bytes)
    return this.#signer
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
