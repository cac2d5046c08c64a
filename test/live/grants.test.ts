import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  LIVE_PIECE_BYTES,
  LIVE_PIECE_FIRST_BYTES,
  LIVE_UNCONFIRMED_BYTES,
  LIVE_UNCONFIRMED_TOTAL_BYTES,
} from '../../src/core/limits/live.ts'
import { bytesOf, settle, World } from './fakes.ts'

/** What happens to a session, in any order. */
type Event =
  | { readonly kind: 'append'; readonly partition: number; readonly length: number }
  | { readonly kind: 'grant'; readonly sub: number; readonly bytes: number }
  | { readonly kind: 'hibernate' }
  | { readonly kind: 'settle' }

const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({
    kind: fc.constant('append' as const),
    partition: fc.nat({ max: 2 }),
    length: fc.oneof(fc.nat({ max: 200 }), fc.nat({ max: 40_000 })),
  }),
  fc.record({
    kind: fc.constant('grant' as const),
    sub: fc.integer({ min: 1, max: 3 }),
    bytes: fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 60_000 })),
  }),
  fc.constant({ kind: 'hibernate' as const }),
  fc.constant({ kind: 'settle' as const }),
)

/** Text of that many units, of one to three bytes each. */
function textOf(length: number): string {
  return Array.from({ length }, (_, at) => 'aé漢'[at % 3]).join('')
}

describe('grants', () => {
  it('are never exceeded, and lose nothing: whatever happens, records come in order, once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 40 }), async (events) => {
        const world = new World()
        world.topics.create('t', 3)
        const granted = new Map([1, 2, 3].map((sub) => [sub, 100 * sub]))
        for (const [sub, bytes] of granted) {
          world.say({ type: 'subscribe', sub, topics: ['t'], from: 'earliest', bytes })
        }
        const check = () => {
          for (const [sub, bytes] of granted) {
            const sent = world.of('records').filter((one) => one.sub === sub)
            for (const { records, bytes: said } of sent) expect(said).toBe(bytesOf(records))
            const sum = sent.reduce((total, one) => total + one.bytes, 0)
            expect(sum).toBeLessThanOrEqual(bytes)
          }
        }
        for (const one of events) {
          if (one.kind === 'append') {
            world.topics.append('t', one.partition, textOf(one.length))
          } else if (one.kind === 'grant') {
            world.say({ type: 'grant', sub: one.sub, bytes: one.bytes })
            granted.set(one.sub, granted.get(one.sub)! + one.bytes)
          } else if (one.kind === 'hibernate') {
            await settle()
            world.hibernate()
          } else await settle()
          check()
        }
        // With enough of a grant everybody has everything.
        for (const sub of granted.keys()) world.say({ type: 'grant', sub, bytes: 2 ** 31 })
        await settle()
        await settle()
        for (const sub of granted.keys()) {
          const records = world
            .of('records')
            .filter((message) => message.sub === sub)
            .flatMap((message) => message.records)
          for (const partition of [0, 1, 2]) {
            const offsets = records
              .filter((record) => record.partition === partition)
              .map(({ offset }) => offset)
            const log = world.topics.logs.get('t')![partition]!
            expect(offsets).toEqual(log.map((_, at) => at))
          }
        }
        expect(world.failures).toEqual([])
      }),
      { numRuns: 60 },
    )
  })

  it('that a record does not fit wait for more, which is said once', async () => {
    const world = new World()
    world.topics.create('t', 1)
    world.topics.append('t', 0, 'x'.repeat(5_000), 'y')
    world.say({ type: 'subscribe', sub: 1, topics: ['t'], from: 'earliest', bytes: 100 })
    await settle()
    const bytes = world.of('starved')[0]!.bytes
    expect(world.of('records')).toEqual([])
    world.say({ type: 'grant', sub: 1, bytes: 100 })
    await settle()
    expect(world.of('starved')).toHaveLength(1)
    world.say({ type: 'grant', sub: 1, bytes: bytes - 200 })
    await settle()
    expect(world.values(1)).toEqual(['x'.repeat(5_000)])
    expect(world.of('records')[0]?.bytes).toBe(bytes)
  })

  it('of a session of which nothing is granted leave it at rest', async () => {
    const world = new World()
    world.topics.create('t', 1)
    world.topics.append('t', 0, 'a')
    const bytes = bytesOf([JSON.parse(world.topics.logs.get('t')![0]![0]!)])
    world.say({ type: 'subscribe', sub: 1, topics: ['t'], from: 'earliest', bytes })
    expect(world.session.isActive).toBe(true)
    await settle()
    expect(world.values(1)).toEqual(['a'])
    expect(world.session.isActive).toBe(false)
  })
})

