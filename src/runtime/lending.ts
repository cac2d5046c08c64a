// Bytes handed over within one isolate: the local runtime has the Worker and its objects in one, where
// a call need not carry (that is, copy four times) what both can reach. Between isolates, as deployed,
// nothing is lent and calls carry everything. Plain memory only: no I/O object may pass this way.

import { LENT_MAX_MS } from '../core/limits.ts'

let ownId: string | null = null

/** Names this isolate, so that the other side of a call can tell whether it lives in the same one. */
export function isolateId(): string {
  // Not at load: the platform has no randomness there.
  ownId ??= crypto.randomUUID()
  return ownId
}

interface Loan {
  readonly pieces: Uint8Array[]
  readonly atMs: number
}

const loans = new Map<number, Loan>()
let lastLoan = 0

/** Keeps the pieces for who takes them with the number; they are the taker's from then on. */
export function lend(pieces: Uint8Array[], nowMs: number): number {
  // Whose call broke never comes: what is old goes with the next loan.
  for (const [loan, { atMs }] of loans) {
    if (nowMs - atMs <= LENT_MAX_MS) break
    loans.delete(loan)
  }
  lastLoan += 1
  loans.set(lastLoan, { pieces, atMs: nowMs })
  return lastLoan
}

/** The pieces of a loan, once; null when they were taken or waited too long. */
export function take(loan: number): Uint8Array[] | null {
  const pieces = loans.get(loan)?.pieces ?? null
  loans.delete(loan)
  return pieces
}
