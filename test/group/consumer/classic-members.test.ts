// Classic members in a consumer group, and a group's way from one protocol to the other and back.

import { describe, expect, test } from 'vitest'
import { ConsumerGroup } from '../../../src/group/consumer/consumer-group.ts'
import {
  readAssignment,
  readSubscription,
  writeAssignment,
} from '../../../src/group/consumer/consumer-protocol.ts'
import type { ClassicSnapshot } from '../../../src/group/membership.ts'
import { assignmentBytes, joinRequest, PROTOCOL, subscriptionBytes } from './classic-client.ts'
import { Client, joining, settle, topicId, World } from './harness.ts'

const GENERATION = 7

function snapshot(
  members: Readonly<Record<string, readonly number[]>>,
  more: Partial<ClassicSnapshot> = {},
): ClassicSnapshot {
  return {
    generation: GENERATION,
    protocolType: 'consumer',
    protocolName: PROTOCOL,
    leaderId: Object.keys(members)[0] ?? null,
    members: Object.entries(members).map(([memberId, partitions]) => ({
      memberId,
      instanceId: null,
      clientId: `client-${memberId}`,
      clientHost: '/10.0.0.1',
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 60_000,
      protocols: [{ name: PROTOCOL, metadata: subscriptionBytes(['a']) }],
      assignment: assignmentBytes([{ topic: 'a', partitions }]),
    })),
    needsRebalance: false,
    ...more,
  }
}

/** A world whose group was converted from these members, with what they have. */
function converted(members: Readonly<Record<string, readonly number[]>>, configs = {}): World {
  const world = new World(configs)
  world.setTopics({ a: 4 })
  const made = ConsumerGroup.fromClassic(snapshot(members), world.surroundings)
  if (made === null) throw new Error('the group was not converted')
  world.group = made.membership
  world.keep({ changes: made.changes, replies: [] })
  return world
}

function owned(world: World, memberId: string, generation: number): number[] {
  const { errorCode, assignment } = world.sync(memberId, generation)
  expect(errorCode).toBe(0)
  return readAssignment(assignment)!.flatMap(({ partitions }) => [...partitions])
}

