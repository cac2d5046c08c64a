// The idempotent producer (KIP-98, KIP-360): a partition's memory of the last batches of each producer
// id. Transactions are not here.

import { describe, expect } from 'vitest'
import { InitProducerId } from '../../../src/protocol/messages/init-producer-id.ts'
import { Produce } from '../../../src/protocol/messages/produce.ts'
import { batch } from '../batches.ts'
import { createTopic, initProducerId, produce, produceBody, storedRecords } from '../calls.ts'
import { suite } from '../target.ts'
import type { Wire } from '../wire.ts'

const { scenario, connect, topic } = suite('idempotence')
const LAST_SEQUENCE = 0x7fffffff

interface Step {
  readonly sequence: number
  readonly epoch?: number
  /** Records in the batch; 1 when absent. */
  readonly count?: number
  readonly error: number
  /** Expected base offset; -1 with an error. */
  readonly offset: number
}

function sequenced(producerId: bigint, { sequence, epoch = 0, count = 1 }: Step): Buffer {
  const records = Array.from({ length: count }, (_, index) => ({ value: `${sequence + index}` }))
  return batch({ records, producerId, producerEpoch: epoch, baseSequence: sequence })
}

async function play(wire: Wire, steps: readonly Step[]): Promise<void> {
  const name = topic()
  await createTopic(wire, name)
  const producerId = await initProducerId(wire)
  for (const [index, step] of steps.entries()) {
    const got = await produce(wire, name, 0, sequenced(producerId, step))
    expect([got.errorCode, got.baseOffset], `step ${index}`).toEqual([step.error, step.offset])
  }
}

const five = [0, 1, 2, 3, 4, 5].map((sequence) => ({ sequence, error: 0, offset: sequence }))

// biome-ignore format: a table reads best with a row a line
const STORIES: Readonly<Record<string, readonly Step[]>> = {
  'a batch sent again gets its first offset': [
    { sequence: 0, count: 3, error: 0, offset: 0 }, { sequence: 0, count: 3, error: 0, offset: 0 }, { sequence: 3, error: 0, offset: 3 },
  ],
  'any of the last five batches sent again gets its first offset': [
    ...five, ...five.slice(1).toReversed(), { sequence: 6, error: 0, offset: 6 },
  ],
  'a batch older than the last five is out of order': [
    ...five, { sequence: 0, error: 45, offset: -1 }, { sequence: 6, error: 0, offset: 6 },
  ],
  'a gap is out of order and stores nothing': [
    { sequence: 0, error: 0, offset: 0 }, { sequence: 2, error: 45, offset: -1 }, { sequence: 1, error: 0, offset: 1 },
  ],
  'part of a stored batch is out of order': [
    { sequence: 0, count: 4, error: 0, offset: 0 }, { sequence: 0, count: 2, error: 45, offset: -1 }, { sequence: 2, count: 2, error: 45, offset: -1 },
  ],
  'a producer the partition does not know may start at any sequence': [
    { sequence: 41, error: 0, offset: 0 }, { sequence: 42, error: 0, offset: 1 }, { sequence: 0, error: 45, offset: -1 },
  ],
  'after 2147483647 comes 0': [
    { sequence: LAST_SEQUENCE, error: 0, offset: 0 }, { sequence: 0, error: 0, offset: 1 }, { sequence: 1, error: 0, offset: 2 },
  ],
  'a batch may wrap inside': [
    { sequence: LAST_SEQUENCE - 1, count: 4, error: 0, offset: 0 }, { sequence: LAST_SEQUENCE - 1, count: 4, error: 0, offset: 0 }, { sequence: 2, error: 0, offset: 4 },
  ],
  'a newer epoch starts at 0 and nowhere else': [
    { sequence: 0, error: 0, offset: 0 }, { sequence: 1, epoch: 1, error: 45, offset: -1 }, { sequence: 0, epoch: 1, error: 0, offset: 1 }, { sequence: 1, epoch: 1, error: 0, offset: 2 },
  ],
  'an older epoch is fenced': [
    { sequence: 0, epoch: 1, error: 0, offset: 0 }, { sequence: 1, epoch: 0, error: 47, offset: -1 }, { sequence: 1, epoch: 1, error: 0, offset: 1 },
  ],
}

describe('An idempotent producer', () => {
  for (const [title, steps] of Object.entries(STORIES)) {
    scenario(title, async () => play(await connect(), steps))
  }

  scenario('is judged in arrival order when it pipelines', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    const producerId = await initProducerId(wire)
    const sequences = [0, 1, 2, 2, 3, 1, 9, 4]
    const sent = sequences.map((sequence) => {
      const records = sequenced(producerId, { sequence, error: 0, offset: 0 })
      return wire.send(Produce, 9, produceBody(name, 0, records))
    })
    const answers: number[][] = []
    for (const id of sent) {
      const got = (await wire.answer(Produce, 9, id)).responses[0]!.partitionResponses[0]!
      answers.push([got.errorCode, got.baseOffset])
    }
    expect(answers).toEqual([
      [0, 0],
      [0, 1],
      [0, 2],
      [0, 2],
      [0, 3],
      [0, 1],
      [45, -1],
      [0, 4],
    ])
    const values = (await storedRecords(wire, name, 0)).map((record) => record.value)
    expect(values).toEqual(['0', '1', '2', '3', '4'])
  })

  scenario('has a memory per partition', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name, 2)
    const producerId = await initProducerId(wire)
    const first = sequenced(producerId, { sequence: 0, error: 0, offset: 0 })
    for (const partition of [0, 1, 0, 1]) {
      expect(await produce(wire, name, partition, first)).toMatchObject({
        errorCode: 0,
        baseOffset: 0,
      })
    }
  })
})

describe('InitProducerId', () => {
  for (let version = 0; version <= 5; version += 1) {
    scenario(`in version ${version} gives an id nobody had, at epoch 0`, async () => {
      const wire = await connect()
      const ids = new Set<bigint>()
      for (let count = 0; count < 20; count += 1) {
        const body = { transactionalId: null, transactionTimeoutMs: 60_000 }
        const got = await wire.call(InitProducerId, version, body)
        expect(got).toMatchObject({ errorCode: 0, producerEpoch: 0 })
        expect(got.producerId).toBeGreaterThanOrEqual(0n)
        ids.add(got.producerId)
      }
      expect(ids.size).toBe(20)
    })
  }

  scenario('with a known id and no transactional id gives a new one', async () => {
    const wire = await connect()
    const producerId = await initProducerId(wire)
    const body = {
      transactionalId: null,
      transactionTimeoutMs: 60_000,
      producerId,
      producerEpoch: 0,
    }
    const got = await wire.call(InitProducerId, 4, body)
    expect(got).toMatchObject({ errorCode: 0, producerEpoch: 0 })
    expect(got.producerId).not.toBe(producerId)
  })
})
