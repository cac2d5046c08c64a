// Hosts a connection on a TCP socket: reads as fast as the connection takes it, writes what it
// answers, closes when either ends. Not the protocol. The runtime is reached structurally, so that a
// test can play the socket.

import { joinBytes, MalformedMessage } from '../core/bytes.ts'
import {
  HALF_CLOSED_MS,
  SOCKET_READ_BYTES,
  SOCKET_READ_IDLE_BYTES,
  SOCKET_WRITE_BYTES,
  STALLED_BYTES_PER_MS,
  STALLED_CHECK_MS,
  STALLED_CONNECTION_MS,
} from '../core/limits.ts'
import type { Connection, Outgoing } from './connection.ts'
import { type BrokerContext, CloseConnection, LoginRefused } from './context.ts'

/** What is needed of a workerd socket. */
export interface TcpSocket {
  readonly readable: ReadableStream<Uint8Array>
  readonly writable: WritableStream<Uint8Array>
  close(): Promise<void>
}

/** Serves one client until it leaves, misbehaves or stalls; never rejects. */
export async function serveSocket(
  socket: TcpSocket,
  connection: Connection,
  context: BrokerContext,
): Promise<void> {
  const writes = new SocketWriter(socket.writable, connection)
  let ended = false
  const end = (reason: unknown) => {
    if (ended) return
    ended = true
    if (reason !== undefined) logEnd(context, reason)
    connection.close()
    cancelWatch()
    cancelLast()
    void socket.close().catch(() => undefined)
  }
  let cancelWatch = () => {}
  let cancelLast = () => {}
  const watch = () => {
    if (ended) return
    if (connection.stalled || writes.stalled) {
      return end(new CloseConnection('stalled while others wait for memory'))
    }
    if (connection.isLoginOverdue) return end(new CloseConnection('no login in time'))
    void connection.context.tellCounts()
    cancelWatch = context.timers.after(STALLED_CHECK_MS, watch)
  }
  // Not at once: the first report wakes an object, and a new connection has better to do.
  cancelWatch = context.timers.after(STALLED_CHECK_MS, watch)
  // It takes an answer yet, or the write fails.
  const last = () => {
    if (!writes.isBusy) end(undefined)
    else cancelLast = context.timers.after(HALF_CLOSED_MS, last)
  }
  const reading = readAll(socket.readable, connection).then(
    () => {
      connection.finish()
      if (!ended) cancelLast = context.timers.after(HALF_CLOSED_MS, last)
    },
    (error: unknown) => connection.fail(error),
  )
  try {
    for (let out = await connection.outgoing(); out !== null; out = await connection.outgoing()) {
      await writes.write(out)
    }
    end(undefined)
  } catch (error) {
    end(error)
  }
  await reading
}

async function readAll(
  readable: ReadableStream<Uint8Array>,
  connection: Connection,
): Promise<void> {
  const reader = readable.getReader({ mode: 'byob' })
  let buffer = new ArrayBuffer(SOCKET_READ_IDLE_BYTES)
  let smallReads = 0
  for (;;) {
    const { value, done } = await reader.read(new Uint8Array(buffer))
    if (done || value === undefined) return
    connection.context.counts.add('received|tcp', value.length)
    await connection.receive(value)
    buffer = value.buffer as ArrayBuffer
    // One that fills its buffer gets a large one, one that has long had no use for it gives it back.
    smallReads = value.length < SOCKET_READ_IDLE_BYTES ? smallReads + 1 : 0
    const { byteLength } = buffer
    if (value.length === byteLength && byteLength < SOCKET_READ_BYTES) {
      buffer = new ArrayBuffer(SOCKET_READ_BYTES)
    } else if (smallReads > SMALL_READS && byteLength > SOCKET_READ_IDLE_BYTES) {
      buffer = new ArrayBuffer(SOCKET_READ_IDLE_BYTES)
    }
  }
}

/** Small reads in a row after which a connection counts as idle. */
const SMALL_READS = 32

/** Joins small pieces and cuts large ones, so that a write is neither a dribble nor without progress. */
class SocketWriter {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>
  readonly #connection: Connection
  #deadlineMs = Number.POSITIVE_INFINITY

  constructor(writable: WritableStream<Uint8Array>, connection: Connection) {
    this.#writer = writable.getWriter()
    this.#connection = connection
  }

  /** True while the client has yet to take something. */
  get isBusy(): boolean {
    return this.#deadlineMs !== Number.POSITIVE_INFINITY
  }

  /** True when the client does not take bytes that hold memory others wait for. */
  get stalled(): boolean {
    const { budget, timers } = this.#connection.context
    const awaited = budget.smallReplies.contended || budget.largeReplies.contended
    return awaited && timers.now() > this.#deadlineMs
  }

  async write(out: Outgoing): Promise<void> {
    const { timers, counts } = this.#connection.context
    try {
      for (const part of parts(out.pieces)) {
        this.#deadlineMs = timers.now() + STALLED_CONNECTION_MS + part.length / STALLED_BYTES_PER_MS
        await this.#writer.write(part)
        counts.add('sent|tcp', part.length)
      }
    } finally {
      this.#deadlineMs = Number.POSITIVE_INFINITY
      out.sent()
    }
  }
}

/** Pieces up to this are copied together into one write. */
const JOIN_BYTES = 64 * 1024

/** An answer as writes of at most `mostBytes`: small pieces are joined, large ones are cut. */
export function* parts(
  pieces: readonly Uint8Array[],
  mostBytes: number = SOCKET_WRITE_BYTES,
): Generator<Uint8Array> {
  let small: Uint8Array[] = []
  let smallBytes = 0
  for (const piece of pieces) {
    if (smallBytes + piece.length <= JOIN_BYTES) {
      small.push(piece)
      smallBytes += piece.length
      continue
    }
    if (smallBytes > 0) yield joinBytes(small)
    small = []
    smallBytes = 0
    if (piece.length < JOIN_BYTES) {
      small.push(piece)
      smallBytes = piece.length
      continue
    }
    for (let at = 0; at < piece.length; at += mostBytes) {
      yield piece.subarray(at, Math.min(piece.length, at + mostBytes))
    }
  }
  if (smallBytes > 0) yield joinBytes(small)
}

/** Logs why a connection of whatever kind has ended. */
export function logEnd(context: BrokerContext, reason: unknown): void {
  const message = reason instanceof Error ? reason.message : String(reason)
  if (reason instanceof LoginRefused) return
  if (reason instanceof CloseConnection || reason instanceof MalformedMessage) {
    context.log('warn', 'connection refused', { reason: message })
  } else if (
    reason instanceof Error &&
    /disconnected|reset|closed|Network|canceled/i.test(message)
  ) {
    context.log('debug', 'connection lost', { reason: message })
  } else {
    context.log('error', 'connection failed', { reason: message })
  }
}
