// A classic group whose members, dynamic and static, eager or cooperative, come, crash, stall and leave; and
// the same where each member's last sync comes once more behind the next one.

import { ClassicMember } from '../actors/classic-member.ts'
import { GroupHistory } from '../actors/group-history.ts'
import { allOwned } from '../invariants/all-owned.ts'
import {
  fencedMembersLearnIt,
  noCommitFromFencedMember,
  offsetsNeverGoBack,
} from '../invariants/fenced-commits.ts'
import { watch } from '../invariants/invariant.ts'
import { generationsOnlyGrow, oneOwnerPerGeneration } from '../invariants/one-owner.ts'
import type { World } from '../world.ts'
import type { Scenario } from './scenario.ts'

/** Longer than a session, a rebalance and a request that nobody answers, one after the other. */
const REST_MS = 180_000

export const classicGroup: Scenario = scenario('classic-group', false)
export const lateSyncs: Scenario = scenario('late-syncs', true)

function scenario(name: string, repeatsSyncs: boolean): Scenario {
  return { name, run: (world, events) => run(world, events, repeatsSyncs) }
}

async function run(world: World, events: number, repeatsSyncs: boolean): Promise<void> {
  const { random } = world
  const history = new GroupHistory()
  const topic = world.cluster.addTopic('in', random.between(2, 6))
  watch(world, [
    oneOwnerPerGeneration(),
    generationsOnlyGrow(),
    noCommitFromFencedMember(),
    fencedMembersLearnIt(),
    offsetsNeverGoBack(),
  ])
  const isCooperative = random.chance(0.5)
  const sessionTimeoutMs = random.pick([6_000, 10_000])
  const rebalanceTimeoutMs = random.pick([5_000, 15_000, 30_000])
  const count = random.between(2, 4)
  for (let index = 0; index < count; index++) {
    // A cooperative static member that dies before it rejoins leaves what it gave up to nobody, with
    // Kafka's own clients too: its successor is given the old assignment without a rebalance.
    const instanceId = !isCooperative && random.chance(0.5) ? `static-${index}` : null
    const start = () => {
      // Who dies last stays dead: the others have to notice.
      if (world.isHealed) return
      world.client(
        `member-${index}`,
        async (context) => {
          const record = history.add(context)
          await new ClassicMember({
            world,
            groupId: 'group',
            topic,
            record,
            instanceId,
            isCooperative,
            sessionTimeoutMs,
            rebalanceTimeoutMs,
            isRestless: true,
            repeatsSyncs,
          }).live()
          if (!world.isHealed) world.scheduler.after(random.between(0, 20_000), null, start)
        },
        start,
      )
    }
    start()
    if (instanceId !== null && random.chance(0.5)) {
      // The same instance started elsewhere: one of the two is fenced.
      world.scheduler.after(random.between(10_000, 60_000), null, start)
    }
  }
  await world.live(events)
  world.heal()
  if (history.living.length === 0) {
    world.client('last', async (context) => {
      const record = history.add(context)
      await new ClassicMember({
        world,
        groupId: 'group',
        topic,
        record,
        instanceId: null,
        isCooperative,
        sessionTimeoutMs,
        rebalanceTimeoutMs,
        isRestless: false,
      }).live()
    })
  }
  await world.pass(REST_MS)
  world.judgeCalls()
  if (world.violations.length > 0) return
  for (const what of allOwned(history, topic.partitions)) {
    world.violated('no-partition-unowned-longer-than-the-timeouts-allow', what)
  }
}
