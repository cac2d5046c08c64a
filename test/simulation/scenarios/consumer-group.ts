// A group of the next protocol (KIP-848) whose members come, crash, stall and leave while its topic grows.

import { ConsumerMember } from '../actors/consumer-member.ts'
import { GroupHistory } from '../actors/group-history.ts'
import { allOwned } from '../invariants/all-owned.ts'
import { oneOwnerPerEpoch } from '../invariants/consumer-epochs.ts'
import { offsetsNeverGoBack } from '../invariants/fenced-commits.ts'
import { watch } from '../invariants/invariant.ts'
import type { Scenario } from './scenario.ts'

const REST_MS = 180_000
const SESSION_TIMEOUT_MS = 20_000

export const consumerGroup: Scenario = {
  name: 'consumer-group',
  configs: {
    'group.consumer.session.timeout.ms': String(SESSION_TIMEOUT_MS),
    'group.consumer.heartbeat.interval.ms': '2000',
  },
  async run(world, events) {
    const { random } = world
    const history = new GroupHistory()
    const topic = world.cluster.addTopic('in', random.between(2, 6))
    const rebalanceTimeoutMs = random.pick([15_000, 40_000])
    watch(world, [
      oneOwnerPerEpoch({ sessionTimeoutMs: SESSION_TIMEOUT_MS, rebalanceTimeoutMs }),
      offsetsNeverGoBack(),
    ])
    const member = (name: string, instanceId: string | null, isRestless: boolean) => {
      const start = () => {
        // Who dies last stays dead: the others have to notice.
        if (world.isHealed && isRestless) return
        world.client(
          name,
          async (context) => {
            const record = history.add(context)
            const options = { world, groupId: 'group', topic, record }
            const temper = { instanceId, rebalanceTimeoutMs, isRestless }
            await new ConsumerMember({ ...options, ...temper }).live()
            if (!world.isHealed) world.scheduler.after(random.between(0, 25_000), null, start)
          },
          start,
        )
      }
      start()
      return start
    }
    for (let index = random.between(1, 3); index >= 0; index--) {
      const instanceId = random.chance(0.3) ? `static-${index}` : null
      const start = member(`member-${index}`, instanceId, true)
      if (instanceId !== null && random.chance(0.3)) {
        world.scheduler.after(random.between(10_000, 60_000), null, start)
      }
    }
    if (random.chance(0.5)) {
      world.client('admin', async () => {
        await world.sleep(random.between(5_000, 60_000))
        const { partitions } = topic
        world.cluster.grow(topic.name, partitions + random.between(1, 3))
        await world.tellGroups()
      })
    }
    await world.live(events)
    world.heal()
    if (history.living.length === 0) member('last', null, false)
    await world.tellGroups()
    await world.pass(REST_MS)
    world.judgeCalls()
    if (world.violations.length > 0) return
    const { partitions } = world.cluster.topics.find(({ name }) => name === topic.name) ?? topic
    for (const what of allOwned(history, partitions)) {
      world.violated('no-partition-unowned-longer-than-the-timeouts-allow', what)
    }
  },
}
