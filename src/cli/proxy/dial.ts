// Opens the WebSocket of a tunnel: once, or again and again with growing pauses as long as that may help. What then
// goes through it is tunnel.ts.

import WebSocket from 'ws'
import { ADVERTISED_HEADER, TUNNEL_PROTOCOL } from '../../core/tunnel-protocol.ts'
import { UNKNOWN } from '../broker-api.ts'

/** Where the broker is, and what opens it. */
export interface Broker {
  /** `wss://…/kafka` */
  readonly url: string
  /** As authorizationOf in command.ts. */
  readonly authorization: string | null
}

/** A tunnel, or why there is none. `isFinal`: to try again would not help before somebody does something. */
export type Dialled =
  | { readonly kind: 'open'; readonly socket: WebSocket }
  | { readonly kind: 'failed'; readonly reason: string; readonly isFinal: boolean }

/** One try may take so long: a deployed object may have to start. */
const TRY_MS = 15_000
const PAUSE_MIN_MS = 100
const PAUSE_MAX_MS = 5_000
/** A Kafka client that waits for longer has given up: clients wait 10 to 30 s. */
const PATIENCE_MS = 30_000

/** Ends a tunnel that is not used after all. One that is not read would never hear that it may. */
export function hangUp(socket: WebSocket): void {
  socket.resume()
  socket.close(1000)
}

/** Tries once. @param advertised HOST:PORT that clients of this tunnel are to be told */
export function dial(broker: Broker, advertised: string): Promise<Dialled> {
  const authorization = broker.authorization === null ? {} : { authorization: broker.authorization }
  const socket = new WebSocket(broker.url, TUNNEL_PROTOCOL, {
    headers: { ...authorization, [ADVERTISED_HEADER]: advertised },
    handshakeTimeout: TRY_MS,
    perMessageDeflate: false,
    maxPayload: 2 ** 25,
  })
  return new Promise((done) => {
    socket.once('open', () => {
      // The caller's next turn may be later than the first message.
      socket.pause()
      socket.off('error', failed)
      done({ kind: 'open', socket })
    })
    const failed = (error: Error) => {
      done({ kind: 'failed', reason: reasonOf(error), isFinal: isRefusedUrl(error) })
    }
    socket.once('error', failed)
    socket.once('unexpected-response', (request, response) => {
      socket.on('error', () => {})
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => {
        if (body.length < 4096) body += text
      })
      response.once('close', () => {
        request.destroy()
        done({ kind: 'failed', ...refusal(response.statusCode ?? 0, body) })
        // Its timer would keep the process alive.
        socket.terminate()
      })
    })
  })
}

/** Tries until there is a tunnel, trying cannot help, it takes too long, or the client has gone. */
export async function dialUntil(
  broker: Broker,
  advertised: string,
  isWanted: () => boolean,
): Promise<Dialled> {
  const untilMs = performance.now() + PATIENCE_MS
  for (let pauseMs = PAUSE_MIN_MS; ; pauseMs = Math.min(PAUSE_MAX_MS, pauseMs * 2)) {
    const dialled = await dial(broker, advertised)
    if (dialled.kind === 'open' || dialled.isFinal) return dialled
    const jitteredMs = pauseMs * (0.5 + Math.random() / 2)
    if (!isWanted() || performance.now() + jitteredMs > untilMs) return dialled
    await new Promise((resolve) => setTimeout(resolve, jitteredMs))
    if (!isWanted()) return dialled
  }
}

/** What an answer that is no upgrade means. */
function refusal(status: number, body: string): { reason: string; isFinal: boolean } {
  if (status === 401) return { reason: UNKNOWN, isFinal: true }
  if (status === 503 && body.includes('Ottla is closed')) {
    return {
      reason:
        'that deployment is closed: it has no secret yet (npx wrangler secret put OTTLA_SECRET)',
      isFinal: true,
    }
  }
  const isFinal = status < 500 && status !== 408 && status !== 429
  const said = detailOf(body)
  return { reason: `status ${status}${said === '' ? '' : `: ${said}`}`, isFinal }
}

function detailOf(body: string): string {
  try {
    const { detail } = JSON.parse(body) as { detail?: unknown }
    return typeof detail === 'string' ? detail : ''
  } catch {
    return ''
  }
}

/** Node gives an AggregateError no message when every address failed. */
function reasonOf(error: Error & { code?: string }): string {
  return error.message || error.code || 'no connection'
}

/** A certificate or a protocol that will be the same next time. */
function isRefusedUrl(error: Error & { code?: string }): boolean {
  return /CERT|SELF_SIGNED|ERR_TLS|subprotocol/i.test(`${error.code ?? ''} ${error.message}`)
}
