// One tunnel: a Kafka connection on a WebSocket. Takes messages as bytes of the stream, sends answers, bounds what
// is under way in both directions, and keeps its state attached to the socket whenever nothing is, so that the
// object may end between two requests. Not the object (object.ts) and not the protocol (broker/connection.ts).

import type { ApiTable } from '../broker/api-table.ts'
import { Connection } from '../broker/connection.ts'
import { type BrokerContext, CloseConnection } from '../broker/context.ts'
import { logEnd, parts } from '../broker/tcp.ts'
import {
  STALLED_CHECK_MS,
  TUNNEL_ACK_BYTES,
  TUNNEL_MESSAGE_BYTES,
  TUNNEL_QUEUE_BYTES,
  TUNNEL_QUEUES_TOTAL_BYTES,
  TUNNEL_WINDOW_BYTES,
} from '../core/limits.ts'
import { END, PING, PONG, parseAck, UsedBytes } from '../core/tunnel-protocol.ts'
import { CloseCode, closeCode, reasonText } from './close.ts'
import { Outflow, type TunnelTotals } from './outflow.ts'
import type { TunnelState } from './state.ts'

/** What is needed of a WebSocket with an attachment. */
export interface TunnelSocket {
  send(message: string | Uint8Array): void
  close(code: number, reason: string): void
  serializeAttachment(state: TunnelState): void
}

/** See the head of this file. */
export class TunnelSession {
  readonly #socket: TunnelSocket
  readonly #context: BrokerContext
  readonly #connection: Connection
  readonly #totals: TunnelTotals
  readonly #began: TunnelState
  readonly #outflow: Outflow
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
    this.#outflow = new Outflow(context, totals, counts)
    this.#used = counts && new UsedBytes(TUNNEL_ACK_BYTES, counts.used, counts.said)
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
    this.#connection.context.counts.add('received|tunnel', bytes.length)
    if (this.#used === null) this.#outflow.acked(this.#outflow.counts.sent)
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
    this.#outflow.end()
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
    } else if (!this.#outflow.acked(acked)) {
      this.end(CloseCode.PROTOCOL, new CloseConnection('an ack of what was not sent'))
    } else if (this.#isKept) {
      this.#keep()
    }
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
            await this.#outflow.room(part.length, () => this.#watch())
            if (this.#ended) return
            this.#outflow.sent(part.length)
            this.#send(part)
            this.#connection.context.counts.add('sent|tunnel', part.length)
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
    const taken = this.#used && { used: this.#used.used, said: this.#used.said }
    const counts = taken && { ...this.#outflow.counts, ...taken }
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
    if (this.#connection.stalled || this.#outflow.isStalled) {
      return 'stalled while others wait for memory'
    }
    if (this.#connection.isLoginOverdue) return 'no login in time'
    return this.#outflow.isForgotten
      ? 'answers are not taken: a client that waits for more than this counts bytes'
      : null
  }
}
