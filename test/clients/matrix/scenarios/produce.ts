// Produce and consume with one client: codecs, nulls, headers, timestamps, sizes, idempotence, keys.

import { fails, TOO_LARGE } from '../failures.ts'
import { pollUntil } from '../handles.ts'
import { murmur2Partition } from '../murmur2.ts'
import type { Codec, SendRecord } from '../protocol.ts'
import { ALL_CODECS, base64, check, checkSame, equal, numbered, record } from '../records.ts'
import type { Context, Scenario } from '../scenario.ts'

const READ_WITHIN_MS = 20_000

function withCodec(codec: Codec): Scenario {
  return {
    name: `produce/${codec}`,
    needs: [`codec:${codec}`],
    fast: true,
    async run(context) {
      const topic = await context.topic()
      const producer = await context.producer({ codec, lingerMs: 5 })
      const sent = numbered(300)
      await producer.send(topic, sent)
      await readBack(context, topic, sent)
    },
  }
}

/** Reads partition 0 as far as `sent` goes and compares it. */
async function readBack(
  context: Context,
  topic: string,
  sent: readonly SendRecord[],
): Promise<void> {
  const reader = await context.reader(topic)
  const what = `${sent.length} records of ${topic}`
  await pollUntil(
    [reader],
    { what, withinMs: READ_WITHIN_MS },
    () => reader.records.length >= sent.length,
  )
  checkSame(reader.records, sent)
  equal(
    reader.records.map(({ offset }) => offset),
    sent.map((_, index) => index),
    'offsets',
  )
}

