// What only KIP-848 groups have: the broker reacts by itself to new partitions, deleted topics and new
// matches; members are moved one partition at a time; live groups change their protocol.

import { type Consumer, names, pollUntil } from '../handles.ts'
import { Group, memberConfig } from '../members.ts'
import { equal } from '../records.ts'
import type { Scenario } from '../scenario.ts'

/** Two heartbeats of 1 s, and what a busy machine adds. */
const TWO_HEARTBEATS_MS = 8_000

export const CONSUMER_GROUPS: readonly Scenario[] = [
  {
    name: 'consumer/incremental',
    needs: ['group-consumer'],
    fast: true,
    async run(context) {
      const group = await Group.of(context, 'consumer', 6)
      const first = [await group.join(), await group.join()]
      await group.settle()
      const marks = first.map((member) => member.events.length)
      await group.join()
      await group.settle()
      for (const [index, member] of first.entries()) {
        const taken = member.events
          .slice(marks[index])
          .flatMap(({ type, partitions }) => (type === 'assigned' ? [] : partitions))
        const needless = member.assignment.filter((one) =>
          taken.some(({ topic, partition }) => topic === one.topic && partition === one.partition),
        )
        equal(names(needless), '[]', 'partitions revoked from the member that keeps them')
      }
      await group.everyRecordOnce()
    },
  },
  {
    name: 'consumer/range',
    needs: ['group-consumer'],
    async run(context) {
      const group = await Group.of(context, 'consumer', 4)
      await group.join({ assignor: 'range' })
      await group.join({ assignor: 'range' })
      await group.settle()
      const shares = group.members.map((member) => names(member.assignment)).toSorted()
      const { topic } = group
      equal(shares, [`[${topic}/0 ${topic}/1]`, `[${topic}/2 ${topic}/3]`], 'ranges')
    },
  },
  {
    name: 'consumer/partitions-added',
    needs: ['group-consumer'],
    async run(context) {
      const topic = await context.topic(2)
      const group = context.name('group')
      const members = [0, 1].map(async () => {
        const member = await context.consumer(memberConfig('consumer'), group)
        await member.subscribe(topic)
        return member
      })
      const both = await Promise.all(members)
      await shared(both, 2, 20_000)
      await context.growTopic(topic, 6)
      await shared(both, 6, TWO_HEARTBEATS_MS)
    },
  },
  {
    name: 'consumer/topic-deleted',
    needs: ['group-consumer'],
    async run(context) {
      const topics = [await context.topic(2), await context.topic(2)]
      const member = await context.consumer(memberConfig('consumer'), context.name('group'))
      await member.subscribe(...topics)
      await shared([member], 4, 20_000)
      // Stable, its fetches waiting: a client that asks for a deleted topic again and again (franz-go: six times)
      // before its next heartbeat reports the error, which is no matter of the group.
      const settledMs = performance.now() + 500
      const settling = { what: 'half a second passed', withinMs: 5_000 }
      await pollUntil([member], settling, () => performance.now() > settledMs)
      await context.deleteTopic(topics[1] ?? '')
      await shared([member], 2, TWO_HEARTBEATS_MS)
      equal(names(member.assignment), `[${topics[0]}/0 ${topics[0]}/1]`, 'assignment')
    },
  },
  {
    name: 'consumer/regex-new-topic',
    needs: ['group-consumer', 'regex'],
    async run(context) {
      const prefix = context.name('match')
      await context.createTopic(`${prefix}.a`, 2)
      const member = await context.consumer(memberConfig('consumer'), context.name('group'))
      await member.subscribePattern(`^${prefix.replaceAll('.', '\\.')}\\..*`)
      await shared([member], 2, 20_000)
      await context.createTopic(`${prefix}.b`, 3)
      // The broker looks at a stable group's pattern again after at most 10 s.
      await shared([member], 5, TWO_HEARTBEATS_MS + 10_000)
    },
  },
]

async function shared(members: readonly Consumer[], total: number, withinMs: number) {
  await pollUntil(members, { what: `${total} partitions owned, each once`, withinMs }, () => {
    const owned = members.map((member) => member.assignment.length)
    return (
      new Set(members.flatMap((one) => one.assignment.map((own) => names([own])))).size === total &&
      owned.reduce((sum, count) => sum + count, 0) === total
    )
  })
}
