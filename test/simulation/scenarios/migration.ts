// A group that is upgraded and downgraded while it lives (KIP-848): each life of a member speaks the
// classic protocol or the next one, mostly the one that is in fashion, and the fashion changes. Members
// come, crash, stall and leave meanwhile.

import { ClassicMember } from '../actors/classic-member.ts'
import { ConsumerMember } from '../actors/consumer-member.ts'
import { GroupHistory } from '../actors/group-history.ts'
import { allOwned } from '../invariants/all-owned.ts'
import { oneOwnerPerEpoch } from '../invariants/consumer-epochs.ts'
import { offsetsNeverGoBack } from '../invariants/fenced-commits.ts'
import { watch } from '../invariants/invariant.ts'
import type { Scenario } from './scenario.ts'

const REST_MS = 180_000
const CONSUMER_SESSION_MS = 20_000
/** How often a new life follows the fashion. */
const FOLLOWS = 0.85

export const migration: Scenario = {
  name: 'migration',
  configs: {
    'group.consumer.session.timeout.ms': String(CONSUMER_SESSION_MS),
    'group.consumer.heartbeat.interval.ms': '2000',
    'group.consumer.migration.policy': 'bidirectional',
  },
  async run(world, events) {
    const { random } = world
    const history = new GroupHistory()
    const topic = world.cluster.addTopic('in', random.between(2, 6))
    const isCooperative = random.chance(0.5)
    const sessionTimeoutMs = random.pick([6_000, 10_000])
    const rebalanceTimeoutMs = random.pick([15_000, 40_000])
    watch(world, [
      oneOwnerPerEpoch({
        sessionTimeoutMs: CONSUMER_SESSION_MS,
        rebalanceTimeoutMs,
        classicSessionTimeoutMs: sessionTimeoutMs,
      }),
      offsetsNeverGoBack(),
    ])
    let isConsumerInFashion = random.chance(0.5)
    world.client('fashion', async () => {
      while (!world.isHealed) {
        await world.sleep(random.between(10_000, 60_000))
        isConsumerInFashion = !isConsumerInFashion
      }
    })
    const member = (name: string, instanceId: string | null, isRestless: boolean) => {
      const start = () => {
        // Who dies last stays dead: the others have to notice.
        if (world.isHealed && isRestless) return
        world.client(
          name,
          async (context) => {
            const record = history.add(context)
            const isConsumer = random.chance(FOLLOWS) === isConsumerInFashion
            const options = { world, groupId: 'group', topic, record, instanceId, isRestless }
            const life = isConsumer
              ? new ConsumerMember({ ...options, rebalanceTimeoutMs })
              : new ClassicMember({
                  ...options,
                  isCooperative,
                  sessionTimeoutMs,
                  rebalanceTimeoutMs,
                })
            await life.live()
            if (!world.isHealed) world.scheduler.after(random.between(0, 15_000), null, start)
          },
          start,
        )
      }
      start()
      return start
    }
    for (let index = random.between(1, 3); index >= 0; index--) {
      // See classic-group.ts for static cooperative members.
      const instanceId = !isCooperative && random.chance(0.3) ? `static-${index}` : null
      const start = member(`member-${index}`, instanceId, true)
      if (instanceId !== null && random.chance(0.3)) {
        world.scheduler.after(random.between(10_000, 60_000), null, start)
      }
    }
    await world.live(events)
    world.heal()
    if (history.living.length === 0) member('last', null, false)
    await world.pass(REST_MS)
    world.judgeCalls()
    if (world.violations.length > 0) return
    for (const what of allOwned(history, topic.partitions)) {
      world.violated('no-partition-unowned-longer-than-the-timeouts-allow', what)
    }
  },
}
