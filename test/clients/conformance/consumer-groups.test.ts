// The consumer group protocol (KIP-848) on the wire: what ConsumerGroupHeartbeat refuses, epochs and
// incremental reconciliation, lost answers, static members, patterns, changing topics, the assignors,
// descriptions, offsets by epoch, and classic members in the same group (upgrade and downgrade).

import { describe, expect } from 'vitest'
import type { TopicId } from '../../../src/core/ids.ts'
import { ConsumerGroupDescribe } from '../../../src/protocol/messages/consumer-group-describe.ts'
import { ConsumerGroupHeartbeat } from '../../../src/protocol/messages/consumer-group-heartbeat.ts'
import { CreatePartitions } from '../../../src/protocol/messages/create-partitions.ts'
import { DescribeGroups } from '../../../src/protocol/messages/describe-groups.ts'
import { FindCoordinator } from '../../../src/protocol/messages/find-coordinator.ts'
import { Heartbeat } from '../../../src/protocol/messages/heartbeat.ts'
import { JoinGroup } from '../../../src/protocol/messages/join-group.ts'
import { LeaveGroup } from '../../../src/protocol/messages/leave-group.ts'
import { OffsetCommit } from '../../../src/protocol/messages/offset-commit.ts'
import { OffsetFetch } from '../../../src/protocol/messages/offset-fetch.ts'
import { SyncGroup } from '../../../src/protocol/messages/sync-group.ts'
import type { RequestToSend, ResponseRead } from '../../../src/protocol/schema.ts'
import { createTopic, deleteTopic } from '../calls.ts'
import { suite } from '../target.ts'
import type { Wire } from '../wire.ts'

const SESSION_MS = 6_000
const { scenario, connect, topic } = suite('consumer-groups', {
  set: {
    'group.consumer.min.session.timeout.ms': '1000',
    'group.consumer.session.timeout.ms': `${SESSION_MS}`,
    'group.consumer.min.heartbeat.interval.ms': '100',
    'group.consumer.heartbeat.interval.ms': '1000',
    'group.min.session.timeout.ms': '1000',
    'group.initial.rebalance.delay.ms': '0',
  },
})

const INVALID_GROUP_ID = 24
const ILLEGAL_GENERATION = 22
const UNKNOWN_MEMBER_ID = 25
const REBALANCE_IN_PROGRESS = 27
const UNSUPPORTED_VERSION = 35
const INVALID_REQUEST = 42
const GROUP_ID_NOT_FOUND = 69
const MEMBER_ID_REQUIRED = 79
const FENCED_INSTANCE_ID = 82
const FENCED_MEMBER_EPOCH = 110
const UNRELEASED_INSTANCE_ID = 111
const UNSUPPORTED_ASSIGNOR = 112
const STALE_MEMBER_EPOCH = 113
const INVALID_REGULAR_EXPRESSION = 128

type Request = RequestToSend<typeof ConsumerGroupHeartbeat>
type Response = ResponseRead<typeof ConsumerGroupHeartbeat>
type Owned = readonly { readonly topicId: TopicId; readonly partitions: readonly number[] }[]

let names = 0
function fresh(kind: string): string {
  names += 1
  return `${kind}-${names}-${process.pid}`
}

/** A connection whose broker serves groups: Kafka first has to make a topic for them. */
async function ready(): Promise<Wire> {
  const wire = await connect()
  await waitFor(async () => {
    const body = { keyType: 0, coordinatorKeys: ['any'] }
    return (await wire.call(FindCoordinator, 4, body)).coordinators[0]!.errorCode === 0
  })
  return wire
}

async function waitFor(met: () => Promise<boolean>, withinMs = 15_000): Promise<void> {
  for (const end = Date.now() + withinMs; !(await met()); ) {
    if (Date.now() > end) throw new Error('what was waited for did not come')
    await new Promise((done) => setTimeout(done, 50))
  }
}

/** A member that does as a client does: it reports what it has when that changed. */
class Member {
  readonly wire: Wire
  readonly groupId: string
  readonly memberId: string
  readonly instanceId: string | null
  epoch = 0
  /** What it was last told. */
  assigned: Owned = []
  /** Whether it has yet to say that it has it. */
  unsaid = false

  constructor(
    wire: Wire,
    groupId: string,
    memberId = fresh('member'),
    instanceId: string | null = null,
  ) {
    this.wire = wire
    this.groupId = groupId
    this.memberId = memberId
    this.instanceId = instanceId
  }

  /** Sends exactly this and takes nothing from the answer. */
  ask(body: Partial<Request> = {}, version = 1): Promise<Response> {
    return this.wire.call(ConsumerGroupHeartbeat, version, {
      groupId: this.groupId,
      memberId: this.memberId,
      memberEpoch: this.epoch,
      instanceId: this.instanceId,
      ...body,
    })
  }

  async join(topics: readonly string[] | null, body: Partial<Request> = {}): Promise<Response> {
    this.epoch = 0
    this.assigned = []
    return this.#take(
      await this.ask({
        rebalanceTimeoutMs: 60_000,
        subscribedTopicNames: topics as string[] | null,
        topicPartitions: [],
        ...body,
      }),
    )
  }

  /** A heartbeat as a client sends it. */
  async beat(body: Partial<Request> = {}): Promise<Response> {
    const said = this.unsaid ? { topicPartitions: this.assigned as never } : {}
    this.unsaid = false
    return this.#take(await this.ask({ ...said, ...body }))
  }

  leave(memberEpoch = -1): Promise<Response> {
    return this.ask({ memberEpoch })
  }

  #take(response: Response): Response {
    expect(response.errorMessage).toBe(null)
    expect(response.errorCode).toBe(0)
    this.epoch = response.memberEpoch
    if (response.assignment !== null) {
      this.assigned = response.assignment.topicPartitions
      this.unsaid = true
    }
    return response
  }

  /** As 'topicId:partition', sorted. */
  get owned(): string[] {
    return flat(this.assigned)
  }
}

