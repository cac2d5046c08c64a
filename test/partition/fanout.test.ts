import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../src/core/errors.ts'
import { offset, type TopicId } from '../../src/core/ids.ts'
import {
  EVENTS_FED_PER_PARTITION,
  EVENTS_PACE_MS,
  EVENTS_SHARED_IDLE_MS,
  EVENTS_SHARED_UNUSED_MS,
} from '../../src/core/limits.ts'
import { type BytePipe, Fanouts } from '../../src/partition/fanout.ts'
import {
  eventStarts,
  itemEvent,
  PieceBudget,
  publishedPieces,
  type SharedPieces,
} from '../../src/partition/fanout-pieces.ts'
import { buildBatch } from '../../src/record/build.ts'
import { buildEndTransaction } from '../../src/record/control.ts'
import { lastOffsetAt, patchBaseOffset } from '../../src/record/header.ts'
import { itemsOf } from '../../src/record/json.ts'

const PARTITION = 3
const TARGET = { topicId: 'topic' as TopicId, partition: PARTITION }
const decoder = new TextDecoder()

/** An event of the log, as every reader must get it. */
interface Expected {
  readonly from: number
  readonly next: number
  readonly text: string
}

/** A stream to a reader elsewhere: what was written last is taken, or not. */
class FakePipe implements BytePipe {
  readonly readable = new ReadableStream<Uint8Array>()
  state: 'open' | 'closed' | 'aborted' = 'open'
  written: Uint8Array | null = null
  #taken: () => void = () => {}

  write(bytes: Uint8Array): Promise<void> {
    if (this.written !== null) throw new Error('the last write is under way')
    this.written = bytes
    return new Promise((resolve) => {
      this.#taken = resolve
    })
  }

  take(): Uint8Array | null {
    const bytes = this.written
    this.written = null
    if (bytes !== null) this.#taken()
    return bytes
  }

  async close(): Promise<void> {
    this.state = 'closed'
  }

  async abort(): Promise<void> {
    this.state = 'aborted'
    this.written = null
  }
}

/** A partition and its fan-outs under a clock that the test moves. */
class Bench {
  nowMs = 1_000_000
  readonly batches: Uint8Array[] = []
  readonly budget: PieceBudget
  readonly fanouts: Fanouts
  readonly pipes = new Map<ReadableStream<Uint8Array>, FakePipe>()
  reads = 0
  error: number = KafkaError.NONE
  #timers: { atMs: number; fire: () => void }[] = []

  constructor(budgetBytes = 1024 * 1024) {
    this.budget = new PieceBudget(budgetBytes)
    this.fanouts = new Fanouts({
      partition: PARTITION,
      now: () => this.nowMs,
      startTimer: (fire, ms) => {
        const timer = { atMs: this.nowMs + ms, fire }
        this.#timers.push(timer)
        return () => {
          this.#timers = this.#timers.filter((each) => each !== timer)
        }
      },
      budget: this.budget,
      isolate: () => 'here',
      openPipe: () => {
        const pipe = new FakePipe()
        this.pipes.set(pipe.readable, pipe)
        return pipe
      },
      read: (from) => {
        this.reads++
        const pieces = this.batches
          .filter((batch) => lastOffsetAt(batch, 0) >= from)
          .map((batch) => batch.slice())
        return { error: this.error, pieces, aborted: [], end: this.end }
      },
      report: (event, error) => {
        throw new Error(event, { cause: error })
      },
    })
  }

  get end(): number {
    const last = this.batches.at(-1)
    return last === undefined ? 0 : lastOffsetAt(last, 0) + 1
  }

  get timers(): number {
    return this.#timers.length
  }

  append(kind: 'records' | 'marker' | 'malformed', values: readonly string[] = ['v']): void {
    const value = (text: string) => new TextEncoder().encode(text)
    const batch =
      kind === 'marker'
        ? buildEndTransaction({
            commit: true,
            producerId: 1,
            producerEpoch: 0,
            coordinatorEpoch: 0,
            timestamp: 7,
          })
        : buildBatch({
            records: values.map((text) => ({ timestamp: 7, key: null, value: value(text) })),
          })
    if (kind === 'malformed') batch.fill(0xff, 61)
    patchBaseOffset(batch, 0, this.end)
    this.batches.push(batch)
  }

