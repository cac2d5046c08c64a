// Finds out who asks: a password of a user, the broker's secret, a token of an identity provider, a signed token, the
// cookie of who has signed in, or nobody. What a request presents is right or wrong by itself: a wrong one is not helped by
// another beside it. Every refusal costs and says the same whether the user exists or not. Not what they may do then.

import { TooManyChecks } from '../broker/password-checks.ts'
import { KafkaError } from '../core/errors.ts'
import { PASSWORD_BYTES } from '../core/limits/authentication.ts'
import { SECURITY_NAME_CHARACTERS } from '../core/limits/security.ts'
import { SECRET_CHARACTERS_MAX } from '../core/limits.ts'
import type { Tenants, TenantUser } from '../core/tenants.ts'
import type { CheckPassword } from '../security/plain.ts'
import { type Principal, principalOf, userOf } from '../security/principal.ts'
import { isSecret } from '../security/secret.ts'
import { looksSigned, readToken } from '../security/signed-token.ts'
import type { Signer } from '../security/signer.ts'
import type { Presented } from './credentials.ts'
import { anonymousIdentity, type Identity } from './identity.ts'
import { Problem } from './problem.ts'
import { readSession } from './session.ts'

/** What was fixed when the broker started. */
export interface DoorkeeperSettings {
  /** Who shows nothing is ANONYMOUS, and the rules decide. */
  readonly allowAnonymous: boolean
  readonly secret: string | null
  /** Whose secret it is, in each tenant. */
  readonly user: string
  readonly tenants: Tenants
}

/** A token of an identity provider, looked at. */
export type JwtVerdict =
  | { readonly kind: 'verified'; readonly principal: Principal; readonly expiresAtMs: number }
  | { readonly kind: 'refused'; readonly reason: string }

/** Users of a tenant as one request may ask for them. */
export interface Users {
  /** @throws TooManyChecks, or where nobody could say */
  readonly checkPassword: CheckPassword
  /** Another one whenever the user's credentials are others; empty for a user without any. */
  stamp(user: string): Promise<string>
}

/** What one request, or one session, may ask. */
export interface DoorkeeperDeps {
  now(): number
  /** The tenant of the host that was asked. */
  readonly home: string
  users(tenant: string): Users
  /** Null where no secret is configured, to whose key what is given out is bound. */
  readonly signer: Signer | null
  /** Null where no identity provider is configured. */
  readonly verifyJwt: ((token: string) => Promise<JwtVerdict>) | null
}

/** See the head of this file. One for an isolate. */
export class Doorkeeper {
  readonly #settings: DoorkeeperSettings

  constructor(settings: DoorkeeperSettings) {
    this.#settings = settings
  }

  /** Who it is, or 401 (503 where it could not be found out). Nothing presented is 401 unless ANONYMOUS may come. */
  async identify(presented: Presented, deps: DoorkeeperDeps): Promise<Identity | Problem> {
    const { allowAnonymous } = this.#settings
    try {
      switch (presented.kind) {
        case 'nothing':
          return allowAnonymous ? anonymousIdentity(deps.home) : unauthenticated()
        case 'unreadable':
          return unauthenticated(presented.why)
        case 'password':
          return await this.#byPassword(presented.user, presented.password, deps)
        case 'bearer':
          return await this.#byBearer(presented.token, deps)
        case 'query':
          return await this.#byToken(presented.token, deps)
        case 'cookie':
          return await this.#byCookie(presented.value, deps)
      }
    } catch (error) {
      return unknownNow(error instanceof TooManyChecks ? error.message : undefined)
    }
  }

  /** Why what goes on for this identity has to end; null when it need not. @throws where nobody could say */
  async endOf(identity: Identity, { users, now }: DoorkeeperDeps): Promise<Problem | null> {
    const { expiresAtMs, stamp, principal, tenant } = identity
    if (expiresAtMs !== null && now() >= expiresAtMs) return unauthenticated(EXPIRED)
    if (stamp === null) return null
    const current = await users(tenant).stamp(userOf(principal))
    return current === stamp ? null : unauthenticated(CHANGED)
  }

