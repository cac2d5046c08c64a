// Fetch: positions and errors, the two byte limits (KIP-74), waiting, topic ids (KIP-516), leader
// epochs (KIP-320), sessions (KIP-227). What a batch holds is produce.test.ts's business.

import { describe, expect } from 'vitest'
import type { TopicId } from '../../../src/core/ids.ts'
import { Fetch } from '../../../src/protocol/messages/fetch.ts'
import { batch, batchOfSize, readBatches } from '../batches.ts'
import {
  createTopic,
  deleteTopic,
  type FetchOptions,
  fetch,
  fetchBody,
  produce,
  until,
} from '../calls.ts'
import { suite } from '../target.ts'
import type { Wire } from '../wire.ts'

const { scenario, connect, topic } = suite('fetch')
const UNKNOWN_ID = 'b3R0bGEtdW5rbm93bi1pZA' as TopicId

/** A topic whose partition 0 holds `count` batches of two records and `size` bytes each. */
async function filled(wire: Wire, count: number, size = 1_000, partitions = 1): Promise<string> {
  const name = topic()
  await createTopic(wire, name, partitions)
  for (let partition = 0; partition < partitions; partition += 1) {
    for (let index = 0; index < count; index += 1) {
      const records = [{ key: `${index}` }, { value: Buffer.alloc(size - 90, 0x61) }]
      const got = await produce(wire, name, partition, batch({ records }))
      expect(got.errorCode).toBe(0)
    }
  }
  return name
}

function sizes(bytes: Uint8Array | null): number[] {
  return readBatches(bytes).map((one) => one.sizeBytes)
}

describe('A fetch position', () => {
  scenario('below the log start or above the end gets OFFSET_OUT_OF_RANGE', async () => {
    const wire = await connect()
    const name = await filled(wire, 2)
    for (const offset of [-1, 5, 1_000_000]) {
      const got = await fetch(wire, name, 0, offset, { maxWaitMs: 5_000 })
      expect(got).toMatchObject({ errorCode: 1, highWatermark: -1, lastStableOffset: -1 })
      expect(sizes(got.records)).toEqual([])
    }
  })

  scenario('inside a batch gets the batch that covers it and those after it', async () => {
    const wire = await connect()
    const name = await filled(wire, 3)
    const got = await fetch(wire, name, 0, 3)
    expect(got).toMatchObject({
      errorCode: 0,
      highWatermark: 6,
      lastStableOffset: 6,
      logStartOffset: 0,
    })
    expect(readBatches(got.records).map((one) => [one.baseOffset, one.lastOffset])).toEqual([
      [2, 3],
      [4, 5],
    ])
  })

  for (let version = 4; version <= 12; version += 1) {
    scenario(`is served in version ${version}`, async () => {
      const wire = await connect()
      const name = await filled(wire, 2)
      const got = await fetch(wire, name, 0, 2, { version })
      expect(got).toMatchObject({ errorCode: 0, highWatermark: 4, lastStableOffset: 4 })
      expect(got.logStartOffset).toBe(version >= 5 ? 0 : -1)
      expect(readBatches(got.records)).toMatchObject([{ baseOffset: 2, crcOk: true, magic: 2 }])
    })
  }

  for (let version = 13; version <= 18; version += 1) {
    scenario(
      `is served by topic id in version ${version}; unknown ids get UNKNOWN_TOPIC_ID`,
      async () => {
        const wire = await connect()
        const name = topic()
        const topicId = await createTopic(wire, name)
        await produce(wire, name, 0, batch({ records: [{ value: 'v' }] }))
        const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000 }]
        const topics = [
          { topicId, partitions },
          { topicId: UNKNOWN_ID, partitions },
        ]
        const got = await wire.call(Fetch, version, { maxWaitMs: 0, minBytes: 1, topics })
        expect(got.errorCode).toBe(0)
        const byId = new Map(got.responses.map((one) => [one.topicId, one.partitions[0]!]))
        expect(byId.size).toBe(2)
        expect(byId.get(topicId)).toMatchObject({ errorCode: 0, highWatermark: 1 })
        expect(readBatches(byId.get(topicId)!.records)).toHaveLength(1)
        expect(byId.get(UNKNOWN_ID)).toMatchObject({ errorCode: 100 })
      },
    )
  }

  scenario('in an unknown topic or partition gets UNKNOWN_TOPIC_OR_PARTITION', async () => {
    const wire = await connect()
    const name = await filled(wire, 1)
    expect(await fetch(wire, `${name}-not`, 0, 0)).toMatchObject({ errorCode: 3 })
    expect(await fetch(wire, name, 1, 0)).toMatchObject({ errorCode: 3 })
  })

  scenario('with a leader epoch: ours is served, a newer one is UNKNOWN_LEADER_EPOCH', async () => {
    const wire = await connect()
    const name = await filled(wire, 1)
    expect(await fetch(wire, name, 0, 0, { currentLeaderEpoch: 0 })).toMatchObject({ errorCode: 0 })
    expect(await fetch(wire, name, 0, 0, { currentLeaderEpoch: 1 })).toMatchObject({
      errorCode: 75,
    })
  })

  scenario('reads the same committed or not where nothing is transactional', async () => {
    const wire = await connect()
    const name = await filled(wire, 2)
    const got = await fetch(wire, name, 0, 0, { isolationLevel: 1 })
    expect(got).toMatchObject({ errorCode: 0, lastStableOffset: 4, abortedTransactions: [] })
    expect(sizes(got.records)).toHaveLength(2)
  })
})

