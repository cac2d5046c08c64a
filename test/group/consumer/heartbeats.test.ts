// ConsumerGroupHeartbeat on the machine: what is refused, in Kafka's words; what an answer carries; what
// is written; static members; patterns; deadlines.

import { describe, expect, test } from 'vitest'
import {
  CONSUMER_MEMBER_CHARACTERS,
  PATTERNS_PER_GROUP,
} from '../../../src/core/limits/coordinators.ts'
import { ConsumerGroup } from '../../../src/group/consumer/consumer-group.ts'
import {
  Client,
  flat,
  type Heartbeat,
  joining,
  SESSION_MS,
  settle,
  topicId,
  World,
} from './harness.ts'

const REFUSALS: readonly (readonly [
  title: string,
  request: Heartbeat,
  errorCode: number,
  message: string,
])[] = [
  ['no member id', { memberId: '' }, 42, "MemberId can't be empty."],
  ['a blank group id', { groupId: '  ' }, 42, "GroupId can't be empty."],
  ['an empty instance id', { instanceId: '' }, 42, "InstanceId can't be empty."],
  ['an empty rack id', { rackId: ' ' }, 42, "RackId can't be empty."],
  ['an epoch below -2', { memberEpoch: -3 }, 42, 'MemberEpoch is invalid.'],
  ['no instance id to leave for a while', { memberEpoch: -2 }, 42, "InstanceId can't be null."],
  [
    'no rebalance timeout to join',
    { memberEpoch: 0 },
    42,
    'RebalanceTimeoutMs must be provided in first request.',
  ],
  [
    'no partitions said to join',
    joining(['a'], { topicPartitions: null }),
    42,
    'TopicPartitions must be empty when (re-)joining.',
  ],
  [
    'partitions to join',
    joining(['a'], { topicPartitions: [{ topicId: topicId('a'), partitions: [0] }] }),
    42,
    'TopicPartitions must be empty when (re-)joining.',
  ],
  [
    'no subscription to join',
    joining([], { subscribedTopicNames: null }),
    42,
    'Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.',
  ],
  [
    'an assignor nobody knows',
    joining(['a'], { serverAssignor: 'x' }),
    112,
    'ServerAssignor x is not supported. Supported assignors: uniform, range.',
  ],
  [
    'a pattern that is none',
    joining([], { subscribedTopicRegex: '*' }),
    128,
    'SubscribedTopicRegex `*` is not a valid regular expression: missing argument to repetition operator.',
  ],
  [
    'a pattern that is too long',
    joining([], { subscribedTopicRegex: 'a'.repeat(2_001) }),
    128,
    `SubscribedTopicRegex \`${'a'.repeat(2_001)}\` is not a valid regular expression: longer than 2000 characters.`,
  ],
  [
    'a pattern that compiles to too much',
    joining([], { subscribedTopicRegex: '(abc){900}' }),
    128,
    'SubscribedTopicRegex `(abc){900}` is not a valid regular expression: expression too large.',
  ],
  ['an unknown member', { memberEpoch: 3 }, 25, 'Member m is not a member of group group.'],
  [
    'an unknown member that leaves',
    { memberEpoch: -1 },
    25,
    'Member m is not a member of group group.',
  ],
  ['an unknown instance', { memberEpoch: 3, instanceId: 'i' }, 25, 'Instance id i is unknown.'],
]

