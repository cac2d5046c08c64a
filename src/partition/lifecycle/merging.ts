// Slow topics leave tiny rows: a row of two kilobytes takes a page of four, and a fetch reads thousands of
// them. Runs of small chunks of one segment are put together into one row, in steps of one transaction
// each, when they come to MERGE_BELOW_BYTES, or when nothing more can join them. What was merged is
// large enough or stands where nothing joins it, so no byte is merged twice. Offsets, batches and times stay as
// they are; what the chunks change in the producers' state is put one behind the other.

import { concatBytes, discard } from '../../core/bytes.ts'
import {
  FLUSH_BYTES,
  MERGE_AT_ONCE_BYTES,
  MERGE_BELOW_BYTES,
  MERGE_DELAY_MS,
  MERGE_MIN_ROWS,
  MERGE_STEP_ROWS,
} from '../../core/limits/partition.ts'
import { DamagedRowError } from '../../runtime/checked-table.ts'
import type { LogStore } from '../store.ts'
import type { ChunkHeader, ChunkRow } from '../stored.ts'
import type { Tail } from '../tail.ts'

/** What to merge next in a part of a log. */
export interface MergePlan {
  /** Chunks that become one; null when there are none to merge. */
  readonly run: readonly ChunkHeader[] | null
  /** Without a run: small chunks at the end that others may join, in bytes and rows. */
  readonly open: OpenRun
  /** Without a run: below this offset nothing will be merged any more. */
  readonly settled: number
}

/** Small chunks that more may join. */
export interface OpenRun {
  readonly rows: number
  readonly bytes: number
}

const NO_RUN: OpenRun = { rows: 0, bytes: 0 }

/**
 * Finds the first run worth merging.
 * @param headers chunks in order, those before them settled
 * @param starts first offsets of chunks that begin a segment: no run goes across one
 * @param isEnd no chunk follows the last header
 */
export function planMerge(
  headers: readonly ChunkHeader[],
  starts: ReadonlySet<number>,
  isEnd: boolean,
): MergePlan {
  let run: ChunkHeader[] = []
  let bytes = 0
  let settled = headers[0]?.firstOffset ?? 0
  const found = (): MergePlan => ({ run, open: NO_RUN, settled })
  for (const header of headers) {
    const isSmall = header.sizeBytes < MERGE_BELOW_BYTES
    // Across offsets that no chunk holds a merged one would hide that they are missing.
    const isBehindGap = run.length > 0 && run.at(-1)?.lastOffset !== header.firstOffset - 1
    if (!isSmall || isBehindGap || starts.has(header.firstOffset)) {
      if (run.length >= MERGE_MIN_ROWS) return found()
      run = []
      bytes = 0
      settled = isSmall ? header.firstOffset : header.lastOffset + 1
    }
    if (!isSmall) continue
    if (bytes + header.sizeBytes > FLUSH_BYTES) return found()
    run.push(header)
    bytes += header.sizeBytes
    if (run.length === MERGE_STEP_ROWS) return found()
  }
  if (isEnd && isWorthwhile({ rows: run.length, bytes })) return found()
  return { run: null, open: { rows: run.length, bytes }, settled }
}

function isWorthwhile({ rows, bytes }: OpenRun): boolean {
  return rows >= MERGE_MIN_ROWS && bytes >= MERGE_BELOW_BYTES
}

/** How many headers are read at once to find out, after a load, what there is to merge. */
const HEADERS_LOOKED_AT = 64

/** Merging in one log: notices when there is something to merge, and merges it step by step. */
export class Merging {
  readonly #store: LogStore
  readonly #tail: Tail
  /** Small chunks at the end of the log. */
  #open: OpenRun = NO_RUN
  #dueMs: number | null = null
  /** Below this offset nothing is to be merged. */
  #settled = 0

  constructor(store: LogStore, tail: Tail) {
    this.#store = store
    this.#tail = tail
  }