describe('From classic', () => {
  test('members keep what they have at their generation', () => {
    const world = converted({ x: [0, 1], y: [2, 3] })
    expect(world.written.sort()).toEqual(['group', 'member/x', 'member/y'])
    expect(world.group.state).toBe('Stable')
    expect(world.describe()).toMatchObject({
      groupEpoch: GENERATION,
      assignmentEpoch: GENERATION,
      members: [
        { memberId: 'x', memberEpoch: GENERATION, memberType: 0, clientHost: '/10.0.0.1' },
        { memberId: 'y', memberEpoch: GENERATION, memberType: 0, subscribedTopicNames: ['a'] },
      ],
    })
    expect(world.classicBeat('x', GENERATION)).toBe(0)
    expect(owned(world, 'y', GENERATION)).toEqual([2, 3])
  })

  test('a member of the new protocol gets only what they have given up', () => {
    const world = converted({ x: [0, 1], y: [2, 3] })
    const client = new Client(world, 'new')
    client.join(['a'])
    expect(client.partitions).toEqual([])
    const holders = new Map([
      ['x', [0, 1]],
      ['y', [2, 3]],
    ])
    for (let round = 0; round < 6 && world.group.state !== 'Stable'; round += 1) {
      for (const memberId of holders.keys()) {
        const code = world.classicBeat(memberId, generationOf(world, memberId))
        if (code === 0) continue
        expect(code).toBe(27)
        const has = { topic: 'a', partitions: holders.get(memberId)! }
        const joined = world.join(joinRequest(memberId, ['a'], { owned: [has] }))
        expect(joined).toMatchObject({
          errorCode: 0,
          memberId,
          leader: '',
          members: [],
          protocolType: 'consumer',
          protocolName: PROTOCOL,
        })
        const now = owned(world, memberId, joined.generationId!)
        const taken = [...client.partitions.map((one) => Number(one.split(':')[1]))]
        expect(now.filter((partition) => taken.includes(partition))).toEqual([])
        holders.set(memberId, now)
      }
      client.beat()
    }
    const all = [...holders.values()]
      .flat()
      .concat(client.partitions.map((one) => Number(one.split(':')[1])))
    expect(all.sort()).toEqual([0, 1, 2, 3])
    expect(client.partitions).toHaveLength(1)
    expect(world.group.state).toBe('Stable')
  })

  test('what nobody has is assigned, also when a static member only takes its own place', () => {
    const world = new World()
    world.setTopics({ a: 4 })
    const [x, y] = snapshot({ x: [0, 1], y: [2] }).members
    const members = [x!, { ...y!, instanceId: 'static' }]
    const made = ConsumerGroup.fromClassic(snapshot({}, { members }), world.surroundings)!
    world.group = made.membership
    world.keep({ changes: made.changes, replies: [] })
    const client = new Client(world, 'new', 'static')
    expect(client.join(['a'])).toMatchObject({ errorCode: 0, memberEpoch: GENERATION + 1 })
    expect(client.partitions).toHaveLength(2)
    world.restart()
    expect(world.group.state).toBe('Reconciling')
  })

  test('of a generation that was not complete they keep what they say they have, if nobody else has it', () => {
    const world = new World()
    world.setTopics({ a: 4 })
    const claims = (partitions: number[], assigned: number[]) => ({
      protocols: [
        { name: PROTOCOL, metadata: subscriptionBytes(['a'], [{ topic: 'a', partitions }]) },
      ],
      assignment:
        assigned.length === 0
          ? new Uint8Array(0)
          : assignmentBytes([{ topic: 'a', partitions: assigned }]),
    })
    const [x, y] = snapshot({ x: [], y: [] }).members
    const members = [
      { ...x!, ...claims([0, 1, 3], []) },
      { ...y!, ...claims([2], [3]) },
    ]
    const made = ConsumerGroup.fromClassic(snapshot({}, { members }), world.surroundings)!
    world.group = made.membership
    const client = new Client(world, 'new')
    client.join(['a'])
    expect(client.partitions).toEqual([])
    expect(world.classicBeat('x', GENERATION)).toBe(27)
    const joined = world.join(
      joinRequest('x', ['a'], { owned: [{ topic: 'a', partitions: [0, 1] }] }),
    )
    const kept = owned(world, 'x', joined.generationId!)
    expect(kept).toEqual([expect.toBeOneOf([0, 1])])
    client.beat()
    expect(client.partitions).toEqual([])
    world.join(joinRequest('x', ['a'], { owned: [{ topic: 'a', partitions: kept }] }))
    world.join(joinRequest('y', ['a'], { owned: [{ topic: 'a', partitions: [3] }] }))
    client.beat()
    const rest = [0, 1, 2].filter((one) => !kept.includes(one))
    for (const one of client.partitions) expect(rest).toContain(Number(one.split(':')[1]))
    expect(client.partitions.length).toBeGreaterThan(0)
  })

  test('what is no consumer protocol cannot be converted', () => {
    const world = new World()
    world.setTopics({ a: 4 })
    const garbage = new Uint8Array([0, 1, 255, 255, 255, 255])
    const [member] = snapshot({ x: [0] }).members
    for (const broken of [
      { protocols: [{ name: PROTOCOL, metadata: garbage }] },
      { protocols: [{ name: PROTOCOL, metadata: new Uint8Array(0) }] },
      { protocols: [] },
      { assignment: garbage },
    ]) {
      const members = [{ ...member!, ...broken }]
      const made = ConsumerGroup.fromClassic(snapshot({}, { members }), world.surroundings)
      expect(made).toBe(null)
    }
    const twice = ConsumerGroup.fromClassic(snapshot({ x: [0], y: [0] }), world.surroundings)
    expect(twice).toBe(null)
  })

  test('partitions and topics that there are not are left out, and no assignment is none', () => {
    const world = new World()
    world.setTopics({ a: 1 })
    const members = snapshot({ x: [0, 1, -1], y: [] }).members.map((member) =>
      member.memberId === 'y' ? { ...member, assignment: new Uint8Array(0) } : member,
    )
    const made = ConsumerGroup.fromClassic(snapshot({}, { members }), world.surroundings)!
    const described = made.membership.describeConsumer('group', world.surroundings)
    expect(described.members.map(({ assignment }) => assignment.topicPartitions)).toEqual([
      [{ topicId: topicId('a'), topicName: 'a', partitions: [0] }],
      [],
    ])
  })

  test('a static classic member is followed by one of the new protocol', () => {
    const world = new World()
    world.setTopics({ a: 2 })
    const members = snapshot({ x: [0, 1] }).members.map((one) => ({ ...one, instanceId: 'i' }))
    const made = ConsumerGroup.fromClassic(snapshot({}, { members }), world.surroundings)!
    world.group = made.membership
    world.keep({ changes: made.changes, replies: [] })
    const client = new Client(world, 'new', 'i')
    client.join(['a'])
    expect(client.partitions).toHaveLength(2)
    expect(world.classicBeat('x', GENERATION, 'i')).toBe(82)
    expect([...world.rows.keys()].sort()).toEqual(['group', 'member/new'])
  })
})

