// The cookie of a browser that has signed in: who, until when, signed. No secret and no password is in it. Not how one
// signs in (sign-in.ts).

import { DEFAULT_TENANT } from '../core/ids.ts'
import { TOKEN_CHARACTERS } from '../core/limits/http-security.ts'
import { SIGN_IN_MS } from '../core/limits.ts'
import { fromBase64Url, textOf, toBase64Url, utf8 } from '../core/text.ts'
import { type Principal, principalOf, userOf } from '../security/principal.ts'
import type { Signer } from '../security/signer.ts'
import { cookieName, isSecure } from './credentials.ts'
import type { Identity } from './identity.ts'

/** A tenant's name stands before its user's, main's does not. */
const SESSION =
  /^2\.(?:([a-z0-9-]+)~)?([A-Za-z0-9_-]+)\.(\d{1,15})\.([A-Za-z0-9_-]*)\.([A-Za-z0-9_-]{43})$/

/** `Set-Cookie` of a browser whose person is known now. It ends with what they have shown, and after 12 hours. */
export async function signedInCookie(
  request: Request,
  signer: Signer,
  { principal, tenant, expiresAtMs, stamp }: Identity,
  nowMs: number,
): Promise<string> {
  const untilMs = Math.min(nowMs + SIGN_IN_MS, expiresAtMs ?? Number.POSITIVE_INFINITY)
  const name = toBase64Url(utf8(userOf(principal)) ?? new Uint8Array(0))
  const said = `2.${inTenant(tenant)}${name}.${untilMs}.${stamp ?? NOTHING_CHANGES}`
  const value = `${said}.${await signer.sign('session', said)}`
  return cookie(request, value, Math.max(0, Math.floor((untilMs - nowMs) / 1000)))
}

function inTenant(tenant: string): string {
  return tenant === DEFAULT_TENANT ? '' : `${tenant}~`
}

/** Instead of a stamp, where there is nothing that could change: no stamp is that short. */
const NOTHING_CHANGES = '-'

/** `Set-Cookie` of one that has signed out. */
export function signedOutCookie(request: Request): string {
  return cookie(request, '', 0)
}

/** Who a cookie says they are; null when nobody here made it, `expired` when its time is over. */
export async function readSession(
  signer: Signer,
  value: string,
  nowMs: number,
): Promise<Identity | 'expired' | null> {
  if (value.length > TOKEN_CHARACTERS) return null
  const [, tenant = DEFAULT_TENANT, name = '', until = '', stamp = '', signature = ''] =
    SESSION.exec(value) ?? []
  if (name === '') return null
  const said = `2.${inTenant(tenant)}${name}.${until}.${stamp}`
  if (!(await signer.verify('session', said, signature))) return null
  const expiresAtMs = Number(until)
  const principal = principalIn(name)
  if (principal === null) return null
  if (nowMs >= expiresAtMs) return 'expired'
  const own = stamp === NOTHING_CHANGES ? null : stamp
  return { kind: 'session', principal, tenant, expiresAtMs, grant: null, stamp: own }
}

function principalIn(name: string): Principal | null {
  const bytes = fromBase64Url(name)
  const user = bytes === null ? null : textOf(bytes)
  return user === null ? null : principalOf(user)
}

function cookie(request: Request, value: string, maxAgeS: number): string {
  const secure = isSecure(request) ? '; Secure' : ''
  return `${cookieName(request)}=${value}; Path=/; Max-Age=${maxAgeS}; HttpOnly; SameSite=Strict${secure}`
}
