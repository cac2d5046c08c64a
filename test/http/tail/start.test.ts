import { describe, expect, it } from 'vitest'
import type { TopicId } from '../../../src/core/ids.ts'
import { Problem } from '../../../src/http/problem.ts'
import type { TailAsk } from '../../../src/http/tail/contract.ts'
import { openTail } from '../../../src/http/tail/tail.ts'
import { buildBatch } from '../../../src/record/build.ts'
import { type MemoryBroker, memoryBroker, topicState } from '../fakes.ts'

/** Topics a (3 partitions), b and c (1 each); a has 4, 2 and 0 records, b has 5. */
function broker(): MemoryBroker {
  const memory = memoryBroker([topicState('a', 3), topicState('b', 1), topicState('c', 1)])
  const put = (topic: string, partition: number, count: number) => {
    const records = Array.from({ length: count }, (_, at) => {
      return { timestamp: 1000 + at, key: null, value: null }
    })
    memory.log(topic, partition).store(buildBatch({ records }))
  }
  put('a', 0, 4)
  put('a', 1, 2)
  put('b', 0, 5)
  return memory
}

const id = (name: string) => topicState(name).id
const ELSE = 'x'.repeat(22) as TopicId

async function start(
  memory: MemoryBroker,
  text: string,
  ask: Partial<TailAsk> & { readonly resumes?: boolean } = {},
) {
  const { resumes = false, ...rest } = ask
  const field = resumes ? 'last-event-id' : 'from'
  const from = { field, text, resumes }
  return openTail(memory.context, { topics: ['a'], readCommitted: true, from, ...rest })
}

async function position(...args: Parameters<typeof start>): Promise<string> {
  const tail = await start(...args)
  if (tail instanceof Problem) throw new Error(JSON.stringify(tail.body()))
  return tail.position()
}

async function problem(...args: Parameters<typeof start>): Promise<Record<string, unknown>> {
  const tail = await start(...args)
  if (!(tail instanceof Problem)) throw new Error(`started at ${tail.position()}`)
  return tail.body()
}

async function firstSteps(count: number, ...args: Parameters<typeof start>) {
  const tail = await start(...args)
  if (tail instanceof Problem) throw new Error(JSON.stringify(tail.body()))
  const had = tail.position()
  const steps = []
  for (let step = 0; step < count; step++) {
    steps.push(await tail.next({ maxBytes: 1e6, waitMs: 0 }))
  }
  return { had, steps, position: tail.position() }
}

describe('a tail starts', () => {
  it.each([
    ['earliest', {}, '0:-1,1:-1,2:-1'],
    ['latest', {}, '0:3,1:1,2:-1'],
    ['1970-01-01T00:00:01.001Z', {}, '0:0,1:0,2:-1'],
    ['2030-01-01T00:00:00Z', {}, '0:3,1:1,2:-1'],
    ['0:1,1:0,2:-1', {}, '0:1,1:0,2:-1'],
    ['1:0', {}, '0:-1,1:0,2:-1'],
    ['latest', { partitions: [1] }, '1:1'],
    ['0:1,1:0', { partitions: [2, 1] }, '1:0,2:-1'],
    ['latest', { namesTopics: true }, `${id('a')}/0:3,1:1,2:-1`],
    [`${id('a')}/0:1`, {}, `${id('a')}/0:1,1:-1,2:-1`],
    ['latest', { topics: ['b', 'a'] }, `${id('b')}/0:4;${id('a')}/0:3,1:1,2:-1`],
    [
      `${id('a')}/0:1;${id('b')}/0:2`,
      { topics: ['b', 'a'] },
      `${id('b')}/0:2;${id('a')}/0:1,1:-1,2:-1`,
    ],
    // A topic that is asked for anew.
    [`${id('b')}/0:2`, { topics: ['b', 'c'] }, `${id('b')}/0:2;${id('c')}/0:-1`],
  ])('from %s of %o at %s', async (from, ask, expected) => {
    expect(await position(broker(), from, ask)).toBe(expected)
  })

  it('with a key in its partition alone, and in that of its older records', async () => {
    // The partition of 'k1' as Kafka's client chooses it.
    const key = new TextEncoder().encode('k1')
    const [, own] = /^(\d):-1$/.exec(await position(broker(), 'earliest', { key })) ?? []
    expect(Number(own)).toBeLessThan(3)
    const other = own === '0' ? 1 : 0
    const both = [`${own}:-1`, `${other}:1`].toSorted().join(',')
    expect(await position(broker(), `${other}:1`, { key })).toBe(both)
  })
})

