// A mutated record batch where a broker judges it and where it is read again: it is admitted or refused with Kafka's
// error, what was admitted opened is sound, and the three readers of records (one by one, by cursor, in the
// WebAssembly module) agree on it. Bombs are among the batches.

import { admitBatch } from '../../../src/broker/batch-admission.ts'
import { NO_LAYERS, type TopicSettings, topicSettings } from '../../../src/core/configs.ts'
import { KafkaError } from '../../../src/core/errors.ts'
import { DECOMPRESSED_BATCH_BYTES } from '../../../src/core/limits.ts'
import { CodecError } from '../../../src/core/wasm.ts'
import { KeyHash } from '../../../src/partition/compaction/key-hash.ts'
import { RecordScan } from '../../../src/partition/compaction/record-scan.ts'
import { Codec, type CodecId, compress, isCodec } from '../../../src/record/compression.ts'
import {
  BATCH_HEADER_BYTES,
  computeBatchCrc,
  putInt16,
  putInt32,
  readBatchHeader,
} from '../../../src/record/header.ts'
import { RecordCursor } from '../../../src/record/record-cursor.ts'
import { recordBytes, recordsOf } from '../../../src/record/records.ts'
import type { Random } from '../../simulation/platform/random.ts'
import type { Mark } from '../marks.ts'
import { mutate } from '../mutations.ts'
import { seedBatches } from '../seeds.ts'

const NOW_MS = 1_700_000_000_000
/** Each costs as much as a thousand others. */
const BOMB_ONE_IN = 4_000
const BOMB_BYTES = DECOMPRESSED_BATCH_BYTES + 1024 * 1024
const MOST_RECORDS = 20_000_000

const LENGTH_AT = 8
const CRC_AT = 17
const ATTRIBUTES_AT = 21
const field = (at: number, length: number, kind: Mark['kind']): Mark => ({
  at,
  length,
  kind,
  role: null,
})
const HEADER: readonly Mark[] = [
  field(0, 8, 'int64'),
  field(LENGTH_AT, 4, 'int32'),
  field(12, 4, 'int32'),
  field(16, 1, 'int8'),
  field(CRC_AT, 4, 'int32'),
  field(ATTRIBUTES_AT, 2, 'int16'),
  field(23, 4, 'int32'),
  field(27, 8, 'int64'),
  field(35, 8, 'int64'),
  field(43, 8, 'int64'),
  field(51, 2, 'int16'),
  field(53, 4, 'int32'),
  field(57, 4, 'int32'),
]

const base = topicSettings({}, NO_LAYERS)
const SETTINGS: readonly TopicSettings[] = [
  base,
  { ...base, validateRecords: true },
  { ...base, cleanupCompact: true },
  { ...base, messageTimestampType: 'LogAppendTime' },
  ...(['uncompressed', 'gzip', 'snappy', 'lz4', 'zstd'] as const).map((compressionType) => ({
    ...base,
    compressionType,
  })),
]
const ERRORS = new Set<number>(Object.values(KafkaError))
const scan = new RecordScan(new KeyHash(Uint32Array.from([1, 2, 3, 4])))
const bombs = new Map<CodecId, Uint8Array>()

/** A batch as an attacker would make it. */
export function batchMutant(random: Random): Uint8Array {
  const seeds = seedBatches()
  const { bytes } = random.pick(seeds)
  if (random.next() % BOMB_ONE_IN === 0) return bomb(random, bytes)
  const donor = random.pick(seeds).bytes
  const kind = random.between(0, 9)
  if (kind < 3) return mended(random, mutate(random, bytes, HEADER, donor))
  const header = readBatchHeader(bytes)
  const content = recordBytes(bytes, header)
  const changed = kind < 9 ? mutate(random, content, [], donor) : content
  const codec = random.pick(Object.values(Codec))
  const batch = withContent(bytes, codec, compress(codec, changed))
  // Damage to the compressed form as well, now and then.
  return mended(random, random.chance(0.15) ? mutate(random, batch, HEADER, donor) : batch)
}

