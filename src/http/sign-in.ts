// What is answered to who has not presented the secret: a problem, or to a browser that asks for a page the form to
// sign in. Its two addresses, `/sign-in` and `/sign-out`, are for pages alone and no part of the API. Who is admitted
// is secret.ts.

import type { Environment } from '../core/env.ts'
import { KafkaError } from '../core/errors.ts'
import { SIGN_IN_FORM_BYTES } from '../core/limits.ts'
import { badRequest, Problem } from './problem.ts'
import { isAdmitted, isSecret, signedIn, signedOut } from './secret.ts'

const SIGN_IN = '/sign-in'
const SIGN_OUT = '/sign-out'
/** What anybody can have from npm. A page of another origin imports it before it can present anything. */
const SDK = '/client.js'
const FORM = 'application/x-www-form-urlencoded'

/** The answer to a request that goes no further; null when it may. */
export async function signIn(
  request: Request,
  environment: Environment,
  nowMs: number,
): Promise<Response | null> {
  const { secret } = environment
  if (secret === null) return null
  const { pathname, searchParams } = new URL(request.url)
  if (pathname === SIGN_IN && request.method === 'POST') return takeForm(request, secret, nowMs)
  if (pathname === SIGN_OUT && request.method === 'POST') {
    return goTo('/', signedOut(request))
  }
  if (pathname === SDK && isRead(request)) return null
  const isIn = await isAdmitted(request, environment, nowMs)
  if (pathname === SIGN_IN && isRead(request)) {
    const next = ownPath(searchParams.get('next'))
    return isIn ? goTo(next) : page(request, 200, next)
  }
  if (isIn) return null
  return wantsPage(request) ? page(request, 401, ownPath(pathAndQuery(request))) : unauthorized()
}

function unauthorized(): Response {
  const detail =
    'this broker has a secret: send it as `Authorization: Bearer`, which `ottla` does with OTTLA_SECRET'
  const headers = { 'www-authenticate': 'Bearer realm="ottla"' }
  return new Problem(KafkaError.SASL_AUTHENTICATION_FAILED, {
    status: 401,
    detail,
    headers,
  }).response()
}

async function takeForm(request: Request, secret: string, nowMs: number): Promise<Response> {
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
  if (!(await isSecret(form.get('secret') ?? '', secret))) {
    return page(request, 401, next, 'That is not the secret of this broker.')
  }
  return goTo(next, await signedIn(request, secret, nowMs))
}

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
  const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Sign in · Ottla</title><link rel="icon" href="data:,">${again(request, next)}<style>${STYLE}</style></head>
<body><main><form method="post" action="${SIGN_IN}">
<h1>Sign in to Ottla</h1>
<p id="hint">The secret is what <code>OTTLA_SECRET</code> was set to when this broker was started or deployed.</p>
<input type="hidden" name="next" value="${escaped(next)}">
<input type="text" name="username" value="ottla" autocomplete="username" hidden>
<label for="secret">Secret</label>
<input id="secret" name="secret" type="password" required autofocus autocomplete="current-password" aria-describedby="hint${isSecondTry ? ' error' : ''}"${isSecondTry ? ' aria-invalid="true"' : ''}>
${isSecondTry ? `<p id="error" role="alert">${escaped(error)}</p>` : ''}
<button type="submit">Sign in</button>
</form></main></body></html>
`
  return new Response(html, {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy':
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
      'x-content-type-options': 'nosniff',
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
  return `<meta http-equiv="refresh" content="0; url=${escaped(next)}">`
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}
