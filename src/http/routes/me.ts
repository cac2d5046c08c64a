// GET /v1/me: who the broker takes you for, and what you may do: so that a page shows nobody what they cannot do.

import { ADMITTED } from '../access-rule.ts'
import { json } from '../answer.ts'
import { meOf } from '../me.ts'
import { Problem } from '../problem.ts'
import type { Asked, Route } from '../route.ts'
import { securitySchemas } from '../security-schemas.ts'
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
  return json(meOf(identity, access, { topics: topic, groups: group }))
}
