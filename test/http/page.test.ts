import { describe, expect, it } from 'vitest'
import {
  type PageQuery,
  pageOf,
  pageOfNumbers,
  pageOfPartitions,
  positionOf,
} from '../../src/http/page.ts'

const names = (query: PageQuery) => {
  const { items, next } = pageOf(['b', 'Ab', 'c', 'ab', 'ä'], (name) => name, query)
  return [items.join(' '), next]
}

describe('a page of named items', () => {
  it.each<[PageQuery, string, string | null]>([
    [{}, 'Ab ab b c ä', null],
    [{ limit: 5 }, 'Ab ab b c ä', null],
    [{ limit: 2 }, 'Ab ab', 'ab'],
    [{ limit: 2, after: 'ab' }, 'b c', 'c'],
    [{ limit: 2, after: 'c' }, 'ä', null],
    [{ after: 'aa' }, 'ab b c ä', null],
    [{ after: 'ä' }, '', null],
    [{ q: 'B' }, 'Ab ab b', null],
    [{ q: 'b', limit: 1, after: 'Ab' }, 'ab', 'ab'],
    [{ q: 'zz' }, '', null],
  ])('%j', (query, items, next) => {
    expect(names(query)).toEqual([items, next])
  })

  it('followed to its end gives every item once, whatever is removed meanwhile', () => {
    let all = Array.from({ length: 57 }, (_, at) => `t${at}`)
    const expected = new Set(all)
    const seen: string[] = []
    let after: string | undefined
    for (;;) {
      const { items, next } = pageOf(all, (name) => name, { limit: 10, after })
      seen.push(...items)
      if (next === null) break
      after = next
      all = all.filter((name) => name !== next)
    }
    expect(new Set(seen)).toEqual(expected)
    expect(seen).toHaveLength(57)
  })
})

describe('a page of numbers', () => {
  it.each<[number, PageQuery, number[], string | null]>([
    [3, {}, [0, 1, 2], null],
    [3, { limit: 2 }, [0, 1], '1'],
    [3, { limit: 2, after: '1' }, [2], null],
    [3, { after: '2' }, [], null],
    [3, { after: '900' }, [], null],
    [0, {}, [], null],
  ])('of %i, %j', (count, query, items, next) => {
    expect(pageOfNumbers(count, query)).toEqual({ items, next })
  })
})

describe('a page of partitions', () => {
  const all = [
    { topic: 'b', partition: 0 },
    { topic: 'a', partition: 10 },
    { topic: 'a', partition: 2 },
  ]

  it.each<[PageQuery, string, string | null]>([
    [{}, 'a/2 a/10 b/0', null],
    [{ limit: 1 }, 'a/2', 'a/2'],
    [{ limit: 1, after: 'a/2' }, 'a/10', 'a/10'],
    [{ after: 'a/10' }, 'b/0', null],
    [{ q: 'B' }, 'b/0', null],
  ])('%j', (query, items, next) => {
    const page = pageOfPartitions(all, query)
    const shown = page.items.map(({ topic, partition }) => `${topic}/${partition}`).join(' ')
    expect([shown, page.next]).toEqual([items, next])
  })

  it.each(['', 'a', 'a/', '/1', 'a/b', 'a/-1', 'a/1/2'])(
    'knows that "%s" is no position',
    (text) => {
      expect(positionOf(text)).toBe(null)
    },
  )
})
