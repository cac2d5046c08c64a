// Puts back local chunks that are damaged, or gone, where the tier has a copy: in their place, in one transaction,
// with nothing said of requests, nor of producers, whose state is stored before. Only where the tier's chunks begin and end as
// the local ones do; else the tier is read instead each time.

import { FETCH_PART_BYTES } from '../../core/limits.ts'
import type { IndexedChunk } from '../../tier/segment.ts'
import type { LogStore } from '../store.ts'
import type { TierReader } from './tier-reader.ts'
import type { TierStore } from './tier-store.ts'
import type { TierableLog } from './tierable.ts'

/** Offsets remembered at once; each is met again by whoever reads it. */
const WANTED_MAX = 100

/** The part of the local log where rows are to be put back: [from, to). */
interface Hole {
  readonly from: number
  readonly to: number
}

/** The repairs of one partition. */
export class Repair {
  readonly #log: TierableLog
  readonly #chunks: LogStore
  readonly #store: TierStore
  readonly #reader: TierReader
  readonly #wanted = new Set<number>()

  constructor(log: TierableLog, chunks: LogStore, store: TierStore, reader: TierReader) {
    this.#log = log
    this.#chunks = chunks
    this.#store = store
    this.#reader = reader
  }

  /** Whether there is something to put back. */
  get isWanted(): boolean {
    return this.#wanted.size > 0
  }

  /** What a read met at an offset cannot be read locally. */
  want(offset: number): void {
    if (this.#wanted.size < WANTED_MAX) this.#wanted.add(offset)
  }

  /** Puts back some chunks of one place. */
  async step(nowMs: number): Promise<void> {
    const [offset] = this.#wanted
    if (offset === undefined) return
    this.#wanted.delete(offset)
    const segment = this.#store.reaching(offset)
    if (segment === null || segment.firstOffset > offset) return
    const { chunks } = await this.#reader.index(segment)
    const hole = this.#holeAt(offset, chunks)
    if (hole === null) return
    const wanted = fitting(chunks, hole)
    const end = (wanted.at(-1)?.lastOffset ?? -1) + 1
    const read = await this.#reader.read(segment, wanted)
    if (read.length === 0 || read.some(({ damage }) => damage !== null)) return
    // The log may have moved on meanwhile.
    const now = this.#holeAt(offset, chunks)
    if (now?.from !== hole.from || now.to !== hole.to) return
    this.#log.coverProducers(end, nowMs)
    this.#chunks.transaction(() => {
      this.#store.deleteLocalChunks(hole.from, end - 1)
      for (const [at, { data }] of read.entries()) {
        const header = wanted[at]
        if (header === undefined) continue
        this.#chunks.insertChunk({ ...header, producers: null, requests: null, data })
      }
    })
    this.#log.replaced(hole.from, end - 1)
    if (end < hole.to) this.want(end)
  }

  /** The damaged row at an offset, or the rows that are missing there: up to the next one, or the segment's end. */
  #holeAt(offset: number, chunks: readonly IndexedChunk[]): Hole | null {
    if (offset < this.#log.localStart) return null
    const segmentEnd = (chunks.at(-1)?.lastOffset ?? -1) + 1
    const row = this.#chunks.headerAtOrBefore(offset)
    const next = this.#chunks.headerAfter(offset)
    const covering = chunks.find(({ lastOffset }) => lastOffset >= offset)
    const to = Math.min(next?.firstOffset ?? segmentEnd, segmentEnd)
    const isMissing = row === null || row.lastOffset < offset
    const from = isMissing ? covering?.firstOffset : row.firstOffset
    if (from === undefined || from < this.#log.localStart) return null
    // The row before it reaches into what the tier has as one chunk.
    if (isMissing && row !== null && row.lastOffset >= from) return null
    return { from, to }
  }
}

/** The chunks that fill a hole from its begin on, some of them if it is large; none when they do not fit. */
function fitting(chunks: readonly IndexedChunk[], { from, to }: Hole): IndexedChunk[] {
  const found: IndexedChunk[] = []
  let bytes = 0
  let next = from
  for (const chunk of chunks) {
    if (chunk.lastOffset < from) continue
    if (chunk.firstOffset >= to) return found
    if (chunk.firstOffset !== next || chunk.lastOffset >= to) return []
    if (found.length > 0 && bytes + chunk.sizeBytes > FETCH_PART_BYTES) return found
    found.push(chunk)
    bytes += chunk.sizeBytes
    next = chunk.lastOffset + 1
  }
  return found
}
