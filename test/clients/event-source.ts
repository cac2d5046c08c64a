// A reader of server-sent events as browsers are (WHATWG, 9.2): an event counts when its empty line has come,
// its id is remembered, and after a break the reader comes back with it. Unlike a browser it comes back at
// once, and remembers everything it was given.

import { request } from 'node:http'

/** An event that was dispatched. */
export interface SeenEvent {
  /** The id that was remembered with it. */
  readonly id: string
  readonly name: string
  readonly data: string
}

const EMPTY_LINE = Buffer.from('\n\n')
const LINE = /^([a-z]+):? ?(.*)$/s

/** Takes the bytes of one answer apart. */
class Parser {
  #rest: Buffer = Buffer.alloc(0)

  /** Calls back for each whole block of lines. */
  take(bytes: Buffer, block: (fields: Map<string, string>) => void): void {
    this.#rest = Buffer.concat([this.#rest, bytes])
    for (;;) {
      const end = this.#rest.indexOf(EMPTY_LINE)
      if (end < 0) return
      const lines = this.#rest.subarray(0, end).toString('utf8').split('\n')
      this.#rest = this.#rest.subarray(end + EMPTY_LINE.length)
      block(
        new Map(
          lines.flatMap((line) => {
            const [, name, value] = LINE.exec(line) ?? []
            return name === undefined ? [] : [[name, value ?? ''] as const]
          }),
        ),
      )
    }
  }
}

export class ResumingReader {
  readonly events: SeenEvent[] = []
  /** Answers that were begun. */
  connections = 0
  #lastId: string
  readonly #port: () => number
  readonly #path: string
  #isStopped = false
  #end: () => void = () => {}

  /**
   * @param path with the query that is asked for each time
   * @param lastId of an event that was had before
   */
  constructor(port: () => number, path: string, lastId = '') {
    this.#port = port
    this.#path = path
    this.#lastId = lastId
  }

  get lastId(): string {
    return this.#lastId
  }

  /** Reads until it is stopped. Rejects with an answer that tells it not to come back. */
  async run(): Promise<void> {
    while (!this.#isStopped) await this.#connect()
  }

  stop(): void {
    this.#isStopped = true
    this.#end()
  }

  #connect(): Promise<void> {
    const headers = this.#lastId === '' ? {} : { 'last-event-id': this.#lastId }
    return new Promise((resolve, reject) => {
      const over = () => {
        asked.destroy()
        resolve()
      }
      this.#end = over
      const asked = request({
        host: '127.0.0.1',
        port: this.#port(),
        path: this.#path,
        headers,
        agent: false,
      })
      asked.on('error', over)
      asked.on('response', (response) => {
        const status = response.statusCode ?? 0
        // A broker that starts may not answer yet.
        if (status >= 500) return over()
        if (status !== 200) {
          response.resume()
          return reject(new Error(`${status} for ${this.#path} with ${this.#lastId}`))
        }
        this.connections += 1
        const parser = new Parser()
        response.on('data', (bytes: Buffer) => parser.take(bytes, (block) => this.#dispatch(block)))
        response.on('error', over)
        response.on('close', over)
      })
      asked.end()
    })
  }

  #dispatch(fields: ReadonlyMap<string, string>): void {
    this.#lastId = fields.get('id') ?? this.#lastId
    const data = fields.get('data')
    if (data === undefined) return
    this.events.push({ id: this.#lastId, name: fields.get('event') ?? 'message', data })
  }
}
