// One pass over a log: reads the dirty part into a map of keys until the map is full or the part ends, then
// goes over the log from its start to there and replaces what has changed, a few chunks in one transaction.
// In steps: all of it is in memory, and a pass that was cut off is begun again where it was kept to be.

import { discard, joinBytes } from '../../core/bytes.ts'
import { COMPACTION_MAP_BYTES, MERGE_BELOW_BYTES } from '../../core/limits/partition.ts'
import { baseOffsetAt, batchSizeAt } from '../../record/header.ts'
import { DamagedRangeError } from '../integrity.ts'
import { filterBatch, type KeyMap, mapBatch, type PassRules } from './batch-filter.ts'
import type { CompactableLog, StepBudget } from './compactable.ts'
import type { CompactionState, CompactionStore, JoinedSegments } from './compaction-store.ts'
import { type HashSecret, KeyHash } from './key-hash.ts'
import { LastOffsets } from './last-offsets.ts'
import { OffsetMap } from './offset-map.ts'
import { RecordScan } from './record-scan.ts'
import { type OpenChunk, Replacement } from './replacement.ts'
import { PassTransactions } from './transactions.ts'

/** What a pass runs on. */
export interface PassHost {
  readonly log: CompactableLog
  readonly store: CompactionStore
  readonly now: () => number
  readonly secret: () => HashSecret
  /** Most bytes of the map; COMPACTION_MAP_BYTES unless a test says otherwise. */
  readonly mapBytes?: number
  /** What is kept of all passes. */
  readonly state: () => CompactionState
  /** What is to be kept after so many more rows; null when nothing is yet. */
  readonly toKeep: (rows: number, mapEnd: number, nextOffset: number) => CompactionState | null
  /** It has been kept. */
  readonly kept: (state: CompactionState) => void
  /** Something from an offset on could not be read. */
  readonly reportOnce: (offset: number, problem: unknown) => void
}

/** A pass that cleans the dirty part [from, end), or as much of it as its map holds. */
export class Pass {
  readonly #host: PassHost
  readonly #from: number
  readonly end: number
  readonly #keys: KeyMap
  /** null while the map is being made. */
  #rules: PassRules | null = null
  #mapEnd: number
  /** The next chunk to read reaches this offset. */
  #next: number
  #transactions: PassTransactions
  /** As they were before the chunk at hand. */
  #before: PassTransactions
  #chunk: OpenChunk | null = null
  #replacement: Replacement | null = null
  /** A damaged chunk lies behind those to be replaced: they lie side by side. */
  #hasSkipped = false
  /** The segment at hand, what is left of it, and those behind it that become one with it. */
  #segment: { readonly start: number; bytes: number } | null = null
  #joinedTo: number | null = null

