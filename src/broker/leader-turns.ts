// How many leaders one connection or request asks at once. One request may name thousands of partitions, each asleep: all
// at once, or one set off by the end of another, they would keep everybody else waiting, because the local runtime looks
// at no socket while anything is ready to run. So there is a pause now and then, and fewer at once where leaders take long.

import {
  LEADERS_AT_ONCE,
  LEADERS_AT_ONCE_FIRST,
  LEADERS_AT_ONCE_LEAST,
  LEADERS_PAUSE_AFTER_MS,
} from '../core/limits.ts'
import type { BrokerContext, Timers } from './context.ts'

/** The turns of one context. */
export class LeaderTurns {
  readonly #timers: Timers
  readonly #waiting: (() => void)[] = []
  #window = LEADERS_AT_ONCE_FIRST
  #underWay = 0
  /** When everybody else last had their turn. */
  #sinceMs = 0
  #isPausing = false

  constructor(timers: Timers) {
    this.#timers = timers
  }

  /** Leaders that are being asked. */
  get underWay(): number {
    return this.#underWay
  }

  /** Resolves when a leader may be asked; undefined for at once. Each begin wants an end. */
  begin(): Promise<void> | undefined {
    if (this.#underWay === 0) this.#sinceMs = this.#timers.now()
    if (this.#mayBegin()) {
      this.#underWay++
      return undefined
    }
    return new Promise((begin) => {
      this.#waiting.push(begin)
    })
  }

  /** A leader has answered, or failed. */
  end(): void {
    this.#underWay--
    if (this.#waiting.length === 0) return
    if (!this.#isPausing && this.#timers.now() - this.#sinceMs > LEADERS_PAUSE_AFTER_MS) {
      void this.#pause()
    }
    this.#beginWaiting()
  }

  #mayBegin(): boolean {
    return !this.#isPausing && this.#underWay < this.#window
  }

  #beginWaiting(): void {
    while (this.#mayBegin()) {
      const begin = this.#waiting.shift()
      if (begin === undefined) return
      this.#underWay++
      begin()
    }
  }

  /** Nothing begins until a timer has fired, which it does behind whatever else there was to do. */
  async #pause(): Promise<void> {
    this.#isPausing = true
    await this.#timers.sleep(1)
    const nowMs = this.#timers.now()
    const isSlow = nowMs - this.#sinceMs > 4 * LEADERS_PAUSE_AFTER_MS
    this.#window = isSlow
      ? Math.max(LEADERS_AT_ONCE_LEAST, this.#window / 2)
      : Math.min(LEADERS_AT_ONCE, this.#window * 2)
    this.#sinceMs = nowMs
    this.#isPausing = false
    this.#beginWaiting()
  }
}

const ofContexts = new WeakMap<BrokerContext, LeaderTurns>()

/** The turns of this context. */
export function leaderTurns(context: BrokerContext): LeaderTurns {
  let own = ofContexts.get(context)
  if (own === undefined) {
    own = new LeaderTurns(context.timers)
    ofContexts.set(context, own)
  }
  return own
}
