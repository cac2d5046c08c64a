// Clients that do harm by what they do not do: they open connections and say nothing, or say it a byte at a time. Used by
// the overload run and by the tests; each group can be told to go.

import { connect, type Socket } from 'node:net'
import type { Broker } from '../clients/broker.ts'

/** A group of connections of one kind. */
export interface Group {
  readonly counts: { opened: number; closed: number; refused: number }
  /** Closes them and stops opening. */
  stop(): void
}

/** Source addresses: one has too few ports for tens of thousands of connections. */
const ADDRESSES = 50
/** Opened per step, and the steps' distance. */
const STEP = 100
const STEP_MS = 20
const DRIBBLE_MS = 500

/** Which listener. */
export type Port = 'kafka' | 'http'

/** Opens `count` connections that say nothing, and opens each again a while after it was closed. */
export function idle(broker: Broker, port: Port, count: number): Group {
  return group(broker, port, count, () => {})
}

/** Kafka: a frame of 1 MiB, a byte at a time. HTTP: headers that never end. */
export function slow(broker: Broker, port: Port, count: number): Group {
  const head =
    port === 'kafka' ? frameHead(1_048_576) : Buffer.from('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n')
  const piece = port === 'kafka' ? Buffer.from([0]) : Buffer.from('X-A: 1\r\n')
  return group(broker, port, count, (socket) => {
    socket.write(head)
    const timer = setInterval(() => socket.write(piece), DRIBBLE_MS)
    socket.once('close', () => clearInterval(timer))
  })
}

/** HTTP: a body of 16 MiB that comes a byte at a time. */
export function slowBodies(broker: Broker, count: number, topic: string): Group {
  const head =
    `POST /v1/topics/${topic}/records HTTP/1.1\r\nHost: 127.0.0.1\r\n` +
    'Content-Type: application/json\r\nContent-Length: 16000000\r\n\r\n{"value":"'
  return group(broker, 'http', count, (socket) => {
    socket.write(head)
    const timer = setInterval(() => socket.write('a'), DRIBBLE_MS)
    socket.once('close', () => clearInterval(timer))
  })
}

function frameHead(size: number): Buffer {
  const head = Buffer.alloc(14)
  head.writeInt32BE(size, 0)
  head.writeInt16BE(3, 4)
  head.writeInt16BE(1, 6)
  return head
}

function group(broker: Broker, port: Port, count: number, begin: (socket: Socket) => void): Group {
  const counts = { opened: 0, closed: 0, refused: 0 }
  const sockets = new Set<Socket>()
  const where = port === 'kafka' ? broker.kafka.port : Number(new URL(broker.http).port)
  let next = 0
  const timer = setInterval(() => {
    for (let i = 0; i < STEP && sockets.size < count; i++) open()
  }, STEP_MS)
  const open = () => {
    const localAddress = `127.0.0.${2 + (next++ % ADDRESSES)}`
    const socket = connect({ port: where, host: '127.0.0.1', localAddress })
    sockets.add(socket)
    let wasOpen = false
    socket.on('error', () => {})
    socket.once('connect', () => {
      wasOpen = true
      counts.opened += 1
      begin(socket)
    })
    // Bytes must be taken, or the end is not seen.
    socket.on('data', () => {})
    socket.once('end', () => socket.destroy())
    socket.once('close', () => {
      sockets.delete(socket)
      counts[wasOpen ? 'closed' : 'refused'] += 1
    })
  }
  return {
    counts,
    stop() {
      clearInterval(timer)
      for (const socket of sockets) socket.destroy()
    },
  }
}
