// Whoever waits at the end of a partition hears of what is appended, whatever happens to calls, leaders
// and Watch objects; and leaders where nothing happens may sleep. In many worlds, and in worlds where a
// bug was planted, which must be found.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { Watches } from '../../src/broker/watches.ts'
import {
  REREAD_SUBSCRIBED_MS,
  WATCH_AT_LEADER_MAX_MS,
  WATCH_AT_LEADER_MIN_MS,
} from '../../src/core/limits/watch.ts'
import { Tells } from '../../src/partition/tells.ts'
import { Subscriptions } from '../../src/watch/subscriptions.ts'
import { edited } from '../simulation/hooks.ts'
import { type Parts, World } from './world.ts'

const SOURCES = join(import.meta.dirname, '../../src')
const PARTITIONS = 3
const CONNECTIONS = 2

/** What no call that is lost any more may delay: an answer, a retry, a subscription made anew. */
const SOON_MS = 30_000

type Command =
  | { readonly kind: 'append'; readonly partition: number; readonly isOpen: boolean }
  | { readonly kind: 'read'; readonly partition: number; readonly connection: number }
  | { readonly kind: 'leave'; readonly reader: number }
  | { readonly kind: 'pause'; readonly ms: number }
  | { readonly kind: 'sleep'; readonly partition: number; readonly afterMs: number }
  | { readonly kind: 'crash'; readonly partition: number }
  | { readonly kind: 'restart'; readonly partition: number }