describe('A full fetch', () => {
  scenario('lists exactly the partitions asked, served or not', async () => {
    const wire = await connect()
    const name = await filled(wire, 1, 1_000, 3)
    const body = fetchBody(name, [
      [0, 0],
      [2, 99],
      [7, 0],
      [1, 2],
    ])
    const topics = [...body.topics, ...fetchBody(`${name}-not`, [[0, 0]]).topics]
    const got = await wire.call(Fetch, 12, { ...body, topics })
    const listed = got.responses.flatMap((one) =>
      one.partitions.map(
        ({ partitionIndex, errorCode }) => `${one.topic}-${partitionIndex} ${errorCode}`,
      ),
    )
    expect(listed.toSorted()).toEqual(
      [`${name}-0 0`, `${name}-1 0`, `${name}-2 1`, `${name}-7 3`, `${name}-not-0 3`].toSorted(),
    )
  })

  scenario('of nothing answers at once', async () => {
    const wire = await connect()
    const start = Date.now()
    const got = await wire.call(Fetch, 12, { maxWaitMs: 8_000, minBytes: 1, topics: [] })
    expect(got).toMatchObject({ errorCode: 0, responses: [] })
    expect(Date.now() - start).toBeLessThan(4_000)
  })
})

describe('The byte limits of a fetch', () => {
  // biome-ignore format: a table reads best with a row a line
  const CASES: readonly { title: string; limits: FetchOptions; batches: readonly number[] }[] = [
    { title: 'below one batch give that one batch', limits: { maxBytes: 1, partitionMaxBytes: 1 }, batches: [1, 0] },
    { title: 'of the partition below one batch give it one batch', limits: { partitionMaxBytes: 1 }, batches: [1, 0] },
    { title: 'of zero give one batch', limits: { maxBytes: 0, partitionMaxBytes: 0 }, batches: [1, 0] },
    { title: 'of the partition for two and a half batches give two', limits: { partitionMaxBytes: 2_500 }, batches: [2, 2] },
    { title: 'of the request for three and a half batches give three, then none', limits: { maxBytes: 3_500 }, batches: [3, 0] },
    { title: 'of the request are filled in the order asked', limits: { maxBytes: 7_500 }, batches: [5, 2] },
  ]
  for (const { title, limits, batches } of CASES) {
    scenario(title, async () => {
      const wire = await connect()
      const name = topic()
      await createTopic(wire, name, 2)
      const records = batchOfSize(1_000)
      for (let count = 0; count < 5; count += 1) {
        await produce(wire, name, 0, records)
        await produce(wire, name, 1, records)
      }
      const body = fetchBody(
        name,
        [
          [0, 0],
          [1, 0],
        ],
        limits,
      )
      const got = await wire.call(Fetch, 12, body)
      const counts = got.responses[0]!.partitions.map((one) => sizes(one.records).length)
      expect(counts).toEqual(batches)
    })
  }

  scenario('never give part of a batch', async () => {
    const wire = await connect()
    const name = await filled(wire, 10)
    for (let partitionMaxBytes = 1; partitionMaxBytes < 5_000; partitionMaxBytes += 313) {
      const got = await fetch(wire, name, 0, 0, { partitionMaxBytes })
      const whole = sizes(got.records)
      expect(whole.length).toBeGreaterThan(0)
      expect(got.records?.length).toBe(whole.reduce((sum, size) => sum + size, 0))
    }
  })

  scenario(
    'still move a client through a 1 MiB chunk of 16 KiB batches at every offset',
    async () => {
      const wire = await connect()
      const name = topic()
      await createTopic(wire, name)
      const records = Array.from({ length: 4 }, () => ({ value: Buffer.alloc(4_064, 0x61) }))
      const chunk = Array.from({ length: 64 }, () => batch({ records }))
      const sent = chunk.map((one) => produce(wire, name, 0, one))
      expect((await Promise.all(sent)).map((one) => one.errorCode)).toEqual(chunk.map(() => 0))
      expect(chunk[0]?.length).toBeGreaterThan(16_000)
      for (let offset = 0; offset < 256; offset += 1) {
        const limits = { partitionMaxBytes: 65_536, maxBytes: 65_536 }
        const got = await fetch(wire, name, 0, offset, limits)
        const batches = readBatches(got.records)
        expect(batches[0]?.baseOffset).toBe(offset - (offset % 4))
        expect(batches.at(-1)?.lastOffset).toBe(Math.min(255, offset - (offset % 4) + 15))
      }
    },
  )
})

