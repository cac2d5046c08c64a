// One tunnel: a Kafka connection on a WebSocket. Takes messages as bytes of the stream, sends answers, bounds what
// is under way in both directions, and keeps its state attached to the socket whenever nothing is, so that the
// object may end between two requests. Not the object (object.ts) and not the protocol (broker/connection.ts).

import type { ApiTable } from '../broker/api-table.ts'
import { Connection } from '../broker/connection.ts'
import { type BrokerContext, CloseConnection } from '../broker/context.ts'
import { logEnd, parts } from '../broker/tcp.ts'
import {
  STALLED_BYTES_PER_MS,
  STALLED_CHECK_MS,
  STALLED_CONNECTION_MS,
  TUNNEL_ACK_BYTES,
  TUNNEL_MESSAGE_BYTES,
  TUNNEL_QUEUE_BYTES,
  TUNNEL_QUEUES_TOTAL_BYTES,
  TUNNEL_UNCOUNTED_BYTES,
  TUNNEL_UNCOUNTED_WAIT_MS,
  TUNNEL_UNTAKEN_TOTAL_BYTES,
  TUNNEL_WINDOW_BYTES,
} from '../core/limits.ts'
import { END, PING, PONG, parseAck, SendWindow, UsedBytes } from '../core/tunnel-protocol.ts'
import type { TunnelState } from './state.ts'

/** What is needed of a WebSocket with an attachment. */
export interface TunnelSocket {
  send(message: string | Uint8Array): void
  close(code: number, reason: string): void
  serializeAttachment(state: TunnelState): void
}

/** Of all tunnels of this isolate. Plain counters, so that contexts may share them. */
export interface TunnelTotals {
  /** Bytes that came and are not used yet. */
  queued: number
  /** Bytes that were sent and are not known to be taken. */
  untaken: number
}

/** WebSocket's close codes, as far as this end gives a reason. */
export const CloseCode = {
  NORMAL: 1000,
  GONE: 1001,
  PROTOCOL: 1002,
  UNSUPPORTED: 1003,
  TOO_BIG: 1009,
  BUG: 1011,
  RESTART: 1012,
} as const

/** Close reasons are at most 123 bytes. */
const REASON_CHARACTERS = 120
/** How often a tunnel looks whether others have left room. */
const TOTAL_POLL_MS = 10

/** See the head of this file. */
export class TunnelSession {
  readonly #socket: TunnelSocket
  readonly #context: BrokerContext
  readonly #connection: Connection
  readonly #totals: TunnelTotals
  readonly #began: TunnelState
  readonly #window: SendWindow
  /** null: the client counts nothing. Then its next message says that it has taken what was sent. */
  readonly #used: UsedBytes | null
  #seenMs: number
  /** The messages taken so far have been used, or the connection has failed. */
  #taken: Promise<void> = Promise.resolve()
  #queuedBytes = 0
  #isSending = false
  /** What is attached says that nothing is under way. */
  #isKept = true
  #failed = false
  #ended = false
  /** Of the isolate's bytes that are not known to be taken. */
  #untaken = 0
  #wakeWindow: (() => void) | null = null
  #waitsSinceMs = 0
  #stalledAtMs = Number.POSITIVE_INFINITY
  #cancelWatch: (() => void) | null = null

  /**
   * @param state of a tunnel that begins, or goes on where it was: its `connection` must be there
   * @param totals the ones of this isolate
   */
  constructor(
    socket: TunnelSocket,
    apis: ApiTable,
    context: BrokerContext,
    state: TunnelState,
    totals: TunnelTotals,
  ) {
    this.#socket = socket
    this.#context = context
    this.#began = state
    this.#totals = totals
    this.#seenMs = state.seenMs
    const { counts, maxRequestBytes, connection } = state
    this.#connection = new Connection(apis, context, maxRequestBytes, connection ?? undefined)
    this.#window =
      counts === null
        ? new SendWindow(TUNNEL_UNCOUNTED_BYTES)
        : new SendWindow(TUNNEL_WINDOW_BYTES, counts.sent, counts.acked)
    this.#used = counts && new UsedBytes(TUNNEL_ACK_BYTES, counts.used, counts.said)
    this.#countUntaken()
    this.#attach(connection)
    void this.#sendAll()
  }

