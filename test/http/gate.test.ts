import { describe, expect, it } from 'vitest'
import type { Environment } from '../../src/core/env.ts'
import { allowOrigin, closedPage, judge, misconfiguration, preflight } from '../../src/http/gate.ts'
import { LOCAL } from './fakes.ts'

const DEPLOYED: Environment = { ...LOCAL, local: false }

describe('a broker nobody has opened', () => {
  it.each([
    { what: 'nothing set', environment: DEPLOYED },
    { what: 'only hosts and origins', environment: { ...DEPLOYED, allowHosts: ['a.example'] } },
  ])('is closed with $what', ({ environment }) => {
    expect(judge({ host: 'a.example', origin: null }, environment).kind).toBe('closed')
  })

  it.each([
    { what: 'the launcher or wrangler dev', environment: LOCAL },
    { what: 'OTTLA_SECRET, which is checked then', environment: { ...DEPLOYED, secret: 's3cret' } },
    { what: 'OTTLA_ALLOW_ANONYMOUS', environment: { ...DEPLOYED, allowAnonymous: true } },
  ])('is open with $what', ({ environment }) => {
    expect(judge({ host: 'localhost', origin: null }, environment).kind).toBe('admitted')
  })

  it('answers 503 with a page that says what to do', async () => {
    const page = closedPage()
    const text = await page.text()
    expect(page.status).toBe(503)
    expect(page.headers.get('content-type')).toContain('text/html')
    expect(text).toContain('OTTLA_ALLOW_ANONYMOUS')
    expect(text).toContain('OTTLA_SECRET')
  })
})

describe('Host', () => {
  const own = { allowHosts: ['Kafka.Lan', 'box.example:8443'], httpListeners: ['192.168.1.5:8080'] }
  it.each([
    ['localhost:8080', true],
    ['LOCALHOST', true],
    ['app.localhost:1', true],
    ['127.0.0.1:8080', true],
    ['127.9.9.9', true],
    ['[::1]:8080', true],
    ['192.168.1.5:8080', true],
    ['192.168.1.5', true],
    ['kafka.lan:8080', true],
    ['box.example', true],
    ['192.168.1.6:8080', false],
    ['evil.example', false],
    ['evil.example:8080', false],
    ['localhost.evil.example', false],
    ['127.0.0.1.evil.example', false],
    ['1.127.0.0.1', false],
    ['0.0.0.0:8080', false],
    ['[::]:8080', false],
    ['', false],
    ['a b', false],
  ])('%s is ours: %s', (host, ours) => {
    const verdict = judge({ host, origin: null }, { ...LOCAL, ...own })
    expect(verdict.kind).toBe(ours ? 'admitted' : 'refused')
    if (verdict.kind === 'refused') expect(verdict.problem.status).toBe(421)
  })

  it('is any where the platform routes by name and none is configured', () => {
    const open = { ...DEPLOYED, allowAnonymous: true }
    expect(judge({ host: 'ottla.me.workers.dev', origin: null }, open).kind).toBe('admitted')
    const named = { ...open, allowHosts: ['kafka.example'] }
    expect(judge({ host: 'ottla.me.workers.dev', origin: null }, named).kind).toBe('refused')
    expect(judge({ host: 'kafka.example', origin: null }, named).kind).toBe('admitted')
  })
})

