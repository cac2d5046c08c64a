// A load generator: one TCP connection, whole request frames written as they are, answers counted in
// order. Not a Kafka client: frames are built beforehand, so that what is measured is the broker.

import { connect, type Socket } from 'node:net'

/** Room for answers at first; it grows to twice the largest, and bytes are received where they stay. */
const ROOM_BYTES = 1024 * 1024

/** A broker that is silent for so long will not answer any more. */
const PATIENCE_MS = 30_000

type Taker = (frame: Buffer) => void

/** A connection to a port of 127.0.0.1. */
export class LoadClient {
  readonly #socket: Socket
  #take: Taker = () => {}
  #fail: (error: Error) => void = () => {}
  #error: Error | null = null
  #isWaiting = false
  /** What was received and not yet taken, from the start of an answer; reused for the next ones. */
  #room = Buffer.alloc(ROOM_BYTES)
  #have = 0

  private constructor(port: number) {
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

  static open(port: number): Promise<LoadClient> {
    return new Promise((done, failed) => {
      const client = new LoadClient(port)
      client.#socket.once('error', failed)
      client.#socket.once('connect', () => done(client))
    })
  }

  /** One request and its answer, without the size; valid until the next request. */
  async call(request: Uint8Array): Promise<Buffer> {
    let answer: Buffer | undefined
    await this.pipeline({ count: 1, inFlight: 1, request, take: (frame) => (answer = frame) })
    return answer!
  }

  /**
   * Sends the same request `count` times with at most `inFlight` unanswered; `take` gets each answer
   * without its size, in order, valid only during the call. Resolves to the milliseconds it took.
   */
  pipeline(load: {
    readonly count: number
    readonly inFlight: number
    readonly request: Uint8Array
    readonly take: Taker
  }): Promise<number> {
    const { count, inFlight, request, take } = load
    if (this.#error !== null) return Promise.reject(this.#error)
    return new Promise((done, failed) => {
      const startMs = performance.now()
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
        sent++
        this.#socket.write(request)
      }
      this.#fail = failed
      this.#take = (frame) => {
        take(frame)
        answered++
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
    let at = 0
    let needed = 4
    while (this.#have - at >= needed) {
      const end = at + 4 + this.#room.readInt32BE(at)
      if (end > this.#have) {
        needed = end - at
        break
      }
      this.#take(this.#room.subarray(at + 4, end))
      at = end
    }
    const rest = this.#room.subarray(at, this.#have)
    // Always as much room as an answer that has begun needs, and more than nothing.
    if (needed >= this.#room.length) this.#room = Buffer.alloc(2 * needed)
    this.#room.set(rest)
    this.#have = rest.length
  }
}
