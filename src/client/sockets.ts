// Which WebSocket this runtime has. Node gets one of our own (node-socket.ts): Node 20 has none, and that of
// later ones keeps a process alive that has nothing left to do. A token travels as a subprotocol where no
// header can be set, which is everywhere else.

import { utf8 } from '../core/text.ts'
import { nodeSocket } from './node-socket.ts'
import { type Dial, LIVE_PROTOCOL } from './socket.ts'

const TOKEN_PROTOCOL = 'ottla.bearer.'

/** A constructor as that of browsers. */
export type WebSocketClass = new (url: string, protocols: string[]) => WebSocket

/** How connections are opened here; null where there is no WebSocket. */
export function dialer(given: WebSocketClass | undefined): Dial | null {
  if (given !== undefined) return standard(given)
  if (isNode()) return nodeSocket
  return typeof WebSocket === 'function' ? standard(WebSocket) : null
}

/** Node itself: not what has its globals (workerd, Deno, Bun, a DOM made for tests). */
function isNode(): boolean {
  const { process, navigator, Bun } = globalThis as {
    process?: { versions?: { node?: string } }
    navigator?: { userAgent?: string }
    Bun?: unknown
  }
  if (process?.versions?.node === undefined || Bun !== undefined) return false
  const agent = navigator?.userAgent
  return agent === undefined || agent.startsWith('Node.js')
}

function standard(WebSocketClass: WebSocketClass): Dial {
  return (url, token, events) => {
    const protocols = [LIVE_PROTOCOL]
    if (token !== undefined) protocols.push(TOKEN_PROTOCOL + base64Url(token))
    const socket = new WebSocketClass(url, protocols)
    let over = false
    const closed = () => {
      if (over) return
      over = true
      events.closed()
    }
    socket.addEventListener('message', ({ data }) => {
      if (typeof data === 'string' && !over) events.message(data)
    })
    socket.addEventListener('close', closed)
    socket.addEventListener('error', closed)
    return {
      send: (text) => socket.send(text),
      close() {
        over = true
        socket.close(1000)
      },
    }
  }
}

function base64Url(token: string): string {
  const binary = String.fromCharCode(...(utf8(token) ?? []))
  return btoa(binary).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}
