// The member's state machine of KIP-848, a row per state and circumstance.

import { describe, expect, test } from 'vitest'
import { reconcile } from '../../../src/group/consumer/current-assignment.ts'
import {
  type ConsumerMember,
  type MemberState,
  newMember,
} from '../../../src/group/consumer/member.ts'
import { listPartitions, partitionsOf } from '../../../src/group/consumer/partitions.ts'
import { flat, topicId } from './harness.ts'

const TOPIC = topicId('t')
const these = (...partitions: number[]) => partitionsOf([{ topicId: TOPIC, partitions }])
const numbers = (partitions: ReturnType<typeof these>) =>
  flat(listPartitions(partitions)).map((one) => Number(one.split(':')[1]))

interface Row {
  readonly title: string
  readonly state: MemberState
  readonly epoch: number
  readonly assigned: readonly number[]
  readonly revoking?: readonly number[]
  readonly target: readonly number[]
  readonly targetEpoch: number
  /** Partitions that others have. */
  readonly taken?: readonly number[]
  /** Not said when absent. */
  readonly owned?: readonly number[]
  readonly becomes: readonly [
    state: MemberState,
    epoch: number,
    previousEpoch: number,
    assigned: readonly number[],
    revoking: readonly number[],
  ]
}

const PREVIOUS = 4

