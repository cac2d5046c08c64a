// One simulated world: its clock, its chance, its platform, and who lives in it. Runs it event by event,
// lets objects and clients fail in between, then heals it and lets it come to rest. Not what is checked
// (invariants/) and not who acts (actors/): scenarios put those in.

import { type Objects, objects } from '../../src/runtime/objects.ts'
import type { SimulatedBucket } from './platform/bucket.ts'
import { ClusterState, clusterClass } from './platform/cluster.ts'
import { enterWorld } from './platform/globals.ts'
import { drawProfile, Hazards, HEALTHY, type Profile } from './platform/hazards.ts'
import {
  type Arrived,
  type ObjectClass,
  Platform,
  type Served,
  type Slot,
} from './platform/objects.ts'
import { Random } from './platform/random.ts'
import { Context, running, Scheduler, settled } from './platform/scheduler.ts'
import { Trace } from './platform/trace.ts'

/** An invariant does not hold. */
export interface Violation {
  readonly invariant: string
  readonly what: string
}

/** Longer than any object may let a call wait in a scenario. */
const UNANSWERED_MS = 90_000

/** Events of a healthy world within minutes; more is an alarm that sets itself again, or the like. */
const PASS_EVENTS = 30_000

/** The classes whose objects live here. */
export interface Classes {
  readonly partition: ObjectClass
  readonly transaction: ObjectClass
  readonly group: ObjectClass
  readonly watch: ObjectClass
}

export interface WorldOptions {
  readonly seed: number
  readonly verbose: boolean
  readonly classes: Classes
  readonly configs?: Readonly<Record<string, string>>
  /** Instead of what the seed draws. */
  readonly profile?: Partial<Profile>
  /** See PlatformOptions. */
  readonly stubsOutlive?: boolean
}

/** A client's process: killed and stalled from outside. */
export interface Client {
  readonly context: Context
  /** Makes its successor, some time after it is killed. */
  readonly succeed: (() => void) | null
}

/** See the head of this file. */
export class World {
  readonly random: Random
  readonly scheduler = new Scheduler()
  readonly trace: Trace
  readonly hazards: Hazards
  readonly platform: Platform
  readonly cluster: ClusterState
  readonly violations: Violation[] = []
  /** Hears of every call that an object has answered, in the order of the answers. */
  readonly listeners: ((served: Served) => void)[] = []
  /** Hears of every call that has reached its object. */
  readonly doormen: ((arrived: Arrived) => void)[] = []
  /** Hears of every object when it is called for the first time. */
  readonly registrars: ((slot: Slot) => void)[] = []
  /** The object store that all have, where there is one. */
  bucket: SimulatedBucket | null = null
  /** Whose storage and alarms fail, where the profile says that any do. */
  mayFail: (object: string) => boolean = () => false
  /** Nobody begins anything new. */
  isHealed = false
  #clients: Client[] = []
  #names = 0

  constructor(options: WorldOptions) {
    const { seed, verbose, classes, configs = {}, profile = {} } = options
    this.random = new Random(seed)
    this.trace = new Trace(() => this.scheduler.nowMs - 1_700_000_000_000, verbose)
    this.hazards = new Hazards(this.random, { ...drawProfile(this.random), ...profile })
    this.cluster = new ClusterState(configs)
    const cluster = clusterClass(this.cluster)
    const { scheduler, random, trace, hazards } = this
    this.platform = new Platform({
      scheduler,
      random,
      trace,
      hazards,
      classOf: (name) => {
        const kind = name.split('/')[1]
        if (kind === 'topic') return classes.partition
        if (kind === 'txn') return classes.transaction
        if (kind === 'watch') return classes.watch
        return kind === 'group' ? classes.group : cluster
      },
      arrived: (call) => {
        for (const doorman of this.doormen) doorman(call)
      },
      served: (call) => {
        for (const listener of this.listeners) listener(call)
      },
      made: (slot) => {
        for (const registrar of this.registrars) registrar(slot)
      },
      bound: () => (this.bucket === null ? {} : { OTTLA_TIER: this.bucket.binding() }),
      mayFail: (name) => this.mayFail(name),
      settings: { OTTLA_LOG_LEVEL: 'warn' },
      stubsOutlive: options.stubsOutlive ?? false,
    })
    const strayed = (error: unknown) => this.violated('no-stray-rejection', String(error))
    // Ids have a stream of their own: how many are made says nothing about what happens.
    enterWorld({ scheduler, trace, strayed, random: new Random(seed ^ 0x5eed) })
  }

  get nowMs(): number {
    return this.scheduler.nowMs
  }

  violated(invariant: string, what: string): void {
    this.violations.push({ invariant, what })
  }

  /** Starts a client's process. `live` is its whole life; what it awaits ends with it. */
  client(
    name: string,
    live: (context: Context) => Promise<void>,
    succeed: (() => void) | null = null,
  ): Client {
    this.#names += 1
    const context = new Context(`${name}#${this.#names}`)
    const client = { context, succeed }
    this.#clients.push(client)
    this.scheduler.after(0, context, () => {
      live(context).then(
        () => this.#gone(client),
        (error) => {
          this.violated('no-client-bug', `${context.name}: ${error?.stack}`)
        },
      )
    })
    return client
  }

  /** Those of these names that live. */
  living(): readonly Context[] {
    return this.#clients.map(({ context }) => context)
  }

  /** The objects as a new connection of this client reaches them. */
  connect(context: Context): Objects {
    return objects(this.platform.bindings(context))
  }

