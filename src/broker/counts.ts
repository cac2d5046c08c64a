// What this isolate counts of a tenant: requests and errors by API, answers of HTTP, connections that are open. Plain numbers
// that all its connections and requests share, told to the Statistics object at most every ten seconds by whichever of
// them notices that it is time, without waiting for it. Not what objects tell of themselves (runtime/reports.ts).

import { errorName } from '../core/errors.ts'
import {
  STATISTICS_ALIVE_MS,
  STATISTICS_COUNTERS,
  STATISTICS_INTERVAL_MS,
} from '../core/limits/statistics.ts'
import type { AnyApi, Shape } from '../protocol/schema.ts'
import { isolateId } from '../runtime/lending.ts'
import type { BrokerReport, StatisticsRpc } from '../statistics/contract.ts'
import { isDenial } from './audited.ts'

/** Whose connections are counted. */
export type ConnectionKind = 'tcp' | 'tunnel' | 'live' | 'events'

/** Counters of one isolate. */
export class Counts {
  readonly #totals = new Map<string, number>()
  readonly #requests = new Map<string, number>()
  readonly #connections = new Map<ConnectionKind, number>()
  /** Those of objects, which know how many they have: by object. */
  readonly #held = new Map<string, { readonly kind: ConnectionKind; readonly open: number }>()
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

  /** An object has so many connections that are open. */
  hold(kind: ConnectionKind, owner: string, open: number): void {
    const before = this.#held.get(owner)?.open ?? 0
    if (open === before) return
    // A kind that there once was is shown with 0 when there is none.
    this.#connect(kind, 0)
    if (open > before) this.add(`connections|${kind}`, open - before)
    if (open === 0) this.#held.delete(owner)
    else this.#held.set(owner, { kind, open })
  }

  /** Whether any of these is open that is not an object's. */
  hasOpen(kind: ConnectionKind): boolean {
    return (this.#connections.get(kind) ?? 0) > 0
  }

  #connect(kind: ConnectionKind, by: number): void {
    this.#connections.set(kind, (this.#connections.get(kind) ?? 0) + by)
    this.#isAltered = true
  }

  /** A request of Kafka's: each is counted, so without a name being made. */
  addRequest(api: string): void {
    this.#requests.set(api, (this.#requests.get(api) ?? 0) + 1)
    this.#isAltered = true
  }

  /** The errors of an answer: of the whole, of its parts, and of theirs. True when one says that somebody may not. */
  addErrors(api: AnyApi, answer: object): boolean {
    let isDenied = this.#addError(api.name, answer)
    for (const { name, inner } of errorPlaces(api)) {
      for (const part of partsOf(answer, name)) {
        if (this.#addError(api.name, part)) isDenied = true
        for (const list of inner) {
          for (const one of partsOf(part, list)) {
            if (this.#addError(api.name, one)) isDenied = true
          }
        }
      }
    }
    return isDenied
  }

  /** True for one that says that somebody may not. */
  #addError(api: string, { errorCode }: { readonly errorCode?: unknown }): boolean {
    if (typeof errorCode !== 'number' || errorCode === 0) return false
    this.add(`errors|${api}|${errorName(errorCode)}`)
    return isDenial(errorCode)
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

  /** Connections by kind. */
  get #open(): Record<string, number> {
    const open: Record<string, number> = Object.fromEntries(this.#connections)
    for (const { kind, open: count } of this.#held.values()) open[kind] = (open[kind] ?? 0) + count
    return open
  }

  get #connected(): number {
    return Object.values(this.#open).reduce((sum, count) => sum + count, 0)
  }

  #report(isAlone: boolean): BrokerReport {
    return {
      kind: 'broker',
      source: isolateId(),
      isKnown: this.#isKnown,
      isAlone,
      totals: {
        ...Object.fromEntries(this.#totals),
        ...Object.fromEntries(
          [...this.#requests].map(([api, count]) => [`requests|${api}`, count]),
        ),
      },
      connections: this.#open,
    }
  }
}

/** A list of an answer in whose items there are errors, or in the items of lists in them. */
interface ErrorPlace {
  readonly name: string
  readonly inner: readonly string[]
}

const places = new WeakMap<AnyApi, readonly ErrorPlace[]>()

/** Where the answers of an API have errors of their parts, by its declaration. */
function errorPlaces(api: AnyApi): readonly ErrorPlace[] {
  const known = places.get(api)
  if (known !== undefined) return known
  const found = listsOf(api.response).flatMap(([name, item]): ErrorPlace[] => {
    const inner = listsOf(item).flatMap(([list, one]) => (hasError(one) ? [list] : []))
    return inner.length > 0 || hasError(item) ? [{ name, inner }] : []
  })
  places.set(api, found)
  return found
}

function listsOf(shape: Shape): [name: string, item: Shape][] {
  if (shape.kind !== 'struct') return []
  return Object.entries(shape.fields).flatMap(([name, field]): [string, Shape][] =>
    field.kind === 'array' ? [[name, field.element]] : [],
  )
}

function hasError(shape: Shape): boolean {
  return shape.kind === 'struct' && Object.hasOwn(shape.fields, 'errorCode')
}

const NO_PARTS: readonly object[] = []

function partsOf(whole: object, name: string): readonly object[] {
  const parts: unknown = (whole as Readonly<Record<string, unknown>>)[name]
  return Array.isArray(parts) ? parts : NO_PARTS
}
