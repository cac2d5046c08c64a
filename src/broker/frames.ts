// Cuts a byte stream into Kafka request frames (int32 size, then that many bytes), counting memory
// before it is allocated. Not the socket and not the meaning of a frame. Limits: core/limits.ts.

import {
  FREE_FRAME_BYTES,
  REQUEST_MIN_BYTES,
  SMALL_BYTES,
  STALLED_BYTES_PER_MS,
  STALLED_CONNECTION_MS,
  TURN_FREE,
  TURN_FRESH_MS,
} from '../core/limits.ts'
import type { BytePool, MemoryBudget, Reservation } from './budget.ts'
import { CloseConnection, type Timers } from './context.ts'
import { costOf } from './turns.ts'

/** A whole request without its size. `bytes` may be a view of the caller's read buffer. */
export interface Frame {
  readonly bytes: Uint8Array
  /** Give back when the request has been answered. */
  readonly memory: Reservation | null
}

/** The sizes a frame may have, in bytes. */
export interface FrameBounds {
  readonly min: number
  readonly max: number
}

interface PartialFrame {
  readonly bytes: Uint8Array
  filled: number
  readonly memory: Reservation | null
  readonly pool: BytePool | null
  readonly deadlineMs: number
}

/** State of one incoming stream between two reads. */
export class FrameReader {
  readonly #budget: MemoryBudget
  readonly #timers: Timers
  readonly #largest: FrameBounds
  readonly #size = new Uint8Array(4)
  #bounds: FrameBounds
  #sizeFilled = 0
  #partial: PartialFrame | null = null
  #closed = false
  /** What is left of its turn (turns.ts), and when that began. */
  #left = TURN_FREE
  #turnAtMs = Number.NEGATIVE_INFINITY

  /** @param maxBytes largest frame (socket.request.max.bytes) */
  constructor(budget: MemoryBudget, timers: Timers, maxBytes: number) {
    this.#budget = budget
    this.#timers = timers
    this.#largest = { min: REQUEST_MIN_BYTES, max: maxBytes }
    this.#bounds = this.#largest
  }

  /** Bounds of the frames that begin from here on; null: those of any request. Never more than these. */
  bound(bounds: FrameBounds | null): void {
    const { max } = this.#largest
    this.#bounds =
      bounds === null ? this.#largest : { min: bounds.min, max: Math.min(max, bounds.max) }
  }

  /** Bytes of an incomplete frame held now, its size included. */
  get heldBytes(): number {
    return this.#sizeFilled + (this.#partial?.filled ?? 0)
  }

  /** The incomplete frame's bytes as they arrived, to be fed to a new reader; a copy. */
  held(): Uint8Array {
    const partial = this.#partial
    const bytes = new Uint8Array(this.heldBytes)
    bytes.set(this.#size.subarray(0, this.#sizeFilled))
    if (partial !== null) bytes.set(partial.bytes.subarray(0, partial.filled), this.#sizeFilled)
    return bytes
  }

  /**
   * True when a frame holds memory that others wait for and has not arrived at a fair rate: the
   * connection should be closed.
   */
  get stalled(): boolean {
    const partial = this.#partial
    if (partial?.pool == null) return false
    return partial.pool.contended && this.#timers.now() > partial.deadlineMs
  }

  /** Gives back what an incomplete frame holds; waiting for memory ends. */
  close(): void {
    this.#closed = true
    this.#partial?.memory?.release()
    this.#partial = null
  }

  /**
   * Takes what was read and calls `start` with each whole frame, in order, waiting for it and for
   * memory. When it resolves the chunk may be reused.
   * @throws CloseConnection for a size that no Kafka client sends
   */
  async feed(chunk: Uint8Array, start: (frame: Frame) => Promise<void> | undefined): Promise<void> {
    let at = 0
    if (this.#timers.now() - this.#turnAtMs > TURN_FRESH_MS) this.#beginTurn(TURN_FREE)
    while (at < chunk.length && !this.#closed) {
      if (this.#partial === null) {
        at = this.#readSize(chunk, at)
        if (this.#sizeFilled < 4) return
        const size = this.#checkedSize()
        const cost = costOf(size)
        if (this.#left <= 0) {
          this.#beginTurn(this.#budget.turns.tryTake(cost) ?? (await this.#turn(cost)))
          if (this.#closed) return
        }
        this.#left -= cost
        const whole = chunk.length - at >= size
        // No `await` where none is needed: frames of one chunk start in one turn, and their appends
        // leave in one call.
        const pool = this.#pool(size)
        let memory = pool === null ? null : pool.tryReserve(size)
        if (pool !== null && memory === null) {
          memory = await this.#reserve(pool, size)
          if (this.#closed) return memory?.release()
        }
        if (whole) {
          this.#sizeFilled = 0
          const started = start({ bytes: chunk.subarray(at, at + size), memory })
          at += size
          if (started !== undefined) await started
          continue
        }
        this.#partial = this.#begin(size, memory)
      }
      const partial = this.#partial
      const taken = Math.min(partial.bytes.length - partial.filled, chunk.length - at)
      partial.bytes.set(chunk.subarray(at, at + taken), partial.filled)
      partial.filled += taken
      at += taken
      if (partial.filled < partial.bytes.length) return
      this.#partial = null
      this.#sizeFilled = 0
      const started = start({ bytes: partial.bytes, memory: partial.memory })
      if (started !== undefined) await started
    }
  }

  #beginTurn(units: number): void {
    this.#left = units
    this.#turnAtMs = this.#timers.now()
  }

  #turn(cost: number): Promise<number> {
    return this.#budget.turns.take(
      cost,
      (ms) => this.#timers.sleep(ms),
      () => this.#closed,
    )
  }

  #readSize(chunk: Uint8Array, from: number): number {
    let at = from
    while (this.#sizeFilled < 4 && at < chunk.length) {
      this.#size[this.#sizeFilled++] = chunk[at++] ?? 0
    }
    return at
  }

  #checkedSize(): number {
    const size = new DataView(this.#size.buffer).getInt32(0)
    if (size < this.#bounds.min || size > this.#bounds.max) {
      const over =
        this.#bounds === this.#largest ? 'socket.request.max.bytes' : 'sasl.server.max.receive.size'
      throw new CloseConnection(`a request of ${size} bytes: not Kafka, or over ${over}`)
    }
    return size
  }

  #pool(size: number): BytePool | null {
    if (size <= FREE_FRAME_BYTES) return null
    return size <= SMALL_BYTES ? this.#budget.smallFrames : this.#budget.largeFrames
  }

  #reserve(pool: BytePool, size: number): Promise<Reservation | null> {
    return pool.reserve(
      size,
      (ms) => this.#timers.sleep(ms),
      () => this.#closed,
    )
  }

  #begin(size: number, memory: Reservation | null): PartialFrame {
    const fairMs = STALLED_CONNECTION_MS + size / STALLED_BYTES_PER_MS
    return {
      bytes: new Uint8Array(size),
      filled: 0,
      memory,
      pool: this.#pool(size),
      deadlineMs: this.#timers.now() + fairMs,
    }
  }
}
