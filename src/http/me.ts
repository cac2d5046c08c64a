// Who the broker takes somebody for, and what they may do: as /v1/me answers it, and as the console's page brings it.

import { DEFAULT_TENANT } from '../core/ids.ts'
import { type Access, CLUSTER_NAME, Operation, Resource } from '../security/access.ts'
import type { Identity } from './identity.ts'
import { isoTime } from './statistics.ts'

/** Names that are asked about. */
export interface AskedAbout {
  readonly topics: readonly string[]
  readonly groups: readonly string[]
}

/** By the rules as they are now: `access.ready` has been waited for. */
export function meOf(identity: Identity, access: Access, { topics, groups }: AskedAbout) {
  return {
    principal: identity.principal,
    ...(identity.tenant === DEFAULT_TENANT ? {} : { tenant: identity.tenant }),
    isOpen: access.isOpen,
    isSession: identity.kind === 'session',
    expires: identity.expiresAtMs === null ? null : isoTime(identity.expiresAtMs),
    cluster: allowed(access, Resource.CLUSTER, CLUSTER_NAME),
    any: {
      topic: allowedOnAny(access, Resource.TOPIC),
      group: allowedOnAny(access, Resource.GROUP),
      transactionalId: allowedOnAny(access, Resource.TRANSACTIONAL_ID),
    },
    topics: byName(topics, (name) => allowed(access, Resource.TOPIC, name)),
    groups: byName(groups, (name) => allowed(access, Resource.GROUP, name)),
  }
}

/** What Kafka knows of each kind of resource; of the others there is nothing to allow. */
const MEANT: Readonly<Partial<Record<Resource, readonly (keyof typeof Operation)[]>>> = {
  [Resource.TOPIC]: [
    'READ',
    'WRITE',
    'CREATE',
    'DELETE',
    'ALTER',
    'DESCRIBE',
    'DESCRIBE_CONFIGS',
    'ALTER_CONFIGS',
  ],
  [Resource.GROUP]: ['READ', 'DELETE', 'DESCRIBE', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS'],
  [Resource.CLUSTER]: [
    'CREATE',
    'ALTER',
    'DESCRIBE',
    'CLUSTER_ACTION',
    'DESCRIBE_CONFIGS',
    'ALTER_CONFIGS',
    'IDEMPOTENT_WRITE',
  ],
  [Resource.TRANSACTIONAL_ID]: ['WRITE', 'DESCRIBE'],
}

function allowed(access: Access, resource: Resource, name: string): string[] {
  return (MEANT[resource] ?? []).filter((one) => access.may(Operation[one], resource, name))
}

function allowedOnAny(access: Access, resource: Resource): string[] {
  return (MEANT[resource] ?? []).filter((one) => access.mayOnAny(Operation[one], resource))
}

function byName(
  names: readonly string[],
  of: (name: string) => string[],
): Record<string, string[]> {
  // A name may be that of something every object has.
  return Object.fromEntries(names.map((name) => [name, of(name)]))
}
