// CRC-32C in WebAssembly against the same algorithm (sixteen bytes a step) in plain TypeScript, and
// what walking the records of an uncompressed batch costs beside its CRC. In this process; no broker.

import { crc32c } from '../../../src/core/wasm.ts'
import { buildBatch } from '../../../src/record/build.ts'
import { BATCH_HEADER_BYTES, computeBatchCrc, readBatchHeader } from '../../../src/record/header.ts'
import { walkRecords } from '../../../src/record/records.ts'
import { type Figure, median, ratios } from '../rounds.ts'

const KiB = 1024
const ROUNDS = 11

function makeTables(): Uint32Array {
  const tables = new Uint32Array(16 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0)
    tables[byte] = crc
  }
  for (let entry = 256; entry < tables.length; entry++) {
    const before = tables[entry - 256] as number
    tables[entry] = (before >>> 8) ^ (tables[before & 255] as number)
  }
  return tables
}

const T = makeTables()

/** CRC-32C by the algorithm of wasm/assembly/crc32c.ts. */
export function plainCrc32c(bytes: Uint8Array): number {
  let crc = -1
  let at = 0
  const whole = bytes.length - 15
  for (; at < whole; at += 16) {
    crc =
      T[bytes[at + 15]!]! ^
      T[256 + bytes[at + 14]!]! ^
      T[512 + bytes[at + 13]!]! ^
      T[768 + bytes[at + 12]!]! ^
      T[1024 + bytes[at + 11]!]! ^
      T[1280 + bytes[at + 10]!]! ^
      T[1536 + bytes[at + 9]!]! ^
      T[1792 + bytes[at + 8]!]! ^
      T[2048 + bytes[at + 7]!]! ^
      T[2304 + bytes[at + 6]!]! ^
      T[2560 + bytes[at + 5]!]! ^
      T[2816 + bytes[at + 4]!]! ^
      T[3072 + (bytes[at + 3]! ^ (crc >>> 24))]! ^
      T[3328 + (bytes[at + 2]! ^ ((crc >>> 16) & 255))]! ^
      T[3584 + (bytes[at + 1]! ^ ((crc >>> 8) & 255))]! ^
      T[3840 + (bytes[at]! ^ (crc & 255))]!
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ T[(crc ^ bytes[at]!) & 255]!
  return ~crc >>> 0
}

/** Bytes per millisecond of each contender in each round, all in turn in every round. */
function race<Name extends string>(
  bytes: number,
  contenders: Readonly<Record<Name, () => void>>,
): Record<Name, number[]> {
  const names = Object.keys(contenders) as Name[]
  const rates = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<
    Name,
    number[]
  >
  const times = Math.max(1, Math.floor((8 * KiB * KiB) / bytes))
  // Round -1 warms up and does not count.
  for (let round = -1; round < ROUNDS; round++)
    for (const name of names) {
      const start = performance.now()
      for (let i = 0; i < times; i++) contenders[name]()
      if (round >= 0) rates[name].push((bytes * times) / (performance.now() - start))
    }
  return rates
}

function gigabytes(bytesPerMs: readonly number[]): string {
  return `${(median(bytesPerMs) / 1e6).toFixed(2)} GB/s`
}

/** Bytes that are neither all alike nor random. */
function filled(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at++) bytes[at] = Math.imul(at, 0x9e3779b1) >>> 13
  return bytes
}

function crcFigure(length: number): Figure {
  const bytes = filled(length)
  if (crc32c(bytes) !== plainCrc32c(bytes)) throw new Error('the two disagree')
  const { wasm, plain } = race(length, {
    wasm: () => crc32c(bytes),
    plain: () => plainCrc32c(bytes),
  })
  return {
    name: `CRC-32C of ${length / KiB} KiB: WebAssembly / TypeScript`,
    values: ratios(wasm, plain),
    goal: { atLeast: 1.2 },
    detail: `${gigabytes(wasm)} against ${gigabytes(plain)}`,
  }
}

/** Time of walking an uncompressed batch of 64 KiB as a share of the time of its CRC. */
function walkFigure(valueBytes: number): Figure {
  const count = Math.floor((64 * KiB) / (valueBytes + 24))
  const record = { timestamp: 1, key: filled(16), value: filled(valueBytes) }
  const batch = buildBatch({ records: Array.from({ length: count }, () => record) })
  const header = readBatchHeader(batch)
  const { crc, walk } = race(batch.length, {
    crc: () => computeBatchCrc(batch),
    walk: () => walkRecords(batch, BATCH_HEADER_BYTES, header),
  })
  const microseconds = (batch.length / median(walk)) * 1000
  return {
    name: `walk of ${valueBytes}-byte records: time / CRC-32C`,
    values: ratios(crc, walk),
    goal: null,
    detail: `${microseconds.toFixed(1)} µs for ${count} records in 64 KiB`,
  }
}

/** The CRC at 1 KiB, 16 KiB and 1 MiB, and the walk with small and larger records. */
export function checksumFigures(): Figure[] {
  return [...[KiB, 16 * KiB, KiB * KiB].map(crcFigure), ...[100, 1024].map(walkFigure)]
}
