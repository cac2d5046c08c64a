// /v1/groups and what is below: listing, describing, resetting and deleting groups. Kafka's own requests
// through the broker's handlers; a page, a lag and a plan are their own files.

import type { BrokerContext } from '../../broker/context.ts'
import { listGroups } from '../../broker/handlers/list-groups.ts'
import { KafkaError } from '../../core/errors.ts'
import type { GroupFigures } from '../../statistics/contract.ts'
import { onGroup } from '../access-rule.ts'
import { adminSchemas } from '../admin-schemas.ts'
import { json } from '../answer.ts'
import { checkedBody } from '../checked-body.ts'
import { type GroupOffset, groupOffsets } from '../group-offsets.ts'
import { deleteGroup } from '../group-removal.ts'
import { resetGroup } from '../group-reset.ts'
import { showGroup } from '../groups.ts'
import { lagHistory } from '../lag-history.ts'
import { LAG_CURSOR, pageByLag } from '../lag-page.ts'
import { pageOf } from '../page.ts'
import { badRequest, Problem } from '../problem.ts'
import type { Asked, Route } from '../route.ts'
import { schemas } from '../schemas.ts'
import { ifKnown, isoTime } from '../statistics.ts'
import { statisticsSchemas } from '../statistics-schemas.ts'
import { validateQuery } from '../validate.ts'

const JSON_TYPE = 'application/json'
const LIST_GROUPS = { version: 5, clientId: null }

export const groupRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/groups',
    access: { needs: [], shows: { operation: 'DESCRIBE', resource: 'GROUP' } },
    operation: () => ({
      summary: 'List the groups',
      query: adminSchemas().groupsQuery,
      example: { query: { limit: '10', state: 'Empty' } },
      answers: {
        200: { description: 'By id', content: { [JSON_TYPE]: adminSchemas().groupList } },
      },
    }),
    handle: listRoute,
  },
  {
    method: 'GET',
    path: '/v1/groups/{group}',
    access: { needs: [onGroup('DESCRIBE')] },
    operation: () => ({
      summary: 'Show a group: members, and the first page of its offsets with their lag',
      query: adminSchemas().groupQuery,
      answers: {
        200: { description: 'The group', content: { [JSON_TYPE]: adminSchemas().group } },
      },
    }),
    handle: showRoute,
  },
  {
    method: 'DELETE',
    path: '/v1/groups/{group}',
    access: { needs: [onGroup('DELETE')] },
    operation: () => ({
      summary: 'Delete a group that nobody is in, with its offsets',
      query: adminSchemas().groupDeleteQuery,
      answers: { 204: { description: 'Deleted' } },
    }),
    handle: deleteRoute,
  },
  {
    method: 'GET',
    path: '/v1/groups/{group}/offsets',
    access: { needs: [onGroup('DESCRIBE')] },
    operation: () => ({
      summary: 'List what a group has committed, with its lag in records and seconds',
      query: adminSchemas().groupQuery,
      example: { query: { topic: 'orders' } },
      answers: {
        200: {
          description: 'By topic and partition',
          content: { [JSON_TYPE]: adminSchemas().groupOffsets },
        },
      },
    }),
    handle: offsetsRoute,
  },
  {
    method: 'GET',
    path: '/v1/groups/{group}/lag',
    access: { needs: [onGroup('DESCRIBE')] },
    operation: () => ({
      summary: 'Show how far behind a group was in the last hours',
      query: statisticsSchemas().lagHistoryQuery,
      example: { query: { topic: 'orders', minutes: '30', points: '4' } },
      answers: {
        200: {
          description:
            'By topic and partition. Committed offsets are remembered a point a minute for six hours, ends are looked up by time',
          content: { [JSON_TYPE]: statisticsSchemas().lagHistory },
        },
      },
    }),
    handle: lagRoute,
  },
  {
    method: 'POST',
    path: '/v1/groups/{group}/reset',
    access: { needs: [onGroup('READ')] },
    operation: () => ({
      summary: 'Move the committed offsets of a group that nobody is in',
      query: schemas().noQuery,
      body: { [JSON_TYPE]: adminSchemas().groupReset },
      example: { body: { to: { shift: -1 }, topic: 'orders', dryRun: true } },
      answers: {
        200: {
          description: 'What has changed, or would',
          content: { [JSON_TYPE]: adminSchemas().groupResetDone },
        },
      },
    }),
    handle: resetRoute,
  },
]

