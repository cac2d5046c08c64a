// Transactional producers of both flows that crash, stall and are replaced, beside idempotent ones, over
// partitions that come and go; readers of both kinds.

import { History, type IdempotentRecord, type ReaderRecord } from '../actors/history.ts'
import { produce } from '../actors/idempotent-producer.ts'
import { read } from '../actors/reader.ts'
import { TransactionalProducer } from '../actors/transactional-producer.ts'
import { acknowledgedOnce } from '../invariants/acknowledged-once.ts'
import { allOrNothing } from '../invariants/all-or-nothing.ts'
import { exactlyOnce } from '../invariants/exactly-once.ts'
import { inOrder } from '../invariants/in-order.ts'
import { watch } from '../invariants/invariant.ts'
import { noHangingTransaction } from '../invariants/no-hanging-transaction.ts'
import { noZombieWrites } from '../invariants/no-zombie-writes.ts'
import { oneLifePerEpoch } from '../invariants/one-life-per-epoch.ts'
import { readersSawTheLog } from '../invariants/readers.ts'
import { stableOffsetNeverGoesBack } from '../invariants/stable-offset.ts'
import type { World } from '../world.ts'
import { describedTransactions, finalPartition } from './final.ts'
import type { Scenario } from './scenario.ts'

/** Long enough for every timeout and every retry to have passed. */
const REST_MS = 240_000

export const transactions: Scenario = {
  name: 'transactions',
  async run(world, events) {
    const { random } = world
    const history = new History()
    const topic = world.cluster.addTopic('out', random.between(1, 3))
    const inputs = world.cluster.addTopic('in', 4)
    const judge = watch(world, [
      stableOffsetNeverGoesBack(),
      oneLifePerEpoch(),
      acknowledgedOnce(),
      inOrder(),
      allOrNothing(),
      readersSawTheLog(),
      noHangingTransaction(),
      noZombieWrites(),
      exactlyOnce(),
    ])
    const ids = Array.from({ length: random.between(1, 3) }, (_, index) => `txn-${index}`)
    const withInput = random.chance(0.7)
    for (const [partition, transactionalId] of ids.entries()) {
      const flow = random.pick(['older', 'newer'] as const)
      const input = { groupId: 'app', topicId: inputs.id, name: 'in', partition }
      superviseProducer(world, {
        world,
        history,
        transactionalId,
        flow,
        topicId: topic.id,
        partitions: topic.partitions,
        timeoutMs: random.pick([2_000, 10_000, 60_000]),
        input: withInput ? input : null,
      })
    }
    if (random.chance(0.5)) superviseIdempotent(world, history, topic)
    for (let partition = 0; partition < topic.partitions; partition++) {
      for (const readCommitted of [true, false]) {
        const name = `reader-${partition}-${readCommitted ? 'committed' : 'uncommitted'}`
        const record: ReaderRecord = { name, partition, readCommitted, seen: [] }
        history.readers.push(record)
        world.client(name, (context) => read({ world, record, topicId: topic.id }, context))
      }
    }
    await world.live(events)
    world.heal()
    await world.pass(REST_MS)
    world.judgeCalls()
    if (world.violations.length > 0) return
    const positions = new Map<string, number>()
    for (const [partition, id] of ids.entries()) {
      if (!withInput) break
      const reply = await world.ask('operator', (objects) =>
        objects.group('app').fetchOffsets(
          {
            groupId: 'app',
            memberId: null,
            memberEpoch: -1,
            requireStable: true,
            topics: [{ topicId: inputs.id, partitions: [partition] }],
          },
          { version: 9, clientId: 'operator', clientHost: '/127.0.0.1' },
        ),
      )
      const found = reply.topics[0]?.partitions[0]
      if (found?.error !== 0) world.violated('no-hanging-transaction', `offset ${found?.error}`)
      positions.set(id, found?.offset ?? -1)
    }
    const partitions = []
    for (let partition = 0; partition < topic.partitions; partition++) {
      partitions.push(
        await world.ask('operator', (objects) => finalPartition(objects, topic, partition)),
      )
    }
    judge({
      history,
      topic,
      partitions,
      transactions: await describedTransactions(world, ids),
      positions,
    })
  },
}

type ProducerOptions = ConstructorParameters<typeof TransactionalProducer>[0]

/** Keeps a producer of this id alive; now and then starts another while the one before still lives. */
function superviseProducer(world: World, options: ProducerOptions): void {
  const start = () => {
    if (world.isHealed) return
    world.client(
      options.transactionalId,
      async (context) => {
        await new TransactionalProducer(options, context).live()
        world.scheduler.after(world.random.between(100, 5_000), null, start)
      },
      start,
    )
  }
  start()
  const rival = () => {
    start()
    world.scheduler.after(world.random.between(5_000, 90_000), null, rival)
  }
  if (world.random.chance(0.5))
    world.scheduler.after(world.random.between(5_000, 60_000), null, rival)
}

function superviseIdempotent(
  world: World,
  history: History,
  topic: ProducerOptions extends never ? never : ReturnType<World['cluster']['addTopic']>,
): void {
  let lives = 0
  const start = () => {
    if (world.isHealed) return
    lives += 1
    const name = `idempotent-${lives}`
    const partition = world.random.between(0, topic.partitions - 1)
    const record: IdempotentRecord = { name, partition, writes: [] }
    history.idempotent.push(record)
    const producerId = 500_000 + lives
    world.client(
      name,
      (context) => produce({ world, record, topicId: topic.id, producerId }, context),
      start,
    )
  }
  start()
}
