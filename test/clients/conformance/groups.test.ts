// Classic groups: join, sync, heartbeat, leave, static members, timeouts, and what is said of groups.
// KIP-62, KIP-134, KIP-345, KIP-394, KIP-559, KIP-800, KIP-814, KIP-1043.

import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect } from 'vitest'
import { DeleteGroups } from '../../../src/protocol/messages/delete-groups.ts'
import { DescribeGroups } from '../../../src/protocol/messages/describe-groups.ts'
import { LeaveGroup } from '../../../src/protocol/messages/leave-group.ts'
import { ListGroups } from '../../../src/protocol/messages/list-groups.ts'
import type { ResponseRead } from '../../../src/protocol/schema.ts'
import { until } from '../calls.ts'
import {
  ClassicMember,
  coordinatorReady,
  type JoinOptions,
  protocol,
  RANGE,
  ROUND_ROBIN,
  subscription,
} from '../classic-member.ts'
import { suite } from '../target.ts'
import { Wire } from '../wire.ts'

const DELAY_MS = 300
const shared = suite('groups', {
  set: {
    'group.initial.rebalance.delay.ms': String(DELAY_MS),
    'group.min.session.timeout.ms': '200',
    'group.max.session.timeout.ms': '60000',
    'group.max.size': '4',
  },
})
const { scenario, connect, topic } = shared
const group = topic

beforeAll(async () => {
  const wire = await Wire.open(shared.target.kafka)
  await coordinatorReady(wire, 'ready')
  wire.close()
})

async function member(groupId: string, instanceId: string | null = null): Promise<ClassicMember> {
  return new ClassicMember(await connect(), groupId, instanceId)
}

/** All join, the first of them first, so that it leads. */
async function joinAll(members: readonly ClassicMember[], options: JoinOptions = {}) {
  for (const one of members) {
    if (one.instanceId !== null || one.memberId !== '') continue
    one.memberId = (await one.joinOnce(options)).memberId
  }
  const [first, ...others] = members as [ClassicMember, ...ClassicMember[]]
  const leads = first.joinOnce(options)
  const wire = await connect()
  if (others.length > 0) {
    await until(async () => (await describeGroup(wire, first.groupId)).members.length === 1)
  }
  const got = await Promise.all([leads, ...others.map((one) => one.joinOnce(options))])
  expect(got.map(({ leader }) => leader)).toEqual(got.map(() => first.memberId))
  return got
}

/** A stable group of so many members; the first leads. */
async function stableGroup(groupId: string, size: number, instances = false) {
  const members = await Promise.all(
    Array.from({ length: size }, (_, index) => member(groupId, instances ? `i${index}` : null)),
  )
  const [leader, ...followers] = members as [ClassicMember, ...ClassicMember[]]
  await joinAll(members)
  await assign(members)
  return { leader, followers, members }
}

async function assign(members: readonly ClassicMember[]): Promise<void> {
  const assignments = Object.fromEntries(members.map((one, at) => [one.memberId, `part ${at}`]))
  const got = await Promise.all(members.map((one, at) => one.sync(at === 0 ? assignments : {})))
  expect(got.map(({ errorCode }) => errorCode)).toEqual(members.map(() => 0))
}

async function describeGroup(
  wire: Wire,
  groupId: string,
  version = 6,
  includeAuthorizedOperations = false,
): Promise<ResponseRead<typeof DescribeGroups>['groups'][number]> {
  const body = { groups: [groupId], includeAuthorizedOperations }
  return (await wire.call(DescribeGroups, version, body)).groups[0]!
}

