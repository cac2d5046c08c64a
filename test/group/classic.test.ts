import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  CLASSIC_MEMBER_BYTES,
  CLASSIC_MEMBERS_BYTES,
  CLASSIC_NEW_MEMBER_MS,
  CLASSIC_PENDING_MEMBERS,
  PARKED_CALL_MAX_MS,
} from '../../src/core/limits/coordinators.ts'
import type { JoinGroupRequest } from '../../src/protocol/messages/join-group.ts'
import { heartbeat, join, leave, subscription, sync, textOf, World } from './harness.ts'

/** Joins with a fresh id, as a client does; the member's id and its parked or answered ticket. */
function newMember(world: World, said: Partial<JoinGroupRequest> = {}) {
  const first = world.ask(join(said))
  expect(first.errorCode).toBe(79)
  const { memberId } = first
  return { memberId, ticket: world.send(join({ ...said, memberId })) }
}

/** A stable group of so many members; the first leads. */
function stable(world: World, size: number, said: Partial<JoinGroupRequest> = {}) {
  const ids = Array.from({ length: size }, () => world.ask(join(said)).memberId)
  const tickets = ids.map((memberId) => world.send(join({ ...said, memberId })))
  world.pass(1)
  const rejoined = ids.map((memberId, at) => {
    const got = world.answer('join', tickets[at]!)
    return got?.errorCode === 0 && at > 0 ? undefined : world.send(join({ ...said, memberId }))
  })
  const all = [...tickets, ...rejoined.filter((one) => one !== undefined)]
  const generation = Math.max(
    ...all.map((ticket) => world.answer('join', ticket)?.generationId ?? -1),
  )
  const assignments = Object.fromEntries(ids.map((id, at) => [id, `part ${at}`]))
  for (const id of ids) world.send(sync(id, generation, id === ids[0] ? assignments : {}))
  expect(world.ask({ kind: 'describe', version: 6 }).groupState).toBe('Stable')
  return { ids, generation }
}

function state(world: World): string {
  return world.ask({ kind: 'describe', version: 5 }).groupState
}

describe('a group of many members', () => {
  it('settles when a thousand join at once, each telling its leader of all in one answer', () => {
    const world = new World({ 'group.initial.rebalance.delay.ms': '3000' })
    const ids = Array.from({ length: 1_000 }, () => world.ask(join()).memberId)
    const started = performance.now()
    const tickets = ids.map((memberId) => world.send(join({ memberId })))
    world.pass(60_000)
    expect(performance.now() - started).toBeLessThan(2_000)
    const answers = tickets.map((ticket) => world.answer('join', ticket))
    expect(new Set(answers.map((one) => one?.generationId))).toEqual(new Set([1]))
    expect(answers.map((one) => one?.members.length).filter((count) => count !== 0)).toEqual([
      1_000,
    ])
  })

  it('writes only what a generation changed', () => {
    const world = new World()
    const { ids, generation } = stable(world, 50)
    const tickets = ids.map((memberId) => world.send(join({ memberId })))
    expect(world.answer('join', tickets[49]!)?.generationId).toBe(generation + 1)
    const next = generation + 1
    const assignments = Object.fromEntries(
      ids.map((id, at) => [id, at === 7 ? 'new' : `part ${at}`]),
    )
    for (const id of ids.slice(1)) world.send(sync(id, next))
    world.storage.rowsWritten = 0
    world.send(sync(ids[0]!, next, assignments))
    // The group's own row, and the one assignment that is another.
    expect(world.storage.rowsWritten).toBe(2)
    expect(state(world)).toBe('Stable')
  })

  it('writes nothing for heartbeats', () => {
    const world = new World()
    const { ids, generation } = stable(world, 3)
    for (let round = 0; round < 20; round += 1) {
      world.pass(5_000)
      for (const id of ids) {
        expect(world.ask(heartbeat(id, generation)).errorCode).toBe(0)
        expect(world.rows).toBe(0)
      }
    }
  })
})

