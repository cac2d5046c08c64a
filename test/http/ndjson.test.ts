import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memoryBudget } from '../../src/broker/budget.ts'
import { KafkaError } from '../../src/core/errors.ts'
import { HTTP_BATCH_BYTES, HTTP_BODY_BYTES, NDJSON_WINDOW_BYTES } from '../../src/core/limits.ts'
import type { AppendOutcome } from '../../src/http/appender.ts'
import { BodyReader, BrokenBody } from '../../src/http/body.ts'
import { LineSplitter } from '../../src/http/lines.ts'
import { type IngestDeps, ingest } from '../../src/http/ndjson.ts'
import { placement } from '../../src/http/placement.ts'
import { Problem } from '../../src/http/problem.ts'
import type { IncomingRecord } from '../../src/http/record-in.ts'
import { timers } from '../broker/fakes.ts'
import { topicState } from './fakes.ts'

const encoder = new TextEncoder()

/** A body that is made as it is read, and says how far it was. */
class Body {
  taken = 0
  readonly stream: ReadableStream<Uint8Array>

  constructor(next: (index: number) => string | Uint8Array | null | Promise<string | null>) {
    this.stream = new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const chunk = await next(this.taken)
          if (chunk === null) return controller.close()
          this.taken++
          controller.enqueue(typeof chunk === 'string' ? encoder.encode(chunk) : chunk)
        },
      },
      { highWaterMark: 0 },
    )
  }
}

function bodyOf(text: string, cut = 7): Body {
  const bytes = encoder.encode(text)
  return new Body((index) => {
    const from = index * cut
    return from >= bytes.length ? null : bytes.slice(from, from + cut)
  })
}

interface Stored {
  readonly partition: number
  readonly values: string[]
}

/** Partitions in memory; `before` delays or refuses an append. */
function harness(
  body: Body,
  before: (partition: number, values: string[]) => Promise<Problem | undefined> = async () =>
    undefined,
) {
  const stored: Stored[] = []
  const ends = new Map<number, number>()
  const underWay = new Map<number, number>()
  let mostUnderWay = 0
  const deps: IngestDeps = {
    reader: new BodyReader(body.stream, timers),
    timers,
    budget: memoryBudget(),
    place: placement(topicState('t', 4), () => 0),
    batchBytesMax: 1_000_000,
    append: async (partition, records): Promise<AppendOutcome> => {
      const now = (underWay.get(partition) ?? 0) + 1
      underWay.set(partition, now)
      mostUnderWay = Math.max(mostUnderWay, now)
      const values = records.map(({ value }: IncomingRecord) => Buffer.from(value ?? []).toString())
      const problem = await before(partition, values)
      underWay.set(partition, now - 1)
      if (problem !== undefined) return problem
      const baseOffset = ends.get(partition) ?? 0
      ends.set(partition, baseOffset + values.length)
      stored.push({ partition, values })
      return { baseOffset, logAppendTimeMs: null }
    },
  }
  return {
    deps,
    stored,
    of: (partition: number) =>
      stored.filter((one) => one.partition === partition).flatMap(({ values }) => values),
    mostUnderWay: () => mostUnderWay,
  }
}

const line = (partition: number, value: string) => `${JSON.stringify({ partition, value })}\n`

describe('lines', () => {
  it('are the same however the bytes are cut', () => {
    const piece = fc.constantFrom('a', 'ż', '€', '𝄞', '\r\n', '\n', ' ')
    fc.assert(
      fc.property(fc.array(piece), fc.integer({ min: 1, max: 9 }), (pieces, cut) => {
        const text = pieces.join('')
        const bytes = encoder.encode(text)
        const splitter = new LineSplitter(1000)
        const lines = []
        for (let at = 0; at < bytes.length; at += cut) {
          lines.push(...splitter.push(bytes.subarray(at, at + cut)))
        }
        const last = splitter.end()
        if (last !== null) lines.push(last)
        const expected = text
          .split('\n')
          .map((content, index) => ({ number: index + 1, text: content.replace(/\r$/, '') }))
          .filter((one) => one.text.trim() !== '')
        expect(lines).toEqual(expected)
      }),
    )
  })

  it('beyond the limit are refused when they get there, not when they end', () => {
    const splitter = new LineSplitter(10)
    expect([...splitter.push(encoder.encode('123456'))]).toEqual([])
    const [refused] = splitter.push(encoder.encode('78901'))
    expect((refused!.text as Problem).status).toBe(413)
  })
})

