// The fencing check that Fetch, ListOffsets and OffsetForLeaderEpoch share (KIP-320).

import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import { LEADER_EPOCH } from '../../core/ids.ts'

/** What is wrong with the epoch a client thinks current; -1 asks for no check. */
export function leaderEpochError(currentLeaderEpoch: number): ErrorCode {
  if (currentLeaderEpoch === -1 || currentLeaderEpoch === LEADER_EPOCH) return KafkaError.NONE
  return currentLeaderEpoch > LEADER_EPOCH
    ? KafkaError.UNKNOWN_LEADER_EPOCH
    : KafkaError.FENCED_LEADER_EPOCH
}
