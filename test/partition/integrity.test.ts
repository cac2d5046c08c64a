// Damage of stored rows: whatever is changed in a chunk is found when it is read back, is told for its
// own offsets alone, and is never served. What was appended after it, or before, is read as ever.

import { describe, expect, test } from 'vitest'
import { KafkaError } from '../../src/core/errors.ts'
import { offset } from '../../src/core/ids.ts'
import { ROW_BYTES } from '../../src/core/limits/partition.ts'
import { OffsetSpec } from '../../src/partition/times.ts'
import { rowChecksum } from '../../src/runtime/checked-table.ts'
import { Bench, batch, batchesOf, batchOfSize, SETTINGS, TARGET } from './harness.ts'

/** Three chunks: offsets 0-1, 2-3, 4-5. Nothing of them is in memory. */
async function threeChunks(): Promise<{ bench: Bench; batches: Uint8Array[] }> {
  const bench = new Bench()
  const batches = [1000, 2000, 3000].map((timestamp, index) => {
    return batch(2, { timestamps: [timestamp, timestamp], tag: `chunk ${index}`, valueBytes: 40 })
  })
  for (const one of batches) await bench.appended(one)
  bench.restart()
  return { bench, batches }
}

/** A bit of a column's number, or of a byte of a blob, is turned over. */
function flip(bench: Bench, column: string, firstOffset: number): void {
  const flipped = `(${column} | 4) - (${column} & 4)`
  bench.storage.direct(
    `UPDATE chunk SET ${column} = ${flipped} WHERE first_offset = ?`,
    firstOffset,
  )
}

function blobOf(bench: Bench, column: string, firstOffset: number): Uint8Array {
  const query = `SELECT ${column} AS blob FROM chunk WHERE first_offset = ?`
  return bench.storage.direct(query, firstOffset)[0]!.blob as Uint8Array
}

function put(bench: Bench, column: string, firstOffset: number, bytes: Uint8Array): void {
  bench.storage.direct(`UPDATE chunk SET ${column} = ? WHERE first_offset = ?`, bytes, firstOffset)
}

/** What of the middle chunk is damaged; each of these must be found. */
const DAMAGE: Readonly<Record<string, (bench: Bench) => void>> = {
  'a bit of its last offset': (bench) => flip(bench, 'last_offset', 2),
  'a bit of its size': (bench) => flip(bench, 'size', 2),
  'a bit of its highest time': (bench) => flip(bench, 'max_timestamp', 2),
  'a bit of the highest time up to it': (bench) => flip(bench, 'running_max_timestamp', 2),
  'a bit of the size up to it': (bench) => flip(bench, 'running_size', 2),
  'a bit of its checksum': (bench) => flip(bench, 'checksum', 2),
  'producers that it had not': (bench) => put(bench, 'producers', 2, new Uint8Array(3)),
  'requests that it had not': (bench) => put(bench, 'requests', 2, new Uint8Array(3)),
  'its batches are cut': (bench) => put(bench, 'data', 2, blobOf(bench, 'data', 2).slice(0, -1)),
  'its batches are gone': (bench) => put(bench, 'data', 2, new Uint8Array(0)),
  'its batches are another chunk’s': (bench) => put(bench, 'data', 2, blobOf(bench, 'data', 4)),
  'its row is gone': (bench) => bench.storage.direct('DELETE FROM chunk WHERE first_offset = 2'),
}

describe('A damaged chunk', () => {
  for (const [what, damage] of Object.entries(DAMAGE)) {
    test(`is refused and the others are read: ${what}`, async () => {
      const { bench, batches } = await threeChunks()
      damage(bench)
      const before = await bench.read(0)
      expect(before.error).toBe(KafkaError.NONE)
      expect(batchesOf(before)).toEqual([batches[0]])
      const damaged = await bench.read(2)
      expect(damaged).toMatchObject({ error: KafkaError.CORRUPT_MESSAGE, pieces: [] })
      expect(damaged.damage?.firstOffset).toBe(2)
      const after = await bench.read(4)
      expect(batchesOf(after)).toEqual([batches[2]])
    })
  }

  test('is found whichever bit of its batches is turned over', async () => {
    const { bench, batches } = await threeChunks()
    const whole = blobOf(bench, 'data', 2).slice()
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const bytes = whole.slice()
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      put(bench, 'data', 2, bytes)
      const { error, pieces } = await bench.read(2)
      expect({ bit, error, pieces }).toEqual({ bit, error: KafkaError.CORRUPT_MESSAGE, pieces: [] })
    }
    put(bench, 'data', 2, whole)
    expect(batchesOf(await bench.read(2))).toEqual([batches[1], batches[2]])
  })

  test('is reported with its place once, however often it is met', async () => {
    const { bench } = await threeChunks()
    flip(bench, 'size', 2)
    for (let times = 0; times < 3; times++) await bench.read(2)
    expect(bench.reported).toEqual(['stored records are damaged'])
  })

  test('is told to who looks up a time in it, and to nobody else', async () => {
    const { bench } = await threeChunks()
    flip(bench, 'checksum', 2)
    const at = (timestamp: number) =>
      bench.leader.listOffset({ ...TARGET, timestamp, readCommitted: false })
    expect(await at(1_000)).toMatchObject({ error: KafkaError.NONE, offset: 0 })
    expect(await at(2_000)).toMatchObject({ error: KafkaError.CORRUPT_MESSAGE, offset: -1 })
    expect(await at(3_000)).toMatchObject({ error: KafkaError.NONE, offset: 4 })
    expect(await at(OffsetSpec.LATEST)).toMatchObject({ error: KafkaError.NONE, offset: 6 })
  })

  test('of a layout without checksums is found by the CRCs of its batches', async () => {
    const { bench, batches } = await threeChunks()
    bench.storage.direct('UPDATE chunk SET checksum = NULL')
    expect(batchesOf(await bench.read(0))).toEqual(batches)
    bench.restart()
    const bytes = blobOf(bench, 'data', 2).slice()
    bytes[bytes.length - 1]! ^= 1
    put(bench, 'data', 2, bytes)
    expect((await bench.read(2)).error).toBe(KafkaError.CORRUPT_MESSAGE)
  })
})

