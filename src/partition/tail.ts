// The chunks of a partition that are in memory: the newest, and the few that slow readers were last
// in the middle of. Not a store: whatever is missing here is read from SQLite.
// One budget serves all partitions of the isolate, the least recently used chunk of any goes first.

import { discard } from '../core/bytes.ts'
import { TAIL_TOTAL_BYTES } from '../core/limits.ts'

/** Whole batches in offset order, in one buffer. */
export interface Chunk {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly data: Uint8Array
}

/** Chunks of one partition kept because a reader stopped inside them. */
const READ_CHUNKS = 4

/** What a kept chunk costs beside its bytes. */
const ENTRY_OVERHEAD_BYTES = 256

interface Entry extends Chunk {
  readonly owner: Tail
}

/** Least recently used order over the chunks of many partitions, bounded in bytes. */
export class ChunkCache {
  readonly #capacityBytes: number
  readonly #order = new Set<Entry>()
  #usedBytes = 0

  constructor(capacityBytes: number) {
    this.#capacityBytes = capacityBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Larger chunks are not kept: one of them would push out everybody else's. */
  get chunkMaxBytes(): number {
    return this.#capacityBytes / 8
  }

  add(entry: Entry): void {
    this.#order.add(entry)
    this.#usedBytes += costOf(entry)
    for (const oldest of this.#order) {
      if (this.#usedBytes <= this.#capacityBytes) return
      this.remove(oldest)
      oldest.owner.forget(oldest)
      discard(oldest.data)
    }
  }

  touch(entry: Entry): void {
    this.#order.delete(entry)
    this.#order.add(entry)
  }

  remove(entry: Entry): void {
    if (this.#order.delete(entry)) this.#usedBytes -= costOf(entry)
  }
}

function costOf(entry: Entry): number {
  return entry.data.length + ENTRY_OVERHEAD_BYTES
}

/** The budget of this isolate. Plain bytes, so that objects may share it. */
export const isolateChunks: ChunkCache = new ChunkCache(TAIL_TOTAL_BYTES)

/** One partition's chunks in memory. */
export class Tail {
  readonly #cache: ChunkCache
  /** Ascending by first offset, never overlapping, from #head on. */
  #entries: (Entry | undefined)[] = []
  /** Those before it are gone: the oldest goes with each new one, and to move thousands costs time. */
  #head = 0
  /** Of the entries. */
  readonly #buffers = new Set<ArrayBufferLike>()
  /** Those that came from storage, oldest first. */
  readonly #fromStorage: Entry[] = []

  constructor(cache: ChunkCache) {
    this.#cache = cache
  }

  /** The chunk that holds the offset, if it is in memory. */
  covering(offset: number): Chunk | null {
    const entry = this.#entries[this.#indexAfter(offset) - 1]
    if (entry === undefined || entry.lastOffset < offset) return null
    this.#cache.touch(entry)
    return entry
  }

  /** Keeps a chunk that was just written; false when it is too large to be kept. */
  keepWritten(chunk: Chunk): boolean {
    return this.#keep(chunk) !== null
  }

  /** Keeps a chunk a reader stopped inside; only a few of these per partition. */
  keepRead(chunk: Chunk): void {
    const entry = this.#keep(chunk)
    if (entry === null) return
    this.#fromStorage.push(entry)
    const oldest = this.#fromStorage.length > READ_CHUNKS ? this.#fromStorage[0] : undefined
    if (oldest !== undefined) this.#drop(oldest)
  }

  /** True when the bytes are a chunk's that is kept: they may be read but not given away. */
  holds(bytes: Uint8Array): boolean {
    return this.#buffers.has(bytes.buffer)
  }

  /** Drops the chunks that end below the log start. */
  dropBelow(logStart: number): void {
    for (const entry of this.#kept()) if (entry.lastOffset < logStart) this.#drop(entry)
  }

  /** Drops the chunks that start in the range (both inclusive): how many there were. */
  dropBetween(firstFrom: number, firstTo: number): number {
    const dropped = this.#kept().filter(
      ({ firstOffset }) => firstOffset >= firstFrom && firstOffset <= firstTo,
    )
    for (const entry of dropped) this.#drop(entry)
    return dropped.length
  }

  clear(): void {
    for (const entry of this.#kept()) this.#drop(entry)
  }

  /** The cache has dropped this entry. */
  forget(entry: Entry): void {
    const at = this.#indexAfter(entry.firstOffset) - 1
    if (this.#entries[at] === entry) this.#take(at)
    this.#buffers.delete(entry.data.buffer)
    const read = this.#fromStorage.indexOf(entry)
    if (read !== -1) this.#fromStorage.splice(read, 1)
  }

  #keep(chunk: Chunk): Entry | null {
    if (chunk.data.length > this.#cache.chunkMaxBytes) return null
    const at = this.#indexAfter(chunk.firstOffset)
    if (this.#entries[at - 1]?.firstOffset === chunk.firstOffset) return null
    const { firstOffset, lastOffset, data } = chunk
    const entry = { firstOffset, lastOffset, data, owner: this }
    this.#entries.splice(at, 0, entry)
    this.#buffers.add(data.buffer)
    this.#cache.add(entry)
    return entry
  }

  #kept(): Entry[] {
    return this.#entries.slice(this.#head).filter((entry) => entry !== undefined)
  }

  #take(at: number): void {
    if (at !== this.#head) {
      this.#entries.splice(at, 1)
      return
    }
    this.#entries[at] = undefined
    this.#head += 1
    if (2 * this.#head <= this.#entries.length) return
    this.#entries = this.#entries.slice(this.#head)
    this.#head = 0
  }

  #drop(entry: Entry): void {
    this.#cache.remove(entry)
    this.forget(entry)
  }

  /** Index of the first entry that starts after the offset. */
  #indexAfter(offset: number): number {
    let low = this.#head
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#entries[middle]?.firstOffset ?? 0) <= offset) low = middle + 1
      else high = middle
    }
    return low
  }
}