describe('A heartbeat is refused', () => {
  test.each(REFUSALS)('for %s', (_, request, errorCode, errorMessage) => {
    const world = new World()
    world.setTopics({ a: 1 })
    expect(world.beat(request)).toEqual({
      throttleTimeMs: 0,
      errorCode,
      errorMessage,
      memberId: null,
      memberEpoch: 0,
      heartbeatIntervalMs: 0,
      assignment: null,
    })
    expect(world.written, 'nothing is kept').toEqual([])
    expect(world.group.state).toBe('Empty')
  })

  test('in version 0 a member that joins may have no id, one that goes on may not', () => {
    const world = new World()
    world.setTopics({ a: 1 })
    const joined = world.beat(joining(['a'], { memberId: '' }), 0)
    expect(joined).toMatchObject({ errorCode: 0, memberId: 'made-1', memberEpoch: 1 })
    expect(world.beat({ memberId: '', memberEpoch: 1 }, 0).errorMessage).toBe(
      "MemberId can't be empty.",
    )
  })

  test('for one member too many, but not for those who are in', () => {
    const world = new World({ 'group.consumer.max.size': '1' })
    world.setTopics({ a: 1 })
    world.beat(joining(['a']))
    expect(world.beat(joining(['a'], { memberId: 'n' }))).toMatchObject({
      errorCode: 81,
      errorMessage: 'The consumer group has reached its maximum capacity of 1 members.',
    })
    expect(world.beat({ memberEpoch: 1 }).errorCode).toBe(0)
  })

  test('for a subscription that no row can keep', () => {
    const world = new World()
    const names = Array.from({ length: 3_000 }, (_, index) => `${'x'.repeat(200)}${index}`)
    expect(names.join().length).toBeGreaterThan(CONSUMER_MEMBER_CHARACTERS)
    expect(world.beat(joining(names)).errorCode).toBe(-1)
    expect(world.group.isEmpty).toBe(true)
  })

  test('for more patterns than a group may have', () => {
    const world = new World()
    world.setTopics({ a: 1 })
    for (let index = 0; index < PATTERNS_PER_GROUP; index += 1) {
      const request = joining([], { memberId: `m${index}`, subscribedTopicRegex: `p${index}` })
      expect(world.beat(request).errorCode).toBe(0)
    }
    const more = joining([], { memberId: 'more', subscribedTopicRegex: 'more' })
    expect(world.beat(more).errorCode).toBe(128)
    world.beat({ memberId: 'm0', memberEpoch: -1 })
    expect(world.beat(more).errorCode).toBe(0)
  })

  test('for an epoch ahead, and for one behind that is not the last', () => {
    const world = new World()
    world.setTopics({ a: 2 })
    const one = new Client(world, 'one')
    const two = new Client(world, 'two')
    one.join(['a'])
    two.join(['a'])
    settle(world, [one, two])
    expect(one.epoch).toBe(2)
    for (const [memberEpoch, relation] of [
      [3, 'greater'],
      [1, 'smaller'],
      [0, 'smaller'],
    ] as const) {
      const request = memberEpoch === 0 ? joining(['a']) : { memberEpoch }
      expect(one.send(request)).toMatchObject({
        errorCode: 110,
        errorMessage: `The consumer group member has a ${relation} member epoch (${memberEpoch}) than the one known by the group coordinator (2). The member must abandon all its partitions and rejoin.`,
      })
    }
  })
})

