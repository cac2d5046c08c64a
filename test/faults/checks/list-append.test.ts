// The checker of transactions finds each anomaly that it names, planted into a history that has none, and
// lets pass what Kafka's transactions allow.

import { describe, expect, test } from 'vitest'
import { Random } from '../../simulation/platform/random.ts'
import {
  ANOMALIES,
  type Anomaly,
  anomalies,
  type Entry,
  type ListHistory,
  type ListRead,
  type ListTransaction,
} from './list-append.ts'

type Writable<T> = { -readonly [Name in keyof T]: T[Name] }

interface Story {
  readonly transactions: Writable<ListTransaction>[]
  readonly lists: Map<string, Entry[]>
}

function read(list: string, end: number, entries: Entry[], at: number, from = 0): ListRead {
  return { list, from, end, entries, at }
}

/**
 * `one` appends to x and y, `two` reads both and appends to x twice, `three` aborts, `four` never hears
 * whether it committed (it did), `five` does not either (it did not).
 */
function story(): Story {
  const lists = new Map<string, Entry[]>([
    ['x', [entry(0, 'x1'), entry(2, 'x2'), entry(3, 'x2b')]],
    ['y', [entry(0, 'y1'), entry(4, 'y4')]],
    ['z', [entry(1, 'z4')]],
  ])
  const transactions: Writable<ListTransaction>[] = [
    made('one', 1, [append('x', 'x1'), append('y', 'y1')]),
    made('two', 10, [append('x', 'x2'), append('x', 'x2b')], {
      reads: [read('x', 2, [entry(0, 'x1')], 12), read('y', 2, [entry(0, 'y1')], 13)],
    }),
    made('three', 20, [append('y', 'y3'), append('z', 'z3')], { outcome: 'aborted' }),
    made('four', 30, [append('y', 'y4'), append('z', 'z4')], {
      outcome: 'unknown',
      ended: Number.POSITIVE_INFINITY,
    }),
    made('five', 40, [append('x', 'x5'), append('z', 'z5')], {
      outcome: 'unknown',
      ended: Number.POSITIVE_INFINITY,
      reads: [read('x', 5, [entry(2, 'x2'), entry(3, 'x2b')], 41, 2), read('z', 0, [], 42)],
    }),
  ]
  return { transactions, lists }
}

function entry(offset: number, value: string): Entry {
  return { offset, value }
}

function append(list: string, value: string) {
  return { list, value }
}

function made(
  name: string,
  begun: number,
  appends: ListTransaction['appends'],
  fields: Partial<ListTransaction> = {},
): Writable<ListTransaction> {
  const times = { begun, asked: begun + 5, ended: begun + 6 }
  return { name, outcome: 'committed', ...times, appends, reads: [], ...fields }
}

function found(told: Story): Anomaly[] {
  return [...new Set(anomalies(told as ListHistory).map(({ anomaly }) => anomaly))]
}

const [ONE, TWO, THREE, FOUR, FIVE] = [0, 1, 2, 3, 4] as const

