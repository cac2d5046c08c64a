import { describe, expect, it } from 'vitest'
import { CloseConnection } from '../../src/broker/context.ts'
import { produce } from '../../src/broker/handlers/produce.ts'
import type { TopicState } from '../../src/cluster/contract.ts'
import { AUDIT_TOPIC } from '../../src/cluster/names.ts'
import { KafkaError } from '../../src/core/errors.ts'
import { offset, type TopicId, ZERO_TOPIC_ID } from '../../src/core/ids.ts'
import { APPEND_PART_BYTES, APPENDS_IN_FLIGHT_BYTES } from '../../src/core/limits.ts'
import type { AppendPart, AppendReply, AppendRequest } from '../../src/partition/contract.ts'
import type { ProduceRequest } from '../../src/protocol/messages/produce.ts'
import { buildBatch } from '../../src/record/build.ts'
import { readBatchHeader } from '../../src/record/header.ts'
import { fakeContext, timers, topicState } from './fakes.ts'

const CALL = { version: 9, clientId: null }
const NOW = Date.now()

function batchOf(valueBytes: number, timestamp = NOW): Uint8Array {
  const record = { key: null, value: new Uint8Array(valueBytes), headers: [], timestamp }
  return buildBatch({ records: [record], codec: 0 })
}

function requestFor(
  partitions: Record<number, Uint8Array | null>,
  options: { name?: string; topicId?: TopicId; acks?: number } = {},
): ProduceRequest {
  const { name = 'a', topicId = ZERO_TOPIC_ID, acks = -1 } = options
  return {
    transactionalId: null,
    acks,
    timeoutMs: 1_000,
    topicData: [
      {
        name,
        topicId,
        partitionData: Object.entries(partitions).map(([index, records]) => ({
          index: Number(index),
          records,
        })),
      },
    ],
  }
}

/** Leaders that keep what they got, and answer as told (default: appended at 0, 1, 2, …). */
function leaders(
  answer?: (request: AppendRequest, nth: number) => AppendReply | Promise<AppendReply>,
) {
  const got: AppendRequest[] = []
  const partition = () => ({
    append: async (request: AppendRequest): Promise<AppendReply> => {
      // As RPC does: what arrives is a copy.
      const nth = got.push({ ...request, batch: structuredClone(request.batch) }) - 1
      const appended = {
        kind: 'appended',
        baseOffset: offset(nth),
        logStartOffset: offset(0),
      } as const
      return answer?.(request, nth) ?? appended
    },
  })
  return { got, partition }
}

const cluster = (topic: TopicState | null) => ({
  lookup: async () => ({
    clusterId: 'c',
    topics: [
      topic === null
        ? { error: KafkaError.UNKNOWN_TOPIC_OR_PARTITION }
        : { error: 0 as const, topic },
    ],
  }),
})

