import { describe, expect, it } from 'vitest'
import {
  OFFSETS_PER_GROUP,
  UNVERIFIED_COMMITS_PER_GROUP,
} from '../../src/core/limits/coordinators.ts'
import { loadPatterns } from '../../src/core/patterns.ts'
import type { GroupRequest } from '../../src/group/commands.ts'
import type { CommitReply, Verdict } from '../../src/group/contract.ts'
import { GroupMachine } from '../../src/group/group.ts'
import type { ConsumerGroupHeartbeatRequest } from '../../src/protocol/messages/consumer-group-heartbeat.ts'
import {
  CALLER,
  commit,
  fetchAll,
  GROUP,
  heartbeat,
  idOf,
  join,
  leave,
  START_MS,
  subscription,
  sync,
  topicOf,
  World,
} from './harness.ts'

const MINUTE_MS = 60_000
const RETENTION = { 'offsets.retention.minutes': '60' }

/** What is committed, as `topic/partition` → offset. */
function committed(world: World): Record<string, number> {
  const { topics } = world.ask(fetchAll())
  return Object.fromEntries(
    topics.flatMap(({ name, partitions }) =>
      partitions.map((one) => [`${name}/${one.partition}`, one.offset]),
    ),
  )
}

function exists(world: World): boolean {
  return world.ask({ kind: 'exists' })
}

/** A stable group of one member. */
function stable(
  world: World,
  subscribed: Uint8Array = subscription('t'),
  protocolType = 'consumer',
) {
  const protocols = [{ name: 'range', metadata: subscribed }]
  const said = { protocols, protocolType, sessionTimeoutMs: 30_000 }
  const { memberId } = world.ask(join(said))
  world.send(join({ ...said, memberId }))
  const generation = world.ask(join({ ...said, memberId })).generationId ?? -1
  world.send(sync(memberId, generation, { [memberId]: 'a' }))
  return { memberId, generation }
}

/** Keeps a member alive while time passes. */
function live(world: World, who: { memberId: string; generation: number }, ms: number): void {
  for (let passed = 0; passed < ms; passed += 20_000) {
    world.pass(20_000)
    expect(world.ask(heartbeat(who.memberId, who.generation)).errorCode).toBe(0)
  }
}

describe('offsets', () => {
  it('are kept by topic id, and are gone with the topic', () => {
    const world = new World()
    world.ask(commit('t', 1))
    world.ask(commit('u', 2, { partition: 3 }))
    expect(committed(world)).toEqual({ 't/0': 1, 'u/3': 2 })
    world.evict()
    expect(committed(world)).toEqual({ 't/0': 1, 'u/3': 2 })
    world.learn([topicOf('u')])
    expect(committed(world)).toEqual({ 'u/3': 2 })
    world.evict()
    expect(committed(world)).toEqual({ 'u/3': 2 })
  })

  it('of a topic that Cluster does not know are refused', () => {
    const world = new World()
    expect(world.ask(commit('x', 1)).topics).toEqual([{ errors: [100] }])
  })

  it('cost one row each, and none when nothing is committed', () => {
    const world = new World()
    world.ask(commit('t', 1))
    world.storage.rowsWritten = 0
    world.ask(commit('t', 2))
    expect(world.storage.rowsWritten).toBe(1)
    world.ask(fetchAll())
    expect(world.rows).toBe(0)
  })

  it('are bounded in number', () => {
    const machine = new GroupMachine(() => 'id', null, START_MS)
    const topics = [topicOf('t', OFFSETS_PER_GROUP + 1)]
    machine.learn([], { version: 1, topics, configs: {} })
    const errors = (partitions: readonly number[]) => {
      const { request, caller } = commit('t', 1)
      const committed = partitions.map((partition) => ({
        partition,
        offset: 1,
        leaderEpoch: -1,
        metadata: null,
      }))
      const named = [{ topicId: idOf('t'), name: 't', partitions: committed }]
      const said = { kind: 'commit', groupId: GROUP, caller } as const
      const { replies } = machine.decide({ ...said, request: { ...request, topics: named } }, 1, 0)
      return (replies[0]![1] as CommitReply).topics[0]?.errors
    }
    const all = Array.from({ length: OFFSETS_PER_GROUP }, (_, partition) => partition)
    expect(new Set(errors(all))).toEqual(new Set([0]))
    expect(errors([OFFSETS_PER_GROUP, 7])).toEqual([28, 0])
  })
})

