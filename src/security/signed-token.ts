// Signed tokens, for browsers above all: who, what of it (grant.ts), until when. Made for minutes, known by their
// signature alone, stored nowhere. Not who may have one made (http/routes/tokens.ts).

import { DEFAULT_TENANT } from '../core/ids.ts'
import { TOKEN_CHARACTERS, TOKEN_MAX_MS } from '../core/limits/http-security.ts'
import { fromBase64Url, textOf, toBase64Url, utf8 } from '../core/text.ts'
import { GRANT_OPERATIONS, type Grant, type GrantOperation } from './grant.ts'
import type { Principal } from './principal.ts'
import type { Signer } from './signer.ts'

/** What a token says. */
export interface TokenClaims {
  readonly principal: Principal
  /** Whose user the principal is. */
  readonly tenant: string
  readonly grant: Grant
  readonly expiresAtMs: number
  /** Of the principal's credential when the token was made: another one ends the token. Empty where there is none. */
  readonly stamp: string
}

const PREFIX = 'ottla1.'

/** Whether a text claims to be one of these, and no secret or token of anybody else. */
export function looksSigned(text: string): boolean {
  return text.startsWith(PREFIX)
}

/** The token of these claims: visible ASCII that fits into a URL as it is. */
export async function signToken(signer: Signer, claims: TokenClaims): Promise<string> {
  const { principal, tenant, grant, expiresAtMs, stamp } = claims
  const { topics, operations, groups } = grant
  const text = JSON.stringify({
    p: principal,
    t: topics,
    o: operations,
    g: groups,
    e: expiresAtMs,
    s: stamp,
    ...(tenant === DEFAULT_TENANT ? {} : { n: tenant }),
  })
  const bytes = utf8(text)
  if (bytes === null) throw new Error('claims without UTF-8')
  const payload = toBase64Url(bytes)
  return `${PREFIX}${payload}.${await signer.sign('token', payload)}`
}

/** What a token says; null when nobody here made it, `expired` when its time is over. */
export async function readToken(
  signer: Signer,
  token: string,
  nowMs: number,
): Promise<TokenClaims | 'expired' | null> {
  if (token.length > TOKEN_CHARACTERS || !looksSigned(token)) return null
  const [payload = '', signature = '', ...rest] = token.slice(PREFIX.length).split('.')
  if (rest.length > 0 || !(await signer.verify('token', payload, signature))) return null
  const claims = claimsOf(payload)
  if (claims === null) return null
  // A clock that went back does not make one live longer than any may.
  const isCurrent = nowMs < claims.expiresAtMs && claims.expiresAtMs <= nowMs + 2 * TOKEN_MAX_MS
  return isCurrent ? claims : 'expired'
}

/** What is signed was written here, perhaps by another version. */
function claimsOf(payload: string): TokenClaims | null {
  const bytes = fromBase64Url(payload)
  const text = bytes === null ? null : textOf(bytes)
  if (text === null) return null
  const { p, t, o, g, e, s, n = DEFAULT_TENANT } = JSON.parse(text) as Record<string, unknown>
  const isWhole =
    typeof p === 'string' &&
    p.startsWith('User:') &&
    areTexts(t) &&
    areTexts(o) &&
    areTexts(g) &&
    typeof e === 'number' &&
    typeof s === 'string' &&
    typeof n === 'string'
  if (!isWhole) return null
  const operations = o.filter(isOperation)
  return {
    principal: p as Principal,
    tenant: n,
    grant: { topics: t, operations, groups: g },
    expiresAtMs: e,
    stamp: s,
  }
}

function areTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}

function isOperation(text: string): text is GrantOperation {
  return (GRANT_OPERATIONS as readonly string[]).includes(text)
}
