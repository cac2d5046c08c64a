// Committed offsets: commit, fetch, delete, expiry, and offsets of transactions until they end.
// KIP-98, KIP-211, KIP-320, KIP-447, KIP-496, KIP-709.

import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect } from 'vitest'
import { AddOffsetsToTxn } from '../../../src/protocol/messages/add-offsets-to-txn.ts'
import { DeleteGroups } from '../../../src/protocol/messages/delete-groups.ts'
import { EndTxn } from '../../../src/protocol/messages/end-txn.ts'
import { FindCoordinator } from '../../../src/protocol/messages/find-coordinator.ts'
import { InitProducerId } from '../../../src/protocol/messages/init-producer-id.ts'
import { ListGroups } from '../../../src/protocol/messages/list-groups.ts'
import { OffsetCommit } from '../../../src/protocol/messages/offset-commit.ts'
import { OffsetDelete } from '../../../src/protocol/messages/offset-delete.ts'
import { OffsetFetch } from '../../../src/protocol/messages/offset-fetch.ts'
import { TxnOffsetCommit } from '../../../src/protocol/messages/txn-offset-commit.ts'
import { createTopic, deleteTopic, until } from '../calls.ts'
import {
  ClassicMember,
  coordinatorReady,
  protocol,
  RANGE,
  subscription,
} from '../classic-member.ts'
import { suite } from '../target.ts'
import { Wire } from '../wire.ts'

const shared = suite('offsets', {
  set: {
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '200',
    'offsets.retention.check.interval.ms': '300',
  },
})
const { scenario, connect, topic } = shared
let groups = 0
const group = () => `group-${++groups}`

beforeAll(async () => {
  const wire = await Wire.open(shared.target.kafka)
  await coordinatorReady(wire, 'ready')
  wire.close()
})

/** A consumer outside of any membership: it commits and fetches for a group. */
class Simple {
  readonly wire: Wire
  readonly groupId: string

  constructor(wire: Wire, groupId: string) {
    this.wire = wire
    this.groupId = groupId
  }

  /** Commits one offset; gives its error. */
  async commit(
    name: string,
    committedOffset: number,
    {
      partition = 0,
      metadata = null as string | null,
      leaderEpoch = -1,
      retentionMs = -1,
      version = 9,
    } = {},
  ): Promise<number> {
    const one = {
      partitionIndex: partition,
      committedOffset,
      committedLeaderEpoch: leaderEpoch,
      committedMetadata: metadata,
    }
    const got = await this.wire.call(OffsetCommit, version, {
      groupId: this.groupId,
      memberId: '',
      retentionTimeMs: retentionMs,
      topics: [{ name, partitions: [one] }],
    })
    return got.topics[0]!.partitions[0]!.errorCode
  }

  /** The offset, epoch, metadata and error of a partition. */
  async fetch(name: string, partition = 0, requireStable = false) {
    const asked = [{ name, partitionIndexes: [partition] }]
    const got = await this.wire.call(OffsetFetch, 8, {
      groups: [{ groupId: this.groupId, topics: asked }],
      requireStable,
    })
    const one = got.groups[0]!
    expect(one.errorCode).toBe(0)
    const { committedOffset, committedLeaderEpoch, metadata, errorCode } =
      one.topics[0]!.partitions[0]!
    return [committedOffset, committedLeaderEpoch, metadata, errorCode]
  }

  /** Everything committed, as `name-partition: offset`. */
  async all(): Promise<string[]> {
    const { wire, groupId } = this
    const got = await wire.call(OffsetFetch, 8, { groups: [{ groupId, topics: null }] })
    expect(got.groups[0]!.errorCode).toBe(0)
    return got.groups[0]!.topics.flatMap(({ name, partitions }) =>
      partitions.map((one) => `${name}-${one.partitionIndex}: ${one.committedOffset}`),
    ).toSorted()
  }
}

async function simple(groupId = group()): Promise<Simple> {
  return new Simple(await connect(), groupId)
}

