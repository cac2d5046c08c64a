// Lets a request in, or answers it: with a problem, or to a browser that asks for a page with the form to sign in. Its two
// addresses, `/sign-in` and `/sign-out`, are for pages alone and no part of the API. Who is who is doorkeeper.ts's,
// what they may the routes'.

import { KafkaError } from '../core/errors.ts'
import { SIGN_IN_FORM_BYTES } from '../core/limits.ts'
import { toBase64 } from '../core/text.ts'
import { ANONYMOUS } from '../security/principal.ts'
import { refusedBy } from './audited.ts'
import { presentedBy } from './credentials.ts'
import type { Doorkeeper, DoorkeeperDeps } from './doorkeeper.ts'
import { mayBeForged } from './forgery.ts'
import { escapeHtml } from './html.ts'
import { anonymousIdentity, type Identity } from './identity.ts'
import { badRequest, Problem } from './problem.ts'
import { signedInCookie, signedOutCookie } from './session.ts'

const SIGN_IN = '/sign-in'
const SIGN_OUT = '/sign-out'
/** What anybody can have from npm. A page of another origin imports it before it can present anything. */
const SDK = '/client.js'
const FORM = 'application/x-www-form-urlencoded'

/** What letting in works with. */
export interface Door {
  readonly doorkeeper: Doorkeeper
  /** Of this request. */
  readonly deps: DoorkeeperDeps
  /** Whether a signed token may stand in the query of this path. */
  takesQueryToken(path: string): boolean
}

/** Who asks, or the answer to a request that goes no further. */
export async function enter(request: Request, door: Door): Promise<Identity | Response> {
  const { doorkeeper, deps, takesQueryToken } = door
  const { pathname, searchParams } = new URL(request.url)
  if (pathname === SIGN_IN && request.method === 'POST') return takeForm(request, door)
  if (pathname === SIGN_OUT && request.method === 'POST') return goTo('/', signedOutCookie(request))
  if (pathname === SDK && isRead(request)) return anonymousIdentity(deps.home)
  const presented = presentedBy(request, searchParams)
  const isMisplaced = presented.kind === 'query' && !(isRead(request) && takesQueryToken(pathname))
  const found = isMisplaced ? misplaced() : await doorkeeper.identify(presented, deps)
  const isIn = !(found instanceof Problem)
  if (pathname === SIGN_IN && isRead(request)) {
    const next = ownPath(searchParams.get('next'))
    return isIn && found.principal !== ANONYMOUS ? goTo(next) : page(request, 200, next)
  }
  if (isIn) return mayBeForged(request, found) ? forged().response() : found
  const isPage = found.status === 401 && wantsPage(request)
  return isPage ? page(request, 401, ownPath(pathAndQuery(request))) : challenge(found, request)
}

/** Programs are told of both ways. A browser that heard of Basic would ask by itself, and then send it with everything. */
function challenge(problem: Problem, request: Request): Response {
  const response = problem.response()
  if (problem.status === 401 && !isBrowser(request)) {
    response.headers.append('www-authenticate', 'Basic realm="ottla", charset="UTF-8"')
  }
  return response
}

function isBrowser({ headers }: Request): boolean {
  return (
    headers.has('sec-fetch-mode') ||
    headers.has('origin') ||
    (headers.get('accept') ?? '').includes('text/html') ||
    (headers.get('user-agent') ?? '').startsWith('Mozilla/')
  )
}

function misplaced(): Problem {
  const detail =
    'a token may stand in the query of an event stream and of a WebSocket alone: send it as `Authorization: Bearer`'
  const headers = { 'www-authenticate': 'Bearer realm="ottla"' }
  return new Problem(KafkaError.SASL_AUTHENTICATION_FAILED, { status: 401, detail, headers })
}

function forged(): Problem {
  const detail =
    'this may be the work of another site: a page of this broker sends Sec-Fetch-Site or Origin, a program `Authorization: Bearer`'
  return new Problem(KafkaError.CLUSTER_AUTHORIZATION_FAILED, {
    status: 403,
    field: 'sec-fetch-site',
    detail,
  })
}

