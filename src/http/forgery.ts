// Whether a request that changes something may be the work of another site, in the browser of somebody who is known here:
// what a browser adds by itself (a cookie, a password it remembers, that somebody is in this network) proves nothing of the
// page that asks. A credential that a script must have put there does. https://www.w3.org/TR/fetch-metadata/

import { isOwnOrigin } from './credentials.ts'
import type { Identity } from './identity.ts'

const READING = ['GET', 'HEAD', 'OPTIONS']

/**
 * True when the request must not be served. Origins that are not admitted have been refused before; a GET changes nothing,
 * and the upgrade of a WebSocket counts a cookie only on pages of this origin.
 */
export function mayBeForged({ method, headers, url }: Request, { kind }: Identity): boolean {
  if (READING.includes(method)) return false
  if (kind === 'secret' || kind === 'jwt' || kind === 'token' || kind === 'open') return false
  const site = headers.get('sec-fetch-site')
  if (site === 'same-origin' || site === 'none') return false
  const origin = headers.get('origin')
  if (kind === 'session') {
    // Browsers tell the site only where the page was loaded safely, but to such a request always the origin.
    const isOwn = origin !== null && isOwnOrigin(origin, headers.get('host') ?? new URL(url).host)
    return site !== null || !isOwn
  }
  // No browser, or a page of an origin that was configured: it asked before it sent.
  return site !== null && origin === null
}
