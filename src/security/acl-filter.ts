// Which rules a filter means, as DescribeAcls and DeleteAcls ask for them: Kafka's AclBindingFilter. Not what a rule
// decides.

import { type AclBinding, ANY_NAME, PatternType } from './acl.ts'

/** In a filter: of any type, kind of pattern, operation or permission. */
export const ANY = 1

/** In a filter, of patterns: every pattern that has the name in it. */
export const MATCHING_PATTERNS = 2

/** Codes are the protocol's; null means any. */
export interface AclFilter {
  readonly resourceType: number
  readonly resourceName: string | null
  readonly patternType: number
  readonly principal: string | null
  readonly host: string | null
  readonly operation: number
  readonly permissionType: number
}

/** Whether the rule is one of those that the filter means. */
export function isMeant(binding: AclBinding, filter: AclFilter): boolean {
  return (
    isOr(filter.resourceType, binding.resourceType) &&
    isPatternMeant(binding, filter) &&
    (filter.principal === null || filter.principal === binding.principal) &&
    (filter.host === null || filter.host === binding.host) &&
    isOr(filter.operation, binding.operation) &&
    isOr(filter.permissionType, binding.permissionType)
  )
}

function isPatternMeant(binding: AclBinding, { patternType, resourceName }: AclFilter): boolean {
  if (patternType !== MATCHING_PATTERNS) {
    if (!isOr(patternType, binding.patternType)) return false
    return resourceName === null || resourceName === binding.resourceName
  }
  if (resourceName === null || resourceName === binding.resourceName) return true
  return binding.patternType === PatternType.LITERAL
    ? binding.resourceName === ANY_NAME
    : resourceName.startsWith(binding.resourceName)
}

function isOr(filtered: number, code: number): boolean {
  return filtered === ANY || filtered === code
}