describe('an eviction', () => {
  it('keeps the generation, the assignments and who leads', () => {
    const world = new World()
    const { ids, generation } = stable(world, 3)
    world.pass(9_999)
    world.evict()
    for (const [at, id] of ids.entries()) {
      expect(world.ask(heartbeat(id, generation)).errorCode).toBe(0)
      expect(textOf(world.ask(sync(id, generation)).assignment)).toBe(`part ${at}`)
    }
    const again = world.ask(join({ memberId: ids[2]! }))
    expect(again).toMatchObject({ errorCode: 0, generationId: generation, leader: ids[0] })
  })

  it('of three session timeouts costs no member its place', () => {
    const world = new World()
    const { ids, generation } = stable(world, 2)
    world.nowMs += 30_000
    world.evict()
    world.pass(9_000)
    for (const id of ids) expect(world.ask(heartbeat(id, generation)).errorCode).toBe(0)
    world.pass(10_000)
    expect(state(world)).toBe('Empty')
  })

  it('in the middle of a rebalance goes back to the last generation and never reuses a number', () => {
    const world = new World()
    const { ids, generation } = stable(world, 2)
    const tickets = [ids[0]!, ids[1]!].map((memberId) => world.send(join({ memberId })))
    tickets.push(world.send(join({ memberId: ids[1]! })))
    expect(world.answer('join', tickets[0]!)?.generationId).toBe(generation + 1)
    world.evict()
    expect(world.ask(heartbeat(ids[0]!, generation)).errorCode).toBe(0)
    expect(world.ask(sync(ids[0]!, generation + 1)).errorCode).toBe(22)
    const again = world.send(join({ memberId: ids[0]! }))
    world.send(join({ memberId: ids[1]! }))
    expect(world.answer('join', again)?.generationId).toBeGreaterThan(generation + 1)
  })

  it('never reuses a number, however many generations were begun and not completed', () => {
    const world = new World()
    const { ids, generation } = stable(world, 1)
    let told = generation
    let written = 0
    for (let round = 0; round < 50; round += 1) {
      const protocols = [{ name: 'range', metadata: subscription(`t${round}`) }]
      const joined = world.ask(join({ memberId: ids[0]!, protocols }))
      written += world.rows
      expect(joined.generationId).toBe(told + 1)
      told += 1
      // The answer waits for a commit now and then only.
      expect(written).toBeLessThanOrEqual(Math.ceil((round + 1) / 10))
    }
    world.evict()
    expect(world.ask(heartbeat(ids[0]!, generation)).errorCode).toBe(0)
    expect(world.ask(join({ memberId: ids[0]! })).generationId).toBeGreaterThan(told)
  })

  it('keeps a static member that came back, and its old id fenced', () => {
    const world = new World()
    const said = { groupInstanceId: 'i' }
    const old = world.ask(join(said)).memberId
    world.send(sync(old, 1, { [old]: 'mine' }))
    const back = world.ask(join(said)).memberId
    world.evict()
    expect(world.ask(heartbeat(old, 1, 'i')).errorCode).toBe(82)
    expect(world.ask(heartbeat(back, 1, 'i')).errorCode).toBe(0)
    expect(textOf(world.ask(sync(back, 1)).assignment)).toBe('mine')
  })

  it('keeps what a group was when it became empty', () => {
    const world = new World()
    const { ids } = stable(world, 1)
    world.send(leave(ids[0]!))
    world.evict()
    expect(world.ask({ kind: 'describe', version: 6 })).toMatchObject({
      groupState: 'Empty',
      protocolType: 'consumer',
      members: [],
    })
  })
})

describe('a slow or dead member', () => {
  it('whose first join is parked too long is gone and told so', () => {
    const world = new World()
    const { ids, generation } = stable(world, 1, {
      rebalanceTimeoutMs: 900_000,
      sessionTimeoutMs: 1_800_000,
    })
    const parked = world.send(join({}, 3))
    world.pass(CLASSIC_NEW_MEMBER_MS - 1)
    expect(world.answer('join', parked)).toBeUndefined()
    world.pass(1)
    expect(world.answer('join', parked)).toMatchObject({ errorCode: 25, memberId: '' })
    expect(world.ask(heartbeat(ids[0]!, generation)).errorCode).toBe(27)
  })

  it('that waits ten minutes is told to join again and keeps its id', () => {
    const world = new World()
    const said = { rebalanceTimeoutMs: 1_800_000, sessionTimeoutMs: 1_800_000 }
    const { ids } = stable(world, 2, said)
    const parked = world.send(join({ ...said, memberId: ids[0]! }))
    world.pass(PARKED_CALL_MAX_MS)
    expect(world.answer('join', parked)).toMatchObject({ errorCode: 27, memberId: ids[0] })
    const again = world.send(join({ ...said, memberId: ids[0]! }))
    const other = world.send(join({ ...said, memberId: ids[1]! }))
    expect(world.answer('join', again)).toMatchObject({ errorCode: 0, leader: ids[0] })
    expect(world.answer('join', other)?.errorCode).toBe(0)
  })

  it('that joins twice has its first call answered', () => {
    const world = new World({ 'group.initial.rebalance.delay.ms': '3000' })
    const { memberId, ticket } = newMember(world)
    const second = world.send(join({ memberId }))
    expect(world.answer('join', ticket)).toMatchObject({ errorCode: 27, memberId })
    world.pass(60_000)
    expect(world.answer('join', second)?.errorCode).toBe(0)
  })
})

