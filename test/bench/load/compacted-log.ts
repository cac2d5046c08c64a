// Logs of a compacted topic in SQLite in a file, and their compaction in this process: what the leader does of
// it, with no broker, no timers and no readers. Keys come in no order, as events of many entities do.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { NO_LAYERS, topicSettings } from '../../../src/core/configs.ts'
import type { TopicId } from '../../../src/core/ids.ts'
import { COMPACTION_STEP_BYTES, COMPACTION_STEP_MS } from '../../../src/core/limits/partition.ts'
import { CompactionStore } from '../../../src/partition/compaction/compaction-store.ts'
import { Compactor } from '../../../src/partition/compaction/compactor.ts'
import { CompactionSlot } from '../../../src/partition/compaction/slot.ts'
import { LogStore } from '../../../src/partition/store.ts'
import { buildBatch } from '../../../src/record/build.ts'
import { Codec, type CodecName } from '../../../src/record/compression.ts'
import { eventOf, randomFrom } from './events.ts'

const CHUNK_BYTES = 1024 * 1024
/** What producers send by default is 16 KiB; those that mean to be fast send several times as much. */
const BATCH_CONTENT_BYTES = 64 * 1024

const settings = {
  ...topicSettings({ 'cleanup.policy': 'compact' }, NO_LAYERS),
  minCleanableDirtyRatio: 0,
}

/** The platform's storage over a file. */
export class FileStorage {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, ReturnType<DatabaseSync['prepare']>>()
  rowsWritten = 0

  constructor(path: string) {
    this.#database = new DatabaseSync(path)
    this.#database.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -2000',
    )
  }

  readonly sql = {
    databaseSize: 0,
    exec: (query: string, ...bindings: unknown[]) => {
      let statement = this.#statements.get(query)
      if (statement === undefined) {
        statement = this.#database.prepare(query)
        this.#statements.set(query, statement)
      }
      const given = bindings as SQLInputValue[]
      if (!/^\s*SELECT/i.test(query)) {
        this.rowsWritten += Number(statement.run(...given).changes)
        return { toArray: () => [] }
      }
      const rows = statement.all(...given).map(withBuffers)
      return { toArray: () => rows }
    },
  }

  transactionSync<T>(closure: () => T): T {
    this.#database.exec('BEGIN')
    const result = closure()
    this.#database.exec('COMMIT')
    return result
  }

  close(): void {
    this.#database.close()
  }
}

function withBuffers(row: Record<string, unknown>) {
  for (const [name, value] of Object.entries(row)) {
    if (value instanceof Uint8Array) row[name] = bufferOf(value)
  }
  return row as Record<string, ArrayBuffer | string | number | null>
}

function bufferOf(bytes: Uint8Array): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = bytes
  const whole = byteOffset === 0 && byteLength === buffer.byteLength
  return (whole ? buffer : bytes.slice().buffer) as ArrayBuffer
}

/** What a log is made of. */
export interface LogShape {
  readonly codec: CodecName
  /** Of all records, before they are compressed. */
  readonly contentBytes: number
  readonly valueBytes: number
  /** Records of a key, on average. */
  readonly recordsPerKey: number
}

/** A log that was written. */
export interface WrittenLog {
  readonly end: number
  readonly records: number
  /** As stored: compressed. */
  readonly bytes: number
  readonly chunks: number
}

/** How a compaction went. */
export interface Compacted {
  readonly ms: number
  readonly cpuMs: number
  readonly steps: number
  readonly longestStepMs: number
  readonly leftBytes: number
  readonly rowsWritten: number
  /** Of heap and buffers, most. */
  readonly usedBytes: number
}

const text = new TextEncoder()

/** A folder with a log, removed by `close`. */
export class CompactedLog {
  readonly #folder = mkdtempSync(join(tmpdir(), 'ottla-compaction-'))
  readonly #storage = new FileStorage(join(this.#folder, 'log.sqlite'))
  readonly written: WrittenLog

  constructor(shape: LogShape) {
    this.written = this.#write(shape)
  }

