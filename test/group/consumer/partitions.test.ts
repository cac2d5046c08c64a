import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  all,
  both,
  countPartitions,
  isPart,
  listPartitions,
  overlap,
  type Partitions,
  partitionsOf,
  restorePartitions,
  samePartitions,
  storePartitions,
  without,
} from '../../../src/group/consumer/partitions.ts'
import { flat, topicId } from './harness.ts'

const anyPartitions = fc
  .array(
    fc.record({
      topicId: fc.constantFrom('a', 'b', 'c').map((name) => topicId(name)),
      partitions: fc.array(fc.nat({ max: 12 }), { maxLength: 10 }),
    }),
    { maxLength: 4 },
  )
  .map((list) => [list, partitionsOf(list)] as const)

const strings = (partitions: Partitions) => flat(listPartitions(partitions))
const set = (partitions: Partitions) => new Set(strings(partitions))

describe('Partitions', () => {
  test('are what was listed, each once, in order', () => {
    fc.assert(
      fc.property(anyPartitions, ([list, partitions]) => {
        expect(strings(partitions)).toEqual([...new Set(flat(list))])
        expect(countPartitions(partitions)).toBe(set(partitions).size)
        for (const numbers of partitions.values()) {
          expect(numbers.length).toBeGreaterThan(0)
          expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
        }
      }),
    )
  })

  test('behave as sets', () => {
    fc.assert(
      fc.property(anyPartitions, anyPartitions, ([, a], [, b]) => {
        const [left, right] = [set(a), set(b)]
        expect(set(both(a, b))).toEqual(new Set([...left].filter((one) => right.has(one))))
        expect(set(without(a, b))).toEqual(new Set([...left].filter((one) => !right.has(one))))
        expect(set(all(a, b))).toEqual(new Set([...left, ...right]))
        expect(overlap(a, b)).toBe([...left].some((one) => right.has(one)))
        expect(isPart(a, b)).toBe([...left].every((one) => right.has(one)))
        expect(samePartitions(a, b)).toBe(strings(a).join() === strings(b).join())
      }),
    )
  })

  test('come back from their row', () => {
    fc.assert(
      fc.property(anyPartitions, ([, partitions]) => {
        const stored = JSON.parse(JSON.stringify(storePartitions(partitions)))
        expect(restorePartitions(stored)).toEqual(partitions)
      }),
    )
  })

  test('are kept as ranges', () => {
    const partitions = partitionsOf([{ topicId: topicId('a'), partitions: [9, 0, 1, 2, 5, 6] }])
    expect(Object.values(storePartitions(partitions))).toEqual(['0-2,5-6,9'])
  })
})