describe('a tail is refused', () => {
  const bad = { code: 'INVALID_REQUEST', status: 400 }
  const unknown = { code: 'UNKNOWN_TOPIC_OR_PARTITION', status: 404 }
  it.each<[string, Parameters<typeof start>[2], object]>([
    ['yesterday', {}, { ...bad, field: 'from' }],
    ['0:1,0:2', { resumes: true }, { ...bad, field: 'last-event-id' }],
    ['<script>', { resumes: true }, { ...bad, field: 'last-event-id' }],
    ['0:'.padEnd(5000, '9'), { resumes: true }, { ...bad, field: 'last-event-id' }],
    ['latest', { topics: [] }, { ...bad, field: 'topic' }],
    ['latest', { topics: ['a', 'a'] }, { ...bad, field: 'topic' }],
    ['latest', { topics: ['a', 'nowhere'] }, { ...unknown, field: 'topic' }],
    ['latest', { topics: ['a', 'b'], partitions: [0] }, { ...bad, field: 'partition' }],
    ['latest', { partitions: [3] }, { ...unknown, field: 'partition' }],
    ['latest', { partitions: [0, 0] }, { ...bad, field: 'partition' }],
    ['latest', { partitions: [] }, { ...bad, field: 'partition' }],
    ['latest', { partitions: [0], key: new Uint8Array(1) }, { ...bad, field: 'partition' }],
    ['3:0', {}, { ...unknown, field: 'from' }],
    [
      '0:4',
      {},
      {
        code: 'OFFSET_OUT_OF_RANGE',
        status: 416,
        field: 'from',
        partition: 0,
        earliest: 0,
        end: 4,
      },
    ],
    // A position of a topic that lives, and is not asked for.
    [`${id('b')}/0:1`, { resumes: true }, { ...bad, field: 'last-event-id' }],
    // One topic's position where there are several, and one of too many.
    ['0:1', { resumes: true, topics: ['a', 'b'] }, { ...bad, field: 'last-event-id' }],
    [`${id('a')}/0:1;${ELSE}/0:1`, { resumes: true }, { ...bad, field: 'last-event-id' }],
    // The topic is named, so it cannot have been another.
    [`${id('a')}/0:9`, { resumes: true }, { status: 416, field: 'last-event-id' }],
    [`${id('a')}/9:9`, { resumes: true }, { status: 404, field: 'last-event-id' }],
    // Who does not come back asks for a topic that there is not.
    ['0:1', { topics: ['nowhere'] }, { ...unknown, field: 'topic' }],
    // Who has been told that it is gone.
    [`${ELSE}/`, { resumes: true, topics: ['nowhere'] }, { ...unknown, field: 'topic' }],
  ])('from %s with %o', async (from, ask, expected) => {
    expect(await problem(broker(), from, ask)).toMatchObject(expected)
  })

  it('when its id would be longer than 4 KiB, and is told to choose partitions', async () => {
    const memory = memoryBroker([topicState('wide', 700), topicState('wider', 10_000)])
    const tooLong = { status: 400, field: 'partition', detail: expect.stringContaining('choose') }
    expect(await problem(memory, 'earliest', { topics: ['wide'] })).toMatchObject(tooLong)
    expect(await problem(memory, 'latest', { topics: ['wider'] })).toMatchObject(tooLong)
    const some = { topics: ['wider'], partitions: [9_999] }
    expect(await position(memory, 'latest', some)).toBe('9999:-1')
  })
})

describe('a reader who comes back', () => {
  it.each([
    // Beyond the end: that was another log.
    ['0:4,1:0,2:-1', {}],
    ['0:0,1:0,2:0,3:7', {}],
    [`${ELSE}/0:1`, {}],
    // As it was told that the topic was gone.
    [`${ELSE}/`, {}],
  ])('with %s of a recreated topic is told so, and gets all of the new one', async (had, ask) => {
    const told = await firstSteps(2, broker(), had, { resumes: true, ...ask })
    expect(told.had).toBe(had)
    expect(told.steps[0]).toEqual({
      kind: 'reset',
      topic: 'a',
      partition: null,
      reason: 'recreated',
      position: had,
      next: '0:-1,1:-1,2:-1',
    })
    expect(told.steps[1]).toMatchObject({ kind: 'records' })
  })

  it('with the position of a topic that was trimmed is told from where it goes on', async () => {
    const memory = broker()
    memory.log('a', 0).startOffset = 3
    const { steps } = await firstSteps(3, memory, '0:0,1:1', { resumes: true })
    const resets = steps.filter(({ kind }) => kind === 'reset')
    expect(resets).toEqual([
      {
        kind: 'reset',
        topic: 'a',
        partition: 0,
        reason: 'trimmed',
        position: '0:0,1:1,2:-1',
        next: '0:2,1:1,2:-1',
      },
    ])
  })

  it('to a topic that is gone is told once', async () => {
    for (const [had, behind] of [
      ['0:1', ''],
      [`${ELSE}/0:1`, `${ELSE}/`],
    ] as const) {
      const ask = { topics: ['nowhere'], resumes: true }
      const { steps, position } = await firstSteps(1, broker(), had, ask)
      const about = { topic: 'nowhere', partition: null, reason: 'deleted' }
      expect(steps).toEqual([{ kind: 'reset', ...about, position: had, next: null }])
      expect(position).toBe(behind)
    }
  })

  it('to several topics is told of each that changed, and has its position until it was', async () => {
    const had = `${ELSE}/0:7;${id('b')}/0:4;${'y'.repeat(22)}/0:1`
    const ask = { topics: ['a', 'b', 'nowhere'], resumes: true }
    const told = await firstSteps(3, broker(), had, ask)
    const next = `${id('a')}/0:-1,1:-1,2:-1;${id('b')}/0:4;${'y'.repeat(22)}/`
    const about = { kind: 'reset', partition: null, position: had, next }
    expect(told.steps.slice(0, 2)).toEqual([
      { ...about, topic: 'a', reason: 'recreated' },
      { ...about, topic: 'nowhere', reason: 'deleted' },
    ])
    expect(told.steps[2]).toMatchObject({ kind: 'records', topics: [{ topic: 'a' }] })
    const again = await firstSteps(1, broker(), next, ask)
    expect(again.had).toBe(next)
    expect(again.steps[0]).toMatchObject({ kind: 'records' })
  })
})