describe('a client that stands still', () => {
  it('is sent so much and no more, whatever it has granted, until it shows that it took it', async () => {
    const world = new World()
    world.takes = false
    world.topics.create('t', 1)
    const value = 'x'.repeat(1_000)
    world.topics.append('t', 0, ...Array.from({ length: 3_000 }, () => value))
    for (const sub of [1, 2, 3]) {
      const asked = { topics: ['t'], from: 'earliest', bytes: 2 ** 31 }
      world.say({ type: 'subscribe', sub, ...asked })
    }
    await settle()
    const sent = () => world.of('records').reduce((sum, { bytes }) => sum + bytes, 0)
    expect(sent()).toBeLessThanOrEqual(LIVE_UNCONFIRMED_BYTES)
    expect(sent()).toBeGreaterThan(LIVE_UNCONFIRMED_BYTES / 4)
    expect(world.texts.filter((text) => text === 'ping')).toHaveLength(1)
    const before = sent()
    world.say('pong')
    await settle()
    expect(sent()).toBeGreaterThan(before)
    expect(sent() - before).toBeLessThanOrEqual(LIVE_UNCONFIRMED_BYTES)
    world.takes = true
    world.say('pong')
    await settle()
    await settle()
    for (const sub of [1, 2, 3]) expect(world.values(sub)).toHaveLength(3_000)
  })

  it('gets a record larger than that when it has taken all before it', async () => {
    const world = new World()
    world.takes = false
    world.topics.create('t', 1)
    const large = 'x'.repeat(2 * LIVE_UNCONFIRMED_BYTES)
    world.topics.append('t', 0, 'a', large, 'b')
    world.say({ type: 'subscribe', sub: 1, topics: ['t'], from: 'earliest', bytes: 2 ** 31 })
    await settle()
    expect(world.values(1)).toEqual(['a'])
    world.say('pong')
    await settle()
    expect(world.values(1)).toEqual(['a', large])
    world.say('pong')
    await settle()
    expect(world.values(1)).toEqual(['a', large, 'b'])
  })

  it('is known by what it has not taken, which goes with it', async () => {
    const world = new World()
    world.takes = false
    world.topics.create('t', 1)
    world.topics.append('t', 0, ...Array.from({ length: 100 }, () => 'x'.repeat(1_000)))
    world.say({ type: 'subscribe', sub: 1, topics: ['t'], from: 'earliest', bytes: 2 ** 31 })
    await settle()
    const sent = world.of('records').reduce((sum, { bytes }) => sum + bytes, 0)
    expect(world.totals.unconfirmed).toBe(sent)
    await world.session.close()
    expect(world.totals.unconfirmed).toBe(0)
  })

  it('leaves others a little, who get on with it', async () => {
    const world = new World()
    // What stands still elsewhere.
    world.totals.unconfirmed = LIVE_UNCONFIRMED_TOTAL_BYTES
    world.topics.create('t', 1)
    const values = Array.from({ length: 300 }, (_, at) => `${at} ${'x'.repeat(1_000)}`)
    world.topics.append('t', 0, ...values)
    world.say({ type: 'subscribe', sub: 1, topics: ['t'], from: 'earliest', bytes: 2 ** 31 })
    await settle()
    await settle()
    expect(world.values(1)).toEqual(values)
    for (const { bytes } of world.of('records')) {
      expect(bytes).toBeLessThanOrEqual(LIVE_PIECE_FIRST_BYTES)
    }
  })

  it('is stalled where others wait for what is held for it, and not before', async () => {
    const world = new World()
    world.takes = false
    world.topics.create('t', 1)
    world.topics.append('t', 0, ...Array.from({ length: 1_000 }, () => 'x'.repeat(1_000)))
    world.say({ type: 'subscribe', sub: 1, topics: ['t'], from: 'earliest', bytes: 2 ** 31 })
    await settle()
    await world.pass(60_000)
    expect(world.session.isStalled).toBe(false)
    world.totals.unconfirmed = LIVE_UNCONFIRMED_TOTAL_BYTES
    expect(world.session.isStalled).toBe(true)
    world.say('pong')
    expect(world.session.isStalled).toBe(false)
  })

  it('holds up no record of others that is larger than a little', async () => {
    const world = new World()
    world.totals.unconfirmed = LIVE_UNCONFIRMED_TOTAL_BYTES
    world.topics.create('t', 1)
    const values = [1, 2, 3].map((at) => `${at}`.repeat(5 * LIVE_PIECE_FIRST_BYTES))
    world.topics.append('t', 0, ...values)
    world.say({ type: 'subscribe', sub: 1, topics: ['t'], from: 'earliest', bytes: 2 ** 31 })
    await settle()
    await settle()
    expect(world.values(1)).toEqual(values)
    expect(world.topics.tails[0]!.calls).toBeLessThan(20)
  })

  it('waits with a very large record while another of an isolate is not taken', async () => {
    const world = new World()
    world.takes = false
    world.totals.unconfirmed = LIVE_UNCONFIRMED_TOTAL_BYTES
    world.totals.isLargeOut = true
    world.topics.create('t', 1)
    const large = 'x'.repeat(2 * LIVE_PIECE_BYTES)
    world.topics.append('t', 0, large)
    world.say({ type: 'subscribe', sub: 1, topics: ['t'], from: 'earliest', bytes: 2 ** 31 })
    await world.pass(1_000)
    expect(world.values(1)).toEqual([])
    expect(world.totals.largeWaiters).toBe(1)
    world.totals.isLargeOut = false
    await world.pass(1_000)
    expect(world.values(1)).toEqual([large])
    expect(world.totals).toMatchObject({ isLargeOut: true, largeWaiters: 0 })
    // Shown to be taken, or gone.
    world.session.ping()
    world.say('pong')
    expect(world.totals.isLargeOut).toBe(false)
  })

  it('wakes to a little, and gets more with each step when it is behind', async () => {
    const world = new World()
    world.topics.create('t', 1)
    world.say({ type: 'subscribe', sub: 1, topics: ['t'], from: 'earliest', bytes: 2 ** 31 })
    await settle()
    world.topics.append('t', 0, ...Array.from({ length: 2_000 }, () => 'x'.repeat(1_000)))
    await settle()
    const sizes = world.of('records').map(({ bytes }) => bytes)
    expect(sizes[0]).toBeLessThanOrEqual(LIVE_PIECE_FIRST_BYTES)
    expect(Math.max(...sizes)).toBeGreaterThan(LIVE_PIECE_BYTES / 2)
    expect(world.values(1)).toHaveLength(2_000)
  })
})
