// What a route needs, as data in its row: checked here before the route does anything, shown in the OpenAPI document, and
// what the matrix of the tests is made of. Where the names are in the path or the query the row is the check; where they
// are in the body, or a list is cut to what may be seen, the handlers that the route calls do it, by the same decider.

import { type ErrorCode, KafkaError } from '../core/errors.ts'
import { type Access, CLUSTER_NAME, Operation, Resource } from '../security/access.ts'
import { allowCommand } from './allow-command.ts'
import { endOfAccess, isBeyondToken } from './http-access.ts'
import { Problem } from './problem.ts'
import type { Asked } from './route.ts'

/** One thing that is needed. */
export interface Need {
  readonly operation: keyof typeof Operation
  readonly resource: keyof typeof Resource
  /** Where its name is: a parameter of the path, one of the query, the body; the cluster has none. */
  readonly name:
    | { readonly in: 'path' | 'query' | 'body'; readonly parameter: string }
    | { readonly in: 'nowhere' }
}

/** See the head of this file. */
export interface AccessRule {
  /** All of these, by this file, before anything is done. Empty: whoever is let in. */
  readonly needs: readonly Need[]
  /** What the route's handlers ask besides: one of these is enough. */
  readonly handlers?: readonly Need[]
  /** A list, of which is shown what this is allowed of. */
  readonly shows?: Pick<Need, 'operation' | 'resource'>
  /** A signed token may stand in the query: a browser can set no header there. */
  readonly takesQueryToken?: true
}

/** Whoever is let in. */
export const ADMITTED: AccessRule = { needs: [] }

/** The operation, on the resource that the path names. */
export function onTopic(operation: Need['operation']): Need {
  return { operation, resource: 'TOPIC', name: { in: 'path', parameter: 'topic' } }
}

export function onGroup(operation: Need['operation']): Need {
  return { operation, resource: 'GROUP', name: { in: 'path', parameter: 'group' } }
}

export function onCluster(operation: Need['operation']): Need {
  return { operation, resource: 'CLUSTER', name: { in: 'nowhere' } }
}

/** The refusal of a request that may not be served; null when it may. */
export async function refusalOf(
  { needs }: AccessRule,
  { param, query, broker: { access } }: Pick<Asked, 'param' | 'query' | 'broker'>,
): Promise<Problem | null> {
  if (access.isOpen) return null
  for (const need of needs) {
    for (const name of namesOf(need, param, query)) {
      const refused = await denied(access, need, name)
      if (refused !== null) return refused
    }
  }
  return null
}

/**
 * Why an operation is not to be done now: what was shown to get in has ended, or it is not allowed. Null where it is.
 * @throws ObjectCallError where the rules are too old and cannot be read
 */
export async function denied(
  access: Access,
  need: Pick<Need, 'operation' | 'resource'>,
  name: string,
): Promise<Problem | null> {
  if (access.isOpen) return null
  await access.ready()
  const refused = forbidden(access, need, name)
  return refused === null ? null : ((await endOfAccess(access)) ?? refused)
}

function namesOf({ name }: Need, param: Asked['param'], query: URLSearchParams): readonly string[] {
  switch (name.in) {
    case 'path':
      return [param(name.parameter)]
    case 'query':
      return query.getAll(name.parameter)
    case 'nowhere':
      return [CLUSTER_NAME]
    case 'body':
      throw new Error('a name in a body is for handlers')
  }
}

/** The problem where one operation on one resource is not allowed; null where it is. */
export function forbidden(
  access: Access,
  { operation, resource }: Pick<Need, 'operation' | 'resource'>,
  name: string,
): Problem | null {
  if (access.may(Operation[operation], Resource[resource], name)) return null
  const what = resource === 'CLUSTER' ? 'the cluster' : `${WORDS[resource]} ${name}`
  const refused = `${access.principal} is not allowed ${operation} on ${what}`
  const detail = isBeyondToken(access, { operation, resource }, name)
    ? `${refused} by this token: ask /v1/tokens for one that is for it`
    : allowedBy(refused, allowCommand(access.principal, { operation, resource }, name))
  const field = FIELDS[resource]
  return new Problem(ERRORS[resource], { detail, ...(field === undefined ? {} : { field }) })
}

/** What a handler refused, with what would allow it; any other problem as it is. */
export function explained(
  problem: Problem,
  access: Access,
  need: Pick<Need, 'operation' | 'resource'>,
  name: string,
): Problem {
  if (problem.code !== ERRORS[need.resource]) return problem
  return forbidden(access, need, name) ?? problem
}

/** A rule that denies wins over those that allow: then somebody has to look. */
function allowedBy(refused: string, command: string | null): string {
  return command === null ? refused : `${refused}: \`${command}\` allows it, if no rule denies it`
}

const WORDS: Readonly<Record<Need['resource'], string>> = {
  TOPIC: 'topic',
  GROUP: 'group',
  CLUSTER: 'cluster',
  TRANSACTIONAL_ID: 'transactional id',
  DELEGATION_TOKEN: 'token',
  USER: 'user',
}

const FIELDS: Readonly<Partial<Record<Need['resource'], string>>> = {
  TOPIC: 'topic',
  GROUP: 'group',
  TRANSACTIONAL_ID: 'transactionalId',
}

const ERRORS: Readonly<Record<Need['resource'], ErrorCode>> = {
  TOPIC: KafkaError.TOPIC_AUTHORIZATION_FAILED,
  GROUP: KafkaError.GROUP_AUTHORIZATION_FAILED,
  CLUSTER: KafkaError.CLUSTER_AUTHORIZATION_FAILED,
  TRANSACTIONAL_ID: KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
  DELEGATION_TOKEN: KafkaError.DELEGATION_TOKEN_AUTHORIZATION_FAILED,
  USER: KafkaError.DELEGATION_TOKEN_AUTHORIZATION_FAILED,
}
