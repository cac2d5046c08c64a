// Readers of server-sent events that are plain sockets, so that a load generator can have a thousand of them.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Latencies } from './quantile.ts'
import { SentTimes } from './sent-times.ts'

/** Readers who connect at once. */
const CONNECTING = 50

/** So many readers of a topic. */
export async function openReaders(
  port: number,
  topic: string,
  count: number,
  from: 'earliest' | 'latest' = 'latest',
): Promise<SseReader[]> {
  const readers: SseReader[] = []
  while (readers.length < count) {
    const some = Array.from({ length: Math.min(CONNECTING, count - readers.length) }, () =>
      SseReader.open(port, topic, from),
    )
    readers.push(...(await Promise.all(some)))
  }
  return readers
}

/** One stream of events. */
export class SseReader {
  readonly #socket: Socket
  readonly #times = new SentTimes()
  /** Where its events are counted: all readers share one. */
  latencies = new Latencies()
  /** Its own events. */
  count = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (bytes: Buffer) => {
      const nowMs = Date.now()
      for (const sentMs of this.#times.in(bytes)) {
        this.latencies.add(nowMs - sentMs)
        this.count += 1
      }
    })
  }

  static async open(port: number, topic: string, from: string): Promise<SseReader> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    socket.on('error', () => {})
    await once(socket, 'connect')
    const path = `/v1/topics/${topic}/events?from=${from}`
    socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
    const [head] = (await once(socket, 'data')) as [Buffer]
    if (!head.toString().startsWith('HTTP/1.1 200')) throw new Error(head.toString())
    return new SseReader(socket)
  }

  /** Takes nothing any more, and keeps the connection. */
  stall(): void {
    this.#socket.pause()
  }

  close(): void {
    this.#socket.destroy()
  }
}
