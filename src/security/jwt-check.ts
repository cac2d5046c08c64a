// The check of a JSON Web Token, by jose: loaded with the first one (jwt.ts). Only signatures of key pairs count: no
// `none`, no shared secret that a public key could be taken for.

import {
  JOSEAlgNotAllowed,
  JWKSMultipleMatchingKeys,
  JWKSNoMatchingKey,
  JWSSignatureVerificationFailed,
  JWTClaimValidationFailed,
  JWTExpired,
} from 'jose/errors'
import { createLocalJWKSet } from 'jose/jwks/local'
import { jwtVerify } from 'jose/jwt/verify'
import { SECURITY_NAME_CHARACTERS } from '../core/limits/security.ts'
import type { JsonWebKeySet, JwtSettings, VerifiedToken } from './jwt.ts'
import { ANONYMOUS, principalOf } from './principal.ts'

/** Signatures by key pairs. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]

/** Imported keys, by the set they came in: importing one costs more than a check. */
const imported = new WeakMap<JsonWebKeySet, ReturnType<typeof createLocalJWKSet>>()

/** As verifyJwt, of a token that is not too long. */
export async function checkJwt(
  token: string,
  settings: JwtSettings,
  keys: JsonWebKeySet,
  nowMs: number,
): Promise<VerifiedToken> {
  let claims: Readonly<Record<string, unknown>>
  try {
    const { issuer, audiences, clockSkewSeconds } = settings
    const { payload } = await jwtVerify(token, keySet(keys), {
      algorithms: ALGORITHMS,
      clockTolerance: clockSkewSeconds,
      currentDate: new Date(nowMs),
      requiredClaims: ['exp', 'iat', settings.subjectClaim],
      ...(issuer === null ? {} : { issuer }),
      ...(audiences.length === 0 ? {} : { audience: [...audiences] }),
    })
    claims = payload
  } catch (error) {
    return refusalOf(error)
  }
  return accepted(claims, settings)
}

function keySet(keys: JsonWebKeySet): ReturnType<typeof createLocalJWKSet> {
  let set = imported.get(keys)
  if (set === undefined) {
    set = createLocalJWKSet({ keys: keys.keys as never })
    imported.set(keys, set)
  }
  return set
}

function accepted(claims: Readonly<Record<string, unknown>>, settings: JwtSettings): VerifiedToken {
  const { audiences, subjectClaim, scopeClaim, requiredScopes, reservedUsers } = settings
  if (audiences.length === 0 && claims.aud !== undefined) {
    // It was made for somebody, and nobody has said that this is us.
    return invalid('the token has an audience, and sasl.oauthbearer.expected.audience is not set')
  }
  const subject = claims[subjectClaim]
  if (typeof subject !== 'string' || subject.trim() === '') {
    return invalid(`the claim "${subjectClaim}" must be text`)
  }
  const principal = principalOf(subject)
  const isFree = principal !== ANONYMOUS && !reservedUsers.includes(subject)
  if (subject.length > SECURITY_NAME_CHARACTERS || !isFree) {
    return invalid(`the claim "${subjectClaim}" has a name that no token may have`)
  }
  const scopes = scopesOf(claims[scopeClaim])
  if (scopes === null) return invalid(`the claim "${scopeClaim}" must be text or a list of texts`)
  const missing = requiredScopes.filter((scope) => !scopes.includes(scope))
  if (missing.length > 0) {
    return {
      kind: 'refused',
      status: 'insufficient_scope',
      scope: requiredScopes.join(' '),
      reason: `the token has not the scope ${missing.join(' ')}`,
    }
  }
  return { kind: 'verified', principal, expiresAtMs: Number(claims.exp) * 1000, scopes }
}

function scopesOf(claim: unknown): readonly string[] | null {
  if (claim === undefined || claim === null) return []
  if (typeof claim === 'string') return claim.split(' ').filter((scope) => scope !== '')
  const isList = Array.isArray(claim) && claim.every((scope) => typeof scope === 'string')
  return isList ? claim : null
}

function refusalOf(error: unknown): VerifiedToken {
  if (error instanceof JWTExpired) return invalid('the token has expired')
  if (error instanceof JWTClaimValidationFailed) {
    const is = error.reason === 'missing' ? 'is missing' : 'is not what is expected here'
    return invalid(`the claim "${error.claim}" ${is}`)
  }
  if (error instanceof JWKSNoMatchingKey) {
    return { ...invalid('no key of the issuer is the one of the token'), isKeyUnknown: true }
  }
  if (error instanceof JWKSMultipleMatchingKeys) {
    return invalid('the token does not say which key it is signed with')
  }
  if (error instanceof JWSSignatureVerificationFailed) {
    return invalid('the signature is not of a key of the issuer')
  }
  if (error instanceof JOSEAlgNotAllowed) return invalid('the algorithm is not allowed')
  return invalid('it is no token that can be read')
}

function invalid(reason: string): VerifiedToken & { readonly kind: 'refused' } {
  return { kind: 'refused', status: 'invalid_token', reason }
}