function generationOf(world: World, memberId: string): number {
  return world.describe().members.find((one) => one.memberId === memberId)!.memberEpoch
}

describe('A classic member of a consumer group', () => {
  function mixed(configs = {}): { world: World; client: Client; memberId: string } {
    const world = new World(configs)
    world.setTopics({ a: 4 })
    const client = new Client(world, 'new')
    client.join(['a'])
    const first = world.join(joinRequest('', ['a']))
    expect(first).toMatchObject({ errorCode: 79, generationId: -1 })
    expect(world.written).toEqual([])
    const joined = world.join(joinRequest(first.memberId, ['a']))
    expect(joined).toMatchObject({ errorCode: 0, generationId: 2 })
    return { world, client, memberId: first.memberId }
  }

  test('waits for what others give up, and is told to rejoin when it is free', () => {
    const { world, client, memberId } = mixed()
    expect(owned(world, memberId, 2)).toEqual([])
    client.beat()
    expect(world.classicBeat(memberId, 2)).toBe(0)
    client.beat()
    expect(world.classicBeat(memberId, 2)).toBe(27)
    const joined = world.join(joinRequest(memberId, ['a']))
    expect(owned(world, memberId, joined.generationId!)).toHaveLength(2)
    expect(world.classicBeat(memberId, joined.generationId!)).toBe(0)
    expect(world.group.state).toBe('Stable')
  })

  test('is refused as in a classic group', () => {
    const { world, client, memberId } = mixed()
    expect(world.classicBeat(memberId, 9)).toBe(22)
    expect(world.classicBeat('nobody', 2)).toBe(25)
    expect(world.classicBeat(client.memberId, 2)).toBe(25)
    expect(world.classicBeat(memberId, 2, 'instance')).toBe(25)
    expect(world.sync(memberId, 9).errorCode).toBe(22)
    expect(world.sync('nobody', 2).errorCode).toBe(25)
    const other = joinRequest('', ['a'], { protocol: 'another' })
    expect(world.join(other).errorCode).toBe(23)
    expect(world.join({ ...other, protocolType: 'connect' }).errorCode).toBe(23)
    expect(world.join({ ...other, protocols: [] }).errorCode).toBe(23)
    const short = joinRequest(memberId, ['a'], { sessionTimeoutMs: 5_999 })
    expect(world.join(short).errorCode).toBe(26)
    const garbage = [{ name: PROTOCOL, metadata: new Uint8Array([9]) }]
    const broken = { ...joinRequest(memberId, ['a']), protocols: garbage }
    expect(world.join(broken).errorCode).toBe(-1)
    expect(world.written).toEqual([])
  })

  test('commits at its generation', () => {
    const { world, memberId } = mixed()
    const ask = (generationOrEpoch: number) =>
      world.group.checkOffsets(
        { memberId, generationOrEpoch, instanceId: null, version: 5, transactional: false },
        'commit',
        world.surroundings,
      )
    expect([ask(2), ask(1), ask(3)]).toEqual([0, 22, 22])
  })

  test.each([
    ['that is silent', 10_000, (_: World, __: string) => {}],
    [
      'that does not sync',
      60_000,
      (world: World, memberId: string) => world.classicBeat(memberId, 2),
    ],
  ])('%s is put out in time', (_, afterMs, meanwhile) => {
    const { world, client, memberId } = mixed()
    for (let passed = 0; passed < afterMs; passed += 5_000) {
      expect(world.describe().members).toHaveLength(2)
      client.beat()
      meanwhile(world, memberId)
      world.pass(5_000)
    }
    expect(world.describe().members.map((one) => one.memberId)).toEqual([client.memberId])
  })

  test('that does not rejoin when it is told to is put out in time', () => {
    const { world, client, memberId } = mixed()
    owned(world, memberId, 2)
    client.beat()
    client.beat()
    for (let passed = 0; passed < 60_000; passed += 5_000) {
      expect(world.describe().members).toHaveLength(2)
      expect(world.classicBeat(memberId, 2)).toBe(27)
      client.beat()
      world.pass(5_000)
    }
    expect(world.describe().members).toHaveLength(1)
  })

  test('that was put out joins under its old id, whatever it claims to have', () => {
    const { world, client, memberId } = mixed()
    world.leave(memberId)
    expect(world.describe().members.map((one) => one.memberId)).toEqual([client.memberId])
    const has = { owned: [{ topic: 'a', partitions: [0, 1] }] }
    expect(world.join(joinRequest(memberId, ['a'], has)).errorCode).toBe(0)
    const expected = [client.memberId, memberId].sort()
    expect(
      world
        .describe()
        .members.map((one) => one.memberId)
        .sort(),
    ).toEqual(expected)
  })

  test('leaves, or is put out by an operator, as members of the new protocol are', () => {
    const { world, client, memberId } = mixed({ 'group.consumer.migration.policy': 'disabled' })
    expect(world.leave('nobody').members![0]!.errorCode).toBe(25)
    expect(world.leave(memberId).members!).toEqual([
      { memberId, groupInstanceId: null, errorCode: 0 },
    ])
    expect(world.leave('', 'instance').members![0]!.errorCode).toBe(25)
    const fixed = new Client(world, 'static', 'instance')
    fixed.join(['a'])
    expect(world.leave('other', 'instance').members![0]!.errorCode).toBe(82)
    expect(world.leave('', 'instance').members![0]!.errorCode).toBe(0)
    expect(world.leave(client.memberId).members![0]!.errorCode).toBe(0)
    expect(world.group.isEmpty).toBe(true)
  })
})