export const PRODUCE: readonly Scenario[] = [
  ...ALL_CODECS.map(withCodec),
  {
    name: 'produce/nulls',
    needs: [],
    fast: true,
    async run(context) {
      const topic = await context.topic()
      const producer = await context.producer()
      const sent = [
        record(null, 'no key', { partition: 0 }),
        record('no value', null, { partition: 0 }),
        record('', 'empty key', { partition: 0 }),
        record('empty value', '', { partition: 0 }),
        record(null, null, { partition: 0 }),
      ]
      await producer.send(topic, sent)
      await readBack(context, topic, sent)
    },
  },
  {
    name: 'produce/headers',
    needs: ['headers'],
    fast: true,
    async run(context) {
      const topic = await context.topic()
      const producer = await context.producer()
      const headers = [
        ['trace', base64('a')],
        ['many', base64('1')],
        ['many', base64('2')],
        ['empty', ''],
        ['näme', base64('ä')],
      ] as const
      const sent = [record('k', 'v', { partition: 0, headers })]
      await producer.send(topic, sent)
      await readBack(context, topic, sent)
    },
  },
  {
    name: 'produce/null-header',
    needs: ['headers'],
    async run(context) {
      const topic = await context.topic()
      const producer = await context.producer()
      const sent = [record('k', 'v', { partition: 0, headers: [['null', null]] })]
      await producer.send(topic, sent)
      await readBack(context, topic, sent)
    },
  },
  {
    name: 'produce/timestamps',
    needs: ['timestamps'],
    fast: true,
    async run(context) {
      const topic = await context.topic()
      const producer = await context.producer()
      const base = Date.now() - 3_600_000
      const sent = [5, 3, 9].map((minutes) =>
        record('k', `${minutes}`, { partition: 0, timestamp: base + minutes * 60_000 }),
      )
      await producer.send(topic, sent)
      await readBack(context, topic, sent)
    },
  },
  {
    name: 'produce/append-time',
    needs: [],
    async run(context) {
      const topic = await context.topic(1, { 'message.timestamp.type': 'LogAppendTime' })
      const producer = await context.producer()
      const before = Date.now()
      await producer.send(topic, numbered(3))
      const reader = await context.reader(topic)
      await pollUntil(
        [reader],
        { what: '3 records', withinMs: READ_WITHIN_MS },
        () => reader.records.length >= 3,
      )
      for (const { timestamp, offset } of reader.records) {
        check(
          timestamp >= before && timestamp <= Date.now(),
          `record ${offset} to carry the time of its append (${before} or a little later)`,
          `${timestamp}`,
        )
      }
    },
  },
  {
    name: 'produce/big',
    needs: [],
    fast: true,
    async run(context) {
      const topic = await context.topic(1, { 'max.message.bytes': `${8 * 1024 * 1024}` })
      const producer = await context.producer({ maxRequestBytes: 6 * 1024 * 1024 })
      const sent = [900_000, 3_000_000, 10, 5_000_000].map((length, index) =>
        record(`${index}`, noise(length), { partition: 0 }),
      )
      for (const one of sent) await producer.send(topic, [one])
      await readBack(context, topic, sent)
    },
  },
  {
    name: 'produce/too-large',
    needs: [],
    async run(context) {
      const topic = await context.topic(1, { 'max.message.bytes': '100000' })
      const producer = await context.producer()
      const big = record('big', noise(200_000), { partition: 0 })
      await fails(producer.send(topic, [big]), TOO_LARGE, 'a record over max.message.bytes')
      const small = record('small', 'enough', { partition: 0 })
      await producer.send(topic, [small])
      await readBack(context, topic, [small])
    },
  },
  {
    name: 'produce/acks',
    needs: [],
    async run(context) {
      const topic = await context.topic()
      const sent = numbered(3)
      for (const [index, acks] of ([0, 1, -1] as const).entries()) {
        const producer = await context.producer({ acks })
        await producer.send(topic, sent.slice(index, index + 1))
        await producer.close()
        const reader = await context.reader(topic)
        await pollUntil(
          [reader],
          { what: `the record of acks=${acks}`, withinMs: READ_WITHIN_MS },
          () => reader.records.length === index + 1,
        )
      }
      await readBack(context, topic, sent)
    },
  },
  {
    name: 'produce/idempotent',
    needs: ['idempotent'],
    fast: true,
    async run(context) {
      const topic = await context.topic(2)
      const producer = await context.producer({ idempotence: true, maxInFlight: 5, acks: -1 })
      const batches = Array.from({ length: 40 }, (_, batch) =>
        numbered(10, { from: batch * 10 }).map((one) => ({ ...one, partition: batch % 2 })),
      )
      // Sent without waiting: the client has five requests in flight, each partition keeps its order.
      await Promise.all(batches.map((batch) => producer.send(topic, batch)))
      const reader = await context.reader(topic, 2)
      await pollUntil(
        [reader],
        { what: '400 records', withinMs: READ_WITHIN_MS },
        () => reader.records.length >= 400,
      )
      for (const partition of [0, 1]) {
        const expected = batches.filter((_, batch) => batch % 2 === partition).flat()
        checkSame(
          reader.records.filter((one) => one.partition === partition),
          expected,
        )
      }
    },
  },
  {
    name: 'produce/keyed',
    needs: ['keyed'],
    fast: true,
    async run(context) {
      const partitions = 12
      const topic = await context.topic(partitions)
      const producer = await context.producer()
      const keys = Array.from({ length: 60 }, (_, index) => `${'k'.repeat(index % 7)}${index} é`)
      await producer.send(
        topic,
        keys.map((key) => record(key, key)),
      )
      const reader = await context.reader(topic, partitions)
      await pollUntil(
        [reader],
        { what: `${keys.length} records`, withinMs: READ_WITHIN_MS },
        () => reader.records.length >= keys.length,
      )
      for (const { key, partition } of reader.records) {
        const expected = murmur2Partition(Buffer.from(key ?? '', 'base64'), partitions)
        equal(partition, expected, `partition of key "${Buffer.from(key ?? '', 'base64')}"`)
      }
    },
  },
]

/** Text that does not compress to nothing and costs little to make. */
function noise(length: number): string {
  let state = length
  const words = Array.from({ length: 4_096 }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state.toString(36)
  }).join('')
  return words.repeat(Math.ceil(length / words.length)).slice(0, length)
}
