// The life of a log against the simplest model of Kafka's segments: appends, time, retention, merging,
// deleted records, evictions, crashes and failing statements in any order. What was acknowledged and is not expired is
// never gone; what is expired goes, exactly as Kafka would delete it.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TopicSettings } from '../../../src/core/configs.ts'
import { HOUSEKEEPING_PAUSE_MS } from '../../../src/core/limits/partition.ts'
import { lastOffsetAt, putInt64 } from '../../../src/record/header.ts'
import { Bench, batch, batchesOf, SETTINGS, settled, TARGET } from '../harness.ts'

type Policy = Pick<TopicSettings, 'retentionMs' | 'retentionBytes' | 'segmentBytes' | 'segmentMs'>

interface Stored {
  readonly base: number
  readonly last: number
  readonly timestamp: number
  readonly bytes: Uint8Array
}

/** What Kafka would keep in one file. */
interface File {
  readonly base: number
  readonly firstTimestamp: number
  readonly batches: Stored[]
  bytes: number
}

/** A log as Kafka keeps it: a list of files. */
class Model {
  files: File[] = []
  logStart = 0
  end = 0

  /** What one flush appends: Kafka decides about a new file once for it. */
  append(sent: readonly { bytes: Uint8Array; timestamp: number }[], policy: Policy): void {
    const bytes = sent.reduce((sum, each) => sum + each.bytes.length, 0)
    const latest = Math.max(...sent.map(({ timestamp }) => timestamp))
    const active = this.files.at(-1)
    const isFull = active !== undefined && active.bytes + bytes > policy.segmentBytes
    const isOld = active !== undefined && latest - active.firstTimestamp > policy.segmentMs
    if (active === undefined || (active.bytes > 0 && (isFull || isOld))) {
      const firstTimestamp = sent[0]!.timestamp
      this.files.push({ base: this.end, firstTimestamp, batches: [], bytes: 0 })
    }
    const file = this.files.at(-1)!
    for (const each of sent) {
      const stored = each.bytes.slice()
      putInt64(stored, 0, this.end)
      const last = lastOffsetAt(stored, 0)
      file.batches.push({ base: this.end, last, timestamp: each.timestamp, bytes: stored })
      file.bytes += stored.length
      this.end = last + 1
    }
  }

  /** Where retention puts the log start. Of a file whose first records were deleted, all count or those left. */
  expired(nowMs: number, { retentionMs, retentionBytes }: Policy, all: boolean): number {
    if (this.logStart >= this.end) return this.logStart
    let index = 0
    const bytesAfter = () => this.files.slice(index + 1).reduce((sum, file) => sum + file.bytes, 0)
    while (index < this.files.length && retentionBytes >= 0 && bytesAfter() >= retentionBytes) {
      index++
    }
    for (; index < this.files.length && retentionMs >= 0; index++) {
      const { batches } = this.files[index]!
      const counting = batches.filter(({ last }) => all || last >= this.logStart)
      const largest = Math.max(...counting.map(({ timestamp }) => timestamp))
      if (nowMs - largest <= retentionMs) break
    }
    return Math.max(this.logStart, this.files[index]?.base ?? this.end)
  }

  /** Retention has moved the log start. */
  expireTo(logStart: number): void {
    if (logStart === this.logStart) return
    expect([...this.files.map(({ base }) => base), this.end]).toContain(logStart)
    this.files = this.files.filter(({ base }) => base >= logStart)
    this.logStart = logStart
  }

  deleteTo(offset: number): void {
    this.logStart = Math.max(this.logStart, offset)
    while ((this.files[1]?.base ?? Number.POSITIVE_INFINITY) <= this.logStart) this.files.shift()
  }

  get kept(): Stored[] {
    const all = this.files.flatMap(({ batches }) => batches)
    return all.filter(({ last }) => last >= this.logStart)
  }
}

type Step =
  | {
      readonly kind: 'append'
      readonly batches: readonly { count: number; age: number; size: number }[]
    }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'settings'; readonly retentionMs: number; readonly retentionBytes: number }
  | { readonly kind: 'delete'; readonly at: number }
  | { readonly kind: 'fail'; readonly statement: number; readonly ms: number }
  | { readonly kind: 'restart' | 'crash' | 'settle' }

