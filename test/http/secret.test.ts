import { describe, expect, it } from 'vitest'
import { SIGN_IN_FORM_BYTES, SIGN_IN_MS } from '../../src/core/limits.ts'
import { httpApp } from '../../src/http/app.ts'
import { isSecret } from '../../src/security/secret.ts'
import { topicState } from '../broker/fakes.ts'
import { LOCAL, memoryBroker } from './fakes.ts'
import { ADMIN, basic, bearer, SECRET, Secured } from './secured.ts'

const PAGE = { accept: 'text/html,application/xhtml+xml' }
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const OWN = { 'sec-fetch-site': 'same-origin' }

/** A broker with this secret. */
const served = (secret = SECRET) => new Secured([topicState('t')], { secret })

/** A broker without credentials. */
function open() {
  const { context } = memoryBroker([topicState('t')])
  const app = httpApp({ environment: LOCAL, context: () => context, random: () => 0 })
  return async (path: string, init: RequestInit = {}) =>
    app.fetch(new Request(`http://localhost:8080${path}`, init))
}

const form = (fields: Record<string, string>, more: Record<string, string> = {}) => {
  const body = new URLSearchParams(fields).toString()
  return { body, headers: { ...FORM, 'content-length': String(body.length), ...more } }
}

const cookieIn = (headers: Headers) => (headers.get('set-cookie') ?? '').split(';')[0] ?? ''

/** The cookie of a browser that has just signed in. */
async function signedIn(broker = served(), base?: string): Promise<string> {
  const asking = form({ secret: SECRET })
  const answer = await broker.ask('POST', '/sign-in', {
    ...asking,
    ...(base === undefined ? {} : { base }),
  })
  expect(answer.status).toBe(303)
  return cookieIn(answer.headers)
}

const base64url = (text: string) => Buffer.from(text).toString('base64url')

describe('a broker with a secret', () => {
  it.each<[string, Record<string, string>, number]>([
    ['without it', {}, 401],
    ['with it', ADMIN, 200],
    ['with it, the scheme in small letters', { authorization: `bearer ${SECRET}` }, 200],
    ['with another', bearer('wrong'), 401],
    ['with the beginning of it', bearer(SECRET.slice(0, -1)), 401],
    ['with more than it', bearer(`${SECRET}x`), 401],
    ['with an empty one', { authorization: 'Bearer ' }, 401],
    ['as the password of the first user', basic('admin', SECRET), 200],
    ['as the password of somebody else', basic('u', SECRET), 401],
    ['as the name of a user', basic(SECRET, SECRET), 401],
    ['bare', { authorization: SECRET }, 401],
    ['as a cookie', { cookie: `ottla=${SECRET}` }, 401],
    ['in a digest', { authorization: `Digest username="admin", response="${SECRET}"` }, 401],
    ['twice', { authorization: `Bearer ${SECRET}, Bearer ${SECRET}` }, 401],
  ])('answers who comes %s', async (_, headers, status) => {
    const answer = await served().ask('GET', '/v1/topics', { headers })
    expect(answer.status).toBe(status)
    if (status === 200) return
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer /)
    expect(answer.body).toMatchObject({ code: 'SASL_AUTHENTICATION_FAILED', status: 401 })
    expect(answer.text).not.toContain(SECRET)
  })

  it.each(['/', '/kafka', '/v1/topics', '/openapi.json', '/livez', '/nowhere'])(
    'shows nothing of %s to who does not know it, nor whether it is there',
    async (path) => {
      expect((await served().ask('GET', path)).status).toBe(401)
      expect((await served().ask('DELETE', path)).status).toBe(401)
    },
  )

  it('gives the SDK to every page, for it is imported before it can present anything', async () => {
    // There are no files here.
    expect((await served().ask('GET', '/client.js')).status).toBe(404)
    expect((await served().ask('POST', '/client.js')).status).toBe(401)
    expect((await served().ask('GET', '/client.js/x')).status).toBe(401)
  })

  it('refuses an upgrade without it, with a problem even where a page would be welcome', async () => {
    const headers = { upgrade: 'websocket', ...PAGE }
    const answer = await served().ask('GET', '/kafka', { headers })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
  })

  it.each<[string, number]>([
    // Let in: of what is asked without an upgrade it is said that one is wanted.
    [`ottla.v1, ottla.bearer.${base64url(SECRET)}`, 426],
    [`ottla.v1, ottla.bearer.${base64url('wrong')}`, 401],
    ['ottla.v1, ottla.bearer.%%%', 401],
    ['ottla.v1', 401],
  ])('takes it from a WebSocket that can set no headers: %s', async (protocols, status) => {
    const headers = { 'sec-websocket-protocol': protocols }
    expect((await served().ask('GET', '/v1/live', { headers })).status).toBe(status)
  })

  it('lets the page of a configured origin read that it is refused, and no other', async () => {
    const origin = 'http://localhost:5173'
    const broker = new Secured([], { allowOrigins: [origin] })
    const refused = await broker.ask('GET', '/v1/topics', { headers: { origin } })
    expect(refused.status).toBe(401)
    expect(refused.headers.get('access-control-allow-origin')).toBe(origin)
    const other = await broker.ask('GET', '/v1/topics', {
      headers: { ...ADMIN, origin: 'http://localhost:3000' },
    })
    expect([other.status, other.headers.get('access-control-allow-origin')]).toEqual([403, null])
  })

  it('answers a preflight, which carries no credentials', async () => {
    const origin = 'https://app.example'
    const headers = { origin, 'access-control-request-method': 'GET' }
    const broker = new Secured([], { allowOrigins: [origin] })
    expect((await broker.ask('OPTIONS', '/v1/topics', { headers })).status).toBe(204)
  })

  it('tells programs of Basic, and no browser: it would ask by itself and send it with everything', async () => {
    const challenge = async (headers: Record<string, string>) =>
      (await served().ask('GET', '/v1/topics', { headers })).headers.get('www-authenticate')
    expect(await challenge({ 'user-agent': 'curl/8.0' })).toMatch(/^Bearer .*, Basic /)
    expect(await challenge(PAGE)).not.toContain('Basic')
    expect(await challenge({ 'sec-fetch-mode': 'cors' })).not.toContain('Basic')
    expect(await challenge({ 'user-agent': 'Mozilla/5.0' })).not.toContain('Basic')
    expect(await challenge({ origin: 'http://localhost:8080' })).not.toContain('Basic')
  })
})

