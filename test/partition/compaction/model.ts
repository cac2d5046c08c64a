// Compaction against the simplest compaction there is, under appends, transactions, restarts, crashes and
// failing statements at every step; what is seen is held against it after each. Not a suite: it also runs
// in plain Node, with bugs planted.

import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { CodecId } from '../../../src/record/compression.ts'
import { settled } from '../harness.ts'
import { World } from './world.ts'

type Step =
  | {
      readonly kind: 'produce'
      readonly records: readonly { readonly key: string; readonly value: string | null }[]
      readonly codec: CodecId
      readonly producer: number
    }
  | { readonly kind: 'end'; readonly producer: number; readonly committed: boolean }
  | { readonly kind: 'again'; readonly producer: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'steps'; readonly count: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'cut'; readonly count: number }
  | { readonly kind: 'restart' }
  | { readonly kind: 'crash' }
  | { readonly kind: 'fail'; readonly statement: number }

const record = fc.record({
  key: fc.constantFrom(
    'a',
    'b',
    'c',
    'd',
    'e',
    'a longer key, of more than one word of the hash',
    '',
  ),
  value: fc.option(fc.string({ maxLength: 40 }), { freq: 4 }),
})

/** Producers from 10 on write transactions. */
const produce: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant('produce' as const),
  records: fc.array(record, { minLength: 1, maxLength: 6 }),
  codec: fc.constantFrom<CodecId>(0, 0, 0, 1, 2, 3, 4),
  producer: fc.constantFrom(-1, -1, 1, 2, 10, 11, 12),
})

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: produce },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      producer: fc.constantFrom(10, 11, 12),
      committed: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('again' as const),
      producer: fc.constantFrom(1, 2, 10, 11, 12),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      ms: fc.constantFrom(1, 900, 1_100, 70_000),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('steps' as const),
      count: fc.integer({ min: 1, max: 12 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('all' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('cut' as const),
      count: fc.integer({ min: 5, max: 40 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('fail' as const),
      statement: fc.integer({ min: 1, max: 8 }),
    }),
  },
)

async function run(world: World, one: Step): Promise<void> {
  const { bench } = world
  switch (one.kind) {
    case 'produce': {
      const { records, codec, producer } = one
      const transactional = producer >= 10
      await world.produce({ records, codec, producerId: producer, transactional })
      return
    }
    case 'end':
      return world.end(one.producer, one.committed)
    case 'again':
      return world.again(one.producer)
    case 'pass':
      bench.nowMs += one.ms
      return
    case 'steps':
      for (let count = 0; count < one.count; count++) {
        await world.step()
        await world.verify(count % 2 === 0 ? 150 : 1_000_000)
      }
      return
    case 'all':
      await world.compacted()
      return
    case 'cut':
      for (let count = 0; count < one.count; count++) await world.step()
      return world.restart()
    case 'restart':
      return world.restart()
    case 'crash':
      world.crash()
      await settled()
      return
    case 'fail':
      bench.storage.countFrom()
      bench.storage.failAt = one.statement
      await world.step()
      bench.storage.failAt = 0
  }
}

/** Ends what is open and fills a segment, so that all before it can be cleaned. */
async function finish(world: World): Promise<void> {
  for (const producer of [10, 11, 12]) await world.end(producer, true)
  for (const producer of [1, 2, 10, 11, 12]) await world.again(producer)
  const filler = { key: 'filler', value: '.'.repeat(400) }
  for (let count = 0; count < 3; count++) await world.produce({ records: [filler] })
  world.bench.nowMs += 20_000
  await world.compacted()
  // All but the active segment.
  assert.equal(world.cleanEnd, world.activeFrom)
  await world.verifyClean()
  // What a pass has left for later goes with one of the next; none of it is needed.
  for (let pass = 0; pass < 3; pass++) {
    world.bench.nowMs += 100_000
    for (let count = 0; count < 2; count++) await world.produce({ records: [filler] })
    world.bench.nowMs += 20_000
    await world.compacted()
  }
  await world.verifyClean()
}

/** A life in which a pass is cut off after so many steps, and the log goes on before it is taken up again. */
function cutAfter(count: number): Step[] {
  const write = (value: string): Step[] =>
    ['a', 'b', 'c', 'd', 'e', 'f'].map((key) => ({
      kind: 'produce',
      records: [{ key, value }],
      codec: 0,
      producer: -1,
    }))
  return [...write('1'), ...write('2'), { kind: 'cut', count }, ...write('3')]
}

/** Tries so many lives of a log; throws with the first that is not as it should be. */
export async function checkModel(runs: number, seed?: number): Promise<void> {
  for (let count = 2; count < 40; count += 2) {
    const world = new World({ segmentBytes: 60 })
    for (const one of cutAfter(count)) await run(world, one)
    await finish(world)
  }
  const life = fc.asyncProperty(
    fc.array(step, { minLength: 5, maxLength: 60 }),
    fc.constantFrom(40, 100, 1 << 20),
    fc.constantFrom(0, 1_000),
    // Segments of one chunk, which are never joined, and of some.
    fc.constantFrom(60, 300),
    async (steps, mapBytes, deleteRetentionMs, segmentBytes) => {
      const world = new World({ deleteRetentionMs, segmentBytes }, mapBytes)
      await world.produce({ records: [{ key: 'a', value: 'first' }] })
      for (const one of steps) {
        await run(world, one)
        await world.verify()
      }
      await finish(world)
    },
  )
  const fixed = seed === undefined ? {} : { seed, endOnFailure: true }
  await fc.assert(life, { numRuns: runs, ...fixed })
}
