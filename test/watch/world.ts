// Readers, leaders, Watch objects and the calls between them, on a clock of their own: calls take their
// time, are lost or come twice; objects are put to sleep or end. The parts that decide who is woken are
// the real ones, given from outside so that a bug can be planted in them. Not a broker: a reader does
// what the fetch handler does with its watches, a leader what its Durable Object does with them.

import type { Watches as RealWatches } from '../../src/broker/watches.ts'
import { type Offset, offset, type TopicId, watchShard } from '../../src/core/ids.ts'
import type { PartitionRpc, PartitionTarget } from '../../src/partition/contract.ts'
import type { Tells as RealTells } from '../../src/partition/tells.ts'
import { Waiters } from '../../src/runtime/waiters.ts'
import type { Told, WatchRpc } from '../../src/watch/contract.ts'
import type { Subscriptions as RealSubscriptions } from '../../src/watch/subscriptions.ts'

/** What is tested. */
export interface Parts {
  readonly Watches: typeof RealWatches
  readonly Tells: typeof RealTells
  readonly Subscriptions: typeof RealSubscriptions
}

export interface WorldOptions {
  readonly parts: Parts
  readonly seed: number
  /** Of a hundred calls, so many are lost on either way. */
  readonly lost: number
  /** A message takes up to so long. */
  readonly messageMs: number
}

type Method = keyof World['calls']

const TOPIC = 'd2F0Y2hlZC10b3BpYy1pZA' as TopicId

/** How long after a lost message its sender knows. */
const LOSS_NOTICED_MS = 400

/** The platform puts an object to sleep that has nothing to do for so long. */
const SLEEPS_AFTER_MS = 10_000

interface Event {
  readonly atMs: number
  readonly number: number
  readonly run: () => void
}

/** Lets all promises that can resolve do so. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await Promise.resolve()
}

/** Partitions 0 to `partitions` - 1 of one topic, and whoever reads them. */
export class World {
  nowMs = 1_000_000
  readonly options: WorldOptions
  readonly leaders: Leader[]
  readonly readers: Reader[] = []
  readonly connections: RealWatches[] = []
  readonly #shards = new Map<number, Shard>()
  /** Calls by method, for the tests of what idleness costs. */
  readonly calls = { read: 0, watch: 0, subscribed: 0, subscribe: 0, news: 0, tell: 0 }
  lost: number
  #events: Event[] = []
  #number = 0
  #random: number

  constructor(options: WorldOptions, partitions: number) {
    this.options = options
    this.lost = options.lost
    this.#random = options.seed | 1
    this.leaders = Array.from({ length: partitions }, (_, index) => new Leader(this, index))
  }

