// The floor that is the least broker (floors/least.js), under the loads of the figures: the same number of
// requests of the same sizes as the broker gets, on as many connections.

import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { LoadClient } from '../client.ts'

const APPEND = 0
const READ = 1
const READ_KEPT = 2

/** A request that stores as many bytes as the broker's own request of this size brings. */
export function leastAppend(bytes: number, partition = 0): Uint8Array {
  const request = Buffer.alloc(bytes, 'ottla ')
  request.writeInt32BE(bytes - 4, 0)
  request.writeInt16BE(partition, 4)
  request[6] = APPEND
  return request
}

/** One connection. */
export class LeastClient {
  readonly #client: LoadClient

  private constructor(client: LoadClient) {
    this.#client = client
  }

  static async open(port: number): Promise<LeastClient> {
    return new LeastClient(await LoadClient.open(port))
  }

  /** Milliseconds until all are stored. */
  append(load: {
    readonly request: Uint8Array | readonly Uint8Array[]
    readonly count: number
    readonly inFlight: number
  }): Promise<number> {
    return this.#client.pipeline({ ...load, take: () => {} })
  }

  /** Milliseconds of storing one. */
  once(request: Uint8Array): Promise<number> {
    return this.append({ request, count: 1, inFlight: 1 })
  }

  /** Bytes per second of reading all rows of the object, so many bytes a request, one after the other. */
  async readAll(bytesEach: number): Promise<number> {
    const startMs = performance.now()
    let bytes = 0
    for (let after = -1; ; ) {
      const answer = await this.#client.call(readRequest(READ, after, bytesEach))
      const got = answer.length - 4
      if (got === 0) return (bytes * 1e3) / (performance.now() - startMs)
      bytes += got
      after = answer.readInt32BE(0)
    }
  }

  /** The same of rows that stay in memory, so many times. */
  async readKept(bytesEach: number, times: number): Promise<number> {
    const startMs = performance.now()
    let bytes = 0
    for (let time = 0; time < times; time++) {
      const answer = await this.#client.call(readRequest(READ_KEPT, 0, bytesEach))
      bytes += answer.length - 4
    }
    return (bytes * 1e3) / (performance.now() - startMs)
  }

  close(): void {
    this.#client.close()
  }
}

function readRequest(what: number, after: number, bytes: number): Uint8Array {
  const request = Buffer.alloc(15)
  request.writeInt32BE(11, 0)
  request[6] = what
  request.writeInt32BE(after, 7)
  request.writeInt32BE(bytes, 11)
  return request
}

/** Bytes of the answer to an append. */
const ANSWER_BYTES = 8

/**
 * How long after it was due each of `perSecond` records a second was answered, in milliseconds. On one
 * connection, in order, whatever became of those before; what is due together is sent together, as librdkafka does.
 */
export async function leastOpenLoop(
  port: number,
  load: { readonly bytes: number; readonly perSecond: number; readonly seconds: number },
): Promise<number[]> {
  const { bytes, perSecond, seconds } = load
  const count = perSecond * seconds
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  await once(socket, 'connect')
  const startMs = performance.now()
  const dueMs = (record: number) => startMs + (record * 1e3) / perSecond
  const took: number[] = []
  /** For each request under way, the record behind its last one. */
  const sent: number[] = []
  let received = 0
  const answered = new Promise<void>((done, failed) => {
    socket.on('error', failed)
    socket.on('data', (answers: Buffer) => {
      const before = Math.floor(received / ANSWER_BYTES)
      received += answers.length
      const nowMs = performance.now()
      for (const end of sent.splice(0, Math.floor(received / ANSWER_BYTES) - before)) {
        while (took.length < end) took.push(nowMs - dueMs(took.length))
      }
      if (took.length === count) done()
    })
  })
  for (let next = 0; next < count; ) {
    const waitMs = dueMs(next) - performance.now()
    if (waitMs > 0) await sleep(waitMs)
    const due = Math.floor(((performance.now() - startMs) * perSecond) / 1e3) + 1
    const end = Math.min(count, Math.max(next + 1, due))
    sent.push(end)
    socket.write(leastAppend(bytes * (end - next)))
    next = end
  }
  await answered
  socket.destroy()
  return took
}