describe('bounds of memory', () => {
  it('refuse metadata that is too large, of one member and of all together', () => {
    const world = new World({ 'group.initial.rebalance.delay.ms': '3000' })
    const protocols = (bytes: number) => [{ name: 'range', metadata: new Uint8Array(bytes) }]
    expect(world.ask(join({ protocols: protocols(CLASSIC_MEMBER_BYTES) })).errorCode).toBe(81)
    const large = protocols(CLASSIC_MEMBER_BYTES - 1_000)
    const fits = Math.floor(CLASSIC_MEMBERS_BYTES / CLASSIC_MEMBER_BYTES)
    for (let count = 0; count < fits; count += 1) world.send(join({ protocols: large }, 3))
    expect(world.ask(join({ protocols: large }, 3)).errorCode).toBe(81)
    world.pass(6_000)
    expect(world.ask({ kind: 'describe', version: 6 }).members).toHaveLength(fits)
  })

  it('refuse ids beyond those that may be pending', () => {
    const world = new World()
    const said = { protocols: [{ name: 'range', metadata: new Uint8Array(0) }] }
    for (let count = 0; count < CLASSIC_PENDING_MEMBERS; count += 1) {
      expect(world.ask(join(said)).errorCode).toBe(79)
    }
    expect(world.ask(join(said)).errorCode).toBe(81)
    world.pass(10_000)
    expect(world.ask(join(said)).errorCode).toBe(79)
  })
})

describe('any sequence of requests, evictions and pauses', () => {
  const member = fc.nat(4)
  const command = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('join'), member, change: fc.boolean() }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('sync'), member }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('heartbeat'), member }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave'), member }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('evict'), member }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass'), member, ms: fc.nat(20_000) }) },
  )

  it('answers every call once and in time, and generations only grow', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), fc.boolean(), (commands, isStatic) => {
        const world = new World({ 'group.initial.rebalance.delay.ms': '1000' })
        const ids = new Map<number, string>()
        const generations = new Map<number, number>()
        const open = new Map<number, number>()
        let highest = 0
        const take = () => {
          for (const [ticket, who] of open) {
            const got = world.answer('join', ticket)
            if (got === undefined) continue
            open.delete(ticket)
            if ([79, 0].includes(got.errorCode)) ids.set(who, got.memberId)
            if ([25, 82].includes(got.errorCode)) ids.delete(who)
            if (got.errorCode !== 0) continue
            const generation = got.generationId ?? -1
            expect(generation).toBeGreaterThanOrEqual(highest)
            highest = generation
            generations.set(who, generation)
          }
        }
        for (const one of commands) {
          const who = one.member as number
          const memberId = ids.get(who) ?? ''
          const generation = generations.get(who) ?? -1
          if (one.kind === 'join' && 'change' in one) {
            const protocols = [{ name: 'range', metadata: subscription(one.change ? 't' : 'u') }]
            const groupInstanceId = isStatic ? `i${who}` : null
            open.set(world.send(join({ memberId, protocols, groupInstanceId })), who)
          } else if (one.kind === 'sync') {
            world.send(sync(memberId, generation, { [memberId]: 'a' }))
          } else if (one.kind === 'heartbeat') {
            world.send(heartbeat(memberId, generation))
          } else if (one.kind === 'leave') {
            world.send(leave(memberId))
          } else if (one.kind === 'evict') {
            open.clear()
            world.evict()
          } else if ('ms' in one) {
            world.pass(one.ms)
          }
          take()
        }
        world.pass(200_000)
        take()
        expect([...open.keys()]).toEqual([])
        expect(['Empty', 'Dead']).toContain(state(world))
      }),
      { numRuns: 150 },
    )
  })
})