function flat(owned: Owned): string[] {
  return owned
    .flatMap(({ topicId, partitions }) => partitions.map((partition) => `${topicId}:${partition}`))
    .sort()
}

function partitionsOf(topicId: TopicId, count: number): string[] {
  return Array.from({ length: count }, (_, partition) => `${topicId}:${partition}`)
}

/** Members send heartbeats in turn until all stand at the group's epoch; nothing is ever with two. */
async function settle(wire: Wire, groupId: string, ...members: Member[]): Promise<void> {
  await waitFor(async () => {
    for (const member of members) {
      await member.beat()
      const owned = members.flatMap((one) => one.owned)
      expect(new Set(owned).size, 'a partition is with two members').toBe(owned.length)
    }
    return (await described(wire, groupId)).groupState === 'Stable'
  })
}

async function described(wire: Wire, groupId: string) {
  const { groups } = await wire.call(ConsumerGroupDescribe, 1, {
    groupIds: [groupId],
    includeAuthorizedOperations: false,
  })
  return groups[0]!
}

describe('ConsumerGroupHeartbeat', () => {
  const join = { memberEpoch: 0, rebalanceTimeoutMs: 1_000, topicPartitions: [] }
  const refused: readonly (readonly [string, number, Partial<Request>, number, string])[] = [
    [
      'without a member id',
      1,
      { ...join, memberId: '' },
      INVALID_REQUEST,
      "MemberId can't be empty.",
    ],
    [
      'without a member id in version 0 after joining',
      0,
      { memberId: '', memberEpoch: 1 },
      INVALID_REQUEST,
      "MemberId can't be empty.",
    ],
    [
      'with a blank group id',
      1,
      { ...join, groupId: ' ' },
      INVALID_REQUEST,
      "GroupId can't be empty.",
    ],
    [
      'without a group id',
      0,
      { ...join, groupId: '', memberId: '' },
      INVALID_REQUEST,
      "GroupId can't be empty.",
    ],
    [
      'with an empty instance id',
      1,
      { ...join, instanceId: '' },
      INVALID_REQUEST,
      "InstanceId can't be empty.",
    ],
    [
      'with an empty rack id',
      1,
      { ...join, rackId: '' },
      INVALID_REQUEST,
      "RackId can't be empty.",
    ],
    [
      'that joins without a rebalance timeout',
      1,
      { ...join, rebalanceTimeoutMs: -1 },
      INVALID_REQUEST,
      'RebalanceTimeoutMs must be provided in first request.',
    ],
    [
      'that joins without saying what it has',
      1,
      { ...join, topicPartitions: null },
      INVALID_REQUEST,
      'TopicPartitions must be empty when (re-)joining.',
    ],
    [
      'that joins with partitions',
      1,
      {
        ...join,
        topicPartitions: [{ topicId: 'AAAAAAAAAAAAAAAAAAAAAQ' as TopicId, partitions: [0] }],
      },
      INVALID_REQUEST,
      'TopicPartitions must be empty when (re-)joining.',
    ],
    [
      'that joins without a subscription',
      1,
      { ...join },
      INVALID_REQUEST,
      'Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.',
    ],
    ['with an epoch below -2', 1, { memberEpoch: -3 }, INVALID_REQUEST, 'MemberEpoch is invalid.'],
    [
      'that leaves for a while without an instance id',
      1,
      { memberEpoch: -2 },
      INVALID_REQUEST,
      "InstanceId can't be null.",
    ],
    [
      'with an assignor nobody knows',
      1,
      { ...join, subscribedTopicNames: ['t'], serverAssignor: 'other' },
      UNSUPPORTED_ASSIGNOR,
      'ServerAssignor other is not supported. Supported assignors: uniform, range.',
    ],
    [
      'with a pattern that is none',
      1,
      { ...join, subscribedTopicRegex: 'a(' },
      INVALID_REGULAR_EXPRESSION,
      'SubscribedTopicRegex `a(` is not a valid regular expression: missing closing ).',
    ],
    [
      'with a pattern that needs more than linear time',
      1,
      { ...join, subscribedTopicRegex: '(?=a)' },
      INVALID_REGULAR_EXPRESSION,
      'SubscribedTopicRegex `(?=a)` is not a valid regular expression: invalid or unsupported Perl syntax.',
    ],
  ]
  for (const [title, version, body, errorCode, errorMessage] of refused) {
    scenario(`${title} is refused in version ${version}`, async () => {
      const wire = await ready()
      const member = new Member(wire, fresh('group'), 'm')
      expect(await member.ask(body, version)).toEqual({
        throttleTimeMs: 0,
        errorCode,
        errorMessage,
        memberId: null,
        memberEpoch: 0,
        heartbeatIntervalMs: 0,
        assignment: null,
      })
    })
  }

  for (const memberEpoch of [5, -1, -2]) {
    scenario(
      `at epoch ${memberEpoch} to a group that is not there gets GROUP_ID_NOT_FOUND`,
      async () => {
        const wire = await ready()
        const groupId = fresh('group')
        const got = await new Member(wire, groupId, 'm', 'i').ask({ memberEpoch })
        expect(got.errorCode).toBe(GROUP_ID_NOT_FOUND)
        const kind = memberEpoch > 0 ? 'Consumer group' : 'Group'
        expect(got.errorMessage).toBe(`${kind} ${groupId} not found.`)
      },
    )
  }

  scenario('of a first member gives it every partition of its topics that exist', async () => {
    const wire = await ready()
    const name = topic()
    const id = await createTopic(wire, name, 3)
    const groupId = fresh('group')
    const member = new Member(wire, groupId)
    expect(await member.join([name, `${name}-missing`])).toMatchObject({
      memberId: member.memberId,
      memberEpoch: 1,
      heartbeatIntervalMs: 1_000,
      assignment: { topicPartitions: [{ topicId: id, partitions: [0, 1, 2] }] },
    })
    expect((await member.beat()).assignment).toBe(null)
    expect((await member.beat()).assignment).toBe(null)
    expect((await described(wire, groupId)).groupState).toBe('Stable')
  })

  scenario('in version 0 makes the member id', async () => {
    const wire = await ready()
    const name = topic()
    await createTopic(wire, name, 1)
    const member = new Member(wire, fresh('group'), '')
    const body = { ...join, subscribedTopicNames: [name] }
    const first = await member.ask(body, 0)
    const second = await member.ask(body, 0)
    expect(first.memberId).not.toBe('')
    expect(second.memberId).not.toBe(first.memberId)
  })

  scenario('from a member nobody knows gets UNKNOWN_MEMBER_ID', async () => {
    const wire = await ready()
    const name = topic()
    await createTopic(wire, name, 1)
    const groupId = fresh('group')
    await new Member(wire, groupId).join([name])
    const got = await new Member(wire, groupId, 'nobody').ask({ memberEpoch: 1 })
    expect(got.errorCode).toBe(UNKNOWN_MEMBER_ID)
    expect(got.errorMessage).toBe(`Member nobody is not a member of group ${groupId}.`)
  })

  scenario('with a full request is answered with the whole assignment', async () => {
    const wire = await ready()
    const name = topic()
    await createTopic(wire, name, 2)
    const member = new Member(wire, fresh('group'))
    await member.join([name])
    const full = {
      rebalanceTimeoutMs: 60_000,
      subscribedTopicNames: [name],
      topicPartitions: member.assigned as never,
    }
    expect((await member.beat(full)).assignment).toEqual({ topicPartitions: member.assigned })
    expect((await member.beat({ subscribedTopicNames: [name] })).assignment).toBe(null)
  })
})

