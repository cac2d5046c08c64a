// Transactions that append unique values to lists (each partition is a list) and read other lists, judged
// as Elle does (Kingsbury and Alvaro, VLDB 2020): from what was read and in which order values lie in the
// lists it follows who must have come before whom. Pure; what Kafka's transactions do not promise is not
// asked of them.
//
// A record has its offset when it is sent, not when its transaction commits, so two transactions that are
// open together may lie one way round in one list and the other way round in another: a cycle of writes
// (G0) is only wrong where one of them had ended before the other began. Markers reach partitions one by
// one, so a reader may see a transaction in one list and not yet in another; in the end it is in all or none.

/** A value in a list. */
export interface Entry {
  readonly offset: number
  readonly value: string
}

/** A read of committed values: all of [from, end). */
export interface ListRead {
  readonly list: string
  readonly from: number
  readonly end: number
  readonly entries: readonly Entry[]
  /** When it returned. Times count events in the process that ran all clients. */
  readonly at: number
}

/** One transaction as its client saw it. */
export interface ListTransaction {
  readonly name: string
  readonly outcome: 'committed' | 'aborted' | 'unknown'
  readonly begun: number
  /** When its end was asked for; Infinity when it never was. */
  readonly asked: number
  /** When its end was confirmed; Infinity when it never was. */
  readonly ended: number
  readonly appends: readonly { readonly list: string; readonly value: string }[]
  readonly reads: readonly ListRead[]
}

/** All of them, and what the lists hold when nothing is open. */
export interface ListHistory {
  readonly transactions: readonly ListTransaction[]
  readonly lists: ReadonlyMap<string, readonly Entry[]>
}

/** What is looked for; the sentence is what must not be. */
export const ANOMALIES = {
  'lost-write': 'a committed transaction’s value is not in its list',
  'duplicate-write': 'a value is in a list twice',
  garbage: 'a list or a read holds a value that nobody appended there',
  torn: 'a transaction of unknown end is in the lists in part',
  G1a: 'a read, or a list in the end, holds a value of an aborted transaction',
  G1b: 'a read holds some of a transaction’s values in a list and not others that lie in its range',
  'dirty-read': 'a read holds a value before its transaction was asked to commit',
  'missed-read': 'a read holds nothing of what a transaction has in its range',
  'moved-value': 'a read found a value where another lies in the end',
  G0: 'a value lies before one of a transaction that had ended before its own began',
  G1c: 'transactions have read each other in a circle, or one that came later',
} as const

export type Anomaly = keyof typeof ANOMALIES

/** One anomaly and where it was seen. */
export interface AnomalyFound {
  readonly anomaly: Anomaly
  readonly what: string
}

/** Finds what must not be. */
export function anomalies(history: ListHistory): AnomalyFound[] {
  return new Judge(history).judge()
}

interface Placed {
  readonly transaction: ListTransaction
  readonly list: string
}

class Judge {
  readonly #history: ListHistory
  readonly #found: AnomalyFound[] = []
  readonly #writers = new Map<string, Placed>()
  readonly #offsets = new Map<string, number>()

  constructor(history: ListHistory) {
    this.#history = history
    for (const transaction of history.transactions) {
      for (const { list, value } of transaction.appends) {
        this.#writers.set(value, { transaction, list })
      }
    }
    for (const entries of history.lists.values()) {
      for (const { offset, value } of entries) this.#offsets.set(value, offset)
    }
  }

  judge(): AnomalyFound[] {
    this.#judgeLists()
    for (const transaction of this.#history.transactions) {
      this.#judgeOutcome(transaction)
      for (const read of transaction.reads) this.#judgeRead(transaction, read)
    }
    this.#judgeOrder()
    this.#judgeCircles()
    return this.#found
  }

