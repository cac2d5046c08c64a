// The leader's fan-out to live readers: while somebody follows the head of the partition, what is new is
// read and encoded once every EVENTS_PACE_MS. Readers of this isolate look at the pieces themselves;
// those of others are fed through streams, a reader that does not drain is cut off. Not a queue: whoever
// cannot have what it wants here, because it is behind or too much is written, reads the log.

import { discard, joinBytes } from '../core/bytes.ts'
import { type ErrorCode, KafkaError } from '../core/errors.ts'
import {
  EVENTS_FED_PER_PARTITION,
  EVENTS_PACE_MS,
  EVENTS_PIECE_BYTES,
  EVENTS_SHARED_IDLE_MS,
  EVENTS_SHARED_STEP_BYTES,
  EVENTS_SHARED_UNUSED_MS,
} from '../core/limits.ts'
import { type Item, itemsOf } from '../record/json.ts'
import type { StartTimer } from '../runtime/waiters.ts'
import type { AbortedTransaction, FollowReply, FollowRequest } from './contract.ts'
import {
  itemEvent,
  type NewPiece,
  type PieceBudget,
  publish,
  SharedPieces,
  withdraw,
} from './fanout-pieces.ts'

/** Batches read for sharing, or why there are none. */
export interface SharedRead {
  readonly error: ErrorCode
  readonly pieces: readonly Uint8Array[]
  readonly aborted: readonly AbortedTransaction[]
  /** What the isolation level may see ends here. */
  readonly end: number
}

/** A stream of bytes to another isolate. */
export interface BytePipe {
  readonly readable: ReadableStream<Uint8Array>
  /** Resolves when the reader has taken the bytes, which stay as they are. */
  write(bytes: Uint8Array): Promise<void>
  close(): Promise<void>
  abort(reason: string): Promise<void>
}

/** What a fan-out needs of its leader. */
export interface FanoutOptions {
  readonly partition: number
  readonly now: () => number
  readonly startTimer: StartTimer
  readonly budget: PieceBudget
  readonly isolate: () => string
  readonly openPipe: () => BytePipe
  /** Batches from the one that covers `offset`; their memory is the caller's. */
  readonly read: (offset: number, readCommitted: boolean) => SharedRead
  readonly report: (event: string, error: unknown) => void
}

const NOBODY: FollowReply = { error: KafkaError.NONE }

/** The fan-outs of one leader: one per isolation level, each while it is followed. */
export class Fanouts {
  readonly #options: FanoutOptions
  readonly #running = new Map<boolean, Fanout>()

  constructor(options: FanoutOptions) {
    this.#options = options
  }