describe('a broker without a secret', () => {
  it('lets everybody in and has no sign-in page', async () => {
    expect((await open()('/v1/topics')).status).toBe(200)
    expect((await open()('/sign-in')).status).toBe(404)
    expect((await open()('/sign-in', { method: 'POST', ...form({ secret: 'x' }) })).status).toBe(
      404,
    )
  })

  it('is never served with credentials and nothing to check them with', () => {
    const { context } = memoryBroker([])
    const environment = { ...LOCAL, secret: SECRET }
    expect(() => httpApp({ environment, context: () => context, random: () => 0 })).toThrow()
  })
})

describe('signing in', () => {
  it('is what a browser is shown, wherever it wanted to go', async () => {
    const answer = await served().ask('GET', '/topics/t?q="><script>alert(1)</script>', {
      headers: PAGE,
    })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('content-type')).toContain('text/html')
    const policy = answer.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toContain('unsafe')
    expect(answer.text).toContain('action="/sign-in"')
    expect(answer.text).not.toContain('<script>alert')
    expect(answer.text).not.toContain(SECRET)
    const [, nonce] = /'nonce-([^']+)'/.exec(policy) ?? []
    expect(answer.text).toContain(`<style nonce="${nonce}">`)
    const again = await served().ask('GET', '/', { headers: PAGE })
    expect(again.headers.get('content-security-policy')).not.toBe(policy)
  })

  it('sets a cookie that is no secret and goes where one wanted to go', async () => {
    const asking = form({ secret: SECRET, next: '/topics/t?q=1' })
    const answer = await served().ask('POST', '/sign-in', asking)
    expect(answer.status).toBe(303)
    expect(answer.headers.get('location')).toBe('/topics/t?q=1')
    const cookie = answer.headers.get('set-cookie') ?? ''
    expect(cookie).toMatch(/; HttpOnly/)
    expect(cookie).toMatch(/; SameSite=Strict/)
    expect(cookie).toMatch(/; Path=\//)
    expect(cookie).not.toMatch(/; Secure/)
    expect(cookie).not.toContain(SECRET)
  })

  it('knows users by their names and passwords', async () => {
    const broker = served()
    await broker.setUser('alice', 'wonder:land')
    const asking = form({ username: 'alice', secret: 'wonder:land' })
    const cookie = cookieIn((await broker.ask('POST', '/sign-in', asking)).headers)
    const { body } = await broker.ask('GET', '/v1/me', { headers: { cookie } })
    expect(body).toMatchObject({ principal: 'User:alice', isSession: true, isOpen: false })
    expect(Date.parse(body.expires)).toBeGreaterThan(Date.now())
    const wrong = form({ username: 'alice', secret: SECRET })
    expect((await broker.ask('POST', '/sign-in', wrong)).status).toBe(401)
    const admin = form({ username: 'admin', secret: SECRET })
    expect((await broker.ask('POST', '/sign-in', admin)).status).toBe(303)
  })

  it('sets it for this host over TLS alone where there is TLS', async () => {
    const broker = served()
    const base = 'https://localhost'
    const answer = await broker.ask('POST', '/sign-in', { ...form({ secret: SECRET }), base })
    expect(answer.headers.get('set-cookie')).toMatch(/^__Host-ottla=.*; Secure/)
    const cookie = await signedIn(broker, base)
    const headers = { cookie }
    expect((await broker.ask('GET', '/v1/topics', { headers, base })).status).toBe(200)
    expect((await broker.ask('GET', '/v1/topics', { headers })).status).toBe(401)
  })

  it.each(['//evil.example', 'https://evil.example', '/\\evil.example', 'evil', '/a\r\nb', ''])(
    'goes nowhere else (%j)',
    async (next) => {
      const answer = await served().ask('POST', '/sign-in', form({ secret: SECRET, next }))
      expect(answer.headers.get('location')).toBe('/')
    },
  )

  it('says what is wrong with another secret and sets nothing', async () => {
    const asking = form({ secret: 'wr0ng-secret', next: '/groups' })
    const answer = await served().ask('POST', '/sign-in', asking)
    expect(answer.status).toBe(401)
    expect(answer.headers.get('set-cookie')).toBeNull()
    expect(answer.text).toContain('role="alert"')
    expect(answer.text).toContain('value="/groups"')
    expect(answer.text).not.toContain('wr0ng-secret')
  })

  it('makes no session of a token, which is bound to less', async () => {
    const broker = served()
    const minted = await broker.ask('POST', '/v1/tokens', {
      headers: ADMIN,
      body: { topics: ['t'], operations: ['READ'] },
    })
    const asking = form({ secret: minted.body.token })
    expect((await broker.ask('POST', '/sign-in', asking)).status).toBe(401)
  })

  it.each<[string, { body?: string; headers: Record<string, string> }, number]>([
    ['JSON', form({ secret: SECRET }, { 'content-type': 'application/json' }), 415],
    ['too much', form({ secret: 'x'.repeat(SIGN_IN_FORM_BYTES) }), 413],
    ['who knows how much', { headers: FORM, body: `secret=${SECRET}` }, 413],
    ['a page of another site', form({ secret: SECRET }, { origin: 'https://evil.example' }), 403],
  ])('takes no form of %s', async (_, asking, status) => {
    expect((await served().ask('POST', '/sign-in', asking)).status).toBe(status)
  })

  it('is not asked for again by who has', async () => {
    const broker = served()
    const cookie = await signedIn(broker)
    const headers = { cookie, ...PAGE }
    const answer = await broker.ask('GET', '/sign-in?next=/groups', { headers })
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/groups'])
  })

  it('asks again by itself where a link of another site led here, for then the cookie is not sent', async () => {
    const headers = { ...PAGE, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }
    const { text } = await served().ask('GET', '/topics/t', { headers })
    expect(text).toContain('http-equiv="refresh" content="0; url=/topics/t"')
    const again = { ...headers, ...OWN }
    expect((await served().ask('GET', '/topics/t', { headers: again })).text).not.toContain(
      'refresh',
    )
  })
})

