// What only the classic protocol has: static members that crash or are fenced, cooperative assignors
// chosen by the clients, members of two client libraries in one group.

import { FENCED_INSTANCE, fails } from '../failures.ts'
import { names, pollUntil } from '../handles.ts'
import { Group, SETTLE_WITHIN_MS } from '../members.ts'
import { check, equal } from '../records.ts'
import { NotApplicable, type Scenario } from '../scenario.ts'

export const CLASSIC_GROUPS: readonly Scenario[] = [
  {
    name: 'classic/cooperative',
    needs: ['groups', 'cooperative'],
    fast: true,
    async run(context) {
      const group = await Group.of(context, 'classic', 6)
      const config = { assignor: 'cooperative-sticky' } as const
      const first = [await group.join(config), await group.join(config)]
      await group.settle()
      await group.everyRecordOnce()
      const before = first.map((member) => names(member.assignment))
      const marks = first.map((member) => member.events.length)
      await group.join(config)
      await group.settle()
      for (const [index, member] of first.entries()) {
        const events = member.events.slice(marks[index])
        const taken = events.flatMap(({ type, partitions }) =>
          type === 'assigned' ? [] : partitions,
        )
        const kept = member.assignment.filter((one) =>
          before[index]?.includes(names([one]).slice(1, -1)),
        )
        check(kept.length === 2, 'each old member to keep 2 of its 3 partitions', `${kept.length}`)
        const needless = kept.filter((one) =>
          taken.some(({ topic, partition }) => topic === one.topic && partition === one.partition),
        )
        equal(names(needless), '[]', 'partitions revoked from the member that keeps them')
      }
      await group.everyRecordOnce()
    },
  },
  {
    name: 'classic/static-crash',
    needs: ['groups', 'static', 'crash'],
    withinMs: 90_000,
    async run(context) {
      const group = await Group.of(context, 'classic', 4)
      const stays = await group.join({ instanceId: 'stays' })
      const process = await context.process()
      const crashes = await group.join({ instanceId: 'crashes' }, process)
      await group.settle()
      const before = names(crashes.assignment)
      const events = stays.events.length
      await process.kill()
      group.gone(crashes)
      const again = await group.join({ instanceId: 'crashes' }, await context.process())
      await group.settle()
      equal(names(again.assignment), before, 'assignment after the restart')
      equal(stays.events.slice(events), [], 'events of the other member during the restart')
      await group.everyRecordOnce()
    },
  },
  {
    name: 'classic/static-fence',
    needs: ['groups', 'static'],
    async run(context) {
      const group = await Group.of(context, 'classic', 2)
      const first = await group.join({ instanceId: 'one' })
      await group.settle()
      group.gone(first)
      const second = await group.join({ instanceId: 'one' })
      const fenced = pollUntil(
        [first],
        { what: 'an error', withinMs: SETTLE_WITHIN_MS },
        () => false,
      )
      await Promise.all([
        group.settle(),
        fails(fenced, FENCED_INSTANCE, 'a member whose instance id another one took'),
      ])
      equal(second.assignment.length, 2, 'partitions of the member that took over')
    },
  },
  {
    name: 'classic/two-libraries',
    needs: ['groups'],
    async run(context) {
      if (context.client.client === 'kafkajs') {
        throw new NotApplicable('it names its assignor unlike every other client')
      }
      const partner = await context.partner('groups', 'static')
      const group = await Group.of(context, 'classic', 4)
      await group.join({ assignor: 'roundrobin' })
      await group.join({ assignor: 'roundrobin' }, partner)
      await group.settle()
      await group.everyRecordOnce()
    },
  },
]