const appended = fc.array(
  fc.record({
    count: fc.integer({ min: 1, max: 3 }),
    age: fc.integer({ min: -2_000, max: 5_000 }),
    size: fc.integer({ min: 1, max: 400 }),
  }),
  { minLength: 1, maxLength: 4 },
)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('append' as const), batches: appended }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      ms: fc.integer({ min: 1, max: 15_000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('settings' as const),
      retentionMs: fc.constantFrom(-1, 0, 3_000, 10_000, 60_000),
      retentionBytes: fc.constantFrom(-1, -1, 0, 2_000, 5_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), at: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('fail' as const),
      statement: fc.integer({ min: 1, max: 12 }),
      ms: fc.integer({ min: 1, max: 15_000 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom('restart', 'crash', 'settle' as const) }),
  },
)

class Life {
  readonly bench = new Bench(3_000)
  readonly model = new Model()
  readonly merges: number[] = []
  policy: Policy = {
    retentionMs: 10_000,
    retentionBytes: -1,
    segmentBytes: 2_500,
    segmentMs: 4_000,
  }
  #version = 1

  constructor() {
    this.bench.nowMs = 1_000_000
    this.#tellCluster()
  }

  /** What Cluster says to a partition that has stored nothing. */
  #tellCluster(): void {
    const configVersion = this.#version
    const settings = this.#settings()
    this.bench.admission = { alive: true, name: 'topic', configVersion, settings }
  }

  #settings(): TopicSettings {
    return { ...SETTINGS, ...this.policy, retentionCheckMs: 1 }
  }

  async run(one: Step): Promise<void> {
    switch (one.kind) {
      case 'append':
        await this.#append(one.batches)
        break
      case 'pass':
        await this.#pass(one.ms)
        break
      case 'settings':
        this.policy = { ...this.policy, ...one }
        this.#version++
        this.#tellCluster()
        await this.bench.leader.configure(TARGET, this.#version, this.#settings())
        break
      case 'delete':
        await this.#delete(one.at % (this.model.end + 1))
        break
      case 'fail':
        this.bench.storage.countFrom()
        this.bench.storage.failAt = one.statement
        await this.#pass(one.ms)
        this.bench.storage.failAt = 0
        break
      case 'settle':
        await this.#settle()
        break
      default:
        this.#reload(one.kind)
    }
    await settled()
    await this.#check()
  }

  async #append(batches: readonly { count: number; age: number; size: number }[]): Promise<void> {
    const sent = batches.map(({ count, age, size }) => {
      const timestamp = this.bench.nowMs - age
      const timestamps = Array.from({ length: count }, () => timestamp)
      return { timestamp, bytes: batch(count, { timestamps, valueBytes: size }) }
    })
    const replies = await Promise.all(
      sent.map(({ bytes }) => this.bench.append(bytes, this.#version)),
    )
    for (const reply of replies) expect(reply).toMatchObject({ kind: 'appended' })
    // An idle leader writes the first at once, and the others together; before the very first it asks Cluster.
    const first = this.model.end === 0 ? sent.length : 1
    this.model.append(sent.slice(0, first), this.policy)
    if (sent.length > first) this.model.append(sent.slice(first), this.policy)
  }

  /** Time passes; the alarm comes when it was asked for. */
  async #pass(ms: number): Promise<void> {
    const end = this.bench.nowMs + ms
    for (;;) {
      const next = Math.min(...this.bench.wakeUps)
      if (next > end) break
      this.bench.wakeUps.length = 0
      this.bench.nowMs = Math.max(this.bench.nowMs, next)
      await this.#housekeep()
    }
    this.bench.nowMs = end
  }

  /** One alarm: the log start moves no further than Kafka's would. */
  async #housekeep(): Promise<void> {
    const { leader, nowMs } = this.bench
    const expired = this.model.expired(nowMs, this.policy, false)
    leader.housekeep()
    await settled()
    // The statement that fails may be the one that this asks its storage with.
    const size = await leader.size(TARGET)
    const { logStartOffset, error } = size.error === 0 ? size : await leader.size(TARGET)
    if (error !== 0) return
    expect(logStartOffset).toBeLessThanOrEqual(expired)
    this.model.expireTo(logStartOffset)
  }

  /** With time enough, all goes that Kafka would delete. */
  async #settle(): Promise<void> {
    await this.#pass(20 * HOUSEKEEPING_PAUSE_MS)
    // One that failed before is tried again at once.
    await this.#housekeep()
    await this.#housekeep()
    expect(this.model.logStart).toBeGreaterThanOrEqual(
      this.model.expired(this.bench.nowMs, this.policy, true),
    )
  }

  async #delete(to: number): Promise<void> {
    if (this.model.end === 0) return
    const { nowMs } = this.bench
    const { error } = await this.bench.leader.deleteRecords({ ...TARGET, offset: to })
    expect(error).toBe(0)
    this.model.deleteTo(to)
    // Chores that are due are done with it.
    const { logStartOffset } = await this.bench.leader.size(TARGET)
    expect(logStartOffset).toBeLessThanOrEqual(this.model.expired(nowMs, this.policy, false))
    this.model.expireTo(logStartOffset)
  }

  #reload(kind: 'restart' | 'crash'): void {
    if (kind === 'restart') this.bench.restart()
    else this.bench.crash()
    const { storage } = this.bench
    // A log without a row begins a new file; one that is not reloaded goes on in its last.
    const isEmpty =
      storage.tables().length > 0 && storage.direct('SELECT 1 FROM chunk LIMIT 1').length === 0
    if (isEmpty) this.model.files = []
  }

  async #check(): Promise<void> {
    const { leader } = this.bench
    const { logStart, end, kept } = this.model
    const size = await leader.size(TARGET)
    expect(size).toMatchObject({ error: 0, logStartOffset: logStart, highWatermark: end })
    const keptBytes = kept.reduce((sum, { bytes }) => sum + bytes.length, 0)
    expect(size.sizeBytes).toBeGreaterThanOrEqual(keptBytes)
    const read: Uint8Array[] = []
    for (let at = logStart; at < end; ) {
      const batches = batchesOf(await this.bench.read(at, 1_500))
      expect(batches.length).toBeGreaterThan(0)
      read.push(...batches)
      at = lastOffsetAt(batches.at(-1)!, 0) + 1
    }
    const plain = (all: readonly Uint8Array[]) =>
      all.map((each) => Buffer.from(each).toString('hex'))
    expect(plain(read)).toEqual(plain(kept.map(({ bytes }) => bytes)))
    const highest = await leader.listOffset({ ...TARGET, timestamp: -3, readCommitted: false })
    const times = kept.map(({ timestamp }) => timestamp)
    expect(highest.timestamp).toBe(times.length === 0 ? -1 : Math.max(...times))
  }
}

