// Which producers' transactions are known to be open and to have this group in them, and the commits
// that wait to learn it (KIP-890). The transaction's coordinator is asked once for all commits of a
// producer that wait; the end of a transaction makes what was asked before it worthless.

import { UNVERIFIED_COMMITS_PER_GROUP } from '../core/limits/coordinators.ts'
import type { Ticket } from '../runtime/machine.ts'
import type { GroupCaller, GroupMarker, TransactionalCommitRequest } from './contract.ts'
import type { OpenTransaction } from './offsets.ts'

/** A commit whose transaction is being asked for. */
export interface Unverified {
  readonly request: TransactionalCommitRequest
  readonly caller: GroupCaller
  readonly ticket: Ticket
}

/** Who asked, as the answer names it. */
export type VerificationKey = string

interface Asked {
  readonly producerId: number
  readonly waiting: Unverified[]
  /** Transactions up to this number have ended since the call left; Infinity: all of them. */
  endedNumber: number
}

/** See the head of this file. */
export class Verifications {
  /** Open transactions by producer id. */
  readonly #open = new Map<number, OpenTransaction>()
  readonly #asked = new Map<VerificationKey, Asked>()
  #waiting = 0

  constructor(open: readonly OpenTransaction[] = []) {
    for (const transaction of open) this.#open.set(transaction.producerId, transaction)
  }

  /** The number of the transaction that this producer is known to have open; null when not known. */
  numberOf({ producerId, producerEpoch }: TransactionalCommitRequest): number | null {
    const open = this.#open.get(producerId)
    return open !== undefined && open.producerEpoch === producerEpoch ? open.number : null
  }

  /** 'ask' when the coordinator is to be asked, 'wait' when it has been, 'full' when too many wait. */
  wait(commit: Unverified): 'ask' | 'wait' | 'full' {
    if (this.#waiting >= UNVERIFIED_COMMITS_PER_GROUP) return 'full'
    this.#waiting += 1
    const key = verificationKey(commit.request)
    const asked = this.#asked.get(key)
    if (asked !== undefined) {
      asked.waiting.push(commit)
      return 'wait'
    }
    const { producerId } = commit.request
    this.#asked.set(key, { producerId, waiting: [commit], endedNumber: -1 })
    return 'ask'
  }

  /**
   * The coordinator has answered with the number of the open transaction (-1: with an error). Gives
   * those who waited, and whether that transaction is still open.
   */
  answered(
    key: VerificationKey,
    number: number,
  ): { readonly waited: readonly Unverified[]; readonly isOpen: boolean } {
    const asked = this.#asked.get(key)
    if (asked === undefined) return { waited: [], isOpen: false }
    this.#asked.delete(key)
    this.#waiting -= asked.waiting.length
    const isOpen = number > asked.endedNumber
    const first = asked.waiting[0]?.request
    if (isOpen && number >= 0 && first !== undefined) {
      const { producerId, producerEpoch } = first
      this.#open.set(producerId, { producerId, producerEpoch, number })
    }
    return { waited: asked.waiting, isOpen }
  }

  /** A transaction has ended. */
  ended({ producerId, producerEpoch, number }: GroupMarker): void {
    const open = this.#open.get(producerId)
    const isOver =
      open !== undefined &&
      (number === null ? open.producerEpoch <= producerEpoch : open.number <= number)
    if (isOver) this.#open.delete(producerId)
    for (const asked of this.#asked.values()) {
      if (asked.producerId !== producerId) continue
      asked.endedNumber = Math.max(asked.endedNumber, number ?? Number.POSITIVE_INFINITY)
    }
  }

  /** Nothing is known any more; who waits still waits. */
  forget(): void {
    this.#open.clear()
  }
}

/** Commits with the same key are answered by one call. */
export function verificationKey(request: TransactionalCommitRequest): VerificationKey {
  const { transactionalId, producerId, producerEpoch, implicit } = request
  return `${producerId}/${producerEpoch}/${implicit}/${transactionalId}`
}