async function newTopic(wire: Wire, partitions = 1): Promise<string> {
  const name = topic()
  await createTopic(wire, name, partitions)
  return name
}

/** A member alone in a stable group. */
async function stableMember(groupId: string, subscribed = 't'): Promise<ClassicMember> {
  const one = new ClassicMember(await connect(), groupId)
  const protocols = [protocol(RANGE, subscription(subscribed))]
  expect((await one.join({ protocols })).errorCode).toBe(0)
  expect((await one.sync()).errorCode).toBe(0)
  return one
}

const NONE = [-1, -1, '', 0]

describe('OffsetCommit', () => {
  for (let version = 2; version <= 9; version += 1) {
    scenario(`in version ${version} from outside makes a group and is kept`, async () => {
      const one = await simple()
      const name = await newTopic(one.wire, 2)
      const what = { partition: 1, metadata: 'mine', leaderEpoch: 0, version }
      expect(await one.commit(name, 42, what)).toBe(0)
      expect(await one.fetch(name, 1)).toEqual([42, version >= 6 ? 0 : -1, 'mine', 0])
      expect(await one.fetch(name, 0)).toEqual(NONE)
      await until(async () => {
        const listed = (await one.wire.call(ListGroups, 5, {})).groups
        const found = listed.find(({ groupId }) => groupId === one.groupId)
        if (found === undefined) return false
        expect(found).toMatchObject({ protocolType: '', groupState: 'Empty', groupType: 'classic' })
        return true
      })
    })
  }

  scenario('keeps null metadata as an empty text, and offsets of any size', async () => {
    const one = await simple()
    const name = await newTopic(one.wire)
    expect(await one.commit(name, 0)).toBe(0)
    expect(await one.fetch(name)).toEqual([0, -1, '', 0])
    expect(await one.commit(name, 2 ** 53 - 1)).toBe(0)
    expect(await one.fetch(name)).toEqual([2 ** 53 - 1, -1, '', 0])
    expect(await one.commit(name, -1)).toBe(0)
    expect(await one.fetch(name)).toEqual([-1, -1, '', 0])
  })

  scenario('goes back as it goes on', async () => {
    const one = await simple()
    const name = await newTopic(one.wire)
    for (const offset of [10, 20, 5]) expect(await one.commit(name, offset)).toBe(0)
    expect(await one.fetch(name)).toEqual([5, -1, '', 0])
  })

  scenario('of an unknown topic or partition is refused, the rest is kept', async () => {
    const one = await simple()
    const name = await newTopic(one.wire, 1)
    const partition = (partitionIndex: number) => ({
      partitionIndex,
      committedOffset: 7,
      committedMetadata: 'x'.repeat(partitionIndex === 0 ? 4_096 : 4_097),
    })
    const { topics } = await one.wire.call(OffsetCommit, 8, {
      groupId: one.groupId,
      memberId: '',
      topics: [
        { name: 'no-such-topic', partitions: [partition(0)] },
        { name, partitions: [partition(0), partition(1), partition(-1)] },
      ],
    })
    const errors = new Map(
      topics.flatMap((each) =>
        each.partitions.map((got) => [`${each.name}-${got.partitionIndex}`, got.errorCode]),
      ),
    )
    expect(errors).toEqual(
      new Map([
        ['no-such-topic-0', 3],
        [`${name}-0`, 0],
        [`${name}-1`, 3],
        [`${name}--1`, 3],
      ]),
    )
    expect((await one.fetch(name))[0]).toBe(7)
  })

  scenario('with metadata over offset.metadata.max.bytes is too large', async () => {
    const one = await simple()
    const name = await newTopic(one.wire)
    expect(await one.commit(name, 7, { metadata: 'x'.repeat(4_097) })).toBe(12)
    expect(await one.fetch(name)).toEqual(NONE)
    expect(await one.commit(name, 7, { metadata: 'ä'.repeat(4_096) })).toBe(0)
  })

  scenario('for the empty group id is taken, as long ago', async () => {
    const one = await simple('')
    const name = await newTopic(one.wire)
    expect(await one.commit(name, 3)).toBe(0)
    expect(await one.fetch(name)).toEqual([3, -1, '', 0])
  })

  scenario('of a member is checked: who it is, which generation, which instance', async () => {
    const id = group()
    const stranger = new ClassicMember(await connect(), id)
    const name = await newTopic(stranger.wire)
    const said = { generationIdOrMemberEpoch: 1, memberId: 'me' }
    expect(await stranger.commit(name, 1, said, 8)).toBe(22)
    expect(await stranger.commit(name, 1, said, 9)).toBe(69)
    const one = await stableMember(id)
    expect(await one.commit(name, 1)).toBe(0)
    expect(await one.commit(name, 2, { memberId: 'me' })).toBe(25)
    expect(await one.commit(name, 2, { generationIdOrMemberEpoch: 2 })).toBe(22)
    expect(await one.commit(name, 2, { generationIdOrMemberEpoch: -1 })).toBe(22)
    expect(await one.commit(name, 2, { groupInstanceId: 'nobody' })).toBe(25)
    const outside = await simple(id)
    expect(await outside.commit(name, 2)).toBe(25)
    expect(await outside.fetch(name)).toEqual([1, -1, '', 0])
  })

  scenario('of a fenced static member is refused', async () => {
    const old = new ClassicMember(await connect(), group(), 'i')
    const name = await newTopic(old.wire)
    await old.join()
    await old.sync()
    const back = new ClassicMember(await connect(), old.groupId, 'i')
    await back.join()
    expect(await old.commit(name, 1)).toBe(82)
    expect(await back.commit(name, 2)).toBe(0)
  })

  scenario(
    'during a rebalance is taken until the new generation waits for its assignment',
    async () => {
      const one = await stableMember(group())
      const name = await newTopic(one.wire)
      const other = new ClassicMember(await connect(), one.groupId)
      const joined = other.join()
      await until(async () => (await one.heartbeat()) === 27)
      expect(await one.commit(name, 5)).toBe(0)
      await Promise.all([joined, one.join()])
      expect(await one.commit(name, 6)).toBe(27)
      const reader = await simple(one.groupId)
      expect((await reader.fetch(name))[0]).toBe(5)
    },
  )

  scenario('pipelined before a fetch is seen by it', async () => {
    const one = await simple()
    const name = await newTopic(one.wire)
    for (let offset = 1; offset <= 30; offset += 1) {
      const partition = { partitionIndex: 0, committedOffset: offset, committedMetadata: null }
      const commit = one.wire.send(OffsetCommit, 8, {
        groupId: one.groupId,
        memberId: '',
        topics: [{ name, partitions: [partition] }],
      })
      const fetch = one.wire.send(OffsetFetch, 8, {
        groups: [{ groupId: one.groupId, topics: [{ name, partitionIndexes: [0] }] }],
      })
      await one.wire.answer(OffsetCommit, 8, commit)
      const got = await one.wire.answer(OffsetFetch, 8, fetch)
      expect(got.groups[0]!.topics[0]!.partitions[0]!.committedOffset).toBe(offset)
    }
  })

  scenario('is kept when the broker is killed', async () => {
    const one = await simple()
    const name = await newTopic(one.wire)
    expect(await one.commit(name, 77, { metadata: 'kept' })).toBe(0)
    await shared.restart('kill')
    const again = await simple(one.groupId)
    await coordinatorReady(again.wire, one.groupId)
    expect(await again.fetch(name)).toEqual([77, -1, 'kept', 0])
  })
})

