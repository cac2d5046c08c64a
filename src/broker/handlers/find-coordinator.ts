// FindCoordinator (key 10), versions 0 to 6, batched from 4 (KIP-699). There is one broker, so it is
// the answer for group and transaction keys; old librdkafka turns LZ4 off when this API is missing.
// Share-group keys (KIP-932) are refused until share groups exist.

import { type ErrorCode, errorMessage, KafkaError } from '../../core/errors.ts'
import { BROKER_ID } from '../../core/ids.ts'
import type {
  FindCoordinatorRequest,
  FindCoordinatorResponse,
} from '../../protocol/messages/find-coordinator.ts'
import { isNamedInTenant } from '../../runtime/objects.ts'
import { type Access, Operation, Resource } from '../../security/access.ts'
import { authorised, clusterDenial, denial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'

const GROUP = 0
const TRANSACTION = 1
const SHARE = 2

/** This broker, at the address that this client was told. */
export async function findCoordinator(
  request: FindCoordinatorRequest,
  call: Call,
  context: BrokerContext,
): Promise<FindCoordinatorResponse> {
  const access = await authorised(context)
  const { host, port } = context.advertised
  const answer = (key: string) => {
    const errorCode = keyError(request.keyType, key, access) || unfit(request.keyType, key, context)
    return errorCode === KafkaError.NONE
      ? { key, nodeId: BROKER_ID, host, port, errorCode, errorMessage: null }
      : { key, nodeId: -1, host: '', port: -1, errorCode, errorMessage: null }
  }
  if (call.version >= 4) {
    return { throttleTimeMs: 0, coordinators: request.coordinatorKeys.map(answer) }
  }
  const only = answer(request.key)
  if (only.errorCode === KafkaError.NONE) return { throttleTimeMs: 0, ...only }
  return { throttleTimeMs: 0, ...only, errorMessage: errorMessage(only.errorCode) }
}

/** What a tenant can have no coordinator of; of main's every name is fit. */
function unfit(keyType: number, key: string, { tenant }: BrokerContext): ErrorCode {
  if (isNamedInTenant(key, tenant)) return KafkaError.NONE
  return keyType === GROUP ? KafkaError.INVALID_GROUP_ID : KafkaError.INVALID_REQUEST
}

function keyError(keyType: number, key: string, access: Access): ErrorCode {
  switch (keyType) {
    case GROUP:
      return denial(access, Operation.DESCRIBE, Resource.GROUP, key)
    case TRANSACTION:
      return denial(access, Operation.DESCRIBE, Resource.TRANSACTIONAL_ID, key)
    case SHARE:
      return clusterDenial(access, Operation.CLUSTER_ACTION) || KafkaError.INVALID_REQUEST
    default:
      return KafkaError.INVALID_REQUEST
  }
}
