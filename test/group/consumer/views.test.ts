// What members of a broker with rules are given of the topics that their patterns match: those that their principal
// may describe. The group asks, here as the broker's handler answers it.

import { describe, expect, test } from 'vitest'
import { KafkaError } from '../../../src/core/errors.ts'
import {
  PATTERN_PRINCIPALS_PER_GROUP,
  PATTERN_VIEW_MS,
} from '../../../src/core/limits/coordinators.ts'
import { restoreMember } from '../../../src/group/consumer/member.ts'
import type { HeartbeatReply } from '../../../src/group/contract.ts'
import { Client, type Heartbeat, joining, topicId, World } from './harness.ts'

const PATTERN = { subscribedTopicRegex: '[abc].*' }

/** A member that logs in. It is asked of what it may describe, as the handler is. */
class User extends Client {
  readonly principal: string
  may: ReadonlySet<string>
  /** Names that the group asked about, by heartbeat. */
  readonly asked: string[][] = []

  constructor(world: World, memberId: string, may: readonly string[], principal = memberId) {
    super(world, memberId)
    this.principal = `User:${principal}`
    this.may = new Set(may)
  }

  override send(request: Heartbeat): HeartbeatReply {
    const { memberId, principal } = this
    const first = this.world.beat({ memberId, ...request }, 1, { principal, verdict: null })
    const { toJudge } = first
    this.asked.push(toJudge?.map(({ name }) => name) ?? [])
    if (toJudge === undefined) return first
    expect(this.world.written).toEqual([])
    const ids = (isShown: boolean) =>
      toJudge.filter(({ name }) => this.may.has(name) === isShown).map(({ id }) => id)
    const verdict = { shown: ids(true), hidden: ids(false) }
    const second = this.world.beat({ memberId, ...request }, 1, { principal, verdict })
    expect(second.toJudge).toBeUndefined()
    return second
  }

  get topics(): string[] {
    return [...new Set(this.owned.map(({ topicId: id }) => id.slice(0, id.indexOf('-'))))].sort()
  }
}

function world(topics: Readonly<Record<string, number>> = { a: 1, b: 1, c: 1, d: 1 }): World {
  const made = new World()
  made.setTopics(topics)
  return made
}

describe('a member with a pattern', () => {
  test('is assigned the matching topics that it may describe, and is asked about no others', () => {
    const user = new User(world(), 'm', ['a', 'c', 'd'])
    expect(user.join([], PATTERN).errorCode).toBe(KafkaError.NONE)
    expect(user.topics).toEqual(['a', 'c'])
    expect(user.asked).toEqual([['a', 'b', 'c']])
    expect([...user.world.group.subscribedTopics].sort()).toEqual(['a', 'c'])
  })

  test('is asked nothing while nothing changed, and nothing is written', () => {
    const user = new User(world(), 'm', ['a'])
    user.join([], PATTERN)
    user.beat()
    const { epoch } = user
    user.beat()
    expect(user.asked.slice(1)).toEqual([[], []])
    expect(user.world.written).toEqual([])
    expect(user.epoch).toBe(epoch)
  })

  test('changes nothing before it is known what it may see, not even that there is a group', () => {
    const made = world()
    const viewer = { principal: 'User:m', verdict: null }
    const asked = made.beat(joining([], PATTERN), 1, viewer)
    expect(asked.errorCode).toBe(KafkaError.COORDINATOR_NOT_AVAILABLE)
    expect(made.group.isEmpty).toBe(true)
    expect(made.rows.size).toBe(0)
  })

  test('gets the topics that it names besides, whatever was judged', () => {
    const user = new User(world(), 'm', [])
    user.join(['d'], PATTERN)
    expect(user.topics).toEqual(['d'])
  })

  test('that nobody asks who it is gets all, and is asked nothing', () => {
    const client = new Client(world(), 'm')
    client.join([], PATTERN)
    expect(client.partitions).toEqual(
      [topicId('a'), topicId('b'), topicId('c')].map((id) => `${id}:0`),
    )
    expect(client.world.rows.get('member/m')).not.toContain('viewer')
  })

  test('whose pattern is none, or that is no member, is refused and not asked', () => {
    const user = new User(world(), 'm', ['a'])
    const none = user.join([], { subscribedTopicRegex: '*' })
    expect(none.errorCode).toBe(KafkaError.INVALID_REGULAR_EXPRESSION)
    const unknown = user.send({ memberEpoch: 5, ...PATTERN })
    expect(unknown.errorCode).toBe(KafkaError.UNKNOWN_MEMBER_ID)
    expect(user.asked).toEqual([[], []])
  })
})

describe('a new topic', () => {
  test('is hidden until a heartbeat of a member that it matches has it judged', () => {
    const user = new User(world(), 'm', ['a', 'c1'])
    user.join([], PATTERN)
    user.beat()
    const described = () => user.world.describe().groupEpoch
    const before = described()
    user.world.setTopics({ c1: 1, c2: 1, d1: 1 })
    expect(described()).toBe(before)
    expect(user.world.group.subscribedTopics.has('c1')).toBe(false)
    user.beat()
    user.beat()
    expect(user.topics).toEqual(['a', 'c1'])
    expect(described()).toBe(before + 1)
    expect(user.asked[2]).toEqual(expect.arrayContaining(['c1', 'c2']))
    expect(user.asked[2]).not.toContain('d1')
  })

  test('of the name of one that was deleted is judged as another', () => {
    const user = new User(world(), 'm', ['a'])
    user.join([], PATTERN)
    user.world.setTopics({ a: 0 })
    user.may = new Set()
    user.world.setTopics({ a: 1 }, 1)
    expect(user.world.group.subscribedTopics.has('a')).toBe(false)
    user.beat()
    user.beat()
    expect(user.topics).toEqual([])
  })
})

