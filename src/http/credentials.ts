// What a request presents to say who asks: in the order in which it counts, and nothing is believed yet. A signed token
// may stand in the query where a browser can set no header; nothing else ever may, for URLs are remembered.

import { JWT_CHARACTERS } from '../core/limits/authentication.ts'
import { fromBase64, fromBase64Url, textOf } from '../core/text.ts'

/** The longest credential is a token of an identity provider, which may be in base64 once more. */
const CREDENTIAL_CHARACTERS = 2 * JWT_CHARACTERS

/** A WebSocket of a page of another origin says its credential so: this, and its UTF-8 in unpadded base64url. */
export const BEARER_PROTOCOL = 'ottla.bearer.'

/** The parameter of a signed token. */
export const TOKEN_PARAMETER = 'token'

/** See the head of this file. */
export type Presented =
  | { readonly kind: 'nothing' }
  /** Something that cannot be read: it is not overlooked for the sake of what else there is. */
  | { readonly kind: 'unreadable'; readonly why: string }
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string }
  /** Of the query. */
  | { readonly kind: 'query'; readonly token: string }
  | { readonly kind: 'cookie'; readonly value: string }

const NOTHING: Presented = { kind: 'nothing' }

/** What the request presents first. @param query its parameters */
export function presentedBy(request: Request, query: URLSearchParams): Presented {
  const { headers } = request
  const authorization = headers.get('authorization')
  if (authorization !== null) return readAuthorization(authorization)
  const protocols = headers.get('sec-websocket-protocol')
  const bearer = protocols === null ? null : bearerIn(protocols)
  if (bearer !== null) return bearer
  const tokens = query.getAll(TOKEN_PARAMETER)
  if (tokens.length > 1) return unreadable(`${TOKEN_PARAMETER} is given twice`)
  if (tokens[0] !== undefined) return { kind: 'query', token: tokens[0] }
  const value = isOwnPage(request) ? cookieOf(request) : null
  return value === null ? NOTHING : { kind: 'cookie', value }
}

function readAuthorization(header: string): Presented {
  if (header.length > CREDENTIAL_CHARACTERS) return unreadable('Authorization is too long')
  const [, scheme = '', value = ''] = /^([A-Za-z]+) +(\S+) *$/.exec(header) ?? []
  if (/^bearer$/i.test(scheme)) return { kind: 'bearer', token: value }
  return /^basic$/i.test(scheme)
    ? readBasic(value)
    : unreadable('Authorization is neither Basic nor Bearer with one value')
}

/** RFC 7617, in UTF-8. The name has no colon, the password may. */
function readBasic(value: string): Presented {
  const bytes = fromBase64(value)
  const text = bytes === null ? null : textOf(bytes)
  const colon = text?.indexOf(':') ?? -1
  if (text === null || colon < 1) return unreadable('Basic must be name:password in base64')
  return { kind: 'password', user: text.slice(0, colon), password: text.slice(colon + 1) }
}

function bearerIn(protocols: string): Presented | null {
  if (protocols.length > CREDENTIAL_CHARACTERS)
    return unreadable('Sec-WebSocket-Protocol is too long')
  const own = protocols
    .split(',')
    .map((one) => one.trim())
    .find((one) => one.startsWith(BEARER_PROTOCOL))
  if (own === undefined) return null
  const bytes = fromBase64Url(own.slice(BEARER_PROTOCOL.length))
  const token = bytes === null ? null : textOf(bytes)
  return token === null
    ? unreadable(`${BEARER_PROTOCOL}… is no base64url`)
    : { kind: 'bearer', token }
}

function unreadable(why: string): Presented {
  return { kind: 'unreadable', why }
}

/**
 * A browser sends its cookie along with what any page of the same site asks, and every port of a machine is one site:
 * it counts only where the page is this broker's.
 */
export function isOwnPage({ headers, url }: Request): boolean {
  const site = headers.get('sec-fetch-site')
  if (site !== null && site !== 'same-origin' && site !== 'none') return false
  const origin = headers.get('origin')
  return origin === null || isOwnOrigin(origin, headers.get('host') ?? new URL(url).host)
}

/** Whether an origin is that of the host that was asked. */
export function isOwnOrigin(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host.toLowerCase()
}

/** A name that only this host can have set, where the browser can know that. */
export function cookieName(request: Request): string {
  return isSecure(request) ? '__Host-ottla' : 'ottla'
}

/** Whether the request came over TLS. */
export function isSecure({ url }: Request): boolean {
  return url.startsWith('https:')
}

function cookieOf(request: Request): string | null {
  const prefix = `${cookieName(request)}=`
  for (const one of (request.headers.get('cookie') ?? '').split(';')) {
    const pair = one.trim()
    if (pair.startsWith(prefix)) return pair.slice(prefix.length)
  }
  return null
}
