// AlterClientQuotas (key 49), versions 0 to 1 (KIP-546). The controller decides: this hands it the request. This isolate
// goes by the new quotas at once, others within SECURITY_CACHE_MS.

import { errorMessage, KafkaError } from '../../core/errors.ts'
import type {
  AlterClientQuotasRequest,
  AlterClientQuotasResponse,
} from '../../protocol/messages/alter-client-quotas.ts'
import { Operation } from '../../security/access.ts'
import { authorised, clusterDenial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { askController, type NotStored } from '../controller.ts'

/** Asks the controller; errors are per entity in its answer. */
export async function alterClientQuotas(
  request: AlterClientQuotasRequest,
  _call: Call,
  context: BrokerContext,
): Promise<AlterClientQuotasResponse> {
  const ofAll = (
    result: Partial<NotStored> & { errorCode: number },
  ): AlterClientQuotasResponse => ({
    entries: request.entries.map(({ entity }) => ({ ...result, entity: [...entity] })),
  })
  const denied = clusterDenial(await authorised(context), Operation.ALTER_CONFIGS)
  if (denied !== KafkaError.NONE) {
    return ofAll({ errorCode: denied, errorMessage: errorMessage(denied) })
  }
  const response = await askController(
    context,
    (controller) => controller.alterClientQuotas(request),
    (notStored) => ofAll(notStored),
  )
  context.security.changed()
  return response
}
