// Compares what is stored of aborted transactions with the log itself, from whose batches and markers it
// follows: a row that is gone would show aborted records to readers of committed ones. Not for compacted
// logs, where markers go too.

import { readControlRecord } from '../record/control.ts'
import { isControlAt, isTransactionalAt, readBatchHeader } from '../record/header.ts'
import { recordsOf } from '../record/records.ts'
import { batchesIn } from '../record/stored.ts'

/** A transaction that was aborted, by the offset of its marker. */
export interface AbortedRow {
  readonly lastOffset: number
  readonly firstOffset: number
  readonly producerId: number
}

/** What is wrong, and where. */
export interface AbortedDamage {
  readonly from: number
  readonly to: number
  readonly reason: string
}

/** Goes through a log, chunk by chunk in order. */
export class AbortedCheck {
  readonly #rows: Map<number, AbortedRow>
  /** First offsets of the transactions that are open, by producer. */
  readonly #open = new Map<number, number>()
  readonly #damaged: AbortedDamage[] = []
  /** Where the log that is left begins; what began before cannot be known. */
  #start: number | null = null

  constructor(rows: readonly AbortedRow[]) {
    this.#rows = new Map(rows.map((row) => [row.lastOffset, row]))
  }

  /** The next chunk's batches, which are as they were written. */
  pass(firstOffset: number, data: Uint8Array): void {
    this.#start ??= firstOffset
    for (const batch of batchesIn(data)) {
      if (!isTransactionalAt(batch, 0)) continue
      const { producerId, baseOffset } = readBatchHeader(batch)
      if (!isControlAt(batch, 0)) {
        if (!this.#open.has(producerId)) this.#open.set(producerId, baseOffset)
        continue
      }
      const first = this.#open.get(producerId)
      this.#open.delete(producerId)
      this.#compare(producerId, baseOffset, first, isAbort(batch))
    }
  }

  /** What is wrong, when all chunks have passed that could. */
  get damaged(): readonly AbortedDamage[] {
    const start = this.#start ?? 0
    const unknown = [...this.#rows.values()].filter(({ lastOffset }) => lastOffset >= start)
    return [
      ...this.#damaged,
      ...unknown.map(({ firstOffset, lastOffset }) => ({
        from: firstOffset,
        to: lastOffset,
        reason: 'a transaction is noted as aborted that has no such marker',
      })),
    ]
  }

  #compare(producerId: number, offset: number, first: number | undefined, aborted: boolean): void {
    const row = this.#rows.get(offset)
    this.#rows.delete(offset)
    // It began before what is left, or it had no records here.
    if (first === undefined && (row === undefined || row.firstOffset < (this.#start ?? 0))) return
    const isRight =
      aborted && first !== undefined
        ? row?.producerId === producerId && this.#isFirst(row.firstOffset, first)
        : row === undefined
    if (isRight) return
    const reason = 'it is not noted rightly whether the transaction was aborted'
    this.#damaged.push({ from: first ?? offset, to: offset, reason })
  }

  /** Of a transaction that began before what is left, only later records are here. */
  #isFirst(noted: number, found: number): boolean {
    return noted === found || noted < (this.#start ?? 0)
  }
}

function isAbort(marker: Uint8Array): boolean {
  for (const record of recordsOf(marker)) return readControlRecord(record)?.kind === 'abort'
  return false
}