describe('an ingest', () => {
  it('tells how many records and the first and last offset of each partition', async () => {
    const body = bodyOf(
      `${line(0, 'a')}\n${line(2, 'b')}${line(0, 'c')}${JSON.stringify({ value: 'd' })}`,
    )
    const { deps, of } = harness(body)
    expect(await ingest(deps)).toEqual({
      count: 4,
      partitions: { 0: { first: 0, last: 2 }, 2: { first: 0, last: 0 } },
    })
    expect(of(0)).toEqual(['a', 'c', 'd'])
  })

  it('of nothing is nothing', async () => {
    expect(await ingest(harness(bodyOf('')).deps)).toEqual({ count: 0, partitions: {} })
  })

  it('keeps the order of lines with one batch of a partition under way', async () => {
    const big = 'x'.repeat(50_000)
    const body = new Body((index) => (index < 60 ? line(index % 3, `${index} ${big}`) : null))
    const run = harness(body, async (partition) => {
      await timers.sleep(partition * 3)
      return undefined
    })
    expect(await ingest(run.deps)).toMatchObject({ count: 60 })
    for (const partition of [0, 1, 2]) {
      const indexes = run.of(partition).map((value) => Number.parseInt(value, 10))
      expect(indexes).toEqual(Array.from({ length: 20 }, (_, at) => at * 3 + partition))
    }
    expect(run.mostUnderWay()).toBe(1)
    expect(run.stored.length).toBeGreaterThan(3)
  })

  it('makes no batch larger than the topic takes', async () => {
    const body = new Body((index) => (index < 100 ? line(0, 'x'.repeat(900)) : null))
    const run = harness(body)
    await ingest({ ...run.deps, batchBytesMax: 10_000 })
    expect(Math.max(...run.stored.map(({ values }) => values.length))).toBe(10)
    expect(run.of(0)).toHaveLength(100)
  })

  it('does not read on while the partitions do not take what was read', async () => {
    const value = 'x'.repeat(64 * 1024)
    const body = new Body((index) => (index < 1000 ? line(index % 4, value) : null))
    let open = () => {}
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const run = harness(body, async () => {
      await gate
      return undefined
    })
    const ingesting = ingest(run.deps)
    await timers.sleep(300)
    const held = body.taken * value.length
    expect(held).toBeGreaterThan(HTTP_BATCH_BYTES)
    expect(held).toBeLessThan(NDJSON_WINDOW_BYTES + 4 * HTTP_BATCH_BYTES)
    open()
    expect(await ingesting).toMatchObject({ count: 1000 })
  })

  it('sends what is pending when the stream pauses, and holds no memory then', async () => {
    let release = () => {}
    const paused = new Promise<void>((resolve) => {
      release = resolve
    })
    const body = new Body(async (index) => {
      if (index === 0) return line(0, 'first')
      if (index === 1) await paused
      return index === 1 ? line(0, 'second') : null
    })
    const run = harness(body)
    const ingesting = ingest(run.deps)
    await expect.poll(() => run.of(0)).toEqual(['first'])
    await expect.poll(() => run.deps.budget.smallFrames.used).toBe(0)
    release()
    expect(await ingesting).toMatchObject({ count: 2 })
    expect(run.deps.budget.smallFrames.used).toBe(0)
  })

  it('gives way to who waits for memory, and goes on', async () => {
    const body = new Body((index) => (index < 2000 ? line(0, 'x'.repeat(10_000)) : null))
    const run = harness(body, async () => {
      await timers.sleep(20)
      return undefined
    })
    const { smallFrames } = run.deps.budget
    const ingesting = ingest(run.deps)
    await expect.poll(() => smallFrames.used).toBeGreaterThan(0)
    const all = await smallFrames.reserve(12 * 1024 * 1024, timers.sleep)
    expect(run.of(0).length).toBeLessThan(2000)
    all?.release()
    expect(await ingesting).toMatchObject({ count: 2000 })
  })
})

