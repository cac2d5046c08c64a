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

/** A life of an isolate. */
interface Source {
  totals: Readonly<Record<string, number>>
  connections: Readonly<Record<string, number>>
  reportedMs: number
}

/** What is kept on disk of it. */
export interface KeptCounters {
  readonly totals: Readonly<Record<string, number>>
  readonly sources: Readonly<Record<string, Source>>
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

/** See the head of this file. */
export class Counters {
  readonly #totals = new Map<string, number>()
  readonly #sources = new Map<string, Source>()
  /** What went wrong lately. Not kept. */
  #troubles: { readonly name: string; readonly count: number; readonly atMs: number }[] = []

  constructor(kept: KeptCounters = { totals: {}, sources: {} }) {
    for (const [name, total] of Object.entries(kept.totals)) this.#totals.set(name, total)
    for (const [name, source] of Object.entries(kept.sources)) this.#sources.set(name, source)
  }

  /** What is to be kept. */
  get kept(): KeptCounters {
    return {
      totals: Object.fromEntries(this.#totals),
      sources: Object.fromEntries(this.#sources),
    }
  }

  get totals(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#totals)
  }

  report({ source, isKnown, isAlone, totals, connections }: BrokerReport, nowMs: number): void {
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
  }

  #add(name: string, grown: number, nowMs: number): void {
    if (!this.#totals.has(name) && this.#totals.size >= STATISTICS_COUNTERS) return
    this.#totals.set(name, (this.#totals.get(name) ?? 0) + grown)
    const [family, , error] = name.split('|')
    if (grown === 0 || family !== 'errors' || error === undefined || !TROUBLES.has(error)) return
    this.#troubles.push({ name: error, count: grown, atMs: nowMs })
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