describe('the expiry of offsets', () => {
  it('of a simple consumer counts from each commit; without offsets the group is gone', () => {
    const world = new World(RETENTION)
    world.ask(commit('t', 1))
    world.pass(30 * MINUTE_MS)
    world.ask(commit('u', 2))
    world.pass(30 * MINUTE_MS)
    expect(committed(world)).toEqual({ 'u/0': 2 })
    world.pass(30 * MINUTE_MS)
    expect(exists(world)).toBe(false)
    expect(world.machine.entry).toBeNull()
    world.evict()
    expect(exists(world)).toBe(false)
  })

  it('of a group counts from when it became empty, also across an eviction', () => {
    const world = new World(RETENTION)
    const who = stable(world)
    world.ask(commit('t', 1, { memberId: who.memberId, generationOrEpoch: who.generation }))
    live(world, who, 120 * MINUTE_MS)
    world.send(leave(who.memberId))
    world.pass(40 * MINUTE_MS)
    world.evict()
    world.pass(19 * MINUTE_MS)
    expect(committed(world)).toEqual({ 't/0': 1 })
    world.pass(11 * MINUTE_MS)
    expect(exists(world)).toBe(false)
  })

  it('spares what a live group subscribes to, and takes the rest', () => {
    const world = new World(RETENTION)
    const who = stable(world)
    const by = { memberId: who.memberId, generationOrEpoch: who.generation }
    world.ask(commit('t', 1, by))
    world.ask(commit('u', 2, by))
    live(world, who, 75 * MINUTE_MS)
    expect(committed(world)).toEqual({ 't/0': 1 })
  })

  it('takes nothing of a live group whose subscriptions are garbage, or none of consumers', () => {
    for (const [metadata, type] of [
      [Uint8Array.from([255, 255, 7]), 'consumer'],
      [subscription('u'), 'connect'],
    ] as const) {
      const world = new World(RETENTION)
      const who = stable(world, metadata, type)
      world.ask(commit('t', 1, { memberId: who.memberId, generationOrEpoch: who.generation }))
      live(world, who, 180 * MINUTE_MS)
      expect(committed(world)).toEqual({ 't/0': 1 })
    }
  })

  it('goes by the time that an old client said', () => {
    const world = new World(RETENTION)
    world.ask(commit('t', 1, { retentionTimeMs: 5 * MINUTE_MS }))
    world.ask(commit('u', 2, { retentionTimeMs: 600 * MINUTE_MS }))
    world.evict()
    world.pass(11 * MINUTE_MS)
    expect(committed(world)).toEqual({ 'u/0': 2 })
    world.pass(500 * MINUTE_MS)
    expect(committed(world)).toEqual({ 'u/0': 2 })
  })

  it('takes a group that never had offsets once nobody is in it', () => {
    const world = new World(RETENTION)
    const { memberId } = stable(world)
    world.send(leave(memberId))
    world.pass(9 * MINUTE_MS)
    expect(exists(world)).toBe(true)
    world.pass(1 * MINUTE_MS)
    expect(exists(world)).toBe(false)
  })

  it('wakes a group with offsets once, not again and again', () => {
    const world = new World()
    world.ask(commit('t', 1))
    const due = world.machine.deadlineMs
    expect(due).toBe(START_MS + 7 * 24 * 60 * MINUTE_MS)
    world.pass(MINUTE_MS)
    world.ask(commit('t', 2))
    expect(world.machine.deadlineMs).toBe(due)
  })
})

