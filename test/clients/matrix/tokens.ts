// The issuer of the tokens with which scenarios log in by OAUTHBEARER: a key, which the broker is given as a JWKS, and
// one token of each kind. Not how a client is handed one: that is its adapter's.

import { exportJWK, generateKeyPair, SignJWT } from 'jose'

/** Whom the tokens are for; the broker takes no others. */
export const AUDIENCE = 'the-brokers-of-the-matrix'

const KEY_ID = 'matrix'
const HOUR_S = 3_600

/** One token of each kind, all of the same user. */
export interface Tokens {
  /** Good for longer than a run lasts. */
  readonly right: string
  /** Ended an hour ago. */
  readonly expired: string
  /** Signed by another key that says it is the issuer's. */
  readonly forged: string
}

export interface Issuer {
  /** The JSON Web Key Set that the broker is given. */
  readonly jwks: string
  readonly tokens: Tokens
}

/** Makes a key and the tokens of `user`. */
export async function makeIssuer(user: string): Promise<Issuer> {
  const [own, other] = await Promise.all([generateKeyPair('RS256'), generateKeyPair('RS256')])
  const nowS = Math.floor(Date.now() / 1_000)
  const token = (key: CryptoKey, fromS: number, hours: number) =>
    new SignJWT({ sub: user, aud: AUDIENCE })
      .setProtectedHeader({ alg: 'RS256', kid: KEY_ID })
      .setIssuedAt(fromS)
      .setExpirationTime(fromS + hours * HOUR_S)
      .sign(key)
  const [right, expired, forged] = await Promise.all([
    token(own.privateKey, nowS, 24),
    token(own.privateKey, nowS - 2 * HOUR_S, 1),
    token(other.privateKey, nowS, 24),
  ])
  const key = { ...(await exportJWK(own.publicKey)), kid: KEY_ID, alg: 'RS256', use: 'sig' }
  return { jwks: JSON.stringify({ keys: [key] }), tokens: { right, expired, forged } }
}