  /** When a step is due; null when there is nothing to merge, as far as is known. */
  get dueMs(): number | null {
    return this.#dueMs
  }

  /** Below this offset no chunk is to be merged any more, as far as is known. */
  get mergedTo(): number {
    return this.#dueMs === null ? Number.MAX_SAFE_INTEGER : this.#settled
  }

  /** Reads what an earlier object left: how far it came, and whether it left something to merge. */
  load(logStart: number, segmentStart: number, nextOffset: number): void {
    this.#settled = this.#store.lifecycle.settledOffset()
    const from = Math.max(this.#settled, logStart)
    const { open, start } = this.#lookBack(Math.max(segmentStart, from), nextOffset)
    this.#open = open
    if (isWorthwhile(open) || this.#mayBeLeftBetween(from, start)) this.#dueMs = 0
  }

  /** A chunk was written. */
  grew(sizeBytes: number, beginsSegment: boolean, nowMs: number): void {
    this.#open = this.#joined(this.#open, sizeBytes, beginsSegment, nowMs)
  }

  /**
   * One step: merges one run of the chunks that end below `end`. True when there may be more.
   * @param snapshotOffset what later chunks changed in the producers' state is still needed
   */
  step(logStart: number, end: number, snapshotOffset: number, nowMs: number): boolean {
    const from = Math.max(this.#settled, logStart)
    // One more than fit a run: the first may end before `from`.
    const read = this.#store.headersFrom(from, MERGE_STEP_ROWS + 1)
    const headers = read.filter(({ lastOffset }) => lastOffset >= from)
    const [first] = headers
    const last = headers.at(-1)
    if (first === undefined || last === undefined) return this.#finish([], new Set(), nowMs)
    const starts = this.#store.lifecycle.segmentStarts(first.firstOffset, last.lastOffset)
    const confirmed = headers.filter(({ lastOffset }) => lastOffset < end)
    const isEnd = confirmed.length < headers.length || read.length <= MERGE_STEP_ROWS
    const plan = planMerge(confirmed, starts, isEnd)
    if (plan.run !== null) {
      this.#merge(plan.run, snapshotOffset)
      return true
    }
    if (!isEnd) {
      this.#settled = plan.settled
      return true
    }
    if (plan.settled > this.#settled) {
      this.#store.lifecycle.saveSettledOffset(plan.settled)
      this.#settled = plan.settled
    }
    const rest = headers.filter(({ firstOffset }) => firstOffset >= plan.settled)
    return this.#finish(rest, starts, nowMs)
  }

  /** What is left at the end, chunks not yet confirmed included, waits for more. */
  #finish(rest: readonly ChunkHeader[], starts: ReadonlySet<number>, nowMs: number): false {
    this.#dueMs = null
    let open = NO_RUN
    for (const { firstOffset, sizeBytes } of rest) {
      open = this.#joined(open, sizeBytes, starts.has(firstOffset), nowMs)
    }
    this.#open = open
    return false
  }

  /** The run at the end with one more chunk; sees when there is something to merge. */
  #joined(open: OpenRun, sizeBytes: number, beginsSegment: boolean, nowMs: number): OpenRun {
    const isSmall = sizeBytes < MERGE_BELOW_BYTES
    const isClosed = beginsSegment || !isSmall
    if (isClosed && open.rows >= MERGE_MIN_ROWS) this.#dueMs ??= nowMs + MERGE_DELAY_MS
    const before = isClosed ? NO_RUN : open
    if (!isSmall) return before
    const run = { rows: before.rows + 1, bytes: before.bytes + sizeBytes }
    if (isWorthwhile(run)) this.#dueMs ??= nowMs + MERGE_DELAY_MS
    if (run.bytes >= MERGE_AT_ONCE_BYTES) this.#dueMs = Math.min(this.#dueMs ?? nowMs, nowMs)
    return run
  }

  /** The small chunks at the end of the log, of its last segment: no more than come to be merged. */
  #lookBack(from: number, end: number): { readonly open: OpenRun; readonly start: number } {
    let open = NO_RUN
    let start = end
    while (start > from && !isWorthwhile(open)) {
      const headers = this.#store.headersBack(from, start - 1, HEADERS_LOOKED_AT)
      for (const { firstOffset, sizeBytes } of headers) {
        if (sizeBytes >= MERGE_BELOW_BYTES) return { open, start }
        open = { rows: open.rows + 1, bytes: open.bytes + sizeBytes }
        start = firstOffset
      }
      if (headers.length < HEADERS_LOOKED_AT) break
    }
    return { open, start }
  }

