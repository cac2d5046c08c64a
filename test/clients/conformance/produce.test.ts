// Produce: what a batch must look like and which error each bad one gets, per partition; acks; the
// request versions. KIP-98 (batches), KIP-516 (topic ids), KIP-467 (record errors).

import { describe, expect } from 'vitest'
import { encodeRequest } from '../../../src/protocol/codec.ts'
import { FindCoordinator } from '../../../src/protocol/messages/find-coordinator.ts'
import { Produce } from '../../../src/protocol/messages/produce.ts'
import { batch, batchOfSize, Codec, messageSet, readBatches } from '../batches.ts'
import { createTopic, fetch, produce, produceBody, storedRecords, until } from '../calls.ts'
import { suite } from '../target.ts'
import { Ended, rawRequest } from '../wire.ts'

const { scenario, connect, topic } = suite('produce')
const DAY_MS = 86_400_000
/** Used by nobody here, so that a record in it does no harm. */
const INTERNAL_TOPIC = '__share_group_state'
const one = [{ key: 'k', value: 'v' }]

interface BadBatch {
  readonly title: string
  readonly records: Uint8Array | null
  readonly error: number
  readonly version?: number
  readonly configs?: Readonly<Record<string, string>>
}

const zstd = batch({ records: one, codec: Codec.zstd })
const keyless = [{ value: 'v' }]
const twice = Buffer.concat([batch({ records: one }), batch({ records: one })])
const yesterday = batch({ records: one, timestamp: Date.now() - DAY_MS })
const tomorrow = batch({ records: one, timestamp: Date.now() + DAY_MS })
const compact = { 'cleanup.policy': 'compact' }
/** What Kafka says while its coordinator is not there yet. */
const NOT_ENOUGH_REPLICAS = 19
/** INVALID_TXN_STATE, INVALID_PRODUCER_ID_MAPPING. */
const TRANSACTION_ERRORS = [48, 49]
const transactional = { attributes: 0x10, producerId: 7n, producerEpoch: 0, baseSequence: 0 }

// biome-ignore format: a table reads best with a row a line
const BAD: readonly BadBatch[] = [
  { title: 'a wrong CRC', records: batch({ records: one, crcError: 1 }), error: 2 },
  { title: 'a count above its records', records: batch({ records: one, recordCount: 2, lastOffsetDelta: 1 }), error: 87 },
  { title: 'a count below its records', records: batch({ records: [...one, ...one], recordCount: 1, lastOffsetDelta: 0 }), error: 87 },
  { title: 'a count that is not its last offset delta + 1', records: batch({ records: one, lastOffsetDelta: 4 }), error: 87 },
  { title: 'a count of zero', records: batch({ records: [], lastOffsetDelta: 0 }), error: 87 },
  { title: 'a negative count', records: batch({ records: one, recordCount: -1 }), error: 87 },
  { title: 'a base offset other than 0', records: batch({ records: one, baseOffset: 7 }), error: 87 },
  { title: 'a second batch behind it', records: twice, error: 87 },
  { title: 'magic 0', records: messageSet(0, 'old'), error: 87 },
  { title: 'magic 1', records: messageSet(1, 'old'), error: 87 },
  { title: 'magic 3', records: batch({ records: one, magic: 3 }), error: 2 },
  { title: 'the control bit', records: batch({ records: one, attributes: 0x20 }), error: 87 },
  { title: 'codec 5', records: batch({ records: one, codec: 5 }), error: -1 },
  { title: 'codec 6', records: batch({ records: one, codec: 6 }), error: -1 },
  { title: 'codec 7', records: batch({ records: one, codec: 7 }), error: -1 },
  { title: 'zstd before version 7', records: zstd, version: 6, error: 76 },
  { title: 'no bytes', records: Buffer.alloc(0), error: 87 },
  { title: 'null for bytes', records: null, error: 87 },
  { title: 'only its first 40 bytes', records: batch({ records: one }).subarray(0, 40), error: 87 },
  { title: 'a producer id and no sequence', records: batch({ records: one, producerId: 5n, producerEpoch: 0 }), error: 87 },
  { title: 'one byte more than max.message.bytes', records: batchOfSize(2001), configs: { 'max.message.bytes': '2000' }, error: 10 },
  { title: 'a null key on a compacted topic', records: batch({ records: keyless }), configs: compact, error: 87 },
  { title: 'a null key, compressed, on a compacted topic', records: batch({ records: keyless, codec: Codec.gzip }), configs: compact, error: 87 },
  { title: 'a time before message.timestamp.before.max.ms', records: yesterday, configs: { 'message.timestamp.before.max.ms': '1000' }, error: 32 },
  { title: 'a time after message.timestamp.after.max.ms', records: tomorrow, configs: { 'message.timestamp.after.max.ms': '1000' }, error: 32 },
  { title: 'a time after the default of message.timestamp.after.max.ms', records: tomorrow, error: 32 },
  { title: 'the transactional bit but no transactional id', records: batch({ records: one, ...transactional }), error: 53 },
]