async function takeForm(request: Request, { doorkeeper, deps }: Door): Promise<Response> {
  const type = request.headers.get('content-type') ?? ''
  if (!type.startsWith(FORM)) {
    return badRequest('content-type', `the form is ${FORM}`, { status: 415 }).response()
  }
  const bytes = Number(request.headers.get('content-length') ?? Number.NaN)
  if (!(bytes <= SIGN_IN_FORM_BYTES)) {
    const detail = `the form has a Content-Length of at most ${SIGN_IN_FORM_BYTES}`
    return badRequest('content-length', detail, { status: 413 }).response()
  }
  const form = new URLSearchParams(await request.text())
  const next = ownPath(form.get('next'))
  const user = form.get('username') ?? ''
  const secret = form.get('secret') ?? ''
  const found = await doorkeeper.identify(
    user === '' ? { kind: 'bearer', token: secret } : { kind: 'password', user, password: secret },
    deps,
  )
  if (found instanceof Problem && found.status !== 401) return found.response()
  // A signed token is bound to some of what its principal may: a session is not.
  if (found instanceof Problem || found.kind === 'token') {
    if (user !== '') refusedBy(request, user)
    return page(request, 401, next, 'The user is not known, or the password is not theirs.')
  }
  if (deps.signer === null) return page(request, 409, next, NO_SECRET)
  return goTo(next, await signedInCookie(request, deps.signer, found, deps.now()))
}

const NO_SECRET = 'This broker has no secret to sign a session with: set OTTLA_SECRET.'

function goTo(path: string, setCookie?: string): Response {
  const headers = new Headers({ location: path, 'cache-control': 'no-store' })
  if (setCookie !== undefined) headers.set('set-cookie', setCookie)
  return new Response(null, { status: 303, headers })
}

/** A path of this broker, whatever was asked for. */
function ownPath(path: string | null): string {
  const isOwn = path !== null && /^\/(?![/\\])[!-~]*$/.test(path) && !path.startsWith(SIGN_IN)
  return isOwn ? path : '/'
}

function pathAndQuery({ url }: Request): string {
  const { pathname, search } = new URL(url)
  return pathname + search
}

function isRead({ method }: Request): boolean {
  return method === 'GET' || method === 'HEAD'
}

/** A browser that goes somewhere, not a script of a page, nor an upgrade. */
function wantsPage(request: Request): boolean {
  const { headers } = request
  return (
    isRead(request) &&
    !headers.has('upgrade') &&
    (headers.get('accept') ?? '').includes('text/html')
  )
}

const STYLE = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  body { display: grid; place-items: center; min-height: 90vh; margin: 0 1rem }
  form { width: 100%; max-width: 22rem; display: grid; gap: 12px }
  h1 { font-size: 1.25rem; margin: 0 }
  p { margin: 0 }
  input, button { font: inherit; padding: 8px 12px; border-radius: 6px; border: 1px solid GrayText; min-height: 24px; box-sizing: border-box; width: 100% }
  button { cursor: pointer }
`

/** One file, no script. A page of its own, for the console is behind it. */
function page(request: Request, status: number, next: string, error = ''): Response {
  const isSecondTry = error !== ''
  const nonce = toBase64(crypto.getRandomValues(new Uint8Array(16)))
  const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Sign in · Ottla</title><link rel="icon" href="data:,">${again(request, next)}<style nonce="${nonce}">${STYLE}</style></head>
<body><main><form method="post" action="${SIGN_IN}">
<h1>Sign in to Ottla</h1>
<p id="hint">As a user of this broker. The first one is <code>admin</code>, whose password is what <code>OTTLA_SECRET</code> was set to when it was started or deployed.</p>
<input type="hidden" name="next" value="${escapeHtml(next)}">
<label for="username">User</label>
<input id="username" name="username" type="text" autocomplete="username" autocapitalize="none" spellcheck="false" autofocus aria-describedby="hint">
<label for="secret">Password</label>
<input id="secret" name="secret" type="password" required autocomplete="current-password" aria-describedby="hint${isSecondTry ? ' error' : ''}"${isSecondTry ? ' aria-invalid="true"' : ''}>
${isSecondTry ? `<p id="error" role="alert">${escapeHtml(error)}</p>` : ''}
<button type="submit">Sign in</button>
</form></main></body></html>
`
  return new Response(html, {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': `default-src 'none'; style-src 'nonce-${nonce}'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
      ...(status === 401 ? { 'www-authenticate': 'Bearer realm="ottla"' } : {}),
    },
  })
}

/** Who follows a link on another site comes without the cookie; what this page asks for next has it. */
function again({ headers }: Request, next: string): string {
  if (
    headers.get('sec-fetch-site') !== 'cross-site' ||
    headers.get('sec-fetch-mode') !== 'navigate'
  )
    return ''
  return `<meta http-equiv="refresh" content="0; url=${escapeHtml(next)}">`
}
