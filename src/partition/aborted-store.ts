// What a partition keeps of its aborted transactions, by the offset of their markers: readers of committed records are
// told which to leave out. Only statements; as in store.ts SQL texts are constants and cursors are drained at once.

import { offset } from '../core/ids.ts'
import type { Row, SqlValue, Storage } from '../runtime/storage.ts'
import type { SegmentAborted } from '../tier/segment.ts'
import type { AbortedTransaction } from './contract.ts'
import type { AbortedSpan } from './flush.ts'

/** The table, since layout 2. */
export const CREATE_ABORTED = `CREATE TABLE aborted_transaction (
  last_offset INTEGER PRIMARY KEY, first_offset INTEGER NOT NULL,
  producer_id INTEGER NOT NULL, stable_offset INTEGER NOT NULL)`

const INSERT_ABORTED = `INSERT INTO aborted_transaction
  (last_offset, first_offset, producer_id, stable_offset) VALUES (?, ?, ?, ?)`
const READ_ABORTED = `SELECT last_offset, first_offset, producer_id, stable_offset FROM aborted_transaction
  WHERE last_offset >= ? ORDER BY last_offset LIMIT ?`
const LAST_ABORTED = 'SELECT max(last_offset) AS last_offset FROM aborted_transaction'
const DELETE_ABORTED = 'DELETE FROM aborted_transaction WHERE last_offset <= ?'

/** Rows read together. */
const ABORTED_AT_ONCE = 256

/** The statements on aborted transactions. Every method may throw what SQLite throws. */
export class AbortedStore {
  readonly #sql: Storage['sql']

  constructor(sql: Storage['sql']) {
    this.#sql = sql
  }

  /** @param stableOffset no transaction aborted later begins below it */
  insert(span: AbortedSpan, stableOffset: number): void {
    const { lastOffset, firstOffset, producerId } = span
    this.#rows(INSERT_ABORTED, lastOffset, firstOffset, producerId, stableOffset)
  }

  /** Aborted transactions that overlap [from, end), sorted by their first offsets. */
  in(from: number, end: number): AbortedTransaction[] {
    return this.spans(from, end)
      .map(({ producerId, firstOffset }) => ({ producerId, firstOffset: offset(firstOffset) }))
      .toSorted((a, b) => a.firstOffset - b.firstOffset)
  }

  /** The same with where they end, sorted by that. */
  spans(from: number, end: number): SegmentAborted[] {
    const found: SegmentAborted[] = []
    for (let next = from; ; ) {
      const rows = this.#rows(READ_ABORTED, next, ABORTED_AT_ONCE)
      for (const row of rows) {
        const firstOffset = Number(row.first_offset)
        const lastOffset = Number(row.last_offset)
        const stableOffset = Number(row.stable_offset)
        const producerId = Number(row.producer_id)
        if (firstOffset < end) found.push({ producerId, firstOffset, lastOffset, stableOffset })
        if (stableOffset >= end) return found
        next = lastOffset + 1
      }
      if (rows.length < ABORTED_AT_ONCE) return found
    }
  }

  /** Offset of the last marker of an aborted transaction; -1 without one. */
  last(): number {
    return Number(this.#rows(LAST_ABORTED)[0]?.last_offset ?? -1)
  }

  /** Forgets the aborted transactions that end at or before `lastOffset`. */
  delete(lastOffset: number): void {
    this.#rows(DELETE_ABORTED, lastOffset)
  }

  #rows(query: string, ...bindings: SqlValue[]): Row[] {
    return this.#sql.exec(query, ...bindings).toArray()
  }
}
