// The files of web/ where the platform's assets do not serve them: the local runtime's `disk` service lists
// folders and knows no content types. Not the console itself (web/).

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
      const { pathname } = new URL(request.url)
      const path = pathname.endsWith('/') ? `${pathname}index.html` : pathname
      const type = TYPES[path.slice(path.lastIndexOf('.') + 1)]
      const file = type === undefined ? null : await files.fetch(`http://files${path}`)
      if (type === undefined || !file?.ok) return new Response(null, { status: 404 })
      const headers = { 'content-type': type, 'cache-control': 'no-cache' }
      return new Response(request.method === 'HEAD' ? null : file.body, { headers })
    },
  }
}
