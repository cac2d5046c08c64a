// When the state of a log's producers is stored whole: each chunk says what it changed of it, and a load reads the
// snapshot and the changes since; so a snapshot is due after so many of them, and before chunks go that hold some.

import { PRODUCER_SNAPSHOT_BYTES, PRODUCER_SNAPSHOT_CHUNKS } from '../core/limits/partition.ts'
import type { LogState } from './log-state.ts'
import type { ProducerTable } from './producers.ts'
import type { LogStore } from './store.ts'
import type { ChunkRow, LoadedLog } from './stored.ts'

/** The snapshots of one log. */
export class ProducerSnapshots {
  readonly #store: LogStore
  readonly #state: LogState
  readonly #producers: ProducerTable
  /** What chunks from here on changed in the producers' state is not in the stored snapshot. */
  #offset = 0
  #chunksSince = 0
  #deltaBytesSince = 0

  constructor(store: LogStore, state: LogState, producers: ProducerTable) {
    this.#store = store
    this.#state = state
    this.#producers = producers
  }

  /** What chunks from this offset on changed is not in the snapshot. */
  get offset(): number {
    return this.#offset
  }

  /** Makes the producers' state of the snapshot that is stored and the changes since. */
  load(loaded: LoadedLog): void {
    if (loaded.producerSnapshot !== null) this.#producers.replay(loaded.producerSnapshot)
    for (const delta of loaded.producerDeltas) {
      if (delta === null) continue
      this.#producers.replay(delta)
      this.#deltaBytesSince += delta.length
    }
    this.#chunksSince = loaded.producerDeltas.length
    this.#offset = loaded.snapshotOffset
  }

  /** Whether the state is to be stored before this chunk. */
  isDueBy(row: ChunkRow): boolean {
    const deltaBytes = this.#deltaBytesSince + (row.producers?.length ?? 0)
    return (
      this.#chunksSince + 1 >= PRODUCER_SNAPSHOT_CHUNKS || deltaBytes >= PRODUCER_SNAPSHOT_BYTES
    )
  }

  /** Whether chunks below an offset hold changes that no snapshot has. */
  lacks(offset: number): boolean {
    return this.#deltaBytesSince > 0 && offset > this.#offset
  }

  /** Stores the state as it is now. Only inside a transaction, with `saved` or `wrote` after it. */
  save(nextOffset: number, nowMs: number): void {
    const { producerIdExpirationMs } = this.#state.settings
    const data = this.#producers.snapshot(nowMs, producerIdExpirationMs)
    this.#store.saveProducerSnapshot(nextOffset, data)
  }

  /** The state at the end of the log was stored. */
  saved(): void {
    this.#offset = this.#state.nextOffset
    this.#chunksSince = 0
    this.#deltaBytesSince = 0
  }

  /** A chunk was written, and the state before it if `withSnapshot`. */
  wrote(row: ChunkRow, withSnapshot: boolean): void {
    const deltaBytes = row.producers?.length ?? 0
    if (withSnapshot) this.#offset = row.firstOffset
    this.#chunksSince = withSnapshot ? 1 : this.#chunksSince + 1
    this.#deltaBytesSince = withSnapshot ? deltaBytes : this.#deltaBytesSince + deltaBytes
  }

  /** Chunks below `offset` may lose what they changed in the producers' state: a snapshot has it. */
  cover(offset: number, nowMs: number): void {
    if (!this.lacks(offset)) return
    this.#store.transaction(() => this.save(this.#state.nextOffset, nowMs))
    this.saved()
  }
}