describe('rules that change', () => {
  test('are seen after the bound: what is granted comes, what is taken goes', () => {
    const user = new User(world(), 'm', ['a'])
    user.join([], PATTERN)
    user.may = new Set(['b'])
    user.world.pass(PATTERN_VIEW_MS / 2)
    user.beat()
    user.world.pass(PATTERN_VIEW_MS / 2 - 1)
    user.beat()
    expect(user.topics).toEqual(['a'])
    expect(user.asked.slice(1)).toEqual([[], []])
    user.world.pass(1)
    for (let round = 0; round < 3; round += 1) user.beat()
    expect(user.topics).toEqual(['b'])
    expect(user.asked.slice(3)).toEqual([['a', 'b', 'c'], [], []])
  })

  test('that leave all as it was move nothing', () => {
    const user = new User(world(), 'm', ['a'])
    user.join([], PATTERN)
    const { epoch } = user
    user.world.pass(30_000)
    user.beat()
    user.world.pass(30_000)
    user.beat()
    expect(user.asked.at(-1)).toEqual(['a', 'b', 'c'])
    expect(user.epoch).toBe(epoch)
    expect(user.world.written).toEqual([])
  })
})

describe('members of several principals', () => {
  test('each get what their own may describe, with one pattern', () => {
    const made = world({ a: 4, b: 4, c: 4 })
    const one = new User(made, 'one', ['a', 'b'])
    const other = new User(made, 'other', ['b', 'c'])
    one.join([], PATTERN)
    other.join([], PATTERN)
    for (let round = 0; round < 4; round += 1) for (const user of [one, other]) user.beat()
    expect(made.group.state).toBe('Stable')
    expect(one.partitions.filter((text) => text.startsWith('a')).length).toBe(4)
    expect(other.partitions.filter((text) => text.startsWith('c')).length).toBe(4)
    expect(one.topics).not.toContain('c')
    expect(other.topics).not.toContain('a')
  })

  test('of one principal are judged once', () => {
    const made = world()
    const one = new User(made, 'one', ['a', 'b'], 'same')
    const other = new User(made, 'other', ['a', 'b'], 'same')
    one.join([], PATTERN)
    other.join([], PATTERN)
    expect(other.asked).toEqual([[]])
  })

  test('are no more than there is room for', () => {
    const made = world()
    for (let index = 0; index < PATTERN_PRINCIPALS_PER_GROUP; index += 1) {
      const user = new User(made, `m${index}`, ['a'])
      expect(user.join([], PATTERN).errorCode).toBe(KafkaError.NONE)
    }
    const more = new User(made, 'more', ['a'])
    expect(more.join([], PATTERN).errorCode).toBe(KafkaError.GROUP_MAX_SIZE_REACHED)
    const named = new User(made, 'named', ['a'])
    expect(named.join(['a']).errorCode).toBe(KafkaError.NONE)
    made.leave('m0')
    expect(more.join([], PATTERN).errorCode).toBe(KafkaError.NONE)
  })

  test('that take a member over are judged for themselves', () => {
    const made = world()
    const one = new User(made, 'm', ['a', 'b'], 'one')
    one.join([], PATTERN)
    const other = new User(made, 'm', ['b'], 'other')
    other.epoch = one.epoch
    other.beat({ topicPartitions: one.owned as never })
    other.beat()
    expect(other.topics).toEqual(['b'])
  })
})

describe('a group that was loaded', () => {
  test('keeps what was shown, moves nothing, and asks with the first heartbeat', () => {
    const user = new User(world(), 'm', ['a', 'c'])
    user.join([], PATTERN)
    const { epoch } = user
    user.world.restart()
    user.world.setTopics({ d: 2 })
    expect([...user.world.group.subscribedTopics].sort()).toEqual(['a', 'c'])
    user.beat()
    expect(user.asked.at(-1)).toEqual(['a', 'b', 'c'])
    expect(user.topics).toEqual(['a', 'c'])
    expect(user.epoch).toBe(epoch)
    user.world.restart()
    user.world.setTopics({ c: 0 })
    user.may = new Set(['b'])
    for (let round = 0; round < 3; round += 1) user.beat()
    expect(user.topics).toEqual(['b'])
  })

  test('of an earlier version, or of a broker without rules, hides with the first heartbeat', () => {
    const client = new Client(world(), 'm')
    client.join([], PATTERN)
    const row = client.world.rows.get('member/m') ?? ''
    expect(restoreMember('m', row).viewer).toBe('')
    client.world.restart()
    client.world.setTopics({ d: 2 })
    expect(client.world.group.subscribedTopics.size).toBe(3)
    const user = new User(client.world, 'm', ['b'])
    user.epoch = client.epoch
    user.beat({ topicPartitions: client.owned as never })
    for (let round = 0; round < 3; round += 1) user.beat()
    expect(user.topics).toEqual(['b'])
    // And back: the rules were taken away.
    client.epoch = user.epoch
    client.owned = user.owned
    for (let round = 0; round < 3; round += 1) client.beat()
    expect(client.partitions.length).toBe(3)
  })
})