describe('OffsetFetch', () => {
  for (let version = 1; version <= 9; version += 1) {
    scenario(`in version ${version} gives what is committed and -1 for the rest`, async () => {
      const one = await simple()
      const name = await newTopic(one.wire, 2)
      await one.commit(name, 9, { metadata: 'm', leaderEpoch: 0 })
      const topics = [
        { name, partitionIndexes: [0, 1, 99] },
        { name: 'no-such-topic', partitionIndexes: [0] },
      ]
      const { groupId } = one
      const body = version >= 8 ? { groups: [{ groupId, topics }] } : { groupId, topics }
      const got = await one.wire.call(OffsetFetch, version, body)
      const answer = version >= 8 ? got.groups[0]! : got
      expect(answer.errorCode).toBe(0)
      const byName = new Map(answer.topics.map((each) => [each.name, each.partitions]))
      const committedLeaderEpoch = version >= 5 ? 0 : -1
      const none = { committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: 0 }
      expect(byName.get(name)).toEqual([
        {
          partitionIndex: 0,
          committedOffset: 9,
          committedLeaderEpoch,
          metadata: 'm',
          errorCode: 0,
        },
        { partitionIndex: 1, ...none },
        { partitionIndex: 99, ...none },
      ])
      expect(byName.get('no-such-topic')).toEqual([{ partitionIndex: 0, ...none }])
    })
  }

  for (let version = 2; version <= 9; version += 1) {
    scenario(`in version ${version} of all topics gives everything`, async () => {
      const one = await simple()
      const [a, b] = [await newTopic(one.wire, 2), await newTopic(one.wire)]
      await one.commit(a, 1)
      await one.commit(a, 2, { partition: 1 })
      await one.commit(b, 3)
      const { groupId } = one
      const body =
        version >= 8 ? { groups: [{ groupId, topics: null }] } : { groupId, topics: null }
      const got = await one.wire.call(OffsetFetch, version, body)
      const { topics } = version >= 8 ? got.groups[0]! : got
      const flat = topics.flatMap(({ name, partitions }) =>
        partitions.map((each) => [name, each.partitionIndex, each.committedOffset]),
      )
      expect(flat.toSorted()).toEqual([
        [a, 0, 1],
        [a, 1, 2],
        [b, 0, 3],
      ])
    })
  }

  scenario('of an unknown group has no offsets and no error', async () => {
    const one = await simple()
    const name = await newTopic(one.wire)
    expect(await one.fetch(name)).toEqual(NONE)
    expect(await one.all()).toEqual([])
  })

  scenario('of several groups answers each', async () => {
    const [one, two] = [await simple(), await simple()]
    const name = await newTopic(one.wire)
    await one.commit(name, 1)
    await two.commit(name, 2)
    const asked = [{ name, partitionIndexes: [0] }]
    const got = await one.wire.call(OffsetFetch, 8, {
      groups: [
        { groupId: two.groupId, topics: asked },
        { groupId: one.groupId, topics: null },
        { groupId: group(), topics: asked },
      ],
    })
    const offsets = new Map(
      got.groups.map(({ groupId, topics }) => [groupId, topics[0]?.partitions[0]?.committedOffset]),
    )
    expect([offsets.get(two.groupId), offsets.get(one.groupId)]).toEqual([2, 1])
    expect(got.groups).toHaveLength(3)
  })

  scenario('of a topic created anew does not resume at its predecessor', async () => {
    const one = await simple()
    const name = await newTopic(one.wire)
    await one.commit(name, 50)
    expect(await deleteTopic(one.wire, name)).toBe(0)
    await until(async () => (await one.all()).length === 0)
    await createTopic(one.wire, name)
    expect(await one.fetch(name)).toEqual(NONE)
    expect(await one.commit(name, 1)).toBe(0)
    expect(await one.all()).toEqual([`${name}-0: 1`])
  })
})

