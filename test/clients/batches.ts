// Record batches (magic 2) built and read by hand for the client tests, independent of src/record so
// that neither proves itself; every header field can be set wrong. Layout: KIP-98, Kafka's
// "Record Batch" page. Also the older message sets (magic 0 and 1), which brokers must refuse.

import { crc32, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'

const HEADER_BYTES = 61
const CRC_FROM = 21

export const Codec = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const

/** A record to write; absent key or value is null. */
export interface PlainRecord {
  readonly key?: string | Uint8Array | null
  readonly value?: string | Uint8Array | null
  readonly headers?: readonly { readonly key: string; readonly value: string | null }[]
  /** Added to the batch's base timestamp. */
  readonly timestampDelta?: number
  /** Position in the batch when absent. */
  readonly offsetDelta?: number
}

/** Everything a batch says about itself; defaults describe a correct, uncompressed, plain batch. */
export interface BatchFields {
  readonly records: readonly PlainRecord[]
  /** Only none, gzip and zstd are compressed here; other codec bits come with `attributes`. */
  readonly codec?: number
  /** Bits beyond the codec's: 0x08 log append time, 0x10 transactional, 0x20 control. */
  readonly attributes?: number
  readonly baseOffset?: number
  readonly leaderEpoch?: number
  readonly magic?: number
  readonly timestamp?: number
  readonly maxTimestamp?: number
  readonly producerId?: bigint
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly lastOffsetDelta?: number
  readonly recordCount?: number
  /** Added to the right CRC. */
  readonly crcError?: number
  /** Stands for the records section, as is. */
  readonly payload?: Uint8Array
}

/** One batch in its wire form. */
export function batch(fields: BatchFields): Buffer {
  const { records, codec = Codec.none, timestamp = 1_700_000_000_000 } = fields
  const body = fields.payload ?? compress(codec, Buffer.concat(records.map(encodeRecord)))
  const out = Buffer.alloc(HEADER_BYTES + body.length)
  const deltas = records.map((record) => record.timestampDelta ?? 0)
  out.writeBigInt64BE(BigInt(fields.baseOffset ?? 0), 0)
  out.writeInt32BE(out.length - 12, 8)
  out.writeInt32BE(fields.leaderEpoch ?? -1, 12)
  out.writeInt8(fields.magic ?? 2, 16)
  out.writeInt16BE(codec | (fields.attributes ?? 0), 21)
  out.writeInt32BE(fields.lastOffsetDelta ?? records.length - 1, 23)
  out.writeBigInt64BE(BigInt(timestamp), 27)
  out.writeBigInt64BE(BigInt(fields.maxTimestamp ?? timestamp + Math.max(0, ...deltas)), 35)
  out.writeBigInt64BE(fields.producerId ?? -1n, 43)
  out.writeInt16BE(fields.producerEpoch ?? -1, 51)
  out.writeInt32BE(fields.baseSequence ?? -1, 53)
  out.writeInt32BE(fields.recordCount ?? records.length, 57)
  out.set(body, HEADER_BYTES)
  out.writeUInt32BE((crc32c(out.subarray(CRC_FROM)) + (fields.crcError ?? 0)) >>> 0, 17)
  return out
}

/** A batch of `count` records whose whole size is exactly `size` bytes (size ≥ 90, count 1). */
export function batchOfSize(size: number, fields: Partial<BatchFields> = {}): Buffer {
  for (let value = size - 90; value <= size; value += 1) {
    const made = batch({ ...fields, records: [{ value: Buffer.alloc(value, 0x61) }] })
    if (made.length === size) return made
  }
  throw new Error(`no one-record batch is ${size} bytes`)
}

/** A message set of magic 0 or 1 with one message, as Kafka before 0.11 wrote it. */
export function messageSet(magic: 0 | 1, value: string): Buffer {
  const stamp = magic === 1 ? int64(1_700_000_000_000) : Buffer.alloc(0)
  const body = Buffer.concat([
    Buffer.from([magic, 0]),
    stamp,
    int32(-1),
    int32(value.length),
    Buffer.from(value),
  ])
  const crc = Buffer.alloc(4)
  crc.writeUInt32BE(crc32(body))
  return Buffer.concat([int64(0), int32(4 + body.length), crc, body])
}

/** A record read back. */
export interface ReadRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly { readonly key: string; readonly value: string | null }[]
}

/** A stored batch as the broker returned it. */
export interface ReadBatch {
  readonly baseOffset: number
  readonly sizeBytes: number
  readonly leaderEpoch: number
  readonly magic: number
  readonly crcOk: boolean
  readonly codec: number
  readonly attributes: number
  readonly lastOffset: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
  /** Decodes none, gzip and zstd; throws for others. */
  records(): ReadRecord[]
}

