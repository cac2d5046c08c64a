// Transactions: all or nothing for read_committed, everything for read_uncommitted; zombies fenced,
// timeouts kept, offsets part of the transaction, and exactly once under a killed worker.

import { FENCED, fails } from '../failures.ts'
import { type Consumer, type Producer, pollUntil, until } from '../handles.ts'
import type { ProducerConfig } from '../protocol.ts'
import { check, equal, record, text, values } from '../records.ts'
import type { Context, Scenario } from '../scenario.ts'
import { exactlyOnce } from './exactly-once.ts'

const READ_WITHIN_MS = 20_000
const TRANSACTION_TIMEOUT_MS = 3_000

/** A producer whose transactional id is initialized. */
async function transactional(
  context: Context,
  id: string,
  more: ProducerConfig = {},
): Promise<Producer> {
  const producer = await context.producer({ transactionalId: id, ...more })
  await producer.init()
  return producer
}

async function send(producer: Producer, topic: string, ...texts: readonly string[]) {
  await producer.send(
    topic,
    texts.map((value) => record(null, value, { partition: 0 })),
  )
}

interface Readers {
  readonly committed: Consumer
  readonly uncommitted: Consumer
}

/** One reader of each isolation level from the start of partition 0. */
async function readers(context: Context, topic: string): Promise<Readers> {
  return {
    committed: await context.reader(topic, 1, { isolation: 'read_committed' }),
    uncommitted: await context.reader(topic, 1, { isolation: 'read_uncommitted' }),
  }
}

/** Reads until the last of `texts` came and compares all. */
async function reads(consumer: Consumer, ...texts: readonly string[]): Promise<void> {
  await pollUntil(
    [consumer],
    {
      what: `records ${texts.join(', ')}`,
      withinMs: READ_WITHIN_MS,
      seen: () => values(consumer.records).join(', '),
    },
    () => consumer.records.length >= texts.length,
  )
  equal(values(consumer.records), texts, 'records')
}

const NEEDS = ['transactions', 'read-committed'] as const

