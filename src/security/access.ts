// What a handler asks before it does something: who is it, and may they. Not the rules (their file decides) and not
// where these come from (broker/): only what both sides agree on, and the access of a broker that asks nobody.

import { ANONYMOUS, type Principal } from './principal.ts'

/** Kafka's AclOperation, by the codes of the protocol. */
export const Operation = {
  READ: 3,
  WRITE: 4,
  CREATE: 5,
  DELETE: 6,
  ALTER: 7,
  DESCRIBE: 8,
  CLUSTER_ACTION: 9,
  DESCRIBE_CONFIGS: 10,
  ALTER_CONFIGS: 11,
  IDEMPOTENT_WRITE: 12,
  CREATE_TOKENS: 13,
  DESCRIBE_TOKENS: 14,
  TWO_PHASE_COMMIT: 15,
} as const
export type Operation = (typeof Operation)[keyof typeof Operation]

/** Kafka's ResourceType, by the codes of the protocol. */
export const Resource = {
  TOPIC: 2,
  GROUP: 3,
  CLUSTER: 4,
  TRANSACTIONAL_ID: 5,
  DELEGATION_TOKEN: 6,
  USER: 7,
} as const
export type Resource = (typeof Resource)[keyof typeof Resource]

/** The one resource of type CLUSTER. */
export const CLUSTER_NAME = 'kafka-cluster'

/** Of one connection or HTTP request: who is there now, and what they may do by the rules as this isolate knows them. */
export interface Access {
  /** ANONYMOUS until they have authenticated. */
  readonly principal: Principal
  /** True where nobody is asked and everything is allowed: no authorizer. */
  readonly isOpen: boolean
  /**
   * To be awaited before `may` where it is not undefined: the rules are older than they may be (ACL_CACHE_MS) and are
   * being read. Undefined on the hot path, so that what must take effect in its turn does.
   */
  ready(): Promise<void> | undefined
  /** Whether the operation is allowed on this resource. */
  may(operation: Operation, resource: Resource, name: string): boolean
  /** Whether it is allowed on any resource of the type (Kafka's authorizeByResourceType). */
  mayOnAny(operation: Operation, resource: Resource): boolean
}

/** Of a broker without an authorizer. */
export const OPEN_ACCESS: Access = {
  principal: ANONYMOUS,
  isOpen: true,
  ready: () => undefined,
  may: () => true,
  mayOnAny: () => true,
}
