// How handlers ask what a client may do, and say that it may not: in the errors of Kafka, and in the bits in which
// clients ask for what they may do. Not the rules (../security decides) and not which handler asks what.

import { type ErrorCode, KafkaError } from '../core/errors.ts'
import { type Access, CLUSTER_NAME, Operation, Resource } from '../security/access.ts'
import type { BrokerContext, Handling } from './context.ts'

/** What *AuthorizedOperations says when the client did not ask. */
export const OPERATIONS_NOT_ASKED = -2_147_483_648

/** What may be done with a resource at all, in the order of the codes. */
const SUPPORTED = {
  [Resource.TOPIC]: bits(
    Operation.READ,
    Operation.WRITE,
    Operation.CREATE,
    Operation.DELETE,
    Operation.ALTER,
    Operation.DESCRIBE,
    Operation.DESCRIBE_CONFIGS,
    Operation.ALTER_CONFIGS,
  ),
  [Resource.GROUP]: bits(
    Operation.READ,
    Operation.DELETE,
    Operation.DESCRIBE,
    Operation.DESCRIBE_CONFIGS,
    Operation.ALTER_CONFIGS,
  ),
  [Resource.CLUSTER]: bits(
    Operation.CREATE,
    Operation.ALTER,
    Operation.DESCRIBE,
    Operation.CLUSTER_ACTION,
    Operation.DESCRIBE_CONFIGS,
    Operation.ALTER_CONFIGS,
    Operation.IDEMPOTENT_WRITE,
  ),
}

const DENIALS = {
  [Resource.TOPIC]: KafkaError.TOPIC_AUTHORIZATION_FAILED,
  [Resource.GROUP]: KafkaError.GROUP_AUTHORIZATION_FAILED,
  [Resource.CLUSTER]: KafkaError.CLUSTER_AUTHORIZATION_FAILED,
  [Resource.TRANSACTIONAL_ID]: KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
}

/** The kinds of resources that handlers ask about. */
export type AskedResource = keyof typeof DENIALS

/** The client's access, when the rules are new enough to be asked. */
export async function authorised({ access }: BrokerContext): Promise<Access> {
  const reading = access.ready()
  if (reading !== undefined) await reading
  return access
}

/**
 * A call that must leave in its turn: at once, unless something is to be read before it. A failure of that is the
 * response's.
 */
export function inTurn<Response>(
  reading: Promise<void> | undefined,
  call: () => Promise<Response>,
): Pick<Handling<Response>, 'effect' | 'response'> {
  if (reading === undefined) return { effect: undefined, response: call() }
  const sent = reading.then(() => ({ response: call() }))
  const left = () => {}
  return { effect: sent.then(left, left), response: sent.then(({ response }) => response) }
}

/** NONE, or the error that says that it is not allowed. */
export function denial(
  access: Access,
  operation: Operation,
  resource: AskedResource,
  name: string,
): ErrorCode {
  if (access.isOpen || access.may(operation, resource, name)) return KafkaError.NONE
  return DENIALS[resource]
}

/** The same for the cluster itself. */
export function clusterDenial(access: Access, operation: Operation): ErrorCode {
  return denial(access, operation, Resource.CLUSTER, CLUSTER_NAME)
}

/** A condition on named things: whether this is allowed on each of them. */
export function allowing(
  access: Access,
  operation: Operation,
  resource: AskedResource,
): (name: string) => boolean {
  return (name) => denial(access, operation, resource, name) === KafkaError.NONE
}

/** What of a request may be done, and what not, each in the order asked. */
export function divided<Item>(
  items: readonly Item[],
  isAllowed: (item: Item) => boolean,
): { readonly allowed: readonly Item[]; readonly denied: readonly Item[] } {
  const allowed: Item[] = []
  const denied: Item[] = []
  for (const item of items) (isAllowed(item) ? allowed : denied).push(item)
  return { allowed, denied }
}

/** The operations allowed on a resource, as *AuthorizedOperations carries them: a bit by each code. */
export function operationsOn(
  access: Access,
  resource: keyof typeof SUPPORTED,
  name: string,
): number {
  const supported = SUPPORTED[resource]
  if (access.isOpen) return supported
  const all = Object.values(Operation).filter((operation) => (supported & (1 << operation)) !== 0)
  return bits(...all.filter((operation) => access.may(operation, resource, name)))
}

/** The same for the cluster: who may not describe it is told of none. */
export function clusterOperations(access: Access): number {
  if (clusterDenial(access, Operation.DESCRIBE) !== KafkaError.NONE) return 0
  return operationsOn(access, Resource.CLUSTER, CLUSTER_NAME)
}

function bits(...operations: readonly Operation[]): number {
  return operations.reduce((mask, operation) => mask | (1 << operation), 0)
}
