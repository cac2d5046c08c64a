// What a case of the authorisation matrix is: a request, who asks, by which rules. Not the cases themselves, and not
// what is answered: that was recorded from Apache Kafka.

import type { TopicId } from '../../../src/core/ids.ts'
import type { AnyApi, RequestToSend } from '../../../src/protocol/schema.ts'
import { CLUSTER_NAME, type Operation, Resource } from '../../../src/security/access.ts'
import { type ALL_OPERATIONS, PatternType, Permission } from '../../../src/security/acl.ts'

/** One rule, without its user. */
export interface Rule {
  readonly resourceType: Resource
  readonly resourceName: string
  readonly resourcePatternType: PatternType
  readonly host: string
  readonly operation: Operation | typeof ALL_OPERATIONS
  readonly permissionType: Permission
}

/** What requests name and is made anew for each run. */
export interface World {
  topicId(name: string): TopicId
}

/** A request of one user with rules of its own. */
export interface Case {
  readonly title: string
  readonly api: AnyApi
  readonly version: number
  readonly request: (world: World) => object
  readonly rules: readonly Rule[]
  /** Compared by its error codes alone: the rest of the answer is this broker's own. */
  readonly errorsOnly?: true
}

/** What an API needs, from which its cases follow: with nothing, with what it needs, and with all but that. */
export interface Row {
  readonly api: AnyApi
  readonly version: number
  readonly request: (world: World) => object
  readonly needs: readonly Rule[]
  /** Denied in place of what it needs, where something else would do as well. */
  readonly denies?: readonly Rule[]
}

/** A row whose request fits its API. */
export function row<A extends AnyApi>(
  api: A,
  version: number,
  request: RequestToSend<A> | ((world: World) => RequestToSend<A>),
  needs: readonly Rule[],
  denies?: readonly Rule[],
): Row {
  const made = typeof request === 'function' ? request : () => request
  const asked = { api, version, request: made as (world: World) => object, needs }
  return denies === undefined ? asked : { ...asked, denies }
}

/** A case whose request fits its API. */
export function ask<A extends AnyApi>(
  title: string,
  api: A,
  version: number,
  request: RequestToSend<A> | ((world: World) => RequestToSend<A>),
  rules: readonly Rule[],
): Case {
  const { needs: _, ...asked } = row(api, version, request, [])
  return { ...asked, title: `${api.name} ${title}`, rules }
}

type Named = readonly [resource: Resource, name: string]

export const topic = (name: string): Named => [Resource.TOPIC, name]
export const group = (name: string): Named => [Resource.GROUP, name]
export const transaction = (name: string): Named => [Resource.TRANSACTIONAL_ID, name]
export const CLUSTER: Named = [Resource.CLUSTER, CLUSTER_NAME]

/** A rule that allows. */
export function allow(
  operation: Rule['operation'],
  [resourceType, resourceName]: Named,
  change: Partial<Rule> = {},
): Rule {
  return {
    resourceType,
    resourceName,
    resourcePatternType: PatternType.LITERAL,
    host: '*',
    operation,
    permissionType: Permission.ALLOW,
    ...change,
  }
}

/** A rule that denies. */
export function deny(operation: Rule['operation'], named: Named): Rule {
  return allow(operation, named, { permissionType: Permission.DENY })
}

/** To be added to a rule: for all names that begin so. */
export const PREFIXED = { resourcePatternType: PatternType.PREFIXED }