describe('JoinGroup', () => {
  for (let version = 0; version <= 9; version += 1) {
    scenario(`in version ${version} makes a group of one`, async () => {
      const one = await member(group())
      const got = await one.join({ version, protocols: [protocol(RANGE, 'meta')] })
      expect(got).toMatchObject({
        errorCode: 0,
        generationId: 1,
        protocolName: RANGE,
        protocolType: version >= 7 ? 'consumer' : null,
        leader: one.memberId,
        memberId: one.memberId,
        skipAssignment: false,
      })
      expect(one.memberId).toMatch(/^ottla-test-[0-9a-f-]{36}$/)
      expect(got.members).toHaveLength(1)
      expect(got.members[0]?.memberId).toBe(one.memberId)
      expect(Buffer.from(got.members[0]!.metadata).toString()).toBe('meta')
    })
  }

  scenario('with an empty group id gets INVALID_GROUP_ID', async () => {
    const one = await member('')
    expect(await one.join()).toMatchObject({ errorCode: 24, memberId: '' })
  })

  for (const sessionTimeoutMs of [199, 60_001, -1]) {
    scenario(`with a session timeout of ${sessionTimeoutMs} ms is out of bounds`, async () => {
      const one = await member(group())
      const got = await one.join({ sessionTimeoutMs, memberId: 'me' })
      expect(got).toMatchObject({ errorCode: 26, memberId: 'me', generationId: -1, leader: '' })
    })
  }

  scenario('with a member id that nobody gave gets UNKNOWN_MEMBER_ID', async () => {
    const one = await member(group())
    expect(await one.join({ memberId: 'me' })).toMatchObject({ errorCode: 25, memberId: 'me' })
    await one.join()
    const other = await member(one.groupId)
    expect(await other.join({ memberId: 'me' })).toMatchObject({ errorCode: 25, memberId: 'me' })
  })

  scenario('without a protocol or a protocol type is inconsistent', async () => {
    const one = await member(group())
    expect((await one.join({ protocols: [] })).errorCode).toBe(23)
    expect((await one.join({ protocolType: '' })).errorCode).toBe(23)
  })

  scenario('that has nothing in common with the members is inconsistent', async () => {
    const { leader } = await stableGroup(group(), 1)
    const other = await member(leader.groupId)
    const wrongType = await other.join({ protocolType: 'connect' })
    expect(wrongType.errorCode).toBe(23)
    expect((await other.join({ protocols: [protocol('other')] })).errorCode).toBe(23)
    expect(await leader.heartbeat()).toBe(0)
  })

  scenario('of a new member names its id first from version 4 on', async () => {
    const one = await member(group())
    const got = await one.joinOnce({ version: 4 })
    expect(got).toMatchObject({ errorCode: 79, generationId: -1, leader: '', members: [] })
    expect(got.memberId).toMatch(/^ottla-test-[0-9a-f-]{36}$/)
    const old = await member(group())
    expect((await old.joinOnce({ version: 3 })).errorCode).toBe(0)
  })

  scenario(
    'of a static member needs no id first, and the id begins with the instance',
    async () => {
      const one = await member(group(), 'instance')
      const got = await one.joinOnce()
      expect(got.errorCode).toBe(0)
      expect(got.memberId).toMatch(/^instance-[0-9a-f-]{36}$/)
      expect(got.members[0]?.groupInstanceId).toBe('instance')
    },
  )

  scenario(
    'gives the metadata of all to the leader, who came first, and none to others',
    async () => {
      const one = await member(group())
      const other = await member(one.groupId)
      const first = one.join({ protocols: [protocol(RANGE, 'a'), protocol(ROUND_ROBIN, 'b')] })
      await until(async () => (await describeGroup(other.wire, one.groupId)).members.length === 1)
      const second = other.join({ protocols: [protocol(ROUND_ROBIN, 'c'), protocol(RANGE, 'd')] })
      const [leads, follows] = await Promise.all([first, second])
      expect(leads.leader).toBe(one.memberId)
      expect(follows.leader).toBe(one.memberId)
      expect(follows.members).toEqual([])
      expect(leads.generationId).toBe(follows.generationId)
      const told = new Map(
        leads.members.map((each) => [each.memberId, Buffer.from(each.metadata).toString()]),
      )
      const expected =
        leads.protocolName === RANGE
          ? [
              [one.memberId, 'a'],
              [other.memberId, 'd'],
            ]
          : [
              [one.memberId, 'b'],
              [other.memberId, 'c'],
            ]
      expect(told).toEqual(new Map(expected as [string, string][]))
    },
  )

  scenario('chooses the protocol that most members prefer among those of all', async () => {
    const id = group()
    const prefer = [
      [ROUND_ROBIN, RANGE],
      ['only-mine', RANGE, ROUND_ROBIN],
      [RANGE, ROUND_ROBIN],
    ]
    const joins = prefer.map(async (names) =>
      (await member(id)).join({ protocols: names.map((name) => protocol(name)) }),
    )
    const got = await Promise.all(joins)
    expect(got.map(({ protocolName }) => protocolName)).toEqual([RANGE, RANGE, RANGE])
  })

  scenario('of an empty group waits for others, longer with each that comes', async () => {
    const id = group()
    const started = Date.now()
    const first = (await member(id)).join()
    await sleep(DELAY_MS - 150)
    const second = (await member(id)).join()
    await sleep(DELAY_MS - 50)
    const third = (await member(id)).join()
    const got = await Promise.all([first, second, third])
    expect(got.map(({ generationId }) => generationId)).toEqual([1, 1, 1])
    expect(Date.now() - started).toBeGreaterThanOrEqual(2 * DELAY_MS)
  })

  scenario('of an empty group waits no longer than the rebalance timeout', async () => {
    const one = await member(group())
    const started = Date.now()
    expect((await one.join({ rebalanceTimeoutMs: 1 })).errorCode).toBe(0)
    expect(Date.now() - started).toBeLessThan(5 * DELAY_MS)
  })

  scenario('beyond group.max.size is refused and disturbs nobody', async () => {
    const { leader, members } = await stableGroup(group(), 4)
    const fifth = await member(leader.groupId)
    expect(await fifth.join()).toMatchObject({ errorCode: 81, memberId: '' })
    for (const one of members) expect(await one.heartbeat()).toBe(0)
  })

  scenario('again, of a follower that says the same, changes nothing', async () => {
    const { leader, followers } = await stableGroup(group(), 2)
    const follower = followers[0]!
    const got = await follower.join()
    expect(got).toMatchObject({
      errorCode: 0,
      generationId: leader.generationId,
      leader: leader.memberId,
      members: [],
      memberId: follower.memberId,
    })
    expect(Buffer.from((await follower.sync()).assignment).toString()).toBe('part 1')
    expect(await leader.heartbeat()).toBe(0)
  })

  scenario('again, of the leader or with other metadata, begins a rebalance', async () => {
    const { leader, followers } = await stableGroup(group(), 2)
    const follower = followers[0]!
    const leaders = leader.join()
    await until(async () => (await follower.heartbeat()) === 27)
    const generation = follower.generationId
    const [again] = await Promise.all([leaders, follower.join()])
    expect(again).toMatchObject({ errorCode: 0, generationId: generation + 1 })
    expect(again.members).toHaveLength(2)
    await assign([leader, follower])
    const changed = follower.join({ protocols: [protocol(RANGE, 'new')] })
    await until(async () => (await leader.heartbeat()) === 27)
    await Promise.all([changed, leader.join()])
    expect(leader.generationId).toBe(generation + 2)
  })

  scenario(
    'again before the assignment gives the same generation, to the leader with all',
    async () => {
      const { leader, followers } = await stableGroup(group(), 2)
      const follower = followers[0]!
      await Promise.all([leader.join(), follower.join({ protocols: [protocol(RANGE, 'x')] })])
      const generationId = leader.generationId
      const again = await follower.join({ protocols: [protocol(RANGE, 'x')] })
      expect(again).toMatchObject({ errorCode: 0, generationId, members: [] })
      const leads = await leader.join()
      expect(leads).toMatchObject({ errorCode: 0, generationId })
      expect(leads.members).toHaveLength(2)
      const changed = follower.join({ protocols: [protocol(RANGE, 'y')] })
      await until(async () => (await leader.heartbeat()) === 27)
      await Promise.all([changed, leader.join()])
      expect(leader.generationId).toBe(generationId + 1)
    },
  )

  scenario('of others goes on without a member that does not rejoin in time', async () => {
    const id = group()
    const [one, two] = [await member(id), await member(id)]
    const short = { rebalanceTimeoutMs: 2_000, sessionTimeoutMs: 30_000 }
    await joinAll([one, two], short)
    const third = await member(id)
    const joined = third.join(short)
    await until(async () => (await one.heartbeat()) === 27)
    const [a, b] = await Promise.all([joined, one.join(short)])
    expect([a.errorCode, b.errorCode]).toEqual([0, 0])
    expect(a.generationId).toBe(2)
    expect(await two.heartbeat()).toBe(25)
  })

  scenario(
    'of a member whose session ended gets UNKNOWN_MEMBER_ID; the others rebalance',
    async () => {
      const id = group()
      const [one, two] = [await member(id), await member(id)]
      await joinAll([one, two], { sessionTimeoutMs: 1_500, rebalanceTimeoutMs: 20_000 })
      await assign([one, two])
      await until(async () => (await one.heartbeat()) === 27)
      const alone = await one.join({ sessionTimeoutMs: 20_000, rebalanceTimeoutMs: 20_000 })
      expect(alone).toMatchObject({ errorCode: 0, generationId: 2, leader: one.memberId })
      expect((await two.join({ sessionTimeoutMs: 500 })).errorCode).toBe(25)
    },
  )

  scenario('waits for a member that was given an id, until its session ends', async () => {
    const { leader } = await stableGroup(group(), 1)
    const pending = await member(leader.groupId)
    await pending.joinOnce({ sessionTimeoutMs: 900 })
    const started = Date.now()
    const got = await leader.join()
    expect(got.errorCode).toBe(0)
    expect(Date.now() - started).toBeGreaterThan(400)
    expect(Date.now() - started).toBeLessThan(5_000)
  })
})

