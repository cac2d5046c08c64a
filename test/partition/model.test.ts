// The leader against the simplest log there is, under appends, reads, deletions, restarts, crashes and
// failing statements in any order.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../src/core/errors.ts'
import { baseOffsetAt, lastOffsetAt, putInt64 } from '../../src/record/header.ts'
import { Bench, batch, batchesOf, settled, TARGET } from './harness.ts'

/** What readers may see: batches by offset, and where the log starts. */
interface Model {
  batches: { base: number; last: number; bytes: Uint8Array }[]
  logStart: number
  end: number
}

type Step =
  | { readonly kind: 'append'; readonly counts: readonly number[]; readonly producer: number }
  | { readonly kind: 'again' }
  | { readonly kind: 'read'; readonly at: number; readonly maxBytes: number }
  | { readonly kind: 'delete'; readonly at: number }
  | { readonly kind: 'restart' }
  | { readonly kind: 'crash'; readonly counts: readonly number[] }
  | { readonly kind: 'fail'; readonly statement: number; readonly count: number }

const count = fc.integer({ min: 1, max: 4 })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('append' as const),
    counts: fc.array(count, { minLength: 1, maxLength: 5 }),
    producer: fc.integer({ min: -1, max: 2 }),
  }),
  fc.record({ kind: fc.constant('again' as const) }),
  fc.record({ kind: fc.constant('read' as const), at: fc.nat(), maxBytes: fc.nat(600) }),
  fc.record({ kind: fc.constant('delete' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('restart' as const) }),
  fc.record({ kind: fc.constant('crash' as const), counts: fc.array(count, { maxLength: 3 }) }),
  fc.record({
    kind: fc.constant('fail' as const),
    statement: fc.integer({ min: 1, max: 3 }),
    count,
  }),
)

class Run {
  readonly bench = new Bench(1500)
  readonly model: Model = { batches: [], logStart: 0, end: 0 }
  readonly #sequences = new Map<number, number>()
  /** The last idempotent batch that was acknowledged, with its offset. */
  #last: { bytes: Uint8Array; base: number } | null = null

  async run(one: Step): Promise<void> {
    await settled()
    switch (one.kind) {
      case 'append':
        return this.#append(one.counts, one.producer)
      case 'again':
        return this.#again()
      case 'read':
        return this.#read(one.at % (this.model.end + 2), one.maxBytes)
      case 'delete':
        return this.#delete(one.at % (this.model.end + 2))
      case 'restart':
        return this.bench.restart()
      case 'crash':
        return this.#crash(one.counts)
      case 'fail':
        return this.#fail(one.statement, one.count)
    }
  }

  #make(records: number, producerId: number): Uint8Array {
    if (producerId < 0) return batch(records)
    const baseSequence = this.#sequences.get(producerId) ?? 0
    this.#sequences.set(producerId, baseSequence + records)
    return batch(records, { producerId, producerEpoch: 0, baseSequence })
  }

  async #append(counts: readonly number[], producer: number): Promise<void> {
    const sent = counts.map((each) => this.#make(each, producer))
    const replies = await Promise.all(sent.map((each) => this.bench.append(each)))
    for (const [index, reply] of replies.entries()) {
      const bytes = sent[index]!.slice()
      expect(reply).toEqual({
        kind: 'appended',
        baseOffset: this.model.end,
        logStartOffset: this.model.logStart,
      })
      putInt64(bytes, 0, this.model.end)
      if (producer >= 0) this.#last = { bytes, base: this.model.end }
      this.#grow(bytes)
    }
  }

  #grow(bytes: Uint8Array): void {
    const last = lastOffsetAt(bytes, 0)
    this.model.batches.push({ base: this.model.end, last, bytes })
    this.model.end = last + 1
  }

  async #again(): Promise<void> {
    if (this.#last === null) return
    const reply = await this.bench.append(this.#last.bytes.slice())
    expect(reply).toMatchObject({ kind: 'appended', baseOffset: this.#last.base })
  }

  async #read(from: number, maxBytes: number): Promise<void> {
    const { batches, logStart, end } = this.model
    const reply = await this.bench.read(from, maxBytes)
    if (from < logStart || from > end) {
      expect(reply.error).toBe(KafkaError.OFFSET_OUT_OF_RANGE)
      return
    }
    expect(reply).toMatchObject({ error: 0, highWatermark: end, logStartOffset: logStart })
    const expected: Uint8Array[] = []
    let bytes = 0
    for (const each of batches.filter(({ last }) => last >= from)) {
      bytes += each.bytes.length
      if (bytes > maxBytes && expected.length > 0) break
      expected.push(each.bytes)
    }
    expect(batchesOf(reply).map((each) => Buffer.from(each))).toEqual(
      expected.map((each) => Buffer.from(each)),
    )
    if (from < end) expect(baseOffsetAt(batchesOf(reply)[0]!, 0)).toBeLessThanOrEqual(from)
  }

  async #delete(to: number): Promise<void> {
    const reply = await this.bench.leader.deleteRecords({ ...TARGET, offset: to })
    if (to > this.model.end) {
      expect(reply.error).toBe(KafkaError.OFFSET_OUT_OF_RANGE)
      return
    }
    this.model.logStart = Math.max(this.model.logStart, to)
    expect(reply).toEqual({ error: 0, lowWatermark: this.model.logStart })
  }

  /** Dies with appends that were written, not confirmed, and so not acknowledged. */
  async #crash(counts: readonly number[]): Promise<void> {
    this.bench.holdSync = true
    let acknowledged = 0
    for (const each of counts) {
      void this.bench.append(batch(each)).then(() => {
        acknowledged++
      })
    }
    await settled()
    expect(acknowledged).toBe(0)
    this.bench.holdSync = false
    this.bench.crash()
  }

  async #fail(statement: number, records: number): Promise<void> {
    await this.bench.leader.size(TARGET)
    const sent = batch(records)
    this.bench.storage.countFrom()
    this.bench.storage.failAt = statement
    const reply = await this.bench.append(sent)
    // Another statement that fails is one of housekeeping, which is reported and tried again.
    const failed = this.bench.reported.includes('a flush was not written')
    this.bench.reported.length = 0
    this.bench.storage.failAt = 0
    expect(reply.kind).toBe(failed ? 'refused' : 'appended')
    if (!failed) this.#grow(sent)
  }
}

describe('a partition', () => {
  it('is a log of batches, whatever happens to it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
        const run = new Run()
        for (const one of steps) await run.run(one)
        const { leader } = run.bench
        const { logStart, end, batches } = run.model
        const kept = batches.filter(({ last }) => last >= logStart)
        await settled()
        for (const from of [logStart, end]) await run.run({ kind: 'read', at: from, maxBytes: 1e6 })
        expect(await leader.size(TARGET)).toMatchObject({
          logStartOffset: logStart,
          highWatermark: end,
        })
        expect((await leader.size(TARGET)).sizeBytes).toBeGreaterThanOrEqual(
          kept.reduce((sum, each) => sum + each.bytes.length, 0),
        )
      }),
      { numRuns: 300 },
    )
  })
})
