// Positions without groups: manual assignment, seeking by offset and by time, the log's two ends.

import { pollUntil } from '../handles.ts'
import type { MaybeOffset } from '../protocol.ts'
import { equal, record } from '../records.ts'
import type { Context, Scenario } from '../scenario.ts'

const READ_WITHIN_MS = 20_000
const MINUTE_MS = 60_000

/** A topic with ten records in partition 0, a minute apart where `base` is given. */
async function tenRecords(context: Context, base?: number): Promise<string> {
  const topic = await context.topic()
  const able = base === undefined || context.has('timestamps')
  const producer = await context.producer(
    {},
    able ? undefined : await context.partner('timestamps'),
  )
  await producer.send(
    topic,
    Array.from({ length: 10 }, (_, index) =>
      record(null, `${index}`, {
        partition: 0,
        ...(base === undefined ? {} : { timestamp: base + index * MINUTE_MS }),
      }),
    ),
  )
  return topic
}

export const SEEK: readonly Scenario[] = [
  {
    name: 'seek/offset',
    needs: ['manual-partition'],
    fast: true,
    async run(context) {
      const topic = await tenRecords(context)
      for (const start of [0, 4, 9, 'earliest'] as const) {
        const consumer = await context.consumer({ offsetReset: 'earliest' })
        await consumer.assign(topic, [0], start)
        const first = start === 'earliest' ? 0 : start
        await pollUntil(
          [consumer],
          { what: `${10 - first} records from ${start} on`, withinMs: READ_WITHIN_MS },
          () => consumer.records.length >= 10 - first,
        )
        equal(consumer.records[0]?.offset, first, `first offset from ${start} on`)
        await consumer.seek(topic, 0, 7)
        const before = consumer.records.length
        await pollUntil(
          [consumer],
          { what: '3 records from 7 on', withinMs: READ_WITHIN_MS },
          () => consumer.records.length >= before + 3,
        )
        equal(consumer.records[before]?.offset, 7, 'first offset after seeking to 7')
        await consumer.close()
      }
    },
  },
  {
    name: 'seek/out-of-range',
    needs: ['manual-partition'],
    async run(context) {
      const topic = await tenRecords(context)
      await context.deleteRecords(topic, 0, 3)
      for (const start of [1, 500]) {
        const consumer = await context.consumer({ offsetReset: 'earliest' })
        await consumer.assign(topic, [0], start)
        await pollUntil(
          [consumer],
          { what: `7 records after an assignment at ${start}`, withinMs: READ_WITHIN_MS },
          () => consumer.records.length >= 7,
        )
        equal(consumer.records[0]?.offset, 3, `first offset after an assignment at ${start}`)
        await consumer.close()
      }
    },
  },
  {
    name: 'seek/time',
    needs: ['seek-time'],
    fast: true,
    async run(context) {
      const base = Date.now() - 60 * MINUTE_MS
      const topic = await tenRecords(context, base)
      const consumer = await context.reader(topic)
      const cases = [
        [base - MINUTE_MS, 0],
        [base, 0],
        [base + 1, 1],
        [base + 4.5 * MINUTE_MS, 5],
        [base + 9 * MINUTE_MS, 9],
        [base + 9 * MINUTE_MS + 1, null],
      ] as const
      for (const [timestamp, expected] of cases) {
        const partitions = [{ topic, partition: 0, timestamp }]
        const { offsets } = await consumer.call('consumer.offsetsForTimes', { partitions })
        equal(
          only(offsets),
          expected,
          `offset of the first record at or after +${timestamp - base}`,
        )
      }
    },
  },
  {
    name: 'seek/ends',
    needs: [],
    fast: true,
    async run(context) {
      const topic = await tenRecords(context)
      const consumer = await context.reader(topic)
      await context.deleteRecords(topic, 0, 4)
      equal(await consumer.beginningOffset(topic, 0), 4, 'beginning offset')
      equal(await consumer.endOffset(topic, 0), 10, 'end offset')
    },
  },
]

function only(offsets: readonly MaybeOffset[]): number | null | undefined {
  return offsets[0]?.offset
}
