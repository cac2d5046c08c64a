// The tail of topics: reads what follows a position, waits at the end, and tells of what cannot be had. The
// one engine behind server-sent events and the WebSocket, pulled by either: nothing is read before the last
// step was taken. At the head of a partition it takes what its leader encodes for all readers
// (following.ts); behind it, and where nothing happens, it reads for itself.

import type { BrokerContext, Timers } from '../../broker/context.ts'
import { EVENTS_PIECE_BYTES, EVENTS_POSITION_MS } from '../../core/limits.ts'
import { Problem } from '../problem.ts'
import type {
  AssignedPartition,
  RecordsStep,
  Tail,
  TailAsk,
  TailLimits,
  TailStep,
} from './contract.ts'
import { Looks } from './looks.ts'
import { recordsStep } from './records-step.ts'
import { Room, type Run } from './room.ts'
import { startTail } from './start.ts'
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

export class TopicsTail implements Tail {
  readonly #timers: Timers
  readonly #topics: TailTopics
  readonly #looks: Looks
  #isClosed = false
  /** What is followed has changed since the step began. */
  #isChanged = false
  #isOwnTurn = false
  /** When the client was last told where it is. */
  #toldMs = 0

  constructor(context: BrokerContext, topics: TailTopics, readCommitted: boolean) {
    this.#timers = context.timers
    this.#topics = topics
    this.#looks = new Looks(context, topics, readCommitted)
  }

  position(): string {
    return this.#topics.position()
  }

  async next(limits: TailLimits): Promise<TailStep> {
    const found = await this.#step(new Room(limits.maxBytes, true), limits)
    if (found.kind !== 'runs') return found
    const step = recordsStep(found.runs)
    // Unlike an event's id, the position of a message is behind all that was read for it.
    this.#looks.isUntold = step.topics.at(-1)?.position !== this.position()
    return step
  }

  /** What is next, to be written as events: about EVENTS_PIECE_BYTES of it. One call at a time. */
  events(waitMs: number): Promise<EventsStep> {
    return this.#step(new Room(EVENTS_PIECE_BYTES, false), { waitMs })
  }

  assign(partitions: readonly AssignedPartition[]): void {
    for (const one of partitions) {
      this.#looks.leave(one)
      this.#topics.assign(one)
    }
    this.#changed()
  }

  revoke(partitions: Parameters<Tail['revoke']>[0]): void {
    for (const one of partitions) {
      this.#looks.leave(one)
      this.#topics.revoke(one.topicId, one.partition)
    }
    this.#changed()
  }

  close(): void {
    this.#isClosed = true
    this.#looks.close()
  }

  #changed(): void {
    this.#isChanged = true
    this.#looks.end()
  }

  async #step(
    room: Room,
    { waitMs, signal }: Pick<TailLimits, 'waitMs' | 'signal'>,
  ): Promise<EventsStep> {
    this.#isChanged = false
    this.#looks.begin()
    const end = () => this.#looks.end()
    signal?.addEventListener('abort', end)
    try {
      return await this.#search(room, this.#timers.now() + waitMs, signal)
    } finally {
      signal?.removeEventListener('abort', end)
    }
  }

  async #search(room: Room, dueMs: number, signal: AbortSignal | undefined): Promise<EventsStep> {
    const looks = this.#looks
    const isEnded = () => this.#isClosed || this.#isChanged || signal?.aborted === true
    for (let isFirst = true; !isEnded(); isFirst = false) {
      const told = (await this.#topics.settle()) ?? (await this.#topics.look())
      if (told !== null) {
        looks.prune()
        return told
      }
      const { pauseMs } = looks
      if (pauseMs > 0) await this.#timers.sleep(pauseMs)
      if (looks.isUntold && this.#untoldMs() <= 0) return this.#told()
      await looks.followLive()
      if (!isFirst && this.#timers.now() >= dueMs) return IDLE
      const found = await this.#look(room, dueMs)
      if (found !== null) return found
    }
    return IDLE
  }

  /** Looks once at all partitions, and waits for news where that is to be had; null when there are none. */
  async #look(room: Room, dueMs: number): Promise<EventsStep | null> {
    const looks = this.#looks
    // By turns: what is new all the time must not keep a partition from catching up.
    const isOwnTurn = this.#isOwnTurn
    const due = looks.inTurn()
    const followed = isOwnTurn ? [] : looks.takeFollowed(due, room)
    this.#isOwnTurn = followed.length > 0
    if (followed.length > 0) return this.#found(followed)
    if (room.largeBytes !== null) return this.#large(room.largeBytes)
    const { isFollowing } = looks
    const leftMs = dueMs - this.#timers.now()
    const untilMs = looks.isUntold ? Math.min(leftMs, this.#untoldMs()) : leftMs
    // While some are followed the others are looked at in between.
    const runs = await looks.readOwn(due, room, isFollowing ? 0 : Math.max(0, untilMs))
    if (runs.length > 0) return this.#found(runs)
    if (room.largeBytes !== null) return this.#large(room.largeBytes)
    if (isFollowing && !isOwnTurn && !this.#topics.isTroubled) await looks.news()
    return null
  }

  #large(bytes: number): EventsStep {
    this.#looks.sameTurn()
    return { kind: 'large', bytes }
  }

  #found(runs: readonly Run[]): EventsStep {
    this.#toldMs = this.#timers.now()
    return { kind: 'runs', runs }
  }

  #untoldMs(): number {
    return this.#toldMs + EVENTS_POSITION_MS - this.#timers.now()
  }

  #told(): EventsStep {
    this.#looks.isUntold = false
    this.#toldMs = this.#timers.now()
    return { kind: 'position', position: this.position() }
  }
}