  /** When the client last sent something, `ping`s aside. */
  get seenMs(): number {
    return this.#seenMs
  }

  /** Takes one message, in the order of arrival. It need not be waited for. */
  receive(message: string | ArrayBuffer): void {
    if (this.#ended || this.#failed) return
    this.#seenMs = this.#context.timers.now()
    if (typeof message === 'string') this.#control(message)
    else this.#queueBytes(new Uint8Array(message))
  }

  #queueBytes(bytes: Uint8Array): void {
    if (!this.#mayQueue(bytes.length)) {
      const reason = 'more was sent than is taken before an answer'
      this.end(CloseCode.TOO_BIG, new CloseConnection(reason))
      return
    }
    this.#queue(bytes.length)
    if (this.#used === null) this.#acked(this.#window.sent)
    this.#keep()
    this.#taken = this.#taken.then(() => this.#use(bytes))
  }

  #mayQueue(bytes: number): boolean {
    const most = this.#used === null ? TUNNEL_QUEUE_BYTES : TUNNEL_WINDOW_BYTES
    if (this.#queuedBytes + bytes > most) return false
    // Who has nothing else queued is not at fault.
    return this.#queuedBytes === 0 || this.#totals.queued + bytes <= TUNNEL_QUEUES_TOTAL_BYTES
  }

  /** Ends the tunnel and gives back what it holds. `reason` is logged, and told to the client. */
  end(code: number, reason?: unknown): void {
    if (this.#ended) return
    this.#ended = true
    if (reason !== undefined) logEnd(this.#context, reason)
    this.#cancelWatch?.()
    this.#connection.close()
    this.#queue(-this.#queuedBytes)
    this.#totals.untaken -= this.#untaken
    this.#wakeWindow?.()
    try {
      this.#socket.close(code, reason instanceof Error ? reasonText(reason) : '')
    } catch {
      // It is closed already.
    }
  }

  #control(text: string): void {
    if (text === PING) {
      this.#send(PONG)
      return
    }
    if (text === END && this.#used !== null) {
      this.#taken = this.#taken.then(() => this.#connection.finish())
      return
    }
    const acked = this.#used === null ? null : parseAck(text)
    if (acked === null) {
      const reason = new CloseConnection('the Kafka byte stream is binary messages')
      this.end(CloseCode.UNSUPPORTED, reason)
    } else if (!this.#acked(acked)) {
      this.end(CloseCode.PROTOCOL, new CloseConnection('an ack of what was not sent'))
    } else if (this.#isKept) {
      this.#keep()
    }
  }

  /** The client has taken so many bytes; false when it cannot have. */
  #acked(bytes: number): boolean {
    if (!this.#window.ack(bytes)) return false
    this.#countUntaken()
    this.#wakeWindow?.()
    return true
  }

  #countUntaken(): void {
    const untaken = this.#window.sent - this.#window.acked
    this.#totals.untaken += untaken - this.#untaken
    this.#untaken = untaken
  }

  async #use(bytes: Uint8Array): Promise<void> {
    if (this.#ended || this.#failed) return
    try {
      await this.#connection.receive(bytes)
    } catch (error) {
      this.#failed = true
      // What was asked before is answered first.
      this.#connection.fail(error)
    }
    if (this.#ended) return
    this.#queue(-bytes.length)
    const ack = this.#used?.use(bytes.length) ?? null
    if (ack !== null && !this.#failed) this.#send(ack)
    this.#keep()
  }

  async #sendAll(): Promise<void> {
    try {
      for (;;) {
        const out = await this.#connection.outgoing()
        if (out === null) break
        this.#isSending = true
        try {
          for (const part of parts(out.pieces, TUNNEL_MESSAGE_BYTES)) {
            await this.#room(part.length)
            if (this.#ended) return
            this.#window.send(part.length)
            this.#countUntaken()
            this.#send(part)
          }
        } finally {
          out.sent()
          this.#isSending = false
        }
        this.#keep()
      }
      this.end(CloseCode.NORMAL)
    } catch (error) {
      this.end(error instanceof CloseConnection ? CloseCode.PROTOCOL : closeCode(error), error)
    }
  }

  #send(message: string | Uint8Array): void {
    if (this.#ended) return
    try {
      this.#socket.send(message)
    } catch (error) {
      this.end(CloseCode.GONE, error)
    }
  }

  /** Waits until so many bytes may be sent, or the tunnel has ended. */
  async #room(bytes: number): Promise<void> {
    if (this.#hasRoom(bytes)) return
    const { timers } = this.#context
    this.#waitsSinceMs = timers.now()
    this.#stalledAtMs = this.#waitsSinceMs + STALLED_CONNECTION_MS + bytes / STALLED_BYTES_PER_MS
    this.#watch()
    while (!this.#ended && !this.#hasRoom(bytes)) {
      // It is the client's turn, or that of others.
      if (this.#window.room >= bytes) await timers.sleep(TOTAL_POLL_MS)
      else {
        await new Promise<void>((resolve) => {
          this.#wakeWindow = resolve
        })
      }
    }
    this.#stalledAtMs = Number.POSITIVE_INFINITY
  }

  #hasRoom(bytes: number): boolean {
    if (this.#window.room < bytes) return false
    // An ack may be due for the next message only.
    if (this.#untaken + bytes <= 2 * TUNNEL_MESSAGE_BYTES) return true
    return this.#totals.untaken + bytes <= TUNNEL_UNTAKEN_TOTAL_BYTES
  }

  #queue(bytes: number): void {
    this.#queuedBytes += bytes
    this.#totals.queued += bytes
  }

  /**
   * Attaches the state when something begins to be under way and when nothing is any more. As long as something is a
   * timer runs: it looks whether this tunnel stalls others, and keeps the object from going to sleep.
   */
  #keep(): void {
    if (this.#ended) return
    const isIdle = this.#queuedBytes === 0 && !this.#isSending && !this.#failed
    const connection = isIdle ? this.#connection.state() : null
    if (connection === null) {
      if (this.#isKept) this.#attach(null)
      this.#watch()
    } else {
      this.#attach(connection)
      this.#cancelWatch?.()
      this.#cancelWatch = null
    }
  }

  #attach(connection: TunnelState['connection']): void {
    const { sent, acked } = this.#window
    const counts = this.#used && { sent, acked, used: this.#used.used, said: this.#used.said }
    this.#isKept = connection !== null
    const state = { ...this.#began, counts, connection, seenMs: this.#seenMs }
    this.#socket.serializeAttachment(state)
  }

  #watch(): void {
    this.#cancelWatch ??= this.#context.timers.after(STALLED_CHECK_MS, () => {
      this.#cancelWatch = null
      if (this.#ended) return
      const reason = this.#stalled()
      if (reason === null) this.#keep()
      else this.end(CloseCode.GONE, new CloseConnection(reason))
    })
  }

  #stalled(): string | null {
    const nowMs = this.#context.timers.now()
    const { smallReplies, largeReplies } = this.#context.budget
    const isAwaited = smallReplies.contended || largeReplies.contended
    if (this.#connection.stalled || (isAwaited && nowMs > this.#stalledAtMs)) {
      return 'stalled while others wait for memory'
    }
    const isWaiting = this.#stalledAtMs < Number.POSITIVE_INFINITY
    if (this.#used !== null || !isWaiting) return null
    return nowMs - this.#waitsSinceMs > TUNNEL_UNCOUNTED_WAIT_MS
      ? 'answers are not taken: a client that waits for more than this counts bytes'
      : null
  }
}

function closeCode(error: unknown): number {
  return error instanceof Error && error.name === 'MalformedMessage'
    ? CloseCode.PROTOCOL
    : CloseCode.BUG
}

/** Nobody outside learns more of a bug than that there is one. */
function reasonText(reason: Error): string {
  const isOurs = reason instanceof CloseConnection || reason.name === 'MalformedMessage'
  return isOurs ? reason.message.slice(0, REASON_CHARACTERS) : ''
}