export const TRANSACTIONS: readonly Scenario[] = [
  {
    name: 'transactions/commit',
    needs: NEEDS,
    fast: true,
    async run(context) {
      const topic = await context.topic(3)
      const producer = await transactional(context, context.name('txn'))
      for (const round of [0, 1, 2]) {
        await producer.begin()
        await producer.send(
          topic,
          [0, 1, 2].map((partition) => record('k', `${round}`, { partition })),
        )
        await producer.commit()
      }
      for (const isolation of ['read_committed', 'read_uncommitted'] as const) {
        const reader = await context.reader(topic, 3, { isolation })
        await pollUntil(
          [reader],
          { what: `9 records with ${isolation}`, withinMs: READ_WITHIN_MS },
          () => reader.records.length >= 9,
        )
        for (const partition of [0, 1, 2]) {
          const own = reader.records.filter((one) => one.partition === partition)
          equal(values(own), ['0', '1', '2'], `${isolation}: partition ${partition}`)
        }
      }
    },
  },
  {
    name: 'transactions/abort',
    needs: NEEDS,
    fast: true,
    async run(context) {
      const topic = await context.topic()
      const producer = await transactional(context, context.name('txn'))
      const ends = ['commit', 'abort', 'commit', 'abort', 'abort', 'commit'] as const
      for (const [round, end] of ends.entries()) {
        await producer.begin()
        await send(producer, topic, `${round}a ${end}`, `${round}b ${end}`)
        await (end === 'commit' ? producer.commit() : producer.abort())
      }
      const all = ends.flatMap((end, round) => [`${round}a ${end}`, `${round}b ${end}`])
      const { committed, uncommitted } = await readers(context, topic)
      await reads(committed, ...all.filter((one) => one.endsWith('commit')))
      await reads(uncommitted, ...all)
    },
  },
  {
    name: 'transactions/last-stable-offset',
    needs: NEEDS,
    fast: true,
    async run(context) {
      const topic = await context.topic()
      const open = await transactional(context, context.name('txn'))
      const other = await context.producer()
      await open.begin()
      await send(open, topic, 'pending')
      await send(other, topic, 'after')
      const { committed, uncommitted } = await readers(context, topic)
      await reads(uncommitted, 'pending', 'after')
      // The reader of committed records was asked as often as the other; it must have waited.
      await committed.poll(1_500)
      await committed.poll(1_500)
      equal(values(committed.records), [], 'records beyond the last stable offset')
      await open.commit()
      await reads(committed, 'pending', 'after')
    },
  },
  {
    name: 'transactions/fence',
    needs: NEEDS,
    fast: true,
    async run(context) {
      const topic = await context.topic()
      const id = context.name('txn')
      const zombie = await transactional(context, id)
      await zombie.begin()
      await send(zombie, topic, 'of the zombie')
      const heir = await transactional(context, id)
      await heir.begin()
      await send(heir, topic, 'of the heir')
      const late = (async () => {
        await send(zombie, topic, 'too late')
        await zombie.commit()
      })()
      await fails(late, FENCED, 'a producer whose transactional id was taken over')
      await heir.commit()
      const { committed } = await readers(context, topic)
      await reads(committed, 'of the heir')
    },
  },
  {
    name: 'transactions/crash',
    needs: [...NEEDS, 'crash'],
    async run(context) {
      const topic = await context.topic()
      const id = context.name('txn')
      const process = await context.process()
      const victim = await context.producer({ transactionalId: id }, process)
      await victim.init()
      await victim.begin()
      await send(victim, topic, 'lost')
      await process.kill()
      const heir = await transactional(context, id)
      await heir.begin()
      await send(heir, topic, 'kept')
      await heir.commit()
      const { committed, uncommitted } = await readers(context, topic)
      await reads(committed, 'kept')
      await reads(uncommitted, 'lost', 'kept')
    },
  },
  {
    name: 'transactions/timeout',
    needs: NEEDS,
    withinMs: 90_000,
    async run(context) {
      const topic = await context.topic()
      const slow = await transactional(context, context.name('txn'), {
        transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
      })
      const other = await context.producer()
      await slow.begin()
      await send(slow, topic, 'too slow')
      const began = Date.now()
      await send(other, topic, 'after')
      const { committed } = await readers(context, topic)
      await reads(committed, 'after')
      const waited = Date.now() - began
      check(
        waited >= TRANSACTION_TIMEOUT_MS - 1_000,
        `the transaction to stay open for ${TRANSACTION_TIMEOUT_MS} ms`,
        `its end after ${waited} ms`,
      )
      await fails(slow.commit(), FENCED, 'a commit after the timeout')
    },
  },
  {
    name: 'transactions/offsets',
    needs: [...NEEDS, 'groups'],
    fast: true,
    async run(context) {
      const topic = await context.topic()
      const plain = await context.producer()
      await send(plain, topic, 'a', 'b', 'c', 'd')
      const group = context.name('group')
      const consumer = await context.consumer({ offsetReset: 'earliest' }, group)
      await consumer.subscribe(topic)
      await reads(consumer, 'a', 'b', 'c', 'd')
      const output = await context.topic()
      const producer = await transactional(context, context.name('txn'))
      const ends = [
        ['abort', 2, null],
        ['commit', 3, 3],
        ['abort', 4, 3],
      ] as const
      for (const [end, offset, after] of ends) {
        await producer.begin()
        await send(producer, output, `${offset}`)
        await producer.sendOffsets(consumer, [{ topic, partition: 0, offset }])
        await (end === 'commit' ? producer.commit() : producer.abort())
        // The end is answered before the offsets are final, and a client may read unstable ones.
        let seen: number | null = null
        const what = `committed offset ${after} after ${end} of ${offset}`
        await until({ what, withinMs: READ_WITHIN_MS, seen: () => `${seen}` }, async () => {
          seen = await consumer.committed(topic, 0)
          return seen === after
        })
      }
    },
  },
  exactlyOnce,
  {
    name: 'transactions/many-partitions',
    needs: NEEDS,
    async run(context) {
      const topics = [await context.topic(8), await context.topic(8)]
      const producer = await transactional(context, context.name('txn'))
      for (const round of [1, 2, 3]) {
        await producer.begin()
        for (const topic of topics) {
          await producer.send(
            topic,
            Array.from({ length: 16 }, (_, index) =>
              record(`${index}`, `${round}`, { partition: index % 8 }),
            ),
          )
        }
        await (round === 2 ? producer.abort() : producer.commit())
      }
      for (const topic of topics) {
        const reader = await context.reader(topic, 8, { isolation: 'read_committed' })
        await pollUntil(
          [reader],
          { what: `32 records of ${topic}`, withinMs: READ_WITHIN_MS },
          () => reader.records.length >= 32,
        )
        const aborted = reader.records.filter(({ value }) => text(value) === '2')
        equal([reader.records.length, aborted.length], [32, 0], 'records read and aborted ones')
      }
    },
  },
]
