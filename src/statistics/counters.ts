// What isolates of the Worker count: totals that only grow, by counter, and connections that are open now. An isolate
// says the totals of its own life; here they are added up over all lives. A counter is a family and its labels'
// values, one behind the other: `requests|Fetch`. Not the partitions' and groups' figures (logs.ts, commits.ts).

import {
  STATISTICS_COUNTERS,
  STATISTICS_SOURCE_MAX_AGE_MS,
  STATISTICS_SOURCES,
  STATISTICS_TROUBLE_MS,
} from '../core/limits/statistics.ts'
import type { BrokerReport } from './contract.ts'

/** A life of an isolate, as it last reported. */
export interface Source {
  totals: Readonly<Record<string, number>>
  connections: Readonly<Record<string, number>>
  reportedMs: number
}

/** Errors that are not the caller's doing. */
const TROUBLES = new Set([
  'KAFKA_STORAGE_ERROR',
  'UNKNOWN_SERVER_ERROR',
  'COORDINATOR_NOT_AVAILABLE',
  'LEADER_NOT_AVAILABLE',
  'BROKER_NOT_AVAILABLE',
  'CORRUPT_MESSAGE',
  'REQUEST_TIMED_OUT',
])

/** So many are kept before those that are old are looked for. */
const TROUBLES_LOOKED_THROUGH = 1_000

/** See the head of this file. */
export class Counters {
  readonly #totals = new Map<string, number>()
  readonly #sources = new Map<string, Source>()
  /** What went wrong lately. Not kept. */
  #troubles: { readonly name: string; readonly count: number; readonly atMs: number }[] = []

  /** As they were kept. */
  restoreTotals(totals: Readonly<Record<string, number>>): void {
    for (const [name, total] of Object.entries(totals)) this.#totals.set(name, total)
  }

  restoreSource(name: string, source: Source): void {
    this.#sources.set(name, source)
  }

  /** What is to be kept of an isolate; undefined: nothing. */
  source(name: string): Source | undefined {
    return this.#sources.get(name)
  }

  get totals(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#totals)
  }

  /** Takes a report; answers the isolates of which something else is to be kept now. */
  report(
    { source, isKnown, isAlone, totals, connections }: BrokerReport,
    nowMs: number,
  ): readonly string[] {
    const known = new Set(this.#sources.keys()).add(source)
    const before = this.#sources.get(source)
    // Of an isolate that was forgotten it is not known what was added up: it is counted from here on.
    const isLost = before === undefined && isKnown
    for (const [name, total] of Object.entries(totals)) {
      const grown = isLost ? 0 : Math.max(0, total - (before?.totals[name] ?? 0))
      this.#add(name, grown, nowMs)
    }
    if (isAlone) this.#sources.clear()
    // Behind all others: it is the last that was heard of.
    this.#sources.delete(source)
    this.#sources.set(source, { totals, connections, reportedMs: nowMs })
    if (this.#sources.size > STATISTICS_SOURCES) {
      const [oldest] = this.#sources.keys()
      if (oldest !== undefined) this.#sources.delete(oldest)
    }
    return [...known].filter((name) => name === source || !this.#sources.has(name))
  }

  #add(name: string, grown: number, nowMs: number): void {
    if (!this.#totals.has(name) && this.#totals.size >= STATISTICS_COUNTERS) return
    this.#totals.set(name, (this.#totals.get(name) ?? 0) + grown)
    const [family, , error] = name.split('|')
    if (grown === 0 || family !== 'errors' || error === undefined || !TROUBLES.has(error)) return
    this.#troubles.push({ name: error, count: grown, atMs: nowMs })
    // Nobody may look for days.
    if (this.#troubles.length > TROUBLES_LOOKED_THROUGH) this.troubles(nowMs)
  }

  /** Connections by kind; isolates that have not been heard of for long are gone. */
  connections(nowMs: number): Record<string, number> {
    const open: Record<string, number> = {}
    for (const { connections, reportedMs } of this.#sources.values()) {
      if (nowMs - reportedMs > STATISTICS_SOURCE_MAX_AGE_MS) continue
      for (const [kind, count] of Object.entries(connections)) {
        open[kind] = (open[kind] ?? 0) + count
      }
    }
    return open
  }

  /** What went wrong lately, by the errors' names. */
  troubles(nowMs: number): Record<string, number> {
    this.#troubles = this.#troubles.filter(({ atMs }) => nowMs - atMs <= STATISTICS_TROUBLE_MS)
    const counts: Record<string, number> = {}
    for (const { name, count } of this.#troubles) counts[name] = (counts[name] ?? 0) + count
    return counts
  }
}