/** A segment whose records were all deleted hid for a while that the one behind it had expired. */
const DELETED_SEGMENT_FIRST: Step[] = [
  { kind: 'append', batches: [{ count: 1, age: 0, size: 1 }] },
  { kind: 'settings', retentionMs: 3_000, retentionBytes: -1 },
  { kind: 'delete', at: 1 },
  { kind: 'pass', ms: 6_898 },
  {
    kind: 'append',
    batches: [
      { count: 1, age: 2_897, size: 1 },
      { count: 1, age: -1_104, size: 1 },
    ],
  },
  { kind: 'append', batches: [{ count: 1, age: 0, size: 1 }] },
]

describe('a log', () => {
  it('lives as it does in Kafka, whatever happens to it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
        const life = new Life()
        for (const one of steps) await life.run(one)
        await life.run({ kind: 'settle' })
      }),
      { numRuns: 200, examples: [[DELETED_SEGMENT_FIRST]] },
    )
  }, 120_000)

  it('is merged in that test, or it would prove nothing of merging', async () => {
    const life = new Life()
    const many = Array.from({ length: 30 }, () => [{ count: 1, age: 0, size: 100 }])
    for (const batches of many) await life.run({ kind: 'append', batches })
    const rows = () => life.bench.storage.direct('SELECT count(*) AS n FROM chunk')[0]!.n
    expect(rows()).toBe(30)
    await life.run({ kind: 'settings', retentionMs: -1, retentionBytes: -1 } as Step)
    await life.run({ kind: 'pass', ms: 15_000 })
    expect(rows()).toBeLessThan(20)
  })
})
