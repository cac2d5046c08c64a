// What one tunnel may send at the moment: as much as its client has room for, and all tunnels of the isolate together may
// have sent that nobody is known to have taken. Not what is sent (session.ts).

import type { BrokerContext } from '../broker/context.ts'
import {
  STALLED_BYTES_PER_MS,
  STALLED_CONNECTION_MS,
  TUNNEL_MESSAGE_BYTES,
  TUNNEL_UNCOUNTED_BYTES,
  TUNNEL_UNCOUNTED_WAIT_MS,
  TUNNEL_UNTAKEN_TOTAL_BYTES,
  TUNNEL_WINDOW_BYTES,
} from '../core/limits.ts'
import { SendWindow } from '../core/tunnel-protocol.ts'
import type { TunnelCounts } from './state.ts'

/** Of all tunnels of this isolate. Plain counters, so that contexts may share them. */
export interface TunnelTotals {
  /** Bytes that came and are not used yet. */
  queued: number
  /** Bytes that were sent and are not known to be taken. */
  untaken: number
}

/** How often a tunnel looks whether others have left room. */
const TOTAL_POLL_MS = 10

/** See the head of this file. */
export class Outflow {
  readonly #timers: BrokerContext['timers']
  readonly #budget: BrokerContext['budget']
  readonly #totals: TunnelTotals
  readonly #window: SendWindow
  /** The client counts, too. Else its next message says that it has taken what was sent. */
  readonly #isCounted: boolean
  /** Of the isolate's bytes that are not known to be taken. */
  #untaken = 0
  #wake: (() => void) | null = null
  #waitsSinceMs = 0
  #stalledAtMs = Number.POSITIVE_INFINITY
  #ended = false

  /** @param counts of a tunnel that goes on; null: its client counts nothing */
  constructor(
    { timers, budget }: Pick<BrokerContext, 'timers' | 'budget'>,
    totals: TunnelTotals,
    counts: TunnelCounts | null,
  ) {
    this.#timers = timers
    this.#budget = budget
    this.#totals = totals
    this.#isCounted = counts !== null
    this.#window =
      counts === null
        ? new SendWindow(TUNNEL_UNCOUNTED_BYTES)
        : new SendWindow(TUNNEL_WINDOW_BYTES, counts.sent, counts.acked)
    this.#count()
  }

  /** Bytes since the tunnel began: sent, and said to be taken. */
  get counts(): { readonly sent: number; readonly acked: number } {
    const { sent, acked } = this.#window
    return { sent, acked }
  }

  /** The client has taken so many bytes since the tunnel began; false when it cannot have. */
  acked(bytes: number): boolean {
    if (!this.#window.ack(bytes)) return false
    this.#count()
    this.#wake?.()
    return true
  }

  /** So many bytes are sent now. */
  sent(bytes: number): void {
    this.#window.send(bytes)
    this.#count()
  }

  /** Resolves when so many bytes may be sent, or the tunnel has ended. @param waits called when that takes time */
  async room(bytes: number, waits: () => void): Promise<void> {
    if (this.#hasRoom(bytes)) return
    this.#waitsSinceMs = this.#timers.now()
    this.#stalledAtMs = this.#waitsSinceMs + STALLED_CONNECTION_MS + bytes / STALLED_BYTES_PER_MS
    waits()
    while (!this.#ended && !this.#hasRoom(bytes)) {
      // It is the client's turn, or that of others.
      if (this.#window.room >= bytes) await this.#timers.sleep(TOTAL_POLL_MS)
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
    this.#stalledAtMs = Number.POSITIVE_INFINITY
  }

  /** The client takes nothing while others wait for memory. */
  get isStalled(): boolean {
    const { smallReplies, largeReplies } = this.#budget
    const isAwaited = smallReplies.contended || largeReplies.contended
    return isAwaited && this.#timers.now() > this.#stalledAtMs
  }

  /** A client that counts nothing has said nothing for too long: who waits for more than this counts. */
  get isForgotten(): boolean {
    const isWaiting = this.#stalledAtMs < Number.POSITIVE_INFINITY
    if (this.#isCounted || !isWaiting) return false
    return this.#timers.now() - this.#waitsSinceMs > TUNNEL_UNCOUNTED_WAIT_MS
  }

  /** The tunnel has ended: gives back what it held. */
  end(): void {
    this.#ended = true
    this.#totals.untaken -= this.#untaken
    this.#wake?.()
  }

  #hasRoom(bytes: number): boolean {
    if (this.#window.room < bytes) return false
    // An ack may be due for the next message only.
    if (this.#untaken + bytes <= 2 * TUNNEL_MESSAGE_BYTES) return true
    return this.#totals.untaken + bytes <= TUNNEL_UNTAKEN_TOTAL_BYTES
  }

  #count(): void {
    const untaken = this.#window.sent - this.#window.acked
    this.#totals.untaken += untaken - this.#untaken
    this.#untaken = untaken
  }
}
