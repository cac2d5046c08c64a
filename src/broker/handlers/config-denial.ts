// Who may read or change the configuration of what: topics and groups by their names, brokers, loggers and client
// metrics by the cluster. Shared by DescribeConfigs, AlterConfigs and IncrementalAlterConfigs.

import { type ErrorCode, errorMessage, KafkaError } from '../../core/errors.ts'
import { type Access, Operation, Resource } from '../../security/access.ts'
import { clusterDenial, denial, divided } from '../authorise.ts'

/** A configured thing, as requests name it. */
interface Named {
  readonly resourceType: number
  readonly resourceName: string
}

/** Kafka's types of configured things. */
const TOPIC = 2
const GROUP = 32
const OF_CLUSTER: ReadonlySet<number> = new Set([4, 8, 16])

/** What may be asked of the controller, and the answers about what may not. */
export interface AllowedConfigs<Item> {
  readonly allowed: readonly Item[]
  readonly denied: readonly (Named & { readonly errorCode: ErrorCode; errorMessage: string })[]
}

/** What may be read: each by itself, however often it is named. */
export function readableConfigs<Item extends Named>(
  items: readonly Item[],
  access: Access,
): AllowedConfigs<Item> {
  return allowed(items, access, Operation.DESCRIBE_CONFIGS, () => false)
}

/** What may be changed. What is named twice is left to the controller, which refuses all of it unseen, as Kafka does. */
export function changeableConfigs<Item extends Named>(
  items: readonly Item[],
  access: Access,
): AllowedConfigs<Item> {
  const times = new Map<string, number>()
  for (const item of items) times.set(keyOf(item), (times.get(keyOf(item)) ?? 0) + 1)
  return allowed(items, access, Operation.ALTER_CONFIGS, (item) => times.get(keyOf(item)) !== 1)
}

/** Of no type that there is: left to the controller, which knows none of them. */
function allowed<Item extends Named>(
  items: readonly Item[],
  access: Access,
  operation: Operation,
  isLeft: (item: Item) => boolean,
): AllowedConfigs<Item> {
  if (access.isOpen) return { allowed: items, denied: [] }
  const { allowed, denied } = divided(
    items,
    (item) => isLeft(item) || configDenial(item, access, operation) === KafkaError.NONE,
  )
  const refused = denied.map((item) => {
    const { resourceType, resourceName } = item
    const errorCode = configDenial(item, access, operation)
    return { resourceType, resourceName, errorCode, errorMessage: errorMessage(errorCode) }
  })
  return { allowed, denied: refused }
}

function configDenial(
  { resourceType, resourceName }: Named,
  access: Access,
  operation: Operation,
): ErrorCode {
  if (resourceType === TOPIC) return denial(access, operation, Resource.TOPIC, resourceName)
  if (resourceType === GROUP) return denial(access, operation, Resource.GROUP, resourceName)
  return OF_CLUSTER.has(resourceType) ? clusterDenial(access, operation) : KafkaError.NONE
}

function keyOf({ resourceType, resourceName }: Named): string {
  return `${resourceType} ${resourceName}`
}