describe('OffsetDelete', () => {
  const remove = async (one: Simple, name: string, partition = 0) => {
    const topics = [{ name, partitions: [{ partitionIndex: partition }] }]
    const got = await one.wire.call(OffsetDelete, 0, { groupId: one.groupId, topics })
    return [got.errorCode, got.topics[0]?.partitions[0]?.errorCode]
  }

  scenario('removes what is committed, also where nothing is', async () => {
    const one = await simple()
    const name = await newTopic(one.wire, 2)
    await one.commit(name, 4)
    expect(await remove(one, name)).toEqual([0, 0])
    expect(await one.fetch(name)).toEqual(NONE)
    await one.commit(name, 4)
    expect(await remove(one, name, 1)).toEqual([0, 0])
    expect(await remove(one, name, 2)).toEqual([0, 3])
    expect(await remove(one, 'no-such-topic')).toEqual([0, 3])
    expect((await one.fetch(name))[0]).toBe(4)
  })

  scenario('of an unknown group or an empty id says so', async () => {
    const one = await simple()
    const name = await newTopic(one.wire)
    expect((await remove(one, name))[0]).toBe(69)
    expect((await remove(await simple(''), name))[0]).toBe(24)
  })

  scenario('of a subscribed topic is refused, of another is not', async () => {
    const wire = await connect()
    const [subscribed, other] = [await newTopic(wire), await newTopic(wire)]
    const one = await stableMember(group(), subscribed)
    expect(await one.commit(subscribed, 1)).toBe(0)
    expect(await one.commit(other, 2)).toBe(0)
    const admin = new Simple(wire, one.groupId)
    expect(await remove(admin, subscribed)).toEqual([0, 86])
    expect(await remove(admin, other)).toEqual([0, 0])
    expect(await admin.all()).toEqual([`${subscribed}-0: 1`])
  })

  scenario('of a live group that is no group of consumers is refused', async () => {
    const one = new ClassicMember(await connect(), group())
    const name = await newTopic(one.wire)
    await one.join({ protocolType: 'connect' })
    expect((await remove(new Simple(one.wire, one.groupId), name))[0]).toBe(68)
  })
})

