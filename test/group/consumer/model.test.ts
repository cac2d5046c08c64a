// Random lives of a group: members of both protocols that come, go, stall, crash and lose answers, topics
// that grow, vanish and return, objects that are lost and loaded again. At any time a partition is with
// one client at most; once everybody behaves, every partition is with one that subscribes to it.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { TopicId } from '../../../src/core/ids.ts'
import { readAssignment } from '../../../src/group/consumer/consumer-protocol.ts'
import type { HeartbeatReply } from '../../../src/group/contract.ts'
import { joinRequest } from './classic-client.ts'
import { flat, type Heartbeat, joining, SESSION_MS, World } from './harness.ts'

/** More of them find more; some hundreds take a minute. */
const RUNS = Number(process.env.OTTLA_RUNS ?? 60)
const TOPICS = ['a', 'b', 'c'] as const
const REBALANCE_MS = 20_000
const CLASSIC_SESSION_MS = 10_000
const FENCED = [110, 25, 82]

/** What every kind of client is to the model. */
interface Actor {
  /** In the group as far as it knows. */
  readonly isMember: boolean
  readonly topics: readonly string[]
  /** Partitions that it works on. */
  readonly owned: ReadonlySet<string>
  enter(topics: readonly string[]): void
  /** One exchange; `lost`: the answer does not arrive. */
  speak(lost: boolean): void
  /** Does what it was told with its partitions. */
  obey(): void
  exit(): void
  /** Time has passed: a client that was not heard gives up by itself. */
  age(): void
}

/** A client of the new protocol. One with a principal subscribes to all by a pattern, and may describe its topics only. */
class Modern implements Actor {
  readonly #world: World
  readonly #name: string
  readonly #instanceId: string | null
  #life = 0
  #epoch = 0
  #told: ReadonlySet<string> | null = null
  #unsaid = false
  #unheard = false
  #heardMs = 0
  /** Since when it may have been asked to give something up and has not said that it did. */
  #pendingMs: number | null = null
  isMember = false
  topics: readonly string[] = []
  owned: ReadonlySet<string> = new Set()

  readonly #principal: string | null

  constructor(
    world: World,
    name: string,
    instanceId: string | null,
    principal: string | null = null,
  ) {
    this.#world = world
    this.#name = name
    this.#instanceId = instanceId
    this.#principal = principal
  }

  enter(topics: readonly string[]): void {
    this.topics = topics
    if (!this.isMember) {
      this.#life += 1
      this.isMember = true
      this.#forget()
      this.#heardMs = this.#world.nowMs
    } else {
      this.#unheard = true
    }
  }

  speak(lost: boolean): void {
    if (!this.isMember) return
    const full = this.#unheard || this.#epoch === 0
    const says = full || this.#unsaid
    const timeout = { rebalanceTimeoutMs: REBALANCE_MS }
    const join =
      this.#principal === null
        ? joining(this.topics, timeout)
        : joining([], { ...timeout, subscribedTopicRegex: `[${TOPICS.join('')}]` })
    const response = this.#send({
      memberId: `${this.#name}-${this.#life}`,
      instanceId: this.#instanceId,
      ...(full ? join : {}),
      memberEpoch: this.#epoch,
      topicPartitions: says ? (listOf(this.owned) as never) : null,
    })
    this.#unheard = lost
    if (lost) {
      // It will say all that it has, so it must not go on to take what it has not: it is told again.
      this.#told = null
      this.#pendingMs ??= this.#world.nowMs
      return
    }
    if (FENCED.includes(response.errorCode)) {
      // Kafka holds a name against a member that it has not put out yet: it comes back as another.
      this.#life += 1
      this.#forget()
      return
    }
    if (response.errorCode === 111) {
      this.#forget()
      return
    }
    expect(response.errorCode, response.errorMessage ?? '').toBe(0)
    this.#heardMs = this.#world.nowMs
    this.#epoch = response.memberEpoch
    if (says) this.#unsaid = false
    if (response.assignment != null) {
      this.#told = new Set(flat(response.assignment.topicPartitions))
    }
    if (this.#told === null && !this.#unsaid) this.#pendingMs = null
    else this.#pendingMs ??= this.#world.nowMs
  }

  /** As the broker does: the group's question is answered, and the heartbeat sent again. */
  #send(request: Heartbeat): HeartbeatReply {
    const principal = this.#principal
    if (principal === null) return this.#world.beat(request)
    const first = this.#world.beat(request, 1, { principal, verdict: null })
    if (first.toJudge === undefined) return first
    const judged = (isShown: boolean) =>
      first.toJudge!.filter(({ name }) => this.topics.includes(name) === isShown)
    const verdict = {
      shown: judged(true).map(({ id }) => id),
      hidden: judged(false).map(({ id }) => id),
    }
    return this.#world.beat(request, 1, { principal, verdict })
  }

  obey(): void {
    if (this.#told === null) return
    this.owned = this.#told
    this.#told = null
    this.#unsaid = true
  }

  exit(): void {
    if (!this.isMember) return
    const memberId = `${this.#name}-${this.#life}`
    const memberEpoch = this.#instanceId === null ? -1 : -2
    this.#world.beat({ memberId, instanceId: this.#instanceId, memberEpoch })
    this.isMember = false
    this.#forget()
  }

  age(): void {
    const { nowMs } = this.#world
    const late = this.#pendingMs !== null && nowMs - this.#pendingMs >= REBALANCE_MS
    if (late || nowMs - this.#heardMs >= SESSION_MS) {
      this.#life += 1
      this.#forget()
      this.#heardMs = nowMs
    }
  }

  #forget(): void {
    this.#epoch = 0
    this.#told = null
    this.#unsaid = false
    this.#unheard = true
    this.#pendingMs = null
    this.owned = new Set()
  }
}

