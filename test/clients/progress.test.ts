// A fetch always gets further, whatever its offset and however small its limits (KIP-74): from memory,
// from storage, inside a chunk row that holds many batches, and inside a batch larger than a row.
// The chunk row is looked up in the data folder, so that the scenario cannot miss what it is about.

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { Produce } from '../../src/protocol/messages/produce.ts'
import { batch, batchOfSize, type ReadBatch, readBatches } from './batches.ts'
import { startBroker } from './broker.ts'
import { createTopic, type FetchOptions, fetch, produce, produceBody } from './calls.ts'
import { suite } from './target.ts'
import { Wire } from './wire.ts'

const { scenario, connect, topic } = suite('progress')

const BATCH_BYTES = 16 * 1024
const BATCH_RECORDS = 16
const BATCHES = 64
const CHUNK_BYTES = BATCHES * BATCH_BYTES
const FETCH_BYTES = 64 * 1024
const LAST_OFFSET = BATCHES * BATCH_RECORDS

/** Sixteen records that make a batch of exactly 16 KiB. */
const SIXTEEN_KIB = (() => {
  const filled = (lastBytes: number) =>
    batch({
      records: Array.from({ length: BATCH_RECORDS }, (_, index) => ({
        value: Buffer.alloc(index === BATCH_RECORDS - 1 ? lastBytes : 1000, 0x61 + index),
      })),
    })
  return filled(1000 + BATCH_BYTES - filled(1000).length)
})()

/** One record of 1 MiB at offset 0: while it is committed, the batches behind it gather. */
const OPENER = batchOfSize(1024 * 1024, {})

/** Offset 0 is the opener, 1 to LAST_OFFSET are the 64 batches, all sent before the first answer. */
async function fill(wire: Wire, name: string, partition = 0): Promise<void> {
  const batches = [OPENER, ...Array.from({ length: BATCHES }, () => SIXTEEN_KIB)]
  const sent = batches.map((bytes) => wire.send(Produce, 9, produceBody(name, partition, bytes)))
  for (const id of sent) {
    const { responses } = await wire.answer(Produce, 9, id)
    expect(responses[0]!.partitionResponses[0]!.errorCode).toBe(0)
  }
}

/** What a fetch gives at an offset: contiguous whole batches from the one that covers it. */
async function batchesAt(
  wire: Wire,
  name: string,
  offset: number,
  options: FetchOptions,
  partition = 0,
): Promise<ReadBatch[]> {
  const got = await fetch(wire, name, partition, offset, options)
  const batches = readBatches(got.records)
  const [first] = batches
  const at = `at ${offset} of ${name}-${partition}, ${JSON.stringify(options)}`
  expect(got.errorCode, at).toBe(0)
  if (first === undefined) throw new Error(`no progress ${at}`)
  expect(first.baseOffset, at).toBeLessThanOrEqual(offset)
  expect(first.lastOffset, at).toBeGreaterThanOrEqual(offset)
  for (const [index, one] of batches.entries()) {
    expect(one.crcOk, at).toBe(true)
    if (index > 0) expect(one.baseOffset, at).toBe(batches[index - 1]!.lastOffset + 1)
  }
  return batches
}

/** Fetches 64 KiB at every offset of the 64 batches; then every chain of next offsets reaches the end. */
async function fetchAtEveryOffset(wire: Wire, name: string): Promise<void> {
  const next = new Map<number, number>()
  for (let offset = 1; offset <= LAST_OFFSET; offset += 1) {
    const batches = await batchesAt(wire, name, offset, { partitionMaxBytes: FETCH_BYTES })
    const left = BATCHES - Math.floor((offset - 1) / BATCH_RECORDS)
    expect(batches, `batches at ${offset}`).toHaveLength(Math.min(FETCH_BYTES / BATCH_BYTES, left))
    next.set(offset, batches.at(-1)!.lastOffset + 1)
  }
  for (const start of next.keys()) {
    let position = start
    for (let steps = 0; next.has(position); steps += 1) {
      expect(steps, `steps from ${start}`).toBeLessThan(BATCHES)
      position = next.get(position)!
    }
    expect(position, `from ${start}`).toBe(LAST_OFFSET + 1)
  }
}

/** Limits around a batch's size, as the partition's and as the request's. */
async function fetchWithSmallLimits(wire: Wire, name: string): Promise<void> {
  const offsets = [1, 2, BATCH_RECORDS, BATCH_RECORDS + 1, LAST_OFFSET - 20, LAST_OFFSET]
  const limits = [0, 1, 60, 61, 12_345, BATCH_BYTES - 1, BATCH_BYTES, BATCH_BYTES + 1]
  for (const limit of [...limits, 2 * BATCH_BYTES - 1, 2 * BATCH_BYTES]) {
    for (const offset of offsets) {
      const left = BATCHES - Math.floor((offset - 1) / BATCH_RECORDS)
      const expected = Math.min(Math.max(1, Math.floor(limit / BATCH_BYTES)), left)
      for (const options of [{ partitionMaxBytes: limit }, { maxBytes: limit }]) {
        const batches = await batchesAt(wire, name, offset, options)
        expect(batches, `at ${offset}, ${JSON.stringify(options)}`).toHaveLength(expected)
      }
    }
  }
}

/** Reads on from each next offset with a limit of one byte; gives the offsets it fetched at. */
async function walk(wire: Wire, name: string, end: number): Promise<number[]> {
  const visited: number[] = []
  for (let offset = 0; offset < end; ) {
    visited.push(offset)
    const batches = await batchesAt(wire, name, offset, { partitionMaxBytes: 1 })
    offset = batches.at(-1)!.lastOffset + 1
  }
  return visited
}

