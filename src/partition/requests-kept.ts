// The keyed requests of one log in memory: read from its rows when somebody comes with a key, and dropped again
// when those of other partitions are asked for and all together are too many. A log whose requests have no key
// has none in memory. What is in rows is the truth; only claims that no row has yet go with it.
//
// In rows they are kept as the producers' state is: each chunk has what its batches added, and the snapshot,
// written where that of the producers is and in the same transaction, has all before it. Merging puts
// the chunks' one behind the other; before compaction, retention or the tier takes chunks away, the snapshot
// covers them. So a key is known for its time, whatever becomes of its records.

import { REQUESTS_IN_MEMORY } from '../core/limits/requests.ts'
import { RequestTable } from './requests.ts'

/** Where a log keeps its requests. */
export interface RequestRows {
  /** The snapshot, if there is one, and what later chunks added, in their order. Throws when they are damaged. */
  requests(): readonly Uint8Array[]
}

/** Tables of many partitions, bounded in entries: the one not asked for the longest goes first. */
export class RequestMemory {
  readonly #entriesMax: number
  readonly #order = new Set<KeptRequests>()

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax
  }

  /** It was just asked for: it stays, whatever its size. */
  used(kept: KeptRequests): void {
    this.#order.delete(kept)
    this.#order.add(kept)
    let entries = 0
    for (const one of this.#order) entries += one.size
    for (const oldest of this.#order) {
      if (entries <= this.#entriesMax || oldest === kept) return
      entries -= oldest.size
      oldest.drop()
    }
  }

  remove(kept: KeptRequests): void {
    this.#order.delete(kept)
  }
}

/** The budget of this isolate. Plain data, so that objects may share it. */
export const isolateRequests: RequestMemory = new RequestMemory(REQUESTS_IN_MEMORY)

/** The requests of one log. */
export class KeptRequests {
  readonly #rows: RequestRows
  readonly #memory: RequestMemory
  #table: RequestTable | null = null

  constructor(rows: RequestRows, memory: RequestMemory) {
    this.#rows = rows
    this.#memory = memory
  }

  /** How many are in memory. */
  get size(): number {
    return this.#table?.size ?? 0
  }

  /** Claims wait for a row. */
  get hasUnwritten(): boolean {
    return this.#table?.hasUnwritten ?? false
  }

  /** The table, read if need be. Throws what reading throws. */
  table(): RequestTable {
    if (this.#table === null) {
      const table = new RequestTable()
      for (const bytes of this.#rows.requests()) table.replay(bytes)
      this.#table = table
    }
    this.#memory.used(this)
    return this.#table
  }

  /** Nothing stays in memory. */
  drop(): void {
    this.#table = null
    this.#memory.remove(this)
  }
}