describe('Reconciliation', () => {
  scenario(
    'takes partitions from one member only after it has said that it gave them up',
    async () => {
      const wire = await ready()
      const name = topic()
      const id = await createTopic(wire, name, 3)
      const groupId = fresh('group')
      const first = new Member(wire, groupId)
      const second = new Member(wire, groupId)
      await first.join([name])
      await first.beat()
      expect((await second.join([name])).memberEpoch).toBe(2)
      expect(second.owned).toEqual([])

      const asked = await first.beat()
      expect(asked.memberEpoch).toBe(1)
      expect(first.owned).toHaveLength(2)
      const [kept] = asked.assignment!.topicPartitions
      const nothing = await first.ask()
      expect(nothing).toMatchObject({ memberEpoch: 1, assignment: null })
      expect((await second.beat()).assignment).toBe(null)
      expect((await described(wire, groupId)).groupState).toBe('Reconciling')

      expect(await first.beat()).toMatchObject({ memberEpoch: 2, assignment: null })
      await second.beat()
      expect([...first.owned, ...second.owned].sort()).toEqual(partitionsOf(id, 3))
      expect(first.owned).toEqual(flat([{ topicId: id, partitions: kept!.partitions }]))
      expect((await described(wire, groupId)).groupState).toBe('Stable')
    },
  )

  scenario('spreads partitions evenly and moves no more than it must', async () => {
    const wire = await ready()
    const name = topic()
    const id = await createTopic(wire, name, 12)
    const groupId = fresh('group')
    const members: Member[] = []
    for (let count = 1; count <= 4; count += 1) {
      const before = new Map(members.map((member) => [member, member.owned]))
      const member = new Member(wire, groupId)
      await member.join([name])
      members.push(member)
      await settle(wire, groupId, ...members)
      expect(members.map(({ owned }) => owned.length)).toEqual(members.map(() => 12 / count))
      for (const [one, owned] of before) {
        expect(one.owned.filter((partition) => !owned.includes(partition))).toEqual([])
      }
    }
    expect(members.flatMap(({ owned }) => owned).sort()).toEqual(partitionsOf(id, 12).sort())
    await members.pop()!.leave()
    await settle(wire, groupId, ...members)
    expect(members.map(({ owned }) => owned.length)).toEqual([4, 4, 4])
  })

  scenario('goes on from the epoch before when an answer was lost', async () => {
    const wire = await ready()
    const name = topic()
    const id = await createTopic(wire, name, 3)
    const groupId = fresh('group')
    const first = new Member(wire, groupId)
    await first.join([name])
    await first.beat()
    await new Member(wire, groupId).join([name])
    await first.beat()
    const owned = { topicPartitions: first.assigned as never }
    expect((await first.ask(owned)).memberEpoch).toBe(2)
    expect(await first.ask(owned)).toMatchObject({ errorCode: 0, memberEpoch: 2 })
    const more = { topicPartitions: [{ topicId: id, partitions: [0, 1, 2] }] }
    const got = await first.ask(more)
    expect(got.errorCode).toBe(FENCED_MEMBER_EPOCH)
    expect(got.errorMessage).toBe(
      'The consumer group member has a smaller member epoch (1) than the one known by the group coordinator (2). The member must abandon all its partitions and rejoin.',
    )
    expect((await first.ask()).errorCode).toBe(FENCED_MEMBER_EPOCH)
  })

  scenario('fences a member with an epoch that is ahead', async () => {
    const wire = await ready()
    const name = topic()
    await createTopic(wire, name, 1)
    const member = new Member(wire, fresh('group'))
    await member.join([name])
    const got = await member.ask({ memberEpoch: 7 })
    expect(got.errorCode).toBe(FENCED_MEMBER_EPOCH)
    expect(got.errorMessage).toBe(
      'The consumer group member has a greater member epoch (7) than the one known by the group coordinator (1). The member must abandon all its partitions and rejoin.',
    )
  })

  scenario('lets a member join again under its id only at its first epoch', async () => {
    const wire = await ready()
    const name = topic()
    await createTopic(wire, name, 2)
    const groupId = fresh('group')
    const member = new Member(wire, groupId)
    await member.join([name])
    expect(await member.join([name])).toMatchObject({ memberEpoch: 1 })
    expect(member.owned).toHaveLength(2)
    const other = new Member(wire, groupId)
    await other.join([name])
    await settle(wire, groupId, member, other)
    const body = { memberEpoch: 0, rebalanceTimeoutMs: 1_000, topicPartitions: [] }
    const again = await member.ask({ ...body, subscribedTopicNames: [name] })
    expect(again.errorCode).toBe(FENCED_MEMBER_EPOCH)
  })

  scenario('puts out a member that does not give up in its rebalance timeout', async () => {
    const wire = await ready()
    const name = topic()
    const id = await createTopic(wire, name, 2)
    const groupId = fresh('group')
    const slow = new Member(wire, groupId)
    await slow.join([name], { rebalanceTimeoutMs: 500 })
    await slow.beat()
    const other = new Member(wire, groupId)
    await other.join([name])
    await slow.beat()
    await waitFor(async () => {
      await other.beat()
      return other.owned.length === 2
    })
    expect(other.owned).toEqual(partitionsOf(id, 2))
    expect((await slow.ask()).errorCode).toBe(UNKNOWN_MEMBER_ID)
  })

  scenario('puts out a member that says nothing for its session timeout', async () => {
    const wire = await ready()
    const name = topic()
    const id = await createTopic(wire, name, 2)
    const groupId = fresh('group')
    const silent = new Member(wire, groupId)
    const other = new Member(wire, groupId)
    await silent.join([name])
    await other.join([name])
    await settle(wire, groupId, silent, other)
    const start = Date.now()
    await waitFor(async () => {
      await other.beat()
      return other.owned.length === 2
    })
    expect(other.owned).toEqual(partitionsOf(id, 2))
    expect(Date.now() - start).toBeGreaterThan(SESSION_MS - 1_500)
  })

  scenario('gives members with different subscriptions what only they can have', async () => {
    const wire = await ready()
    const [wide, narrow] = [topic(), topic()]
    const wideId = await createTopic(wire, wide, 4)
    const narrowId = await createTopic(wire, narrow, 2)
    const groupId = fresh('group')
    const first = new Member(wire, groupId)
    const second = new Member(wire, groupId)
    await first.join([wide, narrow])
    await second.join([wide])
    await settle(wire, groupId, first, second)
    expect(first.owned).toHaveLength(3)
    expect(first.owned).toEqual(expect.arrayContaining(partitionsOf(narrowId, 2)))
    expect(second.owned).toHaveLength(3)
    expect([...first.owned, ...second.owned].sort()).toEqual(
      [...partitionsOf(wideId, 4), ...partitionsOf(narrowId, 2)].sort(),
    )
  })

  scenario('by range gives each member the same run of every topic', async () => {
    const wire = await ready()
    const [one, two] = [topic(), topic()]
    const oneId = await createTopic(wire, one, 5)
    const twoId = await createTopic(wire, two, 5)
    const groupId = fresh('group')
    const a = new Member(wire, groupId, 'a')
    const b = new Member(wire, groupId, 'b')
    await a.join([one, two], { serverAssignor: 'range' })
    await b.join([one, two], { serverAssignor: 'range' })
    await settle(wire, groupId, a, b)
    const run = (partitions: number[]) =>
      flat([
        { topicId: oneId, partitions },
        { topicId: twoId, partitions },
      ])
    expect(a.owned).toEqual(run([0, 1, 2]))
    expect(b.owned).toEqual(run([3, 4]))
  })
})

