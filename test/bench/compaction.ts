// `node test/bench/compaction.ts [--mb N] [--keys N]`: how many megabytes of log a second compaction goes
// over, by codec, and what a pass over very many different keys holds in memory. The pure part, over
// SQLite in a file, in this process: no broker, no timers. Tiny unless told otherwise.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { parseArgs } from 'node:util'
import type { TopicId } from '../../src/core/ids.ts'
import type { CodecName } from '../../src/record/compression.ts'
import { installHooks } from '../simulation/hooks.ts'

installHooks(null)
const { NO_LAYERS, topicSettings } = await import('../../src/core/configs.ts')
const { CompactionStore } = await import('../../src/partition/compaction/compaction-store.ts')
const { Compactor } = await import('../../src/partition/compaction/compactor.ts')
const { CompactionSlot } = await import('../../src/partition/compaction/slot.ts')
const { LogStore } = await import('../../src/partition/store.ts')
const { buildBatch } = await import('../../src/record/build.ts')
const { Codec } = await import('../../src/record/compression.ts')

const MB = 1_000_000
const CHUNK_BYTES = 1024 * 1024
const RECORDS_PER_BATCH = 500

const { values } = parseArgs({
  options: { mb: { type: 'string', default: '16' }, keys: { type: 'string', default: '200000' } },
})

const settings = {
  ...topicSettings({ 'cleanup.policy': 'compact' }, NO_LAYERS),
  minCleanableDirtyRatio: 0,
}

/** The platform's storage over a file. */
class FileStorage {
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

interface Log {
  readonly records: number
  readonly keys: number
  readonly valueBytes: number
  readonly codec: CodecName
}

interface Written {
  readonly end: number
  readonly bytes: number
  readonly chunks: number
}

/** Writes a log of keys in turn. */
function write(storage: FileStorage, log: Log): Written {
  const store = new LogStore(storage)
  storage.transactionSync(() =>
    store.create({ topicId: 'topic' as TopicId, partition: 0 }, { configVersion: 1, settings }),
  )
  const text = new TextEncoder()
  let offset = 0
  let bytes = 0
  let chunks = 0
  let batches: Uint8Array[] = []
  let batchesBytes = 0
  let first = 0
  const flush = () => {
    if (batches.length === 0) return
    bytes += batchesBytes
    chunks++
    const common = { maxTimestamp: 1, runningMaxTimestamp: 1, producers: null }
    const sizes = { sizeBytes: batchesBytes, runningSizeBytes: bytes }
    const data = new Uint8Array(Buffer.concat(batches))
    storage.transactionSync(() =>
      store.insertChunk({ ...common, ...sizes, firstOffset: first, lastOffset: offset - 1, data }),
    )
    batches = []
    batchesBytes = 0
    first = offset
  }
  while (offset < log.records) {
    const baseOffset = offset
    const records = Array.from({ length: RECORDS_PER_BATCH }, (_, index) => {
      const key = (baseOffset + index) % log.keys
      const filler = `${(key * 2_654_435_761) % 1_000_000_007}`.padEnd(16, 'abcdefgh')
      const value = filler.repeat(Math.ceil(log.valueBytes / 16)).slice(0, log.valueBytes)
      return { timestamp: 1, key: text.encode(`key-${key}`), value: text.encode(value) }
    })
    const batch = buildBatch({ records, baseOffset, codec: Codec[log.codec] })
    if (batchesBytes + batch.length > CHUNK_BYTES) flush()
    batches.push(batch)
    batchesBytes += batch.length
    offset += RECORDS_PER_BATCH
  }
  flush()
  return { end: offset, bytes, chunks }
}

function compact(log: Log): void {
  const folder = mkdtempSync(join(tmpdir(), 'ottla-compaction-'))
  const storage = new FileStorage(join(folder, 'log.sqlite'))
  try {
    const written = write(storage, log)
    const store = new CompactionStore(storage)
    const view = {
      logStart: 0,
      lastStableOffset: written.end,
      activeFrom: written.end,
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
      report: (event, error) => console.error(event, error),
      slot: new CompactionSlot(),
    })
    globalThis.gc?.()
    const before = storage.rowsWritten
    const startedMs = performance.now()
    const startedCpu = process.cpuUsage()
    let steps = 0
    let longestMs = 0
    let peakBytes = 0
    for (let more = true; more; steps++) {
      const stepMs = performance.now()
      more = compactor.step(0, { bytes: 1024 * 1024, ms: 10 })
      longestMs = Math.max(longestMs, performance.now() - stepMs)
      if (steps % 64 === 0) {
        const { heapUsed, arrayBuffers } = process.memoryUsage()
        peakBytes = Math.max(peakBytes, heapUsed + arrayBuffers)
      }
    }
    const tookS = (performance.now() - startedMs) / 1000
    const cpu = process.cpuUsage(startedCpu)
    const cpuS = (cpu.user + cpu.system) / 1e6
    const left = store.sizeBetween(0, written.end)
    const rows = storage.rowsWritten - before
    console.log(
      [
        `${log.codec.padEnd(6)} ${log.keys} keys in ${log.records} records`,
        `${(written.bytes / MB).toFixed(0)} MB in ${written.chunks} chunks, ${(left / MB).toFixed(0)} MB left`,
        `${tookS.toFixed(1)} s, ${(written.bytes / MB / tookS).toFixed(0)} MB/s of log (${(written.bytes / MB / cpuS).toFixed(0)} a second of processor)`,
        `${steps} steps, the longest ${longestMs.toFixed(0)} ms`,
        `${rows} rows written`,
        `${(peakBytes / MB).toFixed(0)} MB in use at most, ${(process.memoryUsage().rss / MB).toFixed(0)} MB resident`,
      ].join('; '),
    )
  } finally {
    storage.close()
    rmSync(folder, { recursive: true })
  }
}

const bytes = Number(values.mb) * MB
for (const [codec, valueBytes] of [
  ['none', 1024],
  ['none', 100],
  ['lz4', 100],
  ['snappy', 100],
  ['zstd', 100],
  ['gzip', 100],
] as const) {
  const records = Math.ceil(bytes / (valueBytes + 20) / RECORDS_PER_BATCH) * RECORDS_PER_BATCH
  compact({ records, keys: Math.ceil(records / 10), valueBytes, codec })
}
const keys = Math.ceil(Number(values.keys) / RECORDS_PER_BATCH) * RECORDS_PER_BATCH
compact({ records: keys, keys, valueBytes: 16, codec: 'none' })
