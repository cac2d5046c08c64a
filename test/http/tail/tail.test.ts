import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TopicId } from '../../../src/core/ids.ts'
import { partitionForKey } from '../../../src/core/murmur2.ts'
import { Problem } from '../../../src/http/problem.ts'
import type { RecordsStep, TailAsk, TailStep } from '../../../src/http/tail/contract.ts'
import { assignedTail, openTail, type TopicsTail } from '../../../src/http/tail/tail.ts'
import { buildBatch } from '../../../src/record/build.ts'
import { buildEndTransaction } from '../../../src/record/control.ts'
import { type MemoryBroker, memoryBroker, topicState } from '../fakes.ts'

const encoder = new TextEncoder()
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

interface Put {
  readonly topic?: string
  readonly partition?: number
  readonly key?: string | Uint8Array | null
  readonly producerId?: number
}

function put(broker: MemoryBroker, value: string, options: Put = {}): void {
  const { topic = 't', partition = 0, key = null, producerId } = options
  const record = {
    timestamp: 1,
    key: typeof key === 'string' ? encoder.encode(key) : key,
    value: encoder.encode(value),
  }
  const transaction =
    producerId === undefined
      ? {}
      : { producerId, producerEpoch: 0, baseSequence: 0, transactional: true }
  broker.log(topic, partition).store(buildBatch({ records: [record], ...transaction }))
}

function endTransaction(broker: MemoryBroker, producerId: number, commit: boolean): void {
  const end = { commit, producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp: 1 }
  broker.log('t').store(buildEndTransaction(end))
}

async function open(
  broker: MemoryBroker,
  text = 'earliest',
  ask: Partial<TailAsk> = {},
): Promise<TopicsTail> {
  const from = { field: 'from', text, resumes: true }
  const tail = await openTail(broker.context, { topics: ['t'], readCommitted: true, from, ...ask })
  if (tail instanceof Problem) throw new Error(JSON.stringify(tail.body()))
  return tail
}

const LARGE = 1e9
const read = (tail: TopicsTail, waitMs = 0, maxBytes = LARGE) => tail.next({ maxBytes, waitMs })

/** The records of a step as `topic/partition:offset=value`. */
function shown(step: TailStep): string[] {
  if (step.kind !== 'records') return []
  return step.topics.flatMap(({ topic, records }) =>
    records.map((json) => {
      const { partition, offset, value } = JSON.parse(json)
      return `${topic}/${partition}:${offset}=${value}`
    }),
  )
}

/** Steps until `count` records were shown. */
async function take(tail: TopicsTail, count: number, maxBytes = LARGE): Promise<TailStep[]> {
  const steps: TailStep[] = []
  for (let records = 0; records < count; ) {
    const step = await read(tail, 1_000, maxBytes)
    if (step.kind === 'problem') throw new Error(JSON.stringify(step.problem.body()))
    records += shown(step).length
    steps.push(step)
  }
  return steps
}

const bytesOf = ({ topics }: RecordsStep) => topics.reduce((sum, { bytes }) => sum + bytes, 0)

/** Two topics whose records are of all lengths, in one and several bytes a character. */
function full(): MemoryBroker {
  const broker = memoryBroker([topicState('t', 3), topicState('u', 1)])
  for (let at = 0; at < 12; at++) {
    put(broker, 'é𝄞x'.repeat(at * 7), { partition: at % 3 })
    if (at % 2 === 0) put(broker, 'u'.repeat(at), { topic: 'u' })
  }
  return broker
}

