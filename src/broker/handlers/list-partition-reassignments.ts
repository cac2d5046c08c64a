// ListPartitionReassignments (key 46), version 0 (KIP-455). With one broker no replica ever moves: nothing
// is under way, whatever is asked, as Kafka answers for topics it does not know too.

import { errorMessage, KafkaError } from '../../core/errors.ts'
import type {
  ListPartitionReassignmentsRequest,
  ListPartitionReassignmentsResponse,
} from '../../protocol/messages/list-partition-reassignments.ts'
import { Operation } from '../../security/access.ts'
import { authorised, clusterDenial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'

/** Always none. */
export async function listPartitionReassignments(
  _request: ListPartitionReassignmentsRequest,
  _call: Call,
  context: BrokerContext,
): Promise<ListPartitionReassignmentsResponse> {
  const denied = clusterDenial(await authorised(context), Operation.DESCRIBE)
  if (denied !== KafkaError.NONE) {
    return { throttleTimeMs: 0, errorCode: denied, errorMessage: errorMessage(denied), topics: [] }
  }
  return { throttleTimeMs: 0, errorCode: KafkaError.NONE, errorMessage: null, topics: [] }
}
