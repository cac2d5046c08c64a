// Tells the directory in Cluster what a transactional id is doing: one call at a time, at most one a
// second, only the latest counts, and nothing that a client waits for waits for it, except the very first
// entry, which must be there before anything else is. Not the directory (cluster/).

import type { TransactionEntry } from '../cluster/contract.ts'
import { TRANSACTION_ANNOUNCE_MS } from '../core/limits/coordinators.ts'

/** Longest pause between attempts that fail. */
const RETRY_MAX_MS = 60_000

/** What the directory's teller needs of its object. */
export interface DirectoryHost {
  readonly register: (entry: TransactionEntry) => Promise<void>
  readonly remove: () => Promise<void>
  readonly now: () => number
  /** Calls back once after `ms`. */
  readonly later: (ms: number, callback: () => void) => void
  readonly report: (event: string, error: unknown) => void
}

/** See the head of this file. */
export class Directory {
  readonly #host: DirectoryHost
  /** What is to be told: null for a removal, undefined when all is told. */
  #wanted: TransactionEntry | null | undefined
  /** The entry is there: registered since this object was loaded, and not removed. */
  #registered = false
  #underWay: Promise<void> | null = null
  #armed = false
  #lastMs = Number.NEGATIVE_INFINITY
  #failures = 0
  /** What the directory says, as text; null when it is not known. */
  #told: string | null = null

  constructor(host: DirectoryHost) {
    this.#host = host
  }

  /** Sees to it that there is an entry. Rejects when Cluster cannot be reached. */
  async ensure(entry: TransactionEntry): Promise<void> {
    while (this.#underWay !== null) await this.#underWay
    if (this.#registered) return
    await this.#host.register(entry)
    this.#registered = true
    this.#told = JSON.stringify(entry)
  }

  /** Cluster has asked whether the id is in use, and will remove its entry. */
  forget(): void {
    this.#registered = false
    this.#told = null
  }

  /** The entry is to be this from now on; null: there is none. */
  announce(entry: TransactionEntry | null): void {
    const isTold = entry !== null && this.#underWay === null && JSON.stringify(entry) === this.#told
    this.#wanted = isTold ? undefined : entry
    this.#schedule()
  }

  #schedule(): void {
    if (this.#underWay !== null || this.#armed || this.#wanted === undefined) return
    const pace = Math.min(TRANSACTION_ANNOUNCE_MS * 2 ** this.#failures, RETRY_MAX_MS)
    const pause = this.#lastMs + pace - this.#host.now()
    if (pause <= 0) {
      this.#underWay = this.#tell()
      return
    }
    this.#armed = true
    this.#host.later(pause, () => {
      this.#armed = false
      this.#schedule()
    })
  }

  /** Never rejects. */
  async #tell(): Promise<void> {
    const entry = this.#wanted
    if (entry === undefined) return
    this.#wanted = undefined
    this.#lastMs = this.#host.now()
    this.#told = null
    try {
      if (entry === null) {
        this.#registered = false
        await this.#host.remove()
      } else {
        await this.#host.register(entry)
        this.#registered = true
        this.#told = JSON.stringify(entry)
      }
      this.#failures = 0
    } catch (error) {
      this.#host.report('the directory was not told of a transactional id', error)
      this.#failures += 1
      if (this.#wanted === undefined) this.#wanted = entry
    } finally {
      this.#underWay = null
      this.#schedule()
    }
  }
}
