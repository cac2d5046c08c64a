// A WebSocket client (RFC 6455) for Node, over the node:http of the process: texts both ways, pings answered,
// no extensions. Loaded by its name at run time, so that bundles for browsers hold no trace of Node.

import type * as Http from 'node:http'
import type { Duplex } from 'node:stream'
import { MESSAGE_BYTES } from './limits.ts'
import { FrameReader, frameOf, Opcode } from './node-frames.ts'
import { LIVE_PROTOCOL, type Socket, type SocketEvents } from './socket.ts'

/** Opens a connection with the token in a header. */
export function nodeSocket(url: string, token: string | undefined, events: SocketEvents): Socket {
  return new NodeSocket(url, token, events)
}

class NodeSocket implements Socket {
  readonly #events: SocketEvents
  #stream: Duplex | undefined
  #request: Http.ClientRequest | undefined
  #held = true
  #over = false

  constructor(url: string, token: string | undefined, events: SocketEvents) {
    this.#events = events
    this.#open(url, token).catch(() => this.#end())
  }

  send(text: string): void {
    this.#stream?.write(frameOf(Opcode.TEXT, new TextEncoder().encode(text)))
  }

  close(): void {
    this.#over = true
    this.#request?.destroy()
    // Normal closure; the other end answers and closes.
    const stream = this.#stream
    // What was sent before goes first, and who does not answer is not waited for.
    stream?.end(frameOf(Opcode.CLOSE, NORMAL), () => stream.destroy())
  }

  hold(held: boolean): void {
    this.#held = held
    const socket = this.#stream as { ref?: () => void; unref?: () => void } | undefined
    if (held) socket?.ref?.()
    else socket?.unref?.()
  }

  async #open(url: string, token: string | undefined): Promise<void> {
    const { protocol, href } = new URL(url.replace(/^ws/, 'http'))
    const http = await builtin<typeof Http>(protocol === 'https:' ? 'node:https' : 'node:http')
    if (this.#over) return
    const key = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))))
    const request = http.request(href, {
      agent: false,
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': key,
        'sec-websocket-protocol': LIVE_PROTOCOL,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
    })
    this.#request = request
    request.on('error', () => this.#end())
    request.on('response', (response) => {
      response.resume()
      this.#end()
    })
    request.on('upgrade', (response, stream, head) => {
      this.#upgraded(response, stream, head, key).catch(() => this.#end())
    })
    request.end()
  }

  async #upgraded(response: Http.IncomingMessage, stream: Duplex, head: Uint8Array, key: string) {
    stream.on('error', () => this.#end())
    stream.on('close', () => this.#end())
    this.#stream = stream
    const reader = new FrameReader(MESSAGE_BYTES)
    const take = (chunk: Uint8Array) => {
      if (!this.#over && !reader.push(chunk, (opcode, payload) => this.#frame(opcode, payload))) {
        stream.destroy()
      }
    }
    if (this.#over) return void stream.destroy()
    const accepted = response.headers['sec-websocket-accept']
    stream.pause()
    if (accepted !== (await acceptOf(key))) return void stream.destroy()
    if (head.length > 0) take(head)
    this.hold(this.#held)
    stream.on('data', take)
    stream.resume()
  }

  #frame(opcode: number, payload: Uint8Array): void {
    if (opcode === Opcode.TEXT) this.#events.message(new TextDecoder().decode(payload))
    else if (opcode === Opcode.PING) this.#stream?.write(frameOf(Opcode.PONG, payload))
    else if (opcode === Opcode.CLOSE) {
      this.#stream?.end(frameOf(Opcode.CLOSE, payload))
      this.#end()
    }
  }

  #end(): void {
    if (this.#over) return
    this.#over = true
    this.#stream?.destroy()
    this.#events.closed()
  }
}

/** Status 1000. */
const NORMAL = new Uint8Array([0x03, 0xe8])
const HANDSHAKE = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

async function acceptOf(key: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-1', new TextEncoder().encode(key + HANDSHAKE))
  return btoa(String.fromCharCode(...new Uint8Array(digest)))
}

/** A module of Node's own. Older ones of Node 20 have no `getBuiltinModule`. */
async function builtin<Module>(name: string): Promise<Module> {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } }
  const found = process?.getBuiltinModule?.(name) ?? (await import(/* @vite-ignore */ name))
  return found as Module
}
