// Who knows the one secret of a broker (`OTTLA_SECRET`): says so as a bearer token, in the list of subprotocols of a
// browser's WebSocket, which can set no headers, or by the cookie of a browser that has signed in. Not users: there are
// none yet. Not what is answered to others: sign-in.ts.

import type { Environment } from '../core/env.ts'
import { SIGN_IN_MS } from '../core/limits.ts'

/** A WebSocket of a page of another origin says the secret so: this, and its UTF-8 in unpadded base64url. */
export const BEARER_PROTOCOL = 'ottla.bearer.'

const encoder = new TextEncoder()
const TOKEN = /^1\.(\d{1,13})\.([0-9a-f]{64})$/

/** Whether a request may go on. Without a secret every one may. */
export async function isAdmitted(
  request: Request,
  { secret }: Environment,
  nowMs: number,
): Promise<boolean> {
  if (secret === null) return true
  const presented = presentedBy(request)
  if (presented !== null) return isSecret(presented, secret)
  const token = isSameOrigin(request) ? cookieOf(request) : null
  return token !== null && (await isSignedIn(token, secret, nowMs))
}

/** Compares in a time that tells nothing of the secret, not even its length. */
export async function isSecret(presented: string, secret: string): Promise<boolean> {
  const [a, b] = await Promise.all([digest(presented), digest(secret)])
  return areEqual(a, b)
}

/** `Set-Cookie` of a browser that has signed in: no secret, but a proof of it that ends. */
export async function signedIn(request: Request, secret: string, nowMs: number): Promise<string> {
  const untilMs = nowMs + SIGN_IN_MS
  const value = `1.${untilMs}.${hex(await proof(secret, untilMs))}`
  return cookie(request, value, SIGN_IN_MS / 1000)
}

/** `Set-Cookie` of one that has signed out. */
export function signedOut(request: Request): string {
  return cookie(request, '', 0)
}

function presentedBy({ headers }: Request): string | null {
  const authorization = headers.get('authorization')
  if (authorization !== null) return /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? ''
  const protocols = (headers.get('sec-websocket-protocol') ?? '').split(',')
  const bearer = protocols.map((one) => one.trim()).find((one) => one.startsWith(BEARER_PROTOCOL))
  return bearer === undefined ? null : decoded(bearer.slice(BEARER_PROTOCOL.length))
}

/** Text of base64url; none where it is not. */
function decoded(base64url: string): string {
  try {
    const binary = atob(base64url.replaceAll('-', '+').replaceAll('_', '/'))
    return new TextDecoder().decode(Uint8Array.from(binary, (one) => one.charCodeAt(0)))
  } catch {
    return ''
  }
}

/**
 * A browser sends its cookie along with what any page of the same site asks, and every port of a machine is one site:
 * it counts only where the page is this broker's.
 */
function isSameOrigin({ headers, url }: Request): boolean {
  const site = headers.get('sec-fetch-site')
  if (site !== null && site !== 'same-origin' && site !== 'none') return false
  const origin = headers.get('origin')
  if (origin === null) return true
  const host = headers.get('host') ?? new URL(url).host
  return URL.canParse(origin) && new URL(origin).host === host.toLowerCase()
}

async function isSignedIn(token: string, secret: string, nowMs: number): Promise<boolean> {
  const [, until = '', mac = ''] = TOKEN.exec(token) ?? []
  if (until === '') return false
  const isGenuine = areEqual(
    encoder.encode(mac),
    encoder.encode(hex(await proof(secret, Number(until)))),
  )
  return isGenuine && nowMs < Number(until)
}

/** Whoever changes the secret signs everybody out. */
async function proof(secret: string, untilMs: number): Promise<Uint8Array> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), algorithm, false, [
    'sign',
  ])
  return new Uint8Array(
    await crypto.subtle.sign('HMAC', key, encoder.encode(`ottla sign-in ${untilMs}`)),
  )
}

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(text)))
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  for (const [at, byte] of a.entries()) difference |= byte ^ (b[at] ?? 0)
  return difference === 0
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

function isSecure({ url }: Request): boolean {
  return new URL(url).protocol === 'https:'
}

/** A name that only this host can have set, where the browser can know that. */
function cookieName(request: Request): string {
  return isSecure(request) ? '__Host-ottla' : 'ottla'
}

function cookie(request: Request, value: string, maxAgeS: number): string {
  const secure = isSecure(request) ? '; Secure' : ''
  return `${cookieName(request)}=${value}; Path=/; Max-Age=${maxAgeS}; HttpOnly; SameSite=Strict${secure}`
}

function cookieOf(request: Request): string | null {
  const prefix = `${cookieName(request)}=`
  for (const one of (request.headers.get('cookie') ?? '').split(';')) {
    const pair = one.trim()
    if (pair.startsWith(prefix)) return pair.slice(prefix.length)
  }
  return null
}