describe('Static members', () => {
  scenario(
    'that come back to a stable group keep the generation and fence their old id',
    async () => {
      const { leader, followers } = await stableGroup(group(), 2, true)
      const old = followers[0]!
      const back = await member(leader.groupId, 'i1')
      const got = await back.join()
      expect(got).toMatchObject({
        errorCode: 0,
        generationId: leader.generationId,
        leader: leader.memberId,
        skipAssignment: false,
        members: [],
      })
      expect(back.memberId).not.toBe(old.memberId)
      expect(Buffer.from((await back.sync()).assignment).toString()).toBe('part 1')
      expect(await old.heartbeat()).toBe(82)
      expect((await old.sync()).errorCode).toBe(82)
      expect((await old.join()).errorCode).toBe(82)
      expect(await old.commit('no-such-topic', 1)).toBe(3)
      expect(await old.leave()).toMatchObject({ errorCode: 0, members: [{ errorCode: 82 }] })
      expect(await leader.heartbeat()).toBe(0)
      expect(await back.heartbeat()).toBe(0)
    },
  )

  scenario('that led are told from version 9 on to lead without assigning', async () => {
    const { leader, followers } = await stableGroup(group(), 2, true)
    const back = await member(leader.groupId, 'i0')
    const got = await back.join({ version: 9 })
    expect(got).toMatchObject({ errorCode: 0, skipAssignment: true, leader: back.memberId })
    expect(got.members.map(({ memberId }) => memberId).toSorted()).toEqual(
      [back.memberId, followers[0]!.memberId].toSorted(),
    )
    expect(Buffer.from((await back.sync()).assignment).toString()).toBe('part 0')
  })

  scenario('that led are told before version 9 that their old id leads', async () => {
    const { leader } = await stableGroup(group(), 2, true)
    const back = await member(leader.groupId, 'i0')
    const got = await back.join({ version: 8 })
    expect(got).toMatchObject({ errorCode: 0, skipAssignment: false, leader: leader.memberId })
    expect(got.members).toEqual([])
    expect(Buffer.from((await back.sync()).assignment).toString()).toBe('part 0')
  })

  scenario(
    'that come back with what changes the choice of protocol begin a rebalance',
    async () => {
      const id = group()
      const both = [protocol(RANGE), protocol(ROUND_ROBIN)]
      const one = await member(id, 'i0')
      const got = await one.join({ protocols: both })
      expect(got.protocolName).toBe(RANGE)
      await one.sync()
      const back = await member(id, 'i0')
      const again = await back.join({ protocols: [protocol(ROUND_ROBIN), protocol(RANGE)] })
      expect(again).toMatchObject({ errorCode: 0, generationId: 2, protocolName: ROUND_ROBIN })
    },
  )

  scenario('of an unknown instance with a member id are unknown', async () => {
    const { leader } = await stableGroup(group(), 1, true)
    const other = await member(leader.groupId, 'nobody')
    expect((await other.join({ memberId: leader.memberId })).errorCode).toBe(25)
    expect(await other.heartbeat({ memberId: leader.memberId })).toBe(25)
    const wrong = await member(leader.groupId, 'i0')
    expect((await wrong.join({ memberId: 'another' })).errorCode).toBe(82)
  })

  scenario('that come back while the others wait for assignments begin a rebalance', async () => {
    const { leader, followers } = await stableGroup(group(), 2, true)
    const follower = followers[0]!
    await Promise.all([leader.join(), follower.join({ protocols: [protocol(RANGE, 'x')] })])
    const generation = leader.generationId
    const parked = follower.sync()
    const back = await member(leader.groupId, 'i1')
    const rejoined = back.join()
    expect((await parked).errorCode).toBe(82)
    await until(async () => (await leader.heartbeat()) === 27)
    const [got] = await Promise.all([rejoined, leader.join()])
    expect(got).toMatchObject({ errorCode: 0, generationId: generation + 1 })
  })

  scenario('stay in the next generation although they did not rejoin', async () => {
    const id = group()
    const short = { rebalanceTimeoutMs: 500, sessionTimeoutMs: 30_000 }
    const [one, two] = [await member(id, 'i0'), await member(id, 'i1')]
    await joinAll([one, two], short)
    await assign([one, two])
    const got = await one.join(short)
    expect(got.generationId).toBe(2)
    expect(got.members.map(({ groupInstanceId }) => groupInstanceId).toSorted()).toEqual([
      'i0',
      'i1',
    ])
  })
})