describe('A bad batch', () => {
  for (const { title, records, error, version, configs } of BAD) {
    scenario(`with ${title} gets error ${error} and stores nothing`, async () => {
      const wire = await connect()
      const name = topic()
      await createTopic(wire, name, 1, configs)
      const got = await produce(wire, name, 0, records, version === undefined ? {} : { version })
      expect(got).toMatchObject({ errorCode: error, baseOffset: -1, logAppendTimeMs: -1 })
      const good = await produce(wire, name, 0, batch({ records: one, timestamp: Date.now() }))
      expect(good).toMatchObject({ errorCode: 0, baseOffset: 0 })
    })
  }

  scenario('leaves the other partitions of its request alone', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name, 3)
    const partitionData = [
      { index: 0, records: batch({ records: one }) },
      { index: 1, records: batch({ records: one, crcError: 1 }) },
      { index: 2, records: batch({ records: one }) },
      { index: 3, records: batch({ records: one }) },
    ]
    const topicData = [{ name, partitionData }]
    const got = await wire.call(Produce, 9, { acks: -1, timeoutMs: 5_000, topicData })
    const answers = got.responses[0]!.partitionResponses.toSorted((a, b) => a.index - b.index)
    expect(answers.map((answer) => [answer.index, answer.errorCode, answer.baseOffset])).toEqual([
      [0, 0, 0],
      [1, 2, -1],
      [2, 0, 0],
      [3, 3, -1],
    ])
  })

  scenario('of a transaction that no coordinator knows is refused and stores nothing', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    const records = batch({ records: one, ...transactional })
    const body = { ...produceBody(name, 0, records), transactionalId: 'nobody' }
    const ask = { keyType: 1, coordinatorKeys: ['nobody'] }
    await until(async () => {
      const { coordinators } = await wire.call(FindCoordinator, 4, ask)
      return coordinators[0]!.errorCode === 0
    })
    const error = async () => {
      const { responses } = await wire.call(Produce, 9, body)
      return responses[0]!.partitionResponses[0]!.errorCode
    }
    await until(async () => (await error()) !== NOT_ENOUGH_REPLICAS)
    expect(TRANSACTION_ERRORS).toContain(await error())
    expect(await produce(wire, name, 0, batch({ records: one }))).toMatchObject({ baseOffset: 0 })
  })

  scenario('with bytes behind it too few for another one is stored without them', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    const records = batch({ records: one })
    const got = await produce(wire, name, 0, Buffer.concat([records, Buffer.alloc(5)]))
    expect(got).toMatchObject({ errorCode: 0, baseOffset: 0 })
    expect((await fetch(wire, name, 0, 0)).records).toHaveLength(records.length)
  })

  scenario('with a null key on a compacted topic names the record from version 8 on', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name, 1, compact)
    const records = batch({ records: [...one, ...keyless, ...one, ...keyless] })
    const got = await produce(wire, name, 0, records, { version: 8 })
    expect(got.errorCode).toBe(87)
    expect(got.errorMessage).toEqual(expect.any(String))
    expect(got.recordErrors.map((bad) => bad.batchIndex)).toEqual([1, 3])
    expect(got.recordErrors[0]?.batchIndexErrorMessage).toEqual(expect.any(String))
    const old = await produce(wire, name, 0, records, { version: 7 })
    expect(old).toMatchObject({ errorCode: 87, recordErrors: [], errorMessage: null })
  })
})