async function listRoute({ broker, query }: Asked): Promise<Response | Problem> {
  const checked = validateQuery(adminSchemas().groupsQuery, query)
  if (checked instanceof Problem) return checked
  const { state, type } = checked
  const request = {
    statesFilter: state === undefined ? [] : [state],
    typesFilter: type === undefined ? [] : [type],
  }
  const { errorCode, groups } = await listGroups(request, LIST_GROUPS, broker)
  if (errorCode !== KafkaError.NONE) return new Problem(errorCode)
  const items = groups.map(({ groupId, groupType, groupState, protocolType }) => {
    return { groupId, type: groupType, state: groupState, protocolType }
  })
  if (checked.sort === 'lag') {
    if (checked.after !== undefined && !LAG_CURSOR.test(checked.after)) {
      return badRequest('after', 'after must be a lag, a slash and a group, such as 10/billing')
    }
    const figures = await figuresOf(broker, null)
    const lagging = items.map((item) => ({ ...item, lag: figures.get(item.groupId)?.lag ?? 0 }))
    const page = pageByLag(lagging, checked)
    return json({ ...page, items: page.items.map((item) => withFigures(item, figures)) })
  }
  const page = pageOf(items, ({ groupId }) => groupId, checked)
  const ids = page.items.map(({ groupId }) => groupId)
  const figures = await figuresOf(broker, ids)
  return json({ ...page, items: page.items.map((item) => withFigures(item, figures)) })
}

/** What groups last reported; none is woken. Of all where null is asked. */
async function figuresOf(
  broker: BrokerContext,
  ids: readonly string[] | null,
): Promise<ReadonlyMap<string, GroupFigures>> {
  const known = ids?.length === 0 ? null : await ifKnown(broker, (known) => known.groups(ids))
  return new Map(known?.groups.map((figures) => [figures.groupId, figures]))
}

function withFigures<Item extends { readonly groupId: string }>(
  item: Item,
  known: ReadonlyMap<string, GroupFigures>,
): object {
  const figures = known.get(item.groupId)
  return {
    ...item,
    members: figures?.members ?? null,
    lag: figures?.lag ?? null,
    reported: figures === undefined ? null : isoTime(figures.reportedMs),
  }
}

async function lagRoute({ broker, param, query }: Asked): Promise<Response | Problem> {
  const checked = validateQuery(statisticsSchemas().lagHistoryQuery, query)
  if (checked instanceof Problem) return checked
  const page = await lagHistory(broker, param('group'), checked)
  return page instanceof Problem ? page : json(page)
}

async function showRoute(asked: Asked): Promise<Response | Problem> {
  const shown = await shownOffsets(asked)
  if (shown instanceof Problem) return shown
  const { group, offsets } = shown
  return json({ ...group, offsets, lag: lagOf(offsets.items) })
}

async function offsetsRoute(asked: Asked): Promise<Response | Problem> {
  const shown = await shownOffsets(asked)
  return shown instanceof Problem ? shown : json(shown.offsets)
}

async function shownOffsets({ broker, param, query }: Asked) {
  const checked = validateQuery(adminSchemas().groupQuery, query)
  if (checked instanceof Problem) return checked
  const group = await showGroup(broker, param('group'))
  if (group instanceof Problem) return group
  const offsets = await groupOffsets(broker, group, checked)
  return offsets instanceof Problem ? offsets : { group, offsets }
}

function lagOf(offsets: readonly GroupOffset[]): { records: number; seconds: number } {
  return {
    records: offsets.reduce((sum, { lag }) => sum + (lag ?? 0), 0),
    seconds: offsets.reduce((most, { lagSeconds }) => Math.max(most, lagSeconds ?? 0), 0),
  }
}

async function deleteRoute({ broker, param, query }: Asked): Promise<Response | Problem> {
  const checked = validateQuery(adminSchemas().groupDeleteQuery, query)
  if (checked instanceof Problem) return checked
  const removesMembers = checked.members === 'remove'
  const problem = await deleteGroup(broker, param('group'), { removesMembers })
  return problem ?? new Response(null, { status: 204, headers: { 'cache-control': 'no-store' } })
}

async function resetRoute(asked: Asked): Promise<Response | Problem> {
  const body = await checkedBody(asked, adminSchemas().groupReset)
  if (body instanceof Problem) return body
  const items = await resetGroup(asked.broker, asked.param('group'), body)
  return items instanceof Problem ? items : json({ dryRun: body.dryRun === true, items })
}