describe('SyncGroup', () => {
  scenario('of followers waits for the leader; who is assigned nothing gets nothing', async () => {
    const id = group()
    const [one, two, three] = [await member(id), await member(id), await member(id)]
    await joinAll([one, two, three])
    const waits = two.sync()
    expect(await Promise.race([waits, sleep(200, 'still parked')])).toBe('still parked')
    const assigned = { [one.memberId]: 'a', [two.memberId]: 'b', nobody: 'c' }
    const leads = await one.sync(assigned)
    expect(leads).toMatchObject({ errorCode: 0, protocolType: 'consumer', protocolName: RANGE })
    expect(Buffer.from(leads.assignment).toString()).toBe('a')
    expect(Buffer.from((await waits).assignment).toString()).toBe('b')
    expect((await three.sync()).assignment).toHaveLength(0)
    expect(Buffer.from((await two.sync()).assignment).toString()).toBe('b')
  })

  for (let version = 0; version <= 5; version += 1) {
    scenario(`in version ${version} gives the assignment`, async () => {
      const one = await member(group())
      await one.join()
      const got = await one.sync({ [one.memberId]: 'mine' }, { version })
      expect(got.errorCode).toBe(0)
      expect(Buffer.from(got.assignment).toString()).toBe('mine')
    })
  }

  scenario('that is wrong says how', async () => {
    const one = await member(group())
    expect((await one.sync({}, { memberId: 'me', generationId: 1 })).errorCode).toBe(25)
    await one.join()
    expect((await one.sync({}, { memberId: 'me' })).errorCode).toBe(25)
    expect((await one.sync({}, { generationId: 2 })).errorCode).toBe(22)
    expect((await one.sync({}, { groupId: '' })).errorCode).toBe(24)
    expect((await one.sync({}, { protocolName: 'other' })).errorCode).toBe(23)
    expect((await one.sync({}, { protocolType: 'connect' })).errorCode).toBe(23)
    expect((await one.sync({}, { protocolName: null })).errorCode).toBe(23)
    expect((await one.sync({}, { protocolType: null })).errorCode).toBe(23)
    expect((await one.sync()).errorCode).toBe(0)
  })

  scenario('during a rebalance gets REBALANCE_IN_PROGRESS, also when it was parked', async () => {
    const { leader, followers } = await stableGroup(group(), 2)
    const follower = followers[0]!
    const joins = leader.join()
    await until(async () => (await follower.heartbeat()) === 27)
    expect((await follower.sync()).errorCode).toBe(27)
    await Promise.all([joins, follower.join()])
    const parked = follower.sync()
    await sleep(50)
    const third = await member(leader.groupId)
    const joined = third.join()
    expect((await parked).errorCode).toBe(27)
    await Promise.all([joined, leader.join(), follower.join()])
  })

  scenario('that does not come within the rebalance timeout removes the member', async () => {
    const id = group()
    const short = { rebalanceTimeoutMs: 2_000, sessionTimeoutMs: 30_000 }
    const [one, two] = [await member(id), await member(id)]
    await joinAll([one, two], short)
    expect((await one.sync()).errorCode).toBe(0)
    await until(async () => (await one.heartbeat()) === 27)
    expect(await two.heartbeat()).toBe(25)
    expect((await one.join(short)).generationId).toBe(2)
  })
})

