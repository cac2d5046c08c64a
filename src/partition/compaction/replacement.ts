// Neighbouring chunks of which something has changed, and what is left of them: replaced together, in one
// transaction. Collects and writes; which chunks belong to it is pass.ts's to say.

import {
  COMPACTION_GROUP_BYTES,
  COMPACTION_GROUP_CHUNKS,
  FLUSH_BYTES,
} from '../../core/limits/partition.ts'
import type { ChunkHeader } from '../stored.ts'
import type { CompactionState, CompactionStore, JoinedSegments } from './compaction-store.ts'
import { pack } from './packing.ts'
import type { PassTransactions } from './transactions.ts'

/** A chunk that is gone through, batch by batch. */
export interface OpenChunk {
  readonly header: ChunkHeader
  readonly data: Uint8Array
  /** Position of the next batch. */
  at: number
  /** What is left of it so far: views of `data`, and batches made anew. */
  readonly left: Uint8Array[]
  /** Markers of aborted transactions of which nothing is left. */
  readonly spent: number[]
  isChanged: boolean
}

/** Chunks to be replaced. */
export class Replacement {
  /** The transactions as they were before its first chunk, should it have to be gone through again. */
  readonly before: PassTransactions
  readonly #sources: ChunkHeader[] = []
  readonly #batches: Uint8Array[] = []
  readonly #spent: number[] = []
  #bytes = 0
  #sourceBytes = 0

  constructor(before: PassTransactions) {
    this.before = before
  }

  /** First offset of its first chunk, and of its last. */
  get firstOffset(): number {
    return this.#sources[0]?.firstOffset ?? 0
  }

  get lastFirstOffset(): number {
    return this.#sources.at(-1)?.firstOffset ?? 0
  }

  /** Offset behind its last chunk. */
  get end(): number {
    return (this.#sources.at(-1)?.lastOffset ?? -1) + 1
  }

  get chunks(): number {
    return this.#sources.length
  }

  get removedBytes(): number {
    return this.#sourceBytes - this.#bytes
  }

  /** Whether a chunk of which so many bytes are left can join: all but the first must fit one row. */
  hasRoomFor(bytes: number): boolean {
    return (
      this.#bytes + bytes <= FLUSH_BYTES &&
      this.#sources.length < COMPACTION_GROUP_CHUNKS &&
      this.#sourceBytes < COMPACTION_GROUP_BYTES
    )
  }

  /** Takes the chunk behind those before it. Its own buffer is not kept. */
  add({ header, data, left, spent }: OpenChunk): void {
    this.#sources.push(header)
    this.#sourceBytes += header.sizeBytes
    this.#spent.push(...spent)
    for (const batch of left) {
      this.#bytes += batch.length
      this.#batches.push(batch.buffer === data.buffer ? batch.slice() : batch)
    }
  }

  /** Whether the chunks are there as they were read: they may have been merged, or deleted. */
  isThere(store: CompactionStore): boolean {
    const there = store.headersReaching(this.firstOffset, this.#sources.length)
    return this.#sources.every((source, index) => isSame(source, there[index]))
  }

  /** Replaces the chunks in one transaction, and keeps the state and joins the segments that are given. */
  write(
    store: CompactionStore,
    state: CompactionState | null,
    joined: JoinedSegments | null,
  ): void {
    const chunks = pack(this.#sources, this.#batches)
    store.transaction(() => {
      store.replace(this.#sources, chunks)
      for (const marker of this.#spent) store.deleteAborted(marker)
      if (state !== null) store.saveState(state)
      if (joined !== null) store.joinSegments(joined)
    })
  }
}

function isSame(a: ChunkHeader, b: ChunkHeader | undefined): boolean {
  return (
    a.firstOffset === b?.firstOffset && a.lastOffset === b.lastOffset && a.sizeBytes === b.sizeBytes
  )
}
