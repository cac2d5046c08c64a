// Idempotent producers (KIP-98, KIP-360): what each sequence is answered.

import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../src/core/errors.ts'
import { PRODUCERS_PER_PARTITION, UPLOADS_PER_PARTITION } from '../../src/core/limits/partition.ts'
import { ProducerTable, sequenceAfter } from '../../src/partition/producers.ts'
import { Bench, batch, SETTINGS, sequenced, settled, TARGET } from './harness.ts'

const SEQUENCE_MAX = 2_147_483_647
const OUT_OF_ORDER = { error: KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER }

/** [epoch, first sequence, records] */
type Sent = readonly [number, number, number]

/** What was stored before, what comes, and the answer: an offset or an error. */
const CASES: Record<
  string,
  { readonly stored: readonly Sent[]; readonly sent: Sent; readonly answer: object }
> = {
  'an unknown producer may start at any sequence': {
    stored: [],
    sent: [3, 77, 2],
    answer: { baseOffset: 0 },
  },
  'the next sequence is appended': {
    stored: [[0, 0, 3]],
    sent: [0, 3, 1],
    answer: { baseOffset: 3 },
  },
  'a duplicate of the last batch has its original offset': {
    stored: [
      [0, 0, 3],
      [0, 3, 2],
    ],
    sent: [0, 3, 2],
    answer: { baseOffset: 3 },
  },
  'a duplicate of the fifth last batch has its original offset': {
    stored: [
      [0, 0, 1],
      [0, 1, 1],
      [0, 2, 1],
      [0, 3, 1],
      [0, 4, 1],
    ],
    sent: [0, 0, 1],
    answer: { baseOffset: 0 },
  },
  'a batch older than the last five is out of order': {
    stored: [
      [0, 0, 1],
      [0, 1, 1],
      [0, 2, 1],
      [0, 3, 1],
      [0, 4, 1],
      [0, 5, 1],
    ],
    sent: [0, 0, 1],
    answer: OUT_OF_ORDER,
  },
  'the same first sequence with another length is no duplicate': {
    stored: [[0, 0, 3]],
    sent: [0, 0, 2],
    answer: OUT_OF_ORDER,
  },
  'a gap is out of order': { stored: [[0, 0, 3]], sent: [0, 4, 1], answer: OUT_OF_ORDER },
  'an older epoch is fenced': {
    stored: [[4, 0, 1]],
    sent: [3, 1, 1],
    answer: { error: KafkaError.INVALID_PRODUCER_EPOCH },
  },
  'a newer epoch starts at 0': { stored: [[4, 0, 5]], sent: [5, 0, 1], answer: { baseOffset: 5 } },
  'a newer epoch does not start elsewhere': {
    stored: [[4, 0, 5]],
    sent: [5, 5, 1],
    answer: OUT_OF_ORDER,
  },
  'a newer epoch forgets the batches of the older': {
    stored: [
      [4, 0, 5],
      [5, 0, 1],
    ],
    sent: [4, 0, 5],
    answer: { error: KafkaError.INVALID_PRODUCER_EPOCH },
  },
  'after 2147483647 comes 0': {
    stored: [[0, SEQUENCE_MAX - 1, 2]],
    sent: [0, 0, 1],
    answer: { baseOffset: 2 },
  },
  'after 2147483647 comes nothing negative and nothing else': {
    stored: [[0, SEQUENCE_MAX - 1, 2]],
    sent: [0, 1, 1],
    answer: OUT_OF_ORDER,
  },
  'a batch may wrap inside': {
    stored: [[0, SEQUENCE_MAX - 1, 5]],
    sent: [0, 3, 1],
    answer: { baseOffset: 5 },
  },
  'a duplicate that wraps inside is found': {
    stored: [
      [0, SEQUENCE_MAX - 1, 5],
      [0, 3, 1],
    ],
    sent: [0, SEQUENCE_MAX - 1, 5],
    answer: { baseOffset: 0 },
  },
}

