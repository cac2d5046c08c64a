// Whatever happens to a tiered log, and in whatever order, it reads as one that is all local and to which the same
// happened: appends, transactions, uploads, trims, deletions, restarts, and a store that fails or lies about it.

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { offset } from '../../../src/core/ids.ts'
import { HOUSEKEEPING_PAUSE_MS, MERGE_DELAY_MS } from '../../../src/core/limits/partition.ts'
import { OffsetSpec } from '../../../src/partition/times.ts'
import { ObjectStoreError } from '../../../src/tier/object-store.ts'
import { batch, settled, TARGET } from '../harness.ts'
import { TieredBench } from './world.ts'

const SMALL = { segmentBytes: 3_000, maxMessageBytes: 100_000 }
const PRODUCERS = 3

type Step =
  | {
      readonly kind: 'append'
      readonly count: number
      readonly bytes: number
      readonly time: number
    }
  | { readonly kind: 'write'; readonly producer: number }
  | { readonly kind: 'end'; readonly producer: number; readonly committed: boolean }
  | { readonly kind: 'rest'; readonly turns: number }
  | { readonly kind: 'failing'; readonly seed: number; readonly turns: number }
  | { readonly kind: 'keep'; readonly bytes: number }
  | { readonly kind: 'delete'; readonly share: number }
  | { readonly kind: 'restart' }
  | { readonly kind: 'crash' }
  | {
      readonly kind: 'look'
      readonly share: number
      readonly maxBytes: number
      readonly time: number
    }

const time = fc.integer({ min: 1_000, max: 1_050 })
const share = fc.double({ min: 0, max: 1, noNaN: true })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      count: fc.integer({ min: 1, max: 4 }),
      bytes: fc.integer({ min: 10, max: 600 }),
      time,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      producer: fc.nat({ max: PRODUCERS - 1 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      producer: fc.nat({ max: PRODUCERS - 1 }),
      committed: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('rest' as const), turns: fc.nat(12) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('failing' as const),
      seed: fc.nat(1_000_000),
      turns: fc.nat(12),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('keep' as const), bytes: fc.nat(10_000) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), share }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'crash' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('look' as const),
      share,
      maxBytes: fc.constantFrom(1, 700, 5_000, 1_000_000),
      time,
    }),
  },
)

