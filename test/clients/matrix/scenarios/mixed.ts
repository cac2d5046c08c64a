// Two client libraries on one topic or group: what one writes the other reads, byte for byte.

import { type Consumer, pollUntil } from '../handles.ts'
import type { Codec, SendRecord } from '../protocol.ts'
import { ALL_CODECS, base64, checkSame, equal, record } from '../records.ts'
import type { Context, Scenario } from '../scenario.ts'

const READ_WITHIN_MS = 20_000

function records(codec: Codec): SendRecord[] {
  return Array.from({ length: 50 }, (_, index) =>
    record(index % 5 === 0 ? null : `key ${index}`, index % 7 === 0 ? null : `${codec} ${index}`, {
      partition: 0,
      headers: [
        ['codec', base64(codec)],
        ['index', base64(`${index}`)],
      ],
    }),
  )
}

async function readsAll(reader: Consumer, sent: readonly SendRecord[]): Promise<void> {
  await pollUntil(
    [reader],
    { what: `${sent.length} records`, withinMs: READ_WITHIN_MS },
    () => reader.records.length >= sent.length,
  )
  checkSame(reader.records, sent)
}

function codecsOf({ client }: Context): Codec[] {
  return ALL_CODECS.filter((codec) => client.features.includes(`codec:${codec}`))
}

export const MIXED: readonly Scenario[] = [
  {
    name: 'mixed/read-by-another',
    needs: ['headers'],
    fast: true,
    async run(context) {
      const partner = await context.partner(
        'headers',
        ...ALL_CODECS.map((one) => `codec:${one}` as const),
      )
      const topic = await context.topic()
      const sent: SendRecord[] = []
      for (const codec of codecsOf(context)) {
        const producer = await context.producer({ codec })
        const some = records(codec)
        await producer.send(topic, some)
        sent.push(...some)
      }
      await readsAll(await context.reader(topic, 1, {}, partner), sent)
    },
  },
  {
    name: 'mixed/written-by-another',
    needs: ['headers'],
    fast: true,
    async run(context) {
      const partner = await context.partner(
        'headers',
        ...ALL_CODECS.map((one) => `codec:${one}` as const),
      )
      const topic = await context.topic()
      const sent: SendRecord[] = []
      for (const codec of codecsOf(context)) {
        const producer = await context.producer({ codec }, partner)
        const some = records(codec)
        await producer.send(topic, some)
        sent.push(...some)
      }
      await readsAll(await context.reader(topic), sent)
    },
  },
  {
    name: 'mixed/resume-of-another',
    needs: ['groups'],
    async run(context) {
      const partner = await context.partner('groups')
      const topic = await context.topic()
      const producer = await context.producer()
      const sent = records('none')
      await producer.send(
        topic,
        sent.map((one) => ({ ...one, headers: [] })),
      )
      const group = context.name('group')
      const first = await context.consumer({ offsetReset: 'earliest' }, group)
      await first.subscribe(topic)
      await pollUntil(
        [first],
        { what: '50 records', withinMs: READ_WITHIN_MS },
        () => first.records.length >= 50,
      )
      await first.commit([{ topic, partition: 0, offset: 44 }])
      await first.close()
      const second = await context.consumer({ offsetReset: 'earliest' }, group, partner)
      await second.subscribe(topic)
      await pollUntil(
        [second],
        { what: '6 records', withinMs: READ_WITHIN_MS },
        () => second.records.length >= 6,
      )
      equal(second.records[0]?.offset, 44, 'first offset after another client committed 44')
    },
  },
  {
    name: 'mixed/transaction-of-another',
    needs: ['read-committed'],
    async run(context) {
      const partner = await context.partner('transactions')
      const topic = await context.topic()
      const producer = await context.producer({ transactionalId: context.name('txn') }, partner)
      await producer.init()
      for (const end of ['commit', 'abort', 'commit'] as const) {
        await producer.begin()
        await producer.send(topic, [record(null, end, { partition: 0 })])
        await (end === 'commit' ? producer.commit() : producer.abort())
      }
      const reader = await context.reader(topic, 1, { isolation: 'read_committed' })
      await pollUntil(
        [reader],
        { what: '2 records', withinMs: READ_WITHIN_MS },
        () => reader.records.length >= 2,
      )
      equal(
        reader.records.map(({ value }) => value),
        [base64('commit'), base64('commit')],
        'records',
      )
    },
  },
]