describe('Heartbeat', () => {
  scenario('that is wrong says how', async () => {
    const one = await member(group())
    expect(await one.heartbeat({ memberId: 'me', generationId: 1 })).toBe(25)
    expect(await one.heartbeat({ groupId: '' })).toBe(24)
    await one.join()
    expect(await one.heartbeat({ memberId: 'me' })).toBe(25)
    expect(await one.heartbeat({ generationId: 2 })).toBe(22)
    expect(await one.heartbeat({ generationId: 0 })).toBe(22)
  })

  for (let version = 0; version <= 4; version += 1) {
    scenario(`in version ${version} is well before and after the assignment`, async () => {
      const one = await member(group())
      await one.join()
      expect(await one.heartbeat({}, version)).toBe(0)
      await one.sync()
      expect(await one.heartbeat({}, version)).toBe(0)
    })
  }
})

describe('LeaveGroup', () => {
  for (let version = 0; version <= 5; version += 1) {
    scenario(`in version ${version} removes a member; the others rebalance`, async () => {
      const { leader, followers } = await stableGroup(group(), 2)
      const got = await followers[0]!.leave(version)
      expect(got.errorCode).toBe(0)
      if (version >= 3) {
        const { memberId } = followers[0]!
        expect(got.members).toEqual([{ memberId, groupInstanceId: null, errorCode: 0 }])
      }
      expect(await leader.heartbeat()).toBe(27)
      const again = await followers[0]!.leave(version)
      expect(version >= 3 ? again.members[0]?.errorCode : again.errorCode).toBe(25)
    })
  }

  scenario('of the last member empties the group', async () => {
    const { leader } = await stableGroup(group(), 1)
    await leader.leave()
    const got = await describeGroup(leader.wire, leader.groupId)
    expect(got).toMatchObject({ groupState: 'Empty', protocolType: 'consumer', members: [] })
    const next = await member(leader.groupId)
    expect((await next.join()).generationId).toBe(3)
  })

  scenario('of an unknown group, member or instance says so', async () => {
    const one = await member(group())
    one.memberId = 'me'
    const unknown = [{ memberId: 'me', groupInstanceId: null, errorCode: 25 }]
    expect(await one.leave()).toMatchObject({ errorCode: 0, members: unknown })
    expect((await one.leave(1)).errorCode).toBe(25)
    const nobody = new ClassicMember(one.wire, '')
    expect((await nobody.leave()).errorCode).toBe(24)
    const { leader } = await stableGroup(group(), 1, true)
    const { members, errorCode } = await one.wire.call(LeaveGroup, 5, {
      groupId: leader.groupId,
      members: [
        { memberId: '', groupInstanceId: 'other' },
        { memberId: '', groupInstanceId: null },
        { memberId: 'other', groupInstanceId: 'i0' },
        { memberId: 'other' },
        { memberId: '', groupInstanceId: 'i0' },
      ],
    })
    expect(errorCode).toBe(0)
    expect(members.map((each) => each.errorCode)).toEqual([25, 25, 82, 25, 0])
    expect((await describeGroup(one.wire, leader.groupId)).groupState).toBe('Empty')
  })

  scenario('takes back an id that was given and not used', async () => {
    const one = await member(group())
    const { memberId } = await one.joinOnce()
    one.memberId = memberId
    expect(await one.leave()).toMatchObject({ errorCode: 0, members: [{ errorCode: 0 }] })
    expect((await one.joinOnce()).errorCode).toBe(25)
  })
})

