// kafka-transactions: what it lists and describes of a transaction that is going on, was committed or
// was aborted, and an admin's abort of one; normal answers and error answers.

import { type Producer, pollUntil, until } from '../handles.ts'
import { type Ran, Tools } from '../java/kafka-tools.ts'
import { equal, record, values } from '../records.ts'
import type { Context, Scenario } from '../scenario.ts'

const LIST_HEADER = 'TransactionalId Coordinator ProducerId TransactionState'
const DESCRIBE_HEADER =
  'CoordinatorId TransactionalId ProducerId ProducerEpoch TransactionState TransactionTimeoutMs' +
  ' CurrentTransactionStartTimeMs TransactionDurationMs TopicPartitions'
const PRODUCERS_HEADER =
  'ProducerId ProducerEpoch LatestCoordinatorEpoch LastSequence LastTimestamp' +
  ' CurrentTransactionStartOffset'

export const TOOLS_TRANSACTIONS: readonly Scenario[] = [
  {
    name: 'tools/transactions',
    needs: ['tools'],
    run: (context) => Tools.with(context, (tools) => states(context, tools)),
  },
  {
    name: 'tools/transactions-abort',
    needs: ['tools'],
    run: (context) => Tools.with(context, (tools) => abort(context, tools)),
  },
  {
    name: 'tools/transactions-find-hanging',
    needs: ['tools'],
    run: (context) => Tools.with(context, (tools) => findHanging(context, tools)),
  },
  {
    name: 'tools/transactions-errors',
    needs: ['tools'],
    run: (context) => Tools.with(context, (tools) => errors(context, tools)),
  },
]

interface Open {
  readonly id: string
  readonly topic: string
  readonly producer: Producer
}

/** A transaction with one record in each of two partitions, not ended. */
async function open(context: Context): Promise<Open> {
  const id = context.name('txn')
  const topic = await context.topic(2)
  const producer = await context.producer({ transactionalId: id, transactionTimeoutMs: 50_000 })
  await producer.init()
  await producer.begin()
  await producer.send(topic, [
    record('a', '1', { partition: 0 }),
    record('b', '2', { partition: 1 }),
  ])
  return { id, topic, producer }
}

async function states(context: Context, tools: Tools): Promise<void> {
  const { id, topic, producer } = await open(context)
  const run = (args: string) => tools.run('transactions', args)
  const listed = (state: string) => new RegExp(`^${id} 1 \\d+ ${state}$`)
  ;(await run('list')).exits(0).has(LIST_HEADER, listed('Ongoing'))
  ;(await run('list --duration-filter 3600000')).exits(0).lacks(listed('Ongoing'))
  ;(await run('list --transactional-id-pattern .*nope.*')).exits(0).prints(LIST_HEADER)

  const described = await run(`describe --transactional-id ${id}`)
  described.exits(0).has(DESCRIBE_HEADER)
  const [first, second] = [`${topic}-0`, `${topic}-1`]
  described.has(
    new RegExp(
      `^1 ${id} \\d+ \\d+ Ongoing 50000 \\d{13} \\d+ (${first},${second}|${second},${first})$`,
    ),
  )
  const producers = await run(`describe-producers --topic ${topic} --partition 1`)
  const [producerId, epoch] = ids(described)
  producers.exits(0).prints(PRODUCERS_HEADER, new RegExp(`^${producerId} ${epoch} -1 0 \\d{13} 0$`))

  /** The markers of an end may still be under way when the producer goes on. */
  const becomes = (state: string) =>
    until({ what: `${id} to be ${state}`, withinMs: 10_000 }, async () =>
      (await run('list')).exits(0).lines.some((line) => listed(state).test(line)),
    )
  await producer.commit()
  await becomes('CompleteCommit')
  const after = await run(`describe --transactional-id ${id}`)
  after.exits(0).has(new RegExp(`^1 ${id} \\d+ \\d+ CompleteCommit 50000 \\d{13} \\d+$`))
  ;(await run(`describe-producers --topic ${topic} --partition 1`))
    .exits(0)
    .prints(PRODUCERS_HEADER, new RegExp(`^${producerId} \\d+ \\d+ -?\\d+ \\d{13} None$`))

  await producer.begin()
  await producer.send(topic, [record('c', '3', { partition: 0 })])
  await producer.abort()
  await becomes('CompleteAbort')
}

/** Producer id and epoch of the one described transaction. */
function ids(described: Ran): readonly [string, string] {
  const line = described.lines.find((one) => one.startsWith('1 ')) ?? ''
  const [, , producerId = '', epoch = ''] = line.split(' ')
  return [producerId, epoch]
}

/** An admin ends one partition of a transaction: its readers go on, the other partition waits. */
async function abort(context: Context, tools: Tools): Promise<void> {
  const { topic, producer } = await open(context)
  const outside = await context.producer()
  await outside.send(topic, [
    record('c', 'after', { partition: 0 }),
    record('d', 'after', { partition: 1 }),
  ])
  const reader = await context.consumer({ isolation: 'read_committed', offsetReset: 'earliest' })
  await reader.assign(topic, [0, 1], 'earliest')
  for (let round = 0; round < 4; round += 1) await reader.poll()
  equal(values(reader.records), [], 'read_committed before the abort')
  const args = `abort --topic ${topic} --partition 0 --start-offset 0`
  ;(await tools.run('transactions', args)).exits(0)
  await pollUntil(
    [reader],
    { what: 'the record behind the aborted transaction', withinMs: 15_000 },
    () => reader.records.length > 0,
  )
  equal(
    reader.records.map(({ partition, offset }) => ({ partition, offset })),
    [{ partition: 0, offset: 1 }],
    'read_committed after the abort of partition 0',
  )
  ;(await tools.run('transactions', args))
    .exits(1)
    .says(`Could not find any open transactions starting at offset 0 on partition ${topic}-0`)
  await producer.abort()
  await pollUntil(
    [reader],
    { what: 'the record of partition 1', withinMs: 15_000 },
    () => reader.records.length > 1,
  )
  equal(values(reader.records), ['after', 'after'], 'all that read_committed sees')
}

async function findHanging(context: Context, tools: Tools): Promise<void> {
  const { topic, producer } = await open(context)
  const header =
    'Topic Partition ProducerId ProducerEpoch CoordinatorEpoch StartOffset LastTimestamp Duration(min)'
  const run = (args: string) => tools.run('transactions', `find-hanging ${args}`)
  ;(await run(`--topic ${topic}`)).exits(0).prints(header)
  ;(await run(`--topic ${topic} --partition 0 --max-transaction-timeout 0`)).exits(0).prints(header)
  ;(await run('--broker-id 1')).exits(0).has(header)
  await producer.commit()
}

async function errors(context: Context, tools: Tools): Promise<void> {
  const id = context.name('nope')
  const topic = await context.topic()
  const run = (args: string) => tools.run('transactions', args)
  ;(await run(`describe --transactional-id ${id}`))
    .exits(1)
    .says(`transactionalId \`${id}\` failed because the ID could not be found`)
  ;(await run(`abort --topic ${topic} --partition 0 --start-offset 0`))
    .exits(1)
    .says(`Could not find any open transactions starting at offset 0 on partition ${topic}-0`)
  ;(await run(`describe-producers --topic ${topic} --partition 0`))
    .exits(0)
    .prints(PRODUCERS_HEADER)
}
