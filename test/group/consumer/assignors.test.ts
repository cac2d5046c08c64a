// What both assignors promise for any group, and what each promises beside: Kafka's uniform and range.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { TopicId } from '../../../src/core/ids.ts'
import {
  type AssignableGroup,
  type AssignableMember,
  assignorOf,
  supportedAssignors,
} from '../../../src/group/consumer/assignor.ts'
import {
  countPartitions,
  listPartitions,
  NO_PARTITIONS,
  type Partitions,
  without,
} from '../../../src/group/consumer/partitions.ts'
import { flat, topicId } from './harness.ts'

const NAMES = ['a', 'b', 'c', 'd', 'e'] as const
const uniform = assignorOf('uniform')
const range = assignorOf('range')

/** Topics with 1-9 partitions and members that each subscribe to some. */
const anyGroup = fc
  .record({
    counts: fc.array(fc.integer({ min: 1, max: 9 }), {
      minLength: NAMES.length,
      maxLength: NAMES.length,
    }),
    members: fc.array(
      fc.record({
        topics: fc.subarray([...NAMES]),
        instanceId: fc.option(fc.constantFrom('i1', 'i2', 'i3', 'i4', 'i5', 'i6')),
      }),
      { minLength: 1, maxLength: 8 },
    ),
  })
  .map(({ counts, members }) => groupOf(counts, members))

/** All subscribe to all. */
const alikeGroup = fc
  .record({
    counts: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
    members: fc.integer({ min: 1, max: 9 }),
  })
  .map(({ counts, members }) =>
    groupOf(
      counts,
      Array.from({ length: members }, () => ({
        topics: NAMES.slice(0, counts.length),
        instanceId: null,
      })),
    ),
  )

function groupOf(
  counts: readonly number[],
  members: readonly { readonly topics: readonly string[]; readonly instanceId: string | null }[],
): AssignableGroup {
  const seen = new Set<string>()
  return withMembers(
    counts,
    members.map(({ topics, instanceId }, index) => {
      const isNew = instanceId !== null && !seen.has(instanceId)
      if (isNew) seen.add(instanceId)
      return {
        memberId: `m${index}`,
        instanceId: isNew ? instanceId : null,
        topicIds: topics.map((name) => topicId(name)).sort(),
        target: NO_PARTITIONS,
      }
    }),
  )
}

function withMembers(
  counts: readonly number[],
  members: readonly AssignableMember[],
): AssignableGroup {
  const subscribed = new Set(members.flatMap(({ topicIds }) => topicIds))
  const partitions = new Map<TopicId, number>()
  for (const [index, count] of counts.entries()) {
    const id = topicId(NAMES[index]!)
    if (subscribed.has(id)) partitions.set(id, count)
  }
  return { members, partitions }
}

/** The group after it was assigned once. */
function assigned(group: AssignableGroup, targets: ReadonlyMap<string, Partitions>) {
  const members = group.members.map((member) => ({
    ...member,
    target: targets.get(member.memberId)!,
  }))
  return { ...group, members }
}

function everything({ partitions }: AssignableGroup): string[] {
  return flat(
    [...partitions].map(([id, count]) => ({
      topicId: id,
      partitions: Array.from({ length: count }, (_, partition) => partition),
    })),
  )
}

function expectWhole(group: AssignableGroup, targets: ReadonlyMap<string, Partitions>): void {
  expect([...targets.keys()].sort()).toEqual(group.members.map(({ memberId }) => memberId).sort())
  const given = [...targets.values()].flatMap((target) => flat(listPartitions(target)))
  expect(given.sort(), 'complete and disjoint').toEqual(everything(group))
  for (const { memberId, topicIds } of group.members) {
    for (const id of targets.get(memberId)!.keys()) expect(topicIds).toContain(id)
  }
}

describe.each(['uniform', 'range'])('The %s assignor', (name) => {
  const assign = assignorOf(name)

  test('gives every partition to one subscriber', () => {
    fc.assert(
      fc.property(anyGroup, (group) => expectWhole(group, assign(group))),
      { numRuns: 300 },
    )
  })

  test('changes nothing in a group that it has assigned', () => {
    fc.assert(
      fc.property(anyGroup, (group) => {
        const targets = assign(group)
        expect(assign(assigned(group, targets))).toEqual(targets)
      }),
    )
  })

  test('gives nothing where there is nothing', () => {
    expect(assign({ members: [], partitions: new Map() })).toEqual(new Map())
    const alone = groupOf([3], [{ topics: [], instanceId: null }])
    expect(assign(alone)).toEqual(new Map([['m0', NO_PARTITIONS]]))
  })
})