const PLANTED: Readonly<Record<Anomaly, Readonly<Record<string, (told: Story) => void>>>> = {
  'lost-write': {
    'the value is gone': ({ lists }) => lists.get('x')!.pop(),
    'all of its values are gone': ({ lists }) => lists.get('x')!.splice(1, 2),
  },
  'duplicate-write': {
    'the value is there again': ({ lists }) => lists.get('x')!.push(entry(7, 'x1')),
  },
  garbage: {
    'nobody appended it': ({ lists }) => lists.get('x')!.push(entry(7, 'q')),
    'it was appended to another list': ({ lists }) => lists.get('x')!.push(entry(7, 'y3')),
    'a read found it': ({ transactions }) => {
      transactions[FIVE]!.reads = [read('z', 1, [entry(0, 'q')], 42)]
    },
  },
  torn: {
    'one list has it, the other has not': ({ lists }) => lists.get('y')!.pop(),
  },
  G1a: {
    'in a read': ({ transactions }) => {
      transactions[FIVE]!.reads = [read('z', 1, [entry(0, 'z3')], 42)]
    },
    'in the list': ({ lists }) => lists.get('y')!.push(entry(9, 'y3')),
  },
  G1b: {
    'the second value of two is missing': ({ transactions }) => {
      transactions[FIVE]!.reads = [read('x', 5, [entry(2, 'x2')], 41, 2)]
    },
  },
  'dirty-read': {
    'while it was open': ({ transactions }) => {
      transactions[FIVE]!.reads = [read('z', 2, [entry(1, 'z4')], 33)]
    },
    'by itself': ({ transactions }) => {
      transactions[TWO]!.reads = [read('x', 3, [entry(0, 'x1'), entry(2, 'x2')], 12)]
    },
  },
  'missed-read': {
    'in the range of a read': ({ transactions }) => {
      transactions[FIVE]!.reads = [read('x', 5, [], 41, 2)]
    },
  },
  'moved-value': {
    'it was at another offset': ({ transactions }) => {
      transactions[TWO]!.reads = [read('x', 2, [entry(1, 'x1')], 12)]
    },
  },
  G0: {
    'the later one lies before the earlier': ({ lists }) => {
      lists.set('x', [entry(0, 'x2'), entry(1, 'x2b'), entry(2, 'x1')])
    },
  },
  G1c: {
    'two have read each other': ({ transactions }) => {
      const one = transactions[ONE]!
      one.ended = 30
      one.reads = [read('x', 4, [entry(0, 'x1'), entry(2, 'x2'), entry(3, 'x2b')], 29)]
    },
    'three have, in a circle': ({ transactions, lists }) => {
      lists.get('z')!.push(entry(5, 'z2'))
      const [one, two, four] = [transactions[ONE]!, transactions[TWO]!, transactions[FOUR]!]
      two.appends = [...two.appends, append('z', 'z2')]
      four.reads = [read('z', 6, [entry(1, 'z4'), entry(5, 'z2')], 60)]
      one.reads = [read('y', 5, [entry(0, 'y1'), entry(4, 'y4')], 60)]
      for (const transaction of [one, two, four]) transaction.ended = Number.POSITIVE_INFINITY
    },
    'one had ended when the other began': ({ transactions }) => {
      const two = transactions[TWO]!
      two.reads = [...two.reads, read('z', 2, [entry(1, 'z4')], 50)]
    },
  },
}

describe('The checker of list-append transactions', () => {
  test('finds nothing in a true story', () => {
    expect(anomalies(story())).toEqual([])
  })

  for (const [anomaly, stories] of Object.entries(PLANTED)) {
    for (const [title, plant] of Object.entries(stories)) {
      test(`finds ${anomaly}, ${ANOMALIES[anomaly as Anomaly]}: ${title}`, () => {
        const told = story()
        plant(told)
        expect(found(told)).toContain(anomaly)
      })
    }
  }

  test('allows two that were open together to lie differently in two lists', () => {
    const told = story()
    told.transactions.push(made('six', 31, [append('y', 'y6'), append('z', 'z6')]))
    told.lists.get('y')!.splice(1, 0, entry(3, 'y6'))
    told.lists.get('z')!.push(entry(2, 'z6'))
    expect(found(told)).toEqual([])
  })

  test('allows a reader to see a transaction in one list and not yet in another', () => {
    const told = story()
    told.transactions[FIVE]!.reads = [
      read('y', 5, [entry(0, 'y1'), entry(4, 'y4')], 41),
      read('z', 1, [], 42),
    ]
    expect(found(told)).toEqual([])
  })

  test('finds nothing in many transactions one after the other, and each swap of two of their values', () => {
    const random = new Random(3)
    for (let times = 0; times < 50; times++) {
      const told = serial(random)
      expect(found(told)).toEqual([])
      const entries = told.lists.get('x')!
      const at = random.between(0, entries.length - 2)
      const [first, second] = [entries[at]!, entries[at + 1]!]
      entries.splice(at, 2, entry(first.offset, second.value), entry(second.offset, first.value))
      const writer = (value: string) => value.split('.')[0]
      if (writer(first.value) !== writer(second.value)) expect(found(told)).toContain('G0')
    }
  })

  test('aborted transactions are told by their outcome alone', () => {
    const told = story()
    told.transactions[THREE]!.outcome = 'committed'
    expect(found(told)).toEqual(['lost-write'])
  })
})

/** Transactions one after the other, each reading a list whole and appending to two. */
function serial(random: Random): Story {
  const lists = new Map<string, Entry[]>([
    ['x', []],
    ['y', []],
  ])
  const transactions: Writable<ListTransaction>[] = []
  for (let index = 0; index < 20; index++) {
    const list = random.pick(['x', 'y'])
    const entries = [...lists.get(list)!]
    const appends = ['x', random.pick(['x', 'y'])].map((each, at) => {
      const value = `t${index}.${at}`
      lists.get(each)!.push(entry(lists.get(each)!.length, value))
      return append(each, value)
    })
    const reads = [read(list, entries.length, entries, index * 10 + 1)]
    transactions.push(made(`t${index}`, index * 10, appends, { reads }))
  }
  return { transactions, lists }
}