  sleep(ms: number): Promise<void> {
    const context = running.getStore() ?? null
    return new Promise((resolve) => {
      this.scheduler.after(ms, context, resolve)
    })
  }

  /** The answer of a call, or null when it failed or took too long: then nobody knows what it did. */
  attempt<T>(call: Promise<T>, timeoutMs: number): Promise<T | null> {
    const context = running.getStore() ?? null
    return new Promise((resolve) => {
      const cancel = this.scheduler.after(timeoutMs, context, () => resolve(null))
      const settle = (value: T | null) => {
        cancel()
        resolve(value)
      }
      call.then(settle, () => settle(null))
    })
  }

  /** The controller's outbox: tells every group that it knows of its metadata, until each has heard. */
  async tellGroups(): Promise<void> {
    for (const groupId of this.cluster.groups.keys()) {
      this.client('outbox', async (context) => {
        for (;;) {
          const { version } = this.cluster
          const told = this.connect(context).group(groupId).metadataChanged(groupId, version)
          const isTold = await told.then(
            () => true,
            () => false,
          )
          if (isTold) return
          await this.sleep(1_000)
        }
      })
    }
  }

  /** Those whose names begin so end. */
  killClients(prefix: string): void {
    const doomed = this.#clients.filter(({ context }) => context.name.startsWith(prefix))
    for (const client of doomed) this.kill(client)
  }

  kill(client: Client): void {
    if (!client.context.alive) return
    this.trace.add(`kill ${client.context.name}`)
    this.#gone(client)
    client.context.kill()
  }

  /** Goes on until so many events have happened, or to a time, things failing in between. */
  async live(events: number, endMs: number = Number.POSITIVE_INFINITY): Promise<void> {
    while (this.trace.events < events && this.violations.length === 0) {
      if (this.scheduler.nextMs > endMs) break
      if (!this.scheduler.step()) break
      await settled()
      this.#mishap()
    }
  }

  /** From now on nobody begins anything new. */
  quieten(): void {
    this.trace.add('quiet')
    this.isHealed = true
  }

  /** From now on nothing fails any more and nobody begins anything new. */
  heal(): void {
    this.trace.add('healed')
    this.isHealed = true
    this.hazards.profile = HEALTHY
    this.bucket?.heal()
    this.platform.downUntilMs = 0
    for (const { context } of this.#clients) context.stalledUntilMs = 0
    // As after an outage: whatever is not on its way by alarm or storage is on its way no more.
    const forget = this.random.pick(['nothing', 'evict', 'crash'])
    for (const slot of this.platform.slots) {
      if (forget === 'evict') this.platform.evict(slot)
      if (forget === 'crash') this.platform.crash(slot)
    }
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms
    for (let left = PASS_EVENTS; this.scheduler.nextMs <= endMs; left--) {
      if (this.violations.length > 0) break
      if (left === 0) {
        this.violated('nothing-runs-in-circles', `${PASS_EVENTS} events and time does not pass`)
        break
      }
      this.scheduler.step()
      await settled()
    }
    this.scheduler.nowMs = Math.max(this.scheduler.nowMs, endMs)
  }

  /** Runs a client's process to its end and answers what it found. */
  async ask<T>(name: string, question: (objects: Objects) => Promise<T>): Promise<T> {
    let answer: { readonly value: T } | null = null
    this.client(name, async (context) => {
      answer = { value: await question(this.connect(context)) }
    })
    while (answer === null && this.violations.length === 0 && this.scheduler.step()) await settled()
    if (answer === null) throw new Error(`${name} was not answered`)
    return (answer as { readonly value: T }).value
  }

  /** Every call is answered: none is forgotten by its object. */
  judgeCalls(): void {
    for (const call of this.platform.unanswered(UNANSWERED_MS)) {
      this.violated('every-call-is-answered', call)
    }
  }

  end(): void {
    enterWorld(null)
    this.platform.close()
  }

  #gone(client: Client): void {
    this.#clients = this.#clients.filter((each) => each !== client)
  }

  /** Perhaps something fails between two events. */
  #mishap(): void {
    const { random, platform, hazards } = this
    const { eviction, crash, outage, clientCrash, clientStall, stallMs } = hazards.profile
    const roll = random.unit()
    let below = eviction
    const awake = () => platform.slots.filter(({ instance }) => instance !== null)
    if (roll < below) {
      const slots = awake()
      if (slots.length > 0) platform.evict(random.pick(slots))
      return
    }
    below += crash
    if (roll < below) {
      const slots = awake()
      if (slots.length > 0) platform.crash(random.pick(slots))
      return
    }
    below += outage
    if (roll < below) {
      platform.outage(random.pick([0, random.between(0, 2_000), random.between(0, 60_000)]))
      return
    }
    below += clientCrash
    if (roll < below) {
      const mortal = this.#clients.filter(({ succeed }) => succeed !== null)
      if (mortal.length > 0) this.#crashClient(random.pick(mortal))
      return
    }
    below += clientStall
    if (roll < below && this.#clients.length > 0) {
      const { context } = random.pick(this.#clients)
      this.trace.add(`stall ${context.name}`)
      context.stalledUntilMs = this.nowMs + random.between(0, stallMs)
    }
  }

  #crashClient(client: Client): void {
    this.kill(client)
    const { succeed } = client
    if (succeed !== null) this.scheduler.after(this.random.between(0, 20_000), null, succeed)
  }
}