/** Very many zeros behind the header of a batch, with any number of records said to be there. */
function bomb(random: Random, bytes: Uint8Array): Uint8Array {
  const codec = random.pick([Codec.gzip, Codec.snappy, Codec.lz4, Codec.zstd])
  let content = bombs.get(codec)
  if (content === undefined) {
    content = compress(codec, new Uint8Array(BOMB_BYTES)).slice()
    bombs.set(codec, content)
  }
  const batch = withContent(bytes, codec, content)
  putInt32(batch, 57, random.pick([1, 1000, MOST_RECORDS, 0x7fff_ffff]))
  putInt32(batch, 23, readBatchHeader(batch).recordCount - 1)
  return mended(random, batch)
}

function withContent(bytes: Uint8Array, codec: CodecId, content: Uint8Array): Uint8Array {
  const batch = new Uint8Array(BATCH_HEADER_BYTES + content.length)
  batch.set(bytes.subarray(0, BATCH_HEADER_BYTES))
  batch.set(content, BATCH_HEADER_BYTES)
  putInt32(batch, LENGTH_AT, batch.length - 12)
  putInt16(batch, ATTRIBUTES_AT, (readBatchHeader(batch).attributes & ~7) | codec)
  return batch
}

/** With the right length and CRC, as an attacker sends it; now and then without. */
function mended(random: Random, batch: Uint8Array): Uint8Array {
  if (batch.length < BATCH_HEADER_BYTES) return batch
  if (random.chance(0.9)) putInt32(batch, LENGTH_AT, batch.length - 12)
  if (random.chance(0.9)) batch.fill(0, 0, 8)
  if (random.chance(0.9)) putInt32(batch, CRC_AT, computeBatchCrc(batch))
  return batch
}

/** Plays one batch. Throws what must not happen. */
export function fuzzBatch(random: Random): void {
  const settings = random.pick(SETTINGS)
  const version = random.between(3, 13)
  checkBatch(batchMutant(random), settings, version)
}

/** Judges a batch and reads it as everybody would who is to read it. */
export function checkBatch(
  bytes: Uint8Array,
  settings: TopicSettings = base,
  version = 13,
): 'admitted' | 'refused' {
  const verdict = admitBatch(bytes, settings, { version, nowMs: NOW_MS })
  if (verdict.kind === 'refused') {
    if (verdict.error === KafkaError.NONE || !ERRORS.has(verdict.error)) {
      throw new Error(`refused with error ${verdict.error}`)
    }
  } else {
    const { batch } = verdict
    const header = readBatchHeader(batch)
    if (header.sizeBytes !== batch.length) throw new Error('an admitted batch has another length')
    if (header.crc !== computeBatchCrc(batch)) throw new Error('an admitted batch has another CRC')
    const sent = readBatchHeader(bytes).codec
    const isOpened =
      settings.validateRecords ||
      settings.cleanupCompact ||
      sent === Codec.none ||
      sent !== header.codec
    readEverywhere(batch, isOpened)
  }
  if (bytes.length >= BATCH_HEADER_BYTES && readBatchHeader(bytes).sizeBytes === bytes.length) {
    readEverywhere(bytes, false)
  }
  return verdict.kind
}

/** @param sound nothing may be wrong with it */
function readEverywhere(batch: Uint8Array, sound: boolean): void {
  const header = readBatchHeader(batch)
  if (!isCodec(header.codec)) return
  let content: Uint8Array
  try {
    content = recordBytes(batch, header)
  } catch (error) {
    if (sound || !(error instanceof CodecError)) throw error
    return
  }
  if (content.length > DECOMPRESSED_BATCH_BYTES) throw new Error('a batch is over its bound')
  const oneByOne = counted(() => {
    let count = 0
    for (const record of recordsOf(batch)) count += record.offset < 0 ? 0 : 1
    return count
  })
  if (sound && oneByOne === 'malformed') throw new Error('an admitted batch cannot be read')
  const byCursor = counted(() => {
    const cursor = new RecordCursor(content, 0, header)
    let count = 0
    while (cursor.next()) count++
    return count
  })
  const inModule = counted(() => {
    let count = 0
    scan.begin({ content, at: 0 }, header)
    while (scan.next(true)) count += scan.count
    return count
  })
  if (byCursor !== inModule) throw new Error(`by cursor ${byCursor}, in the module ${inModule}`)
  if (sound && byCursor !== header.recordCount) {
    throw new Error(`${header.recordCount} records, by cursor ${byCursor}`)
  }
}

function counted(count: () => number): number | 'malformed' {
  try {
    return count()
  } catch (error) {
    if (error instanceof CodecError) return 'malformed'
    throw error
  }
}