describe('DescribeGroups', () => {
  scenario('shows the members of a stable group', async () => {
    const { leader, members } = await stableGroup(group(), 2, true)
    for (let version = 0; version <= 6; version += 1) {
      const got = await describeGroup(leader.wire, leader.groupId, version)
      expect(got).toMatchObject({
        errorCode: 0,
        errorMessage: null,
        groupState: 'Stable',
        protocolType: 'consumer',
        protocolData: RANGE,
        authorizedOperations: -2_147_483_648,
      })
      const shown = got.members.toSorted((a, b) => (a.memberId < b.memberId ? -1 : 1))
      expect(shown).toMatchObject(
        members.map((one, at) => ({
          memberId: one.memberId,
          groupInstanceId: version >= 4 ? `i${at}` : null,
          clientId: 'ottla-test',
          clientHost: expect.stringMatching(/^\/127\.0\.0\.1$/),
        })),
      )
      expect(shown.map((each) => Buffer.from(each.memberAssignment).toString())).toEqual([
        'part 0',
        'part 1',
      ])
      expect(Buffer.from(shown[0]!.memberMetadata)).toEqual(subscription('t'))
    }
  })

  scenario('shows no protocol and no metadata while a group is not stable', async () => {
    const { leader, followers } = await stableGroup(group(), 2)
    const joins = leader.join()
    await until(async () => (await followers[0]!.heartbeat()) === 27)
    const preparing = await describeGroup(followers[0]!.wire, leader.groupId)
    expect(preparing).toMatchObject({ groupState: 'PreparingRebalance', protocolData: '' })
    expect(preparing.members).toHaveLength(2)
    expect(preparing.members[0]?.memberMetadata).toHaveLength(0)
    await Promise.all([joins, followers[0]!.join()])
    const completing = await describeGroup(leader.wire, leader.groupId)
    expect(completing).toMatchObject({ groupState: 'CompletingRebalance', protocolData: '' })
  })

  scenario('calls an unknown group dead, and from version 6 on not found', async () => {
    const wire = await connect()
    const id = group()
    expect(await describeGroup(wire, id, 5)).toMatchObject({ errorCode: 0, groupState: 'Dead' })
    expect(await describeGroup(wire, id, 6)).toMatchObject({
      errorCode: 69,
      groupState: 'Dead',
      errorMessage: `Group ${id} not found.`,
    })
  })

  scenario('tells what may be done with a group when asked', async () => {
    const { leader } = await stableGroup(group(), 1)
    const got = await describeGroup(leader.wire, leader.groupId, 6, true)
    expect(got.authorizedOperations).toBe((1 << 3) | (1 << 6) | (1 << 8) | (1 << 10) | (1 << 11))
    const dead = await describeGroup(leader.wire, group(), 5, true)
    expect(dead.authorizedOperations).toBe(got.authorizedOperations)
  })
})

