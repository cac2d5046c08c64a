// Sends appends to one partition, and lends them and their answers where both sides live in one isolate (lending.ts): a
// caller sees its batch taken, and given back with a reply that refuses it. Not when they are sent: joined.ts, lanes.ts.

import { KafkaError } from '../core/errors.ts'
import { offset } from '../core/ids.ts'
import type { AppendAnswer, AppendCall, AppendReply, AppendRequest } from '../partition/contract.ts'
import { isolateId, lentAppends, lentReplies } from './lending.ts'

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
    const isolate = isolateId()
    const loan = last.isNear ? lentAppends.lend(appends.map(moved), Date.now()) : null
    try {
      const sent = loan === null ? { appends, isolate } : { appends: [], isolate, loan }
      const answer = await call(sent)
      last.isNear = answer.near === true
      if (answer.loan !== undefined) return taken(answer.loan)
      return loan === null ? answer.replies : (lentAppends.take(loan) ?? []).map(givenBack)
    } catch (cause) {
      last.isNear = false
      if (loan !== null) lentAppends.take(loan)
      throw cause
    }
  }
}

/** The append with its batch, which the caller has no more. */
function moved(append: AppendRequest): AppendRequest {
  const { buffer } = append.batch
  if (!(buffer instanceof ArrayBuffer)) throw new TypeError('a batch owns its buffer')
  return { ...append, batch: new Uint8Array(buffer.transfer()) }
}

function taken(loan: number): readonly AppendReply[] {
  const replies = lentReplies.take(loan)
  if (replies === null) throw new Error('what was answered waited too long')
  return replies
}

/** Lent to the object that was here before one that is elsewhere, which could not take it. */
function givenBack({ batch }: AppendRequest): AppendReply {
  const error = KafkaError.NOT_LEADER_OR_FOLLOWER
  return { kind: 'refused', error, logStartOffset: offset(-1), batch }
}