describe('Produce', () => {
  it.each([AUDIT_TOPIC, '__consumer_offsets'])('to %s is refused to whoever asks', async (name) => {
    const { got, partition } = leaders()
    const context = fakeContext({ topics: [topicState(name)], partition })
    const request = requestFor({ 0: batchOf(10) }, { name })
    const answer = await produce(request, CALL, context).response
    const [refused] = answer?.responses[0]?.partitionResponses ?? []
    expect(refused?.errorCode).toBe(KafkaError.INVALID_TOPIC_EXCEPTION)
    expect(got).toEqual([])
  })

  it('to the audit log is for the broker alone, whatever a client calls itself', async () => {
    const { got, partition } = leaders()
    const context = fakeContext({ topics: [topicState(AUDIT_TOPIC)], partition })
    const request = requestFor({ 0: batchOf(10) }, { name: AUDIT_TOPIC })
    const admin = { ...CALL, clientId: '__admin_client' }
    const refused = await produce(request, admin, context).response
    expect(refused?.responses[0]?.partitionResponses[0]?.errorCode).toBe(17)
    const written = await produce(request, { ...CALL, isOwn: true }, context).response
    expect(written?.responses[0]?.partitionResponses[0]?.errorCode).toBe(0)
    expect(got).toHaveLength(1)
  })

  it('of a cached topic has sent every batch before the handler returns', async () => {
    const { got, partition } = leaders()
    const context = fakeContext({ topics: [topicState('a', 2)], partition })
    const handling = produce(requestFor({ 0: batchOf(10), 1: batchOf(10) }), CALL, context)
    expect(handling.effect).toBeUndefined()
    expect(got.map(({ partition: index }) => index)).toEqual([0, 1])
    const response = await handling.response
    expect(response?.responses[0]?.partitionResponses).toMatchObject([
      { index: 0, errorCode: 0, baseOffset: 0, logAppendTimeMs: -1, logStartOffset: 0 },
      { index: 1, errorCode: 0, baseOffset: 1 },
    ])
  })

  it('ships batches that own their buffer, so RPC does not carry the whole frame', async () => {
    const { got, partition } = leaders()
    const batch = batchOf(10)
    const frame = new Uint8Array(10_000)
    frame.set(batch, 500)
    const view = frame.subarray(500, 500 + batch.length)
    const context = fakeContext({ topics: [topicState('a')], partition })
    await produce(requestFor({ 0: view }), CALL, context).response
    expect(got[0]?.batch.buffer.byteLength).toBe(batch.length)
  })

  it('of an unknown topic asks Cluster, and takes effect only then', async () => {
    const { got, partition } = leaders()
    const context = fakeContext({ cluster: cluster(topicState('a')), partition })
    const handling = produce(requestFor({ 0: batchOf(10) }), CALL, context)
    expect(got).toHaveLength(0)
    await handling.effect
    expect(got).toHaveLength(1)
  })

  it.each([
    ['by name', 9, ZERO_TOPIC_ID, KafkaError.UNKNOWN_TOPIC_OR_PARTITION],
    ['by id from version 13', 13, 'nobodyAAAAAAAAAAAAAAAA' as TopicId, KafkaError.UNKNOWN_TOPIC_ID],
  ])(
    'of a topic that does not exist, asked %s, is refused with its code',
    async (_, version, topicId, code) => {
      const context = fakeContext({ cluster: cluster(null) })
      const request = requestFor({ 0: batchOf(10) }, { topicId })
      const response = await produce(request, { ...CALL, version }, context).response
      expect(response?.responses[0]?.partitionResponses[0]).toMatchObject({
        errorCode: code,
        baseOffset: -1,
      })
    },
  )

  it('acks that do not exist are INVALID_REQUIRED_ACKS for every partition', async () => {
    const context = fakeContext({ topics: [topicState('a', 2)] })
    const request = requestFor({ 0: batchOf(1), 1: batchOf(1) }, { acks: 2 })
    const response = await produce(request, CALL, context).response
    const codes = response?.responses[0]?.partitionResponses.map(({ errorCode }) => errorCode)
    expect(codes).toEqual([21, 21])
  })

  it('acks=0 has no answer, and an error ends the connection', async () => {
    const fine = fakeContext({ topics: [topicState('a')], partition: leaders().partition })
    expect(
      await produce(requestFor({ 0: batchOf(1) }, { acks: 0 }), CALL, fine).response,
    ).toBeNull()
    const unknown = fakeContext({ cluster: cluster(null) })
    const failing = produce(requestFor({ 0: batchOf(1) }, { acks: 0 }), CALL, unknown)
    await expect(failing.response).rejects.toThrow(CloseConnection)
  })

  it('one refused partition does not touch the others', async () => {
    const { partition } = leaders()
    const broken = batchOf(10)
    broken[65] = (broken[65] ?? 0) ^ 1
    const context = fakeContext({ topics: [topicState('a', 3)], partition })
    const request = requestFor({ 0: batchOf(10), 1: broken, 2: null })
    const response = await produce(request, CALL, context).response
    const codes = response?.responses[0]?.partitionResponses.map(({ errorCode }) => errorCode)
    expect(codes).toEqual([0, KafkaError.CORRUPT_MESSAGE, KafkaError.INVALID_RECORD])
  })

  it('a leader with newer settings has the batch checked again and sent again', async () => {
    const topic = topicState('a')
    const settings = { ...topic.settings, messageTimestampType: 'LogAppendTime' as const }
    const { got, partition } = leaders((_request, nth) =>
      nth === 0
        ? { kind: 'stale', configVersion: 2, settings }
        : { kind: 'appended', baseOffset: offset(7), logStartOffset: offset(0) },
    )
    const context = fakeContext({ topics: [topic], partition })
    const response = await produce(requestFor({ 0: batchOf(10, 5) }), CALL, context).response
    const answer = response?.responses[0]?.partitionResponses[0]
    expect(answer).toMatchObject({ errorCode: 0, baseOffset: 7 })
    expect(answer?.logAppendTimeMs).toBeGreaterThanOrEqual(NOW)
    expect(got[1]?.configVersion).toBe(2)
    expect(readBatchHeader(got[1]?.batch ?? new Uint8Array(61)).logAppendTime).toBe(true)
    expect(context.topics.byName('a')?.configVersion).toBe(2)
  })

  it('by name, a batch for a dead id goes to the topic that took the name', async () => {
    const old = topicState('a')
    const recreated = { ...old, id: 'successorAAAAAAAAAAAAA' as TopicId }
    const { got, partition } = leaders((request) =>
      request.topicId === old.id
        ? { kind: 'refused', error: KafkaError.UNKNOWN_TOPIC_ID, logStartOffset: offset(-1) }
        : { kind: 'appended', baseOffset: offset(0), logStartOffset: offset(0) },
    )
    const context = fakeContext({ topics: [old], cluster: cluster(recreated), partition })
    const response = await produce(requestFor({ 0: batchOf(10) }), CALL, context).response
    expect(response?.responses[0]?.partitionResponses[0]?.errorCode).toBe(0)
    expect(got.map(({ topicId }) => topicId)).toEqual([old.id, recreated.id])
  })

  it('an append whose outcome is unknown is NOT_LEADER_OR_FOLLOWER, which producers retry', async () => {
    const { partition } = leaders(() => Promise.reject(new Error('the object restarted')))
    const context = fakeContext({ topics: [topicState('a')], partition })
    const response = await produce(requestFor({ 0: batchOf(10) }), CALL, context).response
    expect(response?.responses[0]?.partitionResponses[0]?.errorCode).toBe(6)
  })

  it('bounds the bytes on their way to leaders and takes effect when the last has been sent', async () => {
    const release: (() => void)[] = []
    const { got, partition } = leaders(
      () =>
        new Promise((resolve) => {
          const answer = {
            kind: 'appended',
            baseOffset: offset(0),
            logStartOffset: offset(0),
          } as const
          release.push(() => resolve(answer))
        }),
    )
    const settings = { maxMessageBytes: 16 * 1024 * 1024 }
    const context = fakeContext({ topics: [topicState('a', 3, settings)], partition })
    const large = batchOf(APPENDS_IN_FLIGHT_BYTES / 2)
    const handling = produce(requestFor({ 0: large, 1: large, 2: large }), CALL, context)
    expect(got).toHaveLength(1)
    let effective = false
    const effect = handling.effect?.then(() => {
      effective = true
    })
    release[0]?.()
    await timers.sleep(5)
    expect(got).toHaveLength(2)
    release[1]?.()
    await timers.sleep(5)
    expect(got).toHaveLength(3)
    await effect
    expect(effective).toBe(true)
    release[2]?.()
    await handling.response
  })

  it('of a batch refused by cached settings asks Cluster whether they still hold', async () => {
    const old = topicState('a', 1, { maxMessageBytes: 100 })
    const newer = { ...topicState('a'), configVersion: 2 }
    const { got, partition } = leaders()
    const context = fakeContext({ topics: [old], cluster: cluster(newer), partition })
    const response = await produce(requestFor({ 0: batchOf(500) }), CALL, context).response
    expect(response?.responses[0]?.partitionResponses[0]?.errorCode).toBe(0)
    expect(got[0]?.configVersion).toBe(2)
  })

  it('of a batch that is too large by current settings too is refused', async () => {
    const topic = topicState('a', 1, { maxMessageBytes: 100 })
    const context = fakeContext({ topics: [topic], cluster: cluster(topic) })
    const response = await produce(requestFor({ 0: batchOf(500) }), CALL, context).response
    expect(response?.responses[0]?.partitionResponses[0]?.errorCode).toBe(10)
  })

  it('of a transactional batch without transactional id is refused for every partition', async () => {
    const record = { key: null, value: null, headers: [], timestamp: NOW }
    const fields = { transactional: true, producerId: 1, producerEpoch: 0, baseSequence: 0 }
    const records = buildBatch({ records: [record], ...fields })
    const context = fakeContext({ topics: [topicState('a', 2)] })
    const request = requestFor({ 0: batchOf(1), 1: records })
    const response = await produce(request, CALL, context).response
    const codes = response?.responses[0]?.partitionResponses.map(({ errorCode }) => errorCode)
    expect(codes).toEqual([53, 53])
  })

  it('sends a batch too large for one call in pieces, one at a time, before it takes effect', async () => {
    const settings = { maxMessageBytes: 16 * 1024 * 1024 }
    const sent = batchOf(2.5 * APPEND_PART_BYTES)
    const whole: Uint8Array[] = []
    let underWay = 0
    const appendPart = async (part: AppendPart): Promise<AppendReply | null> => {
      expect(++underWay).toBe(1)
      whole.push(structuredClone(part.bytes))
      await timers.sleep(1)
      underWay--
      const isLast = part.at + APPEND_PART_BYTES >= part.totalBytes
      return isLast ? { kind: 'appended', baseOffset: offset(3), logStartOffset: offset(0) } : null
    }
    const topics = [topicState('a', 1, settings)]
    const context = fakeContext({ topics, partition: () => ({ appendPart }) })
    const handling = produce(requestFor({ 0: sent }), CALL, context)
    await handling.effect
    expect(Buffer.concat(whole).equals(sent)).toBe(true)
    const response = await handling.response
    expect(response?.responses[0]?.partitionResponses[0]).toMatchObject({
      errorCode: 0,
      baseOffset: 3,
    })
  })

  it('has a large batch whose leader has newer settings sent again by its client', async () => {
    const settings = { maxMessageBytes: 16 * 1024 * 1024 }
    const topic = topicState('a', 1, settings)
    const stale = { kind: 'stale', configVersion: 2, settings: topic.settings } as const
    const context = fakeContext({
      topics: [topic],
      partition: () => ({ appendPart: async () => stale }),
    })
    const request = requestFor({ 0: batchOf(2 * APPEND_PART_BYTES) })
    const response = await produce(request, CALL, context).response
    expect(response?.responses[0]?.partitionResponses[0]?.errorCode).toBe(6)
    expect(context.topics.byName('a')?.configVersion).toBe(2)
  })

  describe('in a transaction', () => {
    const fields = { transactional: true, producerId: 1, producerEpoch: 0, baseSequence: 0 }
    const value = (bytes: number) => new Uint8Array(bytes)
    const inTransaction = (bytes = 1) =>
      buildBatch({ records: [{ key: null, value: value(bytes), timestamp: NOW }], ...fields })
    const request = (batches: Record<number, Uint8Array>) => ({
      ...requestFor(batches),
      transactionalId: 't',
    })

    it.each([
      [11, false],
      [12, true],
    ])('version %i tells the leader whether to join it: %j', async (version, implicit) => {
      const { got, partition } = leaders()
      const context = fakeContext({ topics: [topicState('a', 2)], partition })
      const call = { ...CALL, version }
      await produce(request({ 0: inTransaction(), 1: batchOf(1) }), call, context).response
      expect(got.map(({ transaction }) => transaction)).toEqual([
        { transactionalId: 't', topic: 'a', implicit },
        undefined,
      ])
    })

    it('tells it with every piece of a large batch', async () => {
      const parts: AppendPart[] = []
      const appendPart = async (part: AppendPart): Promise<AppendReply | null> => {
        parts.push(part)
        const isLast = part.at + APPEND_PART_BYTES >= part.totalBytes
        return isLast
          ? { kind: 'appended', baseOffset: offset(0), logStartOffset: offset(0) }
          : null
      }
      const topics = [topicState('a', 1, { maxMessageBytes: 16 * 1024 * 1024 })]
      const context = fakeContext({ topics, partition: () => ({ appendPart }) })
      await produce(request({ 0: inTransaction(2 * APPEND_PART_BYTES) }), CALL, context).response
      expect(parts.length).toBeGreaterThan(2)
      for (const { transaction } of parts) expect(transaction?.transactionalId).toBe('t')
    })

    it.each([
      [KafkaError.CONCURRENT_TRANSACTIONS, 11, KafkaError.NOT_ENOUGH_REPLICAS],
      [KafkaError.CONCURRENT_TRANSACTIONS, 12, KafkaError.CONCURRENT_TRANSACTIONS],
      [KafkaError.COORDINATOR_NOT_AVAILABLE, 7, KafkaError.NOT_ENOUGH_REPLICAS],
      [KafkaError.COORDINATOR_NOT_AVAILABLE, 13, KafkaError.NOT_ENOUGH_REPLICAS],
      [KafkaError.COORDINATOR_LOAD_IN_PROGRESS, 13, KafkaError.NOT_ENOUGH_REPLICAS],
      [KafkaError.PRODUCER_FENCED, 11, KafkaError.INVALID_PRODUCER_EPOCH],
      [KafkaError.PRODUCER_FENCED, 13, KafkaError.INVALID_PRODUCER_EPOCH],
      [KafkaError.INVALID_TXN_STATE, 11, KafkaError.INVALID_TXN_STATE],
      [KafkaError.TRANSACTION_ABORTABLE, 10, KafkaError.INVALID_TXN_STATE],
      [KafkaError.TRANSACTION_ABORTABLE, 11, KafkaError.TRANSACTION_ABORTABLE],
      [KafkaError.INVALID_PRODUCER_EPOCH, 11, KafkaError.INVALID_PRODUCER_EPOCH],
    ])('the coordinator’s %i is answered to version %i as %i', async (error, version, answer) => {
      const refused = { kind: 'refused', error, logStartOffset: offset(-1) } as const
      const topic = topicState('a')
      const { partition } = leaders(() => refused)
      const context = fakeContext({ topics: [topic], partition })
      const [first] = requestFor({ 0: inTransaction() }).topicData
      const topicData = first === undefined ? [] : [{ ...first, topicId: topic.id }]
      const asked = { ...request({}), topicData }
      const response = await produce(asked, { ...CALL, version }, context).response
      expect(response?.responses[0]?.partitionResponses[0]?.errorCode).toBe(answer)
    })
  })
})
