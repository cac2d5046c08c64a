// What a log has to do when nobody calls: chores, each done in bounded steps from the object's one alarm, with
// a pause between, so that no append or read waits for more than a step. Not the chores themselves: those
// are log.ts's. A chore that fails is tried again later and holds up no other.

import {
  ALARM_AHEAD_MAX_MS,
  HOUSEKEEPING_PAUSE_MS,
  HOUSEKEEPING_RETRY_MS,
} from '../../core/limits/partition.ts'

/** One kind of work. */
export interface Chore {
  /** What the log says when a step throws. */
  readonly failure: string
  /** Without haste: the alarm for it is set to the next multiple of this. 1 for at once. */
  readonly intervalMs: () => number
  /** When there is something to do, or may be; null while nothing will be. Cheap: asked after every flush. */
  dueMs(nowMs: number): number | null
  /** One step; true when the next should follow soon. Changes memory only after what it stored. */
  step(nowMs: number): boolean
}

/** What the schedule needs. */
export interface HousekeepingHost {
  readonly now: () => number
  readonly wakeAt: (timeMs: number) => void
  readonly report: (event: string, error: unknown) => void
}

/** When each chore's turn is. */
export class Housekeeping {
  readonly #host: HousekeepingHost
  readonly #chores: readonly Chore[]
  /** In which part of an interval this log has its turn, from 0 to 1: not all of them at once. */
  readonly #phase: number
  /** No alarm for a chore before this. */
  readonly #notBefore = new Map<Chore, number>()
  /** It could not be told when a chore is due: not asked again before this. */
  readonly #unknownUntil = new Map<Chore, number>()
  /** The alarm was asked for at this time, or earlier. */
  #askedMs = Number.POSITIVE_INFINITY

  constructor(host: HousekeepingHost, chores: readonly Chore[], phase: number) {
    this.#host = host
    this.#chores = chores
    this.#phase = phase
  }

  /** One step of every chore that is due, and the alarm for the next. True when there was one. */
  run(): boolean {
    const nowMs = this.#host.now()
    this.#askedMs = Number.POSITIVE_INFINITY
    let ran = false
    for (const chore of this.#chores) {
      try {
        const dueMs = chore.dueMs(nowMs)
        if (dueMs === null || dueMs > nowMs) continue
        ran = true
        const more = chore.step(nowMs)
        // What is still due after its last step will be at its next turn.
        this.#notBefore.set(chore, more ? nowMs : nowMs + 1)
      } catch (error) {
        ran = true
        this.#host.report(chore.failure, error)
        this.#notBefore.set(chore, nowMs + HOUSEKEEPING_RETRY_MS)
      }
    }
    this.#schedule(nowMs)
    return ran
  }

  /** Has the object woken for the chore that is due first, if any is. */
  schedule(): void {
    this.#schedule(this.#host.now())
  }

  #schedule(nowMs: number): void {
    // It did not fire: setting it may have failed.
    if (nowMs > this.#askedMs + HOUSEKEEPING_RETRY_MS) this.#askedMs = Number.POSITIVE_INFINITY
    let firstMs = Number.POSITIVE_INFINITY
    for (const chore of this.#chores) firstMs = Math.min(firstMs, this.#turnMs(chore, nowMs))
    if (firstMs >= this.#askedMs) return
    this.#askedMs = firstMs
    this.#host.wakeAt(firstMs)
  }

  #turnMs(chore: Chore, nowMs: number): number {
    const soonestMs = nowMs + HOUSEKEEPING_PAUSE_MS
    const unknownUntilMs = this.#unknownUntil.get(chore) ?? 0
    if (nowMs < unknownUntilMs) return unknownUntilMs
    let dueMs: number | null
    try {
      dueMs = chore.dueMs(nowMs)
    } catch (error) {
      this.#host.report(chore.failure, error)
      this.#unknownUntil.set(chore, nowMs + HOUSEKEEPING_RETRY_MS)
      return nowMs + HOUSEKEEPING_RETRY_MS
    }
    if (dueMs === null) return Number.POSITIVE_INFINITY
    const notBeforeMs = this.#notBefore.get(chore) ?? 0
    // Just after a step that left more to do.
    const isNext = notBeforeMs === nowMs
    const turnMs = isNext ? nowMs : this.#onInterval(chore, Math.max(dueMs, notBeforeMs))
    return Math.min(Math.max(turnMs, soonestMs), nowMs + ALARM_AHEAD_MAX_MS)
  }

  #onInterval(chore: Chore, timeMs: number): number {
    const intervalMs = chore.intervalMs()
    const phaseMs = Math.floor(this.#phase * intervalMs)
    return Math.ceil((timeMs - phaseMs) / intervalMs) * intervalMs + phaseMs
  }
}
