import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../src/core/errors.ts'
import { Problem } from '../../src/http/problem.ts'
import { assignment, idOf, settle, World } from './fakes.ts'

/** A world with a topic, and a member that has joined with these partitions. */
async function joined(partitions: number[] = [0, 1], more: object = {}): Promise<World> {
  const world = new World()
  world.topics.create('t', 4)
  world.coordinator.answers.push({ memberEpoch: 1, ...assignment('t', ...partitions) })
  world.say({ type: 'join', sub: 1, group: 'g', topics: ['t'], bytes: 1_000_000, ...more })
  await settle()
  return world
}

const last = <T>(list: readonly T[]): T => list.at(-1) as T
const commit = (id: number, partition: number, offset: number) => ({
  type: 'commit',
  id,
  sub: 1,
  offsets: [{ topic: 't', partition, offset }],
})
const processed = (partition: number, offset: number) => ({
  type: 'processed',
  sub: 1,
  offsets: [{ topic: 't', partition, offset }],
})

describe('a member', () => {
  it('joins as KIP-848 says, is told what it has, says that it has it, and reads from what is committed', async () => {
    const world = new World()
    world.topics.create('t', 4)
    world.topics.append('t', 0, 'a', 'b')
    world.topics.append('t', 1, 'c')
    world.coordinator.committed.set('t/0', 1)
    world.coordinator.answers.push({ memberEpoch: 3, ...assignment('t', 0, 1) })
    world.say({ type: 'join', sub: 1, group: 'g', topics: ['t', 't'], bytes: 1_000 })
    await settle()
    expect(world.said.slice(1, 3)).toEqual([
      { type: 'joined', sub: 1, memberId: 'id-1' },
      {
        type: 'assigned',
        sub: 1,
        partitions: [
          { topic: 't', partition: 0, offset: 1 },
          { topic: 't', partition: 1, offset: 0 },
        ],
      },
    ])
    expect(world.coordinator.beats).toMatchObject([
      {
        groupId: 'g',
        memberId: 'id-1',
        memberEpoch: 0,
        rebalanceTimeoutMs: 300_000,
        subscribedTopicNames: ['t'],
        topicPartitions: [],
      },
      { memberEpoch: 3, topicPartitions: [{ topicId: idOf('t'), partitions: [0, 1] }] },
    ])
    expect(world.values(1)).toEqual(['b', 'c'])
  })

  it('heartbeats as often as the coordinator says, and says nothing that has not changed', async () => {
    const world = await joined()
    const before = world.coordinator.beats.length
    await world.pass(4_999)
    expect(world.coordinator.beats).toHaveLength(before)
    await world.pass(20_001)
    expect(world.coordinator.beats).toHaveLength(before + 5)
    expect(last(world.coordinator.beats)).toMatchObject({
      memberEpoch: 1,
      rebalanceTimeoutMs: -1,
      subscribedTopicNames: null,
      topicPartitions: null,
    })
  })

  it('of a topic that does not exist, or where the protocol is switched off, is over with a problem', async () => {
    const world = new World()
    world.coordinator.unknown = new Problem(KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
    world.say({ type: 'join', sub: 1, group: 'g', topics: ['x'], bytes: 1 })
    await settle()
    expect(last(world.said)).toMatchObject({
      type: 'error',
      sub: 1,
      problem: { code: 'UNKNOWN_TOPIC_OR_PARTITION' },
    })
    world.coordinator.unknown = null
    world.coordinator.answers.push({ errorCode: KafkaError.UNSUPPORTED_VERSION })
    world.say({ type: 'join', sub: 2, group: 'g', topics: ['x'], bytes: 1 })
    await settle()
    expect(last(world.said)).toMatchObject({ sub: 2, problem: { code: 'UNSUPPORTED_VERSION' } })
    expect(world.session.isActive).toBe(false)
  })

  it.each([
    ['no group', { group: '' }, 'group'],
    ['a name too long', { group: 'g'.repeat(250) }, 'group'],
    ['no topics', { topics: [] }, 'topics'],
    ['an interval of nothing', { maxPollIntervalMs: 0 }, 'maxPollIntervalMs'],
    ['a start that is none', { from: '0:1' }, 'from'],
  ])('with %s is refused', async (_, more, field) => {
    const world = new World()
    world.say({ type: 'join', sub: 1, group: 'g', topics: ['t'], bytes: 1, ...more })
    expect(last(world.said)).toMatchObject({
      type: 'error',
      sub: 1,
      problem: { status: 400, field },
    })
  })

  it('asks a coordinator that does not answer again and again, and then says everything', async () => {
    const world = new World()
    world.topics.create('t', 1)
    for (let at = 0; at < 8; at++) {
      world.coordinator.answers.push({ errorCode: KafkaError.COORDINATOR_NOT_AVAILABLE })
    }
    world.say({ type: 'join', sub: 1, group: 'g', topics: ['t'], bytes: 1_000 })
    await world.pass(1_000)
    const early = world.coordinator.beats.length
    // 100 ms, doubled: not a storm.
    expect(early).toBeGreaterThanOrEqual(3)
    expect(early).toBeLessThanOrEqual(5)
    world.coordinator.answers.length = 0
    world.coordinator.answers.push({ memberEpoch: 1, ...assignment('t', 0) })
    await world.pass(10_000)
    expect(world.of('joined')).toHaveLength(1)
    expect(world.coordinator.beats[early]).toMatchObject({ subscribedTopicNames: ['t'] })
  })

  it('tries again where its offsets cannot be had yet', async () => {
    const world = new World()
    world.topics.create('t', 1)
    world.coordinator.startError = KafkaError.UNSTABLE_OFFSET_COMMIT
    world.coordinator.answers.push({ memberEpoch: 1, ...assignment('t', 0) })
    world.say({ type: 'join', sub: 1, group: 'g', topics: ['t'], bytes: 1_000 })
    await world.pass(500)
    expect(world.of('assigned')).toEqual([])
    world.coordinator.startError = KafkaError.NONE
    await world.pass(500)
    expect(world.of('assigned')).toHaveLength(1)
  })
})

describe('a revocation', () => {
  it('stops the records, waits for the client, and only then says so to the coordinator', async () => {
    const world = await joined([0, 1])
    world.coordinator.answers.push({ memberEpoch: 1, ...assignment('t', 0) })
    await world.pass(5_000)
    expect(last(world.said)).toEqual({
      type: 'revoked',
      sub: 1,
      partitions: [{ topic: 't', partition: 1 }],
    })
    world.topics.append('t', 1, 'not for you')
    world.topics.append('t', 0, 'a')
    await world.pass(20_000)
    expect(world.values(1)).toEqual(['a'])
    // Heartbeats went on, and none said that it let go.
    const waiting = world.coordinator.beats.slice(-4)
    expect(waiting.map(({ topicPartitions }) => topicPartitions)).toEqual([null, null, null, null])
    // The last commit comes first.
    world.coordinator.beforeBeat = async () => expect(world.coordinator.commits).toHaveLength(1)
    world.say(commit(1, 1, 5))
    world.say({ type: 'revoked', sub: 1 })
    await settle()
    expect(world.of('committed')).toEqual([{ type: 'committed', id: 1 }])
    expect(last(world.coordinator.beats).topicPartitions).toEqual([
      { topicId: idOf('t'), partitions: [0] },
    ])
    // From here on it is another's.
    world.say(commit(2, 1, 6))
    await settle()
    expect(last(world.said)).toMatchObject({
      type: 'error',
      id: 2,
      problem: { code: 'STALE_MEMBER_EPOCH', status: 409, topic: 't', partition: 1 },
    })
  })

  it('goes before what comes instead', async () => {
    const world = await joined([0, 1])
    world.coordinator.answers.push({ memberEpoch: 2, ...assignment('t', 1, 2, 3) })
    await world.pass(5_000)
    expect(last(world.said)).toMatchObject({ type: 'revoked' })
    world.say({ type: 'revoked', sub: 1 })
    await settle()
    expect(last(world.said)).toMatchObject({
      type: 'assigned',
      partitions: [{ partition: 2 }, { partition: 3 }],
    })
    expect(last(world.coordinator.beats).topicPartitions).toEqual([
      { topicId: idOf('t'), partitions: [1, 2, 3] },
    ])
  })

  it('that nobody asked for is not answered', async () => {
    const world = await joined()
    const beats = world.coordinator.beats.length
    world.say({ type: 'revoked', sub: 1 })
    await settle()
    expect(world.coordinator.beats).toHaveLength(beats)
    expect(world.of('error')).toEqual([])
  })
})

describe('a member that is fenced', () => {
  it('has lost all, commits nothing more, and joins again when the client has let go', async () => {
    const world = await joined([0, 1])
    world.coordinator.answers.push({ errorCode: KafkaError.FENCED_MEMBER_EPOCH })
    await world.pass(5_000)
    expect(last(world.said)).toEqual({
      type: 'revoked',
      sub: 1,
      partitions: [
        { topic: 't', partition: 0 },
        { topic: 't', partition: 1 },
      ],
      lost: true,
      reason: 'fenced',
    })
    const beats = world.coordinator.beats.length
    world.say(commit(1, 0, 9))
    world.topics.append('t', 0, 'not for you')
    await world.pass(60_000)
    expect(last(world.said)).toMatchObject({
      type: 'error',
      id: 1,
      problem: { code: 'UNKNOWN_MEMBER_ID', status: 409 },
    })
    expect(world.coordinator.commits).toEqual([])
    expect(world.coordinator.beats).toHaveLength(beats)
    world.coordinator.answers.push({ memberEpoch: 9, ...assignment('t', 1) })
    world.say({ type: 'revoked', sub: 1 })
    await settle()
    expect(world.coordinator.beats[beats]).toMatchObject({ memberEpoch: 0, topicPartitions: [] })
    expect(world.of('joined')).toHaveLength(2)
    expect(last(world.of('assigned')).partitions).toMatchObject([{ partition: 1 }])
    expect(world.values(1)).toEqual([])
  })

  it.each(['UNKNOWN_MEMBER_ID', 'GROUP_ID_NOT_FOUND'] as const)(
    'joins again at once when it had nothing: %s',
    async (name) => {
      const world = await joined([])
      world.coordinator.answers.push({ errorCode: KafkaError[name] })
      await world.pass(5_000)
      expect(world.of('revoked')).toEqual([])
      expect(world.of('joined')).toHaveLength(2)
    },
  )

  it('waits for each answer that is owed: a revocation it had not answered yet, and the loss', async () => {
    const world = await joined([0, 1])
    world.coordinator.answers.push({ ...assignment('t', 0) })
    world.coordinator.answers.push({ errorCode: KafkaError.FENCED_MEMBER_EPOCH })
    await world.pass(10_000)
    expect(world.of('revoked')).toMatchObject([{ partitions: [{ partition: 1 }] }, { lost: true }])
    world.say({ type: 'revoked', sub: 1 })
    await settle()
    expect(world.of('joined')).toHaveLength(1)
    world.say({ type: 'revoked', sub: 1 })
    await settle()
    expect(world.of('joined')).toHaveLength(2)
  })
})

describe('max.poll.interval.ms', () => {
  it('puts a member out that leaves records unprocessed, says so, and lets it back in', async () => {
    const world = await joined([0], { maxPollIntervalMs: 30_000 })
    await world.pass(120_000)
    // Without records there is nothing to process.
    expect(world.of('revoked')).toEqual([])
    world.topics.append('t', 0, 'a', 'b')
    await world.pass(29_999)
    expect(world.of('revoked')).toEqual([])
    world.say(processed(0, 1))
    await world.pass(29_999)
    expect(world.of('revoked')).toEqual([])
    await world.pass(2)
    expect(last(world.said)).toMatchObject({
      type: 'revoked',
      partitions: [{ partition: 0 }],
      lost: true,
      reason: 'max.poll.interval.ms',
    })
    expect(last(world.coordinator.beats)).toMatchObject({ memberEpoch: -1, memberId: 'id-1' })
    world.say({ type: 'revoked', sub: 1 })
    await settle()
    expect(world.of('joined')).toHaveLength(2)
  })

  it('does not count while all is processed, nor what is said of it twice', async () => {
    const world = await joined([0], { maxPollIntervalMs: 30_000 })
    world.topics.append('t', 0, 'a', 'b')
    await world.pass(1_000)
    world.say(commit(1, 0, 2))
    await world.pass(300_000)
    expect(world.of('revoked')).toEqual([])
    world.topics.append('t', 0, 'c')
    await world.pass(20_000)
    world.say(processed(0, 2))
    world.say(processed(0, 1))
    await world.pass(11_000)
    expect(world.of('revoked')).toMatchObject([{ reason: 'max.poll.interval.ms' }])
  })
})

describe('commits', () => {
  it('name the member and its epoch, in order', async () => {
    const world = await joined([0, 1])
    world.say(commit(1, 0, 5))
    world.say(commit(2, 1, 6))
    await settle()
    expect(world.coordinator.commits).toEqual([
      {
        member: { group: 'g', memberId: 'id-1', epoch: 1 },
        offsets: [{ topic: 't', partition: 0, offset: 5 }],
      },
      {
        member: { group: 'g', memberId: 'id-1', epoch: 1 },
        offsets: [{ topic: 't', partition: 1, offset: 6 }],
      },
    ])
    expect(world.of('committed').map(({ id }) => id)).toEqual([1, 2])
  })

  it('whose epoch was overtaken are tried again with the new one', async () => {
    const world = await joined([0])
    world.coordinator.commitErrors.push(KafkaError.STALE_MEMBER_EPOCH)
    world.coordinator.answers.push({ memberEpoch: 2 })
    world.say(commit(1, 0, 5))
    await settle()
    expect(world.coordinator.commits.map(({ member }) => member.epoch)).toEqual([1, 2])
    expect(last(world.said)).toEqual({ type: 'committed', id: 1 })
  })

  it('that are refused say why, and where', async () => {
    const world = await joined([0])
    world.coordinator.commitErrors.push(KafkaError.OFFSET_METADATA_TOO_LARGE)
    world.say(commit(1, 0, 5))
    await settle()
    expect(last(world.said)).toMatchObject({
      type: 'error',
      id: 1,
      problem: { code: 'OFFSET_METADATA_TOO_LARGE', topic: 't', partition: 0 },
    })
  })

  it('of no member are refused', async () => {
    const world = await joined([0])
    world.say({ ...commit(1, 0, 5), sub: 9 })
    await settle()
    expect(last(world.said)).toMatchObject({ id: 1, problem: { code: 'UNKNOWN_MEMBER_ID' } })
  })
})

describe('leaving', () => {
  it('says so to the coordinator behind the commits, then to the client', async () => {
    const world = await joined([0])
    world.say(commit(1, 0, 5))
    world.say({ type: 'leave', sub: 1 })
    await settle()
    expect(world.said.slice(-2)).toEqual([
      { type: 'committed', id: 1 },
      { type: 'left', sub: 1 },
    ])
    expect(last(world.coordinator.beats)).toMatchObject({ memberEpoch: -1 })
    const beats = world.coordinator.beats.length
    await world.pass(60_000)
    expect(world.coordinator.beats).toHaveLength(beats)
    world.say({ type: 'leave', sub: 1 })
    await settle()
    expect(last(world.said)).toEqual({ type: 'left', sub: 1 })
  })

  it('is what the end of the socket means', async () => {
    const world = await joined([0])
    await world.session.close()
    expect(last(world.coordinator.beats)).toMatchObject({ memberEpoch: -1, memberId: 'id-1' })
  })
})

describe('a member whose object slept', () => {
  it('is the same member: it has what it had, and goes on behind what was sent', async () => {
    const world = await joined([0, 1])
    world.topics.append('t', 0, 'a')
    await settle()
    world.hibernate()
    await settle()
    world.topics.append('t', 0, 'b')
    await settle()
    expect(world.values(1)).toEqual(['a', 'b'])
    expect(last(world.coordinator.beats)).toMatchObject({
      memberId: 'id-1',
      memberEpoch: 1,
      topicPartitions: [{ topicId: idOf('t'), partitions: [0, 1] }],
    })
    expect(world.of('joined')).toHaveLength(1)
  })

  it('waits for the answer that it waited for', async () => {
    const world = await joined([0, 1])
    world.coordinator.answers.push({ ...assignment('t', 0) })
    await world.pass(5_000)
    world.hibernate()
    await settle()
    world.topics.append('t', 1, 'not for you')
    await settle()
    expect(world.values(1)).toEqual([])
    world.say({ type: 'revoked', sub: 1 })
    await settle()
    expect(last(world.coordinator.beats).topicPartitions).toEqual([
      { topicId: idOf('t'), partitions: [0] },
    ])
  })

  it('is out where what it had could not be kept, which the client is told', async () => {
    const world = await joined([0, 1])
    const state = world.session.state()
    const [member] = state.streams
    const other = new World({
      ...state,
      streams: [
        { ...member!, held: [], revoking: [], isForgotten: true } as typeof member & object,
      ],
    })
    await settle()
    expect(other.of('revoked')).toMatchObject([{ lost: true }])
    expect(other.coordinator.beats).toMatchObject([{ memberEpoch: -1 }])
    other.say({ type: 'revoked', sub: 1 })
    await settle()
    expect(other.of('joined')).toHaveLength(1)
  })
})
