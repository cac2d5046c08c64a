// Who may commit and fetch offsets of a consumer group (KIP-848): a member at its epoch, and, while
// nobody is in the group, anyone.

import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import type { OffsetCaller } from '../membership.ts'
import type { Roster } from './roster.ts'

/** First version of OffsetCommit that knows member epochs. */
const COMMITS_WITH_EPOCH = 9

export function checkOffsets(
  roster: Roster,
  caller: OffsetCaller,
  use: 'commit' | 'fetch',
): ErrorCode {
  const { memberId, generationOrEpoch: epoch, instanceId, transactional } = caller
  if (use === 'fetch' && memberId === '' && epoch < 0) return KafkaError.NONE
  if (use === 'commit' && epoch < 0 && roster.size === 0) return KafkaError.NONE
  // A transactional producer need not say which member it commits for.
  if (transactional && epoch === -1 && memberId === '' && instanceId === null) {
    return KafkaError.NONE
  }
  const member = roster.get(memberId)
  if (member === undefined) return KafkaError.UNKNOWN_MEMBER_ID
  const isCommit = use === 'commit' && !transactional
  if (isCommit && member.classic === null && caller.version < COMMITS_WITH_EPOCH) {
    return KafkaError.UNSUPPORTED_VERSION
  }
  if (epoch === member.epoch) return KafkaError.NONE
  // TxnOffsetCommit has no code for a stale epoch.
  return member.classic === null && !transactional
    ? KafkaError.STALE_MEMBER_EPOCH
    : KafkaError.ILLEGAL_GENERATION
}
