import { describe, expect, it } from 'vitest'
import { SIGN_IN_FORM_BYTES, SIGN_IN_MS } from '../../src/core/limits.ts'
import { httpApp } from '../../src/http/app.ts'
import { isAdmitted, isSecret } from '../../src/http/secret.ts'
import { topicState } from '../broker/fakes.ts'
import { LOCAL, memoryBroker } from './fakes.ts'

const SECRET = 's3cret-of-this-broker'
const environment = { ...LOCAL, secret: SECRET }
const PAGE = { accept: 'text/html,application/xhtml+xml' }
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

/** A broker with this secret, or none. */
function served(secret: string | null = SECRET) {
  const { context } = memoryBroker([topicState('t')])
  const app = httpApp({
    environment: { ...LOCAL, secret },
    context: () => context,
    random: () => 0,
  })
  return async (path: string, init: RequestInit = {}, origin = 'http://localhost:8080') =>
    app.fetch(new Request(`${origin}${path}`, init))
}

const post = (form: Record<string, string>, more: Record<string, string> = {}): RequestInit => {
  const body = new URLSearchParams(form).toString()
  const headers = { ...FORM, 'content-length': String(body.length), ...more }
  return { method: 'POST', headers, body }
}

/** The cookie of a browser that has just signed in. */
async function signedIn(ask = served(), origin?: string): Promise<string> {
  const answer = await ask('/sign-in', post({ secret: SECRET }), origin)
  expect(answer.status).toBe(303)
  return (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
}

const base64url = (text: string) => Buffer.from(text).toString('base64url')

describe('a broker with a secret', () => {
  it.each<[string, Record<string, string>, number]>([
    ['without it', {}, 401],
    ['with it', { authorization: `Bearer ${SECRET}` }, 200],
    ['with it, the scheme in small letters', { authorization: `bearer ${SECRET}` }, 200],
    ['with another', { authorization: 'Bearer wrong' }, 401],
    ['with the beginning of it', { authorization: `Bearer ${SECRET.slice(0, -1)}` }, 401],
    ['with more than it', { authorization: `Bearer ${SECRET}x` }, 401],
    ['with an empty one', { authorization: 'Bearer ' }, 401],
    ['by another scheme', { authorization: `Basic ${btoa(`u:${SECRET}`)}` }, 401],
    ['bare', { authorization: SECRET }, 401],
    ['as a cookie', { cookie: `ottla=${SECRET}` }, 401],
  ])('answers who comes %s', async (_, headers, status) => {
    const answer = await served()('/v1/topics', { headers })
    expect(answer.status).toBe(status)
    if (status === 200) return
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer /)
    const text = await answer.text()
    expect(JSON.parse(text)).toMatchObject({ code: 'SASL_AUTHENTICATION_FAILED', status: 401 })
    expect(text).not.toContain(SECRET)
  })

  it.each(['/', '/kafka', '/v1/topics', '/openapi.json', '/livez', '/nowhere'])(
    'shows nothing of %s to who does not know it, nor whether it is there',
    async (path) => {
      expect((await served()(path)).status).toBe(401)
      expect((await served()(path, { method: 'DELETE' })).status).toBe(401)
    },
  )

  it('gives the SDK to every page, for it is imported before it can present anything', async () => {
    // There are no files here.
    expect((await served()('/client.js')).status).toBe(404)
    expect((await served()('/client.js', { method: 'POST' })).status).toBe(401)
    expect((await served()('/client.js/x')).status).toBe(401)
  })

  it('refuses an upgrade without it, with a problem even where a page would be welcome', async () => {
    const headers = { upgrade: 'websocket', ...PAGE }
    const answer = await served()('/kafka', { headers })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
  })

  it('takes it from a WebSocket that can set no headers', async () => {
    const upgrade = (protocols: string) =>
      isAdmitted(
        new Request('http://localhost/v1/live', {
          headers: { upgrade: 'websocket', 'sec-websocket-protocol': protocols },
        }),
        environment,
        0,
      )
    expect(await upgrade(`ottla.v1, ottla.bearer.${base64url(SECRET)}`)).toBe(true)
    expect(await upgrade(`ottla.v1, ottla.bearer.${base64url('wrong')}`)).toBe(false)
    expect(await upgrade(`ottla.v1, ottla.bearer.%%%`)).toBe(false)
    expect(await upgrade('ottla.v1')).toBe(false)
  })

  it('lets the page of another origin read that it is refused', async () => {
    const origin = 'http://localhost:5173'
    const answer = await served()('/v1/topics', { headers: { origin } })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin)
  })

  it('answers a preflight, which carries no credentials', async () => {
    const headers = { origin: 'http://localhost:5173', 'access-control-request-method': 'GET' }
    expect((await served()('/v1/topics', { method: 'OPTIONS', headers })).status).toBe(204)
  })
})

