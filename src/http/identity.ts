// Who asks over HTTP, as it was found out when the request came: plain data, that goes along to objects which serve them
// longer. Not how it is found out (doorkeeper.ts), nor what they may (their principal's rules, and the grant).

import type { Grant } from '../security/grant.ts'
import { ANONYMOUS, type Principal } from '../security/principal.ts'

/** What they have shown. `open`: nobody is asked. `session`: the cookie of a browser that has signed in. */
export type IdentityKind =
  | 'open'
  | 'anonymous'
  | 'secret'
  | 'password'
  | 'jwt'
  | 'token'
  | 'session'

/** See the head of this file. */
export interface Identity {
  readonly kind: IdentityKind
  readonly principal: Principal
  /** Whose user they are, and the only one whose cluster they reach. */
  readonly tenant: string
  /** When what they have shown is worth nothing any more, ms since the epoch; null: never by itself. */
  readonly expiresAtMs: number | null
  /** What a signed token is bound to; null: all that the principal may. */
  readonly grant: Grant | null
  /**
   * Of the user's credential as it was: another one ends what goes on. Empty for a user without one, null where there is
   * nothing that could change.
   */
  readonly stamp: string | null
}

/** Of a broker that asks nobody. @param tenant that of the host */
export function openIdentity(tenant: string): Identity {
  return { ...anonymousIdentity(tenant), kind: 'open' }
}

/** Who has shown nothing, where that is allowed. @param tenant that of the host */
export function anonymousIdentity(tenant: string): Identity {
  return {
    kind: 'anonymous',
    principal: ANONYMOUS,
    tenant,
    expiresAtMs: null,
    grant: null,
    stamp: null,
  }
}