const ROWS: Readonly<Record<MemberState, readonly Row[]>> = {
  STABLE: [
    {
      title: 'at the target epoch stays',
      state: 'STABLE',
      epoch: 10,
      assigned: [0, 1],
      target: [5],
      targetEpoch: 10,
      becomes: ['STABLE', 10, PREVIOUS, [0, 1], []],
    },
    {
      title: 'with the same target moves to its epoch',
      state: 'STABLE',
      epoch: 10,
      assigned: [0, 1],
      target: [0, 1],
      targetEpoch: 11,
      becomes: ['STABLE', 11, 10, [0, 1], []],
    },
    {
      title: 'is given what is free',
      state: 'STABLE',
      epoch: 10,
      assigned: [0],
      target: [0, 1, 2],
      targetEpoch: 11,
      becomes: ['STABLE', 11, 10, [0, 1, 2], []],
    },
    {
      title: 'is given what is free and waits for the rest',
      state: 'STABLE',
      epoch: 10,
      assigned: [0],
      target: [0, 1, 2],
      targetEpoch: 11,
      taken: [2],
      becomes: ['UNRELEASED_PARTITIONS', 11, 10, [0, 1], []],
    },
    {
      title: 'waits when all it lacks is taken',
      state: 'STABLE',
      epoch: 10,
      assigned: [0],
      target: [0, 2],
      targetEpoch: 11,
      taken: [2],
      becomes: ['UNRELEASED_PARTITIONS', 11, 10, [0], []],
    },
    {
      title: 'must give up first, and is given nothing meanwhile',
      state: 'STABLE',
      epoch: 10,
      assigned: [0, 1],
      target: [0, 2],
      targetEpoch: 11,
      becomes: ['UNREVOKED_PARTITIONS', 10, PREVIOUS, [0], [1]],
    },
    {
      title: 'that says it has not what it should give up need not',
      state: 'STABLE',
      epoch: 10,
      assigned: [0, 1],
      target: [0, 2],
      targetEpoch: 11,
      owned: [0],
      becomes: ['STABLE', 11, 10, [0, 2], []],
    },
    {
      title: 'that says it still has it must give it up',
      state: 'STABLE',
      epoch: 10,
      assigned: [0, 1],
      target: [0],
      targetEpoch: 12,
      owned: [0, 1],
      becomes: ['UNREVOKED_PARTITIONS', 10, PREVIOUS, [0], [1]],
    },
    {
      title: 'that joins is given its target',
      state: 'STABLE',
      epoch: 0,
      assigned: [],
      target: [3],
      targetEpoch: 7,
      owned: [],
      becomes: ['STABLE', 7, 0, [3], []],
    },
  ],
  UNREVOKED_PARTITIONS: [
    {
      title: 'that says nothing stays',
      state: 'UNREVOKED_PARTITIONS',
      epoch: 10,
      assigned: [0],
      revoking: [1],
      target: [0],
      targetEpoch: 11,
      becomes: ['UNREVOKED_PARTITIONS', 10, PREVIOUS, [0], [1]],
    },
    {
      title: 'that has it still stays',
      state: 'UNREVOKED_PARTITIONS',
      epoch: 10,
      assigned: [0],
      revoking: [1, 2],
      target: [0],
      targetEpoch: 11,
      owned: [0, 2],
      becomes: ['UNREVOKED_PARTITIONS', 10, PREVIOUS, [0], [1, 2]],
    },
    {
      title: 'that gave up moves to the target',
      state: 'UNREVOKED_PARTITIONS',
      epoch: 10,
      assigned: [0],
      revoking: [1],
      target: [0, 5],
      targetEpoch: 11,
      owned: [0],
      becomes: ['STABLE', 11, 10, [0, 5], []],
    },
    {
      title: 'that gave up and must give up more moves by one epoch',
      state: 'UNREVOKED_PARTITIONS',
      epoch: 10,
      assigned: [0, 2],
      revoking: [1],
      target: [0],
      targetEpoch: 14,
      owned: [0, 2],
      becomes: ['UNREVOKED_PARTITIONS', 11, 10, [0], [2]],
    },
    {
      title: 'that gave up waits for what others have',
      state: 'UNREVOKED_PARTITIONS',
      epoch: 10,
      assigned: [0],
      revoking: [1],
      target: [0, 5],
      targetEpoch: 11,
      taken: [5],
      owned: [0],
      becomes: ['UNRELEASED_PARTITIONS', 11, 10, [0], []],
    },
  ],
  UNRELEASED_PARTITIONS: [
    {
      title: 'stays while nothing is freed',
      state: 'UNRELEASED_PARTITIONS',
      epoch: 11,
      assigned: [0],
      target: [0, 5],
      targetEpoch: 11,
      taken: [5],
      becomes: ['UNRELEASED_PARTITIONS', 11, PREVIOUS, [0], []],
    },
    {
      title: 'is given what is freed bit by bit',
      state: 'UNRELEASED_PARTITIONS',
      epoch: 11,
      assigned: [0],
      target: [0, 5, 6],
      targetEpoch: 11,
      taken: [6],
      becomes: ['UNRELEASED_PARTITIONS', 11, PREVIOUS, [0, 5], []],
    },
    {
      title: 'is stable with the last of it',
      state: 'UNRELEASED_PARTITIONS',
      epoch: 11,
      assigned: [0, 5],
      target: [0, 5, 6],
      targetEpoch: 11,
      becomes: ['STABLE', 11, PREVIOUS, [0, 5, 6], []],
    },
    {
      title: 'gives up for a newer target',
      state: 'UNRELEASED_PARTITIONS',
      epoch: 11,
      assigned: [0],
      target: [7],
      targetEpoch: 12,
      becomes: ['UNREVOKED_PARTITIONS', 11, PREVIOUS, [], [0]],
    },
  ],
}

describe.each(Object.entries(ROWS))('A member that is %s', (state, rows) => {
  test.each(rows)('$title', (row) => {
    expect(row.state).toBe(state)
    const member: ConsumerMember = {
      ...newMember('m'),
      state: row.state,
      epoch: row.epoch,
      previousEpoch: PREVIOUS,
      assigned: these(...row.assigned),
      revoking: these(...(row.revoking ?? [])),
      target: these(...row.target),
    }
    const after = reconcile(member, {
      targetEpoch: row.targetEpoch,
      owned: row.owned === undefined ? null : these(...row.owned),
      isFree: (_, partition) => row.taken?.includes(partition) !== true,
    })
    expect([
      after.state,
      after.epoch,
      after.previousEpoch,
      numbers(after.assigned),
      numbers(after.revoking),
    ]).toEqual(row.becomes)
  })
})
