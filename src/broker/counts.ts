// What this isolate counts: requests and errors by API, answers of HTTP, connections that are open. Plain numbers that
// all its connections and requests share, told to the Statistics object at most every ten seconds by whichever of
// them notices that it is time, without waiting for it. Not what objects tell of themselves (runtime/reports.ts).

import { errorName } from '../core/errors.ts'
import {
  STATISTICS_ALIVE_MS,
  STATISTICS_COUNTERS,
  STATISTICS_INTERVAL_MS,
} from '../core/limits/statistics.ts'
import { isolateId } from '../runtime/lending.ts'
import type { BrokerReport, StatisticsRpc } from '../statistics/contract.ts'

/** Whose connections are counted. */
export type ConnectionKind = 'tcp' | 'tunnel' | 'live' | 'events'

/** Counters of one isolate. */
export class Counts {
  readonly #totals = new Map<string, number>()
  readonly #connections = new Map<ConnectionKind, number>()
  #isAltered = false
  #isTelling = false
  #isKnown = false
  #toldMs = Number.NEGATIVE_INFINITY

  /** Adds to a counter: a family and its labels' values (statistics/counters.ts). */
  add(name: string, count = 1): void {
    const total = this.#totals.get(name)
    if (total === undefined && this.#totals.size >= STATISTICS_COUNTERS) return
    this.#totals.set(name, (total ?? 0) + count)
    this.#isAltered = true
  }

  /** A connection is open; the answer says that it has ended, once. */
  opened(kind: ConnectionKind): () => void {
    let isOpen = true
    this.#connect(kind, 1)
    this.add(`connections|${kind}`)
    return () => {
      if (isOpen) this.#connect(kind, -1)
      isOpen = false
    }
  }

  #connect(kind: ConnectionKind, by: number): void {
    this.#connections.set(kind, (this.#connections.get(kind) ?? 0) + by)
    this.#isAltered = true
  }

  /** The errors of an answer, as far as they are said of the whole or of its parts two levels down. */
  addErrors(api: string, answer: object): void {
    this.#addErrors(api, answer, ERROR_DEPTH)
  }

  #addErrors(api: string, part: object, depth: number): void {
    for (const value of Object.values(part)) {
      if (!Array.isArray(value)) continue
      for (const one of value) {
        if (typeof one !== 'object' || one === null || one instanceof Uint8Array) break
        this.#addError(api, one)
        if (depth > 1) this.#addErrors(api, one, depth - 1)
      }
    }
    if (depth === ERROR_DEPTH) this.#addError(api, part)
  }

  #addError(api: string, part: object): void {
    const code: unknown = Reflect.get(part, 'errorCode')
    if (typeof code === 'number' && code !== 0) this.add(`errors|${api}|${errorName(code)}`)
  }

  /** Whether there is something that nobody was told, and it is time. */
  isDue(nowMs: number): boolean {
    if (this.#isTelling) return false
    const age = nowMs - this.#toldMs
    if (this.#isAltered) return age >= STATISTICS_INTERVAL_MS
    return this.#connected > 0 && age >= STATISTICS_ALIVE_MS
  }

  /** Tells if it is due. Never rejects: what could not be told is told with what comes next. */
  async tell(
    statistics: Pick<StatisticsRpc, 'report'>,
    { nowMs, isAlone }: { readonly nowMs: number; readonly isAlone: boolean },
  ): Promise<void> {
    if (!this.isDue(nowMs)) return
    await this.tellNow(statistics, { nowMs, isAlone })
  }

  /** Tells whatever is new, for somebody who is about to look. */
  async tellNow(
    statistics: Pick<StatisticsRpc, 'report'>,
    { nowMs, isAlone }: { readonly nowMs: number; readonly isAlone: boolean },
  ): Promise<void> {
    if (this.#isTelling || !this.#isAltered) {
      if (!this.isDue(nowMs)) return
    }
    this.#isTelling = true
    this.#isAltered = false
    this.#toldMs = nowMs
    try {
      await statistics.report(this.#report(isAlone))
      this.#isKnown = true
    } catch {
      this.#isAltered = true
    } finally {
      this.#isTelling = false
    }
  }

  get #connected(): number {
    let open = 0
    for (const count of this.#connections.values()) open += count
    return open
  }

  #report(isAlone: boolean): BrokerReport {
    return {
      kind: 'broker',
      source: isolateId(),
      isKnown: this.#isKnown,
      isAlone,
      totals: Object.fromEntries(this.#totals),
      connections: Object.fromEntries(this.#connections),
    }
  }
}

/** An answer has topics, and these have partitions. */
const ERROR_DEPTH = 2

/** Those of this isolate. */
export const counts = new Counts()