describe('Topics', () => {
  scenario('that grow are assigned within two heartbeats', async () => {
    const wire = await ready()
    const name = topic()
    const id = await createTopic(wire, name, 1)
    const member = new Member(wire, fresh('group'))
    await member.join([name])
    await member.beat()
    await wire.call(CreatePartitions, 3, {
      topics: [{ name, count: 3, assignments: null }],
      timeoutMs: 15_000,
      validateOnly: false,
    })
    await waitFor(async () => {
      await member.beat()
      return member.owned.length === 3
    })
    expect(member.owned).toEqual(partitionsOf(id, 3))
    expect(member.epoch).toBe(2)
  })

  scenario('that are created later are assigned to those who wait for them', async () => {
    const wire = await ready()
    const name = topic()
    const member = new Member(wire, fresh('group'))
    await member.join([name])
    expect(member.owned).toEqual([])
    const id = await createTopic(wire, name, 2)
    await waitFor(async () => {
      await member.beat()
      return member.owned.length === 2
    })
    expect(member.owned).toEqual(partitionsOf(id, 2))
  })

  scenario('that are deleted are taken away, and their successors given anew', async () => {
    const wire = await ready()
    const name = topic()
    await createTopic(wire, name, 2)
    const member = new Member(wire, fresh('group'))
    await member.join([name])
    expect(await deleteTopic(wire, name)).toBe(0)
    await waitFor(async () => {
      await member.beat()
      return member.owned.length === 0
    })
    const id = await createTopic(wire, name, 1)
    await waitFor(async () => {
      await member.beat()
      return member.owned.length === 1
    })
    expect(member.owned).toEqual(partitionsOf(id, 1))
  })

  scenario('that match a pattern are assigned, those that come later too', async () => {
    const wire = await ready()
    const prefix = topic()
    const one = await createTopic(wire, `${prefix}.one`, 1)
    await createTopic(wire, `${prefix}.one.other`, 1)
    const groupId = fresh('group')
    const member = new Member(wire, groupId)
    await member.join(null, { subscribedTopicRegex: `${prefix}\\.[a-z]+` })
    await waitFor(async () => {
      await member.beat()
      return member.owned.length === 1
    })
    expect(member.owned).toEqual(partitionsOf(one, 1))
    const two = await createTopic(wire, `${prefix}.two`, 2)
    // Kafka looks at patterns again after a while only; a new member makes it look.
    const other = new Member(wire, groupId)
    await waitFor(async () => {
      await member.beat()
      if (other.epoch === 0) await other.join(null, { subscribedTopicRegex: `${prefix}\\.two` })
      else await other.beat()
      return member.owned.length + other.owned.length === 3
    }, 30_000)
    expect([...member.owned, ...other.owned].sort()).toEqual(
      [...partitionsOf(one, 1), ...partitionsOf(two, 2)].sort(),
    )
    const { members } = await described(wire, groupId)
    const seen = members.find(({ memberId }) => memberId === member.memberId)!
    expect(seen.subscribedTopicRegex).toBe(`${prefix}\\.[a-z]+`)
    expect(seen.subscribedTopicNames).toEqual([])
  })
})

