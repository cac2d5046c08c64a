// The Worker that stands before the files of web/ where the platform's assets do not: the local runtime's
// `disk` service lists folders and knows no content types. Not a part of the broker's Worker: the launcher
// binds it to that as ASSETS.

/** A `disk` service over the built web/. */
interface AssetEnv {
  readonly FILES: Fetcher
}

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  png: 'image/png',
  json: 'application/json',
  wasm: 'application/wasm',
}

export default {
  async fetch(request: Request, { FILES }: AssetEnv): Promise<Response> {
    const { pathname } = new URL(request.url)
    const path = pathname.endsWith('/') ? `${pathname}index.html` : pathname
    const type = TYPES[path.slice(path.lastIndexOf('.') + 1)]
    const file = type === undefined ? null : await FILES.fetch(`http://files${path}`)
    if (type === undefined || !file?.ok) return new Response(null, { status: 404 })
    const headers = { 'content-type': type, 'cache-control': 'no-cache' }
    return new Response(request.method === 'HEAD' ? null : file.body, { headers })
  },
}
