// The matrix's own logic: how a table reads, when a run is green, how gaps.md's rows are understood.

import { describe, expect, test } from 'vitest'
import { gapOf, matrixGaps } from './gap-rows.ts'
import { murmur2 } from './murmur2.ts'
import { parse } from './options.ts'
import { type Cell, failures, green, type Outcome, summary, table, unproven } from './table.ts'

function cell(broker: Cell['broker'], client: string, scenario: string, outcome: Outcome): Cell {
  return { broker, client, scenario, outcome, ms: 1 }
}

const PASS: Outcome = { kind: 'pass' }
const FAIL: Outcome = { kind: 'FAIL', error: 'expected 1, seen 2', stderr: ['noise'] }

describe('a table', () => {
  test('has a row a scenario, a column a client, and reasons below', () => {
    const text = table([
      cell('ottla', 'kafkajs', 'a/one', PASS),
      cell('ottla', 'kcat', 'a/one', FAIL),
      cell('ottla', 'kafkajs', 'a/three', { kind: 'n.a.', reason: 'it cannot' }),
      cell('ottla', 'kcat', 'a/three', { kind: 'gap', reason: 'on purpose' }),
    ])
    expect(text.split('\n')).toEqual([
      'scenario  kafkajs  kcat',
      'a/one     pass     FAIL',
      'a/three   n.a.     gap',
      '',
      'n.a.: kafkajs: it cannot (a/three)',
      'gap: kcat: on purpose (a/three)',
    ])
  })

  test('counts its outcomes', () => {
    const cells = [PASS, PASS, FAIL].map((one, index) => cell('kafka', 'c', `${index}`, one))
    expect(summary(cells)).toBe('2 pass, 1 FAIL')
  })

  test('is followed by errors and what the adapter said', () => {
    expect(failures([cell('kafka', 'c', 's', FAIL), cell('kafka', 'c', 't', PASS)])).toBe(
      '--- kafka: c: s\nexpected 1, seen 2\n    | noise',
    )
  })
})

describe('a run is green', () => {
  const gap: Outcome = { kind: 'gap', reason: 'on purpose' }
  const na: Outcome = { kind: 'n.a.', reason: 'it cannot' }

  test.each([
    ['when all pass', [PASS], true],
    ['with gaps and what does not apply', [PASS, gap, na], true],
    ['not with a failure', [PASS, FAIL], false],
    ['not with a gap that passes', [PASS, { kind: 'GAP PASSES', reason: 'x' } as const], false],
  ])('%s', (_, outcomes, expected) => {
    const cells = outcomes.map((one, index) => cell('ottla', 'c', `${index}`, one))
    expect(green(cells)).toBe(expected)
  })

  test.each([
    ['failed', FAIL],
    ['is a gap', gap],
    ['does not apply', na],
  ])('not when Ottla passes what %s on Kafka', (_, onKafka) => {
    const cells = [cell('kafka', 'c', 's', onKafka), cell('ottla', 'c', 's', PASS)]
    expect(unproven(cells)).toEqual([cells[1]])
    expect(green(cells)).toBe(false)
  })
})

describe('a row of gaps.md', () => {
  const row = { suite: 'matrix', on: 'ottla', reason: 'on purpose' } as const

  test('names a client, or all, and a scenario', () => {
    const gaps = matrixGaps(
      ['kcat', 'kafkajs'],
      ['a/one', 'a/two'],
      [
        { ...row, scenario: 'kcat: a/one' },
        { ...row, scenario: '*: a/two' },
      ],
    )
    expect(gapOf(gaps, 'ottla', 'kcat', 'a/one')).toBe('on purpose')
    expect(gapOf(gaps, 'kafka', 'kcat', 'a/one')).toBeUndefined()
    expect(gapOf(gaps, 'ottla', 'kafkajs', 'a/one')).toBeUndefined()
    expect(gapOf(gaps, 'ottla', 'kafkajs', 'a/two')).toBe('on purpose')
  })

  test.each(['nobody: a/one', 'kcat: a/none', 'kcat'])('must not say "%s"', (scenario) => {
    expect(() => matrixGaps(['kcat'], ['a/one'], [{ ...row, scenario }])).toThrow(/gaps\.md/)
  })
})

describe('the command line', () => {
  test('takes Kafka first of both', () => {
    expect(parse(['--broker', 'both', '--client', 'a', '--client', 'b', '--fast'])).toMatchObject({
      brokers: ['kafka', 'ottla'],
      clients: ['a', 'b'],
      fast: true,
    })
  })

  test.each([[['--broker', 'rabbit']], [['--jobs', '0']], [['--what']]])('refuses %s', (args) => {
    expect(() => parse(args)).toThrow()
  })
})

// Results of Kafka's own Utils.murmur2, as signed integers.
test.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
])('murmur2 of "%s" is Java\'s', (key, expected) => {
  expect(murmur2(Buffer.from(key)) | 0).toBe(expected)
})
