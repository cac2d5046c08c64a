// How many refusals of one client the audit log has a record each of, and how many of the rest there were: who is let in
// nowhere can ask as often as they like, and each record is a write. Not the log (audit.ts). Plain data.

import { AUDIT_CLIENTS, AUDIT_REFUSALS, AUDIT_REFUSALS_MS } from '../core/limits/security.ts'

/** Whom something was refused. */
export interface Refused {
  readonly event: 'login-refused' | 'denied'
  readonly principal: string
  readonly host: string
}

/** Refusals that have no record of their own. */
export interface SummedRefusals {
  readonly event: Refused['event']
  /** Of a refused login it is left out: names are free there. */
  readonly principal?: string
  /** `*`: of more addresses than are told apart. */
  readonly host: string
  readonly sinceMs: number
  readonly count: number
}

interface Window extends Omit<SummedRefusals, 'count'> {
  written: number
  summed: number
}

/** Of one isolate. */
export class Refusals {
  /** In the order in which they began. */
  readonly #windows = new Map<string, Window>()

  /** Whether this one gets a record of its own; otherwise it is counted. */
  isWritten(refused: Refused, nowMs: number): boolean {
    const window = this.#windowOf(refused, nowMs)
    if (window.written < AUDIT_REFUSALS) {
      window.written += 1
      return true
    }
    window.summed += 1
    return false
  }

  /** What was counted in the times that are over, each once. */
  over(nowMs: number): readonly SummedRefusals[] {
    const sums: SummedRefusals[] = []
    for (const [key, { written: _, summed, ...window }] of this.#windows) {
      const ageMs = nowMs - window.sinceMs
      // Clocks go back.
      if (ageMs >= 0 && ageMs < AUDIT_REFUSALS_MS) break
      this.#windows.delete(key)
      if (summed > 0) sums.push({ ...window, count: summed })
    }
    return sums
  }

  #windowOf({ event, principal, host }: Refused, sinceMs: number): Window {
    const isLogin = event === 'login-refused'
    const own = isLogin ? `${event} ${host}` : `${event} ${host} ${principal}`
    const isOne = this.#windows.has(own) || this.#windows.size < AUDIT_CLIENTS
    const key = isOne ? own : event
    let window = this.#windows.get(key)
    if (window === undefined) {
      const whose = !isOne ? { host: '*' } : isLogin ? { host } : { host, principal }
      window = { event, ...whose, sinceMs, written: 0, summed: 0 }
      this.#windows.set(key, window)
    }
    return window
  }
}