const partition = fc.nat(PARTITIONS - 1)
const ordinary = [
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('append'), partition, isOpen: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('read'),
      partition,
      connection: fc.nat(CONNECTIONS - 1),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave'), reader: fc.nat(5) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('pause'),
      ms: fc.oneof(
        fc.nat(50),
        fc.nat(2_000),
        // When a watch at the leader ends and a subscription begins.
        fc.integer({ min: WATCH_AT_LEADER_MIN_MS - 100, max: WATCH_AT_LEADER_MAX_MS + 500 }),
        fc.integer({ min: 6_000, max: 20_000 }),
      ),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('sleep'),
      partition,
      afterMs: fc.constantFrom(0, 27_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart'), partition }) },
]
const crash = { weight: 2, arbitrary: fc.record({ kind: fc.constant('crash'), partition }) }

function life(commands: fc.Arbitrary<unknown>) {
  return fc.record({
    seed: fc.integer(),
    lost: fc.constantFrom(0, 0, 5, 20),
    messageMs: fc.constantFrom(2, 20, 300),
    commands: fc.array(commands as fc.Arbitrary<Command>, { minLength: 10, maxLength: 60 }),
  })
}

const gentle = life(fc.oneof(...ordinary))
const rough = life(fc.oneof(...ordinary, crash))

type Life = typeof gentle extends fc.Arbitrary<infer T> ? T : never

async function lived(parts: Parts, { commands, ...options }: Life): Promise<World> {
  const world = new World({ parts, ...options }, PARTITIONS)
  for (let connection = 0; connection < CONNECTIONS; connection++) world.connect()
  // Two readers of one partition on one connection, who come to its end at different offsets.
  for (const committed of [false, true]) world.read(world.connections[0]!, 0, committed)
  for (const command of commands) await perform(world, command)
  world.lost = 0
  return world
}

async function perform(world: World, command: Command): Promise<void> {
  if (command.kind === 'pause') return world.pass(command.ms)
  if (command.kind === 'leave') {
    const reader = world.readers[command.reader]
    if (reader !== undefined) reader.isOn = false
    return
  }
  const leader = world.leaders[command.partition]!
  if (command.kind === 'append') leader.append(command.isOpen)
  else if (command.kind === 'sleep') {
    await world.pass(command.afterMs)
    leader.evict()
  } else if (command.kind === 'crash') leader.crash()
  else if (command.kind === 'restart') world.shardOf(command.partition).restart()
  else {
    const connection = world.connections[command.connection]!
    world.read(connection, command.partition, world.random(2) === 0)
  }
}

/** Within moments, if no leader ended that had something to say. */
async function wakesSoon(parts: Parts, one: Life): Promise<void> {
  const world = await lived(parts, one)
  await world.pass(SOON_MS)
  expect(world.late()).toEqual([])
  // What is appended to a sleeping partition is heard of as soon.
  for (const leader of world.leaders) leader.evict()
  for (const leader of world.leaders) leader.append(false)
  // The flush, the message, the news, the read and its answer.
  await world.pass(100 + 8 * one.messageMs)
  expect(world.late()).toEqual([])
}

/** In any case with the next look. */
async function wakesInTheEnd(parts: Parts, one: Life): Promise<void> {
  const world = await lived(parts, one)
  await world.pass(REREAD_SUBSCRIBED_MS * 1.25 + SOON_MS)
  expect(world.late()).toEqual([])
}

function awake({ leaders }: World): readonly number[] {
  return leaders.filter(({ isLoaded }) => isLoaded).map(({ target }) => target.partition)
}

const REAL: Parts = { Watches, Tells, Subscriptions }
const CALM = { parts: REAL, lost: 0, messageMs: 20 }

describe('whoever waits at the end of a partition', () => {
  it('hears of every append soon, though calls are lost, leaders sleep and Watch objects restart', async () => {
    await fc.assert(
      fc.asyncProperty(gentle, (one) => wakesSoon(REAL, one)),
      { numRuns: 300 },
    )
  }, 60_000)

  it('hears of it with the next look, though leaders end before they tell', async () => {
    await fc.assert(
      fc.asyncProperty(rough, (one) => wakesInTheEnd(REAL, one)),
      { numRuns: 60 },
    )
  }, 60_000)

  it('does so on a crashed leader as soon as anybody calls it', async () => {
    const world = new World({ ...CALM, seed: 1 }, 1)
    world.read(world.connect(), 0, false)
    const [leader] = world.leaders
    leader!.append(false)
    await world.pass(WATCH_AT_LEADER_MAX_MS + 11_000)
    leader!.evict()
    leader!.append(false)
    // The commit stands, nobody was told.
    leader!.crash()
    await world.pass(5_000)
    expect(world.late()).toHaveLength(1)
    await Promise.all([leader!.read(), world.pass(500)])
    expect(world.late()).toEqual([])
  })
})

describe('partitions where nothing happens', () => {
  it('are asked nothing while they are watched, and sleep', async () => {
    const world = new World({ ...CALM, seed: 7 }, 40)
    const connection = world.connect()
    for (const leader of world.leaders) leader.append(false)
    for (const { target } of world.leaders) world.read(connection, target.partition, false)
    await world.pass(WATCH_AT_LEADER_MIN_MS)
    // They do not leave their leaders together.
    expect(connection.subscribed).toBeLessThan(3)
    await world.pass(WATCH_AT_LEADER_MAX_MS - WATCH_AT_LEADER_MIN_MS + 1_000)
    expect(connection.subscribed).toBe(40)
    await world.pass(11_000)
    for (const leader of world.leaders) leader.evict()
    expect(awake(world)).toEqual([])
    const before = { ...world.calls }
    await world.pass(REREAD_SUBSCRIBED_MS - 60_000)
    expect(awake(world)).toEqual([])
    const parked = world.calls.news - before.news
    expect({ ...world.calls, news: before.news }).toEqual(before)
    expect(parked).toBeLessThanOrEqual(10)
    // They are looked at again by and by, not all at once.
    await world.pass(70_000)
    const read = world.calls.read - before.read
    expect(read).toBeGreaterThan(0)
    expect(read).toBeLessThan(20)
  })

  it('are forgotten when nobody asks for them any more', async () => {
    const world = new World({ ...CALM, seed: 3 }, 2)
    const connection = world.connect()
    const readers = [0, 1].map((each) => world.read(connection, each, false))
    await world.pass(20_000)
    expect(world.shardOf(0).subscriptions.size).toBe(2)
    readers[0]!.isOn = false
    await world.pass(400_000)
    expect([connection.size, world.shardOf(0).subscriptions.size]).toEqual([1, 1])
    readers[1]!.isOn = false
    await world.pass(500_000)
    expect([connection.size, world.shardOf(0).subscriptions.sessions]).toEqual([0, 0])
  })
})

describe('a partition that is read at its head', () => {
  it('is told to nobody, and nobody subscribes', async () => {
    const world = new World({ ...CALM, seed: 5 }, 1)
    world.read(world.connect(), 0, false)
    const [leader] = world.leaders
    for (let turn = 0; turn < 100; turn++) {
      leader!.append(false)
      await world.pass(1_000)
    }
    // One after it was loaded, which finds nobody.
    expect(world.calls.tell).toBe(1)
    expect(world.calls.subscribe).toBe(0)
    expect(world.late()).toEqual([])
  })
})

interface Planted {
  readonly name: string
  readonly file: string
  readonly from: string
  readonly to: string
}

const WATCHES = 'broker/watches.ts'
const SESSION = 'broker/watch-session.ts'
const TELLS = 'partition/tells.ts'
const SUBSCRIPTIONS = 'watch/subscriptions.ts'

const PLANTED: readonly Planted[] = [
  {
    name: 'the leader is not asked after subscribing',
    file: WATCHES,
    from: 'if (error === KafkaError.NONE && isSame(position, idle.position)) {',
    to: 'if (error === KafkaError.NONE) {',
  },
  {
    name: 'an evicted leader takes it that nobody is subscribed',
    file: TELLS,
    from: '  #isWatched = true\n',
    to: '  #isWatched = false\n',
  },
  {
    name: 'a message that failed is not sent again',
    file: TELLS,
    from: 'this.#sendAfter(this.#retryMs)',
    to: '',
  },
  {
    name: 'one subscriber is told, the others are forgotten',
    file: SUBSCRIPTIONS,
    from: 'return { subscribed: subscribers.size > 0 }',
    to: 'return { subscribed: false }',
  },
  {
    name: 'news that come while no call is parked are dropped',
    file: SUBSCRIPTIONS,
    from: 'if (session.parked === null) session.news.push(target)',
    to: 'if (session.parked === null) return',
  },
  {
    name: 'a session that was lost wakes nobody',
    file: SESSION,
    from: 'this.#options.fired(lost)',
    to: '',
  },
  {
    name: 'a call for news that failed is only made again',
    file: SESSION,
    from: `      } catch {
        return this.#lose(id)
      }
      const isOver`,
    to: `      } catch {
        continue
      }
      const isOver`,
  },
]

describe('a planted bug is found:', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ottla-planted-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  /** The sources with one text changed. */
  async function planted({ name, file, from, to }: Planted, number: number): Promise<Parts> {
    const copy = join(folder, String(number))
    cpSync(SOURCES, copy, { recursive: true })
    const bug = { name, edits: [{ file, from, to }] } as unknown as Parameters<typeof edited>[0]
    const path = join(copy, file)
    writeFileSync(path, edited(bug, { file, from, to }, readFileSync(path, 'utf8')))
    const load = (one: string) => import(/* @vite-ignore */ join(copy, one))
    const [watches, tells, subscriptions] = await Promise.all(
      [WATCHES, TELLS, SUBSCRIPTIONS].map(load),
    )
    return { ...watches, ...tells, ...subscriptions } as Parts
  }

  it.each(PLANTED.map((bug, number) => [bug.name, bug, number] as const))(
    '%s',
    async (_, bug, number) => {
      const parts = await planted(bug, number)
      const check = fc.asyncProperty(gentle, (one) => wakesSoon(parts, one))
      const { failed } = await fc.check(check, { numRuns: 5_000, endOnFailure: true })
      expect(failed).toBe(true)
    },
    60_000,
  )
})
