// …/configs of a topic, a group and the cluster: the same two routes for each.

import { KafkaError } from '../../core/errors.ts'
import { type Need, onCluster, onGroup, onTopic } from '../access-rule.ts'
import { adminSchemas } from '../admin-schemas.ts'
import { json } from '../answer.ts'
import { checkedBody } from '../checked-body.ts'
import { alterConfigs, BROKER, type ConfigResource, showConfigs } from '../configs.ts'
import { pageOf } from '../page.ts'
import { badRequest, Problem } from '../problem.ts'
import type { ErrorFields } from '../refusal.ts'
import type { Asked, Route } from '../route.ts'
import { validateQuery } from '../validate.ts'

/** What reading and changing need. */
type Needs = { readonly show: Need; readonly change: Need }

const JSON_TYPE = 'application/json'

/** Which resource a request means. */
type ResourceOf = (asked: Asked) => ConfigResource

export const configRoutes: readonly Route[] = [
  ...routesOf({
    path: '/v1/topics/{topic}/configs',
    what: 'a topic',
    needs: { show: onTopic('DESCRIBE_CONFIGS'), change: onTopic('ALTER_CONFIGS') },
    example: { 'retention.ms': 3_600_000, 'cleanup.policy': null },
    resourceOf: ({ param }) => ({ kind: 'topic', name: param('topic') }),
  }),
  ...routesOf({
    path: '/v1/groups/{group}/configs',
    what: 'a group, which need not exist',
    needs: { show: onGroup('DESCRIBE_CONFIGS'), change: onGroup('ALTER_CONFIGS') },
    example: { 'consumer.session.timeout.ms': 50_000 },
    resourceOf: ({ param }) => ({ kind: 'group', name: param('group') }),
  }),
  ...routesOf({
    path: '/v1/cluster/configs',
    what: 'the broker',
    needs: { show: onCluster('DESCRIBE_CONFIGS'), change: onCluster('ALTER_CONFIGS') },
    example: { 'log.retention.bytes': 1_073_741_824 },
    resourceOf: () => BROKER,
  }),
]

function routesOf({
  path,
  what,
  needs,
  example,
  resourceOf,
}: {
  readonly path: string
  readonly what: string
  readonly needs: Needs
  readonly example: Readonly<Record<string, string | number | boolean | null>>
  readonly resourceOf: ResourceOf
}): readonly Route[] {
  return [
    {
      method: 'GET',
      path,
      access: { needs: [needs.show] },
      operation: () => ({
        summary: `List the configurations of ${what}, with source and default`,
        query: adminSchemas().configsQuery,
        example: { query: { q: 'ms', limit: '5' } },
        answers: {
          200: { description: 'By name', content: { [JSON_TYPE]: adminSchemas().configList } },
        },
      }),
      handle: (asked) => listRoute(asked, resourceOf(asked)),
    },
    {
      method: 'PATCH',
      path,
      access: { needs: [needs.change] },
      operation: () => ({
        summary: `Change configurations of ${what}`,
        body: { [JSON_TYPE]: adminSchemas().configChange },
        example: { body: { configs: example, dryRun: true } },
        answers: {
          200: {
            description: 'The configurations that were named, as they are now',
            content: { [JSON_TYPE]: adminSchemas().configList },
          },
        },
      }),
      handle: (asked) => changeRoute(asked, resourceOf(asked)),
    },
  ]
}

async function listRoute(asked: Asked, resource: ConfigResource): Promise<Response | Problem> {
  const query = validateQuery(adminSchemas().configsQuery, asked.query)
  if (query instanceof Problem) return query
  const configs = await showConfigs(asked.broker, resource, fieldsOf(resource))
  return configs instanceof Problem ? configs : json(pageOf(configs, ({ name }) => name, query))
}

async function changeRoute(asked: Asked, resource: ConfigResource): Promise<Response | Problem> {
  const body = await checkedBody(asked, adminSchemas().configChange)
  if (body instanceof Problem) return body
  const { configs, dryRun } = body
  const names = Object.keys(configs)
  if (names.length === 0) return badRequest('configs', 'configs names nothing to change')
  const fields = fieldsOf(resource)
  const problem = await alterConfigs(asked.broker, resource, configs, fields, dryRun === true)
  if (problem !== null) return problem
  const shown = await showConfigs(asked.broker, resource, fields)
  if (shown instanceof Problem) return shown
  const items = shown.filter(({ name }) => names.includes(name))
  return json({ items, next: null })
}

function fieldsOf({ kind }: ConfigResource): ErrorFields {
  return {
    fallback: kind === 'broker' ? 'configs' : kind,
    [KafkaError.INVALID_CONFIG]: 'configs',
  }
}