describe('a broker without a secret', () => {
  it('lets everybody in and has no sign-in page', async () => {
    expect((await served(null)('/v1/topics')).status).toBe(200)
    expect((await served(null)('/sign-in')).status).toBe(404)
    expect((await served(null)('/sign-in', post({ secret: 'x' }))).status).toBe(404)
  })
})

describe('signing in', () => {
  it('is what a browser is shown, wherever it wanted to go', async () => {
    const answer = await served()('/topics/t?q="><script>alert(1)</script>', { headers: PAGE })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('content-type')).toContain('text/html')
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
    const html = await answer.text()
    expect(html).toContain('action="/sign-in"')
    expect(html).not.toContain('<script>alert')
    expect(html).not.toContain(SECRET)
  })

  it('sets a cookie that is no secret and goes where one wanted to go', async () => {
    const answer = await served()('/sign-in', post({ secret: SECRET, next: '/topics/t?q=1' }))
    expect(answer.status).toBe(303)
    expect(answer.headers.get('location')).toBe('/topics/t?q=1')
    const cookie = answer.headers.get('set-cookie') ?? ''
    expect(cookie).toMatch(/; HttpOnly/)
    expect(cookie).toMatch(/; SameSite=Strict/)
    expect(cookie).toMatch(/; Path=\//)
    expect(cookie).not.toMatch(/; Secure/)
    expect(cookie).not.toContain(SECRET)
  })

  it('sets it for this host over TLS alone where there is TLS', async () => {
    const ask = served()
    const answer = await ask('/sign-in', post({ secret: SECRET }), 'https://localhost')
    expect(answer.headers.get('set-cookie')).toMatch(/^__Host-ottla=.*; Secure/)
    const cookie = await signedIn(ask, 'https://localhost')
    expect((await ask('/v1/topics', { headers: { cookie } }, 'https://localhost')).status).toBe(200)
    expect((await ask('/v1/topics', { headers: { cookie } })).status).toBe(401)
  })

  it.each(['//evil.example', 'https://evil.example', '/\\evil.example', 'evil', '/a\r\nb', ''])(
    'goes nowhere else (%j)',
    async (next) => {
      const answer = await served()('/sign-in', post({ secret: SECRET, next }))
      expect(answer.headers.get('location')).toBe('/')
    },
  )

  it('says what is wrong with another secret and sets nothing', async () => {
    const answer = await served()('/sign-in', post({ secret: 'wrong', next: '/groups' }))
    expect(answer.status).toBe(401)
    expect(answer.headers.get('set-cookie')).toBeNull()
    const html = await answer.text()
    expect(html).toContain('role="alert"')
    expect(html).toContain('value="/groups"')
    expect(html).not.toContain('wrong')
  })

  it.each<[string, RequestInit, number]>([
    ['JSON', post({ secret: SECRET }, { 'content-type': 'application/json' }), 415],
    ['too much', post({ secret: 'x'.repeat(SIGN_IN_FORM_BYTES) }), 413],
    ['who knows how much', { method: 'POST', headers: FORM, body: `secret=${SECRET}` }, 413],
    ['a page of another site', post({ secret: SECRET }, { origin: 'https://evil.example' }), 403],
  ])('takes no form of %s', async (_, init, status) => {
    expect((await served()('/sign-in', init)).status).toBe(status)
  })

  it('is not asked for again by who has', async () => {
    const cookie = await signedIn()
    const answer = await served()('/sign-in?next=/groups', { headers: { cookie, ...PAGE } })
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/groups'])
  })

  it('asks again by itself where a link of another site led here, for then the cookie is not sent', async () => {
    const headers = { ...PAGE, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }
    const html = await (await served()('/topics/t', { headers })).text()
    expect(html).toContain('http-equiv="refresh" content="0; url=/topics/t"')
    const again = { ...headers, 'sec-fetch-site': 'same-origin' }
    expect(await (await served()('/topics/t', { headers: again })).text()).not.toContain('refresh')
  })
})

