// A topic that is deleted while it is written and read: its partitions are fenced, then freed, while disks, alarms, the
// object store and messages fail and objects end at any moment. What the controller was told is fenced takes and gives
// nothing any more, and what was freed is gone, from the object store as well, and does not come back.

import type { GroupTopic } from '../../../src/cluster/contract.ts'
import type { TopicSettings } from '../../../src/core/configs.ts'
import { KafkaError } from '../../../src/core/errors.ts'
import { partitionName } from '../../../src/core/ids.ts'
import { TIER_LATE_PUT_MS } from '../../../src/core/limits/tier.ts'
import { Connection } from '../actors/broker.ts'
import { History } from '../actors/history.ts'
import { PassReader } from '../actors/pass-reader.ts'
import { deleteRecords } from '../actors/record-deleter.ts'
import { setLimits } from '../limits.ts'
import { Expectations } from '../log/expectations.ts'
import { listenToLogs } from '../log/listen.ts'
import { WrittenLog } from '../log/written-log.ts'
import { drawBucketProfile, SimulatedBucket } from '../platform/bucket.ts'
import { withFaultyStorage } from '../platform/hazards.ts'
import type { World } from '../world.ts'
import { drawLimits, drawSettings, startProducers } from './log-life.ts'
import type { Scenario } from './scenario.ts'
import { drawTieredSettings, drawTierLimits, LATE_PUT_MS } from './tiered-log.ts'

/** Long enough for every timeout and retry, and for a log to be freed by one chunk at a time; who still writes tries again all the time. */
const REST_MS = TIER_LATE_PUT_MS + 600_000

/** Nobody is told of a topic that is gone sooner than by its next question. */
const AGAIN_MS = 500

export const deletedLog: Scenario = {
  name: 'deleted-log',
  async run(world, events) {
    const { random, hazards } = world
    hazards.profile = withFaultyStorage(hazards.profile, random)
    const isTiered = random.chance(0.6)
    if (isTiered) {
      world.bucket = new SimulatedBucket(drawBucketProfile(random, LATE_PUT_MS - 1_000), world)
    }
    await setLimits({ ...drawLimits(random), ...(isTiered ? drawTierLimits(random) : {}) })
    world.mayFail = (object) => object.includes('/topic/')
    const settings = isTiered ? drawTieredSettings(random) : drawSettings(random)
    const topic = world.cluster.addTopic('out', random.between(1, 2), settings)
    populate(world, topic)
    await world.live(Math.floor(events * random.pick([0.05, 0.3, 0.7])))
    const deletion = new Deletion(world, topic)
    deletion.begin()
    await world.live(events)
    world.heal()
    // Whoever still writes would try again for ever.
    world.killClients('idempotent-')
    await world.pass(REST_MS)
    world.judgeCalls()
    if (world.violations.length === 0) await deletion.judge()
  },
}

/** Producers, readers and whoever deletes records, all of whom go on when the topic is gone. */
function populate(world: World, topic: GroupTopic): void {
  const { random } = world
  const now = () => world.nowMs
  const full = world.cluster.settings.get(topic.id) as TopicSettings
  const logs = Array.from({ length: topic.partitions }, (_, partition) => ({
    partition,
    expected: new Expectations(new WrittenLog(now), full, now),
  }))
  const objects = logs.map(
    ({ partition, expected }) => [partitionName(topic.id, partition, 'main'), expected] as const,
  )
  listenToLogs(world, new Map(objects))
  startProducers(world, topic, new History(), [], false)
  for (const { partition, expected } of logs) {
    const options = { world, topicId: topic.id, partition, expected, name: `reader-${partition}` }
    world.client(options.name, (context) => new PassReader(options, context).live())
    if (random.chance(0.3)) world.client('deleter', (context) => deleteRecords(options, context))
  }
}

/** What the controller does, and what must be true of it. */
class Deletion {
  readonly #world: World
  readonly #topic: GroupTopic
  /** When the controller was told that a partition is fenced, by its object. */
  readonly #fencedMs = new Map<string, number>()
  readonly #freed = new Set<string>()

  constructor(world: World, topic: GroupTopic) {
    this.#world = world
    this.#topic = topic
  }

  /** The topic is gone from the controller first. Its partitions are told until each has answered. */
  begin(): void {
    const world = this.#world
    const { id, partitions } = this.#topic
    world.cluster.remove(id)
    world.listeners.push(({ object, method, sentMs, result }) => {
      const fencedMs = this.#fencedMs.get(object)
      if (fencedMs === undefined || sentMs <= fencedMs) return
      const { error, kind } = (result ?? {}) as { error?: number; kind?: string }
      const isTaken = method === 'append' && kind === 'appended'
      const isGiven = method === 'read' && error === KafkaError.NONE
      if (!isTaken && !isGiven) return
      world.violated('what-is-fenced-takes-and-gives-nothing', `${object} answers ${method}`)
    })
    for (let partition = 0; partition < partitions; partition++) this.#delete(partition)
  }

  #delete(partition: number): void {
    const world = this.#world
    const target = { topicId: this.#topic.id, partition }
    const object = partitionName(target.topicId, partition, 'main')
    world.client('controller', async (context) => {
      const connection = new Connection(world, context)
      const until = async (act: () => Promise<boolean | null>) => {
        while ((await act()) !== true) await world.sleep(AGAIN_MS)
      }
      await until(() =>
        connection.ask(async (objects) => {
          await objects.partition(target.topicId, partition).fence(target)
          return true
        }),
      )
      this.#fencedMs.set(object, world.nowMs)
      await until(() =>
        connection.ask(
          async (objects) =>
            (await objects.partition(target.topicId, partition).free(target)) === 'freed',
        ),
      )
      this.#freed.add(object)
    })
  }

  /** When all is at rest. */
  async judge(): Promise<void> {
    const world = this.#world
    const { id: topicId, partitions } = this.#topic
    for (let partition = 0; partition < partitions; partition++) {
      const object = partitionName(topicId, partition, 'main')
      if (!this.#freed.has(object)) {
        world.violated('a-deleted-topic-is-freed', `${object} is not`)
        return
      }
      const { error } = await world.ask('reader', (objects) =>
        objects.partition(topicId, partition).size({ topicId, partition }),
      )
      if (error !== KafkaError.UNKNOWN_TOPIC_ID) {
        world.violated('what-is-fenced-takes-and-gives-nothing', `size answers ${error}`)
      }
      const storage = world.platform.slots.find(({ name }) => name === object)?.storage
      const tables = storage?.look("SELECT name FROM sqlite_master WHERE type = 'table'") ?? []
      if (tables.length > 0) {
        world.violated('a-deleted-topic-is-freed', `${object} has ${tables.length} tables`)
      }
    }
    const { bucket } = world
    // What takes effect when everybody has been told otherwise is nobody's any more.
    if (bucket === null || bucket.isLate) return
    for (const key of bucket.objects.keys()) {
      world.violated('a-deleted-topic-leaves-no-object', key)
    }
  }
}
