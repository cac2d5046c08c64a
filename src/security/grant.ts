// What a signed token allows: less than its principal may, never more. Not the token (signed-token.ts), and not the rules
// of its principal, which are asked as well.

import { Operation, Resource } from './access.ts'

/** The operations that a token can be bound to; each allows DESCRIBE of the same resources. */
export const GRANT_OPERATIONS = ['READ', 'WRITE'] as const
export type GrantOperation = (typeof GRANT_OPERATIONS)[number]

/** Names are whole names, or beginnings of names with a `*` behind. */
export interface Grant {
  readonly topics: readonly string[]
  readonly operations: readonly GrantOperation[]
  /** Groups that may be joined, and read, with READ. */
  readonly groups: readonly string[]
}

/** Whether a grant allows an operation on this resource. */
export function grantAllows(
  grant: Grant,
  operation: Operation,
  resource: Resource,
  name: string,
): boolean {
  return (
    allowsOnType(grant, operation, resource) &&
    namesOf(grant, resource).some((one) => covers(one, name))
  )
}

/** Whether a grant allows an operation on any resource of a type. */
export function grantAllowsOnAny(grant: Grant, operation: Operation, resource: Resource): boolean {
  return allowsOnType(grant, operation, resource) && namesOf(grant, resource).length > 0
}

function allowsOnType({ operations }: Grant, operation: Operation, resource: Resource): boolean {
  const isGroup = resource === Resource.GROUP
  switch (operation) {
    case Operation.READ:
      return operations.includes('READ')
    case Operation.WRITE:
      return !isGroup && operations.includes('WRITE')
    case Operation.DESCRIBE:
      return isGroup ? operations.includes('READ') : operations.length > 0
    default:
      return false
  }
}

function namesOf({ topics, groups }: Grant, resource: Resource): readonly string[] {
  if (resource === Resource.TOPIC) return topics
  return resource === Resource.GROUP ? groups : []
}

function covers(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
}
