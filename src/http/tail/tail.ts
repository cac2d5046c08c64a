// The tail of topics: reads what follows a position, waits at the end, and tells of what cannot be had. The
// one engine behind server-sent events and the WebSocket, pulled by either: nothing is read before the last
// step was taken. At the head of a partition it takes what its leader encodes for all readers
// (following.ts); behind it, and where nothing happens, it reads for itself.

import type { BrokerContext } from '../../broker/context.ts'
import { KafkaError } from '../../core/errors.ts'
import { EVENTS_PACE_MS, EVENTS_PIECE_BYTES, EVENTS_POSITION_MS } from '../../core/limits.ts'
import type { Taken } from '../../partition/fanout-pieces.ts'
import { itemsOf } from '../../record/json.ts'
import { Problem } from '../problem.ts'
import { type Fetched, type FetchedPartition, fetchTopics, type TopicOffset } from '../reading.ts'
import type {
  AssignedPartition,
  RecordsStep,
  Tail,
  TailAsk,
  TailLimits,
  TailStep,
} from './contract.ts'
import { Following } from './following.ts'
import { aroundPair } from './position.ts'
import { recordsStep } from './records-step.ts'
import { type Collected, Room, type Run } from './room.ts'
import { itemsOfEvents } from './shared-items.ts'
import { startTail } from './start.ts'
import type { TailTopic, TopicName } from './topic.ts'
import { TailTopics } from './topics.ts'

/** Records of which events are made: they may be encoded already. */
export interface RunsStep {
  readonly kind: 'runs'
  /** At least one; those of a topic beside each other. */
  readonly runs: readonly Run[]
}

/** A step of a tail whose records are to become events. */
export type EventsStep = RunsStep | Exclude<TailStep, RecordsStep>

const IDLE = { kind: 'idle' } as const

/** Follows whole topics, or the partitions of one that are asked for, from where `ask` says. */
export async function openTail(
  context: BrokerContext,
  ask: TailAsk,
): Promise<TopicsTail | Problem> {
  const started = await startTail(context, ask)
  if (started instanceof Problem) return started
  const topics = TailTopics.started(context, started, ask.from.text)
  return new TopicsTail(context, topics, ask.readCommitted)
}

/** Follows the partitions that `assign` gives it. */
export function assignedTail(context: BrokerContext, readCommitted: boolean): TopicsTail {
  return new TopicsTail(context, TailTopics.assigned(context), readCommitted)
}

/** One partition in the turn in which it is looked at. */
interface Due extends TopicOffset {
  readonly owner: TailTopic
  readonly topic: TopicName
}

export class TopicsTail implements Tail {
  readonly #context: BrokerContext
  readonly #topics: TailTopics
  readonly #readCommitted: boolean
  readonly #following: Following
  #isClosed = false
  /** What is followed has changed since the step began. */
  #isChanged = false
  #interrupt: () => void = () => {}
  #lastPieceMs = 0
  #isCatchingUp = false
  #isOwnTurn = false
  /** Partitions whose end was just reached, to be followed when the next step is asked for. */
  #live: readonly Due[] = []
  /** Whose turn it is to be looked at first: nobody may starve behind a busier one. */
  #turn = 0
  /** The position has moved over what is not shown, and when it was told last. */
  #isUntold = false
  #toldMs = 0

  constructor(context: BrokerContext, topics: TailTopics, readCommitted: boolean) {
    this.#context = context
    this.#topics = topics
    this.#readCommitted = readCommitted
    this.#following = new Following(context, readCommitted)
  }

  position(): string {
    return this.#topics.position()
  }

  async next(limits: TailLimits): Promise<TailStep> {
    const found = await this.#step(new Room(limits.maxBytes, true), limits)
    if (found.kind !== 'runs') return found
    const step = recordsStep(found.runs)
    // Unlike an event's id, the position of a message is behind all that was read for it.
    this.#isUntold = step.topics.at(-1)?.position !== this.position()
    return step
  }

  /** What is next, to be written as events: about EVENTS_PIECE_BYTES of it. One call at a time. */
  events(waitMs: number): Promise<EventsStep> {
    return this.#step(new Room(EVENTS_PIECE_BYTES, false), { waitMs })
  }

  assign(partitions: readonly AssignedPartition[]): void {
    for (const one of partitions) {
      this.#following.leave(one)
      this.#topics.assign(one)
    }
    this.#changed()
  }

  revoke(partitions: Parameters<Tail['revoke']>[0]): void {
    for (const one of partitions) {
      this.#following.leave(one)
      this.#topics.revoke(one.topicId, one.partition)
    }
    this.#changed()
  }

  close(): void {
    this.#isClosed = true
    this.#following.close()
    this.#interrupt()
  }