  #write({ codec, contentBytes, valueBytes, recordsPerKey }: LogShape): WrittenLog {
    const store = new LogStore(this.#storage)
    const topic = { topicId: 'topic' as TopicId, partition: 0 }
    this.#storage.transactionSync(() => store.create(topic, { configVersion: 1, settings }))
    const random = randomFrom(1)
    const recordBytes = valueBytes + 20
    const perBatch = Math.max(1, Math.floor(BATCH_CONTENT_BYTES / recordBytes))
    const batches = Math.ceil(contentBytes / recordBytes / perBatch)
    const keys = Math.ceil((batches * perBatch) / recordsPerKey)
    let bytes = 0
    let chunks = 0
    let first = 0
    let chunk: Uint8Array[] = []
    let chunkBytes = 0
    const flush = (end: number) => {
      if (chunk.length === 0) return
      bytes += chunkBytes
      chunks++
      const common = { maxTimestamp: 1, runningMaxTimestamp: 1, producers: null, requests: null }
      const sizes = { sizeBytes: chunkBytes, runningSizeBytes: bytes }
      const data = new Uint8Array(Buffer.concat(chunk))
      const row = { ...common, ...sizes, firstOffset: first, lastOffset: end - 1, data }
      this.#storage.transactionSync(() => store.insertChunk(row))
      chunk = []
      chunkBytes = 0
      first = end
    }
    for (let index = 0; index < batches; index++) {
      const baseOffset = index * perBatch
      const records = Array.from({ length: perBatch }, () => ({
        timestamp: 1,
        key: text.encode(`key-${random() % keys}`),
        value: text.encode(eventOf(random, valueBytes)),
      }))
      const batch = buildBatch({ records, baseOffset, codec: Codec[codec] })
      if (chunkBytes + batch.length > CHUNK_BYTES) flush(baseOffset)
      chunk.push(batch)
      chunkBytes += batch.length
    }
    const end = batches * perBatch
    flush(end)
    return { end, records: end, bytes, chunks }
  }

  /** All batches, in order. */
  batches(): Uint8Array[] {
    const store = new CompactionStore(this.#storage)
    const found: Uint8Array[] = []
    for (const header of store.headersReaching(0, Number.MAX_SAFE_INTEGER)) {
      for (const data of store.chunkData(header)) {
        for (let at = 0; at < data.length; ) {
          const size = 12 + new DataView(data.buffer, data.byteOffset).getInt32(at + 8)
          found.push(data.subarray(at, at + size))
          at += size
        }
      }
    }
    return found
  }

  /** Compacts it, once. */
  compact(): Compacted {
    const { end } = this.written
    const store = new CompactionStore(this.#storage)
    const view = {
      logStart: 0,
      lastStableOffset: end,
      activeFrom: end,
      settings,
      activeProducers: () => new Map(),
      segmentStarts: () => new Set<number>(),
      segmentsJoined: () => {},
      coverProducers: () => {},
      replaced: () => {},
    }
    const compactor = new Compactor(view, store, {
      now: () => performance.now(),
      secret: () => crypto.getRandomValues(new Uint32Array(4)),
      report: (event, error) => {
        throw new Error(event, { cause: error })
      },
      slot: new CompactionSlot(),
    })
    globalThis.gc?.()
    const rowsBefore = this.#storage.rowsWritten
    const startMs = performance.now()
    const startCpu = process.cpuUsage()
    let steps = 0
    let longestStepMs = 0
    let usedBytes = 0
    for (let more = true; more; steps++) {
      const stepMs = performance.now()
      more = compactor.step(0, { bytes: COMPACTION_STEP_BYTES, ms: COMPACTION_STEP_MS })
      longestStepMs = Math.max(longestStepMs, performance.now() - stepMs)
      if (steps % 64 !== 0) continue
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      usedBytes = Math.max(usedBytes, heapUsed + arrayBuffers)
    }
    const ms = performance.now() - startMs
    const { user, system } = process.cpuUsage(startCpu)
    const cpuMs = (user + system) / 1e3
    const leftBytes = store.sizeBetween(0, end)
    const rowsWritten = this.#storage.rowsWritten - rowsBefore
    return { ms, cpuMs, steps, longestStepMs, leftBytes, rowsWritten, usedBytes }
  }

  close(): void {
    this.#storage.close()
    rmSync(this.#folder, { recursive: true })
  }
}