  #report(anomaly: Anomaly, what: string): void {
    this.#found.push({ anomaly, what })
  }

  #judgeLists(): void {
    for (const [list, entries] of this.#history.lists) {
      const seen = new Set<string>()
      for (const { value, offset } of entries) {
        const at = `${list}@${offset}`
        if (seen.has(value)) this.#report('duplicate-write', `${value} is at ${at} again`)
        seen.add(value)
        const writer = this.#writers.get(value)
        if (writer?.list !== list) this.#report('garbage', `${at} holds ${value}`)
        else if (writer.transaction.outcome === 'aborted') {
          this.#report(
            'G1a',
            `${at} holds ${value} of ${writer.transaction.name}, which was aborted`,
          )
        }
      }
    }
  }

  #judgeOutcome({ name, outcome, appends }: ListTransaction): void {
    const missing = appends.filter(({ value }) => !this.#offsets.has(value))
    if (missing.length === 0 || outcome === 'aborted') return
    const values = missing.map(({ value }) => value).join(', ')
    if (outcome === 'committed') this.#report('lost-write', `${values} of ${name}`)
    else if (missing.length < appends.length) this.#report('torn', `${name} is without ${values}`)
  }

  #judgeRead(reader: ListTransaction, read: ListRead): void {
    const by = `${reader.name} read ${read.list} to ${read.end}`
    const held = new Set(read.entries.map(({ value }) => value))
    const writers = new Set<ListTransaction>()
    for (const { offset, value } of read.entries) {
      const writer = this.#writers.get(value)
      if (writer?.list !== read.list) {
        this.#report('garbage', `${by} and found ${value}`)
        continue
      }
      const { transaction } = writer
      writers.add(transaction)
      if (transaction.outcome === 'aborted')
        this.#report('G1a', `${by} and found ${value}, aborted`)
      else if (read.at < transaction.asked) {
        this.#report('dirty-read', `${by} and found ${value} before it was to be committed`)
      } else if (this.#offsets.get(value) !== offset) {
        this.#report('moved-value', `${by} and found ${value} at ${offset}`)
      }
    }
    for (const { offset, value } of this.#history.lists.get(read.list) ?? []) {
      if (offset < read.from || offset >= read.end || held.has(value)) continue
      const writer = this.#writers.get(value)?.transaction
      const isPart = writer !== undefined && writers.has(writer)
      this.#report(isPart ? 'G1b' : 'missed-read', `${by} and did not find ${value} at ${offset}`)
    }
  }

  /** In each list: nothing lies before what had ended before it began. */
  #judgeOrder(): void {
    for (const [list, entries] of this.#history.lists) {
      // From the end: the earliest end of a transaction that lies behind.
      let earliest: ListTransaction | null = null
      for (const { value } of entries.toReversed()) {
        const transaction = this.#writers.get(value)?.transaction
        if (transaction === undefined) continue
        if (earliest !== null && earliest.ended < transaction.begun) {
          const { name } = earliest
          this.#report('G0', `${value} lies before values of ${name} in ${list}, which had ended`)
        }
        if (earliest === null || transaction.ended < earliest.ended) earliest = transaction
      }
    }
  }

  /** Each transaction comes after those it has read, and after those that had ended when it began. */
  #judgeCircles(): void {
    const { transactions } = this.#history
    const before = new Map<ListTransaction, Set<ListTransaction>>()
    for (const transaction of transactions) {
      const read = transaction.reads.flatMap(({ entries }) => entries)
      const writers = read.flatMap(({ value }) => this.#writers.get(value)?.transaction ?? [])
      before.set(transaction, new Set(writers))
    }
    const rank = new Map<ListTransaction, 'open' | 'done'>()
    for (const transaction of transactions) {
      const circle = circleFrom(transaction, before, rank)
      if (circle !== null) this.#report('G1c', circle.map(({ name }) => name).join(' read by '))
    }
    for (const [transaction, writers] of before) {
      for (const writer of writers) {
        if (writer !== transaction && transaction.ended < writer.begun) {
          this.#report(
            'G1c',
            `${transaction.name} had ended when ${writer.name} began, which it read`,
          )
        }
      }
    }
  }
}

/** A circle that is reached from here; null when there is none that was not found before. */
function circleFrom(
  start: ListTransaction,
  before: ReadonlyMap<ListTransaction, ReadonlySet<ListTransaction>>,
  rank: Map<ListTransaction, 'open' | 'done'>,
): ListTransaction[] | null {
  if (rank.has(start)) return null
  const path: { readonly at: ListTransaction; readonly rest: ListTransaction[] }[] = []
  const enter = (at: ListTransaction) => {
    rank.set(at, 'open')
    path.push({ at, rest: [...(before.get(at) ?? [])] })
  }
  enter(start)
  for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
    const next = top.rest.pop()
    if (next === undefined) {
      rank.set(top.at, 'done')
      path.pop()
    } else if (rank.get(next) === 'open') {
      const from = path.findIndex(({ at }) => at === next)
      const circle = path.slice(from).map(({ at }) => at)
      // What is left open would hide other circles behind it.
      for (const { at } of path) rank.set(at, 'done')
      return [...circle, next]
    } else if (!rank.has(next)) enter(next)
  }
  return null
}