  #changed(): void {
    this.#isChanged = true
    this.#interrupt()
    this.#following.wake()
  }

  async #step(
    room: Room,
    { waitMs, signal }: Pick<TailLimits, 'waitMs' | 'signal'>,
  ): Promise<EventsStep> {
    this.#isChanged = false
    const wake = () => {
      this.#interrupt()
      this.#following.wake()
    }
    signal?.addEventListener('abort', wake)
    try {
      return await this.#search(room, this.#context.timers.now() + waitMs, signal)
    } finally {
      signal?.removeEventListener('abort', wake)
    }
  }

  async #search(room: Room, dueMs: number, signal: AbortSignal | undefined): Promise<EventsStep> {
    const { timers } = this.#context
    const isEnded = () => this.#isClosed || this.#isChanged || signal?.aborted === true
    for (let isFirst = true; !isEnded(); isFirst = false) {
      const told = (await this.#topics.settle()) ?? (await this.#topics.look())
      if (told !== null) return told
      const pauseMs = this.#lastPieceMs + EVENTS_PACE_MS - timers.now()
      if (pauseMs > 0) await timers.sleep(pauseMs)
      if (this.#isUntold && this.#untoldMs() <= 0) return this.#told()
      if (this.#live.length > 0) await this.#followLive()
      const found = await this.#look(room, isFirst || timers.now() < dueMs ? dueMs : null)
      if (found !== null) return found
    }
    return IDLE
  }

  /** Looks once at all partitions, and waits for news where that is to be had; null when there are none. */
  async #look(room: Room, dueMs: number | null): Promise<EventsStep | null> {
    if (dueMs === null) return IDLE
    const { timers } = this.#context
    // By turns: what is new all the time must not keep a partition from catching up.
    const isOwnTurn = this.#isOwnTurn
    const due = this.#inTurn()
    const followed = isOwnTurn ? [] : this.#takeFollowed(due, room)
    this.#isOwnTurn = followed.length > 0
    if (followed.length > 0) return this.#found(followed)
    if (room.largeBytes !== null) return { kind: 'large', bytes: room.largeBytes }
    const isFollowing = this.#following.size > 0
    const untilMs = this.#isUntold ? Math.min(dueMs, timers.now() + this.#untoldMs()) : dueMs
    // While some are followed the others are looked at in between.
    const waitMs = isFollowing ? 0 : Math.max(0, untilMs - timers.now())
    const runs = await this.#readOwn(due, room, waitMs)
    if (runs.length > 0) return this.#found(runs)
    if (room.largeBytes !== null) return { kind: 'large', bytes: room.largeBytes }
    if (isFollowing && !isOwnTurn && !this.#topics.isTroubled) await this.#following.news()
    return null
  }

  #found(runs: readonly Run[]): EventsStep {
    this.#toldMs = this.#context.timers.now()
    return { kind: 'runs', runs }
  }

  #untoldMs(): number {
    return this.#toldMs + EVENTS_POSITION_MS - this.#context.timers.now()
  }

  #told(): EventsStep {
    this.#isUntold = false
    this.#toldMs = this.#context.timers.now()
    return { kind: 'position', position: this.position() }
  }

  /** Every partition with what is next of it, those of a topic beside each other. */
  #inTurn(): Due[] {
    const turn = this.#turn++
    return rotated(this.#topics.all, turn).flatMap((owner) => {
      const topic = owner.state
      if (topic === null) return []
      return rotated([...owner.next], turn).map(([partition, offset]) => {
        return { owner, topic, partition, offset }
      })
    })
  }

  /** What is new of the partitions that are followed. */
  #takeFollowed(due: readonly Due[], room: Room): Run[] {
    if (this.#following.size === 0) return []
    const runs: Run[] = []
    for (const one of due) {
      const which = { topicId: one.topic.id, partition: one.partition }
      const taken = this.#following.take(which, one.offset)
      if (taken === null) continue
      const run = this.#followedRun(one, taken, room)
      if (run !== null) runs.push(run)
      if (room.isFull) break
    }
    // One leader keeps the pace itself; those of several partitions are not in step.
    if (runs.length > 0 && due.length > 1 && !this.#isCatchingUp) this.#pace(room.used)
    return runs
  }

  #followedRun(one: Due, { parts, next, shown }: Taken, room: Room): Run | null {
    const { key } = this.#topics
    const { topic, partition, offset } = one
    if (parts.length === 0) {
      this.#move(one, next)
      return null
    }
    if (!room.isStrict && key === null) {
      const size = parts.reduce((sum, part) => sum + part.length, 0)
      room.add(size)
      return this.#run(one, { items: [], next, isCut: false, size }, { encoded: parts, shown })
    }
    const found = room.collect(topic.id, itemsOfEvents(parts, next, key))
    if (found.isCut) this.#following.unused({ topicId: topic.id, partition })
    return this.#run(one, found, { encoded: [], shown: shownOf(found, offset) })
  }

  /** Reads the partitions that are not followed. */
  async #readOwn(due: readonly Due[], room: Room, waitMs: number): Promise<Run[]> {
    const positions = due.filter(
      ({ topic, partition }) => !this.#following.has({ topicId: topic.id, partition }),
    )
    if (positions.length === 0) {
      // Nothing is assigned.
      if (this.#following.size === 0) await this.#interruptible(this.#context.timers.sleep(waitMs))
      return []
    }
    const fetching = fetchTopics(this.#context, positions, {
      maxBytes: Math.min(EVENTS_PIECE_BYTES, room.max),
      waitMs,
      readCommitted: this.#readCommitted,
    })
    const fetched = await this.#interruptible(fetching)
    if (fetched === null) {
      // Whoever asked has other wishes now; what it brings is not wanted.
      fetching.then(
        ({ release }) => release(),
        () => {},
      )
      return []
    }
    try {
      return this.#runsOf(positions, fetched, room)
    } finally {
      fetched.release()
    }
  }

  /** null when the wait is ended from outside. */
  async #interruptible<T>(work: Promise<T>): Promise<T | null> {
    const interrupted = new Promise<null>((resolve) => {
      this.#interrupt = () => resolve(null)
    })
    if (this.#isClosed || this.#isChanged) this.#interrupt()
    try {
      return await Promise.race([work, interrupted])
    } finally {
      this.#interrupt = () => {}
    }
  }

  #runsOf(positions: readonly Due[], { partitions }: Fetched, room: Room): Run[] {
    const runs: Run[] = []
    let bytes = 0
    for (const [at, partition] of partitions.entries()) {
      const one = positions[at]
      if (one === undefined || room.isFull) break
      for (const piece of partition.pieces) bytes += piece.length
      const run = this.#ownRun(one, partition, room)
      if (run !== null) runs.push(run)
    }
    const read = Math.max(bytes, room.used)
    this.#isCatchingUp = read >= EVENTS_PIECE_BYTES / 2 || room.isFull
    // Also where nothing shows of what was read.
    if (read > 0 && !this.#isCatchingUp) this.#pace(read)
    if (read > 0) this.#noteLive(positions, partitions)
    return runs
  }

  /** What does not fit, because a batch may hold very much, is read again. */
  #ownRun(one: Due, fetched: FetchedPartition, room: Room): Run | null {
    const { owner, topic, partition, offset } = one
    const { error, logStartOffset: logStart, pieces, aborted } = fetched
    if (error !== KafkaError.NONE) {
      this.#topics.report({ topic: owner, state: topic, partition, error, offset, logStart })
      return null
    }
    const { key } = this.#topics
    const items = itemsOf({ partition, from: offset, pieces, aborted, key })
    const found = room.collect(topic.id, items)
    return this.#run(one, found, { encoded: [], shown: shownOf(found, offset) })
  }

  /** Moves the position behind what was found; null where nothing of it is shown. */
  #run(
    one: Due,
    { items, next, size }: Collected,
    { encoded, shown }: Pick<Run, 'encoded' | 'shown'>,
  ): Run | null {
    if (next === null) return null
    const { owner, topic, partition } = one
    if (items.length === 0 && encoded.length === 0) {
      this.#move(one, next)
      return null
    }
    const around = aroundPair(this.#topics.all, owner, partition)
    owner.move(partition, next)
    this.#isUntold = next > shown
    return { topic, partition, around, items, encoded, next, shown, size }
  }

  /** Over what is not shown. */
  #move({ owner, partition, offset }: Due, next: number): void {
    if (next === offset) return
    owner.move(partition, next)
    this.#isUntold = true
  }

  /** A reader who catches up is not slowed down; one at the head gets pieces with all that is new. */
  #pace(bytes: number): void {
    if (bytes < EVENTS_PIECE_BYTES / 2) this.#lastPieceMs = this.#context.timers.now()
  }

  /** Where there was something and no more is left, more is to be expected. */
  #noteLive(due: readonly Due[], fetched: readonly FetchedPartition[]): void {
    this.#live = due.filter(({ owner, partition }, at) => {
      const one = fetched[at]
      if (one === undefined || one.pieces.length === 0) return false
      const end = this.#readCommitted ? one.lastStableOffset : one.highWatermark
      return (owner.next.get(partition) ?? -1) >= end
    })
  }

  /** Follows what is live, unless it has been given up since. */
  async #followLive(): Promise<void> {
    const live = this.#live
    this.#live = []
    await Promise.all(
      live.map(async ({ owner, topic, partition }) => {
        const which = { topicId: topic.id, partition }
        const isWanted = () => owner.state?.id === topic.id && owner.next.has(partition)
        const next = owner.next.get(partition)
        if (next === undefined || !isWanted()) return
        await this.#following.follow(which, next)
        if (!isWanted()) this.#following.leave(which)
      }),
    )
  }
}

function shownOf({ items }: Collected, offset: number): number {
  return items.at(-1)?.nextOffset ?? offset
}

/** As many elements, beginning with another one each turn. */
function rotated<T>(all: readonly T[], turn: number): readonly T[] {
  const first = turn % Math.max(1, all.length)
  return first === 0 ? all : [...all.slice(first), ...all.slice(0, first)]
}
