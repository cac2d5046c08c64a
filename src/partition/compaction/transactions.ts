// What one pass of compaction knows of transactions: which batches were aborted, and which markers end
// transactions of which nothing is left. Batches are shown to it in the order of their offsets.
// Follows Kafka's CleanedTransactionMetadata; that a transaction is over below the last stable offset is
// the caller's to see to.

import type { BatchHeader } from '../../record/header.ts'
import type { AbortedSpan } from '../flush.ts'

/** The aborted transactions that overlap offsets `from` to `to`, both inclusive. */
export type FindAborted = (from: number, to: number) => readonly AbortedSpan[]

interface Aborted extends AbortedSpan {
  /** A batch of it was met: its marker and its entry in the index stay. */
  seen: boolean
}

/** Where a walk begins. */
export interface Walk {
  readonly from: number
  /** Nothing of the log is before it. */
  readonly fromStart: boolean
}

/** Transactions along one walk over the log. */
export class PassTransactions {
  readonly #find: FindAborted
  readonly #walk: Walk
  /** Those not passed yet, by producer: each one's in the order of their markers. */
  readonly #aborted = new Map<number, Aborted[]>()
  /** Producers of which a batch was met that was not aborted, and no marker since. */
  readonly #committed = new Set<number>()

  constructor(find: FindAborted, walk: Walk) {
    this.#find = find
    this.#walk = walk
  }

  /** As it is now, to come back to. */
  copy(): PassTransactions {
    const copy = new PassTransactions(this.#find, this.#walk)
    for (const [producerId, spans] of this.#aborted) {
      copy.#aborted.set(
        producerId,
        spans.map((span) => ({ ...span })),
      )
    }
    for (const producerId of this.#committed) copy.#committed.add(producerId)
    return copy
  }

  /** The walk comes to these offsets, both inclusive. */
  enter(from: number, to: number): void {
    for (const [producerId, spans] of this.#aborted) {
      const left = spans.filter(({ lastOffset }) => lastOffset >= from)
      if (left.length === 0) this.#aborted.delete(producerId)
      else this.#aborted.set(producerId, left)
    }
    const found = this.#find(from, to).toSorted((a, b) => a.lastOffset - b.lastOffset)
    for (const span of found) {
      const spans = this.#aborted.get(span.producerId) ?? []
      if ((spans.at(-1)?.lastOffset ?? -1) < span.lastOffset) spans.push({ ...span, seen: false })
      this.#aborted.set(span.producerId, spans)
    }
  }

  /** Whether a batch of a transaction was aborted. */
  isAborted({ producerId, baseOffset }: BatchHeader): boolean {
    const span = this.#spanAt(producerId, baseOffset)
    if (span === null) {
      this.#committed.add(producerId)
      return false
    }
    span.seen = true
    return true
  }

  /** Whether nothing of the transaction that this marker ends is left. */
  isSpent({ producerId, baseOffset }: BatchHeader, committed: boolean): boolean {
    if (committed) {
      const met = this.#committed.delete(producerId)
      // What was before the place where the walk went on is not known.
      return !met && this.#walk.fromStart
    }
    const span = this.#spanAt(producerId, baseOffset)
    if (span === null) return true
    return !span.seen && (this.#walk.fromStart || span.firstOffset >= this.#walk.from)
  }

  /** The aborted transaction of the producer that covers the offset; those before it are forgotten. */
  #spanAt(producerId: number, offset: number): Aborted | null {
    const spans = this.#aborted.get(producerId)
    while (spans?.[0] !== undefined && spans[0].lastOffset < offset) spans.shift()
    const next = spans?.[0]
    return next !== undefined && next.firstOffset <= offset ? next : null
  }
}
