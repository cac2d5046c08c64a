// The partitions a connection waits for at their end. While something may happen soon, one call is parked
// at the leader; then the leader may sleep, and the partition is subscribed to at its Watch object, where
// one call stands for all. Either outlives many polls, so an idle partition costs nothing per poll. Hints
// only: what fires, fails or is old is read again. Belongs to one connection or HTTP request, like its stubs.

import { KafkaError } from '../core/errors.ts'
import { type Offset, partitionName, type TopicId, watchShard } from '../core/ids.ts'
import {
  REREAD_IDLE_MS,
  REREAD_SUBSCRIBED_MS,
  WATCH_AT_LEADER_MAX_MS,
  WATCH_AT_LEADER_MIN_MS,
  WATCH_CHECKS_AT_ONCE,
  WATCH_TOPICS_REMEMBERED,
  WATCH_UNUSED_MS,
} from '../core/limits/watch.ts'
import type { PartitionRpc, PartitionTarget } from '../partition/contract.ts'
import type { WatchRpc } from '../watch/contract.ts'
import type { Timers } from './context.ts'
import { WatchSession } from './watch-session.ts'

/** What the last read of an idle partition said; valid while nothing has fired. */
export interface IdlePosition {
  readonly highWatermark: Offset
  readonly lastStableOffset: Offset
  readonly logStartOffset: Offset
}

/**
 * parked: a call waits at the leader. joining: subscribed to, and the leader is asked once more.
 * subscribed: the leader may sleep. alone: the Watch object is full, so only time helps.
 */
type Stage = 'parked' | 'joining' | 'subscribed' | 'alone'

interface Idle {
  readonly leader: PartitionRpc
  readonly target: PartitionTarget
  readonly position: IdlePosition
  stage: Stage
  readAtMs: number
  usedAtMs: number
}

/** Multiples of it, less their whole part, lie evenly between 0 and 1 however many there are. */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2

const REREAD_SPREAD_MS = REREAD_SUBSCRIBED_MS / 4

/** All that one connection waits for: one wait per partition, however many readers it has here. */
export class Watches {
  readonly #timers: Timers
  readonly #watch: (shard: number) => WatchRpc
  readonly #idle = new Map<string, Idle>()
  readonly #sessions = new Map<number, WatchSession>()
  readonly #listeners = new Set<() => void>()
  /** The client has asked for a fetch session. */
  wantsSession = false
  /** Topics that were waited for, ever; a few thousand, the oldest forgotten first. */
  readonly #topics = new Set<TopicId>()
  /** To be asked once more whether they have moved since they were subscribed to. */
  readonly #unchecked: Idle[] = []
  #checks = 0
  #spreads = 0

  /** @param watch the Watch object of a shard */
  constructor(timers: Timers, watch: (shard: number) => WatchRpc) {
    this.#timers = timers
    this.#watch = watch
  }

  /** Partitions that are waited for. */
  get size(): number {
    return this.#idle.size
  }

  /** Of them, those that are subscribed to at a Watch object. */
  get subscribed(): number {
    let count = 0
    for (const { stage } of this.#idle.values()) if (stage === 'subscribed') count += 1
    return count
  }

  /**
   * The state of a partition that had nothing at `position` when it was last read and has said nothing
   * since; undefined when it must be read. Below its high watermark there may be something for readers
   * of uncommitted records.
   */
  idleAt(topicId: TopicId, partition: number, position: number): IdlePosition | undefined {
    const idle = this.#idle.get(partitionName(topicId, partition))
    if (idle === undefined) return undefined
    const nowMs = this.#timers.now()
    idle.usedAtMs = nowMs
    if (nowMs - idle.readAtMs > rereadMs(idle)) return undefined
    const { logStartOffset, lastStableOffset, highWatermark } = idle.position
    const isAtEnd = position >= lastStableOffset && position <= highWatermark
    return isAtEnd && position >= logStartOffset ? idle.position : undefined
  }

  /** Whether a partition of the topic was waited for here, as far as is remembered. */
  hasWaitedFor(topicId: TopicId): boolean {
    return this.#topics.has(topicId)
  }

  #remember(topicId: TopicId): void {
    if (this.#topics.has(topicId)) return
    this.#topics.add(topicId)
    const [oldest] = this.#topics
    if (this.#topics.size > WATCH_TOPICS_REMEMBERED && oldest !== undefined) {
      this.#topics.delete(oldest)
    }
  }

  /** Waits for a partition that was just read and had nothing, unless that is done already. */
  arm(leader: PartitionRpc, target: PartitionTarget, position: IdlePosition): void {
    this.#remember(target.topicId)
    const key = partitionName(target.topicId, target.partition)
    const known = this.#idle.get(key)
    const nowMs = this.#timers.now()
    if (known !== undefined && known.stage !== 'alone') {
      if (isSame(known.position, position)) {
        known.readAtMs = nowMs + (known.stage === 'subscribed' ? this.#spread(REREAD_SPREAD_MS) : 0)
        return
      }
      // Answers of reads may overtake each other.
      if (known.position.highWatermark > position.highWatermark) return
    }
    const { highWatermark, lastStableOffset, logStartOffset } = position
    const idle: Idle = {
      leader,
      target,
      position: { highWatermark, lastStableOffset, logStartOffset },
      stage: 'parked',
      readAtMs: nowMs,
      usedAtMs: nowMs,
    }
    this.#idle.set(key, idle)
    // Failure is answered as news: read again.
    const waitMs =
      WATCH_AT_LEADER_MIN_MS + this.#spread(WATCH_AT_LEADER_MAX_MS - WATCH_AT_LEADER_MIN_MS)
    leader.watch(target, highWatermark, waitMs).then(
      ({ error, highWatermark: now }) => {
        if (error === KafkaError.NONE && now === highWatermark) void this.#subscribe(idle)
        else this.#fire([idle])
      },
      () => this.#fire([idle]),
    )
  }

  /**
   * Waits until anything fires or `ms` pass; true when something fired. Not every wake-up is the caller's:
   * ask idleAt again.
   */
  news(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (fired: boolean) => {
        cancel()
        this.#listeners.delete(listener)
        resolve(fired)
      }
      const listener = () => finish(true)
      const cancel = this.#timers.after(ms, () => finish(false))
      this.#listeners.add(listener)
    })
  }

