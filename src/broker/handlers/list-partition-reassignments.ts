// ListPartitionReassignments (key 46), version 0 (KIP-455). With one broker no replica ever moves: nothing
// is under way, whatever is asked, as Kafka answers for topics it does not know too.

import { KafkaError } from '../../core/errors.ts'
import type { ListPartitionReassignmentsResponse } from '../../protocol/messages/list-partition-reassignments.ts'

/** Always none. */
export async function listPartitionReassignments(): Promise<ListPartitionReassignmentsResponse> {
  return { throttleTimeMs: 0, errorCode: KafkaError.NONE, errorMessage: null, topics: [] }
}
