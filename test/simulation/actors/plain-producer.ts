// A producer without idempotence: what was not answered it sends again, and it may then be there twice.

import type { TopicId } from '../../../src/core/ids.ts'
import type { Context } from '../platform/scheduler.ts'
import type { World } from '../world.ts'
import { type Shapes, tokens } from './batches.ts'
import { Connection } from './broker.ts'
import type { IdempotentRecord, Write } from './history.ts'
import { send } from './sender.ts'

export interface PlainOptions {
  readonly world: World
  readonly record: IdempotentRecord
  readonly topicId: TopicId
  readonly shapes: Shapes
}

/** Produces until the world heals. */
export async function producePlainly(
  { world, record, topicId, shapes }: PlainOptions,
  context: Context,
): Promise<void> {
  const connection = new Connection(world, context)
  const { random } = world
  const { partition } = record
  for (let round = 0; !world.isHealed; round++) {
    const names = tokens(`${record.name}/${round}`, random, 4)
    const writes: Write[] = names.map((token) => ({
      token,
      partition,
      firstSentMs: world.nowMs,
      offset: -1,
    }))
    record.writes.push(...writes)
    const nobody = { producerId: -1, producerEpoch: -1, baseSequence: -1, transactional: false }
    const batch = { ...nobody, partition, tokens: names, shapes }
    await send([{ batch, writes }], { world, connection, topicId, attempts: 5 })
    await world.sleep(random.between(0, 1_000))
  }
}
