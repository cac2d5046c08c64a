import { describe, expect, it } from 'vitest'
import { deleteGroups } from '../../../src/broker/handlers/delete-groups.ts'
import { describeGroups } from '../../../src/broker/handlers/describe-groups.ts'
import { heartbeat } from '../../../src/broker/handlers/heartbeat.ts'
import { joinGroup } from '../../../src/broker/handlers/join-group.ts'
import { leaveGroup } from '../../../src/broker/handlers/leave-group.ts'
import { listGroups } from '../../../src/broker/handlers/list-groups.ts'
import { offsetDelete } from '../../../src/broker/handlers/offset-delete.ts'
import { syncGroup } from '../../../src/broker/handlers/sync-group.ts'
import { txnOffsetCommit } from '../../../src/broker/handlers/txn-offset-commit.ts'
import type { JoinGroupRequest } from '../../../src/protocol/messages/join-group.ts'
import type { SyncGroupRequest } from '../../../src/protocol/messages/sync-group.ts'
import { fakeContext, topicState } from '../fakes.ts'

const call = (version: number) => ({ version, clientId: 'c' })
const lost = () => Promise.reject(new Error('the object has ended'))

/** A context of which every call to a group fails. */
const broken = fakeContext({
  cluster: {
    listGroups: lost,
    lookup: async ({ names = [] }) => ({
      clusterId: 'c',
      topics: names.map((name) => ({ error: 0, topic: topicState(name) }) as const),
    }),
  },
  topics: [topicState('t')],
  group: () => ({
    joinGroup: lost,
    syncGroup: lost,
    heartbeat: lost,
    leaveGroup: lost,
    describe: lost,
    deleteGroup: lost,
    deleteOffsets: lost,
    commitInTransaction: lost,
  }),
})

const JOIN: JoinGroupRequest = {
  groupId: 'g',
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 10_000,
  memberId: 'm',
  groupInstanceId: null,
  protocolType: 'consumer',
  protocols: [],
  reason: null,
}
const SYNC: SyncGroupRequest = {
  groupId: 'g',
  generationId: 1,
  memberId: 'm',
  groupInstanceId: null,
  protocolType: 'consumer',
  protocolName: 'range',
  assignments: [],
}

describe('a call to a group that fails', () => {
  it('is answered with a code on which clients ask again and keep their ids', async () => {
    const joined = await joinGroup(JOIN, call(9), broken).response
    expect(joined).toMatchObject({ errorCode: 14, memberId: 'm' })
    expect(await joinGroup(JOIN, call(6), broken).response).toMatchObject({ protocolName: '' })
    expect((await syncGroup(SYNC, call(5), broken).response)?.errorCode).toBe(27)
    const member = { groupId: 'g', memberId: 'm', generationId: 1, groupInstanceId: null }
    expect((await heartbeat(member, call(4), broken)).errorCode).toBe(15)
    const left = { groupId: 'g', memberId: 'm', members: [] }
    for (const version of [0, 5]) {
      expect((await leaveGroup(left, call(version), broken)).errorCode).toBe(15)
    }
    const described = { groups: ['g'], includeAuthorizedOperations: true }
    expect((await describeGroups(described, call(6), broken)).groups[0]?.errorCode).toBe(15)
    const deleted = await deleteGroups({ groupsNames: ['g', 'g'] }, call(2), broken)
    expect(deleted.results).toEqual([{ groupId: 'g', errorCode: 15 }])
    const filters = { statesFilter: [], typesFilter: [] }
    expect((await listGroups(filters, call(5), broken)).errorCode).toBe(15)
    const topics = [{ name: 't', partitions: [{ partitionIndex: 0 }] }]
    expect((await offsetDelete({ groupId: 'g', topics }, call(0), broken)).errorCode).toBe(15)
  })

  it('does not hold up what follows a join or a sync on its connection', () => {
    for (const handling of [joinGroup(JOIN, call(9), broken), syncGroup(SYNC, call(5), broken)]) {
      expect([handling.effect, handling.appends]).toEqual([undefined, false])
      handling.response.catch(() => {})
    }
  })
})

describe('JoinGroup and SyncGroup', () => {
  it('send metadata and assignments without the frame around them', async () => {
    const frame = new Uint8Array(1_000).fill(7)
    const view = frame.subarray(10, 14)
    const sent: Uint8Array[] = []
    const context = fakeContext({
      group: () => ({
        joinGroup: async (request) => {
          sent.push(...request.protocols.map(({ metadata }) => metadata))
          return { errorCode: 0, protocolName: 'range', leader: '', memberId: '', members: [] }
        },
        syncGroup: async (request) => {
          sent.push(...request.assignments.map(({ assignment }) => assignment))
          return { errorCode: 0, assignment: view }
        },
      }),
    })
    await joinGroup({ ...JOIN, protocols: [{ name: 'range', metadata: view }] }, call(9), context)
      .response
    const assignments = [{ memberId: 'm', assignment: view }]
    await syncGroup({ ...SYNC, assignments }, call(5), context).response
    expect(sent.map(({ buffer }) => buffer.byteLength)).toEqual([4, 4])
  })
})

describe('TxnOffsetCommit', () => {
  const partition = {
    partitionIndex: 0,
    committedOffset: 1,
    committedLeaderEpoch: -1,
    committedMetadata: null,
  }
  const request = {
    transactionalId: 'txn',
    groupId: 'g',
    producerId: 5n,
    producerEpoch: 0,
    generationId: -1,
    memberId: '',
    groupInstanceId: null,
    topics: [{ name: 't', partitions: [partition] }],
  }
  const errorOf = async (said: object) =>
    (await txnOffsetCommit({ ...request, ...said }, call(5), broken)).topics[0]?.partitions[0]
      ?.errorCode

  it('of a producer id that was never given is refused without a call', async () => {
    expect(await errorOf({ producerId: -1n })).toBe(49)
    expect(await errorOf({ producerId: 2n ** 62n })).toBe(49)
    expect(await errorOf({ groupId: '' })).toBe(24)
    expect(await errorOf({})).toBe(15)
  })
})