describe('Static members', () => {
  scenario('that leave for a while keep their partitions for their successor', async () => {
    const wire = await ready()
    const name = topic()
    const id = await createTopic(wire, name, 2)
    const groupId = fresh('group')
    const before = new Member(wire, groupId, 'before', 'i')
    const other = new Member(wire, groupId, 'other')
    await before.join([name])
    await other.join([name])
    await settle(wire, groupId, before, other)
    const owned = before.owned
    const left = await before.leave(-2)
    expect(left).toMatchObject({ errorCode: 0, memberId: 'before', memberEpoch: -2 })
    await other.beat()
    expect(other.owned).toHaveLength(1)
    expect((await before.ask({ memberEpoch: before.epoch })).errorCode).toBe(FENCED_MEMBER_EPOCH)

    const after = new Member(wire, groupId, 'after', 'i')
    expect((await after.join([name])).memberEpoch).toBe(before.epoch)
    expect(after.owned).toEqual(owned)
    const late = await before.ask({ memberEpoch: before.epoch })
    expect(late.errorCode).toBe(FENCED_INSTANCE_ID)
    expect(late.errorMessage).toBe(
      'Static member before with instance id i was fenced by member after.',
    )
    expect((await described(wire, groupId)).members).toHaveLength(2)
    expect([...after.owned, ...other.owned].sort()).toEqual(partitionsOf(id, 2))
  })

  scenario('cannot take the place of one that is there', async () => {
    const wire = await ready()
    const name = topic()
    await createTopic(wire, name, 1)
    const groupId = fresh('group')
    await new Member(wire, groupId, 'first', 'i').join([name])
    const second = new Member(wire, groupId, 'second', 'i')
    const body = { rebalanceTimeoutMs: 1_000, subscribedTopicNames: [name], topicPartitions: [] }
    const got = await second.ask(body)
    expect(got.errorCode).toBe(UNRELEASED_INSTANCE_ID)
    expect(got.errorMessage).toBe(
      'Static member second with instance id i cannot join the group because the instance id is owned by first member.',
    )
    expect((await second.ask({ memberEpoch: 1 })).errorCode).toBe(FENCED_INSTANCE_ID)
    expect((await second.leave(-2)).errorCode).toBe(FENCED_INSTANCE_ID)
    const unknown = await second.ask({ memberEpoch: 1, instanceId: 'j' })
    expect(unknown.errorCode).toBe(UNKNOWN_MEMBER_ID)
    expect(unknown.errorMessage).toBe('Instance id j is unknown.')
  })

  scenario('that leave for good give up their partitions', async () => {
    const wire = await ready()
    const name = topic()
    const id = await createTopic(wire, name, 2)
    const groupId = fresh('group')
    const one = new Member(wire, groupId, 'one', 'i')
    const two = new Member(wire, groupId, 'two', 'j')
    await one.join([name])
    await two.join([name])
    await settle(wire, groupId, one, two)
    expect((await one.leave()).memberEpoch).toBe(-1)
    await settle(wire, groupId, two)
    expect(two.owned).toEqual(partitionsOf(id, 2))
  })
})

