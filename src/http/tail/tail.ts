// The tail of topics: reads what follows a position, waits at the end, and tells of what cannot be had. The
// one engine behind server-sent events and the WebSocket, pulled by either: nothing is read before the last
// step was taken. At the head of a partition it takes what its leader encodes for all readers
// (following.ts); behind it, and where nothing happens, it reads for itself.

import type { BrokerContext, Timers } from '../../broker/context.ts'
import { EVENTS_POSITION_MS } from '../../core/limits.ts'
import { Problem } from '../problem.ts'
import type {
  AssignedPartition,
  RecordsStep,
  Tail,
  TailAsk,
  TailLimits,
  TailStep,
} from './contract.ts'
import { type Due, Looks } from './looks.ts'
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

const NONE: readonly Run[] = []
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

  /** What is next, to be written as events: about so many bytes of it. One call at a time. */
  events(bytes: number, waitMs: number): Promise<EventsStep> {
    return this.#step(new Room(bytes, false), { waitMs })
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

  /** Resolves when nothing is held for it any more, once it is closed and the last step has ended. */
  released(): Promise<void> {
    return this.#looks.released()
  }

  #changed(): void {
    this.#isChanged = true
    this.#looks.end()
  }

  #step(
    room: Room,
    { waitMs, signal }: Pick<TailLimits, 'waitMs' | 'signal'>,
  ): Promise<EventsStep> {
    this.#isChanged = false
    this.#looks.begin()
    const dueMs = this.#timers.now() + waitMs
    if (signal === undefined) return this.#search(room, dueMs, signal)
    const end = () => this.#looks.end()
    signal.addEventListener('abort', end)
    return this.#search(room, dueMs, signal).finally(() => signal.removeEventListener('abort', end))
  }

  /** Looks, and waits, until there is something to tell. Most looks of most readers find what is followed, or nothing. */
  async #search(room: Room, dueMs: number, signal: AbortSignal | undefined): Promise<EventsStep> {
    const looks = this.#looks
    for (let isFirst = true; ; isFirst = false) {
      if (this.#isClosed || this.#isChanged || signal?.aborted === true) return IDLE
      const told = this.#topics.isDue ? await this.#settled() : null
      if (told !== null) return told
      const { pauseMs } = looks
      if (pauseMs > 0) await this.#timers.sleep(pauseMs)
      if (looks.isUntold && this.#untoldMs() <= 0) return this.#told()
      if (looks.hasLive) await looks.followLive()
      if (!isFirst && this.#timers.now() >= dueMs) return IDLE
      const due = looks.inTurn()
      // By turns: what is new all the time must not keep a partition from catching up.
      const isOwnTurn = this.#isOwnTurn && looks.unfollowed(due).length > 0
      const followed = isOwnTurn ? [] : looks.takeFollowed(due, room)
      this.#isOwnTurn = followed.length > 0
      const found =
        this.#found(followed, room) ?? this.#found(await this.#readOwn(due, room, dueMs), room)
      if (found !== null) return found
      if (looks.isFollowing && !isOwnTurn && !this.#topics.isTroubled) await looks.news()
    }
  }

  async #settled(): Promise<EventsStep | null> {
    const topics = this.#topics
    const told = (await topics.denied()) ?? (await topics.settle()) ?? (await topics.look())
    if (told !== null) this.#looks.prune()
    return told
  }

  /** Reads the partitions that are not followed; while some are, without waiting. */
  #readOwn(
    due: readonly Due[],
    room: Room,
    dueMs: number,
  ): Promise<readonly Run[]> | readonly Run[] {
    const looks = this.#looks
    const own = looks.unfollowed(due)
    if (looks.isFollowing) return own.length === 0 ? NONE : looks.readOwn(own, room, 0)
    const leftMs = dueMs - this.#timers.now()
    const untilMs = looks.isUntold ? Math.min(leftMs, this.#untoldMs()) : leftMs
    return looks.readOwn(own, room, Math.max(0, untilMs))
  }

  #found(runs: readonly Run[], room: Room): EventsStep | null {
    if (runs.length > 0) {
      this.#toldMs = this.#timers.now()
      return { kind: 'runs', runs }
    }
    const bytes = room.largeBytes
    if (bytes === null) return null
    this.#looks.sameTurn()
    return { kind: 'large', bytes }
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
