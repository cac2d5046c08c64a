import { describe, expect, it } from 'vitest'
import { routes } from '../../src/http/app.ts'
import { type Assets, consoleAssets, diskAssets } from '../../src/http/assets.ts'
import { topicState } from '../broker/fakes.ts'
import { ADMIN, Secured } from './secured.ts'

/** The folder of web/, which tells what it was asked for. */
function folder() {
  const asked: string[] = []
  const files = {
    fetch: async (url: string) => {
      asked.push(url)
      const isThere = /^http:\/\/files\/(index|filter)\.html$|^http:\/\/files\/assets\//.test(url)
      return new Response(isThere ? '<p>' : null, { status: isThere ? 200 : 404 })
    },
  }
  const assets: Assets = consoleAssets(diskAssets(files))
  const broker = new Secured([topicState('t')], {}, (request) => assets.fetch(request))
  return { asked, broker }
}

const get = (path: string, base?: string) =>
  folder().broker.ask('GET', path, { headers: ADMIN, ...(base === undefined ? {} : { base }) })

describe('every answer', () => {
  it.each([
    ...routes
      .filter(({ method }) => method === 'GET')
      .map(({ path }) => path.replace(/\{\w+\}/g, '0'))
      .filter((path) => !path.endsWith('/events')),
    '/',
    '/topics/t',
    '/assets/a.js',
    '/nowhere',
    '/sign-in',
  ])('says what a browser must not do with it: %s', async (path) => {
    const { headers } = await get(path)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    const isPage = headers.get('content-type')?.startsWith('text/html')
    // A page that told nothing would send its forms without an origin, and they would be refused.
    expect(headers.get('referrer-policy')).toBe(isPage ? 'same-origin' : 'no-referrer')
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin')
    const policy = headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toMatch(/frame-ancestors 'none'/)
    expect(policy).not.toMatch(/unsafe|\*/)
  })

  it('is the same to who is not let in', async () => {
    for (const headers of [{}, { accept: 'text/html' }, { host: 'evil.example' }]) {
      const answer = await folder().broker.ask('GET', '/', { headers })
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
      expect(answer.headers.get('content-security-policy')).not.toMatch(/unsafe|\*/)
    }
  })

  it('keeps browsers on TLS where it came over TLS, and only there', async () => {
    expect((await get('/', 'https://localhost')).headers.get('strict-transport-security')).toMatch(
      /^max-age=\d{8}/,
    )
    expect((await get('/')).headers.get('strict-transport-security')).toBeNull()
  })

  it('has one exception: the frame in which a person’s filter runs, which reaches nothing', async () => {
    const policy = (await get('/filter.html')).headers.get('content-security-policy') ?? ''
    expect(policy).toMatch(/^sandbox allow-scripts;/)
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'self'")
    expect(policy).not.toMatch(/connect-src|allow-same-origin/)
  })

  it('of a page opens no camera and is nobody’s opener', async () => {
    const { headers } = await get('/')
    expect(headers.get('permissions-policy')).toContain('camera=()')
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin')
  })

  it('of data is data, though somebody has stored markup', async () => {
    const { broker } = folder()
    const markup = '<script>alert(1)</script>'
    const body = { value: markup }
    await broker.ask('POST', '/v1/topics/t/records', { headers: ADMIN, body })
    const answer = await broker.ask('GET', '/v1/topics/t/partitions/0/records', {
      headers: { ...ADMIN, accept: 'text/html' },
    })
    expect(answer.text).toContain(markup)
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
  })
})

describe('a file', () => {
  it.each([
    '//evil.example/index.js',
    '/assets/..%2f..%2fsecret.js',
    '/assets/../../secret.js',
    '/@evil.example/x.js',
    '/http://evil.example/x.js',
    '/assets/%2e%2e/%2e%2e/etc/passwd.js',
  ])('is asked of the folder alone, whatever the path says: %s', async (path) => {
    const { asked, broker } = folder()
    await broker.ask('GET', path, { headers: ADMIN })
    for (const url of asked) expect(new URL(url).host).toBe('files')
    for (const url of asked) expect(new URL(url).pathname).not.toContain('/../')
  })
})
