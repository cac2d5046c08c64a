// What every answer tells a browser not to do with it. Pages say themselves what they may load (assets.ts, sign-in.ts); whatever
// else is answered is data, which must never become a page, be framed, or be guessed to be of another type.

/** For what is no page: nothing is loaded, run or framed, even where somebody opens it as one. */
const DATA_POLICY =
  "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** What is added to data that goes in the clear. */
export const DATA_HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': DATA_POLICY,
}

/** No page here asks for any of it. */
const NO_FEATURES =
  'camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), usb=()'

const HSTS = 'max-age=31536000'

/** Adds what an answer does not say itself. @param isTls whether it goes over TLS, where browsers are told to stay */
export function secureHeaders(headers: Headers, isTls: boolean): void {
  headers.set('x-content-type-options', 'nosniff')
  const isPage = (headers.get('content-type') ?? '').startsWith('text/html')
  // Nobody else is told where somebody was. A form of a page that told nothing at all would have no origin either.
  headers.set('referrer-policy', isPage ? 'same-origin' : 'no-referrer')
  // CORS decides about pages that ask with it; this is about those that do not.
  headers.set('cross-origin-resource-policy', 'same-origin')
  if (isTls) headers.set('strict-transport-security', HSTS)
  if (!headers.has('content-security-policy')) headers.set('content-security-policy', DATA_POLICY)
  if (!isPage) return
  headers.set('permissions-policy', NO_FEATURES)
  headers.set('cross-origin-opener-policy', 'same-origin')
}