describe('A heartbeat', () => {
  test('that joins is given everything, its interval, and an epoch', () => {
    const world = new World({ 'consumer.heartbeat.interval.ms': '7000' })
    world.setTopics({ a: 2 })
    expect(world.beat(joining(['a', 'missing']))).toEqual({
      throttleTimeMs: 0,
      errorCode: 0,
      errorMessage: null,
      memberId: 'm',
      memberEpoch: 1,
      heartbeatIntervalMs: 7_000,
      assignment: { topicPartitions: [{ topicId: topicId('a'), partitions: [0, 1] }] },
    })
    expect([...world.rows.keys()].sort()).toEqual(['group', 'member/m'])
  })

  test('that says nothing new writes nothing and keeps the deadline where it was', () => {
    const world = new World()
    world.setTopics({ a: 4 })
    const clients = ['x', 'y', 'z'].map((name) => new Client(world, name))
    for (const client of clients) client.join(['a'])
    settle(world, clients)
    for (const client of clients) client.beat()
    const { deadlineMs } = world.group
    for (let round = 0; round < 5; round += 1) {
      world.nowMs += 5_000
      for (const client of clients) {
        expect(client.beat()).toMatchObject({ errorCode: 0, assignment: null })
        expect(world.written).toEqual([])
      }
    }
    expect(world.group.deadlineMs).toBe(deadlineMs)
  })

  test('with everything in it is told everything, with some of it nothing', () => {
    const world = new World()
    world.setTopics({ a: 2 })
    const client = new Client(world, 'm')
    client.join(['a'])
    const full = {
      memberEpoch: 1,
      rebalanceTimeoutMs: 60_000,
      subscribedTopicNames: ['a'],
      topicPartitions: client.owned as never,
    }
    expect(client.send(full).assignment).toEqual({ topicPartitions: client.owned })
    expect(client.send({ ...full, rebalanceTimeoutMs: -1 }).assignment).toBe(null)
    expect(client.send({ ...full, subscribedTopicNames: null }).assignment).toBe(null)
    expect(client.send({ ...full, topicPartitions: null }).assignment).toBe(null)
    expect(world.written).toEqual([])
  })

  test('writes only members that change', () => {
    const world = new World()
    world.setTopics({ a: 8 })
    const clients = Array.from({ length: 4 }, (_, index) => new Client(world, `m${index}`))
    for (const client of clients) client.join(['a'])
    settle(world, clients)
    const fifth = new Client(world, 'm4')
    fifth.join(['a'])
    // Each of the four has two, of which one of them gives one up.
    expect(world.written.sort()).toEqual(['group', 'member/m3', 'member/m4'])
    clients[0]!.beat()
    expect(world.written).toEqual(['member/m0'])
  })

  test('that was lost may be sent again, however often', () => {
    const world = new World()
    world.setTopics({ a: 3 })
    const one = new Client(world, 'one')
    const two = new Client(world, 'two')
    one.join(['a'])
    two.join(['a'])
    one.beat()
    const request = { memberEpoch: 1, topicPartitions: one.owned as never }
    for (let time = 0; time < 3; time += 1) {
      expect(one.send(request)).toMatchObject({ errorCode: 0, memberEpoch: 2 })
    }
    const more = [{ topicId: topicId('a'), partitions: [0, 1, 2] }]
    expect(one.send({ ...request, topicPartitions: more }).errorCode).toBe(110)
    expect(one.send({ memberEpoch: 1 }).errorCode).toBe(110)
  })

  test('that waits is accepted at its epoch before while it waits', () => {
    const world = new World()
    world.setTopics({ a: 4 })
    const one = new Client(world, 'one')
    const two = new Client(world, 'two')
    const three = new Client(world, 'three')
    one.join(['a'])
    two.join(['a'])
    settle(world, [one, two])
    three.join(['a'])
    const waits = { memberEpoch: 0, ...joining(['a']) }
    for (let time = 0; time < 3; time += 1) {
      expect(three.send(waits)).toMatchObject({ errorCode: 0, memberEpoch: 3 })
    }
  })

  test('of the member that most others agree with chooses the assignor', () => {
    const world = new World()
    world.setTopics({ a: 4 })
    const names = ['x', 'y', 'z'].map((name) => new Client(world, name))
    names[0]!.join(['a'])
    expect(world.describe().assignorName).toBe('uniform')
    names[1]!.join(['a'], { serverAssignor: 'range' })
    names[2]!.join(['a'], { serverAssignor: 'range' })
    expect(world.describe().assignorName).toBe('range')
    settle(world, names)
    expect(names.map(({ partitions }) => partitions.length)).toEqual([2, 1, 1])
  })
})