describe('ConsumerGroupDescribe', () => {
  scenario(
    'gives epochs, subscription, current and target assignment of every member',
    async () => {
      const wire = await ready()
      const name = topic()
      const topicId = await createTopic(wire, name, 3)
      const groupId = fresh('group')
      const member = new Member(wire, groupId, 'm', 'i')
      await member.join([name], { rackId: 'r' })
      const { groups } = await wire.call(ConsumerGroupDescribe, 1, {
        groupIds: [groupId],
        includeAuthorizedOperations: true,
      })
      const assignment = { topicPartitions: [{ topicId, topicName: name, partitions: [0, 1, 2] }] }
      expect(groups).toEqual([
        {
          errorCode: 0,
          errorMessage: null,
          groupId,
          groupState: 'Stable',
          groupEpoch: 1,
          assignmentEpoch: 1,
          assignorName: 'uniform',
          members: [
            {
              memberId: 'm',
              instanceId: 'i',
              rackId: 'r',
              memberEpoch: 1,
              clientId: 'ottla-test',
              clientHost: '/127.0.0.1',
              subscribedTopicNames: [name],
              subscribedTopicRegex: '',
              assignment,
              targetAssignment: assignment,
              memberType: 1,
            },
          ],
          authorizedOperations: 3400,
        },
      ])
    },
  )

  scenario('tells the states from empty to stable', async () => {
    const wire = await ready()
    const name = topic()
    await createTopic(wire, name, 2)
    const groupId = fresh('group')
    const one = new Member(wire, groupId)
    const two = new Member(wire, groupId)
    const state = async () => {
      const { groupState, groupEpoch, assignmentEpoch } = await described(wire, groupId)
      return [groupState, groupEpoch, assignmentEpoch]
    }
    await one.join([name])
    expect(await state()).toEqual(['Stable', 1, 1])
    await two.join([name])
    expect(await state()).toEqual(['Reconciling', 2, 2])
    await two.leave()
    expect(await state()).toEqual(['Assigning', 3, 2])
    await one.beat()
    expect(await state()).toEqual(['Stable', 3, 3])
    await one.leave()
    expect(await state()).toEqual(['Empty', 4, 3])
  })

  scenario('of groups that are none of its kind gives an error each', async () => {
    const wire = await ready()
    const name = topic()
    await createTopic(wire, name, 1)
    const classic = fresh('classic')
    await new Classic(wire, classic).join([name])
    const groupIds = ['', fresh('missing'), classic]
    const { groups } = await wire.call(ConsumerGroupDescribe, 1, {
      groupIds,
      includeAuthorizedOperations: false,
    })
    const errors = new Map(groups.map((group) => [group.groupId, group]))
    expect(errors.get('')!.errorCode).toBe(INVALID_GROUP_ID)
    expect(errors.get(groupIds[1]!)).toMatchObject({
      errorCode: GROUP_ID_NOT_FOUND,
      errorMessage: `Group ${groupIds[1]} not found.`,
    })
    expect(errors.get(classic)).toMatchObject({
      errorCode: GROUP_ID_NOT_FOUND,
      errorMessage: `Group ${classic} is not a consumer group.`,
    })
  })

  scenario('is what describes such a group: DescribeGroups calls it dead', async () => {
    const wire = await ready()
    const name = topic()
    await createTopic(wire, name, 1)
    const groupId = fresh('group')
    await new Member(wire, groupId).join([name])
    const body = { groups: [groupId], includeAuthorizedOperations: false }
    const dead = { groupState: 'Dead', protocolType: '', members: [] }
    expect((await wire.call(DescribeGroups, 5, body)).groups[0]).toMatchObject({
      errorCode: 0,
      ...dead,
    })
    expect((await wire.call(DescribeGroups, 6, body)).groups[0]).toMatchObject({
      errorCode: GROUP_ID_NOT_FOUND,
      errorMessage: `Group ${groupId} is not a classic group.`,
      ...dead,
    })
  })
})

async function commit(
  wire: Wire,
  groupId: string,
  name: string,
  memberId: string,
  epoch: number,
  version = 9,
): Promise<number> {
  const { topics } = await wire.call(OffsetCommit, version, {
    groupId,
    memberId,
    generationIdOrMemberEpoch: epoch,
    topics: [
      {
        name,
        partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }],
      },
    ],
  })
  return topics[0]!.partitions[0]!.errorCode
}

describe('Offsets', () => {
  scenario('are committed by a member at its epoch only', async () => {
    const wire = await ready()
    const name = topic()
    await createTopic(wire, name, 1)
    const groupId = fresh('group')
    const member = new Member(wire, groupId)
    await member.join([name])
    const { memberId, epoch } = member
    expect(await commit(wire, groupId, name, memberId, epoch)).toBe(0)
    expect(await commit(wire, groupId, name, memberId, epoch - 1)).toBe(STALE_MEMBER_EPOCH)
    expect(await commit(wire, groupId, name, memberId, epoch + 1)).toBe(STALE_MEMBER_EPOCH)
    expect(await commit(wire, groupId, name, 'nobody', epoch)).toBe(UNKNOWN_MEMBER_ID)
    expect(await commit(wire, groupId, name, '', -1)).toBe(UNKNOWN_MEMBER_ID)
    expect(await commit(wire, groupId, name, memberId, epoch, 8)).toBe(UNSUPPORTED_VERSION)
    await member.leave()
    expect(await commit(wire, groupId, name, '', -1)).toBe(0)
  })

  scenario('are fetched by a member at its epoch, or by anyone who names none', async () => {
    const wire = await ready()
    const name = topic()
    await createTopic(wire, name, 1)
    const groupId = fresh('group')
    const member = new Member(wire, groupId)
    await member.join([name])
    expect(await commit(wire, groupId, name, member.memberId, member.epoch)).toBe(0)
    const fetched = async (memberId: string | null, memberEpoch: number) => {
      const { groups } = await wire.call(OffsetFetch, 9, {
        groups: [{ groupId, memberId, memberEpoch, topics: [{ name, partitionIndexes: [0] }] }],
        requireStable: false,
      })
      return groups[0]!.errorCode
    }
    expect(await fetched(member.memberId, member.epoch)).toBe(0)
    expect(await fetched(null, -1)).toBe(0)
    expect(await fetched(member.memberId, member.epoch + 1)).toBe(STALE_MEMBER_EPOCH)
    expect(await fetched('nobody', 1)).toBe(UNKNOWN_MEMBER_ID)
  })
})

/** A member of the classic protocol, with Kafka's own subscription and assignment inside. */
class Classic {
  readonly wire: Wire
  readonly groupId: string
  readonly instanceId: string | null
  memberId = ''
  generation = -1
  assigned: readonly (readonly [topic: string, partitions: readonly number[]])[] = []

  constructor(wire: Wire, groupId: string, instanceId: string | null = null) {
    this.wire = wire
    this.groupId = groupId
    this.instanceId = instanceId
  }