/** The same answer must come whether the state is in memory, loaded again, or not yet stored. */
const STATES = {
  'in memory': async (bench: Bench, stored: readonly Sent[]) => {
    for (const [epoch, first, count] of stored)
      await bench.appended(sequenced(9, first, count, epoch))
  },
  'after a restart': async (bench: Bench, stored: readonly Sent[]) => {
    for (const [epoch, first, count] of stored)
      await bench.appended(sequenced(9, first, count, epoch))
    bench.restart()
  },
  'in the same flush': async (bench: Bench, stored: readonly Sent[]) => {
    bench.holdCluster = true
    for (const [epoch, first, count] of stored) void bench.append(sequenced(9, first, count, epoch))
  },
}

describe.each(Object.entries(STATES))('a sequence, its producer known %s', (_, prepare) => {
  it.each(Object.entries(CASES))('%s', async (_title, { stored, sent, answer }) => {
    const bench = new Bench()
    await prepare(bench, stored)
    const [epoch, first, count] = sent
    const reply = bench.append(sequenced(9, first, count, epoch))
    await bench.answerCluster()
    expect(await reply).toMatchObject(answer)
    // Nothing but an accepted batch moved the log.
    const records = stored.reduce((sum, [, , each]) => sum + each, 0)
    const { highWatermark } = await bench.leader.size(TARGET)
    const accepted = 'baseOffset' in answer && answer.baseOffset === records
    expect(highWatermark).toBe(accepted ? records + count : records)
  })
})

