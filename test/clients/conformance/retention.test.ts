// What retention deletes: the same batches are produced to Apache Kafka and to Ottla, and the same log
// start is left. Segments are cut by their bytes, or by the records' own times, so that both have them in
// the same places. KIP-33 (time by the records), UnifiedLog's deletion of segments.

import { describe, expect } from 'vitest'
import { DeleteRecords } from '../../../src/protocol/messages/delete-records.ts'
import { DescribeLogDirs } from '../../../src/protocol/messages/describe-log-dirs.ts'
import { IncrementalAlterConfigs } from '../../../src/protocol/messages/incremental-alter-configs.ts'
import { Produce } from '../../../src/protocol/messages/produce.ts'
import { batch, batchOfSize } from '../batches.ts'
import {
  createTopic,
  EARLIEST,
  fetch,
  LATEST,
  listOffsets,
  produce,
  storedRecords,
  until,
} from '../calls.ts'
import { suite } from '../target.ts'
import { addPartitions, end, producer } from '../transaction-calls.ts'
import type { Wire } from '../wire.ts'

const { scenario, connect, topic } = suite('retention', {
  set: { 'log.retention.check.interval.ms': '200' },
  oracle: { 'log.initial.task.delay.ms': '100' },
})

const OFFSET_OUT_OF_RANGE = 1
const MAX_TIMESTAMP = -3
const BYTES = 400_000
/** Two of BYTES fit. */
const SEGMENT_BYTES = { 'segment.bytes': '1048576' }
/** Batches a second apart are in segments of their own. */
const SEGMENT_MS = { 'segment.ms': '500' }
const SECOND = 1_000
const HOUR = 3_600_000
const NOW = Date.now()

/** Appends a batch of one record; its offset. */
async function append(wire: Wire, name: string, timestamp: number, bytes = 100): Promise<number> {
  const { errorCode, baseOffset } = await produce(wire, name, 0, batchOfSize(bytes, { timestamp }))
  expect(errorCode).toBe(0)
  return Number(baseOffset)
}

async function offsetAt(wire: Wire, name: string, timestamp: number) {
  const got = (await listOffsets(wire, name, [0], timestamp, 8)).topics[0]!.partitions[0]!
  expect(got.errorCode).toBe(0)
  return { offset: Number(got.offset), timestamp: Number(got.timestamp) }
}

async function logStart(wire: Wire, name: string): Promise<number> {
  return (await offsetAt(wire, name, EARLIEST)).offset
}

/** The log start becomes this and, some checks later, still is. */
async function becomes(wire: Wire, name: string, expected: number): Promise<void> {
  await until(async () => (await logStart(wire, name)) >= expected)
  await pause(900)
  expect(await logStart(wire, name)).toBe(expected)
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms))
}

async function alter(wire: Wire, name: string, config: string, value: string): Promise<void> {
  const configs = [{ name: config, configOperation: 0, value }]
  const resources = [{ resourceType: 2, resourceName: name, configs }]
  const { responses } = await wire.call(IncrementalAlterConfigs, 1, {
    resources,
    validateOnly: false,
  })
  expect(responses[0]!.errorCode).toBe(0)
}

async function sizeOf(wire: Wire, name: string): Promise<number> {
  const body = { topics: [{ topic: name, partitions: [0] }] }
  const { results } = await wire.call(DescribeLogDirs, 4, body)
  return Number(results[0]!.topics[0]!.partitions[0]!.partitionSize)
}

describe('retention.bytes', () => {
  for (const [bytes, start] of [
    [10 * BYTES, 0],
    [8 * BYTES + 1, 0],
    [8 * BYTES, 2],
    [6 * BYTES + 1, 2],
    [3 * BYTES, 6],
    [1, 8],
    [0, 10],
    [-1, 0],
  ] as const) {
    scenario(`of ${bytes} of ten batches of ${BYTES} keeps those from ${start} on`, async () => {
      const wire = await connect()
      const name = topic()
      const time = { 'retention.ms': '-1', 'retention.bytes': `${bytes}` }
      await createTopic(wire, name, 1, { ...SEGMENT_BYTES, ...time })
      for (let index = 0; index < 10; index++) await append(wire, name, NOW, BYTES)
      await becomes(wire, name, start)
      expect(await sizeOf(wire, name)).toBe((10 - start) * BYTES)
      expect((await offsetAt(wire, name, LATEST)).offset).toBe(10)
    })
  }

  scenario('counts for what is there already when it is altered', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name, 1, SEGMENT_BYTES)
    for (let index = 0; index < 6; index++) await append(wire, name, NOW, BYTES)
    await becomes(wire, name, 0)
    await alter(wire, name, 'retention.bytes', `${2 * BYTES}`)
    await becomes(wire, name, 4)
  })
})