  expected(): Expected[] {
    const items = itemsOf({ partition: PARTITION, from: 0, pieces: this.batches, aborted: [] })
    return [...items].map((item) => ({
      from: item.offset,
      next: item.nextOffset,
      text: itemEvent(PARTITION, item),
    }))
  }

  async pass(ms: number): Promise<void> {
    const until = this.nowMs + ms
    for (;;) {
      const [first] = this.#timers.toSorted((a, b) => a.atMs - b.atMs)
      if (first === undefined || first.atMs > until) break
      this.#timers = this.#timers.filter((each) => each !== first)
      this.nowMs = Math.max(this.nowMs, first.atMs)
      first.fire()
      await settled()
    }
    this.nowMs = until
  }

  follow(next: number, isolate = 'here') {
    const request = { ...TARGET, offset: offset(next), readCommitted: true, isolate }
    return this.fanouts.follow(request, this.end)
  }

  shared(next: number): SharedPieces {
    return publishedPieces(this.follow(next).shared!)!
  }

  fed(next: number): FakePipe {
    return this.pipes.get(this.follow(next, 'elsewhere').stream!)!
  }
}

/** Everything that follows from promises has happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await null
}

/** A reader that follows where it can and reads the log where it cannot, as an SSE stream does. */
class Reader {
  readonly #bench: Bench
  readonly isolate: string
  readonly start: number
  got = ''
  next: number
  #pieces: SharedPieces | null = null
  #pipe: FakePipe | null = null

  constructor(bench: Bench, isolate: string, start: number) {
    this.#bench = bench
    this.isolate = isolate
    this.start = start
    this.next = start
  }