const EVERY_BATCH = [0, ...Array.from({ length: BATCHES }, (_, index) => 1 + index * BATCH_RECORDS)]

describe('A fetch in a partition of 16 KiB batches', () => {
  scenario('of 64 KiB gets four batches further at every offset', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    await fill(wire, name)
    await fetchAtEveryOffset(wire, name)
  })

  scenario('with limits below one batch gets one whole batch', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    await fill(wire, name)
    await fetchWithSmallLimits(wire, name)
    expect(await walk(wire, name, LAST_OFFSET + 1)).toEqual(EVERY_BATCH)
  })

  scenario('gives a batch of 4 MiB whole at each of its offsets', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name, 1, { 'max.message.bytes': `${8 * 1024 * 1024}` })
    await fillLarge(wire, name)
    await fetchAroundLarge(wire, name)
  })
})

describe('A chunk row of 1 MiB', () => {
  test('is read on from at every offset, from memory and after a restart', async () => {
    const first = await startBroker()
    let stop = first.stop
    try {
      const wire = await Wire.open(first.kafka)
      const name = await topicWithFullChunk(wire, first.dataDir)
      await fetchAtEveryOffset(wire, name)
      const second = await first.restart()
      stop = second.stop
      const again = await Wire.open(second.kafka)
      await fetchAtEveryOffset(again, name)
      await fetchWithSmallLimits(again, name)
      expect(await walk(again, name, LAST_OFFSET + 1)).toEqual(EVERY_BATCH)
      again.close()
    } finally {
      await stop()
    }
  })

  test('is entered anywhere by the first fetch after a restart', async () => {
    const first = await startBroker()
    let stop = first.stop
    try {
      const wire = await Wire.open(first.kafka)
      const starts = [1, 2, 16, 17, 500, 961, 1009, LAST_OFFSET]
      await createTopic(wire, 'entered', starts.length)
      await createTopic(wire, 'large', 1, { 'max.message.bytes': `${8 * 1024 * 1024}` })
      for (const partition of starts.keys()) await fill(wire, 'entered', partition)
      await fillLarge(wire, 'large')
      const second = await first.restart()
      stop = second.stop
      const again = await Wire.open(second.kafka)
      for (const [partition, offset] of starts.entries()) {
        const options = { partitionMaxBytes: FETCH_BYTES }
        const batches = await batchesAt(again, 'entered', offset, options, partition)
        const left = BATCHES - Math.floor((offset - 1) / BATCH_RECORDS)
        expect(batches, `at ${offset}`).toHaveLength(Math.min(FETCH_BYTES / BATCH_BYTES, left))
      }
      await fetchAroundLarge(again, 'large')
      again.close()
    } finally {
      await stop()
    }
  })
})

const LARGE_RECORDS = 64

/** A small batch, one of 4 MiB (larger than a row), a small batch. */
async function fillLarge(wire: Wire, name: string): Promise<void> {
  const records = Array.from({ length: LARGE_RECORDS }, () => ({ value: Buffer.alloc(64 * 1024) }))
  for (const bytes of [SIXTEEN_KIB, batch({ records }), SIXTEEN_KIB]) {
    expect((await produce(wire, name, 0, bytes)).errorCode).toBe(0)
  }
}

async function fetchAroundLarge(wire: Wire, name: string): Promise<void> {
  const large = BATCH_RECORDS
  const after = large + LARGE_RECORDS
  for (const offset of [large, large + 1, large + 31, after - 1]) {
    const batches = await batchesAt(wire, name, offset, { partitionMaxBytes: FETCH_BYTES })
    expect(
      batches.map(({ baseOffset }) => baseOffset),
      `at ${offset}`,
    ).toEqual([large])
    expect(batches[0]!.records()).toHaveLength(LARGE_RECORDS)
  }
  const before = await batchesAt(wire, name, 0, { partitionMaxBytes: FETCH_BYTES })
  expect(before.map(({ baseOffset }) => baseOffset)).toEqual([0])
  expect(await walk(wire, name, after + BATCH_RECORDS)).toEqual([0, large, after])
}

/**
 * A topic whose 64 batches are one chunk row. Which batches share a flush is a matter of time, so
 * another topic is filled until it is so.
 */
async function topicWithFullChunk(wire: Wire, dataDir: string): Promise<string> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const name = `chunk-${attempt}`
    await createTopic(wire, name)
    await fill(wire, name)
    if (fullChunks(dataDir) > 0) return name
  }
  throw new Error('in 20 attempts no flush took all 64 batches')
}

/** Chunk rows of the whole broker that begin at offset 1 and hold the 64 batches. */
function fullChunks(dataDir: string): number {
  const folder = join(dataDir, 'objects', 'ottla-Partition')
  if (!existsSync(folder)) throw new Error(`${folder} is missing`)
  const files = readdirSync(folder).filter((file) => /^[0-9a-f]{64}\.sqlite$/.test(file))
  return files.reduce((sum, file) => {
    const database = new DatabaseSync(join(folder, file), { readOnly: true })
    const count = 'SELECT count(*) AS rows FROM chunk WHERE first_offset = 1 AND size = ?'
    const row = database.prepare(count).get(CHUNK_BYTES)
    database.close()
    return sum + Number(row?.rows)
  }, 0)
}