describe('A produce request', () => {
  for (let version = 3; version <= 12; version += 1) {
    scenario(`of version ${version} appends and gives the base offset`, async () => {
      const wire = await connect()
      const name = topic()
      await createTopic(wire, name)
      const records = batch({ records: [...one, ...one] })
      const first = await produce(wire, name, 0, records, { version })
      expect(first).toMatchObject({ errorCode: 0, baseOffset: 0, logAppendTimeMs: -1 })
      const second = await produce(wire, name, 0, records, { version, acks: 1 })
      expect(second).toMatchObject({ errorCode: 0, baseOffset: 2 })
      expect(second.logStartOffset).toBe(version >= 5 ? 0 : -1)
      expect((await storedRecords(wire, name, 0)).map((record) => record.offset)).toEqual([
        0, 1, 2, 3,
      ])
    })
  }

  scenario('of version 13 names the topic by id; an unknown id gets UNKNOWN_TOPIC_ID', async () => {
    const wire = await connect()
    const name = topic()
    const topicId = await createTopic(wire, name)
    const partitionData = [{ index: 0, records: batch({ records: one }) }]
    const other = 'b3R0bGEtdW5rbm93bi1pZA' as typeof topicId
    const topicData = [
      { topicId, partitionData },
      { topicId: other, partitionData },
    ]
    const got = await wire.call(Produce, 13, { acks: -1, timeoutMs: 5_000, topicData })
    const byId = new Map(got.responses.map((one) => [one.topicId, one.partitionResponses[0]]))
    expect(byId.get(topicId)).toMatchObject({ errorCode: 0, baseOffset: 0 })
    expect(byId.get(other)).toMatchObject({ errorCode: 100, baseOffset: -1 })
  })

  scenario('to an unknown topic or partition gets UNKNOWN_TOPIC_OR_PARTITION', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    const records = batch({ records: one })
    expect(await produce(wire, `${name}-not`, 0, records)).toMatchObject({ errorCode: 3 })
    expect(await produce(wire, name, 1, records)).toMatchObject({ errorCode: 3, baseOffset: -1 })
    expect(await produce(wire, name, -1, records)).toMatchObject({ errorCode: 3, baseOffset: -1 })
  })

  scenario("to an internal topic is for clients that call themselves Kafka's admin", async () => {
    const wire = await connect()
    await createTopic(wire, INTERNAL_TOPIC)
    expect(await produce(wire, INTERNAL_TOPIC, 0, batch({ records: one }))).toMatchObject({
      errorCode: 17,
      baseOffset: -1,
    })
    const header = { correlationId: 77, clientId: '__admin_client' }
    const body = produceBody(INTERNAL_TOPIC, 0, batch({ records: one }))
    wire.write(encodeRequest(Produce, 9, header, body))
    const { responses } = await wire.answer(Produce, 9, 77)
    expect(responses[0]?.partitionResponses[0]?.errorCode).toBe(0)
  })

  for (const acks of [2, -2, 32767]) {
    scenario(`with acks ${acks} gets INVALID_REQUIRED_ACKS and stores nothing`, async () => {
      const wire = await connect()
      const name = topic()
      await createTopic(wire, name)
      const records = batch({ records: one })
      expect(await produce(wire, name, 0, records, { acks })).toMatchObject({ errorCode: 21 })
      expect(await produce(wire, name, 0, records)).toMatchObject({ errorCode: 0, baseOffset: 0 })
    })
  }

  scenario('with acks 0 is stored and gives no frame', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    for (let count = 0; count < 3; count += 1) {
      wire.send(Produce, 9, produceBody(name, 0, batch({ records: one }), 0))
    }
    expect(await produce(wire, name, 0, batch({ records: one }))).toMatchObject({ baseOffset: 3 })
  })

  scenario('with acks 0 that fails ends the connection', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    wire.send(Produce, 9, produceBody(name, 5, batch({ records: one }), 0))
    await wire.ended()
  })

  for (const version of [0, 1, 2]) {
    scenario(`of version ${version}, advertised but not served, ends the connection`, async () => {
      const wire = await connect()
      const body = Buffer.from('ffff' + '00001388' + '00000000', 'hex')
      wire.write(rawRequest(0, version, body))
      await expect(wire.frame()).rejects.toThrow(Ended)
    })
  }

  scenario('keeps its connection order when pipelined', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    const sent = Array.from({ length: 100 }, (_, index) => {
      const records = batch({ records: [{ value: `${index}` }] })
      return wire.send(Produce, 9, produceBody(name, 0, records))
    })
    for (const [index, correlationId] of sent.entries()) {
      const { responses } = await wire.answer(Produce, 9, correlationId)
      expect(responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: 0, baseOffset: index })
    }
    const values = (await storedRecords(wire, name, 0)).map((record) => record.value)
    expect(values).toEqual(sent.map((_, index) => `${index}`))
  })
})