function inTransaction(
  topic: string,
  offset: number,
  { producerId = 7, producerEpoch = 0, implicit = false, version = 4 } = {},
): GroupRequest & { kind: 'commitInTransaction' } {
  const { request } = commit(topic, offset) as Extract<GroupRequest, { kind: 'commit' }>
  const { retentionTimeMs: _, ...rest } = request
  const producer = { transactionalId: 'txn', producerId, producerEpoch, implicit }
  return {
    kind: 'commitInTransaction',
    request: { ...rest, ...producer },
    caller: { ...CALLER, version },
  }
}

/** The transaction's coordinator answers what the machine asked it last. */
function enlisted(world: World, reply: { error: number; number: number } | null): void {
  const asked = world.effects.findLast(({ kind }) => kind === 'enlist')
  if (asked?.kind !== 'enlist') throw new Error('nobody was asked')
  world.ask({ kind: 'enlisted', key: asked.key, reply })
}

function end(
  world: World,
  number: number | null,
  isCommit: boolean,
  { producerId = 7, producerEpoch = 0 } = {},
): number {
  const marker = { groupId: GROUP, producerId, producerEpoch, number, committed: isCommit }
  return world.ask({ kind: 'endTransaction', marker }).error
}

const enlistments = (world: World) => world.effects.filter(({ kind }) => kind === 'enlist').length

