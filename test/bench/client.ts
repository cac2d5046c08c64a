// A load generator: one TCP connection, whole requests written as they are, answers counted in order;
// the same for every protocol (framing.ts), so that its cost is the same for every server. Not a client
// of any of them: requests are built beforehand, so that what is measured is the server.

import { connect, type Socket } from 'node:net'
import { type Framing, KAFKA } from './framing.ts'

/** Room for answers at first; it grows to twice the largest, and bytes are received where they stay. */
const ROOM_BYTES = 1024 * 1024

/** A broker that is silent for so long will not answer any more. */
const PATIENCE_MS = 30_000

type Taker = (frame: Buffer) => void

/** A connection to a port of 127.0.0.1. */
export class LoadClient {
  readonly #socket: Socket
  readonly #framing: Framing
  #take: Taker = () => {}
  #fail: (error: Error) => void = () => {}
  #error: Error | null = null
  #isWaiting = false
  /** What was received and not yet taken, from the start of an answer; reused for the next ones. */
  #room = Buffer.alloc(ROOM_BYTES)
  #have = 0

  private constructor(port: number, framing: Framing) {
    this.#framing = framing
    const onread = {
      buffer: () => this.#room.subarray(this.#have),
      callback: (length: number) => {
        this.#receive(length)
        return true
      },
    }
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true, onread })
    this.#socket.on('error', (error) => this.#end(error))
    this.#socket.setTimeout(PATIENCE_MS, () => {
      if (this.#isWaiting) this.#socket.destroy(new Error(`no answer for ${PATIENCE_MS} ms`))
    })
    this.#socket.on('close', () => this.#end(new Error('the connection was closed')))
  }

  static open(port: number, framing: Framing = KAFKA): Promise<LoadClient> {
    return new Promise((done, failed) => {
      const client = new LoadClient(port, framing)
      client.#socket.once('error', failed)
      client.#socket.once('connect', () => done(client))
    })
  }

  /** One request and its answer, without a size in front; valid until the next request. */
  async call(request: Uint8Array): Promise<Buffer> {
    let answer: Buffer | undefined
    await this.pipeline({ count: 1, inFlight: 1, request, take: (frame) => (answer = frame) })
    return answer!
  }

  /**
   * Sends the request, or several in turn, with at most `inFlight` unanswered: `count` times in all, or
   * fewer when `withinMs` are over before. `take` gets each answer without a size in front, in order,
   * valid only during the call. Resolves to the milliseconds until the last answer.
   */
  pipeline(load: {
    readonly count: number
    readonly inFlight: number
    readonly request: Uint8Array | readonly Uint8Array[]
    readonly take: Taker
    readonly withinMs?: number
  }): Promise<number> {
    const { inFlight, take, withinMs = Number.POSITIVE_INFINITY } = load
    const requests = load.request instanceof Uint8Array ? [load.request] : load.request
    if (this.#error !== null) return Promise.reject(this.#error)
    return new Promise((done, failed) => {
      const startMs = performance.now()
      let count = load.count
      let sent = 0
      let answered = 0
      let corked = false
      const send = () => {
        if (!corked) {
          // What is sent in one turn leaves in one write.
          corked = true
          this.#socket.cork()
          process.nextTick(() => {
            corked = false
            this.#socket.uncork()
          })
        }
        this.#socket.write(requests[sent % requests.length]!)
        sent++
      }
      this.#fail = failed
      this.#take = (frame) => {
        take(frame)
        answered++
        if (performance.now() - startMs > withinMs) count = sent
        this.#isWaiting = answered < count
        if (answered === count) done(performance.now() - startMs)
        else if (sent < count) send()
      }
      this.#isWaiting = true
      while (sent < Math.min(count, inFlight)) send()
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #end(error: Error): void {
    this.#error ??= error
    this.#fail(this.#error)
  }

  #receive(length: number): void {
    this.#have += length
    try {
      this.#takeWhole()
    } catch (error) {
      this.#end(error as Error)
      this.#socket.destroy()
    }
  }

  #takeWhole(): void {
    const { headerBytes } = this.#framing
    let at = 0
    let end = this.#framing.endOf(this.#room, at, this.#have)
    while (end <= this.#have) {
      if (this.#framing.isAnswer(this.#room, at))
        this.#take(this.#room.subarray(at + headerBytes, end))
      at = end
      end = this.#framing.endOf(this.#room, at, this.#have)
    }
    const needed = end - at
    const rest = this.#room.subarray(at, this.#have)
    // Always as much room as an answer that has begun needs, and more than nothing.
    if (needed >= this.#room.length) this.#room = Buffer.alloc(2 * needed)
    this.#room.set(rest)
    this.#have = rest.length
  }
}