  /**
   * Subscribes first and asks the leader afterwards: what moves from the answer on is told, because the
   * leader knows then that somebody is subscribed.
   */
  async #subscribe(idle: Idle): Promise<void> {
    if (!this.#isCurrent(idle)) return
    idle.stage = 'joining'
    const { highWatermark, logStartOffset } = idle.position
    const session = this.#session(idle.target)
    const joined = await session.join({ ...idle.target, highWatermark, logStartOffset })
    if (!this.#isCurrent(idle)) return
    if (joined === 'lost') return this.#fire([idle])
    if (joined === 'full') {
      idle.stage = 'alone'
      this.#timers.after(REREAD_IDLE_MS, () => this.#fire([idle]))
      return
    }
    this.#unchecked.push(idle)
    if (this.#checks < WATCH_CHECKS_AT_ONCE) void this.#check()
  }

  async #check(): Promise<void> {
    this.#checks += 1
    for (let idle = this.#unchecked.shift(); idle !== undefined; idle = this.#unchecked.shift()) {
      if (!this.#isCurrent(idle)) continue
      try {
        const { error, ...position } = await idle.leader.subscribed(idle.target)
        if (error === KafkaError.NONE && isSame(position, idle.position)) {
          idle.stage = 'subscribed'
          idle.readAtMs = this.#timers.now() + this.#spread(REREAD_SPREAD_MS)
        } else this.#fire([idle])
      } catch {
        this.#fire([idle])
      }
    }
    this.#checks -= 1
  }

  #session({ topicId, partition }: PartitionTarget): WatchSession {
    const shard = watchShard(topicId, partition)
    const known = this.#sessions.get(shard)
    if (known !== undefined) return known
    const session = new WatchSession({
      watch: this.#watch(shard),
      newId: () => crypto.randomUUID(),
      fired: (targets) => this.#fire(targets.flatMap((target) => this.#atShard(target) ?? [])),
      isWanted: (target) => this.#isWanted(target),
    })
    this.#sessions.set(shard, session)
    return session
  }

  /** The wait for a partition, if it is the Watch object's to end. */
  #atShard({ topicId, partition }: PartitionTarget): Idle | undefined {
    const idle = this.#idle.get(partitionName(topicId, partition))
    return idle?.stage === 'joining' || idle?.stage === 'subscribed' ? idle : undefined
  }

  #isWanted(target: PartitionTarget): boolean {
    const idle = this.#atShard(target)
    if (idle === undefined) return false
    if (this.#timers.now() - idle.usedAtMs <= WATCH_UNUSED_MS) return true
    // Should anybody still wait for it, it is read and armed anew.
    this.#fire([idle])
    return false
  }

  #isCurrent(idle: Idle): boolean {
    const { topicId, partition } = idle.target
    return this.#idle.get(partitionName(topicId, partition)) === idle
  }

  #fire(all: readonly Idle[]): void {
    const current = all.filter((idle) => this.#isCurrent(idle))
    for (const { target } of current) {
      this.#idle.delete(partitionName(target.topicId, target.partition))
    }
    if (current.length > 0) for (const listener of [...this.#listeners]) listener()
  }

  /** From 0 up to `ms`: what became idle together does not go to sleep, and is not woken, together. */
  #spread(ms: number): number {
    const part = (this.#spreads++ * GOLDEN_RATIO) % 1
    return Math.floor(part * ms)
  }
}

/** What is parked is answered within seconds; this is for calls that hang. */
function rereadMs({ stage }: Idle): number {
  return stage === 'subscribed' ? REREAD_SUBSCRIBED_MS : REREAD_IDLE_MS
}

function isSame(one: IdlePosition, other: IdlePosition): boolean {
  return (
    one.highWatermark === other.highWatermark &&
    one.lastStableOffset === other.lastStableOffset &&
    one.logStartOffset === other.logStartOffset
  )
}