describe('The uniform assignor', () => {
  test('with one subscription gives all the same, but for one', () => {
    fc.assert(
      fc.property(alikeGroup, (group) => {
        const sizes = [...uniform(group).values()].map(countPartitions)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      }),
      { numRuns: 300 },
    )
  })

  test('with different subscriptions leaves no subscriber two behind an owner', () => {
    fc.assert(
      fc.property(anyGroup, (group) => {
        const targets = uniform(group)
        const size = (memberId: string) => countPartitions(targets.get(memberId)!)
        for (const owner of group.members) {
          for (const id of targets.get(owner.memberId)!.keys()) {
            for (const other of group.members) {
              if (!other.topicIds.includes(id)) continue
              expect(size(owner.memberId) - size(other.memberId)).toBeLessThanOrEqual(1)
            }
          }
        }
      }),
      { numRuns: 500 },
    )
  })

  test('takes no more from those who stay than those who come need', () => {
    fc.assert(
      fc.property(alikeGroup, (group) => {
        const before = assigned(group, uniform(group))
        const newcomer = { ...before.members[0]!, memberId: 'new', target: NO_PARTITIONS }
        const grown = { ...before, members: [...before.members, newcomer] }
        const after = uniform(grown)
        expectWhole(grown, after)
        let moved = 0
        for (const { memberId, target } of before.members) {
          moved += countPartitions(without(target, after.get(memberId)!))
          expect(without(after.get(memberId)!, target).size, 'no swap').toBe(0)
        }
        expect(moved).toBe(countPartitions(after.get('new')!))
      }),
    )
  })

  test('leaves those who stay what they have when one leaves', () => {
    fc.assert(
      fc.property(alikeGroup, (group) => {
        const before = assigned(group, uniform(group))
        const left = { ...before, members: before.members.slice(1) }
        if (left.members.length === 0) return
        const after = uniform(left)
        expectWhole(left, after)
        for (const { memberId, target } of left.members) {
          expect(without(target, after.get(memberId)!).size).toBe(0)
        }
      }),
    )
  })

  test('stays whole and fair through changes of members, topics and subscriptions', () => {
    fc.assert(
      fc.property(fc.array(anyGroup, { minLength: 2, maxLength: 6 }), (groups) => {
        let held = new Map<string, Partitions>()
        for (const group of groups) {
          const members = group.members.map((member) => ({
            ...member,
            target: held.get(member.memberId) ?? NO_PARTITIONS,
          }))
          const now = { ...group, members }
          held = new Map(uniform(now))
          expectWhole(now, held)
        }
      }),
    )
  })

  test('does not trust a target in which two have the same', () => {
    const group = groupOf(
      [4],
      [
        { topics: ['a'], instanceId: null },
        { topics: ['a'], instanceId: null },
      ],
    )
    const same: Partitions = new Map([[topicId('a'), [0, 1, 2, 7]]])
    const members = group.members.map((member) => ({ ...member, target: same }))
    expectWhole(group, uniform({ ...group, members }))
  })

  test('assigns a thousand members at once', () => {
    const members = Array.from({ length: 1_000 }, (_, index) => ({
      topics: index % 2 === 0 ? ['a', 'b'] : ['a'],
      instanceId: null,
    }))
    const group = groupOf([9, 9], members)
    const partitions = new Map([
      [topicId('a'), 1_000],
      [topicId('b'), 1_000],
    ])
    const targets = uniform({ ...group, partitions })
    const sizes = [...targets.values()].map(countPartitions)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(2_000)
    expect([Math.min(...sizes), Math.max(...sizes)]).toEqual([2, 2])
  })
})

describe('The range assignor', () => {
  test('gives runs in the order of the members, one more to the first', () => {
    const group = groupOf(
      [7, 2],
      [
        { topics: ['a', 'b'], instanceId: null },
        { topics: ['a', 'b'], instanceId: null },
        { topics: ['a', 'b'], instanceId: null },
      ],
    )
    const [a, b] = [topicId('a'), topicId('b')]
    expect(range(group)).toEqual(
      new Map([
        [
          'm0',
          new Map([
            [a, [0, 1, 2]],
            [b, [0]],
          ]),
        ],
        [
          'm1',
          new Map([
            [a, [3, 4]],
            [b, [1]],
          ]),
        ],
        ['m2', new Map([[a, [5, 6]]])],
      ]),
    )
  })

  test('puts static members first, by the id that stays', () => {
    const group = groupOf(
      [4],
      [
        { topics: ['a'], instanceId: null },
        { topics: ['a'], instanceId: 'i2' },
        { topics: ['a'], instanceId: 'i1' },
      ],
    )
    const a = topicId('a')
    expect(range(group)).toEqual(
      new Map([
        ['m2', new Map([[a, [0, 1]]])],
        ['m1', new Map([[a, [2]]])],
        ['m0', new Map([[a, [3]]])],
      ]),
    )
  })

  test('gives each topic to its own subscribers', () => {
    const group = groupOf(
      [4, 4],
      [
        { topics: ['a'], instanceId: null },
        { topics: ['a', 'b'], instanceId: null },
      ],
    )
    const [a, b] = [topicId('a'), topicId('b')]
    expect(range(group)).toEqual(
      new Map([
        ['m0', new Map([[a, [0, 1]]])],
        [
          'm1',
          new Map([
            [a, [2, 3]],
            [b, [0, 1, 2, 3]],
          ]),
        ],
      ]),
    )
  })
})

describe('Assignors by name', () => {
  test('are those configured that there are, uniform when there is none', () => {
    expect(supportedAssignors(['range', 'uniform'])).toEqual(['range', 'uniform'])
    expect(supportedAssignors(['org.example.Mine', 'range'])).toEqual(['range'])
    expect(supportedAssignors(['org.example.Mine'])).toEqual(['uniform'])
  })
})