describe('a failing ingest', () => {
  it.each([
    ['bad JSON', '{"value":', 400],
    ['an unknown field', '{"vlaue":1}', 400],
    ['a partition that is not there', '{"partition":4}', 404],
  ])('of %s names the line, and every line before is durable', async (_, bad, status) => {
    const good = `${line(0, 'a')}\n${line(1, 'b')}${line(0, 'c')}`
    const run = harness(bodyOf(`${good}${bad}\n${line(0, 'never')}`))
    const problem = (await ingest(run.deps)) as Problem
    expect(problem.body()).toMatchObject({
      status,
      line: 5,
      durable: { count: 3, partitions: { 0: { first: 0, last: 1 }, 1: { first: 0, last: 0 } } },
    })
    expect(run.of(0)).toEqual(['a', 'c'])
  })

  it('of bytes that are not UTF-8 names the line', async () => {
    const bytes = [encoder.encode(line(0, 'a')), new Uint8Array([0x7b, 0xff, 0x7d, 0x0a])]
    const problem = await ingest(harness(new Body((index) => bytes[index] ?? null)).deps)
    expect((problem as Problem).body()).toMatchObject({
      status: 400,
      line: 2,
      durable: { count: 1 },
    })
  })

  it('of a line over the limit is 413 with its number', async () => {
    const chunk = new Uint8Array(1024 * 1024).fill(0x20)
    const chunks = HTTP_BODY_BYTES / chunk.length + 1
    const body = new Body((index) => (index === 0 ? line(0, 'a') : index <= chunks ? chunk : null))
    const run = harness(body)
    expect(((await ingest(run.deps)) as Problem).body()).toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
      status: 413,
      line: 2,
      durable: { count: 1 },
    })
    expect(run.deps.budget.largeFrames.used).toBe(0)
    expect(run.deps.budget.smallFrames.used).toBe(0)
  })

  it('of a refused batch names its first line: all lines before are durable', async () => {
    const run = harness(
      new Body((index) => (index < 40 ? line(index % 2, `${index} ${'x'.repeat(60_000)}`) : null)),
      async (partition, values) =>
        partition === 1 && values.some((value) => value.startsWith('17 '))
          ? new Problem(KafkaError.KAFKA_STORAGE_ERROR)
          : undefined,
    )
    const {
      line: failed,
      durable,
      code,
    } = ((await ingest(run.deps)) as Problem).body() as {
      line: number
      durable: { count: number; partitions: Record<string, { last: number }> }
      code: string
    }
    expect(code).toBe('KAFKA_STORAGE_ERROR')
    expect(failed).toBeLessThanOrEqual(18)
    const stored = [...run.of(0), ...run.of(1)].map((value) => Number.parseInt(value, 10))
    for (let index = 0; index < failed - 1; index++) expect(stored).toContain(index)
    expect(run.of(1).every((value) => Number.parseInt(value, 10) < failed - 1)).toBe(true)
    expect(durable.count).toBe(stored.length)
    expect(durable.partitions['0']!.last).toBe(run.of(0).length - 1)
  })

  it('of a client that goes away keeps whole lines and never half of one', async () => {
    const body = new Body((index) => {
      if (index === 0) return `${line(0, 'whole')}{"partition":0,"value":"half`
      throw new Error('the connection is gone')
    })
    const run = harness(body)
    await expect(ingest(run.deps)).rejects.toThrow(BrokenBody)
    expect(run.of(0)).toEqual(['whole'])
    expect(run.deps.budget.smallFrames.used).toBe(0)
  })
})