/** A client of the classic protocol with the cooperative assignor. */
class Cooperative implements Actor {
  readonly #world: World
  #memberId = ''
  #generation = -1
  #told: ReadonlySet<string> | null = null
  #mustJoin = true
  #mustSync = false
  #heardMs = 0
  #toldMs = 0
  isMember = false
  topics: readonly string[] = []
  owned: ReadonlySet<string> = new Set()

  constructor(world: World) {
    this.#world = world
  }

  enter(topics: readonly string[]): void {
    this.topics = topics
    this.#mustJoin = true
    if (!this.isMember) this.#heardMs = this.#world.nowMs
    this.isMember = true
  }

  speak(lost: boolean): void {
    if (!this.isMember || this.#told !== null) return
    if (this.#mustJoin) this.#join(lost)
    else if (this.#mustSync) this.#sync(lost)
    else this.#beat(lost)
  }

  #join(lost: boolean): void {
    const world = this.#world
    const request = joinRequest(this.#memberId, this.topics, {
      owned: byName(world, this.owned),
      sessionTimeoutMs: CLASSIC_SESSION_MS,
      rebalanceTimeoutMs: REBALANCE_MS,
    })
    let response = world.join(request)
    if (response.errorCode === 79) {
      this.#memberId = response.memberId
      response = world.join({ ...request, memberId: this.#memberId })
    }
    if (lost) return
    expect(response.errorCode).toBe(0)
    this.#heardMs = world.nowMs
    this.#generation = response.generationId!
    this.#mustJoin = false
    this.#mustSync = true
  }

  #sync(lost: boolean): void {
    const response = this.#world.sync(this.#memberId, this.#generation)
    if (lost) return
    if (this.#refused(response.errorCode)) return
    this.#mustSync = false
    this.#toldMs = this.#world.nowMs
    const assigned = readAssignment(response.assignment)!
    const ids = new Map(this.#world.topics.map(({ name, id }) => [name, id]))
    this.#told = new Set(
      assigned.flatMap(({ topic, partitions }) =>
        partitions.map((partition) => `${ids.get(topic)}:${partition}`),
      ),
    )
  }

  #beat(lost: boolean): void {
    const code = this.#world.classicBeat(this.#memberId, this.#generation)
    if (!lost) this.#refused(code)
  }

  #refused(code: number): boolean {
    if (code === 0) {
      this.#heardMs = this.#world.nowMs
      return false
    }
    expect([22, 25, 27]).toContain(code)
    if (code !== 27) this.#forget()
    if (code === 25) this.#memberId = ''
    this.#mustJoin = true
    this.#mustSync = false
    return true
  }

  obey(): void {
    if (this.#told === null) return
    const told = this.#told
    const gaveUp = [...this.owned].some((partition) => !told.has(partition))
    this.owned = told
    this.#told = null
    if (gaveUp) this.#mustJoin = true
  }

  exit(): void {
    if (!this.isMember) return
    if (this.#memberId !== '') this.#world.leave(this.#memberId)
    this.isMember = false
    this.#memberId = ''
    this.#forget()
  }

  age(): void {
    const { nowMs } = this.#world
    const late = this.#told !== null && nowMs - this.#toldMs >= REBALANCE_MS
    if (!late && nowMs - this.#heardMs < CLASSIC_SESSION_MS) return
    this.#forget()
    this.#heardMs = nowMs
  }

  #forget(): void {
    this.owned = new Set()
    this.#told = null
    this.#generation = -1
    this.#mustJoin = true
    this.#mustSync = false
  }
}

function listOf(owned: ReadonlySet<string>) {
  return [...owned].map((text) => {
    const [topicId = '', partition] = text.split(':')
    return { topicId: topicId as TopicId, partitions: [Number(partition)] }
  })
}

function byName(world: World, owned: ReadonlySet<string>) {
  const names = new Map<string, string>(world.topics.map(({ name, id }) => [id, name]))
  return listOf(owned).flatMap(({ topicId, partitions }) => {
    const topic = names.get(topicId)
    return topic === undefined ? [] : [{ topic, partitions }]
  })
}

const anyActor = fc.nat({ max: 5 })
const anyTopics = fc.subarray([...TOPICS], { minLength: 1 })
const weighted = (weight: number, event: fc.Arbitrary<Event>) => ({ weight, arbitrary: event })
const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  weighted(3, fc.record({ kind: fc.constant('enter'), who: anyActor, topics: anyTopics })),
  weighted(16, fc.record({ kind: fc.constant('speak'), who: anyActor })),
  weighted(2, fc.record({ kind: fc.constant('lose'), who: anyActor })),
  weighted(9, fc.record({ kind: fc.constant('obey'), who: anyActor })),
  weighted(1, fc.record({ kind: fc.constant('exit'), who: anyActor })),
  weighted(2, fc.record({ kind: fc.constant('pass'), ms: fc.integer({ min: 1, max: 6_000 }) })),
  weighted(
    1,
    fc.record({
      kind: fc.constant('topic'),
      name: fc.constantFrom(...TOPICS),
      partitions: fc.integer({ min: 0, max: 6 }),
    }),
  ),
  weighted(2, fc.record({ kind: fc.constant('restart') })),
)
/** Everybody is there at first. */
const anyLife = fc
  .tuple(
    fc.array(anyTopics, { minLength: 6, maxLength: 6 }),
    fc.array(anyEvent, { minLength: 1, maxLength: 250, size: 'max' }),
  )
  .map(([first, events]): Event[] => [
    ...first.map((topics, who): Event => ({ kind: 'enter', who, topics })),
    ...events,
  ])

interface Event {
  readonly kind: string
  readonly who?: number
  readonly topics?: readonly string[]
  readonly ms?: number
  readonly name?: string
  readonly partitions?: number
}

/** A world with four clients of the new protocol, two of them static, two judged, and two classic ones. */
class Play {
  readonly world = new World({ 'group.consumer.migration.policy': 'upgrade' })
  readonly actors: readonly Actor[]
  #generation = 0
  #epoch = 0

  constructor({ isSecured = true } = {}) {
    const { world } = this
    const principal = (name: string) => (isSecured ? `User:${name}` : null)
    world.setTopics({ a: 3, b: 2 })
    this.actors = [
      new Modern(world, 'x', null),
      new Modern(world, 'y', null, principal('y')),
      new Modern(world, 's', 'instance-s'),
      new Modern(world, 't', 'instance-t', principal('t')),
      new Cooperative(world),
      new Cooperative(world),
    ]
  }

  do({ kind, who = 0, topics = [], ms = 0, name = '', partitions = 0 }: Event): void {
    const actor = this.actors[who]!
    if (kind === 'enter') actor.enter(topics)
    else if (kind === 'speak') actor.speak(false)
    else if (kind === 'lose') actor.speak(true)
    else if (kind === 'obey') actor.obey()
    else if (kind === 'exit') actor.exit()
    else if (kind === 'pass') this.pass(ms)
    else if (kind === 'topic') this.#topic(name, partitions)
    else this.world.restart()
    this.check()
  }

  /** Clients give up on the stroke, the coordinator not before. */
  pass(ms: number): void {
    this.world.nowMs += ms
    for (const actor of this.actors) actor.age()
    this.world.pass(0)
  }

  #topic(name: string, partitions: number): void {
    const now = this.world.topics.find((topic) => topic.name === name)?.partitions ?? 0
    this.#generation += 1
    // Topics never shrink, they vanish.
    const next = partitions === 0 || partitions >= now ? partitions : now
    this.world.setTopics({ [name]: next }, this.#generation)
  }

  check(): void {
    const { world } = this
    const owned = this.actors.flatMap((actor) => [...actor.owned])
    expect(owned.length, `one owner: ${owned.sort().join(' ')}`).toBe(new Set(owned).size)
    const { members, groupEpoch, assignmentEpoch } = world.describe()
    const targets = members.flatMap((member) => flat(member.targetAssignment.topicPartitions))
    expect(new Set(targets).size, 'one target').toBe(targets.length)
    const given = members.flatMap((member) => flat(member.assignment.topicPartitions))
    expect(new Set(given).size, 'given once').toBe(given.length)
    expect(groupEpoch, 'epochs only grow').toBeGreaterThanOrEqual(this.#epoch)
    expect(assignmentEpoch).toBeLessThanOrEqual(groupEpoch)
    for (const { memberEpoch } of members) expect(memberEpoch).toBeLessThanOrEqual(groupEpoch)
    this.#epoch = groupEpoch
  }

  /** Everybody who is in behaves from now on, and those who are gone are found out. */
  calm(rounds: number): void {
    for (let round = 0; round < rounds; round += 1) {
      this.pass(2_000)
      for (const actor of this.actors) {
        actor.speak(false)
        this.check()
        actor.obey()
        this.check()
      }
    }
  }

  /** Every topic has one partition more, and nothing else happens. */
  grow(): void {
    const { topics } = this.world
    this.world.setTopics(
      Object.fromEntries(topics.map(({ name, partitions }) => [name, partitions + 1])),
    )
  }

  expectAllOwned(): void {
    const { world } = this
    const alive = this.actors.filter(({ isMember }) => isMember)
    expect(world.group.state).toBe(alive.length === 0 ? 'Empty' : 'Stable')
    const wanted = new Set(alive.flatMap(({ topics }) => topics))
    const all = world.topics
      .filter(({ name }) => wanted.has(name))
      .flatMap(({ id, partitions }) =>
        Array.from({ length: partitions }, (_, partition) => `${id}:${partition}`),
      )
    expect(alive.flatMap(({ owned }) => [...owned]).sort(), 'all owned').toEqual(all.sort())
    for (const { owned, topics } of alive) {
      const ids = new Set<string>(
        world.topics.filter(({ name }) => topics.includes(name)).map(({ id }) => id),
      )
      for (const { topicId } of listOf(owned)) expect(ids).toContain(topicId)
    }
  }
}

describe('Any life of a group', () => {
  test(
    'gives a partition to one owner at any time, and every partition in the end',
    () => {
      fc.assert(
        fc.property(anyLife, (events) => {
          const play = new Play()
          for (const event of events) play.do(event)
          play.calm(60)
          play.expectAllOwned()
          play.grow()
          play.calm(15)
          play.expectAllOwned()
        }),
        { numRuns: RUNS },
      )
    },
    120_000 + RUNS * 1_000,
  )

  test('is the same from its rows as from its memory', () => {
    fc.assert(
      fc.property(anyLife, (events) => {
        // What is judged is not kept: a group without it goes on from what was assigned, and asks again.
        const play = new Play({ isSecured: false })
        for (const event of events) {
          play.do(event)
          if (play.world.rows.size === 0) continue
          const before = play.world.describe()
          play.world.restart()
          play.world.keep(play.world.group.metadataChanged(play.world.surroundings))
          const after = play.world.describe()
          const byId = (list: typeof before.members) =>
            [...list].sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
          expect({ ...after, members: byId(after.members) }).toEqual({
            ...before,
            members: byId(before.members),
          })
        }
      }),
      { numRuns: 25 },
    )
  }, 120_000)
})