/** Splits what a fetch returned into batches. Kafka may cut the last one short: it is left out. */
export function readBatches(bytes: Uint8Array | null): ReadBatch[] {
  const buffer = Buffer.from(bytes ?? [])
  const batches: ReadBatch[] = []
  for (let at = 0; at + 12 <= buffer.length; ) {
    const size = 12 + buffer.readInt32BE(at + 8)
    if (at + size > buffer.length) break
    batches.push(readBatch(buffer.subarray(at, at + size)))
    at += size
  }
  return batches
}

/** All records of what a fetch returned, in order. */
export function readRecords(bytes: Uint8Array | null): ReadRecord[] {
  return readBatches(bytes).flatMap((one) => one.records())
}

function readBatch(bytes: Buffer): ReadBatch {
  const attributes = bytes.readInt16BE(21)
  const codec = attributes & 7
  const baseOffset = Number(bytes.readBigInt64BE(0))
  const baseTimestamp = Number(bytes.readBigInt64BE(27))
  const maxTimestamp = Number(bytes.readBigInt64BE(35))
  const recordCount = bytes.readInt32BE(57)
  const appendTime = (attributes & 8) !== 0
  return {
    baseOffset,
    sizeBytes: bytes.length,
    leaderEpoch: bytes.readInt32BE(12),
    magic: bytes.readInt8(16),
    crcOk: bytes.readUInt32BE(17) === crc32c(bytes.subarray(CRC_FROM)),
    codec,
    attributes,
    lastOffset: baseOffset + bytes.readInt32BE(23),
    baseTimestamp,
    maxTimestamp,
    producerId: bytes.readBigInt64BE(43),
    producerEpoch: bytes.readInt16BE(51),
    baseSequence: bytes.readInt32BE(53),
    recordCount,
    records() {
      const cursor = new Cursor(decompress(codec, bytes.subarray(HEADER_BYTES)))
      return Array.from({ length: recordCount }, () => {
        const record = cursor.record()
        const timestamp = appendTime ? maxTimestamp : baseTimestamp + record.timestampDelta
        const { key, value, headers } = record
        return { offset: baseOffset + record.offsetDelta, timestamp, key, value, headers }
      })
    },
  }
}

class Cursor {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  record() {
    this.#varint()
    this.#at += 1
    const timestampDelta = this.#varint()
    const offsetDelta = this.#varint()
    const key = this.#text()
    const value = this.#text()
    const headers = Array.from({ length: this.#varint() }, () => ({
      key: this.#text() ?? '',
      value: this.#text(),
    }))
    return { timestampDelta, offsetDelta, key, value, headers }
  }

  #text(): string | null {
    const length = this.#varint()
    if (length < 0) return null
    this.#at += length
    return this.#bytes.toString('utf8', this.#at - length, this.#at)
  }

  #varint(): number {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#bytes.readUInt8(this.#at)
      this.#at += 1
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return Number((value >> 1n) ^ -(value & 1n))
    }
  }
}

function encodeRecord(record: PlainRecord, position: number): Buffer {
  const headers = record.headers ?? []
  const body = Buffer.concat([
    Buffer.from([0]),
    varint(record.timestampDelta ?? 0),
    varint(record.offsetDelta ?? position),
    bytesOrNull(record.key),
    bytesOrNull(record.value),
    varint(headers.length),
    ...headers.flatMap((header) => [bytesOrNull(header.key), bytesOrNull(header.value)]),
  ])
  return Buffer.concat([varint(body.length), body])
}

function bytesOrNull(value: string | Uint8Array | null | undefined): Buffer {
  if (value === null || value === undefined) return varint(-1)
  const bytes = Buffer.from(value as string)
  return Buffer.concat([varint(bytes.length), bytes])
}

function varint(value: number): Buffer {
  const out: number[] = []
  let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n))
  for (; rest > 0x7fn; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80)
  out.push(Number(rest))
  return Buffer.from(out)
}

function compress(codec: number, bytes: Buffer): Buffer {
  if (codec === Codec.gzip) return gzipSync(bytes)
  if (codec === Codec.zstd) return zstdCompressSync(bytes)
  return bytes
}

function decompress(codec: number, bytes: Buffer): Buffer {
  if (codec === Codec.none) return bytes
  if (codec === Codec.gzip) return gunzipSync(bytes)
  if (codec === Codec.zstd) return zstdDecompressSync(bytes)
  throw new Error(`codec ${codec} is not decoded here`)
}

function int32(value: number): Buffer {
  const out = Buffer.alloc(4)
  out.writeInt32BE(value)
  return out
}

function int64(value: number): Buffer {
  const out = Buffer.alloc(8)
  out.writeBigInt64BE(BigInt(value))
  return out
}

const CRC32C_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let crc = index
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc
})

/** CRC-32C (Castagnoli) of bytes, unsigned. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = (crc >>> 8) ^ CRC32C_TABLE[(crc ^ byte) & 0xff]!
  return (crc ^ 0xffffffff) >>> 0
}