  async join(topics: readonly string[], protocol = 'cooperative-sticky') {
    const send = () =>
      this.wire.call(JoinGroup, 9, {
        groupId: this.groupId,
        sessionTimeoutMs: 30_000,
        rebalanceTimeoutMs: 60_000,
        memberId: this.memberId,
        groupInstanceId: this.instanceId,
        protocolType: 'consumer',
        protocols: [{ name: protocol, metadata: subscription(topics, this.assigned) }],
      })
    let got = await send()
    if (got.errorCode === MEMBER_ID_REQUIRED) {
      this.memberId = got.memberId
      got = await send()
    }
    if (got.errorCode === 0) {
      this.memberId = got.memberId
      this.generation = got.generationId
    }
    return got
  }

  async sync(assignments: readonly { memberId: string; assignment: Uint8Array }[] = []) {
    const got = await this.wire.call(SyncGroup, 5, {
      groupId: this.groupId,
      generationId: this.generation,
      memberId: this.memberId,
      groupInstanceId: this.instanceId,
      protocolType: 'consumer',
      protocolName: 'cooperative-sticky',
      assignments: assignments as never,
    })
    if (got.errorCode === 0) this.assigned = readAssigned(got.assignment)
    return got
  }

  async beat(): Promise<number> {
    const got = await this.wire.call(Heartbeat, 4, {
      groupId: this.groupId,
      generationId: this.generation,
      memberId: this.memberId,
      groupInstanceId: this.instanceId,
    })
    return got.errorCode
  }

  async leave(): Promise<number> {
    const { memberId } = this
    const { members } = await this.wire.call(LeaveGroup, 4, {
      groupId: this.groupId,
      members: [{ memberId, groupInstanceId: this.instanceId }],
    })
    return members[0]!.errorCode
  }

  /** As a client that is told to: gives up, joins, takes what it gets; true when it had to. */
  async follow(topics: readonly string[]): Promise<boolean> {
    const code = await this.beat()
    if (code === 0) return false
    expect([REBALANCE_IN_PROGRESS, ILLEGAL_GENERATION]).toContain(code)
    expect((await this.join(topics)).errorCode).toBe(0)
    expect([0, REBALANCE_IN_PROGRESS]).toContain((await this.sync()).errorCode)
    return true
  }

  get owned(): string[] {
    return this.assigned.flatMap(([name, list]) => list.map((one) => `${name}:${one}`)).sort()
  }
}

/** ConsumerProtocolSubscription, version 1. */
function subscription(
  topics: readonly string[],
  owned: readonly (readonly [string, readonly number[]])[],
): Uint8Array {
  const text = (value: string) => [int16(value.length), Buffer.from(value)]
  const list = owned.flatMap(([name, partitions]) => [
    ...text(name),
    int32(partitions.length),
    ...partitions.map(int32),
  ])
  return Buffer.concat([
    int16(1),
    int32(topics.length),
    ...topics.flatMap(text),
    int32(-1),
    int32(owned.length),
    ...list,
  ])
}

/** ConsumerProtocolAssignment, version 1. */
function assignmentOf(list: readonly (readonly [string, readonly number[]])[]): Uint8Array {
  return Buffer.concat([
    int16(1),
    int32(list.length),
    ...list.flatMap(([name, partitions]) => [
      int16(name.length),
      Buffer.from(name),
      int32(partitions.length),
      ...partitions.map(int32),
    ]),
    int32(-1),
  ])
}

function readAssigned(bytes: Uint8Array): [string, number[]][] {
  const buffer = Buffer.from(bytes)
  if (buffer.length === 0) return []
  let at = 2
  const count = buffer.readInt32BE(at)
  at += 4
  return Array.from({ length: count }, () => {
    const length = buffer.readInt16BE(at)
    const name = buffer.toString('utf8', at + 2, at + 2 + length)
    at += 2 + length
    const size = buffer.readInt32BE(at)
    at += 4
    const partitions = Array.from({ length: size }, (_, index) =>
      buffer.readInt32BE(at + 4 * index),
    )
    at += 4 * size
    return [name, partitions.sort((a, b) => a - b)]
  })
}

function int16(value: number): Buffer {
  const buffer = Buffer.alloc(2)
  buffer.writeInt16BE(value)
  return buffer
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4)
  buffer.writeInt32BE(value)
  return buffer
}

/** Of two partitions, all of which one member has, the classic one is given one. */
async function share(member: Member, classic: Classic, name: string): Promise<void> {
  await member.beat()
  await member.beat()
  await waitFor(async () => {
    await classic.follow([name])
    return classic.owned.length === 1
  })
  expect(member.owned).toHaveLength(1)
}