describe('Topics', () => {
  test('that grow, vanish and come back are assigned within two heartbeats', () => {
    const world = new World()
    world.setTopics({ a: 1, b: 1 })
    const client = new Client(world, 'm')
    client.join(['a', 'b', 'c'])
    expect(client.partitions).toHaveLength(2)
    const steps: readonly (readonly [Readonly<Record<string, number>>, number])[] = [
      [{ a: 3 }, 4],
      [{ b: 0 }, 3],
      [{ c: 2 }, 5],
      [{ b: 4 }, 9],
    ]
    for (const [index, [topics, count]] of steps.entries()) {
      world.setTopics(topics, index + 1)
      expect(world.group.state).toBe('Assigning')
      client.beat()
      client.beat()
      expect(client.partitions).toHaveLength(count)
      expect(world.group.state).toBe('Stable')
    }
  })

  test('that nobody subscribes to change nothing', () => {
    const world = new World()
    world.setTopics({ a: 1 })
    world.beat(joining(['a']))
    world.setTopics({ other: 5 })
    expect(world.written).toEqual([])
    expect(world.describe().groupEpoch).toBe(1)
  })

  test('that changed while the object was away are noticed, others not', () => {
    const world = new World()
    world.setTopics({ a: 1 })
    const client = new Client(world, 'm')
    client.join(['a'])
    world.restart()
    expect(client.beat()).toMatchObject({ memberEpoch: 1, assignment: null })
    expect(world.written).toEqual([])
    const away = world.group
    world.setTopics({ a: 2 })
    expect(away).toBe(world.group)
    world.restart()
    client.beat()
    expect(client.partitions).toHaveLength(2)
  })

  test('of a pattern are those whose whole name it matches, as they come', () => {
    const world = new World()
    world.setTopics({ 'a.x': 1, 'a.x.y': 1, b: 1 })
    const client = new Client(world, 'm')
    client.join([], { subscribedTopicRegex: 'a\\.[a-z]+' })
    expect(client.partitions).toEqual([`${topicId('a.x')}:0`])
    world.setTopics({ 'a.z': 1 })
    client.beat()
    expect(client.partitions).toHaveLength(2)
    expect([...world.group.subscribedTopics].sort()).toEqual(['a.x', 'a.z'])
    expect(world.group.subscribesByPattern).toBe(true)
    client.beat({ subscribedTopicRegex: '', subscribedTopicNames: ['b'] })
    client.beat()
    expect(client.partitions).toEqual([`${topicId('b')}:0`])
    expect(world.group.subscribesByPattern).toBe(false)
  })

  test('of names and a pattern are both', () => {
    const world = new World()
    world.setTopics({ a: 1, b: 1, c: 1 })
    const client = new Client(world, 'm')
    client.join(['c'], { subscribedTopicRegex: '[ab]' })
    expect(client.partitions).toHaveLength(3)
  })
})

describe('A static member', () => {
  test('that leaves for a while is followed by its successor, and nobody else moves', () => {
    const world = new World()
    world.setTopics({ a: 4 })
    const before = new Client(world, 'before', 'i')
    const other = new Client(world, 'other')
    before.join(['a'])
    other.join(['a'])
    settle(world, [before, other])
    const { partitions } = before
    const { groupEpoch } = world.describe()
    expect(before.send({ memberEpoch: -2 })).toMatchObject({ memberId: 'before', memberEpoch: -2 })
    expect(world.group.state).toBe('Reconciling')
    expect(other.beat().assignment).toBe(null)
    world.restart()
    const after = new Client(world, 'after', 'i')
    after.join(['a'])
    expect(after.partitions).toEqual(partitions)
    expect(world.describe()).toMatchObject({ groupEpoch, groupState: 'Stable' })
    expect([...world.rows.keys()].sort()).toEqual(['group', 'member/after', 'member/other'])
    expect(before.send({ memberEpoch: 2 })).toMatchObject({
      errorCode: 82,
      errorMessage: 'Static member before with instance id i was fenced by member after.',
    })
  })

  test('that does not come back in its session timeout gives way', () => {
    const world = new World()
    world.setTopics({ a: 2 })
    const gone = new Client(world, 'gone', 'i')
    const other = new Client(world, 'other')
    gone.join(['a'])
    other.join(['a'])
    settle(world, [gone, other])
    gone.send({ memberEpoch: -2 })
    world.pass(SESSION_MS - 1)
    other.beat()
    expect(other.partitions).toHaveLength(1)
    world.pass(1)
    other.beat()
    other.beat()
    expect(other.partitions).toHaveLength(2)
  })

  test('is not replaced while it is there', () => {
    const world = new World()
    world.setTopics({ a: 1 })
    new Client(world, 'first', 'i').join(['a'])
    for (const memberId of ['second', 'first']) {
      expect(world.beat(joining(['a'], { memberId, instanceId: 'i' }))).toMatchObject({
        errorCode: 111,
        errorMessage: `Static member ${memberId} with instance id i cannot join the group because the instance id is owned by first member.`,
      })
    }
    expect(world.beat({ memberId: 'second', instanceId: 'i', memberEpoch: -1 }).errorCode).toBe(82)
  })
})

