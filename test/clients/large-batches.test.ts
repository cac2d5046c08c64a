// Batches about as large as a row of the storage and up to the largest there may be: taken and given back byte
// for byte, before and after a restart, with small ones between; one byte more is MESSAGE_TOO_LARGE. Ottla only:
// the sizes are those of its rows.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ROW_BYTES } from '../../src/core/limits/partition.ts'
import { MESSAGE_MAX_BYTES } from '../../src/core/limits.ts'
import { CreateTopics } from '../../src/protocol/messages/create-topics.ts'
import { batchOfSize } from '../partition/harness.ts'
import { type Broker, startBroker } from './broker.ts'
import { createTopic, fetch, produce, topicToCreate } from './calls.ts'
import { Wire } from './wire.ts'

const MESSAGE_TOO_LARGE = 10
const INVALID_CONFIG = 40
const LARGEST = { 'max.message.bytes': String(MESSAGE_MAX_BYTES) }

const SIZES = [
  ROW_BYTES - 1,
  ROW_BYTES,
  ROW_BYTES + 1,
  2 * ROW_BYTES,
  2 * ROW_BYTES + 1,
  5_000_000,
  MESSAGE_MAX_BYTES - 1,
  MESSAGE_MAX_BYTES,
]

let broker: Broker
let wire: Wire
beforeAll(async () => {
  broker = await startBroker()
  wire = await Wire.open(broker.kafka)
  await createTopic(wire, 'large', 1, LARGEST)
})
afterAll(async () => {
  wire?.close()
  await broker?.stop()
})

/** The CRC covers what lies behind the fields that a broker sets. */
const CRC_AT = 17

describe('Batches of 1.9 to 16 MiB', () => {
  const sent: Uint8Array[] = []

  test.each(SIZES)('are taken: %i bytes', async (bytes) => {
    for (const size of [bytes, 100]) {
      const batch = batchOfSize(size)
      expect(await produce(wire, 'large', 0, batch)).toMatchObject({
        errorCode: 0,
        baseOffset: sent.length,
      })
      sent.push(batch)
    }
  })

  test.each(['before', 'after'])('are read as they were sent, %s a restart', async (when) => {
    if (when === 'after') {
      wire.close()
      await broker.kill()
      broker = await broker.restart()
      wire = await Wire.open(broker.kafka)
    }
    for (const [offset, batch] of sent.entries()) {
      const got = await fetch(wire, 'large', 0, offset, { partitionMaxBytes: 1 })
      expect(got.errorCode).toBe(0)
      const records = Buffer.from(got.records ?? [])
      expect(records.length, `at ${offset}`).toBe(batch.length)
      expect(Buffer.compare(records.subarray(CRC_AT), batch.subarray(CRC_AT))).toBe(0)
    }
  })

  test('of one byte more than the largest are refused, and so is a topic for them', async () => {
    const batch = batchOfSize(MESSAGE_MAX_BYTES + 1)
    expect((await produce(wire, 'large', 0, batch)).errorCode).toBe(MESSAGE_TOO_LARGE)
    const more = { 'max.message.bytes': String(MESSAGE_MAX_BYTES + 1) }
    const topics = [topicToCreate('larger', 1, more)]
    const created = await wire.call(CreateTopics, 7, { topics, timeoutMs: 5_000 })
    expect(created.topics[0]!.errorCode).toBe(INVALID_CONFIG)
    expect((await produce(wire, 'large', 0, batchOfSize(100))).errorCode).toBe(0)
  })
})