describe('ListGroups', () => {
  scenario('filters by state and type, in any letter case', async () => {
    const { leader } = await stableGroup(group(), 1)
    const empty = await stableGroup(group(), 1)
    await empty.leader.leave()
    const { wire } = leader
    const list = async (statesFilter: string[], typesFilter: string[], version = 5) => {
      const got = await wire.call(ListGroups, version, { statesFilter, typesFilter })
      expect(got.errorCode).toBe(0)
      const ids = [leader.groupId, empty.leader.groupId]
      return got.groups.filter(({ groupId }) => ids.includes(groupId))
    }
    await until(async () => (await list(['Empty'], [])).length === 1)
    const stable = { groupId: leader.groupId, protocolType: 'consumer', groupState: 'Stable' }
    await until(async () => (await list(['Stable'], [])).length === 1)
    expect(await list(['stable'], ['classic'])).toEqual([{ ...stable, groupType: 'classic' }])
    expect(await list(['STABLE'], ['Classic'])).toHaveLength(1)
    expect(await list([], [])).toHaveLength(2)
    expect(await list([], ['consumer'])).toEqual([])
    expect(await list(['Dead'], [])).toEqual([])
    for (let version = 0; version <= 4; version += 1) {
      expect(await list([], [], version)).toHaveLength(2)
    }
    expect(await list(['Stable'], [], 4)).toEqual([{ ...stable, groupType: '' }])
  })
})

