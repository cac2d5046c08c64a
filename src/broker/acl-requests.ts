// What the three APIs of access rules have in common: which requests Kafka cannot read, so that they end the connection,
// and what a broker without an authorizer says. Not what is wrong with a rule or filter: the controller says that.

import { KafkaError } from '../core/errors.ts'
import { CloseConnection } from './context.ts'

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

/** Of each rule or filter that an open broker is asked to change. */
export const NO_AUTHORIZER = {
  errorCode: KafkaError.SECURITY_DISABLED,
  errorMessage: 'No Authorizer is configured.',
} as const