describe('Deadlines', () => {
  test('put out who is silent for the session timeout of the group', () => {
    const world = new World({ 'consumer.session.timeout.ms': '50000' })
    world.setTopics({ a: 2 })
    const silent = new Client(world, 'silent')
    silent.join(['a'])
    world.pass(49_999)
    expect(world.group.isEmpty).toBe(false)
    world.pass(1)
    expect(world.group.isEmpty).toBe(true)
    expect(world.group.emptySinceMs).toBe(world.nowMs)
    expect(world.group.deadlineMs).toBe(Number.POSITIVE_INFINITY)
    expect([...world.rows.keys()]).toEqual(['group'])
    expect(silent.beat().errorCode).toBe(25)
  })

  test('start anew when the object is loaded', () => {
    const world = new World()
    world.setTopics({ a: 2 })
    const client = new Client(world, 'm')
    client.join(['a'])
    world.nowMs += 10 * SESSION_MS
    world.restart()
    world.pass(SESSION_MS - 1)
    expect(client.beat()).toMatchObject({ errorCode: 0, memberEpoch: 1 })
    world.pass(SESSION_MS)
    expect(world.group.isEmpty).toBe(true)
  })

  test('put out who does not give up in time, also after a load, not who does', () => {
    for (const loads of [false, true]) {
      const world = new World()
      world.setTopics({ a: 2 })
      const slow = new Client(world, 'slow')
      const other = new Client(world, 'other')
      slow.join(['a'], { rebalanceTimeoutMs: 1_000 })
      slow.beat()
      other.join(['a'])
      slow.beat()
      if (loads) world.restart()
      world.pass(999)
      expect(world.describe().members).toHaveLength(2)
      world.pass(1)
      expect(world.describe().members.map(({ memberId }) => memberId)).toEqual(['other'])
    }
    const world = new World()
    world.setTopics({ a: 2 })
    const quick = new Client(world, 'quick')
    quick.join(['a'], { rebalanceTimeoutMs: 1_000 })
    quick.beat()
    new Client(world, 'other').join(['a'])
    quick.beat()
    quick.beat()
    world.pass(5_000)
    expect(world.describe().members).toHaveLength(2)
  })

  test('that many miss at once are one change of the epoch', () => {
    const world = new World()
    world.setTopics({ a: 10 })
    const clients = Array.from({ length: 5 }, (_, index) => new Client(world, `m${index}`))
    for (const client of clients) client.join(['a'])
    const stays = clients[0]!
    world.nowMs += SESSION_MS - 1
    stays.beat()
    const { groupEpoch } = world.describe()
    world.pass(1)
    expect(world.describe()).toMatchObject({ groupEpoch: groupEpoch + 1, groupState: 'Assigning' })
    settle(world, [stays])
    expect(stays.partitions).toHaveLength(10)
  })
})

