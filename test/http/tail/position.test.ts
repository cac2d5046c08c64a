import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TopicId } from '../../../src/core/ids.ts'
import {
  aroundPair,
  formatPosition,
  leastLength,
  pairText,
  parsePosition,
  type TopicPosition,
} from '../../../src/http/tail/position.ts'

const idText = (letter: string) => letter.repeat(22) as TopicId
const inOrder = (pairs: readonly (readonly [number, number])[]) =>
  new Map(pairs.toSorted(([a], [b]) => a - b))

const vector = (minLength: number) =>
  fc
    .uniqueArray(fc.tuple(fc.nat({ max: 9999 }), fc.maxSafeNat()), {
      minLength,
      maxLength: 8,
      selector: ([partition]) => partition,
    })
    .map((pairs) => inOrder(pairs.map(([partition, offset]) => [partition, offset % 1e14])))

const one = vector(1).map((next): TopicPosition[] => [{ id: null, next }])
const several = fc
  .array(vector(0), { minLength: 1, maxLength: 5 })
  .map((vectors) =>
    vectors.map((next, at): TopicPosition => ({ id: idText('abcde'[at] ?? 'f'), next })),
  )

describe('a position', () => {
  it('reads back as what comes next, of one topic and of several', () => {
    fc.assert(
      fc.property(fc.oneof(one, several), (topics) => {
        expect(parsePosition(formatPosition(topics))).toEqual(topics)
      }),
    )
  })

  it('says what was delivered last', () => {
    const next = new Map([
      [0, 124],
      [1, 0],
    ])
    expect(formatPosition([{ id: null, next }])).toBe('0:123,1:-1')
    const [a, b, c] = [idText('a'), idText('b'), idText('c')]
    const topics = [
      { id: a, next },
      { id: b, next: new Map<number, number>() },
      { id: c, next: new Map([[7, 1]]) },
    ]
    expect(formatPosition(topics)).toBe(`${a}/0:123,1:-1;${b}/;${c}/7:0`)
  })

  it('is what stands around the pair of any of its partitions', () => {
    fc.assert(
      fc.property(fc.oneof(one, several), (topics) => {
        for (const topic of topics) {
          for (const [partition, next] of topic.next) {
            const { before, behind } = aroundPair(topics, topic, partition)
            expect(before + pairText(partition, next) + behind).toBe(formatPosition(topics))
          }
        }
      }),
    )
  })

  it('is no shorter than the least it can be', () => {
    fc.assert(
      fc.property(one, (topics) => {
        const partitions = topics.flatMap(({ next }) => [...next.keys()])
        const begun = [{ id: null, next: new Map(partitions.map((number) => [number, 0])) }]
        expect(formatPosition(begun)).toHaveLength(leastLength(partitions))
      }),
    )
  })

  const a = idText('a')
  it.each([
    '',
    '0',
    '0:',
    ':1',
    '0:1,',
    ',0:1',
    '0:1,0:2',
    'a:1',
    '0:-2',
    '0:1.5',
    '0:1e3',
    '0:1;1:2',
    '0: 1',
    '0:1\n',
    `0:${'9'.repeat(16)}`,
    `${'9'.repeat(10)}:0`,
    `${a}`,
    `/0:1`,
    `${a}/0:1;`,
    `${a}/0:1;${a}/1:1`,
    `${a}/0:1,0:2`,
    `${a}x/0:1`,
    `${a.slice(1)}!/0:1`,
    `${a}/0:1;0:1`,
    `${a}//0:1`,
    Array.from({ length: 1000 }, (_, at) => `${at}:0`).join(','),
  ])('is not %s', (text) => {
    expect(parsePosition(text)).toBeNull()
  })

  it('is not any other text either, and finding that out never fails', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...`01:,;/-a${a}`) }), (text) => {
        const position = parsePosition(text)
        if (position !== null) expect(parsePosition(formatPosition(position))).toEqual(position)
      }),
    )
  })
})
