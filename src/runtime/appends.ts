// Sends appends to one partition, and lends their batches where both sides live in one isolate (lending.ts):
// a caller sees its batch taken, and given back with a reply that refuses it. Not when they are sent: joined.ts.

import type { AppendAnswer, AppendCall, AppendReply, AppendRequest } from '../partition/contract.ts'
import { isolateId, lend, take } from './lending.ts'

const NOTHING = new Uint8Array(0)

/** What the last answer said of where the object lives. */
export interface Nearness {
  isNear: boolean
}

/**
 * Answers each append in its place; the call leaves in the caller's own turn.
 * @param last what is known of the object. It may be evicted and made anew elsewhere without a failure: then it
 *   could not take what was lent, which comes back from here
 */
export function lendingAppends(
  call: (call: AppendCall) => Promise<AppendAnswer>,
  last: Nearness = { isNear: false },
): (appends: readonly AppendRequest[]) => Promise<readonly AppendReply[]> {
  return async (appends) => {
    const lent = last.isNear ? lendBatches(appends) : { appends }
    try {
      const { replies, near, loan } = await call({ ...lent, isolate: isolateId() })
      last.isNear = near === true
      const back = loan ?? lent.loan
      const batches = back === undefined ? null : take(back)
      if (batches === null) return replies
      return replies.map((reply, at) => {
        const batch = batches[at]
        return reply.kind === 'appended' || batch === undefined ? reply : { ...reply, batch }
      })
    } catch (cause) {
      last.isNear = false
      if (lent.loan !== undefined) take(lent.loan)
      throw cause
    }
  }
}

/** The requests without their batches, which are moved: the caller has them no more. */
function lendBatches(appends: readonly AppendRequest[]): Pick<AppendCall, 'appends' | 'loan'> {
  const moved: Uint8Array[] = []
  for (const { batch } of appends) {
    const { buffer } = batch
    if (!(buffer instanceof ArrayBuffer)) throw new TypeError('a batch owns its buffer')
    moved.push(new Uint8Array(buffer.transfer()))
  }
  return {
    appends: appends.map((append) => ({ ...append, batch: NOTHING })),
    loan: lend(moved, Date.now()),
  }
}