describe('a tail', () => {
  it('gives what there is of all topics, with the position behind each message', async () => {
    const broker = full()
    const tail = await open(broker, 'earliest', { topics: ['t', 'u'] })
    const [step] = (await take(tail, 18)) as [RecordsStep]
    expect(step.topics.map(({ topic, topicId }) => [topic, topicId])).toEqual([
      ['t', topicState('t').id],
      ['u', topicState('u').id],
    ])
    const [t, u] = step.topics
    const id = (name: string) => topicState(name).id
    expect(t!.position).toBe(`${id('t')}/0:3,1:3,2:3;${id('u')}/0:-1`)
    expect(u!.position).toBe(`${id('t')}/0:3,1:3,2:3;${id('u')}/0:5`)
    expect(tail.position()).toBe(u!.position)
  })

  it('never gives more bytes than it may, and resumes exactly behind every message', async () => {
    const broker = full()
    const all = (await take(await open(broker, 'earliest', { topics: ['t', 'u'] }), 18)).flatMap(
      shown,
    )
    const grants = fc.array(fc.integer({ min: 1, max: 2_500 }), { minLength: 1, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(grants, fc.boolean(), async (sizes, isFollowed) => {
        let tail = await open(broker, 'earliest', { topics: ['t', 'u'] })
        const seen: string[] = []
        for (let turn = 0; seen.length < all.length; turn++) {
          let maxBytes = sizes[turn % sizes.length]!
          let step = await read(tail, 0, maxBytes)
          if (step.kind === 'large') {
            expect(step.bytes).toBeGreaterThan(maxBytes)
            maxBytes = step.bytes
            step = await read(tail, 0, maxBytes)
          }
          if (step.kind !== 'records') throw new Error(step.kind)
          expect(bytesOf(step)).toBeLessThanOrEqual(maxBytes)
          for (const { records, bytes } of step.topics) {
            expect(Buffer.byteLength(`[${records.join(',')}]`)).toBe(bytes)
          }
          expect(step.topics.at(-1)!.position).toBe(tail.position())
          seen.push(...shown(step))
          if (isFollowed) continue
          tail.close()
          tail = await open(broker, tail.position(), { topics: ['t', 'u'] })
        }
        expect(seen.toSorted()).toEqual(all.toSorted())
        tail.close()
      }),
      { numRuns: 25 },
    )
  }, 60_000)

  it.each([true, false])(
    'gives what comes while it waits, within what it may, and once (near %s)',
    async (near) => {
      const broker = memoryBroker([topicState('t', 2)])
      for (const partition of [0, 1]) broker.log('t', partition).near = near
      put(broker, 'first')
      const tail = await open(broker)
      const seen = (await take(tail, 1)).flatMap(shown)
      const writing = (async () => {
        for (let at = 0; at < 60; at++) {
          put(broker, `value ${at}`.repeat(1 + (at % 5)), { partition: at % 2 })
          await sleep(10)
        }
      })()
      while (seen.length < 61) {
        const step = await read(tail, 1_000, 400)
        if (step.kind === 'records') expect(bytesOf(step)).toBeLessThanOrEqual(400)
        seen.push(...shown(step))
      }
      await writing
      for (const partition of [0, 1]) {
        const offsets = seen
          .filter((one) => one.startsWith(`t/${partition}:`))
          .map((one) => Number(/:(\d+)=/.exec(one)?.[1]))
        expect(offsets).toEqual(offsets.map((_, at) => at))
      }
      expect(seen).toHaveLength(61)
      expect(broker.log('t').asked.follow).toBeGreaterThan(0)
      tail.close()
    },
    20_000,
  )

  it('says how large the next record is when it may not give it, and gives it then', async () => {
    const broker = memoryBroker([topicState('t', 1)])
    put(broker, 'é'.repeat(300))
    const tail = await open(broker)
    const step = await read(tail, 0, 100)
    if (step.kind !== 'large') throw new Error(step.kind)
    expect(await read(tail, 0, step.bytes - 1)).toEqual(step)
    const whole = await read(tail, 0, step.bytes)
    expect(bytesOf(whole as RecordsStep)).toBe(step.bytes)
  })

  it('is idle when nothing comes in time, when it is told to, and when it is closed', async () => {
    const broker = memoryBroker([topicState('t', 1)])
    const tail = await open(broker)
    expect(await read(tail, 20)).toEqual({ kind: 'idle' })
    const abort = new AbortController()
    const waiting = tail.next({ maxBytes: 1, waitMs: 60_000, signal: abort.signal })
    setTimeout(() => abort.abort(), 10)
    expect(await waiting).toEqual({ kind: 'idle' })
    // What was waited for is not lost.
    put(broker, 'later')
    expect(shown(await read(tail, 1_000))).toEqual(['t/0:0=later'])
    const again = read(tail, 60_000)
    tail.close()
    expect(await again).toEqual({ kind: 'idle' })
  })
})

describe('a tail of one key', () => {
  const binary = new Uint8Array([0xff, 0, 1])

  it.each([
    ['text', 'k,"x":1', encoder.encode('k,"x":1')],
    ['bytes', binary, binary],
    ['nothing', '', new Uint8Array(0)],
  ])(
    'of %s gives its records only, read and shared, and asks its partition only',
    async (_, key, bytes) => {
      const broker = memoryBroker([topicState('t', 3)])
      const partition = partitionForKey(bytes, 3)
      const others = [null, 'k', 'other', new Uint8Array([0xff, 0])]
      const round = (value: string) => {
        for (const other of others) put(broker, 'not', { partition, key: other })
        put(broker, value, { partition, key })
      }
      round('one')
      const tail = await open(broker, 'earliest', { key: bytes })
      const first = (await take(tail, 1)).flatMap(shown)
      const more = take(tail, 2)
      await sleep(50)
      round('two')
      round('three')
      const values = [...first, ...(await more).flatMap(shown)].map((one) => one.split('=')[1])
      expect(values).toEqual(['one', 'two', 'three'])
      expect(broker.log('t', partition).asked.follow).toBeGreaterThan(0)
      for (const other of [0, 1, 2].filter((one) => one !== partition)) {
        expect(broker.log('t', other).asked).toEqual({ read: 0, follow: 0 })
      }
      tail.close()
    },
  )

  it('moves its position over other records, once a second at most', async () => {
    const broker = memoryBroker([topicState('t', 1)])
    const tail = await open(broker, 'latest', { key: encoder.encode('mine') })
    const startedMs = Date.now()
    const writing = setInterval(() => put(broker, 'x', { key: 'theirs' }), 20)
    const positions: string[] = []
    while (positions.length < 3) {
      const step = await read(tail, 5_000)
      if (step.kind === 'position') positions.push(step.position)
    }
    clearInterval(writing)
    expect(Date.now() - startedMs).toBeGreaterThan(1_900)
    const offsets = positions.map((position) => Number(position.split(':')[1]))
    expect(offsets[0]).toBeGreaterThanOrEqual(0)
    expect(offsets[1]).toBeGreaterThan(offsets[0]!)
    expect(offsets[2]).toBeGreaterThan(offsets[1]!)
    tail.close()
  }, 20_000)
})

describe('a tail of transactions', () => {
  it('moves over markers and what was aborted', async () => {
    const broker = memoryBroker([topicState('t', 1)])
    put(broker, 'kept', { producerId: 1 })
    endTransaction(broker, 1, true)
    put(broker, 'dropped', { producerId: 2 })
    endTransaction(broker, 2, false)
    broker.log('t').aborted = [{ producerId: 2, firstOffset: 2 }] as never
    const tail = await open(broker)
    const step = await read(tail)
    expect(shown(step)).toEqual(['t/0:0=kept'])
    expect(tail.position()).toBe('0:3')
    const uncommitted = await open(broker, 'earliest', { readCommitted: false })
    expect(tail.position()).toBe('0:3')
    uncommitted.close()
    tail.close()
  })

  it.each([true, false])(
    'tells events of what comes behind the last one (followed %s)',
    async (isFollowed) => {
      const broker = memoryBroker([topicState('t', 1)])
      const tail = await open(broker)
      if (isFollowed) {
        put(broker, 'first')
        expect(await tail.events(LARGE, 1_000)).toMatchObject({ kind: 'runs' })
      }
      put(broker, 'kept', { producerId: 1 })
      endTransaction(broker, 1, true)
      const last = isFollowed ? 1 : 0
      expect(await tail.events(LARGE, 1_000)).toMatchObject({
        kind: 'runs',
        runs: [{ shown: last + 1, next: last + 2 }],
      })
      expect(await tail.events(LARGE, 3_000)).toEqual({
        kind: 'position',
        position: `0:${last + 1}`,
      })
      expect(broker.log('t').asked.follow).toBe(1)
      tail.close()
    },
    20_000,
  )
})

describe('a tail whose topics change', () => {
  const other = (name: string, partitions = 1) => {
    return { ...topicState(name, partitions), id: `${name}-new`.padEnd(22, 'B') as TopicId }
  }

  it('tells of a topic that is deleted and follows the others', async () => {
    const broker = memoryBroker([topicState('t', 1), topicState('u', 1)])
    put(broker, 'a')
    put(broker, 'b', { topic: 'u' })
    const tail = await open(broker, 'earliest', { topics: ['t', 'u'] })
    await take(tail, 2)
    const position = tail.position()
    const waiting = read(tail, 5_000)
    broker.replace('t', null)
    const id = (name: string) => topicState(name).id
    const next = `${id('t')}/;${id('u')}/0:0`
    const about = { kind: 'reset', topic: 't', partition: null, reason: 'deleted' }
    let step = await waiting
    if (step.kind === 'idle') step = await read(tail, 20_000)
    expect(step).toEqual({ ...about, position, next })
    put(broker, 'c', { topic: 'u' })
    expect((await take(tail, 1)).flatMap(shown)).toEqual(['u/0:1=c'])
    broker.replace('u', null)
    expect(await read(tail, 20_000)).toMatchObject({ topic: 'u', reason: 'deleted', next: null })
  }, 60_000)

  it.each([false, true])(
    'tells of a topic that is recreated and gives all of the new one (was followed: %s)',
    async (isFollowed) => {
      const broker = memoryBroker([topicState('t', 2)])
      put(broker, 'old')
      const tail = await open(broker, isFollowed ? 'earliest' : 'latest')
      if (isFollowed) {
        await take(tail, 1)
        put(broker, 'older')
        await take(tail, 1)
      }
      const position = tail.position()
      broker.replace('t', other('t', 1))
      put(broker, 'new')
      const about = { kind: 'reset', topic: 't', partition: null, reason: 'recreated' }
      expect(await read(tail, 20_000)).toEqual({ ...about, position, next: '0:-1' })
      expect((await take(tail, 1)).flatMap(shown)).toEqual(['t/0:0=new'])
      tail.close()
    },
    60_000,
  )

  it('tells of what retention took while it waited, in each partition', async () => {
    const broker = memoryBroker([topicState('t', 2)])
    for (let at = 0; at < 8; at++) put(broker, `${at}`, { partition: at % 2 })
    const tail = await open(broker)
    const small = await read(tail, 0, 100)
    expect(shown(small)).toHaveLength(1)
    for (const partition of [0, 1]) broker.log('t', partition).startOffset = 3
    const first = await read(tail)
    const second = await read(tail)
    expect([first, second]).toMatchObject([
      { kind: 'reset', reason: 'trimmed' },
      { kind: 'reset', reason: 'trimmed' },
    ])
    expect(tail.position()).toBe('0:2,1:2')
    expect(second).toMatchObject({ next: '0:2,1:2' })
    expect((await take(tail, 2)).flatMap(shown).toSorted()).toEqual(['t/0:3=6', 't/1:3=7'])
  })

  it('ends with a problem when its position has become longer than an id may be', async () => {
    const broker = memoryBroker([topicState('t', 601)])
    const tail = await open(broker, 'earliest')
    // Its id is as long as may be.
    expect(tail.position().length).toBeGreaterThan(4_090)
    for (let at = 0; at < 100; at++) put(broker, 'x', { partition: 17 })
    await take(tail, 100)
    put(broker, 'y', { partition: 17 })
    const kinds: string[] = []
    let step = await read(tail, 1_000)
    for (; step.kind !== 'problem'; step = await read(tail, 1_000)) kinds.push(step.kind)
    expect(kinds).toEqual(['records'])
    expect(step.problem.body()).toMatchObject({ status: 400, field: 'partition' })
  }, 30_000)
})

describe('a tail that is assigned partitions', () => {
  const { id: topicId } = topicState('t')
  const at = (partition: number, offset: number) => ({ topic: 't', topicId, partition, offset })

  it('reads these and no others, from their offsets on, as they come and go', async () => {
    const broker = memoryBroker([topicState('t', 3)])
    for (let record = 0; record < 9; record++) put(broker, `${record}`, { partition: record % 3 })
    const tail = assignedTail(broker.context, true)
    expect(await read(tail, 20)).toEqual({ kind: 'idle' })
    const waiting = read(tail, 60_000)
    tail.assign([at(1, 1)])
    expect(await waiting).toEqual({ kind: 'idle' })
    expect((await take(tail, 2)).flatMap(shown)).toEqual(['t/1:1=4', 't/1:2=7'])
    expect(tail.position()).toBe(`${topicId}/1:2`)
    tail.assign([at(0, 2), at(1, 2)])
    expect((await take(tail, 2)).flatMap(shown).toSorted()).toEqual(['t/0:2=6', 't/1:2=7'])
    tail.revoke([{ topicId, partition: 1 }])
    put(broker, 'late', { partition: 1 })
    put(broker, 'mine', { partition: 0 })
    expect((await take(tail, 1)).flatMap(shown)).toEqual(['t/0:3=mine'])
    tail.revoke([{ topicId, partition: 0 }])
    expect(tail.position()).toBe('')
    put(broker, 'nobody', { partition: 0 })
    expect(await read(tail, 300)).toEqual({ kind: 'idle' })
    expect(broker.log('t', 2).asked.read).toBe(0)
    tail.close()
  }, 20_000)

  it('is told of a deleted topic and waits for what it is assigned next', async () => {
    const broker = memoryBroker([topicState('t', 1), topicState('u', 1)])
    put(broker, 'a')
    put(broker, 'b', { topic: 'u' })
    const tail = assignedTail(broker.context, true)
    tail.assign([at(0, 0)])
    await take(tail, 1)
    broker.replace('t', null)
    expect(await read(tail, 20_000)).toMatchObject({ reason: 'deleted', topic: 't', next: '' })
    expect(await read(tail, 20)).toEqual({ kind: 'idle' })
    const u = topicState('u').id
    tail.assign([{ topic: 'u', topicId: u, partition: 0, offset: 0 }])
    expect((await take(tail, 1)).flatMap(shown)).toEqual(['u/0:0=b'])
    tail.close()
  }, 60_000)
})
