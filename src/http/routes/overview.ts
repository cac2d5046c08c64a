// /v1/overview and /v1/topics/{topic}/groups: what the console shows of the cluster and of a topic's readers. One call
// to the Statistics object: no topic and no group is woken.

import { Operation, Resource } from '../../security/access.ts'
import { onCluster, onTopic } from '../access-rule.ts'
import { json } from '../answer.ts'
import { pageByLag } from '../lag-page.ts'
import { healthOf } from '../overview.ts'
import { Problem } from '../problem.ts'
import type { Asked, Route } from '../route.ts'
import { schemas } from '../schemas.ts'
import { isoTime, whenKnown } from '../statistics.ts'
import { statisticsSchemas } from '../statistics-schemas.ts'
import { findTopic } from '../topics.ts'
import { validateQuery } from '../validate.ts'

const JSON_TYPE = 'application/json'

export const overviewRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/overview',
    access: { needs: [onCluster('DESCRIBE')] },
    operation: () => ({
      summary: 'Show how the cluster does: health, rates, totals, the five groups that lag most',
      query: schemas().noQuery,
      answers: {
        200: {
          description: 'As objects last reported; none is woken',
          content: { [JSON_TYPE]: statisticsSchemas().overview },
        },
      },
    }),
    handle: overviewRoute,
  },
  {
    method: 'GET',
    path: '/v1/topics/{topic}/groups',
    access: { needs: [onTopic('DESCRIBE')] },
    operation: () => ({
      summary: 'List the groups that have committed offsets of a topic',
      query: statisticsSchemas().topicGroupsQuery,
      answers: {
        200: {
          description: 'By lag in the topic, most first; as objects last reported, none is woken',
          content: { [JSON_TYPE]: statisticsSchemas().topicGroups },
        },
      },
    }),
    handle: topicGroupsRoute,
  },
]

async function overviewRoute({ broker, query }: Asked): Promise<Response | Problem> {
  const checked = validateQuery(schemas().noQuery, query)
  if (checked instanceof Problem) return checked
  await broker.tellCounts('now')
  const overview = await whenKnown(broker, (statistics) => statistics.overview())
  if (overview instanceof Problem) return overview
  const { clusterId, nowMs, reportedMs, worstGroups, troubles, ...figures } = overview
  return json({
    clusterId,
    health: healthOf(overview),
    now: isoTime(nowMs),
    reported: reportedMs === null ? null : isoTime(reportedMs),
    ageSeconds: reportedMs === null ? null : Math.max(0, nowMs - reportedMs) / 1000,
    ...figures,
    errors: troubles,
    worstGroups: worstGroups.map(({ reportedMs: atMs, ...group }) => {
      return { ...group, reported: isoTime(atMs) }
    }),
  })
}

async function topicGroupsRoute({ broker, param, query }: Asked): Promise<Response | Problem> {
  const checked = validateQuery(statisticsSchemas().topicGroupsQuery, query)
  if (checked instanceof Problem) return checked
  const topic = await findTopic(broker, param('topic'))
  if (topic instanceof Problem) return topic
  const answer = await whenKnown(broker, (statistics) => statistics.topicGroups(topic.id))
  if (answer instanceof Problem) return answer
  const { access } = broker
  const described = answer.groups.filter(({ groupId }) =>
    access.may(Operation.DESCRIBE, Resource.GROUP, groupId),
  )
  const shown = described.map(
    ({ lag: groupLag, topicLag: lag, topics: _, reportedMs, ...group }) => {
      return { ...group, lag, groupLag, reported: isoTime(reportedMs) }
    },
  )
  return json(pageByLag(shown, checked))
}
