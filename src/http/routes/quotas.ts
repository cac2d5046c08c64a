// /v1/quotas: how much whom is served, by Kafka's own requests for client quotas. Not the counting.

import { alterClientQuotas } from '../../broker/handlers/alter-client-quotas.ts'
import { describeClientQuotas } from '../../broker/handlers/describe-client-quotas.ts'
import type { DescribeClientQuotasResponse } from '../../protocol/messages/describe-client-quotas.ts'
import { QUOTA_ENTITY_TYPES } from '../../security/kept.ts'
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
const CALL = { version: 1, clientId: null }

export const quotaRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/quotas',
    access: { needs: [onCluster('DESCRIBE_CONFIGS')] },
    operation: () => ({
      summary: 'List the quotas of users, client ids and addresses',
      query: securitySchemas().quotasQuery,
      answers: {
        200: { description: 'By entity', content: { [JSON_TYPE]: securitySchemas().quotaList } },
      },
    }),
    handle: listRoute,
  },
  {
    method: 'PATCH',
    path: '/v1/quotas',
    access: { needs: [onCluster('ALTER_CONFIGS')] },
    operation: () => ({
      summary: 'Set or remove quotas of one entity: in force everywhere within five seconds',
      query: schemas().noQuery,
      body: { [JSON_TYPE]: securitySchemas().quotaChange },
      example: {
        body: { entity: { user: 'bob' }, values: { producer_byte_rate: 1_048_576 }, dryRun: true },
      },
      answers: {
        200: {
          description: 'The quotas of the entity, as they are now',
          content: { [JSON_TYPE]: securitySchemas().quota },
        },
      },
    }),
    handle: changeRoute,
  },
]

type Entity = Readonly<
  Partial<Record<(typeof QUOTA_ENTITY_TYPES)[number], string | null | undefined>>
>

/** The quotas of one entity as HTTP shows them. */
interface Quota {
  readonly entity: Entity
  /** JSON has no number without end. */
  readonly values: Readonly<Record<string, number | 'Infinity'>>
}

async function listRoute({ broker, query }: Asked): Promise<Response | Problem> {
  const checked = validateQuery(securitySchemas().quotasQuery, query)
  if (checked instanceof Problem) return checked
  const quotas = await readAll(broker)
  return quotas instanceof Problem
    ? quotas
    : json(pageOf(quotas, ({ entity }) => nameOf(entity), checked))
}

async function changeRoute(asked: Asked): Promise<Response | Problem> {
  const body = await checkedBody(asked, securitySchemas().quotaChange)
  if (body instanceof Problem) return body
  const { entity, values, dryRun } = body
  const types = QUOTA_ENTITY_TYPES.filter((type) => entity[type] !== undefined)
  if (types.length === 0) {
    return badRequest('entity', `entity names nobody: ${QUOTA_ENTITY_TYPES.join(', ')}`)
  }
  if (Object.keys(values).length === 0)
    return badRequest('values', 'values names nothing to change')
  const ops = Object.entries(values).map(([key, value]) => {
    return { key, value: Number(value ?? 0), remove: value === null }
  })
  const entry = {
    entity: types.map((entityType) => ({ entityType, entityName: entity[entityType] ?? null })),
    ops,
  }
  const request = { entries: [entry], validateOnly: dryRun === true }
  const { entries } = await alterClientQuotas(request, CALL, asked.broker)
  const problem = refusal(entries[0], { fallback: 'entity' })
  if (problem !== null) return problem
  const quotas = await readAll(asked.broker)
  if (quotas instanceof Problem) return quotas
  const now = quotas.find((one) => nameOf(one.entity) === nameOf(entity))
  return json(now ?? { entity, values: {} })
}

async function readAll(broker: Asked['broker']): Promise<Quota[] | Problem> {
  const answer = await describeClientQuotas({ components: [], strict: false }, CALL, broker)
  return refusal(answer, { fallback: '' }) ?? (answer.entries ?? []).map(quotaOf)
}

function quotaOf({
  entity,
  values,
}: NonNullable<DescribeClientQuotasResponse['entries']>[number]): Quota {
  return {
    entity: Object.fromEntries(
      entity.map(({ entityType, entityName }) => [entityType, entityName]),
    ),
    values: Object.fromEntries(
      values.map(({ key, value }) => [key, Number.isFinite(value) ? value : 'Infinity']),
    ),
  }
}

/** Of no other entity: `client-id=c,user=<default>`. */
function nameOf(entity: Entity): string {
  return QUOTA_ENTITY_TYPES.filter((type) => entity[type] !== undefined)
    .map((type) => `${type}=${entity[type] ?? '<default>'}`)
    .join(',')
}
