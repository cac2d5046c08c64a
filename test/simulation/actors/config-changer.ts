// Changes the settings of a topic while it lives, as kafka-configs does: the controller has them at once, its partitions
// hear of them late, twice or by a producer's next batch.

import type { GroupTopic } from '../../../src/cluster/contract.ts'
import type { TopicSettings } from '../../../src/core/configs.ts'
import type { Expectations } from '../log/expectations.ts'
import type { Context } from '../platform/scheduler.ts'
import type { World } from '../world.ts'
import { Connection } from './broker.ts'

export interface ConfigChangerOptions {
  readonly world: World
  readonly topic: GroupTopic
  /** Of each partition. */
  readonly expected: readonly Expectations[]
  /** Settings as such a topic may have them. */
  readonly draw: () => Partial<TopicSettings>
}

/** Until the world heals. */
export async function changeConfigs(
  options: ConfigChangerOptions,
  context: Context,
): Promise<void> {
  const { world } = options
  const connection = new Connection(world, context)
  while (!world.isHealed) {
    await world.sleep(world.random.between(2_000, 60_000))
    if (world.isHealed) return
    const { topic } = options
    const version = change(options)
    const settings = world.cluster.settings.get(topic.id) as TopicSettings
    for (let partition = 0; partition < topic.partitions; partition++) {
      if (world.random.chance(0.2)) continue
      await connection.ask((objects) =>
        objects
          .partition(topic.id, partition)
          .configure({ topicId: topic.id, partition }, version, settings),
      )
    }
  }
}

/** Some of them become others; what the topic is, compacted or tiered, stays. Its version. */
function change({ world, topic, expected, draw }: ConfigChangerOptions): number {
  const before = world.cluster.settings.get(topic.id) as TopicSettings
  const { cleanupCompact: _, cleanupDelete: __, remoteEnabled: ___, ...drawn } = draw()
  const names = Object.keys(drawn).filter(() => world.random.chance(0.4))
  const kept = Object.fromEntries(names.map((name) => [name, drawn[name as keyof typeof drawn]]))
  const settings: TopicSettings = { ...before, ...kept }
  for (const one of expected) one.changed(settings)
  return world.cluster.configure(topic.id, settings)
}