describe('A damaged row about the whole log', () => {
  test.each([
    ['the log start', 'UPDATE leader SET log_start = log_start + 4'],
    ['the settings', "UPDATE leader SET settings = replace(settings, '6', '7')"],
    ['that it was deleted', 'UPDATE leader SET deleted = 1'],
    ['the row', 'DELETE FROM leader'],
    ['the segment that is written to', 'UPDATE segment SET created_ms = created_ms - 1'],
    ['where the producers’ state ends', 'UPDATE producer_snapshot SET next_offset = 2'],
    ['the producers’ state', "UPDATE producer_snapshot SET data = x'00'"],
  ])('is a clear error, and nothing is written: %s', async (_, damage) => {
    const { bench } = await threeChunks()
    await bench.leader.deleteRecords({ ...TARGET, offset: offset(1) })
    bench.storage.direct(
      'INSERT OR IGNORE INTO producer_snapshot (id, next_offset, data, checksum) VALUES (0, 1, ?, ?)',
      new Uint8Array(0),
      rowChecksum([1, new Uint8Array(0)]),
    )
    bench.restart()
    expect((await bench.read(2)).error).toBe(KafkaError.NONE)
    bench.restart()
    bench.storage.direct(damage)
    const rows = () =>
      bench.storage.direct('SELECT count(*) AS n, sum(length(data)) AS b FROM chunk')
    const before = rows()
    expect((await bench.read(2)).error).toBe(KafkaError.KAFKA_STORAGE_ERROR)
    const refused = { kind: 'refused', error: KafkaError.KAFKA_STORAGE_ERROR }
    expect(await bench.append(batch(1))).toMatchObject(refused)
    expect(rows()).toEqual(before)
    expect(bench.reported).toContain('the log was not loaded')
  })
})

describe('Chunks missing at the end', () => {
  test('are noticed where a producer snapshot lies behind them, and their offsets are not given out again', async () => {
    const { bench } = await threeChunks()
    bench.storage.direct(
      'INSERT INTO producer_snapshot (id, next_offset, data) VALUES (0, 6, ?)',
      new Uint8Array(0),
    )
    bench.storage.direct('DELETE FROM chunk WHERE first_offset = 4')
    bench.restart()
    expect(await bench.read(4)).toMatchObject({
      error: KafkaError.CORRUPT_MESSAGE,
      highWatermark: 6,
      damage: { firstOffset: 4, lastOffset: 5 },
    })
    expect(await bench.appended(batch(1))).toBe(6)
  })
})

describe('A batch in pieces', () => {
  const LARGE = 2 * ROW_BYTES + 100

  /** Offset 0 is small, 1 in three pieces, 2 small. */
  async function withLarge(): Promise<Bench> {
    const bench = new Bench()
    bench.admission = {
      alive: true,
      name: 'topic',
      configVersion: 1,
      settings: { ...SETTINGS, maxMessageBytes: 2 * LARGE },
    }
    await bench.appended(batch(1))
    await bench.appended(batchOfSize(LARGE))
    await bench.appended(batch(1))
    bench.restart()
    return bench
  }

  /** The error of reading all pieces, as the broker does. */
  async function readAll(bench: Bench): Promise<number> {
    const limits = { maxBytes: 10_000_000, atLeastOneBatch: true, readCommitted: false }
    const reply = await bench.leader.read({ ...TARGET, offset: offset(1), ...limits })
    if (reply.error !== KafkaError.NONE) return reply.error
    const crc = new DataView(reply.pieces[0]!.buffer).getUint32(17)
    for (let piece = 1; piece <= (reply.laterPieces ?? 0); piece++) {
      const got = await bench.leader.readPiece({ ...TARGET, baseOffset: offset(1), crc, piece })
      if (got.bytes === null) return got.error ?? KafkaError.NONE
    }
    return KafkaError.NONE
  }

  test('is read where it is whole', async () => {
    expect(await readAll(await withLarge())).toBe(KafkaError.NONE)
  })

  test.each([
    ['a piece is gone', 'DELETE FROM chunk_part WHERE part = 1'],
    ['the last piece is gone', 'DELETE FROM chunk_part WHERE part = 2'],
    ['a piece is cut', 'UPDATE chunk_part SET data = substr(data, 2) WHERE part = 1'],
    ['a piece is another’s', 'UPDATE chunk_part SET part = 9 - part WHERE part = 2'],
    [
      'a byte of a piece is another',
      "UPDATE chunk_part SET data = CAST(x'01' || substr(data, 2) AS BLOB) WHERE part = 2",
    ],
    [
      'its first piece is cut',
      'UPDATE chunk SET data = substr(data, 1, 1000000) WHERE first_offset = 1',
    ],
    ['its row is gone', 'DELETE FROM chunk WHERE first_offset = 1'],
  ])('is refused, and what follows is read: %s', async (_, damage) => {
    const bench = await withLarge()
    bench.storage.direct(damage)
    expect(await readAll(bench)).toBe(KafkaError.CORRUPT_MESSAGE)
    expect((await bench.read(2)).error).toBe(KafkaError.NONE)
    expect((await bench.read(0, 100)).error).toBe(KafkaError.NONE)
  })
})
