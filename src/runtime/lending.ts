// Plain data handed over within one isolate: the local runtime has the Worker and its objects in one, where a call need
// not carry (that is, write, copy four times and read) what both can reach. Between isolates, as deployed, nothing
// is lent and calls carry everything. Memory only: no I/O object may pass this way.

import { LENT_MAX_MS } from '../core/limits.ts'
import type { AppendReply, AppendRequest } from '../partition/contract.ts'

let ownId: string | null = null

/** Names this isolate, so that the other side of a call can tell whether it lives in the same one. */
export function isolateId(): string {
  // Not at load: the platform has no randomness there.
  ownId ??= crypto.randomUUID()
  return ownId
}

/** What is lent of one kind. */
export class Loans<Thing> {
  readonly #loans = new Map<number, { readonly things: Thing[]; readonly atMs: number }>()
  #last = 0

  /** Keeps the things for who takes them with the number; they are the taker's from then on. */
  lend(things: Thing[], nowMs: number): number {
    // Whose call broke never comes: what is old goes with the next loan.
    for (const [loan, { atMs }] of this.#loans) {
      if (nowMs - atMs <= LENT_MAX_MS) break
      this.#loans.delete(loan)
    }
    this.#last += 1
    this.#loans.set(this.#last, { things, atMs: nowMs })
    return this.#last
  }

  /** The things of a loan, once; null when they were taken or waited too long. */
  take(loan: number): Thing[] | null {
    const things = this.#loans.get(loan)?.things ?? null
    this.#loans.delete(loan)
    return things
  }
}

/** What was read. */
export const lentPieces = new Loans<Uint8Array>()

/** What is to be appended, and what became of it. */
export const lentAppends = new Loans<AppendRequest>()
export const lentReplies = new Loans<AppendReply>()