describe('retention.ms', () => {
  scenario('deletes the segments whose largest timestamp is older', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name, 1, { ...SEGMENT_MS, 'retention.ms': `${HOUR}` })
    const old = NOW - 2 * HOUR
    for (const timestamp of [old, old + SECOND, old + 2 * SECOND, NOW - 60 * SECOND, NOW]) {
      await append(wire, name, timestamp)
    }
    await becomes(wire, name, 3)
    expect((await storedRecords(wire, name, 0, 3)).map(({ offset }) => offset)).toEqual([3, 4])
  })

  scenario('keeps a segment whose first records are older and whose last is not', async () => {
    const wire = await connect()
    const name = topic()
    const segments = { 'segment.ms': `${10 * HOUR}` }
    await createTopic(wire, name, 1, { ...segments, 'retention.ms': `${HOUR}` })
    for (const timestamp of [NOW - 5 * HOUR, NOW - 4 * HOUR, NOW])
      await append(wire, name, timestamp)
    await becomes(wire, name, 0)
  })

  scenario(
    'deletes the active segment too when all of it is older, and the log goes on',
    async () => {
      const wire = await connect()
      const name = topic()
      await createTopic(wire, name, 1, { 'retention.ms': `${HOUR}` })
      // In one request, or the first may be gone before the second comes.
      const records = [{ value: 'a' }, { value: 'b' }, { value: 'c' }]
      await produce(wire, name, 0, batch({ records, timestamp: NOW - 2 * HOUR }))
      await becomes(wire, name, 3)
      expect(await sizeOf(wire, name)).toBe(0)
      expect(await offsetAt(wire, name, MAX_TIMESTAMP)).toEqual({ offset: -1, timestamp: -1 })
      expect(await append(wire, name, NOW)).toBe(3)
      expect(await fetch(wire, name, 0, 3)).toMatchObject({ errorCode: 0, highWatermark: 4 })
      await becomes(wire, name, 3)
    },
  )

  scenario('is held up by a timestamp of the future, and so is all that comes behind', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name, 1, { ...SEGMENT_MS, 'retention.ms': '1000' })
    for (const timestamp of [NOW + HOUR / 2, NOW - HOUR, NOW - HOUR + SECOND]) {
      await append(wire, name, timestamp)
    }
    await becomes(wire, name, 0)
    // Taken away, it holds up nothing any more.
    const partitions = [{ partitionIndex: 0, offset: 1 }]
    await wire.call(DeleteRecords, 2, { topics: [{ name, partitions }], timeoutMs: 5_000 })
    expect(await logStart(wire, name)).toBeGreaterThanOrEqual(1)
  })

  scenario('counts from the append where the broker sets the time', async () => {
    const wire = await connect()
    const name = topic()
    const type = { 'message.timestamp.type': 'LogAppendTime' }
    await createTopic(wire, name, 1, { ...type, 'retention.ms': `${HOUR}` })
    await append(wire, name, NOW - 100 * HOUR)
    await becomes(wire, name, 0)
    await alter(wire, name, 'retention.ms', '1')
    await becomes(wire, name, 1)
  })

  scenario('counts from the append where records have no timestamp', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name, 1, { 'retention.ms': `${HOUR}` })
    await append(wire, name, -1)
    await becomes(wire, name, 0)
  })

  scenario('of -1 deletes nothing, however old', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name, 1, { ...SEGMENT_MS, 'retention.ms': '-1' })
    for (const timestamp of [1_000, 5_000, 9_000]) await append(wire, name, timestamp)
    await becomes(wire, name, 0)
  })

  scenario('deletes nothing of a topic that is only compacted', async () => {
    const wire = await connect()
    const name = topic()
    const compacted = { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '1' }
    await createTopic(wire, name, 1, { ...SEGMENT_MS, ...compacted, 'retention.ms': '1000' })
    for (const [index, timestamp] of [NOW - 2 * HOUR, NOW - HOUR, NOW].entries()) {
      await produce(wire, name, 0, batch({ records: [{ key: `${index}`, value: 'v' }], timestamp }))
    }
    await becomes(wire, name, 0)
  })

  scenario(
    'holds for open transactions too: the last stable offset is then the log start',
    async () => {
      const wire = await connect()
      const name = topic()
      await createTopic(wire, name, 1, { ...SEGMENT_MS, 'retention.ms': `${HOUR}` })
      const who = await producer(wire, `${name}-id`)
      await addPartitions(wire, who, name, [0])
      const { producerId, producerEpoch } = who
      const fields = { producerId, producerEpoch, baseSequence: 0, attributes: 0x10 }
      const bytes = batch({ ...fields, records: [{ value: 'a' }], timestamp: NOW - 2 * HOUR })
      const topicData = [{ name, partitionData: [{ index: 0, records: bytes }] }]
      const body = { transactionalId: who.transactionalId, acks: -1, timeoutMs: 15_000, topicData }
      const { responses } = await wire.call(Produce, 9, body)
      expect(responses[0]!.partitionResponses[0]!.errorCode).toBe(0)
      await append(wire, name, NOW)
      await becomes(wire, name, 1)
      expect(await fetch(wire, name, 0, 1, { isolationLevel: 1 })).toMatchObject({
        errorCode: 0,
        logStartOffset: 1,
        lastStableOffset: 1,
        highWatermark: 2,
      })
      await end(wire, who, false, 4)
      await until(async () => {
        const got = await fetch(wire, name, 0, 1, { isolationLevel: 1 })
        return Number(got.lastStableOffset) === 3
      })
    },
  )
})

