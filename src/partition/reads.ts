// Reads whole batches from an offset: from memory where they are, else from SQLite. Chunks do not show:
// a read starts at the batch that covers the offset, goes on across chunks and ends at the end of a
// batch. Limits are those of KIP-74.

import { concatBytes, joinBytes, share } from '../core/bytes.ts'
import { ROW_BYTES } from '../core/limits/partition.ts'
import { FETCH_PART_BYTES } from '../core/limits.ts'
import { batchesBelow, coveringBatch, fittingBatches } from './batches.ts'
import { DamagedRangeError } from './integrity.ts'
import type { ChunkHeader, StoredChunk } from './stored.ts'
import type { Tail } from './tail.ts'

/** Chunks that are not in memory: rows, or what was read from the tier. As LogStore has them. */
export interface ChunkRows {
  headersFrom(offset: number, limit: number): ChunkHeader[]
  chunks(firstFrom: number, firstTo: number): StoredChunk[]
  laterPiece(firstOffset: number, piece: number): Uint8Array | null
  isCompacted(): boolean
}

/** Where a partition's chunks are. */
export interface ChunkSource<Rows extends ChunkRows = ChunkRows> {
  readonly tail: Tail
  readonly store: Rows
}

/** The same for those who only look. */
interface LookedAt {
  readonly tail: Pick<Tail, 'covering'>
  readonly store: ChunkRows
}

/** What to read. */
export interface BatchRange {
  readonly offset: number
  /** Soft limit; at most FETCH_PART_BYTES are read whatever it says. */
  readonly maxBytes: number
  /** Return one whole batch even if it alone is larger. */
  readonly atLeastOneBatch: boolean
  /** The reader lives in this isolate: large chunks in memory are shared with it, not copied. */
  readonly sharing?: boolean
}

/** Chunk headers looked at together. */
const HEADERS_AHEAD = 16
/** Smaller pieces are put together: a piece has a price of its own over RPC. */
const PIECE_MIN_BYTES = 64 * 1024
/** Largest buffer that small pieces are put together in. */
const PIECE_MAX_BYTES = 1024 * 1024

/** What a read found. */
export interface BatchesRead {
  /** Each owns its buffer, unless shared: over RPC a view would take its whole buffer along. */
  readonly pieces: Uint8Array[]
  /** How many more pieces the one batch in `pieces` has; 0 for whole batches. */
  readonly laterPieces: number
}

/**
 * Whole batches from the one that covers `offset`, below `end` (a batch's boundary). Of a batch that is
 * larger than a row the first piece alone: the others are read one by one, for each is copied on its way.
 * A read ends before what is damaged.
 * @throws DamagedRangeError when the first batch to be read is damaged or gone
 */
export function readBatches(source: ChunkSource, end: number, range: BatchRange): BatchesRead {
  const maxBytes = Math.min(range.maxBytes, FETCH_PART_BYTES)
  const sharing = range.sharing === true
  const views: Uint8Array[] = []
  let taken = 0
  let position = range.offset
  while (position < end) {
    const atLeastOne = range.atLeastOneBatch && views.length === 0
    const room = maxBytes - taken
    if (room <= 0 && !atLeastOne) break
    const before = position
    const chunks = chunksFrom(source, { position, end, room, atLeastOne })
    for (const chunk of chunks) {
      const missing = missingBefore(source, position, chunk.firstOffset)
      if (missing !== null || chunk.damage !== null) {
        if (views.length > 0) return { pieces: owned(views, source.tail, sharing), laterPieces: 0 }
        throw missing ?? damageOf(chunk)
      }
      const laterPieces = laterPiecesOf(chunk)
      if (laterPieces > 0) {
        const fits = views.length === 0 && (atLeastOne || chunk.sizeBytes <= maxBytes)
        return fits
          ? { pieces: owned([chunk.data], source.tail, sharing), laterPieces }
          : { pieces: owned(views, source.tail, sharing), laterPieces: 0 }
      }
      const batches = batchesOf(chunk, {
        position,
        end,
        room: maxBytes - taken,
        atLeastOne: atLeastOne && views.length === 0,
      })
      for (const view of batches.views) taken += view.length
      views.push(...batches.views)
      if (!batches.whole) {
        // Copied before another chunk is kept: that may push out one of those the views belong to.
        const pieces = owned(views, source.tail, sharing)
        source.tail.keepRead(chunk)
        return { pieces, laterPieces: 0 }
      }
      position = chunk.lastOffset + 1
    }
    if (position === before) {
      const missing = views.length === 0 ? missingAfter(source, position, end) : null
      if (missing !== null) throw missing
      break
    }
  }
  return { pieces: owned(views, source.tail, sharing), laterPieces: 0 }
}

/**
 * The chunk that covers an offset (or the next one) with all its batches in one buffer; null when there
 * is none below `end`.
 * @throws DamagedRangeError
 */
