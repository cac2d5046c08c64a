// A stable group, classic or of the next protocol, through an outage of up to three session timeouts: its
// coordinator dies with the whole platform, nobody gets through, then all is as before. The members go
// on in the generation that they were in.

import { ClassicMember } from '../actors/classic-member.ts'
import { ConsumerMember } from '../actors/consumer-member.ts'
import { GroupHistory } from '../actors/group-history.ts'
import { allOwned } from '../invariants/all-owned.ts'
import { HEALTHY } from '../platform/hazards.ts'
import type { Scenario } from './scenario.ts'

const SESSION_TIMEOUT_MS = 12_000
const SETTLED_MS = 90_000
const AFTERWARDS_MS = 60_000

export const groupOutage: Scenario = {
  name: 'group-outage',
  configs: {
    'group.consumer.session.timeout.ms': String(SESSION_TIMEOUT_MS),
    'group.consumer.heartbeat.interval.ms': '2500',
  },
  async run(world, events) {
    const { random } = world
    world.hazards.profile = { ...HEALTHY, syncMs: random.between(1, 20) }
    const history = new GroupHistory()
    const topic = world.cluster.addTopic('in', random.between(2, 6))
    const isClassic = random.chance(0.5)
    const count = random.between(1, 4)
    for (let index = 0; index < count; index++) {
      world.client(`member-${index}`, async (context) => {
        const record = history.add(context)
        const instanceId = random.chance(0.3) ? `static-${index}` : null
        const options = { world, groupId: 'group', topic, record, instanceId, isRestless: false }
        const rebalanceTimeoutMs = 20_000
        await (isClassic
          ? new ClassicMember({
              ...options,
              isCooperative: false,
              sessionTimeoutMs: SESSION_TIMEOUT_MS,
              rebalanceTimeoutMs,
            })
          : new ConsumerMember({ ...options, rebalanceTimeoutMs })
        ).live()
      })
    }
    await world.pass(SETTLED_MS)
    while (world.trace.events < events && world.violations.length === 0) {
      const before = generations(history)
      world.platform.outage(random.between(0, 3 * SESSION_TIMEOUT_MS))
      await world.pass(3 * SESSION_TIMEOUT_MS + AFTERWARDS_MS)
      const after = generations(history)
      if (before !== after) {
        world.violated('no-needless-rebalance-after-an-outage', `${before} became ${after}`)
      }
      for (const what of allOwned(history, topic.partitions)) {
        world.violated('no-partition-unowned-longer-than-the-timeouts-allow', what)
      }
    }
  },
}

function generations(history: GroupHistory): string {
  return history.members
    .map(
      ({ name, memberId, generation, owned }) => `${name} ${memberId}@${generation}:${[...owned]}`,
    )
    .join(' ')
}