  async #byPassword(
    name: string,
    password: string,
    deps: DoorkeeperDeps,
  ): Promise<Identity | Problem> {
    const { secret, user: secretUser, tenants } = this.#settings
    const isTooLong = name.length > SECURITY_NAME_CHARACTERS || password.length > PASSWORD_BYTES
    if (isTooLong || name.includes('\0')) return unauthenticated(WRONG_PASSWORD)
    const named = tenants.userOf(name, deps.home)
    const who = named ?? { tenant: deps.home, user: name }
    const { user } = who
    const users = deps.users(who.tenant)
    if (secret !== null && user === secretUser) {
      if (await isSecret(password, secret)) return known('password', who, null)
      // As long as a wrong password of anybody else takes, for the name is nobody's business.
      await users.checkPassword(user, password)
      return unauthenticated(WRONG_PASSWORD)
    }
    // Before the check: of a password that is changed meanwhile it must not be the new one's.
    const stamp = await users.stamp(user)
    const isRight = await users.checkPassword(user, password)
    // Another tenant's name than the host's is nobody's, and costs as much.
    return isRight && named !== null
      ? known('password', who, stamp)
      : unauthenticated(WRONG_PASSWORD)
  }

  async #byBearer(token: string, deps: DoorkeeperDeps): Promise<Identity | Problem> {
    const { secret, user, tenants } = this.#settings
    const mayBeSecret = secret !== null && token.length <= SECRET_CHARACTERS_MAX
    if (mayBeSecret && (await isSecret(token, secret))) {
      return known('secret', { tenant: deps.home, user }, null)
    }
    if (looksSigned(token)) return this.#byToken(token, deps)
    if (deps.verifyJwt === null || !isJwt(token)) return unauthenticated(WRONG_TOKEN)
    const verdict = await deps.verifyJwt(token)
    if (verdict.kind === 'refused') return unauthenticated(verdict.reason)
    const who = tenants.subjectOf(userOf(verdict.principal), deps.home)
    if (who === null) return unauthenticated(WRONG_TOKEN)
    return { ...known('jwt', who, null), expiresAtMs: verdict.expiresAtMs }
  }

  async #byToken(token: string, deps: DoorkeeperDeps): Promise<Identity | Problem> {
    const { signer, now } = deps
    const claims = signer === null ? null : await readToken(signer, token, now())
    if (claims === null) return unauthenticated(WRONG_TOKEN)
    if (claims === 'expired') return unauthenticated('the token has expired')
    const { principal, tenant, expiresAtMs, grant, stamp } = claims
    const own = this.#isOfSecret(principal) ? null : stamp
    const identity: Identity = {
      ...{ kind: 'token', principal, tenant, expiresAtMs, grant },
      stamp: own,
    }
    return this.#unchanged(identity, deps)
  }

  async #byCookie(value: string, deps: DoorkeeperDeps): Promise<Identity | Problem> {
    const { signer, now } = deps
    const identity = signer === null ? null : await readSession(signer, value, now())
    if (identity === null) return unauthenticated()
    if (identity === 'expired')
      return unauthenticated('who has signed in does so again after a while')
    return this.#unchanged(identity, deps)
  }

  /** What was given out for a tenant that is there no more is worth nothing. */
  async #unchanged(identity: Identity, deps: DoorkeeperDeps): Promise<Identity | Problem> {
    if (!this.#settings.tenants.has(identity.tenant)) return unauthenticated(WRONG_TOKEN)
    return (await this.endOf(identity, deps)) ?? identity
  }

  /** Its signature ends with the secret. */
  #isOfSecret(principal: Principal): boolean {
    const { secret, user } = this.#settings
    return secret !== null && principal === principalOf(user)
  }
}

const WRONG_PASSWORD = 'the user is not known, or the password is not theirs'
const WRONG_TOKEN = 'the token is none that this broker takes'
const EXPIRED = 'what was shown to get in has expired'
const CHANGED = 'the credential of the user was changed or deleted'

function known(
  kind: 'secret' | 'password' | 'jwt',
  { tenant, user }: TenantUser,
  stamp: string | null,
): Identity {
  return { kind, principal: principalOf(user), tenant, expiresAtMs: null, grant: null, stamp }
}

/** Three parts, of which the first is JSON. */
function isJwt(token: string): boolean {
  return /^eyJ[\w-]*\.[\w-]+\.[\w-]*$/.test(token)
}

/** 401 that says what is wanted, and what was wrong where something was. */
export function unauthenticated(why?: string): Problem {
  const wanted =
    'this broker asks who you are: send `Authorization: Basic` with a user and password, or `Bearer` with a token or the secret, which `ottla` does with OTTLA_SECRET'
  return new Problem(KafkaError.SASL_AUTHENTICATION_FAILED, {
    status: 401,
    detail: why === undefined ? wanted : `${why}; ${wanted}`,
    headers: { 'www-authenticate': 'Bearer realm="ottla"' },
  })
}

function unknownNow(why = 'it could not be found out who you are'): Problem {
  const detail = `${why}: try again`
  return new Problem(KafkaError.BROKER_NOT_AVAILABLE, { status: 503, detail })
}