describe('the cookie of who has signed in', () => {
  const admitted = (cookie: string, more: Record<string, string> = {}, nowMs = Date.now()) =>
    isAdmitted(
      new Request('http://localhost:8080/v1/topics', { headers: { cookie, ...more } }),
      environment,
      nowMs,
    )

  it('admits, among others', async () => {
    const cookie = await signedIn()
    expect(await admitted(cookie)).toBe(true)
    expect(await admitted(`a=b; ${cookie}; c=d`)).toBe(true)
    expect((await served()('/v1/topics', { headers: { cookie } })).status).toBe(200)
  })

  it('does not once its time is over', async () => {
    const cookie = await signedIn()
    expect(await admitted(cookie, {}, Date.now() + SIGN_IN_MS - 60_000)).toBe(true)
    expect(await admitted(cookie, {}, Date.now() + SIGN_IN_MS + 1)).toBe(false)
  })

  it('does not when anything of it was changed', async () => {
    const cookie = await signedIn()
    const later = cookie.replace(/\.(\d+)\./, (_, until) => `.${Number(until) + 1}.`)
    const other = cookie.replace(/.$/, (last) => (last === '0' ? '1' : '0'))
    for (const one of [
      later,
      other,
      'ottla=',
      'ottla=1..',
      'ottla=1.9999999999999.',
      cookie.slice(0, -1),
    ])
      expect(await admitted(one), one).toBe(false)
  })

  it('does not when the secret is another one', async () => {
    const cookie = await signedIn()
    expect((await served('another')('/v1/topics', { headers: { cookie } })).status).toBe(401)
  })

  it('counts only for pages of this broker: every port of a machine is the same site', async () => {
    const cookie = await signedIn()
    expect(await admitted(cookie, { origin: 'http://localhost:8080' })).toBe(true)
    expect(await admitted(cookie, { origin: 'http://localhost:3000' })).toBe(false)
    expect(await admitted(cookie, { 'sec-fetch-site': 'same-origin' })).toBe(true)
    expect(await admitted(cookie, { 'sec-fetch-site': 'none' })).toBe(true)
    expect(await admitted(cookie, { 'sec-fetch-site': 'same-site' })).toBe(false)
    expect(await admitted(cookie, { 'sec-fetch-site': 'cross-site' })).toBe(false)
  })

  it('does not help who presents a wrong secret beside it', async () => {
    expect(await admitted(await signedIn(), { authorization: 'Bearer wrong' })).toBe(false)
  })

  it('is taken back by signing out', async () => {
    const answer = await served()('/sign-out', { method: 'POST' })
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/'])
    expect(answer.headers.get('set-cookie')).toMatch(/^ottla=; .*Max-Age=0/)
  })
})

describe('comparing secrets', () => {
  it.each([
    ['a', 'a', true],
    ['a', 'b', false],
    ['', 'a', false],
    ['aa', 'a', false],
    ['a', 'aa', false],
    ['ä', 'a', false],
  ])('%j with %j: %s', async (a, b, same) => expect(await isSecret(a, b)).toBe(same))
})
