// Reads of the part of a log that only the tier holds, and of damaged local chunks that the tier has too. Which
// batches a reader gets is decided by ../reads.ts, as for local chunks; here are the ways to the objects, the
// aborted transactions of what was read, and the pieces of batches that are larger than a row.

import { offset } from '../../core/ids.ts'
import { ROW_BYTES } from '../../core/limits/partition.ts'
import { TIER_LARGE_HELD_MS } from '../../core/limits/tier.ts'
import { FETCH_PART_BYTES } from '../../core/limits.ts'
import { readBatchHeader } from '../../record/header.ts'
import { endOfBatches } from '../../record/stored.ts'
import type { StartTimer } from '../../runtime/waiters.ts'
import type { AbortedTransaction } from '../contract.ts'
import { DamagedRangeError } from '../integrity.ts'
import { type BatchesRead, type BatchRange, readBatches } from '../reads.ts'
import type { StoredChunk } from '../stored.ts'
import type { Tail } from '../tail.ts'
import { pieceOf, StagedChunks } from './staged.ts'
import type { TierReader } from './tier-reader.ts'
import type { TierSegment, TierStore } from './tier-store.ts'

/** What was found, with the aborted transactions that it may hold records of. */
export interface TieredRead extends BatchesRead {
  readonly aborted: readonly AbortedTransaction[]
}

/** What the reads of one partition need. */
export interface TieredReadsHost {
  readonly tail: Tail
  readonly store: TierStore
  readonly reader: TierReader
  readonly isCompacted: () => boolean
  readonly startTimer: StartTimer
}

/** One batch larger than a row, whole: the last one of this isolate that was read from a tier. */
interface LargeBatch {
  readonly key: string
  readonly firstOffset: number
  readonly data: Uint8Array
}
let held: LargeBatch | null = null

/** Methods may throw ObjectStoreError, and DamagedRangeError for what cannot be read. */
export class TieredReads {
  readonly #host: TieredReadsHost

  constructor(host: TieredReadsHost) {
    this.#host = host
  }

  /** Whole batches from the one that covers the range's offset, below `limit`, of one segment. */
  async read(range: BatchRange, limit: number): Promise<TieredRead> {
    const { reader, tail, isCompacted } = this.#host
    const segment = this.#reaching(range.offset, limit)
    const end = Math.min(limit, segment.lastOffset + 1)
    const maxBytes = Math.min(range.maxBytes, FETCH_PART_BYTES)
    const isKept = tail.covering(range.offset) !== null
    const chunks = isKept ? [] : await reader.chunks(segment, range.offset, maxBytes)
    const { aborted } = await reader.index(segment)
    const staged = new StagedChunks(chunks, isCompacted)
    const stagedEnd = isKept ? end : Math.min(end, (chunks.at(-1)?.lastOffset ?? -1) + 1)
    const read = readBatches({ tail, store: staged }, stagedEnd, range)
    if (read.laterPieces > 0) this.#hold(segment, chunks)
    return { ...read, aborted: abortedIn(aborted, range.offset, read) }
  }

  /** A later piece of the batch at an offset, if it still has this checksum; null when it is another, or gone. */
  async piece(baseOffset: number, crc: number, piece: number): Promise<Uint8Array | null> {
    const { reader } = this.#host
    const segment = this.#reaching(baseOffset, baseOffset + 1)
    if (held?.key !== segment.key || held.firstOffset !== baseOffset) {
      const chunks = await reader.chunks(segment, baseOffset, 0)
      const [chunk] = chunks
      if (chunk === undefined || chunk.firstOffset !== baseOffset) return null
      if (chunk.damage !== null) {
        throw new DamagedRangeError(chunk.firstOffset, chunk.lastOffset, chunk.damage)
      }
      this.#hold(segment, chunks)
    }
    const data = held?.data
    if (data === undefined || readBatchHeader(data).crc !== crc) return null
    if (piece < 1 || piece * ROW_BYTES >= data.length) return null
    if ((piece + 1) * ROW_BYTES >= data.length) held = null
    return pieceOf(data, piece)
  }

  #reaching(from: number, limit: number): TierSegment {
    const segment = this.#host.store.reaching(from)
    const isThere = segment !== null && segment.firstOffset < limit
    if (isThere && (segment.firstOffset <= from || this.#host.isCompacted())) return segment
    const last = isThere ? segment.firstOffset - 1 : limit - 1
    throw new DamagedRangeError(from, last, 'the tier has no segment of them')
  }

  /** For a while, in which its pieces are asked for. */
  #hold({ key }: TierSegment, chunks: readonly StoredChunk[]): void {
    const large = chunks.find(({ sizeBytes }) => sizeBytes > ROW_BYTES)
    if (large === undefined) return
    const mine = { key, firstOffset: large.firstOffset, data: large.data }
    held = mine
    this.#host.startTimer(() => {
      if (held === mine) held = null
    }, TIER_LARGE_HELD_MS)
  }
}

function abortedIn(
  aborted: readonly { producerId: number; firstOffset: number; lastOffset: number }[],
  from: number,
  { pieces, laterPieces }: BatchesRead,
): AbortedTransaction[] {
  const [first] = pieces
  if (first === undefined || aborted.length === 0) return []
  const end = laterPieces > 0 ? endOfFirst(first) : endOfBatches(pieces)
  if (end === null) return []
  return aborted
    .filter(({ firstOffset, lastOffset }) => firstOffset < end && lastOffset >= from)
    .map(({ producerId, firstOffset }) => ({ producerId, firstOffset: offset(firstOffset) }))
    .toSorted((a, b) => a.firstOffset - b.firstOffset)
}

function endOfFirst(piece: Uint8Array): number {
  const { baseOffset, lastOffsetDelta } = readBatchHeader(piece)
  return baseOffset + lastOffsetDelta + 1
}
