// What was ever written to one partition, heard at its storage while it is written: each batch with its place
// and its time, how each transaction ended, where segments began. It forgets nothing but what a crash has
// lost, and knows nothing of what the partition did with it later. Judges compare that with this.

import { readControlRecord } from '../../../src/record/control.ts'
import { type BatchHeader, readBatchHeader } from '../../../src/record/header.ts'
import { recordsOf, type StoredRecord } from '../../../src/record/records.ts'
import { batchesIn } from '../../../src/record/stored.ts'
import type { Statement, StorageWitness } from '../platform/storage.ts'

/** The header of a record that carries its token. */
export const TOKEN_HEADER = 'token'

const utf8 = new TextDecoder()

/** One record as it was written. */
export interface WrittenRecord {
  readonly offset: number
  readonly token: string
  /** null: without a key. */
  readonly key: string | null
  readonly isTombstone: boolean
  readonly timestamp: number
  readonly batch: WrittenBatch
}

/** One batch as it was written. */
export interface WrittenBatch {
  readonly header: BatchHeader
  readonly baseOffset: number
  readonly lastOffset: number
  readonly marker: 'commit' | 'abort' | null
  readonly records: readonly WrittenRecord[]
  readonly writtenMs: number
  /** In the storage's journal: behind it. */
  readonly position: number
  /** Of its transaction, as far as it is written. */
  outcome: 'none' | 'open' | 'committed' | 'aborted'
}

/** The beginning of a segment. */
export interface WrittenSegment {
  readonly baseOffset: number
  readonly writtenMs: number
  readonly position: number
}

/** What a batch's record says. */
export function contentOf({ key, value, headers }: StoredRecord) {
  const token = headers.find((header) => header.key === TOKEN_HEADER)?.value ?? value
  return {
    token: utf8.decode(token ?? undefined),
    key: key === null ? null : utf8.decode(key),
    isTombstone: value === null,
  }
}

/** See the head of this file. */
export class WrittenLog implements StorageWitness {
  readonly #now: () => number
  /** In the order of their offsets, without a gap. */
  readonly batches: WrittenBatch[] = []
  readonly segments: WrittenSegment[] = []
  #records = new Map<number, WrittenRecord>()
  #byKey = new Map<string, WrittenRecord[]>()
  #byBase = new Map<number, WrittenBatch>()
  #open = new Map<number, WrittenBatch[]>()
  /** Where the log starts, by what is stored. */
  #starts: { readonly value: number; readonly position: number }[] = []
  /** Hears of a new log start when it is stored. */
  started: (logStart: number, before: number) => void = () => {}
  /** Hears from where on the log is kept locally, when that is stored. */
  trimmed: (localStart: number) => void = () => {}
  /** Hears from which offset on a crash has lost what was written. */
  lost: (fromOffset: number) => void = () => {}

  constructor(now: () => number) {
    this.#now = now
  }

  get logStart(): number {
    return this.#starts.at(-1)?.value ?? 0
  }

  /** As it is when all behind a position is lost. */
  logStartAt(position: number): number {
    return this.#starts.findLast((start) => start.position <= position)?.value ?? 0
  }

  get nextOffset(): number {
    return (this.batches.at(-1)?.lastOffset ?? -1) + 1
  }

  /** First offset of the oldest transaction that is open; the end without one. */
  get stableOffset(): number {
    let stable = this.nextOffset
    for (const [first] of this.#open.values()) {
      if (first !== undefined) stable = Math.min(stable, first.baseOffset)
    }
    return stable
  }

  /** Where the last segment begins. */
  get activeFrom(): number {
    return this.segments.at(-1)?.baseOffset ?? 0
  }

  record(offset: number): WrittenRecord | undefined {
    return this.#records.get(offset)
  }

  get records(): Iterable<WrittenRecord> {
    return this.#records.values()
  }

  /** The batch that was given this base offset. */
  batch(baseOffset: number): WrittenBatch | undefined {
    return this.#byBase.get(baseOffset)
  }

  get keys(): Iterable<string> {
    return this.#byKey.keys()
  }

  ofKey(key: string): readonly WrittenRecord[] {
    return this.#byKey.get(key) ?? []
  }

