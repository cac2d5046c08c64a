// Consume, transform, produce in transactions by a worker that is killed again and again in the middle
// of one: read with read_committed, the output holds every input exactly once.

import type { Adapter } from '../adapter.ts'
import { type Consumer, type Producer, pollUntil } from '../handles.ts'
import { SESSION_MS } from '../members.ts'
import type { ReadRecord } from '../protocol.ts'
import { equal, record, text } from '../records.ts'
import type { Context, Scenario } from '../scenario.ts'

const INPUTS = 60
const BATCH = 7
/** Each kill hits another step of a transaction; then the worker may finish. */
const KILLS = ['after the sends', 'after the offsets', 'in the commit'] as const

type Step = (typeof KILLS)[number]

export const exactlyOnce: Scenario = {
  name: 'transactions/exactly-once',
  needs: ['transactions', 'read-committed', 'groups', 'crash'],
  fast: true,
  withinMs: 150_000,
  async run(context) {
    const [input, output] = [await context.topic(2), await context.topic(2)]
    const source = await context.producer()
    await source.send(
      input,
      Array.from({ length: INPUTS }, (_, index) =>
        record(null, `${index}`, { partition: index % 2 }),
      ),
    )
    const names = { input, output, group: context.name('group'), id: context.name('txn') }
    for (const step of KILLS) await work(context, names, step)
    await work(context, names, undefined)
    const reader = await context.reader(output, 2, { isolation: 'read_committed' })
    await pollUntil(
      [reader],
      { what: `${INPUTS} outputs`, withinMs: 30_000 },
      () => reader.records.length >= INPUTS,
    )
    const seen = reader.records.map(({ value }) => Number(text(value)?.replace('done ', '')))
    equal(
      seen.toSorted((a, b) => a - b),
      Array.from({ length: INPUTS }, (_, index) => index),
      'outputs, each input once',
    )
  },
}

interface Names {
  readonly input: string
  readonly output: string
  readonly group: string
  readonly id: string
}

/** One life of the worker: it does a transaction, and is killed in its second or works to the end. */
async function work(context: Context, names: Names, killAt: Step | undefined): Promise<void> {
  const process = await context.process()
  const producer = await context.producer({ transactionalId: names.id }, process)
  await producer.init()
  const config = {
    isolation: 'read_committed',
    offsetReset: 'earliest',
    sessionTimeoutMs: SESSION_MS,
    heartbeatMs: 500,
  } as const
  const consumer = await context.consumer(config, names.group, process)
  await consumer.subscribe(names.input)
  for (let done = 0; ; done += 1) {
    const batch = await nextBatch(consumer, names.input)
    if (batch.length === 0) break
    const dies = done === 1 ? killAt : undefined
    await transaction(process, { producer, consumer }, names.output, batch, dies)
    if (dies !== undefined) return
  }
  await process.close()
}

/** The next records, or none once the group's committed offsets reach the end of the input. */
async function nextBatch(consumer: Consumer, input: string): Promise<readonly ReadRecord[]> {
  const deadline = Date.now() + SESSION_MS + 30_000
  while (Date.now() < deadline) {
    const records = await consumer.poll(500, BATCH)
    if (records.length > 0) return records
    if (consumer.assignment.length < 2) continue
    const committed = await Promise.all([0, 1].map((one) => consumer.committed(input, one)))
    if (committed.every((offset) => offset === INPUTS / 2)) return []
  }
  throw new Error(`expected records or the end of ${input}, seen neither`)
}

async function transaction(
  process: Adapter,
  { producer, consumer }: { readonly producer: Producer; readonly consumer: Consumer },
  output: string,
  batch: readonly ReadRecord[],
  dies: Step | undefined,
): Promise<void> {
  await producer.begin()
  await producer.send(
    output,
    batch.map(({ value, partition }) => record(null, `done ${text(value)}`, { partition })),
  )
  if (dies === 'after the sends') return process.kill()
  const last = new Map(batch.map(({ topic, partition, offset }) => [partition, { topic, offset }]))
  await producer.sendOffsets(
    consumer,
    [...last].map(([partition, { topic, offset }]) => ({ topic, partition, offset: offset + 1 })),
  )
  if (dies === 'after the offsets') return process.kill()
  if (dies === undefined) return producer.commit()
  // The commit is on its way, or not: both are right as long as it is all or nothing.
  const commit = producer.commit().catch(() => {})
  await process.kill()
  await commit
}