describe('Origin', () => {
  it.each([
    ['http://localhost:3000', true],
    ['https://localhost', true],
    ['http://127.0.0.1:5173', true],
    ['http://[::1]:5173', true],
    ['http://dev.localhost', true],
    ['https://app.example', true],
    ['https://app.example:444', false],
    ['http://app.example', false],
    ['https://evil.example', false],
    ['http://localhost.evil.example', false],
    ['https://evil.example#localhost', false],
    ['null', false],
    ['file://', false],
    ['chrome-extension://abcdefgh', false],
    ['ftp://localhost', false],
    ['localhost', false],
    ['', false],
  ])('%s is welcome: %s', (origin, welcome) => {
    const environment = { ...LOCAL, allowOrigins: ['https://app.example'] }
    const verdict = judge({ host: 'localhost:8080', origin }, environment)
    expect(verdict).toMatchObject(welcome ? { kind: 'admitted', origin } : { kind: 'refused' })
    if (verdict.kind === 'refused') expect(verdict.problem.status).toBe(403)
  })

  it('of the broker itself is welcome under whatever name it is served', () => {
    const open = { ...DEPLOYED, allowAnonymous: true }
    const origin = 'https://ottla.me.workers.dev'
    expect(judge({ host: 'ottla.me.workers.dev', origin }, open).kind).toBe('admitted')
    expect(judge({ host: 'other.workers.dev', origin }, open).kind).toBe('refused')
  })

  it('does not help a foreign Host: a rebound name is its own origin', () => {
    const caller = { host: 'evil.example:8080', origin: 'http://evil.example:8080' }
    expect(judge(caller, LOCAL).kind).toBe('refused')
  })

  it('is any when * is configured', () => {
    const open = { ...LOCAL, allowOrigins: ['*'] }
    expect(judge({ host: 'localhost', origin: 'null' }, open).kind).toBe('admitted')
  })
})

describe('CORS', () => {
  const ask = (headers: Record<string, string>) =>
    new Request('http://localhost/v1/topics', { method: 'OPTIONS', headers })

  it('answers a preflight with what a page may send', () => {
    const request = ask({
      'access-control-request-method': 'POST',
      'access-control-request-private-network': 'true',
    })
    const headers = preflight(request, 'http://localhost:3000')?.headers
    expect(headers?.get('access-control-allow-origin')).toBe('http://localhost:3000')
    expect(headers?.get('access-control-allow-methods')).toContain('PATCH')
    expect(headers?.get('access-control-allow-headers')).toContain('Last-Event-ID')
    expect(headers?.get('access-control-allow-private-network')).toBe('true')
    expect(headers?.get('vary')).toBe('Origin')
  })

  it('takes nothing else for a preflight', () => {
    expect(preflight(ask({}), 'http://localhost:3000')).toBeNull()
    expect(preflight(ask({ 'access-control-request-method': 'POST' }), null)).toBeNull()
  })

  it('names the origin that asked, and varies by it even when none did', () => {
    const headers = new Headers()
    allowOrigin(headers, null)
    expect([...headers]).toEqual([['vary', 'Origin']])
    allowOrigin(headers, 'http://localhost:3000')
    expect(headers.get('access-control-allow-origin')).toBe('http://localhost:3000')
    expect(headers.get('access-control-expose-headers')).toContain('ETag')
  })
})

describe('settings that cannot be', () => {
  it.each([
    ['ottla.tenants: ', { OTTLA_CONFIG: '{"ottla.tenants":"Main"}' }],
    ['OTTLA_USER', { OTTLA_CONFIG: { 'ottla.tenants': 'acme' }, OTTLA_USER: 'acme/root' }],
    ['expected a principal', { OTTLA_CONFIG: { 'super.users': 'root' } }],
    ['OTTLA_LOG_LEVEL', { OTTLA_LOG_LEVEL: 'loud' }],
  ])('are said, for nothing is served by them: %s', async (why, bindings) => {
    const response = misconfiguration(bindings)?.response()
    expect(response?.status).toBe(500)
    expect(await response?.json()).toMatchObject({
      code: 'INVALID_CONFIG',
      detail: expect.stringContaining(why),
    })
  })

  it('are none of those that can be, and a secret is never said', async () => {
    expect(misconfiguration({ OTTLA_CONFIG: { 'ottla.tenants': 'acme' } })).toBeNull()
    const told = await misconfiguration({ OTTLA_SECRET: 'not visible' })?.response().text()
    expect(told).toContain('OTTLA_SECRET')
    expect(told).not.toContain('not visible')
  })
})