  follow(): void {
    if (this.#pieces !== null || this.#pipe !== null || this.next > this.#bench.end) return
    const { shared, stream } = this.#bench.follow(this.next, this.isolate)
    this.#pieces = shared === undefined ? null : (publishedPieces(shared) ?? null)
    this.#pipe = stream === undefined ? null : (this.#bench.pipes.get(stream) ?? null)
  }

  async take(): Promise<void> {
    if (this.#pieces !== null) this.#takeShared(this.#pieces)
    else if (this.#pipe !== null) await this.#takeFed(this.#pipe)
  }

  #takeShared(pieces: SharedPieces): void {
    if (!pieces.open) this.#pieces = null
    else {
      pieces.wantedMs = this.#bench.nowMs
      const taken = pieces.take(this.next)
      if (taken === 'behind') this.#pieces = null
      else if (taken !== null) {
        for (const part of taken.parts) this.got += decoder.decode(part)
        this.next = taken.next
      }
    }
  }

  async #takeFed(pipe: FakePipe): Promise<void> {
    const bytes = pipe.take()
    if (bytes === null) {
      if (pipe.state !== 'open') this.#pipe = null
      return
    }
    const text = decoder.decode(bytes)
    this.got += text
    this.next = Number(/(?:^|\n\n)id: \d+:(\d+)\n(?:(?!\n\n)[\s\S])*\n\n$/.exec(text)![1]) + 1
    await settled()
  }

  /** The connection breaks; the client comes back with the last id it had. */
  cut(): void {
    this.#pieces = null
    this.#pipe = null
    const id = [...this.got.matchAll(/^id: \d+:(\d+)$/gm)].at(-1)
    this.next = id === undefined ? this.start : Number(id[1]) + 1
  }

  /** Reads some events of the log, or all there are. */
  read(count = Number.POSITIVE_INFINITY): void {
    if (this.#pieces !== null || this.#pipe !== null) return
    for (const event of this.#bench.expected()) {
      if (event.next <= this.next || count-- <= 0) continue
      this.got += event.text
      this.next = event.next
    }
  }
}

describe('readers of a fan-out', () => {
  it('each get the uninterrupted sequence, whatever their speeds, cuts and resumes', async () => {
    const reader = fc.nat({ max: 3 })
    const command = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({
          do: fc.constant('append' as const),
          values: fc.array(fc.string(), { minLength: 1, maxLength: 4 }),
        }),
      },
      fc.record({ do: fc.constantFrom('marker' as const, 'malformed' as const) }),
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constant('pass' as const),
          ms: fc.constantFrom(50, 100, 300, 2_500, 6_000),
        }),
      },
      { weight: 6, arbitrary: fc.record({ do: fc.constant('take' as const), reader }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('follow' as const), reader }) },
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constant('read' as const),
          reader,
          count: fc.nat({ max: 5 }),
        }),
      },
      fc.record({ do: fc.constant('cut' as const), reader }),
    )
    const budget = fc.constantFrom(400, 1_500, 100_000)
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 80 }), budget, async (commands, bytes) => {
        const bench = new Bench(bytes)
        const readers = ['here', 'here', 'elsewhere', 'elsewhere'].map(
          (isolate) => new Reader(bench, isolate, 0),
        )
        for (const one of commands) {
          if (one.do === 'append') bench.append('records', one.values)
          else if (one.do === 'pass') await bench.pass(one.ms)
          else if ('reader' in one) {
            const it = readers[one.reader]!
            if (one.do === 'take') await it.take()
            else if (one.do === 'follow') it.follow()
            else if (one.do === 'read') it.read(one.count)
            else it.cut()
          } else bench.append(one.do)
          await settled()
          expect(bench.budget.usedBytes).toBeLessThanOrEqual(bytes)
        }
        const all = bench
          .expected()
          .map(({ text }) => text)
          .join('')
        for (const it of readers) {
          expect(all.startsWith(it.got)).toBe(true)
          it.cut()
          it.read()
          expect(it.got).toBe(all)
        }
        bench.fanouts.close()
        expect(bench.budget.usedBytes).toBe(0)
      }),
      { numRuns: 300 },
    )
  }, 30_000)

  it('share one read and the same bytes', async () => {
    const bench = new Bench()
    bench.append('records', ['a', 'b'])
    const pieces = bench.shared(0)
    const fed = [bench.fed(0), bench.fed(0)]
    await bench.pass(EVENTS_PACE_MS)
    expect(bench.reads).toBe(1)
    const first = pieces.take(0)
    const second = pieces.take(0)
    if (first === null || first === 'behind' || second === null || second === 'behind')
      throw new Error('nothing was shared')
    expect(first.next).toBe(2)
    expect(first.parts[0]).toBe(second.parts[0])
    for (const pipe of fed) expect(pipe.written).toBe(first.parts[0])
  })

  it('begin in the middle of a piece with what follows', async () => {
    const bench = new Bench()
    bench.append('records', ['a', 'b', 'c'])
    const pieces = bench.shared(0)
    await bench.pass(EVENTS_PACE_MS)
    const taken = pieces.take(2)
    if (taken === null || taken === 'behind') throw new Error('nothing was shared')
    expect(decoder.decode(taken.parts[0])).toBe(bench.expected()[2]!.text)
    expect(pieces.take(3)).toBeNull()
  })

  it('who stand inside of a malformed stretch read for themselves', async () => {
    const bench = new Bench()
    bench.append('malformed', ['a', 'b', 'c'])
    const pieces = bench.shared(0)
    await bench.pass(EVENTS_PACE_MS)
    expect(pieces.take(1)).toBe('behind')
    expect(pieces.take(0)).toMatchObject({ next: 3 })
  })

  it('pass what nobody may see', async () => {
    const bench = new Bench()
    const pieces = bench.shared(0)
    bench.append('records', ['a'])
    bench.append('marker')
    await bench.pass(EVENTS_PACE_MS)
    bench.append('marker')
    await bench.pass(EVENTS_PACE_MS)
    expect(pieces.take(0)).toMatchObject({ next: 3 })
    expect(pieces.take(1)).toMatchObject({ next: 3 })
  })
})

