// Consumer groups: the same stories with the classic protocol and with KIP-848's. Where the two differ
// the story says so; what only one of them has is in classic-groups.ts and consumer-groups.ts.

import { fails, NO_OFFSET } from '../failures.ts'
import { names, pollUntil } from '../handles.ts'
import { Group, memberConfig, type Protocol, SESSION_MS, SETTLE_WITHIN_MS } from '../members.ts'
import type { Feature } from '../protocol.ts'
import { check, equal, text } from '../records.ts'
import type { Context, Scenario } from '../scenario.ts'

/** A member notices at its next heartbeat, so another takes over a little early or late. */
const HEARTBEAT_SLACK_MS = 2_000

interface Story {
  readonly name: string
  readonly needs?: readonly Feature[]
  readonly fast?: boolean
  readonly run: (context: Context, protocol: Protocol) => Promise<void>
}

const STORIES: readonly Story[] = [
  {
    name: 'join',
    fast: true,
    async run(context, protocol) {
      const group = await Group.of(context, protocol, 4)
      await group.produce()
      const member = await group.join()
      await group.settle()
      const mine = () => member.records.length
      await pollUntil(
        [member],
        { what: '20 records from before it joined', withinMs: SETTLE_WITHIN_MS },
        () => mine() >= 20,
      )
      await group.everyRecordOnce()
    },
  },
  {
    name: '3-1-5',
    fast: true,
    async run(context, protocol) {
      const group = await Group.of(context, protocol, 6)
      for (let count = 0; count < 3; count += 1) await group.join()
      await group.settle()
      await group.everyRecordOnce()
      for (const member of group.members.slice(1)) await group.leave(member)
      await group.settle()
      await group.everyRecordOnce()
      for (let count = 0; count < 4; count += 1) await group.join()
      await group.settle()
      await group.everyRecordOnce()
    },
  },
  {
    name: 'leave',
    async run(context, protocol) {
      const group = await Group.of(context, protocol, 4)
      await group.join()
      const leaver = await group.join()
      await group.settle()
      await group.leave(leaver)
      // Under the session timeout: the leave was heard, it did not expire.
      await group.settle(protocol === 'classic' ? 15_000 : SESSION_MS - 1_000)
    },
  },
  {
    name: 'crash',
    needs: ['crash'],
    fast: true,
    async run(context, protocol) {
      const group = await Group.of(context, protocol, 4)
      const session = protocol === 'classic' ? { sessionTimeoutMs: SESSION_MS } : {}
      const survivor = await group.join(session)
      const process = await context.process()
      const victim = await group.join(session, process)
      await group.settle()
      await process.kill()
      const killed = Date.now()
      group.gone(victim)
      await group.settle(SESSION_MS + 14_000)
      const after = Date.now() - killed
      check(
        after >= SESSION_MS - HEARTBEAT_SLACK_MS,
        `no takeover before the session timeout of ${SESSION_MS} ms`,
        `one after ${after} ms`,
      )
      equal(survivor.assignment.length, 4, 'partitions of the survivor')
      await group.everyRecordOnce()
    },
  },
  {
    name: 'frozen-commit',
    needs: ['crash'],
    async run(context, protocol) {
      const group = await Group.of(context, protocol, 2)
      const session = protocol === 'classic' ? { sessionTimeoutMs: SESSION_MS } : {}
      const survivor = await group.join(session)
      const process = await context.process()
      const frozen = await group.join(session, process)
      await group.settle()
      await group.everyRecordOnce()
      const [lost] = frozen.assignment
      if (lost === undefined) throw new Error('the member to freeze owns nothing')
      process.freeze()
      group.gone(frozen)
      try {
        await group.settle(SESSION_MS + 14_000)
        await survivor.commit([{ ...lost, offset: 4 }])
      } finally {
        process.thaw()
      }
      const late = await settled(frozen.commit([{ ...lost, offset: 1 }]))
      check(late === 'failed', 'the commit of an expelled member to fail', 'success')
      equal(await survivor.committed(lost.topic, lost.partition), 4, 'committed offset')
    },
  },
  {
    name: 'resume',
    fast: true,
    async run(context, protocol) {
      const group = await Group.of(context, protocol, 1)
      await group.produce(10)
      const first = await group.join()
      await pollUntil(
        [first],
        { what: '10 records', withinMs: SETTLE_WITHIN_MS },
        () => first.records.length >= 10,
      )
      await first.commit()
      equal(await first.committed(group.topic, 0), 10, 'committed by "what was polled"')
      await group.leave(first)
      await group.produce(5)
      const second = await group.join()
      await pollUntil(
        [second],
        { what: '5 records', withinMs: SETTLE_WITHIN_MS },
        () => second.records.length >= 5,
      )
      equal(offsets(second), [10, 11, 12, 13, 14], 'offsets read after resuming at 10')
      await second.commit([{ topic: group.topic, partition: 0, offset: 3 }])
      await group.leave(second)
      const third = await group.join()
      await pollUntil(
        [third],
        { what: '12 records', withinMs: SETTLE_WITHIN_MS },
        () => third.records.length >= 12,
      )
      equal(third.records[0]?.offset, 3, 'first offset after a commit of 3')
    },
  },
  {
    name: 'paused',
    needs: ['pause'],
    async run(context, protocol) {
      const group = await Group.of(context, protocol, 2)
      const member = await group.join()
      await group.settle()
      await group.everyRecordOnce()
      const paused = [{ topic: group.topic, partition: 0 }]
      await member.pause(paused)
      const of = (partition: number) => member.records.filter((one) => one.partition === partition)
      // Twice: what was fetched before the pause would show with the first run.
      for (const count of [10, 15]) {
        await group.produce()
        await pollUntil(
          [member],
          { what: `${count} records of partition 1`, withinMs: SETTLE_WITHIN_MS },
          () => of(1).length >= count,
        )
        equal(of(0).length, 5, 'records of the paused partition')
      }
      await member.resume(paused)
      await pollUntil(
        [member],
        { what: 'all records of partition 0 once resumed', withinMs: SETTLE_WITHIN_MS },
        () => of(0).length >= 15,
      )
      equal(
        of(0).map(({ offset }) => offset),
        Array.from({ length: 15 }, (_, offset) => offset),
        'offsets of the partition that was paused',
      )
    },
  },
  {
    name: 'lag',
    async run(context, protocol) {
      const group = await Group.of(context, protocol, 1)
      await group.produce(20)
      const member = await group.join()
      await group.settle()
      equal(await member.committed(group.topic, 0), null, 'committed before any commit')
      await member.commit([{ topic: group.topic, partition: 0, offset: 12 }])
      const end = await member.endOffset(group.topic, 0)
      const committed = await member.committed(group.topic, 0)
      equal({ end, committed }, { end: 20, committed: 12 }, 'end and committed offset (lag 8)')
    },
  },
  {
    name: 'seek',
    async run(context, protocol) {
      const group = await Group.of(context, protocol, 1)
      await group.produce(20)
      const member = await group.join()
      const read = (count: number) =>
        pollUntil(
          [member],
          { what: `${count} records`, withinMs: SETTLE_WITHIN_MS },
          () => member.records.length >= count,
        )
      await read(20)
      await member.seek(group.topic, 0, 15)
      await read(25)
      equal(offsets(member).slice(20, 25), [15, 16, 17, 18, 19], 'offsets read after seeking to 15')
      await member.seek(group.topic, 0, 0)
      await read(45)
      equal(offsets(member).slice(25, 28), [0, 1, 2], 'offsets read after seeking to 0')
    },
  },
  {
    name: 'reset-latest',
    async run(context, protocol) {
      const group = await Group.of(context, protocol, 1)
      const old = await group.produce()
      const member = await group.join({ offsetReset: 'latest' })
      await group.settle()
      // Where "latest" is found is the client's moment: send until something comes.
      await pollUntil(
        [member],
        { what: 'a record sent after it joined', withinMs: SETTLE_WITHIN_MS },
        async () => {
          if (member.records.length === 0) await group.produce(1)
          return member.records.length > 0
        },
      )
      const seen = member.records.filter(({ key }) => text(key) === old)
      equal(seen.length, 0, 'records from before it joined')
    },
  },
  {
    name: 'reset-none',
    async run(context, protocol) {
      const group = await Group.of(context, protocol, 1)
      await group.produce()
      const member = await group.join({ offsetReset: 'none' })
      const polls = pollUntil(
        [member],
        { what: 'an error', withinMs: SETTLE_WITHIN_MS },
        () => member.records.length > 0,
      )
      await fails(polls, NO_OFFSET, 'polling without a committed offset and without a reset policy')
    },
  },
  {
    name: 'reset-out-of-range',
    fast: true,
    async run(context, protocol) {
      const group = await Group.of(context, protocol, 1)
      await group.produce(20)
      const first = await group.join()
      await group.settle()
      await first.commit([{ topic: group.topic, partition: 0, offset: 2 }])
      await group.leave(first)
      await context.deleteRecords(group.topic, 0, 7)
      const second = await group.join()
      await pollUntil(
        [second],
        { what: '13 records', withinMs: SETTLE_WITHIN_MS },
        () => second.records.length >= 13,
      )
      equal(second.records[0]?.offset, 7, 'first offset once the committed one is deleted')
    },
  },
  {
    name: 'regex',
    needs: ['regex'],
    async run(context, protocol) {
      const prefix = context.name('match')
      const topics = [`${prefix}.a`, `${prefix}.b`]
      for (const topic of [...topics, `${prefix}-c`]) await context.createTopic(topic, 2)
      const matching = await context.consumer(memberConfig(protocol), context.name('group'))
      await matching.subscribePattern(`^${prefix.replaceAll('.', '\\.')}\\..*`)
      await pollUntil(
        [matching],
        { what: `both topics ${prefix}.*`, withinMs: SETTLE_WITHIN_MS },
        () => matching.assignment.length === 4,
      )
      equal(
        names(matching.assignment),
        `[${topics.flatMap((topic) => [`${topic}/0`, `${topic}/1`]).join(' ')}]`,
        'assignment',
      )
    },
  },
  {
    name: 'static-restart',
    needs: ['static'],
    fast: true,
    async run(context, protocol) {
      const group = await Group.of(context, protocol, 4)
      const stays = await group.join({ instanceId: 'stays' })
      const restarts = await group.join({ instanceId: 'restarts' })
      await group.settle()
      const before = { stays: names(stays.assignment), restarts: names(restarts.assignment) }
      const events = stays.events.length
      await group.leave(restarts)
      const again = await group.join({ instanceId: 'restarts' })
      await group.settle()
      equal(
        { stays: names(stays.assignment), restarts: names(again.assignment) },
        before,
        'assignment',
      )
      equal(stays.events.slice(events), [], 'events of the other member during the restart')
      await group.everyRecordOnce()
    },
  },
]

/** Each story with each protocol. */
export const GROUPS: readonly Scenario[] = (['classic', 'consumer'] as const).flatMap((protocol) =>
  STORIES.map(({ name, needs = [], fast = false, run }) => ({
    name: `${protocol}/${name}`,
    needs: [protocol === 'classic' ? 'groups' : 'group-consumer', ...needs],
    fast,
    withinMs: 90_000,
    run: (context) => run(context, protocol),
  })),
)

function offsets({ records }: { readonly records: readonly { readonly offset: number }[] }) {
  return records.map(({ offset }) => offset)
}

async function settled(call: Promise<unknown>): Promise<'done' | 'failed'> {
  try {
    await call
    return 'done'
  } catch {
    return 'failed'
  }
}