describe('A thousand members', () => {
  test('join, settle and rest: each heartbeat at rest costs the same and writes nothing', () => {
    const world = new World()
    world.setTopics({ a: 1_000 })
    const clients = Array.from({ length: 1_000 }, (_, index) => new Client(world, `m${index}`))
    for (const client of clients) client.join(['a'])
    const rounds = settle(world, clients)
    expect(rounds).toBeLessThanOrEqual(4)
    expect(new Set(clients.flatMap(({ partitions }) => partitions)).size).toBe(1_000)
    expect(Math.max(...clients.map(({ partitions }) => partitions.length))).toBe(1)
    for (const client of clients) client.beat()
    let written = 0
    for (const client of clients) {
      client.beat()
      written += world.written.length
    }
    expect(written).toBe(0)
  }, 60_000)
})

describe('Offsets', () => {
  const caller = { instanceId: null, version: 9, transactional: false }
  const CASES: readonly (readonly [
    title: string,
    use: 'commit' | 'fetch',
    more: Readonly<Record<string, unknown>>,
    code: number,
  ])[] = [
    ['a member at its epoch commits', 'commit', { memberId: 'm', generationOrEpoch: 1 }, 0],
    ['not at an older one', 'commit', { memberId: 'm', generationOrEpoch: 0 }, 113],
    ['not at a newer one', 'commit', { memberId: 'm', generationOrEpoch: 2 }, 113],
    [
      'not in a version without epochs',
      'commit',
      { memberId: 'm', generationOrEpoch: 1, version: 8 },
      35,
    ],
    ['not a stranger', 'commit', { memberId: 'n', generationOrEpoch: 1 }, 25],
    [
      'not a simple consumer while there are members',
      'commit',
      { memberId: '', generationOrEpoch: -1 },
      25,
    ],
    [
      'a transaction for a member',
      'commit',
      { memberId: 'm', generationOrEpoch: 1, version: 4, transactional: true },
      0,
    ],
    [
      'a transaction for nobody',
      'commit',
      { memberId: '', generationOrEpoch: -1, version: 2, transactional: true },
      0,
    ],
    [
      'not a transaction at an older epoch',
      'commit',
      { memberId: 'm', generationOrEpoch: 0, transactional: true },
      22,
    ],
    ['a member at its epoch fetches', 'fetch', { memberId: 'm', generationOrEpoch: 1 }, 0],
    ['anyone who names none fetches', 'fetch', { memberId: '', generationOrEpoch: -1 }, 0],
    ['nobody fetches at an older epoch', 'fetch', { memberId: 'm', generationOrEpoch: 0 }, 113],
    ['nor a stranger', 'fetch', { memberId: 'n', generationOrEpoch: 1 }, 25],
  ]
  test.each(CASES)('%s', (_, use, more, code) => {
    const world = new World()
    world.setTopics({ a: 1 })
    world.beat(joining(['a']))
    const asks = { ...caller, ...more } as never
    expect(world.group.checkOffsets(asks, use, world.surroundings)).toBe(code)
  })

  test('are anyone’s while nobody is in the group', () => {
    const world = new World()
    const asks = { ...caller, memberId: '', generationOrEpoch: -1 }
    expect(world.group.checkOffsets(asks, 'commit', world.surroundings)).toBe(0)
    const member = { ...caller, memberId: 'm', generationOrEpoch: 1 }
    expect(world.group.checkOffsets(member, 'commit', world.surroundings)).toBe(25)
  })
})

describe('Rows', () => {
  test('that lack the group are a bug and are not taken for an empty group', () => {
    const world = new World()
    expect(() => ConsumerGroup.load(new Map(), 0, world.settings)).toThrow(/lack the group/)
  })

  test('bring back every field of a member', () => {
    const world = new World()
    world.setTopics({ a: 2, b: 1 })
    world.beat(
      joining(['b', 'a'], {
        instanceId: 'i',
        rackId: 'r',
        serverAssignor: 'range',
        subscribedTopicRegex: 'b|c',
        rebalanceTimeoutMs: 1_234,
      }),
    )
    const before = world.describe()
    world.restart()
    expect(world.describe()).toEqual(before)
    expect(flat(before.members[0]!.assignment.topicPartitions)).toHaveLength(3)
    expect(world.group.rows()).toEqual(['group', 'member/m'])
  })
})