describe('a fan-out ends', () => {
  const started = async () => {
    const bench = new Bench()
    bench.append('records')
    const pieces = bench.shared(0)
    const pipe = bench.fed(0)
    await bench.pass(EVENTS_PACE_MS)
    pipe.take()
    await settled()
    expect(pieces.open).toBe(true)
    return { bench, pieces, pipe }
  }

  it('when nothing came for a while, so that its object may sleep', async () => {
    const { bench, pieces, pipe } = await started()
    pieces.wantedMs = Number.POSITIVE_INFINITY
    await bench.pass(EVENTS_SHARED_IDLE_MS - 200)
    expect(pieces.open).toBe(true)
    await bench.pass(500)
    expect(pieces.open).toBe(false)
    expect(pipe.state).toBe('closed')
    expect(bench.timers).toBe(0)
    expect(bench.budget.usedBytes).toBe(0)
    expect(bench.shared(1)).toMatchObject({ open: true, start: 1 })
  })

  it('when nobody looks any more', async () => {
    const bench = new Bench()
    const pieces = bench.shared(0)
    for (let ms = 0; ms < EVENTS_SHARED_UNUSED_MS + 200; ms += 100) {
      bench.append('records')
      await bench.pass(100)
    }
    expect(pieces.open).toBe(false)
    expect(bench.timers).toBe(0)
  })

  it('when the log says so', async () => {
    const { bench, pieces, pipe } = await started()
    bench.error = KafkaError.UNKNOWN_TOPIC_ID
    await bench.pass(EVENTS_PACE_MS)
    expect(pieces.open).toBe(false)
    expect(pipe.state).toBe('closed')
  })

  it('when more is written than it encodes in time', async () => {
    const { bench, pieces } = await started()
    for (let batch = 0; batch < 6; batch++) bench.append('records', ['x'.repeat(150_000)])
    await bench.pass(EVENTS_PACE_MS)
    expect(pieces.open).toBe(false)
  })

  it('when a record is larger than what is shared', async () => {
    const { bench, pieces } = await started()
    bench.append('records', ['x'.repeat(600_000)])
    await bench.pass(EVENTS_PACE_MS)
    expect(pieces.open).toBe(false)
  })
})

describe('a reader that is fed', () => {
  it('and does not drain is cut off when what it has not had is let go', async () => {
    const bench = new Bench(1_000)
    bench.append('records')
    const pipe = bench.fed(0)
    await bench.pass(EVENTS_PACE_MS)
    expect(pipe.written).not.toBeNull()
    for (let round = 0; round < 10; round++) {
      bench.append('records', ['y'.repeat(200)])
      await bench.pass(EVENTS_PACE_MS)
    }
    expect(pipe.state).toBe('aborted')
    expect(pipe.written).toBeNull()
  })

  it('gets all it missed in its next write', async () => {
    const bench = new Bench()
    bench.append('records', ['a'])
    const pipe = bench.fed(0)
    await bench.pass(EVENTS_PACE_MS)
    bench.append('records', ['b'])
    await bench.pass(EVENTS_PACE_MS)
    bench.append('records', ['c'])
    await bench.pass(EVENTS_PACE_MS)
    let text = ''
    for (let bytes = pipe.take(); bytes !== null; bytes = pipe.take()) {
      text += decoder.decode(bytes)
      await settled()
    }
    expect(text).toBe(
      bench
        .expected()
        .map((event) => event.text)
        .join(''),
    )
  })

  it('is refused beyond the limit, and then reads for itself', () => {
    const bench = new Bench()
    for (let fed = 0; fed < EVENTS_FED_PER_PARTITION; fed++) bench.fed(0)
    expect(bench.follow(0, 'elsewhere')).toEqual({ error: KafkaError.NONE })
    expect(bench.shared(0).open).toBe(true)
  })

  it('behind what is kept, or beyond the end, is not taken', async () => {
    const bench = new Bench()
    bench.append('records', ['a', 'b'])
    bench.shared(1)
    expect(bench.follow(0)).toEqual({ error: KafkaError.NONE })
    expect(bench.follow(3)).toEqual({ error: KafkaError.NONE })
  })
})

describe('the starts of events', () => {
  it('are found in whole events only', () => {
    const bytes = new TextEncoder().encode('id: 1\ndata: a\n\nid: 2\ndata: b\n\nid: 3\nda')
    expect(eventStarts(bytes)).toEqual([0, 15])
  })
})
