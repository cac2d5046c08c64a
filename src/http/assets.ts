// The console and the other built files of web/, the same wherever they are served: which paths are views of
// the console, what may be kept how long, and what a page of ours may load. Where the platform's assets do
// not serve files, `diskAssets` does: the local runtime's `disk` service lists folders and knows no content
// types. Not the console itself (web/).

/** What answers a request for a file: the platform's assets, or `diskAssets`. */
export interface Assets {
  fetch(request: Request): Promise<Response>
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

/** @param files a `disk` service over the built web/ */
export function diskAssets(files: { fetch(url: string): Promise<Response> }): Assets {
  return {
    async fetch(request) {
      const { pathname: path } = new URL(request.url)
      const type = TYPES[path.slice(path.lastIndexOf('.') + 1)]
      const file = type === undefined ? null : await files.fetch(`http://files${path}`)
      if (type === undefined || !file?.ok) return new Response(null, { status: 404 })
      const headers = { 'content-type': type }
      return new Response(request.method === 'HEAD' ? null : file.body, { headers })
    },
  }
}

const PAGE = '/index.html'
const FILTER_PAGE = '/filter.html'
/** The views of the console: one page shows them all. A name may be anything that a path can hold. */
const VIEWS = /^\/(?:(?:topics|groups|transactions|cluster)(?:\/[^/]*)?)?$/
/** Files whose names carry a hash of what is in them. */
const HASHED = /^\/assets\//

const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "frame-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

/** A person's code may run there, and reach nothing: not even by going to the page by itself. */
const FILTER_POLICY = [
  'sandbox allow-scripts',
  "default-src 'none'",
  "script-src 'unsafe-inline' 'unsafe-eval'",
  'worker-src blob:',
  "frame-ancestors 'self'",
].join('; ')

/** Whether the page is at this path. */
export function isView(path: string): boolean {
  return VIEWS.test(path)
}

/** The same files as a person's browser gets them. */
export function consoleAssets(files: Assets): Assets {
  return {
    async fetch(request) {
      const url = new URL(request.url)
      if (isView(url.pathname)) url.pathname = PAGE
      // Conditions and ranges are of no use to files this small, and would be for another path.
      const file = await files.fetch(new Request(url, { method: request.method }))
      if (!file.ok) return file
      const response = new Response(file.body, file)
      for (const [name, value] of Object.entries(headersOf(url.pathname))) {
        response.headers.set(name, value)
      }
      return response
    },
  }
}

function headersOf(path: string): Record<string, string> {
  const policy = path === FILTER_PAGE ? FILTER_POLICY : path === PAGE ? PAGE_POLICY : null
  return {
    'cache-control': HASHED.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    ...(policy === null ? {} : { 'content-security-policy': policy }),
  }
}