/** The tiered log and one that is all local, to which the same is done. */
class Twins {
  readonly tiered = new TieredBench(SMALL)
  readonly local = new TieredBench({ ...SMALL, remoteEnabled: false })
  readonly #producers = Array.from({ length: PRODUCERS }, () => ({
    sequence: 0,
    number: 1,
    open: false,
  }))

  get both(): TieredBench[] {
    return [this.tiered, this.local]
  }

  async take(one: Step): Promise<void> {
    switch (one.kind) {
      case 'append': {
        const timestamps = Array.from({ length: one.count }, (_, index) => one.time + (index % 2))
        const made = () => batch(one.count, { timestamps, valueBytes: one.bytes })
        for (const bench of this.both) await bench.stored(made())
        return
      }
      case 'write':
        return this.#write(one.producer)
      case 'end':
        return this.#endTransaction(one.producer, one.committed)
      case 'rest':
        return this.#rest(one.turns)
      case 'failing': {
        this.#fail(one.seed)
        await this.#rest(one.turns)
        this.tiered.objects.before = () => {}
        return
      }
      case 'keep':
        for (const bench of this.both) {
          const remoteEnabled = bench === this.tiered
          await bench.configure({ ...SMALL, remoteEnabled, localRetentionBytes: one.bytes })
        }
        return
      case 'delete': {
        const { highWatermark, logStartOffset } = await this.local.leader.size(TARGET)
        const at = Math.floor(logStartOffset + one.share * 0.7 * (highWatermark - logStartOffset))
        for (const bench of this.both) {
          await bench.leader.deleteRecords({ ...TARGET, offset: offset(at) })
        }
        return
      }
      case 'restart':
        return this.tiered.restart()
      case 'crash':
        return this.tiered.crash()
      case 'look':
        return this.look(one.share, one.maxBytes, one.time)
    }
  }

  /** Both answer the same, from somewhere in the log. */
  async look(at: number, maxBytes: number, timestamp: number): Promise<void> {
    const [one, other] = await Promise.all(this.both.map((bench) => bench.leader.size(TARGET)))
    const { logStartOffset, highWatermark } = other!
    expect(one).toMatchObject({ logStartOffset, highWatermark })
    if (highWatermark < 0) return
    const from = Math.floor(logStartOffset + at * (highWatermark - logStartOffset))
    for (const readCommitted of [false, true]) {
      const [tiered, local] = await Promise.all(
        this.both.map((bench) => bench.all(from, readCommitted, maxBytes)),
      )
      expect(tiered).toEqual(local)
    }
    const times = [timestamp, OffsetSpec.EARLIEST, OffsetSpec.LATEST, OffsetSpec.MAX_TIMESTAMP]
    for (const wanted of times) {
      const query = { ...TARGET, timestamp: wanted, readCommitted: false }
      const [tiered, local] = await Promise.all(
        this.both.map((bench) => bench.leader.listOffset(query)),
      )
      expect(tiered, `time ${wanted}`).toEqual(local)
    }
  }

  /** What the rows, the objects and the local chunks say together. */
  async hasNoGap(): Promise<void> {
    const { tiered } = this
    const { tier, logStartOffset, highWatermark } = await tiered.leader.size(TARGET)
    let next = -1
    for (const { first, last, key } of tiered.segments) {
      if (next >= 0) expect(first).toBe(next)
      expect(tiered.objects.objects.has(key), key).toBe(true)
      next = last + 1
    }
    const localStart = tier?.localLogStartOffset ?? logStartOffset
    if (localStart > logStartOffset) expect(next).toBeGreaterThanOrEqual(localStart)
    for (const { first, last } of tiered.local.filter((chunk) => chunk.last >= localStart)) {
      if (first > localStart)
        expect(tiered.local.some((each) => each.last === first - 1)).toBe(true)
      next = Math.max(next, last + 1)
    }
    if (highWatermark > logStartOffset) expect(next).toBe(highWatermark)
  }

  async #write(producer: number): Promise<void> {
    const state = this.#producers[producer]!
    state.open = true
    const made = () =>
      batch(1, {
        producerId: producer,
        producerEpoch: 0,
        baseSequence: state.sequence,
        transactional: true,
        timestamps: [1_020],
        valueBytes: 200,
      })
    for (const bench of this.both) {
      bench.enlistment = { error: 0, number: state.number }
      const transaction = { transactionalId: `t${producer}`, topic: 'topic', implicit: true }
      const reply = await bench.append(made(), bench.version, transaction)
      await settled()
      expect(reply.kind).toBe('appended')
    }
    state.sequence += 1
  }

  async #endTransaction(producer: number, committed: boolean): Promise<void> {
    const state = this.#producers[producer]!
    if (!state.open) return
    const marker = { producerId: producer, producerEpoch: 0, coordinatorEpoch: 0 }
    for (const bench of this.both) {
      // The marker's time is the leader's.
      bench.nowMs = Math.max(this.tiered.nowMs, this.local.nowMs)
    }
    for (const bench of this.both) {
      await bench.leader.endTransaction({ ...TARGET, ...marker, number: state.number, committed })
      await settled()
    }
    state.open = false
    state.number += 1
  }

  /** So many times what is due next. */
  async #rest(turns: number): Promise<void> {
    const bench = this.tiered
    for (let turn = 0; turn < turns; turn++) {
      const due = [...bench.wakeUps, ...bench.timers.map(({ atMs }) => atMs)]
      const nextMs = Math.min(...due, bench.nowMs + MERGE_DELAY_MS)
      await bench.pass(Math.max(HOUSEKEEPING_PAUSE_MS, nextMs - bench.nowMs))
      if (bench.wakeUps.some((timeMs) => timeMs <= bench.nowMs)) {
        bench.wakeUps.splice(0)
        bench.leader.housekeep()
        await settled()
      }
    }
  }

  /** Some calls fail, and some of those have done what they were asked to. */
  #fail(seed: number): void {
    let state = seed
    const { objects } = this.tiered
    objects.before = async (operation, key) => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31
      if (state % 3 !== 0) return
      if (operation === 'put' && state % 2 === 0) objects.objects.set(key, new Uint8Array(50))
      throw new ObjectStoreError(`${operation} failed`, state % 5 !== 0)
    }
  }
}

it('is the log of one that is all local', async () => {
  const RUNS = 120
  let segments = 0
  let trimmed = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 70 }), async (steps) => {
      const twins = new Twins()
      for (const one of steps) await twins.take(one)
      await twins.look(0, 1_000_000, 1_010)
      await twins.take({ kind: 'rest', turns: 30 })
      await twins.look(0, 1_000_000, 1_010)
      await twins.hasNoGap()
      segments += twins.tiered.segments.length
      if (twins.tiered.segments.length > 0 && (twins.tiered.local[0]?.first ?? 0) > 0) trimmed += 1
    }),
    { numRuns: RUNS },
  )
  // Otherwise nothing was looked at.
  expect(segments).toBeGreaterThan(RUNS)
  expect(trimmed).toBeGreaterThan(RUNS / 4)
}, 240_000)