describe('producer state', () => {
  it('answers a duplicate only when its original is durable', async () => {
    const bench = new Bench()
    await bench.appended(sequenced(1, 0))
    bench.holdSync = true
    const original = bench.append(sequenced(1, 1))
    let answered = false
    const duplicate = bench.append(sequenced(1, 1)).then((reply) => {
      answered = true
      return reply
    })
    await Promise.resolve()
    expect(answered).toBe(false)
    await bench.loseCommit()
    expect(await original).toMatchObject({ error: KafkaError.KAFKA_STORAGE_ERROR })
    expect(await duplicate).toMatchObject({ error: KafkaError.KAFKA_STORAGE_ERROR })
  })

  it('does not overtake a first batch in pieces that found no room', async () => {
    const bench = new Bench()
    await bench.appended(batch(1))
    const piece = { ...TARGET, configVersion: 1, at: 0 }
    for (let index = 0; index < UPLOADS_PER_PARTITION; index++) {
      const upload = { ...piece, upload: `other-${index}`, totalBytes: 2, bytes: new Uint8Array(1) }
      expect(await bench.leader.appendPart(upload)).toBeNull()
    }
    const bytes = sequenced(9, 0)
    const first = { ...piece, upload: 'first', totalBytes: bytes.length + 1, bytes }
    const refused = { error: KafkaError.NOT_LEADER_OR_FOLLOWER }
    expect(await bench.leader.appendPart(first)).toMatchObject(refused)
    expect(await bench.append(sequenced(9, 1))).toMatchObject(OUT_OF_ORDER)
    expect(await bench.append(sequenced(9, 0))).toMatchObject({ baseOffset: 1 })
    expect(await bench.append(sequenced(9, 1))).toMatchObject({ baseOffset: 2 })
  })

  it('expires after producer.id.expiration.ms of silence by the leader’s clock, and not before', async () => {
    const bench = new Bench()
    await bench.appended(sequenced(1, 0))
    await bench.pass(SETTINGS.producerIdExpirationMs - 1)
    expect(await bench.append(sequenced(1, 9))).toMatchObject(OUT_OF_ORDER)
    await bench.pass(1)
    expect(await bench.append(sequenced(1, 9))).toMatchObject({ baseOffset: 1 })
  })

  it('that has expired lets no later batch in before its refused first one', async () => {
    const bench = new Bench()
    await bench.appended(sequenced(1, 0))
    await bench.pass(SETTINGS.producerIdExpirationMs)
    bench.storage.countFrom()
    bench.storage.failAt = 1
    const failed = { error: KafkaError.KAFKA_STORAGE_ERROR }
    expect(await bench.append(sequenced(1, 1))).toMatchObject(failed)
    await settled()
    expect(await bench.append(sequenced(1, 2))).toMatchObject(OUT_OF_ORDER)
    expect(await bench.append(sequenced(1, 1))).toMatchObject({ baseOffset: 1 })
    await settled()
    expect(await bench.append(sequenced(1, 2))).toMatchObject({ baseOffset: 2 })
  })

  it('does not count the time of the records as silence', async () => {
    const bench = new Bench()
    bench.nowMs = 2 * SETTINGS.producerIdExpirationMs
    await bench.appended(sequenced(1, 0))
    expect(await bench.append(sequenced(1, 0))).toMatchObject({ baseOffset: 0 })
  })

  it('forgets the idlest producer when there are too many', () => {
    const table = new ProducerTable(2)
    const append = (producerId: number, baseSequence: number) => {
      const changes = table.begin(0, 1000)
      const sent = { producerId, producerEpoch: 0, baseSequence, lastOffsetDelta: 0 }
      const check = changes.check(sent, null)
      if (check.kind === 'next') changes.accept(sent, 0, 0, null)
      table.commit(changes)
      return check.kind
    }
    expect([append(1, 0), append(2, 0), append(1, 1), append(3, 0)]).toEqual(Array(4).fill('next'))
    expect(table.size).toBe(2)
    expect(append(1, 0)).toBe('duplicate')
    expect(append(2, 7)).toBe('next')
    expect(table.size).toBe(2)
  })

  it('survives the deletion of the records it came from', async () => {
    const bench = new Bench()
    for (let sequence = 0; sequence < 7; sequence++) await bench.appended(sequenced(1, sequence))
    await bench.leader.deleteRecords({ ...TARGET, offset: -1 })
    bench.restart()
    expect(bench.storage.direct('SELECT count(*) AS n FROM chunk')).toEqual([{ n: 0 }])
    expect(await bench.append(sequenced(1, 6))).toMatchObject({ baseOffset: 6 })
    expect(await bench.append(sequenced(1, 7))).toMatchObject({ baseOffset: 7 })
    expect(await bench.append(sequenced(1, 9))).toMatchObject(OUT_OF_ORDER)
  })

  it('is stored whole now and then, so that a load reads few chunks and no batch', async () => {
    const bench = new Bench()
    for (let sequence = 0; sequence < 2_500; sequence++) {
      await bench.appended(sequenced(sequence % 3, Math.floor(sequence / 3)))
    }
    const [snapshot] = bench.storage.direct('SELECT next_offset FROM producer_snapshot')
    expect(snapshot).toEqual({ next_offset: 1998 })
    bench.storage.countFrom()
    bench.restart()
    expect(await bench.append(sequenced(0, 833))).toMatchObject({ baseOffset: 2499 })
    expect(bench.storage.queries.filter((query) => /\bdata\b.*FROM chunk\b/.test(query))).toEqual(
      [],
    )
  })

  it('fits its snapshot in a row', () => {
    const table = new ProducerTable()
    for (let producerId = 0; producerId <= PRODUCERS_PER_PARTITION; producerId++) {
      const changes = table.begin(0, 1000)
      for (let sequence = 0; sequence < 6; sequence++) {
        const sent = { producerId, producerEpoch: 0, baseSequence: sequence, lastOffsetDelta: 0 }
        changes.accept(sent, 2 ** 53 - 1, 0, sequence < 3 ? 1 : 2)
        const end = { producerId, producerEpoch: 0, number: 1, coordinatorEpoch: 0 }
        if (sequence === 2) changes.acceptEnd(end, 2 ** 53 - 1, 0)
      }
      table.commit(changes)
    }
    expect(table.snapshot(0, 1000).length).toBeLessThan(1_900_000)
  })
})

describe('sequenceAfter', () => {
  it.each([
    [0, 1, 1],
    [SEQUENCE_MAX, 1, 0],
    [SEQUENCE_MAX - 3, 10, 6],
    [5, 0, 5],
  ])('counts %i + %i as %i', (sequence, count, sum) => {
    expect(sequenceAfter(sequence, count)).toBe(sum)
  })
})