export function wholeChunk(source: LookedAt, position: number, end: number): StoredChunk | null {
  const [chunk] = chunksFrom(source, { position, end, room: 0, atLeastOne: true })
  if (chunk === undefined) return null
  if (chunk.damage !== null) throw damageOf(chunk)
  const pieces = [chunk.data]
  for (let piece = 1; piece <= laterPiecesOf(chunk); piece++) {
    const later = source.store.laterPiece(chunk.firstOffset, piece)
    if (later === null) throw damageOf(chunk, `piece ${piece} is gone`)
    pieces.push(later)
  }
  return { ...chunk, data: joinBytes(pieces) }
}

function damageOf({ firstOffset, lastOffset, damage }: StoredChunk, reason = damage): Error {
  return new DamagedRangeError(firstOffset, lastOffset, reason ?? 'it cannot be read')
}

/** Offsets that no chunk holds are damage, unless compaction has emptied their chunks. */
function missingBefore(
  { store }: ChunkSource,
  position: number,
  firstOffset: number,
): Error | null {
  if (firstOffset <= position || store.isCompacted()) return null
  return new DamagedRangeError(position, firstOffset - 1, 'no chunk holds them')
}

/** The same when no chunk follows at all. */
function missingAfter({ store, tail }: ChunkSource, position: number, end: number): Error | null {
  const [covering] = store.headersFrom(position, HEADERS_AHEAD).filter((header) => {
    return header.lastOffset >= position
  })
  const isThere = covering !== undefined || tail.covering(position) !== null
  if (isThere || store.isCompacted()) return null
  return new DamagedRangeError(position, end - 1, 'no chunk holds them')
}

function laterPiecesOf(chunk: StoredChunk): number {
  return chunk.data.length < chunk.sizeBytes ? Math.ceil(chunk.sizeBytes / ROW_BYTES) - 1 : 0
}

interface Step {
  readonly position: number
  readonly end: number
  readonly room: number
  readonly atLeastOne: boolean
}

/** The next chunks from `position`: one from memory, or from storage as many as there is room for. */
function chunksFrom(source: LookedAt, step: Step): StoredChunk[] {
  const kept = source.tail.covering(step.position)
  if (kept !== null) return [{ ...kept, sizeBytes: kept.data.length, damage: null }]
  const { store } = source
  const headers = store
    .headersFrom(step.position, HEADERS_AHEAD)
    .filter((header) => header.lastOffset >= step.position && header.firstOffset < step.end)
  const [first] = headers
  const last = lastThatFits(headers, step)
  return first === undefined || last === null
    ? []
    : store.chunks(first.firstOffset, last.firstOffset)
}

function lastThatFits(headers: readonly ChunkHeader[], step: Step): ChunkHeader | null {
  let last: ChunkHeader | null = null
  let bytes = 0
  for (const header of headers) {
    bytes += header.sizeBytes
    // The first is read even if it is larger: some of its batches may fit, unless it is one large batch.
    const isOneBatch = header.sizeBytes > ROW_BYTES
    if (bytes > step.room && (last !== null || (isOneBatch && !step.atLeastOne))) break
    last = header
  }
  return last
}

/** The chunk's batches from the one that covers `position`; `whole` when none is left behind them. */
function batchesOf(
  chunk: StoredChunk,
  { position, end, room, atLeastOne }: Step,
): { readonly views: readonly Uint8Array[]; readonly whole: boolean } {
  const { data } = chunk
  const start = coveringBatch(data, position)
  // The last stable offset may lie inside a chunk.
  const visible = chunk.lastOffset < end ? data : data.subarray(0, batchesBelow(data, start, end))
  const stop = fittingBatches(visible, start, room, atLeastOne)
  const views = stop > start ? [data.subarray(start, stop)] : []
  return { views, whole: stop === data.length }
}

/**
 * Copies what is a part of a larger buffer or stays in memory, and puts small pieces together: the
 * pieces are the caller's alone, except those that are shared.
 */
function owned(views: readonly Uint8Array[], tail: Tail, sharing: boolean): Uint8Array[] {
  const pieces: Uint8Array[] = []
  let group: Uint8Array[] = []
  let groupBytes = 0
  const close = () => {
    if (group.length > 0) pieces.push(concatBytes(group))
    group = []
    groupBytes = 0
  }
  for (const view of views) {
    const isLarge = view.length >= PIECE_MIN_BYTES
    const isWhole = view.length === view.buffer.byteLength
    if (isLarge && (sharing || (isWhole && !tail.holds(view)))) {
      close()
      if (!isWhole || tail.holds(view)) share(view)
      pieces.push(view)
      continue
    }
    if (groupBytes + view.length > PIECE_MAX_BYTES) close()
    group.push(view)
    groupBytes += view.length
  }
  close()
  return pieces
}