  /** A damaged row of a segment is the chore's to tell: the log can be read. */
  #mayBeLeftBetween(from: number, end: number): boolean {
    try {
      return this.#leftBetween(from, end)
    } catch (error) {
      if (error instanceof DamagedRowError) return true
      throw error
    }
  }

  /** Whether there is a run to merge in a part of the log that no chunk is added to, or may be: it is long. */
  #leftBetween(from: number, end: number): boolean {
    if (from >= end) return false
    const headers = this.#store
      .headersFrom(from, HEADERS_LOOKED_AT + 1)
      .filter(({ firstOffset, lastOffset }) => lastOffset >= from && firstOffset < end)
    if (headers.length >= HEADERS_LOOKED_AT) return true
    const { run, open } = planMerge(headers, this.#store.lifecycle.segmentStarts(from, end), false)
    return run !== null || open.rows >= MERGE_MIN_ROWS
  }

  #merge(run: readonly ChunkHeader[], snapshotOffset: number): void {
    const [first] = run
    const last = run.at(-1)
    if (first === undefined || last === undefined) return
    const settled = last.lastOffset + 1
    const row = this.#row(run, first, last, snapshotOffset)
    this.#store.transaction(() => {
      if (row !== null) this.#store.lifecycle.replaceChunks(row, last.firstOffset)
      this.#store.lifecycle.saveSettledOffset(settled)
    })
    this.#settled = settled
    if (row === null)
      throw new Error(`chunks ${first.firstOffset} to ${last.lastOffset} are damaged`)
    // What was in memory as small chunks stays there as one.
    const dropped = this.#tail.dropBetween(first.firstOffset, last.firstOffset)
    if (dropped < run.length || !this.#tail.keepWritten(row)) discard(row.data)
  }

  /** null when the chunks are not as their headers say: those stay as they are. */
  #row(
    run: readonly ChunkHeader[],
    first: ChunkHeader,
    last: ChunkHeader,
    snapshotOffset: number,
  ): ChunkRow | null {
    const chunks = this.#store.lifecycle.smallChunks(first.firstOffset, last.firstOffset)
    const isDamaged = chunks.some((one) => one.damage !== null || one.data.length !== one.sizeBytes)
    if (isDamaged) return null
    const data = concatBytes(chunks.map((chunk) => chunk.data))
    // What chunks before the snapshot changed is in it.
    const since = chunks.filter(({ lastOffset }) => lastOffset >= snapshotOffset)
    return {
      firstOffset: first.firstOffset,
      lastOffset: last.lastOffset,
      maxTimestamp: Math.max(...run.map(({ maxTimestamp }) => maxTimestamp)),
      runningMaxTimestamp: last.runningMaxTimestamp,
      sizeBytes: data.length,
      runningSizeBytes: last.runningSizeBytes,
      producers: joined(since.map(({ producers }) => producers)),
      requests: joined(since.map(({ requests }) => requests)),
      data,
    }
  }
}

/** Those that are there one behind the other; null when none is. */
function joined(deltas: readonly (Uint8Array | null)[]): Uint8Array | null {
  const given = deltas.filter((delta) => delta !== null)
  return given.length === 0 ? null : concatBytes(given)
}