  constructor(host: PassHost, from: number, end: number) {
    this.#host = host
    this.#from = from
    this.end = end
    this.#keys = {
      map: new OffsetMap(from, end - from, host.mapBytes ?? COMPACTION_MAP_BYTES),
      last: new LastOffsets(from, end),
      scan: new RecordScan(new KeyHash(host.secret())),
      from,
    }
    this.#mapEnd = end
    this.#next = from
    this.#transactions = this.#transactionsFrom(from, false)
    this.#before = this.#transactions
  }

  /** Behind the last offset whose keys are all in the map. */
  get mapEnd(): number {
    return this.#mapEnd
  }

  /** Works for a step's time; false when the pass is over. */
  step(nowMs: number, budget: StepBudget): boolean {
    const { now } = this.#host
    const startedMs = now()
    let work = 0
    while (work < budget.bytes && now() - startedMs < budget.ms) {
      this.#chunk ??= this.#open()
      const chunk = this.#chunk
      const rules = this.#rules
      if (rules === null) {
        if (chunk === null) this.#startCleaning(nowMs)
        else work += this.#mapOne(chunk)
      } else if (chunk === null) {
        if (this.#replacement !== null && !this.#commit(this.#replacement, nowMs)) return true
        this.#joinSegments()
        return false
      } else {
        work += this.#cleanOne(chunk, rules)
        // What a step writes comes last in it.
        if (chunk.at >= chunk.data.length && this.#close(chunk, nowMs)) return true
      }
    }
    return true
  }

  #transactionsFrom(from: number, fromStart: boolean): PassTransactions {
    const { store } = this.#host
    const lastAborted = store.lastAborted()
    const find = (first: number, last: number) =>
      first > lastAborted ? [] : store.aborted(first, last)
    return new PassTransactions(find, { from, fromStart })
  }

  /** The next chunk of the stretch; null behind its end. */
  #open(): OpenChunk | null {
    const { store, reportOnce } = this.#host
    const end = this.#rules === null ? this.end : this.#mapEnd
    for (;;) {
      if (this.#next >= end) return null
      const [header] = store.headersReaching(this.#next, 1)
      if (header === undefined || header.firstOffset >= end) return null
      try {
        const data = joinBytes(store.chunkData(header))
        if (this.#rules !== null) this.#before = this.#transactions.copy()
        this.#transactions.enter(header.firstOffset, header.lastOffset)
        return { header, data, at: 0, left: [], spent: [], isChanged: false }
      } catch (error) {
        if (!(error instanceof DamagedRangeError)) throw error
        // It stays as it is, and takes nothing from the rest of the log.
        reportOnce(header.firstOffset, error)
        this.#next = header.lastOffset + 1
        this.#hasSkipped = true
      }
    }
  }

  #leave({ header, data }: OpenChunk, next = header.lastOffset + 1): void {
    this.#next = next
    this.#chunk = null
    discard(data)
  }

  /** Counts one batch's keys. What it cost, in bytes. */
  #mapOne(chunk: OpenChunk): number {
    const batch = take(chunk)
    if (baseOffsetAt(batch, 0) >= this.end) {
      this.#leave(chunk, this.end)
      return 0
    }
    const { full, work } = mapBatch(batch, this.#keys, this.#transactions)
    if (full !== null) {
      this.#mapEnd = full
      this.#leave(chunk, this.end)
    } else if (chunk.at >= chunk.data.length) this.#leave(chunk)
    return work
  }

  #startCleaning(nowMs: number): void {
    const { log, state } = this.#host
    if (this.#mapEnd <= this.#from) throw new Error('the map of keys has no room at all')
    const { mapEnd, nextOffset } = state()
    // A smaller map than before ends earlier: what was cleaned by the larger one is gone over again.
    const isSame = mapEnd === this.#mapEnd
    const next = Math.max(log.logStart, isSame ? nextOffset : 0)
    this.#next = next
    this.#transactions = this.#transactionsFrom(next, next <= log.logStart)
    this.#hasSkipped = false
    this.#keys.last.finish(this.#keys.map)
    this.#rules = {
      ...this.#keys,
      mapEnd: this.#mapEnd,
      producers: log.activeProducers(nowMs),
      nowMs,
      deleteRetentionMs: log.settings.deleteRetentionMs,
    }
  }

  /** Filters one batch. What it cost, in bytes. */
  #cleanOne(chunk: OpenChunk, rules: PassRules): number {
    const batch = take(chunk)
    const filtered = filterBatch(batch, rules, this.#transactions)
    if (filtered.batch !== null) chunk.left.push(filtered.batch)
    if (filtered.batch !== batch) chunk.isChanged = true
    if (filtered.problem !== null) {
      this.#host.reportOnce(baseOffsetAt(batch, 0), filtered.problem)
    }
    if (filtered.isLastOfAborted) chunk.spent.push(baseOffsetAt(batch, 0))
    return filtered.work
  }

  /** A chunk has been gone through. True when those before it were written, or are to be gone through again. */
  #close(chunk: OpenChunk, nowMs: number): boolean {
    const before = this.#replacement
    // A small neighbour joins: it saves a row for good.
    const bytes = sizeOf(chunk.left)
    const beginsSegment = this.#goOverSegments(chunk, bytes)
    const isTaken = chunk.isChanged || (before !== null && bytes < MERGE_BELOW_BYTES)
    const joins = isTaken && before !== null && !beginsSegment && this.#mayJoin(before, bytes)
    if (before !== null && !joins && !this.#commit(before, nowMs)) return true
    if (joins) before.add(chunk)
    else if (chunk.isChanged) {
      this.#replacement = new Replacement(this.#before)
      this.#replacement.add(chunk)
    }
    if (!joins) this.#hasSkipped = false
    this.#leave(chunk)
    return before !== null && !joins
  }

  #mayJoin(before: Replacement, bytes: number): boolean {
    return !this.#hasSkipped && before.hasRoomFor(bytes)
  }

  /**
   * Whether the chunk begins a segment: retention goes by whole segments, and no chunk belongs to two. Of
   * segments of which little is left several become one, as Kafka's cleaner makes them.
   */
  #goOverSegments({ header }: OpenChunk, bytes: number): boolean {
    const { log } = this.#host
    let begins = false
    for (const start of log.segmentStarts(header.firstOffset, header.lastOffset)) {
      if (this.#segment !== null && this.#segment.bytes < log.settings.segmentBytes / 2) {
        this.#joinedTo = start
        continue
      }
      this.#joinSegments()
      this.#segment = { start, bytes: 0 }
      begins = true
    }
    if (this.#segment !== null) this.#segment.bytes += bytes
    return begins
  }

  /** Segments to be joined with the one at hand. */
  get #joined(): JoinedSegments | null {
    if (this.#segment === null || this.#joinedTo === null) return null
    return { after: this.#segment.start, to: this.#joinedTo }
  }

  #joinSegments(): void {
    const { log, store } = this.#host
    const joined = this.#joined
    if (joined === null) return
    store.joinSegments(joined)
    this.#joinedTo = null
    log.segmentsJoined()
  }

  /** Replaces chunks; false when they are not there any more as they were read. */
  #commit(replacement: Replacement, nowMs: number): boolean {
    const { log, store, toKeep, kept } = this.#host
    this.#replacement = null
    const { firstOffset, lastFirstOffset, end, removedBytes } = replacement
    if (!replacement.isThere(store)) {
      this.#next = firstOffset
      this.#transactions = replacement.before
      this.#chunk = null
      this.#segment = null
      this.#joinedTo = null
      return false
    }
    const state = toKeep(replacement.chunks, this.#mapEnd, end)
    log.coverProducers(end, nowMs)
    const joined = this.#joined
    replacement.write(store, state, joined)
    this.#joinedTo = null
    if (joined !== null) log.segmentsJoined()
    if (state !== null) kept(state)
    log.replaced(firstOffset, lastFirstOffset, removedBytes)
    return true
  }
}

/** The next batch of the chunk. */
function take(chunk: OpenChunk): Uint8Array {
  const { data, at } = chunk
  chunk.at = at + batchSizeAt(data, at)
  if (chunk.at <= at || chunk.at > data.length) {
    throw new Error(`the chunk at ${chunk.header.firstOffset} is damaged`)
  }
  return data.subarray(at, chunk.at)
}

function sizeOf(batches: readonly Uint8Array[]): number {
  return batches.reduce((sum, { length }) => sum + length, 0)
}
