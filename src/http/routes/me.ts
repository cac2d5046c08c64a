// GET /v1/me: who the broker takes you for, and what you may do: so that a page shows nobody what they cannot do.

import { type Access, CLUSTER_NAME, Operation, Resource } from '../../security/access.ts'
import { ADMITTED } from '../access-rule.ts'
import { json } from '../answer.ts'
import { Problem } from '../problem.ts'
import type { Asked, Route } from '../route.ts'
import { securitySchemas } from '../security-schemas.ts'
import { isoTime } from '../statistics.ts'
import { validateQuery } from '../validate.ts'

const JSON_TYPE = 'application/json'
/** Parameters that may be given several times. */
const LISTS = ['topic', 'group']

export const meRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/me',
    access: ADMITTED,
    operation: () => ({
      summary: 'Show who you are here and what you may do',
      query: securitySchemas().meQuery,
      example: { query: { topic: 'orders', group: 'billing' } },
      answers: {
        200: {
          description: 'By the rules as they are now',
          content: { [JSON_TYPE]: securitySchemas().me },
        },
      },
    }),
    handle: meRoute,
  },
]

async function meRoute({ broker, identity, query }: Asked): Promise<Response | Problem> {
  const checked = validateQuery(securitySchemas().meQuery, query, LISTS)
  if (checked instanceof Problem) return checked
  const { access } = broker
  await access.ready()
  const { topic = [], group = [] } = checked
  return json({
    principal: identity.principal,
    isOpen: access.isOpen,
    isSession: identity.kind === 'session',
    expires: identity.expiresAtMs === null ? null : isoTime(identity.expiresAtMs),
    cluster: allowed(access, Resource.CLUSTER, CLUSTER_NAME),
    any: {
      topic: allowedOnAny(access, Resource.TOPIC),
      group: allowedOnAny(access, Resource.GROUP),
      transactionalId: allowedOnAny(access, Resource.TRANSACTIONAL_ID),
    },
    topics: byName(topic, (name) => allowed(access, Resource.TOPIC, name)),
    groups: byName(group, (name) => allowed(access, Resource.GROUP, name)),
  })
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