describe('To classic', () => {
  /** A classic member with everything, after it took over from one of the new protocol. */
  function lastLeaves(configs = {}): World {
    const world = converted({ x: [0, 1, 2, 3] }, configs)
    const client = new Client(world, 'new')
    client.join(['a'])
    expect(world.group.asClassic(world.surroundings)).toBe(null)
    client.send({ memberEpoch: -1 })
    return world
  }

  test('a group whose last member of the new protocol has left is a classic one', () => {
    const world = lastLeaves()
    const classic = world.group.asClassic(world.surroundings)!
    expect(classic).toMatchObject({
      generation: GENERATION + 1,
      protocolType: 'consumer',
      protocolName: PROTOCOL,
      leaderId: 'x',
      needsRebalance: true,
    })
    const [member] = classic.members
    expect(member).toMatchObject({ memberId: 'x', sessionTimeoutMs: 10_000, clientId: 'client-x' })
    expect(readAssignment(member!.assignment)).toEqual([{ topic: 'a', partitions: [0, 1, 2, 3] }])
    expect(readSubscription(member!.protocols[0]!.metadata)!.topics).toEqual(['a'])
  })

  test('when it is whole, without a rebalance', () => {
    const world = converted({ x: [0, 1, 2, 3] })
    expect(world.group.asClassic(world.surroundings)).toMatchObject({
      generation: GENERATION,
      needsRebalance: false,
    })
  })

  test('when the last one is silent too', () => {
    const world = converted({ x: [0, 1, 2, 3] })
    new Client(world, 'new').join(['a'])
    for (let passed = 0; passed < 50_000; passed += 5_000) {
      world.classicBeat('x', GENERATION)
      world.pass(5_000)
    }
    expect(world.group.asClassic(world.surroundings)?.members).toHaveLength(1)
  })

  test.each([
    ['upgrades only', { 'group.consumer.migration.policy': 'upgrade' }],
    ['neither way', { 'group.consumer.migration.policy': 'disabled' }],
    ['groups of no member', { 'group.max.size': '0' }],
  ])('not where the broker allows %s', (_, configs) => {
    const world = lastLeaves(configs)
    expect(world.group.asClassic(world.surroundings)).toBe(null)
    expect(world.classicBeat('x', GENERATION)).toBe(27)
    const has = { topic: 'a', partitions: [0, 1, 2, 3] }
    const joined = world.join(joinRequest('x', ['a'], { owned: [has] }))
    expect(owned(world, 'x', joined.generationId!)).toEqual([0, 1, 2, 3])
  })

  test('not an empty group', () => {
    const world = new World()
    expect(world.group.asClassic(world.surroundings)).toBe(null)
    const client = new Client(world, 'm')
    client.join(['a'])
    client.send({ memberEpoch: -1 })
    expect(world.group.asClassic(world.surroundings)).toBe(null)
  })

  test('three members go over one by one and back, and nothing is lost or doubled', () => {
    const world = converted({ x: [0, 1], y: [2], z: [3] })
    const clients: Client[] = []
    for (const memberId of ['x', 'y', 'z']) {
      world.leave(memberId)
      const client = new Client(world, `new-${memberId}`)
      client.join(['a'])
      clients.push(client)
      for (const other of ['y', 'z'].filter((one) => one > memberId)) {
        follow(world, other)
      }
      for (let round = 0; round < 4; round += 1) {
        for (const one of clients) one.beat()
        for (const other of ['y', 'z'].filter((one) => one > memberId)) follow(world, other)
      }
    }
    settle(world, clients)
    expect(clients.flatMap(({ partitions }) => partitions).sort()).toEqual(
      [0, 1, 2, 3].map((partition) => `${topicId('a')}:${partition}`),
    )
  })
})