describe('DeleteGroups', () => {
  scenario('removes the offsets of the group', async () => {
    const one = await simple()
    const name = await newTopic(one.wire)
    await one.commit(name, 4)
    const { results } = await one.wire.call(DeleteGroups, 2, { groupsNames: [one.groupId] })
    expect(results[0]?.errorCode).toBe(0)
    expect(await one.fetch(name)).toEqual(NONE)
    await one.commit(name, 5)
    expect(await one.all()).toEqual([`${name}-0: 5`])
  })
})

describe('Offsets', () => {
  scenario(
    'of a simple consumer expire when an old client said so, and their group too',
    async () => {
      const one = await simple()
      const name = await newTopic(one.wire, 2)
      expect(await one.commit(name, 1, { version: 2, retentionMs: 500 })).toBe(0)
      expect(await one.commit(name, 2, { version: 4, retentionMs: 60_000, partition: 1 })).toBe(0)
      await until(async () => (await one.all()).length === 1)
      expect(await one.all()).toEqual([`${name}-1: 2`])
      const brief = await simple()
      await brief.commit(name, 1, { version: 2, retentionMs: 1 })
      await until(async () => {
        const { groups: listed } = await brief.wire.call(ListGroups, 5, {})
        return !listed.some(({ groupId }) => groupId === brief.groupId)
      })
    },
  )

  scenario('of a live group do not expire while they are subscribed', async () => {
    const wire = await connect()
    const [subscribed, other] = [await newTopic(wire), await newTopic(wire)]
    const one = await stableMember(group(), subscribed)
    const said = { retentionTimeMs: 1 }
    expect(await one.commit(subscribed, 1, said, 4)).toBe(0)
    expect(await one.commit(other, 2, said, 4)).toBe(0)
    const reader = new Simple(wire, one.groupId)
    await until(async () => (await reader.all()).length === 1)
    await sleep(700)
    expect(await reader.all()).toEqual([`${subscribed}-0: 1`])
  })
})