describe('offsets in a transaction', () => {
  it('wait for the coordinator once, then count when it commits, across evictions', () => {
    const world = new World()
    const first = world.send(inTransaction('t', 5))
    const second = world.send(inTransaction('u', 6))
    expect(world.replies.has(first)).toBe(false)
    expect(enlistments(world)).toBe(1)
    enlisted(world, { error: 0, number: 3 })
    expect(world.answer('commitInTransaction', first)).toEqual({ topics: [{ errors: [0] }] })
    expect(world.answer('commitInTransaction', second)).toEqual({ topics: [{ errors: [0] }] })
    expect(world.ask(inTransaction('t', 7))).toEqual({ topics: [{ errors: [0] }] })
    expect(enlistments(world)).toBe(1)
    world.evict()
    expect(committed(world)).toEqual({})
    expect(world.ask(inTransaction('t', 8))).toEqual({ topics: [{ errors: [0] }] })
    expect(end(world, 3, true)).toBe(0)
    world.evict()
    expect(committed(world)).toEqual({ 't/0': 8, 'u/0': 6 })
  })

  it('end once: a marker that comes again writes nothing and touches no later transaction', () => {
    const world = new World()
    world.send(inTransaction('t', 5))
    enlisted(world, { error: 0, number: 3 })
    expect(end(world, 3, true)).toBe(0)
    world.send(inTransaction('t', 9))
    expect(enlistments(world)).toBe(2)
    enlisted(world, { error: 0, number: 4 })
    world.storage.rowsWritten = 0
    expect(end(world, 3, false)).toBe(0)
    expect(end(world, 2, true)).toBe(0)
    expect(world.storage.rowsWritten).toBe(0)
    expect(committed(world)).toEqual({ 't/0': 5 })
    expect(end(world, 4, true)).toBe(0)
    expect(committed(world)).toEqual({ 't/0': 9 })
  })

  it('are not kept for a transaction that ended while its coordinator was asked', () => {
    const world = new World()
    const ticket = world.send(inTransaction('t', 5))
    expect(end(world, 3, false)).toBe(0)
    enlisted(world, { error: 0, number: 3 })
    expect(world.answer('commitInTransaction', ticket)).toEqual({ topics: [{ errors: [14] }] })
    expect(world.machine.entry).toBeNull()
    const next = world.send(inTransaction('t', 6))
    expect(end(world, 3, false)).toBe(0)
    enlisted(world, { error: 0, number: 4 })
    expect(world.answer('commitInTransaction', next)).toEqual({ topics: [{ errors: [0] }] })
  })

  it('lose to a commit that came after them, and win over one before', () => {
    const world = new World()
    world.ask(commit('t', 1))
    world.send(inTransaction('t', 5))
    enlisted(world, { error: 0, number: 1 })
    world.evict()
    world.ask(commit('t', 2))
    world.send(inTransaction('u', 6))
    world.evict()
    end(world, 1, true)
    expect(committed(world)).toEqual({ 't/0': 2, 'u/0': 6 })
  })

  it('are told why they are refused in words that the client knows', () => {
    const cases = [
      [48, { version: 3 }, 48],
      [48, { version: 4 }, 120],
      [48, { version: 5, implicit: true }, 48],
      [51, { version: 3 }, 14],
      [51, { version: 5, implicit: true }, 51],
      [90, { version: 4 }, 47],
      [49, { version: 4 }, 49],
      [15, { version: 4 }, 15],
    ] as const
    for (const [error, said, expected] of cases) {
      const world = new World()
      const ticket = world.send(inTransaction('t', 5, said))
      enlisted(world, { error, number: -1 })
      expect(world.answer('commitInTransaction', ticket)?.topics).toEqual([{ errors: [expected] }])
      expect(exists(world)).toBe(false)
    }
    const world = new World()
    const ticket = world.send(inTransaction('t', 5))
    enlisted(world, null)
    expect(world.answer('commitInTransaction', ticket)?.topics).toEqual([{ errors: [14] }])
  })

  it('are asked for apart for each epoch and way of adding', () => {
    const world = new World()
    world.send(inTransaction('t', 5))
    world.send(inTransaction('t', 5, { producerEpoch: 1 }))
    world.send(inTransaction('t', 5, { implicit: true, version: 5 }))
    const asked = world.effects.flatMap((effect) =>
      effect.kind === 'enlist' ? [[effect.request.producerEpoch, effect.request.verifyOnly]] : [],
    )
    expect(asked).toEqual([
      [0, true],
      [1, true],
      [0, false],
    ])
  })

  it('of a member that is gone when the coordinator answers are refused', () => {
    const world = new World()
    const who = stable(world)
    const asked = inTransaction('t', 5)
    const by = { memberId: who.memberId, generationOrEpoch: who.generation }
    const ticket = world.send({ ...asked, request: { ...asked.request, ...by } })
    world.send(leave(who.memberId))
    const other = stable(world)
    enlisted(world, { error: 0, number: 1 })
    expect(other.memberId).not.toBe(who.memberId)
    expect(world.answer('commitInTransaction', ticket)?.topics).toEqual([{ errors: [25] }])
  })

  it('that wait are bounded in number', () => {
    const world = new World()
    for (let count = 0; count < UNVERIFIED_COMMITS_PER_GROUP; count += 1) {
      world.send(inTransaction('t', count))
    }
    expect(world.ask(inTransaction('t', 1)).topics).toEqual([{ errors: [14] }])
  })

  it('are bounded in number, also where an offset is committed already', () => {
    const topics = [topicOf('t', OFFSETS_PER_GROUP)]
    const machine = new GroupMachine(() => 'id', null, START_MS)
    machine.learn([], { version: 1, topics, configs: {} })
    const named = (from: number, until: number) => {
      const partitions = Array.from({ length: until - from }, (_, index) => ({
        partition: from + index,
        offset: 1,
        leaderEpoch: -1,
        metadata: null,
      }))
      return [{ topicId: idOf('t'), name: 't', partitions }]
    }
    const { request, caller } = commit('t', 1)
    const committing = { ...request, topics: named(0, OFFSETS_PER_GROUP - 1) }
    machine.decide({ kind: 'commit', groupId: GROUP, caller, request: committing }, 1, 0)
    const asked = inTransaction('t', 1)
    const pending = { ...asked.request, topics: named(0, 2) }
    const command = { ...asked, groupId: GROUP, request: pending }
    const [effect] = machine.decide(command, 2, 0).effects.filter(({ kind }) => kind === 'enlist')
    if (effect?.kind !== 'enlist') throw new Error('nobody was asked')
    const reply = { error: 0, number: 1 }
    const { replies } = machine.decide(
      { kind: 'enlisted', groupId: GROUP, key: effect.key, reply },
      3,
      0,
    )
    expect(replies[0]?.[1]).toEqual({ topics: [{ errors: [0, 28] }] })
    // What is pending already may be changed.
    const again = machine.decide({ ...command, request: { ...pending, topics: named(0, 1) } }, 4, 0)
    expect(again.replies[0]?.[1]).toEqual({ topics: [{ errors: [0] }] })
  })

  it('of an operator end with any number, but not what a later epoch began', () => {
    const world = new World()
    world.send(inTransaction('t', 5, { producerEpoch: 4 }))
    enlisted(world, { error: 0, number: 9 })
    expect(end(world, null, false, { producerEpoch: 3 })).toBe(47)
    expect(end(world, null, false, { producerEpoch: 4 })).toBe(0)
    expect(end(world, 9, true, { producerEpoch: 4 })).toBe(0)
    expect(committed(world)).toEqual({})
  })

  it('keep a partition from expiring and its group from going', () => {
    const world = new World(RETENTION)
    world.ask(commit('t', 1, { retentionTimeMs: 1 }))
    world.send(inTransaction('t', 5))
    enlisted(world, { error: 0, number: 1 })
    world.pass(300 * MINUTE_MS)
    expect(committed(world)).toEqual({ 't/0': 1 })
    end(world, 1, false)
    world.pass(20 * MINUTE_MS)
    expect(exists(world)).toBe(false)
  })

  it('are gone with a deleted topic, a deleted offset and a deleted group', () => {
    const world = new World()
    world.send(inTransaction('t', 5))
    enlisted(world, { error: 0, number: 1 })
    world.ask(inTransaction('u', 6))
    expect(new Set(world.machine.entry?.topicIds)).toEqual(new Set([idOf('t'), idOf('u')]))
    world.learn([topicOf('u')])
    const topics = [{ topicId: idOf('u'), name: 'u', partitions: [0] }]
    world.ask({ kind: 'deleteOffsets', request: { groupId: GROUP, topics } })
    world.evict()
    end(world, 1, true)
    expect(committed(world)).toEqual({})
    expect(world.ask({ kind: 'delete' }).error).toBe(0)
    expect(exists(world)).toBe(false)
  })
})