  /** Below `bound`; the same for the same seed. */
  random(bound: number): number {
    this.#random = (Math.imul(this.#random ^ (this.#random >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0
    return ((this.#random ^ (this.#random >>> 12)) >>> 0) % bound
  }

  after(ms: number, run: () => void): () => void {
    const event = { atMs: this.nowMs + ms, number: this.#number++, run }
    this.#events.push(event)
    return () => {
      this.#events = this.#events.filter((each) => each !== event)
    }
  }

  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms
    await settled()
    for (;;) {
      let next: Event | undefined
      for (const event of this.#events) {
        const isEarlier =
          next === undefined ||
          event.atMs < next.atMs ||
          (event.atMs === next.atMs && event.number < next.number)
        if (isEarlier) next = event
      }
      if (next === undefined || next.atMs > endMs) break
      const { run, atMs } = next
      this.#events = this.#events.filter((each) => each !== next)
      this.nowMs = Math.max(this.nowMs, atMs)
      run()
      await settled()
    }
    this.nowMs = endMs
  }

  /** A call from one object, or connection, to another. */
  call<T>(place: Place, method: Method, run: () => Promise<T> | T, from?: Place): Promise<T> {
    this.calls[method] += 1
    const caller = from?.life
    return new Promise((resolve, reject) => {
      let isOver = false
      const answer = (act: () => void, ms: number) => {
        if (isOver) return
        isOver = true
        this.after(ms, () => {
          // Who made the call may be gone; a connection never is.
          if (from === undefined || from.life === caller) act()
        })
      }
      const isLost = (of: number) => this.random(200) < of
      const fail = () => answer(() => reject(new Error('the connection broke')), LOSS_NOTICED_MS)
      if (isLost(this.lost)) return fail()
      const messageMs = () => this.random(this.options.messageMs)
      this.after(messageMs(), () => {
        const { life } = place
        const end = place.enter(fail)
        Promise.resolve()
          .then(run)
          .then(
            (value) => {
              end()
              if (place.life !== life || isLost(this.lost)) return fail()
              answer(() => resolve(structuredClone(value)), messageMs())
            },
            () => {
              end()
              fail()
            },
          )
      })
    })
  }

  shard(number: number): Shard {
    const known = this.#shards.get(number)
    if (known !== undefined) return known
    const made = new Shard(this)
    this.#shards.set(number, made)
    return made
  }

  get shards(): readonly Shard[] {
    return [...this.#shards.values()]
  }

  shardOf(partition: number): Shard {
    return this.shard(watchShard(TOPIC, partition))
  }

  /** One more connection. */
  connect(): RealWatches {
    const timers = {
      now: () => this.nowMs,
      after: (ms: number, run: () => void) => this.after(ms, run),
      sleep: (ms: number) => new Promise<void>((resolve) => this.after(ms, resolve)),
    }
    const watches = new this.options.parts.Watches(timers, (shard) => this.shard(shard).rpc())
    this.connections.push(watches)
    return watches
  }

  read(connection: RealWatches, partition: number, committed: boolean): Reader {
    const reader = new Reader(this, connection, this.leaders[partition]!, committed)
    this.readers.push(reader)
    void reader.run()
    return reader
  }

  /** Readers that have something to read, and how long they have had it. */
  late(): readonly number[] {
    return this.readers.filter(({ isOn }) => isOn).flatMap((reader) => reader.waitingMs ?? [])
  }
}

/** Something calls arrive at and that may end: then the calls in it fail. */
class Place {
  readonly world: World
  /** Counts the instances. */
  life = 0
  timers = 0
  #inside = new Set<() => void>()
  usedAtMs = 0

  constructor(world: World) {
    this.world = world
  }

  /** Calls in it. */
  get busy(): number {
    return this.#inside.size
  }

  enter(fail: () => void): () => void {
    this.#inside.add(fail)
    this.usedAtMs = this.world.nowMs
    return () => {
      this.#inside.delete(fail)
      this.usedAtMs = this.world.nowMs
    }
  }

  protected endCalls(): void {
    this.life += 1
    for (const fail of this.#inside) fail()
    this.#inside.clear()
  }

  /** A timer that ends with the instance. */
  protected startTimer(run: () => void, ms: number): () => void {
    const { life } = this
    let isOver = false
    const over = () => {
      if (!isOver && this.life === life) this.timers -= 1
      isOver = true
    }
    this.timers += 1
    const cancel = this.world.after(ms, () => {
      if (this.life !== life) return
      over()
      run()
    })
    return () => {
      over()
      cancel()
    }
  }
}

/** A Watch object. */
class Shard extends Place {
  #subscriptions = this.#make()

  #make(): RealSubscriptions {
    return new this.world.options.parts.Subscriptions({
      now: () => this.world.nowMs,
      startTimer: (run, ms) => this.startTimer(run, ms),
    })
  }

  get subscriptions(): RealSubscriptions {
    return this.#subscriptions
  }

  restart(): void {
    this.endCalls()
    this.timers = 0
    this.#subscriptions = this.#make()
  }

  rpc(): WatchRpc {
    const call = <T>(method: Method, run: () => Promise<T> | T) =>
      this.world.call(this, method, run)
    return {
      subscribe: (request) => call('subscribe', () => this.#subscriptions.subscribe(request)),
      news: (session, ms) => call('news', () => this.#subscriptions.news(session, ms)),
      tell: (told) => call('tell', () => this.#subscriptions.tell(told)),
      gone: async (ids) => this.#subscriptions.gone(ids),
    }
  }

  /** A message of a leader, which may come twice. */
  tell(told: Told, from: Leader): Promise<{ readonly subscribed: boolean }> {
    const { world } = this
    if (world.random(200) < world.lost) {
      world.after(world.random(5_000), () => void this.#subscriptions.tell(told))
    }
    return world.call(this, 'tell', () => this.#subscriptions.tell(told), from)
  }
}

/** A partition: its log outlives its leader. */
class Leader extends Place {
  readonly target: PartitionTarget
  highWatermark = 0
  lastStableOffset = 0
  /** When an end was last moved: for readers of uncommitted and of committed records. */
  readonly movedAtMs = { uncommitted: 0, committed: 0 }
  loads = 0
  #memory: { readonly waiters: Waiters<'moved' | 'time'>; readonly tells: RealTells } | null = null

  constructor(world: World, partition: number) {
    super(world)
    this.target = { topicId: TOPIC, partition }
  }

  get isLoaded(): boolean {
    return this.#memory !== null
  }

  #loaded() {
    if (this.#memory !== null) return this.#memory
    const { world } = this
    const shard = world.shardOf(this.target.partition)
    const startTimer = (run: () => void, ms: number) => this.startTimer(run, ms)
    const tells = new world.options.parts.Tells({
      tell: () => {
        const { highWatermark } = this
        const standing = { highWatermark, logStartOffset: 0, gone: false }
        const leave = this.enter(() => {})
        return shard.tell({ ...this.target, ...standing }, this).finally(leave)
      },
      startTimer,
      report: () => {},
    })
    const waiters = new Waiters<'moved' | 'time'>({
      now: () => world.nowMs,
      startTimer,
      expired: () => 'time',
      capacity: 1_000,
      crowdedMs: 1_000,
    })
    this.loads += 1
    this.#memory = { waiters, tells }
    if (this.highWatermark > 0) tells.loaded()
    return this.#memory
  }

  /** A flush, confirmed a moment later. In an open transaction readers of committed records see nothing. */
  append(isOpen: boolean): void {
    const { life } = this
    this.#loaded()
    const leave = this.enter(() => {})
    this.world.after(this.world.random(10), () => {
      // A commit that the leader did not live to confirm is there all the same.
      this.highWatermark += 1
      this.movedAtMs.uncommitted = this.world.nowMs
      if (!isOpen) {
        this.lastStableOffset = this.highWatermark
        this.movedAtMs.committed = this.world.nowMs
      }
      if (this.life !== life || this.#memory === null) return
      leave()
      this.#memory.waiters.wake(this.highWatermark, 'moved')
      this.#memory.tells.moved()
    })
  }

  /** Its instance ends now, whatever it was doing. */
  crash(): void {
    this.endCalls()
    this.timers = 0
    this.#memory = null
  }

  /** It is put to sleep, if it has nothing to do. */
  evict(): void {
    const isIdle = this.busy === 0 && this.timers === 0
    if (isIdle && this.world.nowMs - this.usedAtMs >= SLEEPS_AFTER_MS) this.crash()
  }

  rpc(): Pick<PartitionRpc, 'watch' | 'subscribed'> {
    const { world } = this
    const standing = () => ({
      error: 0,
      highWatermark: offset(this.highWatermark),
      lastStableOffset: offset(this.lastStableOffset),
      logStartOffset: offset(0),
    })
    return {
      watch: (_, after, ms) =>
        world.call(this, 'watch', async () => {
          const { waiters } = this.#loaded()
          if (this.highWatermark <= after) await waiters.park(after, ms)
          return standing()
        }),
      subscribed: () =>
        world.call(this, 'subscribed', () => {
          this.#loaded().tells.subscribed()
          return standing()
        }),
    }
  }

  read(): Promise<{ readonly highWatermark: Offset; readonly lastStableOffset: Offset }> {
    return this.world.call(this, 'read', () => {
      this.#loaded()
      return {
        highWatermark: offset(this.highWatermark),
        lastStableOffset: offset(this.lastStableOffset),
      }
    })
  }
}

/** Reads one partition to its end, again and again, as the fetch handler does. */
class Reader {
  readonly #world: World
  readonly #watches: RealWatches
  readonly #leader: Leader
  readonly #committed: boolean
  #position = 0
  isOn = true

  constructor(world: World, watches: RealWatches, leader: Leader, committed: boolean) {
    this.#world = world
    this.#watches = watches
    this.#leader = leader
    this.#committed = committed
  }

  /** How long there has been something it has not read; null when there is nothing. */
  get waitingMs(): number | null {
    const { movedAtMs } = this.#leader
    if (this.#position >= this.#end(this.#leader)) return null
    return this.#world.nowMs - (this.#committed ? movedAtMs.committed : movedAtMs.uncommitted)
  }

  #end({ lastStableOffset, highWatermark }: Pick<Leader, 'lastStableOffset' | 'highWatermark'>) {
    return this.#committed ? lastStableOffset : highWatermark
  }

  async run(): Promise<void> {
    const { topicId, partition } = this.#leader.target
    while (this.isOn) {
      const idle = this.#watches.idleAt(topicId, partition, this.#position)
      if (idle === undefined || this.#position < this.#end(idle)) await this.#readOn()
      else await this.#watches.news(500)
    }
  }

  async #readOn(): Promise<void> {
    try {
      const read = await this.#leader.read()
      const end = this.#end(read)
      if (this.#position < end) this.#position = end
      else {
        const standing = { ...read, logStartOffset: offset(0) }
        this.#watches.arm(this.#leader.rpc() as PartitionRpc, this.#leader.target, standing)
      }
    } catch {
      await this.#watches.news(100)
    }
  }
}