/** A cooperative member that does as it is told. */
function follow(world: World, memberId: string): void {
  if (world.classicBeat(memberId, generationOf(world, memberId)) === 0) return
  const has = readAssignment(world.sync(memberId, generationOf(world, memberId)).assignment) ?? []
  const joined = world.join(joinRequest(memberId, ['a'], { owned: has }))
  expect(joined.errorCode).toBe(0)
  world.sync(memberId, joined.generationId!)
}

describe('The consumer protocol', () => {
  test('is read in versions 0 to 3, and a newer one as 3', () => {
    for (const version of [0, 1, 2, 3, 4, 9]) {
      const bytes = subscriptionBytes(['a', 'b'], [{ topic: 'a', partitions: [1] }], version, 'r')
      expect(readSubscription(bytes)).toEqual({
        version: Math.min(version, 3),
        topics: ['a', 'b'],
        owned: version >= 1 ? [{ topic: 'a', partitions: [1] }] : [],
        rackId: version >= 3 ? 'r' : null,
      })
    }
  })

  test('is written as it is read', () => {
    const assigned = [{ topic: 'ä', partitions: [3, 1] }]
    for (const version of [0, 1, 3, 7, -1]) {
      const bytes = writeAssignment(assigned, version)
      expect(readAssignment(bytes)).toEqual(assigned)
      expect(new DataView(bytes.buffer).getInt16(0)).toBe(Math.min(Math.max(version, 0), 3))
    }
  })

  test('that is cut short or lies about its lengths is none', () => {
    const bytes = subscriptionBytes(['a'], [{ topic: 'a', partitions: [1] }], 3, 'r')
    for (let length = 0; length < bytes.byteLength; length += 1) {
      expect(readSubscription(bytes.subarray(0, length))).toBe(null)
    }
    const huge = new Uint8Array([0, 1, 127, 255, 255, 255])
    expect(readSubscription(huge)).toBe(null)
    expect(readAssignment(huge)).toBe(null)
    expect(readSubscription(new Uint8Array([255, 255, 0, 0, 0, 0]))).toBe(null)
  })

  test('leaves out of a join what is not assigned to the member', () => {
    const world = converted({ x: [0, 1, 2, 3] })
    const client = new Client(world, 'new')
    client.join(['a'])
    const lies = [{ topic: 'nowhere', partitions: [0] }]
    const joined = world.join(joinRequest('x', ['a'], { owned: lies }))
    expect(owned(world, 'x', joined.generationId!)).toHaveLength(2)
    expect(world.beat(joining(['a'], { memberId: 'third' })).errorCode).toBe(0)
  })
})
