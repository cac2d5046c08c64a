// When the state of a log's producers, and of its keyed HTTP requests, is stored whole: each chunk says what it changed of it, and a load reads the
// snapshot and the changes since; so a snapshot is due after so many of them, and before chunks go that hold some.

import { PRODUCER_SNAPSHOT_BYTES, PRODUCER_SNAPSHOT_CHUNKS } from '../core/limits/partition.ts'
import type { LogState } from './log-state.ts'
import type { ProducerTable } from './producers.ts'
import type { KeptRequests } from './requests-kept.ts'
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
  readonly #requests: KeptRequests
  #requestBytesSince = 0

  constructor(store: LogStore, state: LogState, producers: ProducerTable, requests: KeptRequests) {
    this.#store = store
    this.#state = state
    this.#producers = producers
    this.#requests = requests
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
    this.#requestBytesSince = loaded.requestDeltaBytes
    this.#offset = loaded.snapshotOffset
  }

  /** Whether the state is to be stored before this chunk. */
  isDueBy(row: ChunkRow): boolean {
    // Merged chunks have all of it in one row with their batches: of requests, which take more, half as much.
    const requestBytes = this.#requestBytesSince + (row.requests?.length ?? 0)
    const deltaBytes = this.#deltaBytesSince + (row.producers?.length ?? 0) + 2 * requestBytes
    return (
      this.#chunksSince + 1 >= PRODUCER_SNAPSHOT_CHUNKS || deltaBytes >= PRODUCER_SNAPSHOT_BYTES
    )
  }

  /** Whether chunks below an offset hold changes that no snapshot has. */
  lacks(offset: number): boolean {
    return this.#deltaBytesSince + this.#requestBytesSince > 0 && offset > this.#offset
  }

  /** Stores the state as it is now. Only inside a transaction, with `saved` or `wrote` after it. */
  save(nextOffset: number, nowMs: number): void {
    const { producerIdExpirationMs } = this.#state.settings
    const data = this.#producers.snapshot(nowMs, producerIdExpirationMs)
    this.#store.saveProducerSnapshot(nextOffset, data)
    // What is stored of requests holds until a chunk adds to it.
    if (this.#requestBytesSince === 0) return
    this.#store.saveRequestSnapshot(this.#requests.table().snapshot(nowMs))
  }

  /** The state at the end of the log was stored. */
  saved(): void {
    this.#offset = this.#state.nextOffset
    this.#chunksSince = 0
    this.#deltaBytesSince = 0
    this.#requestBytesSince = 0
  }

  /** A chunk was written, and the state before it if `withSnapshot`. */
  wrote(row: ChunkRow, withSnapshot: boolean): void {
    const deltaBytes = row.producers?.length ?? 0
    if (withSnapshot) this.#offset = row.firstOffset
    this.#chunksSince = withSnapshot ? 1 : this.#chunksSince + 1
    this.#deltaBytesSince = withSnapshot ? deltaBytes : this.#deltaBytesSince + deltaBytes
    const requestBytes = row.requests?.length ?? 0
    this.#requestBytesSince = withSnapshot ? requestBytes : this.#requestBytesSince + requestBytes
  }

  /** Chunks below `offset` may lose what they changed of producers and requests: a snapshot has it. */
  cover(offset: number, nowMs: number): void {
    if (!this.lacks(offset)) return
    this.#store.transaction(() => this.save(this.#state.nextOffset, nowMs))
    this.saved()
  }
}