function consumerHeartbeat(
  said: Partial<ConsumerGroupHeartbeatRequest> = {},
): GroupRequest & { kind: 'consumerHeartbeat' } {
  const request: ConsumerGroupHeartbeatRequest = {
    groupId: GROUP,
    memberId: 'modern',
    memberEpoch: 0,
    instanceId: null,
    rackId: null,
    rebalanceTimeoutMs: 60_000,
    subscribedTopicNames: ['t'],
    subscribedTopicRegex: null,
    serverAssignor: null,
    topicPartitions: [],
    ...said,
  }
  return { kind: 'consumerHeartbeat', request, caller: { ...CALLER, version: 1 } }
}

const leaves = { memberEpoch: -1, subscribedTopicNames: null, topicPartitions: null }

describe('the kind of a group', () => {
  it('changes with the first join of the other kind when it is empty, and keeps the offsets', () => {
    const world = new World()
    world.ask(commit('t', 4))
    expect(world.machine.entry?.type).toBe('classic')
    expect(world.ask(consumerHeartbeat()).errorCode).toBe(0)
    expect(world.machine.entry).toMatchObject({ type: 'consumer', topicNames: ['t'] })
    expect(world.ask({ kind: 'describe', version: 6 })).toMatchObject({
      errorCode: 69,
      groupState: 'Dead',
      errorMessage: `Group ${GROUP} is not a classic group.`,
    })
    world.evict()
    expect(world.machine.entry?.type).toBe('consumer')
    expect(world.ask(consumerHeartbeat(leaves)).errorCode).toBe(0)
    stable(world)
    world.evict()
    expect(world.machine.entry).toMatchObject({ type: 'classic', state: 'Stable' })
    expect(committed(world)).toEqual({ 't/0': 4 })
  })

  it('does not change for a heartbeat that is refused, nor does one make a group', () => {
    const world = new World()
    for (const said of [{ memberEpoch: 3 }, { memberId: '' }, { serverAssignor: 'no-such' }]) {
      expect(world.ask(consumerHeartbeat(said)).errorCode).not.toBe(0)
      expect(exists(world)).toBe(false)
    }
    const who = stable(world)
    for (const said of [{ memberEpoch: 3 }, { memberId: '' }, { serverAssignor: 'no-such' }]) {
      expect(world.ask(consumerHeartbeat(said)).errorCode).not.toBe(0)
      expect(world.ask(heartbeat(who.memberId, who.generation)).errorCode).toBe(0)
    }
    expect(world.machine.entry?.type).toBe('classic')
  })

  it('does not change before it is known what a pattern may show, nor does the question make a group', async () => {
    await loadPatterns()
    const world = new World()
    const judged = (verdict: Verdict | null) => {
      const beat = consumerHeartbeat({ subscribedTopicNames: [], subscribedTopicRegex: 't|u' })
      const viewer = { principal: 'User:modern', verdict }
      return world.ask({ ...beat, caller: { ...beat.caller, viewer } })
    }
    const verdict = { shown: [idOf('u')], hidden: [idOf('t')] }
    expect(judged(null).toJudge?.map(({ name }) => name)).toEqual(['t', 'u'])
    expect([exists(world), world.rows]).toEqual([false, 0])
    const { memberId } = stable(world, subscription('t'))
    const generation = world.answer('join', world.send(join({ memberId })))?.generationId ?? -1
    // What it has must be an assignment that the broker can read.
    const nothing = new Uint8Array([0, 0, 0, 0, 0, 0, 255, 255, 255, 255])
    const assigned = { assignments: [{ memberId, assignment: nothing }] }
    world.send(sync(memberId, generation, {}, assigned))
    expect(judged(null).toJudge).toHaveLength(2)
    expect(world.machine.entry?.type).toBe('classic')
    expect(world.ask(heartbeat(memberId, generation)).errorCode).toBe(0)
    world.pass(60_000)
    const { errorCode, assignment } = judged(verdict)
    expect([errorCode, assignment?.topicPartitions.map(({ topicId }) => topicId)]).toEqual([
      0,
      [idOf('u')],
    ])
    expect(world.machine.entry).toMatchObject({ type: 'consumer', topicNames: ['u'] })
  })

  it('changes under live members that are consumers, and back when the last new one leaves', () => {
    const world = new World()
    const who = stable(world, subscription('t'))
    // What it has must be an assignment that the broker can read, too.
    world.send(
      join({ memberId: who.memberId, protocols: [{ name: 'range', metadata: subscription('t') }] }),
    )
    const generation = who.generation + 1
    const nothing = new Uint8Array([0, 0, 0, 0, 0, 0, 255, 255, 255, 255])
    const assignments = [{ memberId: who.memberId, assignment: nothing }]
    world.send(sync(who.memberId, generation, {}, { assignments }))
    expect(world.ask(consumerHeartbeat()).errorCode).toBe(0)
    expect(world.machine.entry?.type).toBe('consumer')
    world.evict()
    expect(world.machine.entry?.type).toBe('consumer')
    expect(world.ask(consumerHeartbeat(leaves)).errorCode).toBe(0)
    expect(world.machine.entry?.type).toBe('classic')
    world.evict()
    const described = world.ask({ kind: 'describe', version: 6 })
    expect(described.members.map(({ memberId }) => memberId)).toEqual([who.memberId])
  })

  it('has changed back with partitions that nobody has: members must rejoin, loaded or not', () => {
    const world = new World()
    const { memberId } = stable(world)
    const rejoins = () => world.send(join({ memberId }))
    const generation = () => world.answer('join', rejoins())?.generationId ?? -1
    // What it has must be an assignment that the broker can read, too.
    const nothing = new Uint8Array([0, 0, 0, 0, 0, 0, 255, 255, 255, 255])
    const assigned = { assignments: [{ memberId, assignment: nothing }] }
    world.send(sync(memberId, generation(), {}, assigned))
    expect(world.ask(consumerHeartbeat()).errorCode).toBe(0)
    const epoch = generation()
    expect(world.ask(sync(memberId, epoch)).errorCode).toBe(0)
    expect(world.ask(consumerHeartbeat(leaves)).errorCode).toBe(0)
    expect(world.machine.entry).toMatchObject({ type: 'classic', state: 'PreparingRebalance' })
    expect(world.ask(heartbeat(memberId, epoch)).errorCode).toBe(27)
    world.evict()
    expect(world.machine.entry?.state).toBe('PreparingRebalance')
    expect(world.ask(heartbeat(memberId, epoch)).errorCode).toBe(27)
    const next = generation()
    expect(next).toBeGreaterThan(epoch)
    // The generation that was not complete is forgotten, and what it was for is not.
    world.evict()
    expect(world.ask(heartbeat(memberId, epoch)).errorCode).toBe(27)
    const last = generation()
    expect(last).toBeGreaterThan(next)
    world.send(sync(memberId, last, {}, assigned))
    world.evict()
    expect(world.machine.entry?.state).toBe('Stable')
    expect(world.ask(heartbeat(memberId, last)).errorCode).toBe(0)
  })

  it('has changed back with a member that never rejoins: its time ends, loaded or not', () => {
    const world = new World()
    const { memberId } = stable(world)
    const nothing = new Uint8Array([0, 0, 0, 0, 0, 0, 255, 255, 255, 255])
    const generation = world.answer('join', world.send(join({ memberId })))?.generationId ?? -1
    const assigned = { assignments: [{ memberId, assignment: nothing }] }
    world.send(sync(memberId, generation, {}, assigned))
    expect(world.ask(consumerHeartbeat()).errorCode).toBe(0)
    const epoch = world.answer('join', world.send(join({ memberId })))?.generationId ?? -1
    expect(world.ask(consumerHeartbeat(leaves)).errorCode).toBe(0)
    world.evict()
    for (let passed = 0; passed < 60_000; passed += 5_000) {
      expect(world.ask(heartbeat(memberId, epoch)).errorCode).toBe(27)
      world.pass(5_000)
    }
    expect(world.ask(heartbeat(memberId, epoch)).errorCode).toBe(25)
  })

  it('does not change where policy, protocol type, size or garbage forbid it', () => {
    const cases = [
      [{ 'group.consumer.migration.policy': 'downgrade' }, subscription('t'), 'consumer'],
      [{ 'group.consumer.migration.policy': 'disabled' }, subscription('t'), 'consumer'],
      [{}, subscription('t'), 'connect'],
      [{ 'group.consumer.max.size': '0' }, subscription('t'), 'consumer'],
      [{}, Uint8Array.from([0, 0, 9]), 'consumer'],
    ] as const
    for (const [configs, metadata, type] of cases) {
      const world = new World(configs)
      const who = stable(world, metadata, type)
      const got = world.ask(consumerHeartbeat())
      expect([got.errorCode, got.errorMessage]).toEqual([
        69,
        expect.stringMatching(/^Cannot upgrade/),
      ])
      expect(world.ask(heartbeat(who.memberId, who.generation)).errorCode).toBe(0)
      expect(world.machine.entry?.type).toBe('classic')
    }
  })

  it('answers members that wait when it changes', () => {
    const world = new World({ 'group.initial.rebalance.delay.ms': '3000' })
    const parked = world.send(join({}, 3))
    const other = world.send(join({}, 3))
    expect(world.ask(consumerHeartbeat()).errorCode).toBe(0)
    expect(world.answer('join', parked)?.errorCode).toBe(27)
    expect(world.answer('join', other)?.errorCode).toBe(27)
  })
})

describe('a group that has just been loaded', () => {
  it('tells when it changed, and not when it did not', () => {
    const world = new World()
    const entries = () => world.effects.filter(({ kind }) => kind === 'entry').length
    world.ask(commit('t', 1))
    expect(entries()).toBe(1)
    world.ask(commit('t', 2))
    world.ask(fetchAll())
    expect(entries()).toBe(1)
    world.ask(commit('u', 2))
    expect(entries()).toBe(2)
  })
})
