// What members must do by when, in memory only: a heartbeat moves a deadline and nothing else. The
// earliest is known as a bound, so that moving one costs nothing and looking at all is rare.

/** Why a member may be put out. */
export type TimerKind =
  /** No sign of life. */
  | 'session'
  /** Asked to give up partitions and has not. */
  | 'rebalance'
  /** A classic member told to rejoin. */
  | 'join'
  /** A classic member that has joined and not asked for its assignment. */
  | 'sync'

/** Deadlines by member. */
export class Timers {
  readonly #byMember = new Map<string, Map<TimerKind, number>>()
  /** No deadline is earlier. */
  #boundMs = Number.POSITIVE_INFINITY

  /** At or before the earliest deadline; Infinity for none. */
  get deadlineMs(): number {
    return this.#boundMs
  }

  set(memberId: string, kind: TimerKind, deadlineMs: number): void {
    let timers = this.#byMember.get(memberId)
    if (timers === undefined) {
      timers = new Map()
      this.#byMember.set(memberId, timers)
    }
    timers.set(kind, deadlineMs)
    if (deadlineMs < this.#boundMs) this.#boundMs = deadlineMs
  }

  setIfAbsent(memberId: string, kind: TimerKind, deadlineMs: number): void {
    if (this.#byMember.get(memberId)?.has(kind) !== true) this.set(memberId, kind, deadlineMs)
  }

  clear(memberId: string, kind: TimerKind): void {
    this.#byMember.get(memberId)?.delete(kind)
  }

  remove(memberId: string): void {
    this.#byMember.delete(memberId)
  }

  /**
   * Members with a deadline that has passed, which the caller puts out; looks at all only when there
   * may be one.
   */
  due(nowMs: number): string[] {
    if (nowMs < this.#boundMs) return []
    const due: string[] = []
    this.#boundMs = Number.POSITIVE_INFINITY
    for (const [memberId, timers] of this.#byMember) {
      let earliest = Number.POSITIVE_INFINITY
      for (const deadlineMs of timers.values()) earliest = Math.min(earliest, deadlineMs)
      if (earliest <= nowMs) due.push(memberId)
      else this.#boundMs = Math.min(this.#boundMs, earliest)
    }
    return due
  }
}