/** A producer with a transaction open. */
async function transaction(wire: Wire) {
  const transactionalId = topic()
  await until(async () => {
    const body = { keyType: 1, coordinatorKeys: [transactionalId] }
    return (await wire.call(FindCoordinator, 4, body)).coordinators[0]?.errorCode === 0
  })
  let got = await wire.call(InitProducerId, 4, { transactionalId, transactionTimeoutMs: 60_000 })
  await until(async () => {
    if (got.errorCode === 0) return true
    got = await wire.call(InitProducerId, 4, { transactionalId, transactionTimeoutMs: 60_000 })
    return got.errorCode === 0
  })
  const { producerId, producerEpoch } = got
  const producer = { transactionalId, producerId, producerEpoch }
  return {
    ...producer,
    async add(groupId: string) {
      let errorCode = 51
      await until(async () => {
        errorCode = (await wire.call(AddOffsetsToTxn, 3, { ...producer, groupId })).errorCode
        return errorCode !== 51
      })
      expect(errorCode).toBe(0)
    },
    async commit(
      groupId: string,
      name: string,
      committedOffset: number,
      said: object = {},
      version = 3,
    ) {
      const one = { partitionIndex: 0, committedOffset, committedMetadata: 'txn' }
      const topics = [{ name, partitions: [one] }]
      const body = { ...producer, groupId, topics, ...said }
      const { topics: answers } = await wire.call(TxnOffsetCommit, version, body)
      return answers[0]!.partitions[0]!.errorCode
    },
    async end(committed: boolean) {
      const { errorCode } = await wire.call(EndTxn, 3, { ...producer, committed })
      expect(errorCode).toBe(0)
    },
  }
}

