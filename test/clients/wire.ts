// A raw Kafka connection: exact requests, exact bytes, responses one by one in the order they came.
// Nothing is retried or hidden, so that scenarios can assert frames, order and the end of a
// connection. Not a client library; messages are those of src/protocol.

import { connect, type Socket } from 'node:net'
import { decodeResponse, encodeRequest } from '../../src/protocol/codec.ts'
import type { Api, RequestToSend, ResponseRead } from '../../src/protocol/schema.ts'
import type { Address } from './broker.ts'

const ANSWER_WITHIN_MS = 20_000
/** A broker that has decided to close does it at once; less than any interval at which it does something later. */
const CLOSED_WITHIN_MS = 8_000

/** How a connection stands while a scenario waits for something from it. */
type Waiter = { readonly take: (frame: Buffer) => void; readonly end: (error: Error) => void }

/** The broker closed the connection (or it never opened). */
export class Ended extends Error {}

/** One TCP connection to a broker's Kafka port. */
export class Wire {
  readonly #socket: Socket
  readonly #frames: Buffer[] = []
  readonly #waiters: Waiter[] = []
  readonly #ended: Promise<void>
  #rest: Buffer[] = []
  #restBytes = 0
  #closed = false
  #correlationId = 0
  /** Response bytes received so far, size prefixes included. */
  receivedBytes = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', () => {})
    this.#ended = new Promise((done) => {
      socket.once('close', () => {
        this.#closed = true
        for (const waiter of this.#waiters.splice(0)) waiter.end(new Ended('connection closed'))
        done()
      })
    })
    socket.once('end', () => socket.destroy())
  }

  static open(address: Address): Promise<Wire> {
    return new Promise((done, failed) => {
      const socket = connect(address.port, address.host)
      socket.once('error', failed)
      socket.once('connect', () => done(new Wire(socket)))
    })
  }

  /** Sends a request and gives its decoded response; the next frame must carry its correlation id. */
  call<A extends Api>(api: A, version: number, body: RequestToSend<A>): Promise<ResponseRead<A>> {
    return this.answer(api, version, this.send(api, version, body))
  }

  /** Sends a request and returns its correlation id at once. */
  send<A extends Api>(api: A, version: number, body: RequestToSend<A>): number {
    this.#correlationId += 1
    const header = { correlationId: this.#correlationId, clientId: 'ottla-test' }
    this.write(encodeRequest(api, version, header, body))
    return header.correlationId
  }

  /** Takes the next frame, which must answer `correlationId`. */
  async answer<A extends Api>(
    api: A,
    version: number,
    correlationId: number,
  ): Promise<ResponseRead<A>> {
    const frame = await this.frame()
    const { correlationId: got, body } = decodeResponse(api, version, frame)
    if (got !== correlationId) throw new Error(`response ${got}, expected ${correlationId}`)
    return body
  }

  /** Writes bytes as they are. */
  write(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  /** The next response frame without its size prefix. Rejects with Ended when the broker closes. */
  frame(withinMs: number = ANSWER_WITHIN_MS): Promise<Buffer> {
    const ready = this.#frames.shift()
    if (ready !== undefined) return Promise.resolve(ready)
    if (this.#closed) return Promise.reject(new Ended('connection closed'))
    return new Promise((done, failed) => {
      const timer = setTimeout(() => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1)
        failed(new Error(`no response within ${withinMs} ms`))
      }, withinMs)
      const waiter: Waiter = {
        take: (frame) => {
          clearTimeout(timer)
          done(frame)
        },
        end: (error) => {
          clearTimeout(timer)
          failed(error)
        },
      }
      this.#waiters.push(waiter)
    })
  }

  /** Resolves when the broker has closed the connection; rejects when it has not in time. */
  async ended(withinMs: number = CLOSED_WITHIN_MS): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, failed) => {
      timer = setTimeout(() => failed(new Error(`still open after ${withinMs} ms`)), withinMs)
    })
    await Promise.race([this.#ended, late]).finally(() => clearTimeout(timer))
  }

  /** Stops reading from the socket, so that the broker's replies pile up at its side. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** The port of our end. */
  get localPort(): number {
    return this.#socket.localPort ?? -1
  }

  /** Bytes this side has not been able to hand to the kernel: above 0 the broker does not read. */
  get unsentBytes(): number {
    return this.#socket.writableLength
  }

  close(): void {
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    this.receivedBytes += chunk.length
    this.#rest.push(chunk)
    this.#restBytes += chunk.length
    for (;;) {
      const size = this.#frameSize()
      if (size === null || this.#restBytes < 4 + size) return
      const all = this.#rest.length === 1 ? this.#rest[0]! : Buffer.concat(this.#rest)
      this.#rest = all.length === 4 + size ? [] : [all.subarray(4 + size)]
      this.#restBytes = all.length - 4 - size
      const frame = all.subarray(4, 4 + size)
      const waiter = this.#waiters.shift()
      if (waiter === undefined) this.#frames.push(frame)
      else waiter.take(frame)
    }
  }

  #frameSize(): number | null {
    if (this.#restBytes < 4) return null
    if (this.#rest[0]!.length < 4) this.#rest = [Buffer.concat(this.#rest)]
    return this.#rest[0]!.readInt32BE(0)
  }
}

/** A request frame with any header and body: for keys and versions that no codec knows. */
export function rawRequest(
  apiKey: number,
  apiVersion: number,
  body: Uint8Array,
  correlationId = 1,
): Buffer {
  const header = Buffer.alloc(14)
  header.writeInt32BE(10 + body.length, 0)
  header.writeInt16BE(apiKey, 4)
  header.writeInt16BE(apiVersion, 6)
  header.writeInt32BE(correlationId, 8)
  header.writeInt16BE(0, 12)
  return Buffer.concat([header, body])
}
