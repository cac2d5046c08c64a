// A partition that has as much as it may have (10 GB, here 32 MiB by `ottla.object.max.bytes`): its producers
// are told KAFKA_STORAGE_ERROR and why, others and all readers notice nothing, and deleting makes room.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DeleteRecords } from '../../../src/protocol/messages/delete-records.ts'
import { IncrementalAlterConfigs } from '../../../src/protocol/messages/incremental-alter-configs.ts'
import { batch, readRecords } from '../../clients/batches.ts'
import { type Broker, startBroker } from '../../clients/broker.ts'
import { createTopic, EARLIEST, fetch, listOffsets, produce, until } from '../../clients/calls.ts'
import { Wire } from '../../clients/wire.ts'
import { readValue, recordValue } from '../load/values.ts'

const MiB = 1_048_576
const KAFKA_STORAGE_ERROR = 56
const RECORD_BYTES = 900_000

describe('A partition that is full', () => {
  let broker: Broker
  let wire: Wire
  let taken = 0
  let start = 0

  beforeAll(async () => {
    broker = await startBroker({
      args: [
        ...['--set', `ottla.object.max.bytes=${32 * MiB}`],
        ...['--set', 'log.retention.check.interval.ms=100'],
      ],
    })
    wire = await Wire.open(broker.kafka)
    await createTopic(wire, 't', 2, { 'segment.bytes': `${MiB}` })
  })
  afterAll(async () => {
    wire?.close()
    await broker?.stop()
  })

  const write = (partition = 0) => {
    const records = [{ value: recordValue(`t:${taken}`, RECORD_BYTES) }]
    return produce(wire, 't', partition, batch({ records, timestamp: Date.now() }))
  }

  async function fill(): Promise<void> {
    for (;;) {
      const { errorCode, errorMessage, baseOffset } = await write()
      if (errorCode !== 0) {
        expect(errorCode).toBe(KAFKA_STORAGE_ERROR)
        expect(errorMessage).toMatch(/^the partition has \d+ of the \d+ bytes/)
        return
      }
      expect(Number(baseOffset)).toBe(taken)
      taken++
    }
  }

  async function expectAll(): Promise<void> {
    for (let next = start; next < taken; ) {
      const got = await fetch(wire, 't', 0, next, { partitionMaxBytes: 4 * MiB })
      expect(got.errorCode).toBe(0)
      for (const { offset, value } of readRecords(got.records)) {
        expect(readValue(value)).toEqual({ token: `t:${offset}`, whole: true })
        next = offset + 1
      }
    }
  }

  test('refuses what does not fit, every time, with a retriable error that says why', async () => {
    await fill()
    expect(taken).toBeGreaterThan(30)
    for (let again = 0; again < 5; again++) {
      expect((await write()).errorCode).toBe(KAFKA_STORAGE_ERROR)
    }
  })

  test('is read, and the partition beside it written', async () => {
    await expectAll()
    expect((await write(1)).errorCode).toBe(0)
  })

  test('takes records again when some were deleted', async () => {
    const partitions = [{ partitionIndex: 0, offset: 20 }]
    const topics = [{ name: 't', partitions }]
    const { topics: deleted } = await wire.call(DeleteRecords, 2, { topics, timeoutMs: 5_000 })
    expect(deleted[0]!.partitions[0]).toMatchObject({ errorCode: 0, lowWatermark: 20 })
    start = 20
    await until(async () => (await write()).errorCode === 0)
    taken++
    const before = taken
    await fill()
    expect(taken - before).toBeGreaterThan(10)
    await expectAll()
  })

  test('takes records again when retention has deleted some', async () => {
    const configs = [{ name: 'retention.bytes', configOperation: 0, value: `${8 * MiB}` }]
    const resources = [{ resourceType: 2, resourceName: 't', configs }]
    const changed = await wire.call(IncrementalAlterConfigs, 1, { resources, validateOnly: false })
    expect(changed.responses[0]!.errorCode).toBe(0)
    const logStart = async () => {
      const { topics } = await listOffsets(wire, 't', [0], EARLIEST)
      return Number(topics[0]!.partitions[0]!.offset)
    }
    await until(async () => (await logStart()) > start)
    await until(async () => (await write()).errorCode === 0)
    taken++
    start = await logStart()
    await expectAll()
  })
})