  /** The highest time of the records in [from, end); -Infinity without any. */
  newestMs(from: number, end: number): number {
    let newest = Number.NEGATIVE_INFINITY
    for (let offset = from; offset < end; offset++) {
      newest = Math.max(newest, this.#records.get(offset)?.timestamp ?? newest)
    }
    return newest
  }

  /** When the segment was closed that holds the offset; null while it is the last one. */
  closedMs(offset: number): number | null {
    return this.segments.find(({ baseOffset }) => baseOffset > offset)?.writtenMs ?? null
  }

  wrote(statements: readonly Statement[], position: number): void {
    let chunk: { readonly firstOffset: number; readonly pieces: Uint8Array[] } | null = null
    const flush = () => {
      if (chunk !== null) this.#add(joined(chunk.pieces), position)
      chunk = null
    }
    for (const { query, bindings } of statements) {
      const [first] = bindings
      if (query.startsWith('INSERT INTO chunk ')) {
        flush()
        // Compaction inserts too, between chunks that are there.
        if (Number(first) < this.nextOffset) continue
        chunk = { firstOffset: Number(first), pieces: [bindings.at(-1) as Uint8Array] }
      } else if (query.startsWith('INSERT INTO chunk_part ')) {
        if (chunk?.firstOffset === Number(first)) chunk.pieces.push(bindings.at(-1) as Uint8Array)
      } else if (query.startsWith('INSERT INTO segment ')) {
        this.segments.push({ baseOffset: Number(first), writtenMs: this.#now(), position })
      } else if (query.startsWith('INSERT INTO tiering ')) {
        this.trimmed(Number(first))
      } else if (query.startsWith('UPDATE leader ')) {
        const value = Number(bindings[2])
        const before = this.logStart
        if (value === before) continue
        this.#starts.push({ value, position })
        this.started(value, before)
      }
    }
    flush()
  }

  cut(position: number): void {
    while ((this.segments.at(-1)?.position ?? 0) > position) this.segments.pop()
    while ((this.#starts.at(-1)?.position ?? 0) > position) this.#starts.pop()
    let from: number | null = null
    while ((this.batches.at(-1)?.position ?? 0) > position) {
      from = this.batches.pop()?.baseOffset ?? null
    }
    if (from !== null) {
      const kept = this.batches.splice(0)
      this.#records = new Map()
      this.#byKey = new Map()
      this.#byBase = new Map()
      this.#open = new Map()
      for (const batch of kept) this.#take(batch)
    }
    this.lost(from ?? this.nextOffset)
  }

  #add(data: Uint8Array, position: number): void {
    for (const bytes of batchesIn(data)) {
      const header = readBatchHeader(bytes)
      const records: WrittenRecord[] = []
      let marker: WrittenBatch['marker'] = null
      const batch: WrittenBatch = {
        header,
        baseOffset: header.baseOffset,
        lastOffset: header.baseOffset + header.lastOffsetDelta,
        get marker() {
          return marker
        },
        records,
        writtenMs: this.#now(),
        position,
        outcome: 'none',
      }
      for (const record of recordsOf(bytes)) {
        if (header.control) {
          const { kind } = readControlRecord(record) ?? {}
          if (kind === 'commit' || kind === 'abort') marker = kind
          continue
        }
        const { offset, timestamp } = record
        records.push({ offset, timestamp, ...contentOf(record), batch })
      }
      this.#take(batch)
    }
  }

  #take(batch: WrittenBatch): void {
    this.batches.push(batch)
    this.#byBase.set(batch.baseOffset, batch)
    for (const record of batch.records) {
      this.#records.set(record.offset, record)
      if (record.key === null) continue
      const known = this.#byKey.get(record.key)
      if (known === undefined) this.#byKey.set(record.key, [record])
      else known.push(record)
    }
    const { producerId, transactional } = batch.header
    if (batch.marker !== null) {
      const outcome = batch.marker === 'commit' ? 'committed' : 'aborted'
      for (const ended of this.#open.get(producerId) ?? []) ended.outcome = outcome
      this.#open.delete(producerId)
    } else if (transactional) {
      batch.outcome = 'open'
      this.#open.set(producerId, [...(this.#open.get(producerId) ?? []), batch])
    }
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces))
}