describe('TxnOffsetCommit', () => {
  for (let version = 0; version <= 4; version += 1) {
    scenario(`in version ${version} counts when the transaction commits`, async () => {
      const one = await simple()
      const name = await newTopic(one.wire)
      await one.commit(name, 10)
      const txn = await transaction(one.wire)
      await txn.add(one.groupId)
      expect(await txn.commit(one.groupId, name, 20, {}, version)).toBe(0)
      expect(await one.fetch(name)).toEqual([10, -1, '', 0])
      expect(await one.fetch(name, 0, true)).toEqual([-1, -1, '', 88])
      await txn.end(true)
      await until(async () => (await one.fetch(name, 0, true))[3] === 0)
      expect(await one.fetch(name)).toEqual([20, -1, 'txn', 0])
    })
  }

  scenario('is dropped when the transaction aborts', async () => {
    const one = await simple()
    const name = await newTopic(one.wire)
    await one.commit(name, 10)
    const txn = await transaction(one.wire)
    await txn.add(one.groupId)
    expect(await txn.commit(one.groupId, name, 20)).toBe(0)
    await txn.end(false)
    await until(async () => (await one.fetch(name, 0, true))[3] === 0)
    expect(await one.fetch(name)).toEqual([10, -1, '', 0])
  })

  scenario('is overtaken by a commit that came after it', async () => {
    const one = await simple()
    const name = await newTopic(one.wire)
    const txn = await transaction(one.wire)
    await txn.add(one.groupId)
    expect(await txn.commit(one.groupId, name, 20)).toBe(0)
    expect(await one.commit(name, 15)).toBe(0)
    await txn.end(true)
    await until(async () => (await one.fetch(name, 0, true))[3] === 0)
    expect(await one.fetch(name)).toEqual([15, -1, '', 0])
  })

  scenario('again in the same transaction replaces what it said before', async () => {
    const one = await simple()
    const name = await newTopic(one.wire)
    const txn = await transaction(one.wire)
    await txn.add(one.groupId)
    expect(await txn.commit(one.groupId, name, 20)).toBe(0)
    expect(await txn.commit(one.groupId, name, 21)).toBe(0)
    await txn.end(true)
    await until(async () => (await one.fetch(name, 0, true))[3] === 0)
    expect((await one.fetch(name))[0]).toBe(21)
    await txn.add(one.groupId)
    expect(await txn.commit(one.groupId, name, 30)).toBe(0)
    expect((await one.fetch(name))[0]).toBe(21)
    await txn.end(true)
    await until(async () => (await one.fetch(name))[0] === 30)
  })

  scenario('without the group in the transaction is refused', async () => {
    const one = await simple()
    const name = await newTopic(one.wire)
    const txn = await transaction(one.wire)
    expect(await txn.commit(one.groupId, name, 20, {}, 3)).toBe(48)
    expect(await txn.commit(one.groupId, name, 20, {}, 4)).toBe(120)
    expect(await one.fetch(name, 0, true)).toEqual(NONE)
  })

  scenario('of a foreign producer is refused', async () => {
    const one = await simple()
    const name = await newTopic(one.wire)
    const txn = await transaction(one.wire)
    await txn.add(one.groupId)
    const producerId = txn.producerId + 1_000_000n
    expect(await txn.commit(one.groupId, name, 20, { producerId })).toBe(49)
    const older = { producerEpoch: txn.producerEpoch - 1 }
    expect(await txn.commit(one.groupId, name, 20, older)).toBe(47)
    expect(await one.fetch(name, 0, true)).toEqual(NONE)
  })

  scenario('of a member is checked as a commit is, and taken during any rebalance', async () => {
    const one = await stableMember(group())
    const name = await newTopic(one.wire)
    const txn = await transaction(await connect())
    await txn.add(one.groupId)
    const me = { memberId: one.memberId, generationId: one.generationId }
    expect(await txn.commit(one.groupId, name, 1, { ...me, memberId: 'me' })).toBe(25)
    expect(await txn.commit(one.groupId, name, 1, { ...me, generationId: 9 })).toBe(22)
    expect(await txn.commit(one.groupId, name, 1, { ...me, groupInstanceId: 'i' })).toBe(25)
    expect(await txn.commit(one.groupId, name, 1, me)).toBe(0)
    expect(await txn.commit(one.groupId, name, 2)).toBe(0)
    const again = await one.join()
    expect(again.errorCode).toBe(0)
    const now = { ...me, generationId: again.generationId }
    expect(await txn.commit(one.groupId, name, 3, now)).toBe(0)
    expect(await txn.commit(group(), name, 1, { ...me })).toBe(22)
    expect(await txn.commit('', name, 1)).toBe(24)
    expect(await txn.commit(one.groupId, 'no-such-topic', 1)).toBe(3)
  })

  scenario('keeps the offset from expiring', async () => {
    const one = await simple()
    const name = await newTopic(one.wire)
    const txn = await transaction(one.wire)
    await txn.add(one.groupId)
    expect(await txn.commit(one.groupId, name, 20)).toBe(0)
    expect(await one.commit(name, 15, { version: 2, retentionMs: 1 })).toBe(0)
    await sleep(900)
    expect((await one.fetch(name))[0]).toBe(15)
    await txn.end(false)
    await until(async () => (await one.fetch(name))[0] === -1)
  })

  scenario('is kept when the broker is killed, and so is its end', async () => {
    const one = await simple()
    const name = await newTopic(one.wire)
    await one.commit(name, 10)
    const txn = await transaction(one.wire)
    await txn.add(one.groupId)
    expect(await txn.commit(one.groupId, name, 20)).toBe(0)
    await shared.restart('kill')
    const again = await simple(one.groupId)
    await coordinatorReady(again.wire, one.groupId)
    await until(async () => (await again.fetch(name, 0, true))[3] === 88)
    expect((await again.fetch(name))[0]).toBe(10)
    const { transactionalId, producerId, producerEpoch } = txn
    await until(async () => {
      const body = { transactionalId, producerId, producerEpoch, committed: true }
      return (await again.wire.call(EndTxn, 3, body)).errorCode === 0
    })
    await until(async () => (await again.fetch(name))[0] === 20)
  })
})