describe('A fetch that waits', () => {
  scenario('for more than there is answers when its time is up, with what there is', async () => {
    const wire = await connect()
    const name = await filled(wire, 1)
    const start = Date.now()
    const got = await fetch(wire, name, 0, 0, { maxWaitMs: 700, minBytes: 1_000_000 })
    expect(sizes(got.records)).toHaveLength(1)
    expect(Date.now() - start).toBeGreaterThanOrEqual(600)
    expect(Date.now() - start).toBeLessThan(6_000)
  })

  scenario('at the end answers empty when its time is up', async () => {
    const wire = await connect()
    const name = await filled(wire, 1)
    const start = Date.now()
    const got = await fetch(wire, name, 0, 2, { maxWaitMs: 700 })
    expect(got).toMatchObject({ errorCode: 0, highWatermark: 2 })
    expect(sizes(got.records)).toEqual([])
    expect(Date.now() - start).toBeGreaterThanOrEqual(600)
    expect(Date.now() - start).toBeLessThan(6_000)
  })

  for (const [title, partitions] of [
    ['one partition', 1],
    ['eight partitions', 8],
  ] as const) {
    scenario(`on ${title} is woken by a produce on another connection`, async () => {
      const [wire, other] = await Promise.all([connect(), connect()])
      const name = await filled(wire, 0, 1_000, partitions)
      const positions = Array.from({ length: partitions }, (_, index) => [index, 0] as const)
      for (let round = 0; round < 5; round += 1) {
        const asked = positions.map(
          ([index]) => [index, index === partitions - 1 ? round : 0] as const,
        )
        const id = wire.send(Fetch, 12, fetchBody(name, asked, { maxWaitMs: 15_000 }))
        await new Promise((done) => setTimeout(done, 50))
        const start = Date.now()
        await produce(other, name, partitions - 1, batch({ records: [{ value: `${round}` }] }))
        const got = await wire.answer(Fetch, 12, id)
        expect(Date.now() - start).toBeLessThan(5_000)
        const last = got.responses[0]!.partitions.find(
          (one) => one.partitionIndex === partitions - 1,
        )
        expect(readBatches(last!.records)).toMatchObject([{ baseOffset: round }])
      }
    })
  }

  scenario('for min_bytes counts what all its partitions have', async () => {
    const [wire, other] = await Promise.all([connect(), connect()])
    const name = await filled(wire, 0, 1_000, 2)
    const positions = [
      [0, 0],
      [1, 0],
    ] as const
    const body = fetchBody(name, positions, { maxWaitMs: 15_000, minBytes: 1_900 })
    const id = wire.send(Fetch, 12, body)
    const start = Date.now()
    await produce(other, name, 0, batchOfSize(1_000))
    await new Promise((done) => setTimeout(done, 300))
    await produce(other, name, 1, batchOfSize(1_000))
    const got = await wire.answer(Fetch, 12, id)
    expect(got.responses[0]!.partitions.map((one) => sizes(one.records))).toEqual([
      [1_000],
      [1_000],
    ])
    expect(Date.now() - start).toBeGreaterThanOrEqual(250)
    expect(Date.now() - start).toBeLessThan(8_000)
  })

  scenario('answers at once when one of its partitions has an error', async () => {
    const wire = await connect()
    const name = await filled(wire, 1, 1_000, 2)
    const start = Date.now()
    const body = fetchBody(
      name,
      [
        [0, 2],
        [1, 99],
      ],
      { maxWaitMs: 8_000 },
    )
    const got = await wire.call(Fetch, 12, body)
    expect(got.responses[0]!.partitions.map((one) => one.errorCode)).toEqual([0, 1])
    expect(Date.now() - start).toBeLessThan(4_000)
  })
})