describe('DeleteGroups', () => {
  for (let version = 0; version <= 2; version += 1) {
    scenario(`in version ${version} deletes empty groups and no others`, async () => {
      const live = await stableGroup(group(), 1)
      const empty = await stableGroup(group(), 1)
      await empty.leader.leave()
      const groupsNames = [live.leader.groupId, empty.leader.groupId, group()]
      const { results } = await live.leader.wire.call(DeleteGroups, version, { groupsNames })
      const byId = new Map(results.map(({ groupId, errorCode }) => [groupId, errorCode]))
      expect(groupsNames.map((id) => byId.get(id))).toEqual([68, 0, 69])
      const gone = await describeGroup(live.leader.wire, empty.leader.groupId, 5)
      expect(gone.groupState).toBe('Dead')
      const { groups } = await live.leader.wire.call(ListGroups, 5, {})
      const listed = groups.map(({ groupId }) => groupId)
      expect(listed).toContain(live.leader.groupId)
      expect(listed).not.toContain(empty.leader.groupId)
    })
  }
})

describe('A group', () => {
  scenario('goes on in its generation after a stop and a kill of the broker', async () => {
    const id = group()
    const one = await member(id)
    await one.join({ sessionTimeoutMs: 30_000 })
    await one.sync({ [one.memberId]: 'kept' })
    for (const how of ['stop', 'kill'] as const) {
      await shared.restart(how)
      const wire = await connect()
      await coordinatorReady(wire, 'ready')
      const again = new ClassicMember(wire, id)
      again.memberId = one.memberId
      again.generationId = one.generationId
      expect(await again.heartbeat()).toBe(0)
      const { errorCode, assignment } = await again.sync()
      expect([errorCode, Buffer.from(assignment).toString()]).toEqual([0, 'kept'])
    }
  })

  scenario('takes metadata that is no subscription', async () => {
    const one = await member(group())
    const got = await one.join({ protocols: [protocol(RANGE, Buffer.from([255, 255, 9]))] })
    expect(got.errorCode).toBe(0)
    expect((await one.sync()).errorCode).toBe(0)
  })
})
