// An idempotent producer without transactions: batches to one partition, in order, each sent until it is
// acknowledged.

import type { TopicId } from '../../../src/core/ids.ts'
import type { Context } from '../platform/scheduler.ts'
import type { World } from '../world.ts'
import { tokens } from './batches.ts'
import { Connection } from './broker.ts'
import type { IdempotentRecord, Write } from './history.ts'
import { type Outgoing, send } from './sender.ts'

export interface IdempotentOptions {
  readonly world: World
  readonly record: IdempotentRecord
  readonly topicId: TopicId
  /** Given to this life and no other. */
  readonly producerId: number
}

/** Produces until the world heals. */
export async function produce(
  { world, record, topicId, producerId }: IdempotentOptions,
  context: Context,
): Promise<void> {
  const connection = new Connection(world, context)
  const { random } = world
  let sequence = 0
  for (let round = 0; !world.isHealed; round++) {
    const outgoing: Outgoing[] = []
    for (let batch = random.between(1, 5); batch > 0; batch--) {
      const names = tokens(`${record.name}/${round}.${batch}`, random, 3)
      const { partition } = record
      const writes: Write[] = names.map((token) => ({
        token,
        partition,
        firstSentMs: world.nowMs,
        offset: -1,
      }))
      record.writes.push(...writes)
      const producer = { producerId, producerEpoch: 0, transactional: false }
      const batchOf = { ...producer, partition, baseSequence: sequence, tokens: names }
      outgoing.push({ batch: batchOf, writes })
      sequence += names.length
    }
    const outcome = await send(outgoing, { world, connection, topicId, attempts: 1_000 })
    if (outcome !== 'acked') return
    await world.sleep(random.between(0, 1_000))
  }
}
