// Where a request comes from, as whoever received it says: workerd, or the platform before it. Nothing that a
// client says of itself is believed where one of them has a word of its own.

import { parseAddress } from '../core/env.ts'

/** The platform's own word for who asks; it replaces what a client sends by this name. */
const CLIENT_ADDRESS = 'cf-connecting-ip'

/** The address of who asks (`127.0.0.1`, `::1`), or '' where nobody says. */
export function clientAddress(request: Request): string {
  const { cf } = request as { readonly cf?: { readonly clientIp?: unknown } }
  // Said by a workerd that listens itself, with the port. Nobody stands before it who would set the header.
  const local = typeof cf?.clientIp === 'string' ? parseAddress(cf.clientIp) : null
  return local?.host ?? request.headers.get(CLIENT_ADDRESS) ?? ''
}