describe('Upgrade and downgrade', () => {
  scenario('an empty classic group becomes a consumer group and back', async () => {
    const wire = await ready()
    const name = topic()
    const id = await createTopic(wire, name, 2)
    const groupId = fresh('group')
    const classic = new Classic(wire, groupId)
    expect((await classic.join([name])).errorCode).toBe(0)
    expect(await classic.leave()).toBe(0)
    const member = new Member(wire, groupId)
    await member.join([name])
    expect(member.owned).toEqual(partitionsOf(id, 2))
    await member.leave()
    const again = new Classic(wire, groupId)
    expect((await again.join([name])).errorCode).toBe(0)
    await waitFor(async () => (await described(wire, groupId)).errorCode === GROUP_ID_NOT_FOUND)
  })

  scenario('a live classic group takes a new member in, and goes back when it leaves', async () => {
    const wire = await ready()
    const name = topic()
    const id = await createTopic(wire, name, 2)
    const groupId = fresh('group')
    const classic = new Classic(wire, groupId)
    expect((await classic.join([name])).errorCode).toBe(0)
    const { memberId } = classic
    await classic.sync([{ memberId, assignment: assignmentOf([[name, [0, 1]]]) }])
    expect(classic.owned).toEqual([`${name}:0`, `${name}:1`])

    const member = new Member(wire, groupId)
    await member.join([name])
    expect(member.owned).toEqual([])
    const both = await described(wire, groupId)
    expect(both.members.map(({ memberType }) => memberType).sort()).toEqual([0, 1])
    expect(both.groupState).toBe('Reconciling')

    // Told to rejoin, it gets what it is to keep, says so in another round, and the rest is free.
    expect(await classic.beat()).toBe(REBALANCE_IN_PROGRESS)
    const first = await classic.join([name])
    expect(first).toMatchObject({ errorCode: 0, leader: '', members: [], protocolType: 'consumer' })
    expect((await classic.sync()).errorCode).toBe(0)
    expect(classic.owned).toHaveLength(1)
    await member.beat()
    expect(member.owned).toEqual([])
    expect(await classic.beat()).toBe(REBALANCE_IN_PROGRESS)
    expect((await classic.join([name])).errorCode).toBe(0)
    expect((await classic.sync()).errorCode).toBe(0)
    await member.beat()
    expect(member.owned).toHaveLength(1)
    expect(await classic.beat()).toBe(0)
    const kept = classic.owned[0]!.split(':')[1]
    expect([`${id}:${kept}`, ...member.owned].sort()).toEqual(partitionsOf(id, 2))
    expect((await described(wire, groupId)).groupState).toBe('Stable')

    await member.leave()
    expect((await described(wire, groupId)).errorCode).toBe(GROUP_ID_NOT_FOUND)
    const { groups } = await wire.call(DescribeGroups, 5, {
      groups: [groupId],
      includeAuthorizedOperations: false,
    })
    expect(groups[0]!.members.map((one) => one.memberId)).toEqual([memberId])
    expect(await classic.beat()).toBe(REBALANCE_IN_PROGRESS)
    expect(await classic.join([name])).toMatchObject({ errorCode: 0, leader: memberId })
  })

  scenario('a classic member joins a consumer group and is given its part', async () => {
    const wire = await ready()
    const name = topic()
    await createTopic(wire, name, 2)
    const groupId = fresh('group')
    const member = new Member(wire, groupId)
    await member.join([name])
    await member.beat()
    const classic = new Classic(wire, groupId)
    const joined = await classic.join([name])
    expect(joined).toMatchObject({ errorCode: 0, generationId: 2, leader: '', members: [] })
    expect(joined.protocolName).toBe('cooperative-sticky')
    expect((await classic.sync()).errorCode).toBe(0)
    expect(classic.owned).toEqual([])
    expect(await classic.beat()).toBe(0)
    await share(member, classic, name)
    expect(await commit(wire, groupId, name, classic.memberId, classic.generation, 8)).toBe(0)
    const stale = classic.generation - 1
    expect(await commit(wire, groupId, name, classic.memberId, stale)).toBe(ILLEGAL_GENERATION)
  })

  scenario('a classic member whose id nobody knows joins, whatever it claims to have', async () => {
    const wire = await ready()
    const name = topic()
    await createTopic(wire, name, 2)
    const groupId = fresh('group')
    const member = new Member(wire, groupId)
    await member.join([name])
    await member.beat()
    const classic = new Classic(wire, groupId)
    classic.memberId = fresh('put-out')
    classic.assigned = [[name, [0]]]
    const { memberId } = classic
    expect(await classic.join([name])).toMatchObject({ errorCode: 0, generationId: 2, memberId })
    expect((await classic.sync()).errorCode).toBe(0)
    expect(classic.owned).toEqual([])
    expect(await classic.beat()).toBe(0)
    await share(member, classic, name)
  })

  scenario('classic requests in a consumer group are refused as in a classic one', async () => {
    const wire = await ready()
    const name = topic()
    await createTopic(wire, name, 2)
    const groupId = fresh('group')
    const member = new Member(wire, groupId)
    await member.join([name])
    const classic = new Classic(wire, groupId)
    await classic.join([name])
    const codes: number[] = []
    const generation = classic.generation
    classic.generation = generation + 1
    codes.push((await classic.sync()).errorCode, await classic.beat())
    classic.generation = generation
    const { memberId } = classic
    classic.memberId = 'nobody'
    codes.push((await classic.sync()).errorCode, await classic.beat(), await classic.leave())
    classic.memberId = member.memberId
    codes.push((await classic.sync()).errorCode, await classic.beat())
    classic.memberId = memberId
    expect(codes).toEqual([
      ILLEGAL_GENERATION,
      ILLEGAL_GENERATION,
      UNKNOWN_MEMBER_ID,
      UNKNOWN_MEMBER_ID,
      UNKNOWN_MEMBER_ID,
      UNKNOWN_MEMBER_ID,
      UNKNOWN_MEMBER_ID,
    ])
    const other = new Classic(wire, groupId)
    expect((await other.join([name], 'another')).errorCode).toBe(23)
    expect(await classic.leave()).toBe(0)
    expect((await described(wire, groupId)).members).toHaveLength(1)
  })

  scenario(
    'a static classic member is replaced by one of the new protocol in its place',
    async () => {
      const wire = await ready()
      const name = topic()
      const id = await createTopic(wire, name, 2)
      const groupId = fresh('group')
      const classic = new Classic(wire, groupId, 'i')
      await classic.join([name])
      const { memberId } = classic
      await classic.sync([{ memberId, assignment: assignmentOf([[name, [0, 1]]]) }])
      const member = new Member(wire, groupId, 'after', 'i')
      await member.join([name])
      expect(member.owned).toEqual(partitionsOf(id, 2))
      expect((await described(wire, groupId)).members).toHaveLength(1)
      expect(await classic.beat()).toBe(FENCED_INSTANCE_ID)
    },
  )
})
