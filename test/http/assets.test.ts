// The console's files over HTTP: which paths are its views, what may be kept, and what its pages may load.

import { describe, expect, it } from 'vitest'
import { type Assets, consoleAssets, diskAssets } from '../../src/http/assets.ts'

const FILES: Readonly<Record<string, string>> = {
  '/index.html': '<!doctype html>page',
  '/filter.html': 'filter',
  '/client.js': 'export {}',
  '/assets/index-abc.js': 'code',
}

function served(): Assets {
  return consoleAssets(
    diskAssets({
      async fetch(url) {
        const file = FILES[new URL(url).pathname]
        return new Response(file ?? '[]', { status: file === undefined ? 404 : 200 })
      },
    }),
  )
}

async function get(path: string, method = 'GET'): Promise<Response> {
  return served().fetch(new Request(`http://broker${path}`, { method }))
}

describe('the console', () => {
  it('is one page at each of its views, whatever their names hold', async () => {
    for (const path of ['/', '/topics', '/topics/a%2Fb?x=1', '/groups/%F0%9F%98%80', '/cluster']) {
      const response = await get(path)
      expect(response.status, path).toBe(200)
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
      expect(await response.text()).toBe('<!doctype html>page')
    }
  })

  it('is nowhere else: a path of the API or a wrong one is not found', async () => {
    for (const path of ['/v1/topics', '/topics/a/b', '/nothing', '/assets/', '/assets/gone.js']) {
      expect((await get(path)).status, path).toBe(404)
    }
  })

  it('is asked for again each time, but for files that carry their hash', async () => {
    expect((await get('/')).headers.get('cache-control')).toBe('no-cache')
    expect((await get('/client.js')).headers.get('cache-control')).toBe('no-cache')
    const hashed = await get('/assets/index-abc.js')
    expect(hashed.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
  })

  it('loads nothing of another host, and runs no code that is not its own', async () => {
    const policy = (await get('/topics')).headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self';")
    expect(policy).not.toMatch(/unsafe|\*|http/)
  })

  it('runs filters in a page that has no origin and no network', async () => {
    const policy = (await get('/filter.html')).headers.get('content-security-policy') ?? ''
    expect(policy).toMatch(/^sandbox allow-scripts;/)
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toContain('connect-src')
    expect(policy).not.toContain('allow-same-origin')
  })

  it('answers HEAD without a body', async () => {
    const response = await get('/topics', 'HEAD')
    expect(response.status).toBe(200)
    expect(await response.text()).toBe('')
  })
})
