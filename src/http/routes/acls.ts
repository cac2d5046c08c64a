// /v1/acls: the rules of who may do what, by Kafka's own requests for them. A broker that asks nobody has none.

import { createAcls } from '../../broker/handlers/create-acls.ts'
import { deleteAcls } from '../../broker/handlers/delete-acls.ts'
import { describeAcls } from '../../broker/handlers/describe-acls.ts'
import { KafkaError } from '../../core/errors.ts'
import { Operation, Resource } from '../../security/access.ts'
import { type AclCodes, ALL_OPERATIONS, PatternType, Permission } from '../../security/acl.ts'
import { ANY, MATCHING_PATTERNS } from '../../security/acl-filter.ts'
import { onCluster } from '../access-rule.ts'
import { json } from '../answer.ts'
import { checkedBody } from '../checked-body.ts'
import { pageOf } from '../page.ts'
import { badRequest, Problem } from '../problem.ts'
import { refusal } from '../refusal.ts'
import type { Asked, Route } from '../route.ts'
import { schemas } from '../schemas.ts'
import { securitySchemas } from '../security-schemas.ts'
import { validateQuery } from '../validate.ts'

const JSON_TYPE = 'application/json'
const CALL = { version: 3, clientId: null }

const OPERATIONS: Readonly<Record<string, number>> = { ALL: ALL_OPERATIONS, ...Operation }
const PATTERNS: Readonly<Record<string, number>> = { MATCH: MATCHING_PATTERNS, ...PatternType }

const EXAMPLE = {
  resourceType: 'TOPIC',
  resourceName: 'orders',
  patternType: 'LITERAL',
  principal: 'User:bob',
  host: '*',
  operation: 'READ',
  permissionType: 'ALLOW',
} as const

export const aclRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/acls',
    access: { needs: [onCluster('DESCRIBE')] },
    operation: () => ({
      summary: 'List the rules of who may do what',
      query: securitySchemas().aclsQuery,
      answers: {
        200: {
          description: 'By principal and resource',
          content: { [JSON_TYPE]: securitySchemas().aclList },
        },
      },
    }),
    handle: listRoute,
  },
  {
    method: 'POST',
    path: '/v1/acls',
    access: { needs: [onCluster('ALTER')] },
    operation: () => ({
      summary: 'Add rules: in force everywhere within five seconds',
      query: schemas().noQuery,
      body: { [JSON_TYPE]: securitySchemas().newAcls },
      example: { body: { acls: [EXAMPLE] } },
      answers: {
        201: { description: 'All are there', content: { [JSON_TYPE]: securitySchemas().aclsGone } },
      },
    }),
    handle: createRoute,
  },
  {
    method: 'DELETE',
    path: '/v1/acls',
    access: { needs: [onCluster('ALTER')] },
    operation: () => ({
      summary: 'Delete the rules that a filter means: gone everywhere within five seconds',
      query: securitySchemas().aclsDeleteQuery,
      example: { query: { principal: 'User:bob' } },
      answers: {
        200: {
          description: 'Those there were',
          content: { [JSON_TYPE]: securitySchemas().aclsGone },
        },
      },
    }),
    handle: deleteRoute,
  },
]

/** A rule as HTTP shows it. */
type Shown = { readonly [Key in keyof typeof EXAMPLE]: string }

interface Filter {
  readonly resourceType?: string | undefined
  readonly resourceName?: string | undefined
  readonly patternType?: string | undefined
  readonly principal?: string | undefined
  readonly host?: string | undefined
  readonly operation?: string | undefined
  readonly permissionType?: string | undefined
}

async function listRoute({ broker, query }: Asked): Promise<Response | Problem> {
  const checked = validateQuery(securitySchemas().aclsQuery, query)
  if (checked instanceof Problem) return checked
  const answer = await describeAcls(filterOf(checked), CALL, broker)
  const problem = refusal(answer, { fallback: '' })
  if (problem !== null) return problem
  const items = answer.resources.flatMap(({ acls, ...resource }) =>
    acls.map((acl) => shownOf({ ...resource, ...acl })),
  )
  return json(pageOf(items, nameOf, checked))
}

async function createRoute(asked: Asked): Promise<Response | Problem> {
  const body = await checkedBody(asked, securitySchemas().newAcls)
  if (body instanceof Problem) return body
  const creations = body.acls.map(
    ({ patternType, resourceType, operation, permissionType, ...acl }) => ({
      ...acl,
      resourceType: Resource[resourceType],
      resourcePatternType: PatternType[patternType],
      operation: codeOf(OPERATIONS, operation),
      permissionType: Permission[permissionType],
    }),
  )
  const { results } = await createAcls({ creations }, CALL, asked.broker)
  for (const [at, result] of results.entries()) {
    const problem = refusal(result, { fallback: `acls[${at}]` })
    // Those before it are there; asking again with all of them is the same again.
    if (problem !== null) return problem
  }
  return json({ items: body.acls }, 201)
}

async function deleteRoute({ broker, query }: Asked): Promise<Response | Problem> {
  const checked = validateQuery(securitySchemas().aclsDeleteQuery, query)
  if (checked instanceof Problem) return checked
  if (Object.keys(checked).length === 0) {
    return badRequest('', 'without a filter all rules would go: name a resource, a principal, …')
  }
  const { filterResults } = await deleteAcls({ filters: [filterOf(checked)] }, CALL, broker)
  const [result] = filterResults
  const problem = refusal(result, { fallback: '' })
  if (problem !== null) return problem
  const failed = result?.matchingAcls.find(({ errorCode }) => errorCode !== KafkaError.NONE)
  if (failed !== undefined) return refusal(failed, { fallback: '' }) ?? json({})
  return json({ items: result?.matchingAcls.map(shownOf) ?? [] })
}

function filterOf(filter: Filter) {
  const { resourceType, resourceName, patternType, principal, host, operation, permissionType } =
    filter
  return {
    resourceTypeFilter: resourceType === undefined ? ANY : codeOf(Resource, resourceType),
    resourceNameFilter: resourceName ?? null,
    patternTypeFilter: patternType === undefined ? ANY : codeOf(PATTERNS, patternType),
    principalFilter: principal ?? null,
    hostFilter: host ?? null,
    operation: operation === undefined ? ANY : codeOf(OPERATIONS, operation),
    permissionType: permissionType === undefined ? ANY : codeOf(Permission, permissionType),
  }
}

function shownOf(stored: AclCodes): Shown {
  const { resourceName, principal, host } = stored
  return {
    resourceType: wordOf(Resource, stored.resourceType),
    resourceName,
    patternType: wordOf(PatternType, stored.patternType ?? PatternType.LITERAL),
    principal,
    host,
    operation: wordOf(OPERATIONS, stored.operation),
    permissionType: wordOf(Permission, stored.permissionType),
  }
}

/** Of no other rule, and in the order in which they are read. */
function nameOf({ principal, resourceType, resourceName, ...rest }: Shown): string {
  const { patternType, operation, permissionType, host } = rest
  return [principal, resourceType, resourceName, patternType, operation, permissionType, host].join(
    ' ',
  )
}

function codeOf(codes: Readonly<Record<string, number>>, word: string): number {
  const code = codes[word]
  if (code === undefined) throw new Error(`no code of ${word}`)
  return code
}

function wordOf(codes: Readonly<Record<string, number>>, code: number): string {
  const known = Object.entries(codes).find(([, one]) => one === code)
  return known === undefined ? `UNKNOWN(${code})` : known[0]
}
