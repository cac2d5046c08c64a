// JSON Web Tokens (RFC 7519) of an issuer whose keys are known: checked as Kafka's own validator checks them. Not where
// keys come from (broker/issuer-keys.ts) and not what a principal may do. The check itself (jwt-check.ts) is loaded with
// the first token.

import { JWT_CHARACTERS } from '../core/limits/authentication.ts'
import type { Principal } from './principal.ts'

/** A key set as issuers publish it (RFC 7517). Its keys are checked when one is used. */
export interface JsonWebKeySet {
  readonly keys: readonly Readonly<Record<string, unknown>>[]
}

/** What a token has to be. The names in the comments are Kafka's. */
export interface JwtSettings {
  /** sasl.oauthbearer.expected.issuer; null: any that signs with these keys. */
  readonly issuer: string | null
  /** sasl.oauthbearer.expected.audience: one of these. Empty: the token must be made for nobody in particular. */
  readonly audiences: readonly string[]
  /** sasl.oauthbearer.clock.skew.seconds */
  readonly clockSkewSeconds: number
  /** sasl.oauthbearer.sub.claim.name */
  readonly subjectClaim: string
  /** sasl.oauthbearer.scope.claim.name */
  readonly scopeClaim: string
  /** ottla.oauth.required.scope: each must be among the token's. */
  readonly requiredScopes: readonly string[]
  /** Names that no token may have: the first user's is its secret's alone. */
  readonly reservedUsers: readonly string[]
}

/** What a token says, or why it is not taken. */
export type VerifiedToken =
  | {
      readonly kind: 'verified'
      readonly principal: Principal
      readonly expiresAtMs: number
      readonly scopes: readonly string[]
    }
  | {
      readonly kind: 'refused'
      /** As RFC 6750 and RFC 7628 call it. */
      readonly status: 'invalid_token' | 'insufficient_scope'
      /** The scopes that are needed, where some are missing. */
      readonly scope?: string
      /** One sentence for logs and problems. It names claims, and never repeats the token. */
      readonly reason: string
      /** No key of the set is the token's: a newer set may have it. */
      readonly isKeyUnknown?: true
    }

/** Checks a token: signature, issuer, audience, times, subject, scopes. Never rejects. */
export async function verifyJwt(
  token: string,
  settings: JwtSettings,
  keys: JsonWebKeySet,
  nowMs: number,
): Promise<VerifiedToken> {
  if (token.length > JWT_CHARACTERS) {
    return { kind: 'refused', status: 'invalid_token', reason: 'the token is too long' }
  }
  const { checkJwt } = await import('./jwt-check.ts')
  return checkJwt(token, settings, keys, nowMs)
}
