// One TCP connection of a Kafka client and the WebSocket that carries it (core/tunnel-protocol.ts). Bytes go both
// ways as they come and nothing is looked into. Neither side is read faster than the other takes it, and when one
// ends so does the other: a Kafka client connects again by itself.

import type { Socket } from 'node:net'
import WebSocket, { type RawData } from 'ws'
import {
  TUNNEL_ACK_BYTES,
  TUNNEL_MESSAGE_BYTES,
  TUNNEL_PING_MS,
  TUNNEL_SILENT_MS,
  TUNNEL_WINDOW_BYTES,
} from '../../core/limits.ts'
import { END, PING, PONG, parseAck, SendWindow, UsedBytes } from '../../core/tunnel-protocol.ts'

/** Carries one connection until either side ends. Both must be open. Answers why it ended, '' for no particular reason. */
export function carry(client: Socket, socket: WebSocket): Promise<string> {
  return new Promise((done) => {
    const tunnel = new Carried(client, socket, done)
    tunnel.begin()
  })
}

class Carried {
  readonly #client: Socket
  readonly #socket: WebSocket
  readonly #done: (reason: string) => void
  readonly #window = new SendWindow(TUNNEL_WINDOW_BYTES)
  readonly #used = new UsedBytes(TUNNEL_ACK_BYTES)
  /** Read from the client while the window was full. It is not read on before they have gone. */
  #waiting: Buffer[] = []
  #clientEnded = false
  #saidEnd = false
  #heardMs = performance.now()
  #ended = false

  constructor(client: Socket, socket: WebSocket, done: (reason: string) => void) {
    this.#client = client
    this.#socket = socket
    this.#done = done
  }

  begin(): void {
    const client = this.#client
    const socket = this.#socket
    const pings = setInterval(() => this.#ping(), TUNNEL_PING_MS)
    socket.once('close', () => clearInterval(pings))
    socket.on('message', (message, isBinary) => this.#fromBroker(message, isBinary))
    socket.once('close', (code, reason) => this.#end(reasonText(code, reason.toString())))
    socket.on('error', (error) => this.#end(error.message))
    client.on('data', (bytes: Buffer) => this.#fromClient(bytes))
    client.once('end', () => {
      this.#clientEnded = true
      this.#sendWaiting()
    })
    client.once('close', () => this.#end(''))
    client.on('error', () => this.#end(''))
    client.resume()
    socket.resume()
  }

  #fromClient(bytes: Buffer): void {
    this.#waiting.push(bytes)
    this.#sendWaiting()
  }

  #sendWaiting(): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const size = Math.min(next.length, this.#window.room, TUNNEL_MESSAGE_BYTES)
      if (size > 0) {
        this.#window.send(size)
        this.#socket.send(next.subarray(0, size))
      }
      if (size < next.length) this.#waiting.unshift(next.subarray(size))
      if (size === 0) break
    }
    if (this.#waiting.length > 0) this.#client.pause()
    else if (this.#clientEnded) this.#sayEnd()
    else this.#client.resume()
  }

  /** The broker answers what it was asked, and ends the tunnel. */
  #sayEnd(): void {
    if (this.#saidEnd || this.#socket.readyState !== WebSocket.OPEN) return
    this.#saidEnd = true
    this.#socket.send(END)
  }

  #fromBroker(message: RawData, isBinary: boolean): void {
    this.#heardMs = performance.now()
    const bytes = message as Buffer
    if (!isBinary) {
      this.#control(bytes.toString())
      return
    }
    // Taken is what the operating system has taken: before that it is said to nobody.
    this.#client.write(bytes, () => {
      const ack = this.#used.use(bytes.length)
      if (ack !== null && this.#socket.readyState === WebSocket.OPEN) this.#socket.send(ack)
    })
  }

  #control(text: string): void {
    if (text === PONG) return
    const acked = parseAck(text)
    if (acked === null || !this.#window.ack(acked)) {
      this.#end(`the broker says "${text.slice(0, 40)}", which cannot be`)
      return
    }
    this.#sendWaiting()
  }

  #ping(): void {
    if (performance.now() - this.#heardMs > TUNNEL_SILENT_MS) {
      this.#socket.terminate()
      this.#end('the broker is silent')
    } else if (this.#socket.readyState === WebSocket.OPEN) {
      this.#socket.send(PING)
    }
  }

  #end(reason: string): void {
    if (this.#ended) return
    this.#ended = true
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.close(1000)
    // What the broker has said last still goes out.
    if (!this.#client.destroyed) this.#client.end(() => this.#client.destroy())
    this.#done(reason)
  }
}

const NORMAL = 1000
const GONE = 1001
const NO_STATUS = 1005
const ABNORMAL = 1006

function reasonText(code: number, reason: string): string {
  if (code === NORMAL || code === NO_STATUS) return ''
  if (code === ABNORMAL) return 'the broker is gone'
  return reason || (code === GONE ? 'the broker has ended it' : `close code ${code}`)
}
