import { describe, expect, it } from 'vitest'
import type { BrokerContext } from '../../src/broker/context.ts'
import { Events } from '../../src/http/events.ts'
import { Problem } from '../../src/http/problem.ts'
import { openTail } from '../../src/http/tail/tail.ts'
import { buildBatch } from '../../src/record/build.ts'
import { type MemoryBroker, memoryBroker, topicState } from './fakes.ts'

const decoder = new TextDecoder()
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

function put(broker: MemoryBroker, partition: number, value: string): void {
  const record = { timestamp: 1, key: null, value: new TextEncoder().encode(value) }
  broker.log('t', partition).store(buildBatch({ records: [record] }))
}

async function open(broker: MemoryBroker, from: string, context: Partial<BrokerContext> = {}) {
  const own = { ...broker.context, ...context }
  const ask = { field: 'from', text: from, resumes: false }
  const tail = await openTail(own, { topics: ['t'], from: ask, readCommitted: true })
  if (tail instanceof Problem) throw new Error(JSON.stringify(tail.body()))
  return new Events(tail, own.timers)
}

interface Seen {
  readonly id: string
  readonly partition: number
  readonly offset: number
}

function seenIn(text: string): Seen[] {
  return [...text.matchAll(/^id: (.+)\ndata: (.+)$/gm)].map(([, id = '', data = '']) => {
    const { partition, offset } = JSON.parse(data)
    return { id, partition, offset }
  })
}

/** Follows until told to stop, with a pause behind each piece; comes back with the last id when cut. */
class Reader {
  readonly seen: Seen[] = []
  #id = ''
  #events: Events | null = null
  #stopped = false

