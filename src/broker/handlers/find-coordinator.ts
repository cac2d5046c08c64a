// FindCoordinator (key 10), versions 0 to 6, batched from 4 (KIP-699). There is one broker, so it is
// the answer for group and transaction keys; old librdkafka turns LZ4 off when this API is missing.
// Share-group keys (KIP-932) are refused until share groups exist.

import { type ErrorCode, errorMessage, KafkaError } from '../../core/errors.ts'
import { BROKER_ID } from '../../core/ids.ts'
import type {
  FindCoordinatorRequest,
  FindCoordinatorResponse,
} from '../../protocol/messages/find-coordinator.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'

const GROUP = 0
const TRANSACTION = 1

/** This broker, at the address that this client was told. */
export async function findCoordinator(
  request: FindCoordinatorRequest,
  call: Call,
  context: BrokerContext,
): Promise<FindCoordinatorResponse> {
  const { host, port } = context.advertised
  const answer = (key: string) => {
    const errorCode = keyError(request.keyType, key)
    return errorCode === KafkaError.NONE
      ? { key, nodeId: BROKER_ID, host, port, errorCode, errorMessage: null }
      : { key, nodeId: -1, host: '', port: -1, errorCode, errorMessage: errorMessage(errorCode) }
  }
  if (call.version >= 4) {
    return { throttleTimeMs: 0, coordinators: request.coordinatorKeys.map(answer) }
  }
  return { throttleTimeMs: 0, ...answer(request.key) }
}

function keyError(keyType: number, _key: string): ErrorCode {
  return keyType === GROUP || keyType === TRANSACTION ? KafkaError.NONE : KafkaError.INVALID_REQUEST
}