describe('A fetch session', () => {
  scenario('that the broker never granted gets FETCH_SESSION_ID_NOT_FOUND', async () => {
    const wire = await connect()
    const name = await filled(wire, 1)
    const body = { ...fetchBody(name, [[0, 0]]), sessionId: 77, sessionEpoch: 3 }
    const got = await wire.call(Fetch, 12, body)
    expect(got).toMatchObject({ errorCode: 70, sessionId: 0, responses: [] })
  })

  scenario('asked for with epoch 0 is answered in full', async () => {
    const wire = await connect()
    const name = await filled(wire, 1, 1_000, 2)
    const body = {
      ...fetchBody(name, [
        [0, 0],
        [1, 2],
      ]),
      sessionId: 0,
      sessionEpoch: 0,
    }
    const got = await wire.call(Fetch, 12, body)
    expect(got.errorCode).toBe(0)
    expect(got.responses[0]!.partitions).toHaveLength(2)
  })

  scenario(
    'knows the name of a topic that is deleted; without a session its id is unknown',
    async () => {
      const wire = await connect()
      const [name, other] = [topic(), topic()]
      const topicId = await createTopic(wire, name)
      const otherId = await createTopic(wire, other)
      const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000 }]
      const topics = [topicId, otherId].map((id) => ({ topicId: id, partitions }))
      const full = { maxWaitMs: 0, minBytes: 1, topics, sessionId: 0, sessionEpoch: 0 }
      let granted = 0
      await until(async () => {
        const got = await wire.call(Fetch, 17, full)
        granted = got.sessionId
        return got.responses.flatMap((one) => one.partitions).every((one) => one.errorCode === 0)
      })
      expect(await deleteTopic(wire, name)).toBe(0)
      let epoch = 1
      // Whoever got a session goes on with it, whoever got none asks for one again.
      const next = () =>
        wire.call(
          Fetch,
          17,
          granted === 0 ? full : { ...full, topics: [], sessionId: granted, sessionEpoch: epoch++ },
        )
      const errorOf = (got: Awaited<ReturnType<typeof next>>) =>
        got.responses.find((one) => one.topicId === topicId)?.partitions[0]?.errorCode
      await until(async () => errorOf(await next()) === 3)
      const sessionless = await connect()
      expect(errorOf(await sessionless.call(Fetch, 17, { ...full, sessionEpoch: -1 }))).toBe(100)
    },
  )

  scenario('is not granted: the session id is 0', async () => {
    const wire = await connect()
    const name = await filled(wire, 1)
    const body = { ...fetchBody(name, [[0, 0]]), sessionId: 0, sessionEpoch: 0 }
    expect((await wire.call(Fetch, 12, body)).sessionId).toBe(0)
  })
})