  async run(broker: MemoryBroker, pauseMs: number): Promise<void> {
    while (!this.#stopped) {
      const events = await open(broker, this.#id === '' ? 'earliest' : this.#id)
      this.#events = events
      for (;;) {
        const piece = await events.piece()
        if (piece === null || this.#events !== events) break
        this.#take(decoder.decode(piece))
        await sleep(pauseMs)
      }
    }
  }

  /** What is under way is lost. */
  cut(): void {
    const events = this.#events
    this.#events = null
    events?.close()
  }

  stop(): void {
    this.#stopped = true
    this.cut()
  }

  #take(text: string): void {
    const seen = seenIn(text)
    this.seen.push(...seen)
    this.#id = seen.at(-1)?.id ?? /^id: (.+)$/m.exec(text)?.[1] ?? this.#id
  }
}

const isComplete = (reader: Reader, broker: MemoryBroker, partitions: number) =>
  Array.from({ length: partitions }, (_, partition) => partition).every(
    (partition) =>
      reader.seen.findLast((one) => one.partition === partition)?.offset ===
      broker.log('t', partition).end - 1,
  )

describe.each([
  [1, 'of this isolate', true],
  [1, 'of another isolate', false],
  [3, 'of this isolate', true],
  [3, 'of another isolate', false],
])('readers that follow %i partition(s) %s', (partitions, _, near) => {
  it('fast, slow and cut off, get every record once and in order', async () => {
    const broker = memoryBroker([topicState('t', partitions)])
    for (let partition = 0; partition < partitions; partition++) {
      broker.log('t', partition).near = near
      put(broker, partition, 'first')
    }
    const readers = Array.from({ length: 6 }, () => new Reader())
    const runs = readers.map((reader, index) => reader.run(broker, [0, 0, 0, 20, 150, 400][index]!))
    for (let round = 0; round < 150; round++) {
      put(broker, (round * 7) % partitions, `value ${round}`)
      if (round % 40 === 39) readers[1]!.cut()
      await sleep(10)
    }
    for (
      let wait = 0;
      wait < 60 && !readers.every((one) => isComplete(one, broker, partitions));
      wait++
    )
      await sleep(50)
    for (const reader of readers) reader.stop()
    await Promise.all(runs)
    for (const { seen } of readers) {
      for (let partition = 0; partition < partitions; partition++) {
        const offsets = seen.filter((one) => one.partition === partition).map((one) => one.offset)
        const all = Array.from({ length: broker.log('t', partition).end }, (_, at) => at)
        expect(offsets).toEqual(all)
      }
      // Every id names what was delivered of all partitions when it was sent.
      const had = new Map<number, number>()
      for (const { id, partition, offset } of seen) {
        had.set(partition, offset)
        for (const [one, last] of had) expect(`,${id},`).toContain(`,${one}:${last},`)
      }
    }
    // Far fewer than a read per reader and piece, of which there were some 15 each.
    let reads = 0
    for (let partition = 0; partition < partitions; partition++) {
      reads += broker.log('t', partition).asked.read
    }
    expect(reads).toBeLessThan(30 * partitions)
  }, 20_000)
})

describe('a stream that follows', () => {
  it.each([true, false])('ends with a reset when its topic is deleted (near %s)', async (near) => {
    const broker = memoryBroker([topicState('t', 1)])
    broker.log('t').near = near
    put(broker, 0, 'a')
    const events = await open(broker, 'earliest')
    await events.piece()
    await events.piece()
    put(broker, 0, 'b')
    expect(seenIn(decoder.decode((await events.piece())!))).toMatchObject([{ offset: 1 }])
    expect(broker.log('t').asked.read).toBe(1)
    broker.replace('t', null)
    expect(decoder.decode((await events.piece())!)).toContain('event: reset')
    expect(await events.piece()).toBeNull()
  })

  it.each([1, 20])(
    'gets %i records of a partition while another is always busy',
    async (count) => {
      const broker = memoryBroker([topicState('t', 2)])
      const events = await open(broker, 'latest')
      const busy = setInterval(() => put(broker, 0, 'busy'), 10)
      const seen: Seen[] = []
      const of = (partition: number) => seen.filter((one) => one.partition === partition)
      const take = async () => seen.push(...seenIn(decoder.decode((await events.piece())!)))
      while (of(0).length < 50) await take()
      for (let record = 0; record < count; record++) put(broker, 1, 'x'.repeat(50_000))
      for (let piece = 0; piece < 40 && of(1).length < count; piece++) await take()
      clearInterval(busy)
      events.close()
      for (const partition of [0, 1]) {
        const offsets = of(partition).map(({ offset }) => offset)
        expect(offsets).toEqual(Array.from(offsets, (_, at) => at))
      }
      expect(of(1)).toHaveLength(count)
    },
    20_000,
  )

  it('goes back to watching when nothing comes, and follows again when something does', async () => {
    // A clock that runs ten times as fast for the reader alone.
    const started = Date.now()
    const after = (ms: number, fire: () => void) => {
      const timer = setTimeout(fire, ms / 10)
      return () => clearTimeout(timer)
    }
    const timers = {
      now: () => started + (Date.now() - started) * 10,
      after,
      sleep: (ms: number) => sleep(ms / 10),
    }
    const broker = memoryBroker([topicState('t', 1)])
    const log = broker.log('t')
    log.near = false
    put(broker, 0, 'a')
    const events = await open(broker, 'earliest', { timers })
    await events.piece()
    await events.piece()
    const waiting = events.piece()
    await sleep(20)
    expect(log.asked).toEqual({ read: 1, follow: 1 })
    await sleep(800)
    expect(log.asked.read).toBeGreaterThan(1)
    put(broker, 0, 'b')
    let text = decoder.decode((await waiting)!)
    while (seenIn(text).length === 0) text = decoder.decode((await events.piece())!)
    expect(seenIn(text)).toMatchObject([{ offset: 1 }])
    const more = events.piece()
    await sleep(20)
    expect(log.asked.follow).toBe(2)
    events.close()
    expect(await more).toBeNull()
  }, 20_000)

  it('closed while it waits ends', async () => {
    const broker = memoryBroker([topicState('t', 1)])
    put(broker, 0, 'a')
    const events = await open(broker, 'earliest')
    await events.piece()
    await events.piece()
    const waiting = events.piece()
    events.close()
    expect(await waiting).toBeNull()
  })
})
