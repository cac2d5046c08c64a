// What a change of rules, quotas or features was, in words for the audit log: these have no one name that would say it. Not
// which changes are written down (audited.ts).

import type { AlterClientQuotasRequest } from '../protocol/messages/alter-client-quotas.ts'
import type { CreateAclsRequest } from '../protocol/messages/create-acls.ts'
import type { DeleteAclsResponse } from '../protocol/messages/delete-acls.ts'
import type { UpdateFeaturesRequest } from '../protocol/messages/update-features.ts'
import { Operation, Resource } from '../security/access.ts'
import { type AclCodes, ALL_OPERATIONS, PatternType, Permission } from '../security/acl.ts'

/** A phrase for each thing that was to be changed; null for an API whose names say it. */
export function wordsOf(api: string, request: object, answer: object): readonly string[] | null {
  switch (api) {
    case 'CreateAcls':
      return (request as CreateAclsRequest).creations.map(({ resourcePatternType, ...rule }) =>
        ruleText({ ...rule, patternType: resourcePatternType }),
      )
    case 'DeleteAcls': {
      const { filterResults } = answer as DeleteAclsResponse
      return filterResults.flatMap(({ matchingAcls }) => matchingAcls.map(ruleText))
    }
    case 'AlterClientQuotas':
      return (request as AlterClientQuotasRequest).entries.map(quotaText)
    case 'UpdateFeatures':
      return (request as UpdateFeaturesRequest).featureUpdates.map(
        ({ feature, maxVersionLevel }) => `${feature}=${maxVersionLevel}`,
      )
    default:
      return null
  }
}

/** `ALLOW User:a READ on TOPIC LITERAL orders from *`: what names are free comes behind what they are not. */
function ruleText(rule: AclCodes): string {
  const operation = rule.operation === ALL_OPERATIONS ? 'ALL' : word(Operation, rule.operation)
  const pattern = `${word(Resource, rule.resourceType)} ${word(PatternType, rule.patternType ?? PatternType.LITERAL)}`
  const permission = word(Permission, rule.permissionType)
  return `${permission} ${rule.principal} ${operation} on ${pattern} ${rule.resourceName} from ${rule.host}`
}

function quotaText({ entity, ops }: AlterClientQuotasRequest['entries'][number]): string {
  const whose = entity.map(
    ({ entityType, entityName }) => `${entityType}=${entityName ?? '<default>'}`,
  )
  const what = ops.map(({ key, value, remove }) => (remove ? `${key} removed` : `${key}=${value}`))
  return `${whose.join(',')}: ${what.join(', ')}`
}

/** Of a code that there is none of its number. */
function word(codes: Readonly<Record<string, number>>, code: number): string {
  return Object.keys(codes).find((one) => codes[one] === code) ?? String(code)
}
