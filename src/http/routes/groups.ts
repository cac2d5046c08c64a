// /v1/groups and what is below: listing, describing, resetting and deleting groups. Kafka's own requests
// through the broker's handlers; a page, a lag and a plan are their own files.

import { deleteGroups } from '../../broker/handlers/delete-groups.ts'
import { listGroups } from '../../broker/handlers/list-groups.ts'
import { KafkaError } from '../../core/errors.ts'
import { adminSchemas } from '../admin-schemas.ts'
import { json } from '../answer.ts'
import { checkedBody } from '../checked-body.ts'
import { type GroupOffset, groupOffsets } from '../group-offsets.ts'
import { resetGroup } from '../group-reset.ts'
import { groupProblem, showGroup } from '../groups.ts'
import { pageOf } from '../page.ts'
import { Problem } from '../problem.ts'
import type { Asked, Route } from '../route.ts'
import { schemas } from '../schemas.ts'
import { validateQuery } from '../validate.ts'

const JSON_TYPE = 'application/json'
const LIST_GROUPS = { version: 5, clientId: null }
const DELETE_GROUPS = { version: 2, clientId: null }

export const groupRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/groups',
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
    operation: () => ({
      summary: 'Delete a group that nobody is in, with its offsets',
      query: schemas().noQuery,
      answers: { 204: { description: 'Deleted' } },
    }),
    handle: deleteRoute,
  },
  {
    method: 'GET',
    path: '/v1/groups/{group}/offsets',
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
    method: 'POST',
    path: '/v1/groups/{group}/reset',
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
  return json(pageOf(items, ({ groupId }) => groupId, checked))
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
  const checked = validateQuery(schemas().noQuery, query)
  if (checked instanceof Problem) return checked
  const groupId = param('group')
  const request = { groupsNames: [groupId] }
  const { results } = await deleteGroups(request, DELETE_GROUPS, broker)
  const errorCode = results[0]?.errorCode ?? KafkaError.UNKNOWN_SERVER_ERROR
  return errorCode === KafkaError.NONE
    ? new Response(null, { status: 204, headers: { 'cache-control': 'no-store' } })
    : groupProblem(errorCode, groupId)
}

async function resetRoute(asked: Asked): Promise<Response | Problem> {
  const body = await checkedBody(asked, adminSchemas().groupReset)
  if (body instanceof Problem) return body
  const items = await resetGroup(asked.broker, asked.param('group'), body)
  return items instanceof Problem ? items : json({ dryRun: body.dryRun === true, items })
}