describe('segment.jitter.ms', () => {
  const PARTITIONS = 16
  for (const [what, jitterMs, some] of [
    ['without it no segment is rolled before segment.ms', '0', false],
    ['of segment.ms rolls the segments of many partitions at times of their own', `${HOUR}`, true],
  ] as const) {
    scenario(what, async () => {
      const wire = await connect()
      const name = topic()
      const jitter = { 'segment.ms': `${HOUR}`, 'segment.jitter.ms': jitterMs }
      // By size all goes but the active segment: where the log then starts is where that begins.
      const all = { 'retention.ms': '-1', 'retention.bytes': '1' }
      await createTopic(wire, name, PARTITIONS, jitter)
      // A part of 1 of segment.ms apart, up to 11/12 of it.
      const times = Array.from({ length: 12 }, (_, index) => NOW - HOUR + (index * HOUR) / 12)
      for (let partition = 0; partition < PARTITIONS; partition++) {
        for (const timestamp of times) {
          const bytes = batchOfSize(100, { timestamp })
          expect(await produce(wire, name, partition, bytes)).toMatchObject({ errorCode: 0 })
        }
      }
      for (const [config, value] of Object.entries(all)) await alter(wire, name, config, value)
      const indexes = Array.from({ length: PARTITIONS }, (_, index) => index)
      const starts = async () => {
        const { topics } = await listOffsets(wire, name, indexes, EARLIEST)
        return topics[0]!.partitions.map(({ offset }) => Number(offset))
      }
      await pause(1_500)
      const distinct = new Set(await starts())
      if (some) expect(distinct.size).toBeGreaterThan(3)
      else expect([...distinct]).toEqual([0])
    })
  }
})

describe('below the log start', () => {
  scenario(
    'a fetch gets OFFSET_OUT_OF_RANGE, and a time or the earliest the first record left',
    async () => {
      const wire = await connect()
      const name = topic()
      await createTopic(wire, name, 1, { ...SEGMENT_MS, 'retention.ms': `${HOUR}` })
      const old = NOW - 2 * HOUR
      for (const timestamp of [
        NOW - 2 * HOUR + SECOND,
        old + 3 * SECOND,
        NOW - 30 * SECOND,
        NOW - 20 * SECOND,
      ]) {
        await append(wire, name, timestamp)
      }
      await becomes(wire, name, 2)
      expect((await fetch(wire, name, 0, 0)).errorCode).toBe(OFFSET_OUT_OF_RANGE)
      expect((await fetch(wire, name, 0, 1)).errorCode).toBe(OFFSET_OUT_OF_RANGE)
      expect((await fetch(wire, name, 0, 2)).errorCode).toBe(0)
      expect(await offsetAt(wire, name, old)).toEqual({ offset: 2, timestamp: NOW - 30 * SECOND })
      expect(await offsetAt(wire, name, MAX_TIMESTAMP)).toEqual({
        offset: 3,
        timestamp: NOW - 20 * SECOND,
      })
    },
  )
})
