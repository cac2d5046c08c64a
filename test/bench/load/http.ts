// POST of one JSON document, again and again, over as many connections as are to be in flight: HTTP/1.1
// answers one request per connection at a time. The requests are built beforehand.

import { LoadClient } from '../client.ts'
import { HTTP } from '../framing.ts'

/** A request as text; the body is JSON. */
export function httpRequest(method: string, port: number, path: string, body: string): Buffer {
  const head = [
    `${method} ${path} HTTP/1.1`,
    `host: 127.0.0.1:${port}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
  ]
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`)
}

/** One request on a connection of its own; throws unless the answer is a success. */
export async function httpCall(port: number, request: Uint8Array): Promise<void> {
  const client = await LoadClient.open(port, HTTP)
  check(await client.call(request))
  client.close()
}

/**
 * Requests per second, sent for so long over so many connections with one in flight on each. They are opened
 * before the clock starts, and anew each time: servers close connections that are idle for seconds.
 */
export async function httpRate(
  port: number,
  load: { readonly connections: number; readonly withinMs: number; readonly request: Uint8Array },
): Promise<number> {
  const { connections, withinMs, request } = load
  const opening = Array.from({ length: connections }, () => LoadClient.open(port, HTTP))
  const clients = await Promise.all(opening)
  let answers = 0
  const take = (answer: Buffer) => {
    check(answer)
    answers++
  }
  const each = { count: Number.POSITIVE_INFINITY, withinMs, inFlight: 1, request, take }
  const startMs = performance.now()
  await Promise.all(clients.map((client) => client.pipeline(each)))
  const ms = performance.now() - startMs
  for (const client of clients) client.close()
  return (answers * 1e3) / ms
}

const SUCCESS = 'HTTP/1.1 2'

function check(answer: Buffer): void {
  if (answer.toString('latin1', 0, SUCCESS.length) !== SUCCESS) {
    throw new Error(`HTTP: ${answer.toString('utf8').slice(0, 500)}`)
  }
}