describe('A stored batch', () => {
  scenario('keeps its bytes but for base offset and leader epoch', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    const headers = [
      { key: 'h', value: 'x' },
      { key: 'h', value: null },
    ]
    const sent = batch({
      records: [
        { key: 'k', value: 'v', headers },
        { value: null, timestampDelta: 5 },
      ],
      codec: Codec.gzip,
      leaderEpoch: 9,
    })
    await produce(wire, name, 0, batch({ records: one }))
    expect(await produce(wire, name, 0, sent)).toMatchObject({ errorCode: 0, baseOffset: 1 })
    const got = Buffer.from((await fetch(wire, name, 0, 1)).records ?? [])
    expect(got.readBigInt64BE(0)).toBe(1n)
    expect(got.readInt32BE(12)).toBe(0)
    expect(got.subarray(8, 12)).toEqual(sent.subarray(8, 12))
    expect(got.subarray(16)).toEqual(sent.subarray(16))
  })

  scenario('of a LogAppendTime topic may claim any time before', async () => {
    const wire = await connect()
    const name = topic()
    const bounds = {
      'message.timestamp.before.max.ms': '1000',
      'message.timestamp.after.max.ms': '1000',
    }
    await createTopic(wire, name, 1, { 'message.timestamp.type': 'LogAppendTime', ...bounds })
    for (const [offset, records] of [yesterday, tomorrow].entries()) {
      const got = await produce(wire, name, 0, records)
      expect(got).toMatchObject({ errorCode: 0, baseOffset: offset })
      expect(Math.abs(Number(got.logAppendTimeMs) - Date.now())).toBeLessThan(10_000)
    }
  })

  scenario(
    "of a LogAppendTime topic has the broker's time in its header and a right CRC",
    async () => {
      const wire = await connect()
      const name = topic()
      await createTopic(wire, name, 1, { 'message.timestamp.type': 'LogAppendTime' })
      const before = Date.now()
      const records = batch({ records: one, codec: Codec.gzip, timestamp: 1_000 })
      const got = await produce(wire, name, 0, records)
      expect(got.errorCode).toBe(0)
      expect(got.logAppendTimeMs).toBeGreaterThanOrEqual(before)
      const [stored] = readBatches((await fetch(wire, name, 0, 0)).records)
      expect(stored).toMatchObject({
        crcOk: true,
        codec: Codec.gzip,
        attributes: 0x08 | Codec.gzip,
      })
      expect(stored?.maxTimestamp).toBe(got.logAppendTimeMs)
      expect(stored?.records()[0]?.timestamp).toBe(got.logAppendTimeMs)
    },
  )

  for (const [type, codec] of Object.entries({ uncompressed: 0, gzip: 1, zstd: 4 })) {
    scenario(`of a topic with compression.type ${type} is stored so, whatever came`, async () => {
      const wire = await connect()
      const name = topic()
      await createTopic(wire, name, 1, { 'compression.type': type })
      const records = [{ key: 'a', value: 'x'.repeat(500) }, { key: 'b' }]
      for (const sent of [Codec.none, Codec.gzip, Codec.zstd]) {
        expect((await produce(wire, name, 0, batch({ records, codec: sent }))).errorCode).toBe(0)
      }
      const stored = readBatches((await fetch(wire, name, 0, 0)).records)
      expect(stored.map((one) => [one.baseOffset, one.codec, one.crcOk])).toEqual([
        [0, codec, true],
        [2, codec, true],
        [4, codec, true],
      ])
      const read = stored.flatMap((one) => one.records()).map(({ key, value }) => ({ key, value }))
      const expected = records.map(({ key, value }) => ({ key, value: value ?? null }))
      expect(read).toEqual([...expected, ...expected, ...expected])
    })
  }

  scenario('may be as large as max.message.bytes says and no larger', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name, 1, { 'max.message.bytes': '3000000' })
    expect(await produce(wire, name, 0, batchOfSize(3_000_000))).toMatchObject({ errorCode: 0 })
    expect(await produce(wire, name, 0, batchOfSize(3_000_001))).toMatchObject({ errorCode: 10 })
    const got = await fetch(wire, name, 0, 0, { partitionMaxBytes: 1 })
    expect(readBatches(got.records)).toMatchObject([{ sizeBytes: 3_000_000, crcOk: true }])
  })
})