describe('the cookie of who has signed in', () => {
  const status = async (broker: Secured, cookie: string, more: Record<string, string> = {}) =>
    (await broker.ask('GET', '/v1/topics', { headers: { cookie, ...more } })).status

  it('admits, among others', async () => {
    const broker = served()
    const cookie = await signedIn(broker)
    expect(await status(broker, cookie)).toBe(200)
    expect(await status(broker, `a=b; ${cookie}; c=d`)).toBe(200)
  })

  it('does not once its time is over', async () => {
    const broker = served()
    const cookie = await signedIn(broker)
    broker.pass(SIGN_IN_MS - 60_000)
    expect(await status(broker, cookie)).toBe(200)
    broker.pass(60_001)
    expect(await status(broker, cookie)).toBe(401)
  })

  it('does not when anything of it was changed', async () => {
    const broker = served()
    const cookie = await signedIn(broker)
    const parts = cookie.split('.')
    const changed = parts.map((part, at) => {
      const other = at === 0 ? `${part}1` : part.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))
      return parts.with(at, other).join('.')
    })
    expect(parts).toHaveLength(5)
    for (const one of [...changed, 'ottla=', 'ottla=2....', cookie.slice(0, -1), `${cookie}A`]) {
      expect(await status(broker, one), one).toBe(401)
    }
  })

  it('does not when the secret is another one', async () => {
    const cookie = await signedIn()
    expect(await status(served('another'), cookie)).toBe(401)
  })

  it('counts only for pages of this broker: every port of a machine is the same site', async () => {
    const broker = new Secured([topicState('t')], { allowOrigins: ['http://localhost:3000'] })
    const cookie = await signedIn(broker)
    expect(await status(broker, cookie, { origin: 'http://localhost:8080' })).toBe(200)
    expect(await status(broker, cookie, { origin: 'http://localhost:3000' })).toBe(401)
    expect(await status(broker, cookie, OWN)).toBe(200)
    expect(await status(broker, cookie, { 'sec-fetch-site': 'none' })).toBe(200)
    expect(await status(broker, cookie, { 'sec-fetch-site': 'same-site' })).toBe(401)
    expect(await status(broker, cookie, { 'sec-fetch-site': 'cross-site' })).toBe(401)
  })

  it('does not help who presents a wrong secret beside it', async () => {
    const broker = served()
    expect(await status(broker, await signedIn(broker), bearer('wrong'))).toBe(401)
  })

  it('is taken back by signing out', async () => {
    const answer = await served().ask('POST', '/sign-out')
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
