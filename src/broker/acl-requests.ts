// What the three APIs of access rules have in common: which requests Kafka cannot read, so that they end the connection,
// and what a broker without an authorizer says. Not what is wrong with a rule or filter: the controller says that.

import type { ClusterRpc } from '../cluster/contract.ts'
import { errorMessage, KafkaError } from '../core/errors.ts'
import { Operation } from '../security/access.ts'
import { authorised, clusterDenial } from './authorise.ts'
import { type BrokerContext, CloseConnection } from './context.ts'
import { askController, type NotStored } from './controller.ts'

/** The codes of a rule or of a filter for rules. */
export interface AclCodes {
  readonly resourceType: number
  readonly patternType: number
  readonly operation: number
  readonly permissionType: number
}

/** Kafka's UNKNOWN. What is beyond the codes that there are is unknown too, but can be read. */
const UNREADABLE = 0

/** @throws CloseConnection when one of them cannot be read */
export function checkAclCodes(codes: AclCodes): void {
  const { resourceType, patternType, operation, permissionType } = codes
  if ([resourceType, patternType, operation, permissionType].includes(UNREADABLE)) {
    throw new CloseConnection('an access rule has the code 0')
  }
}

/**
 * A change of the rules: by who may, where there is an authorizer. This isolate goes by the new rules at once.
 * @param notDone the answer when nothing is changed
 */
export async function changeRules<Response>(
  context: BrokerContext,
  notDone: (reason: NotStored) => Response,
  change: (controller: ClusterRpc) => Promise<Response>,
): Promise<Response> {
  const access = await authorised(context)
  const denied = clusterDenial(access, Operation.ALTER)
  if (denied !== KafkaError.NONE) {
    return notDone({ errorCode: denied, errorMessage: errorMessage(denied) })
  }
  if (access.isOpen) return notDone(NO_AUTHORIZER)
  const response = await askController(context, change, notDone)
  context.security.changed()
  return response
}

/** Of each rule or filter that an open broker is asked about. */
export const NO_AUTHORIZER = {
  errorCode: KafkaError.SECURITY_DISABLED,
  errorMessage: 'No Authorizer is configured.',
} as const