  /** Lets somebody who has read up to `offset`, at or near the head, follow; or says nothing of how. */
  follow({ offset, readCommitted, isolate }: FollowRequest, end: number): FollowReply {
    if (offset > end) return NOBODY
    let fanout = this.#running.get(readCommitted)
    if (fanout === undefined || !fanout.pieces.open) {
      fanout = new Fanout(this.#options, readCommitted, offset)
      this.#running.set(readCommitted, fanout)
    }
    if (offset < fanout.pieces.start) return NOBODY
    return isolate === this.#options.isolate() ? fanout.share() : fanout.feed(offset)
  }

  /** Nothing is shared any more: the topic is deleted, or the leader ends. */
  close(): void {
    for (const fanout of this.#running.values()) fanout.close()
    this.#running.clear()
  }
}

class Fanout {
  readonly #options: FanoutOptions
  readonly #readCommitted: boolean
  readonly pieces: SharedPieces
  readonly #number: number
  readonly #feeds = new Set<Feed>()
  #newsMs: number

  constructor(options: FanoutOptions, readCommitted: boolean, start: number) {
    this.#options = options
    this.#readCommitted = readCommitted
    this.#newsMs = options.now()
    this.pieces = new SharedPieces(options.budget, start, this.#newsMs)
    this.#number = publish(this.pieces)
    this.#arm()
  }

  share(): FollowReply {
    this.pieces.wantedMs = this.#options.now()
    return { error: KafkaError.NONE, shared: this.#number }
  }

  feed(next: number): FollowReply {
    if (this.#feeds.size >= EVENTS_FED_PER_PARTITION) return NOBODY
    const pipe = this.#options.openPipe()
    const feed = new Feed(pipe, next, () => this.#feeds.delete(feed))
    this.#feeds.add(feed)
    feed.serve(this.pieces)
    return { error: KafkaError.NONE, stream: pipe.readable }
  }

  close(): void {
    if (!this.pieces.open) return
    for (const feed of this.#feeds) feed.end()
    this.#feeds.clear()
    this.pieces.close()
    withdraw(this.#number)
  }

  #arm(): void {
    this.#options.startTimer(() => this.#look(), EVENTS_PACE_MS)
  }

  /** Makes pieces of what is new, and serves those who are fed. */
  #look(): void {
    if (!this.pieces.open) return
    const nowMs = this.#options.now()
    this.pieces.lookedMs = nowMs
    const before = this.pieces.end
    const isDone = this.#tryToMakePieces()
    if (this.pieces.end > before) this.#newsMs = nowMs
    for (const feed of this.#feeds) feed.serve(this.pieces)
    const isUsed = this.#feeds.size > 0 || nowMs - this.pieces.wantedMs <= EVENTS_SHARED_UNUSED_MS
    if (isDone && isUsed && nowMs - this.#newsMs <= EVENTS_SHARED_IDLE_MS) this.#arm()
    else this.close()
  }

  #tryToMakePieces(): boolean {
    try {
      return this.#makePieces()
    } catch (error) {
      this.#options.report('records were not shared', error)
      return false
    }
  }

  /** False when sharing must end: there is too much, something too large, or an error. */
  #makePieces(): boolean {
    let units = 0
    for (;;) {
      const from = this.pieces.end
      const read = this.#options.read(from, this.#readCommitted)
      if (read.error !== KafkaError.NONE) return false
      if (read.pieces.length === 0) return true
      try {
        const { partition } = this.#options
        const { pieces, aborted } = read
        const items = itemsOf({ partition, from, pieces, aborted })
        let isRead = false
        while (!isRead) {
          if (units >= EVENTS_SHARED_STEP_BYTES) return false
          const made = makePiece(partition, this.pieces.end, items)
          if (!this.pieces.add(made)) return false
          units += made.text.length
          isRead = made.isLast
        }
      } finally {
        read.pieces.forEach(discard)
      }
      if (this.pieces.end >= read.end || this.pieces.end === from) return true
    }
  }
}

/** The next piece of what was read, as large as a piece may be. */
function makePiece(
  partition: number,
  from: number,
  items: Generator<Item, number>,
): NewPiece & { readonly isLast: boolean } {
  const offsets: number[] = []
  const nexts: number[] = []
  let text = ''
  while (text.length < EVENTS_PIECE_BYTES) {
    const item = items.next()
    if (item.done === true) return { from, to: item.value, text, offsets, nexts, isLast: true }
    text += itemEvent(partition, item.value)
    offsets.push(item.value.offset)
    nexts.push(item.value.nextOffset)
  }
  return { from, to: nexts.at(-1) ?? from, text, offsets, nexts, isLast: false }
}

/** One reader in another isolate. At most one write is under way: it holds no bytes but the shared ones. */
class Feed {
  readonly #pipe: BytePipe
  readonly #gone: () => void
  #next: number
  #isBusy = false
  #isOver = false

  constructor(pipe: BytePipe, next: number, gone: () => void) {
    this.#pipe = pipe
    this.#next = next
    this.#gone = gone
  }

  /** Writes what is new, unless what was written before is still under way. */
  serve(pieces: SharedPieces): void {
    if (this.#isOver) return
    // The pieces it is in the middle of are let go: it is not waited for, and knows what it had.
    if (this.#isBusy) {
      if (this.#next < pieces.start) this.#abort('too slow')
      return
    }
    const taken = pieces.take(this.#next)
    if (taken === 'behind') this.end()
    else if (taken !== null) {
      this.#next = taken.next
      if (taken.parts.length > 0) void this.#write(taken.parts, pieces)
    }
  }

  /** The stream ends behind whole events: its reader goes on from there by itself. */
  end(): void {
    if (this.#isOver) return
    if (this.#isBusy) this.#abort('no more')
    else {
      this.#isOver = true
      this.#gone()
      // Its reader may have gone first, and asks again if it has not.
      this.#pipe.close().catch(() => {})
    }
  }

  #abort(reason: string): void {
    this.#isOver = true
    this.#gone()
    this.#pipe.abort(reason).catch(() => {})
  }

  async #write(parts: readonly Uint8Array[], pieces: SharedPieces): Promise<void> {
    this.#isBusy = true
    try {
      // A slow reader takes a write at a time: it gets all that is new with one.
      await this.#pipe.write(joinBytes(parts))
    } catch {
      // The reader is gone, or its connection.
      this.#isOver = true
      this.#gone()
      return
    }
    this.#isBusy = false
    if (pieces.open) this.serve(pieces)
  }
}
