// Deletes records of a partition up to some offset, now and then, as kafka-delete-records does.

import { KafkaError } from '../../../src/core/errors.ts'
import type { TopicId } from '../../../src/core/ids.ts'
import type { Expectations } from '../log/expectations.ts'
import type { Context } from '../platform/scheduler.ts'
import type { World } from '../world.ts'
import { Connection } from './broker.ts'

export interface RecordDeleterOptions {
  readonly world: World
  readonly topicId: TopicId
  readonly partition: number
  readonly expected: Expectations
}

/** Until the world heals. */
export async function deleteRecords(
  { world, topicId, partition, expected }: RecordDeleterOptions,
  context: Context,
): Promise<void> {
  const { random } = world
  const connection = new Connection(world, context)
  const target = { topicId, partition }
  while (!world.isHealed) {
    await world.sleep(random.between(500, 20_000))
    const { written, logStart, settings } = expected
    const offset = random.pick([-1, random.between(logStart, written.nextOffset)])
    const reply = await connection.ask((objects) =>
      objects.partition(topicId, partition).deleteRecords({ ...target, offset }),
    )
    if (reply === null) continue
    const { error, lowWatermark } = reply
    const name = `deletion to ${offset}`
    if (error === KafkaError.NONE && !settings.cleanupDelete) {
      world.violated('only-what-may-go-goes', `${name} of a topic that is only compacted`)
    }
    if (error === KafkaError.NONE && lowWatermark < offset) {
      world.violated('deleted-records-are-gone', `${name} is answered with ${lowWatermark}`)
    }
  }
}
