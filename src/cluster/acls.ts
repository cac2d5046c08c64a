// Describe-, Create- and DeleteAcls (KIP-140, KIP-290). Checks and sentences follow AclApis and AclControlManager of
// 4.1.1. Not what the rules allow: ../security/acl.ts decides, and which a filter means ../security/acl-filter.ts says.

import { KafkaError } from '../core/errors.ts'
import { ACLS_PER_CLUSTER, SECURITY_NAME_CHARACTERS } from '../core/limits/security.ts'
import type { CreateAclsRequest, CreateAclsResponse } from '../protocol/messages/create-acls.ts'
import type { DeleteAclsRequest, DeleteAclsResponse } from '../protocol/messages/delete-acls.ts'
import type {
  DescribeAclsRequest,
  DescribeAclsResponse,
} from '../protocol/messages/describe-acls.ts'
import { CLUSTER_NAME, Resource } from '../security/access.ts'
import type { AclBinding } from '../security/acl.ts'
import { type AclFilter, ANY, isMeant, MATCHING_PATTERNS } from '../security/acl-filter.ts'
import { aclKey, type KeptSecurity, type SecurityChange, withVersion } from './security.ts'
import { type Fault, fault } from './topics.ts'

type Creation = CreateAclsRequest['creations'][number]
type AskedFilter = DeleteAclsRequest['filters'][number]
type DescribedResource = DescribeAclsResponse['resources'][number]

interface Decided<Reply> {
  readonly changes: readonly SecurityChange[]
  readonly reply: Reply
}

/** Some of Kafka's answers have an empty text where others have none. */
const NO_FAULT = { errorCode: KafkaError.NONE, errorMessage: '' }
const DONE = { errorCode: KafkaError.NONE, errorMessage: null }

/** The rules that the filter means, by the resources that they name. */
export function describeAcls(
  { acls }: KeptSecurity,
  request: DescribeAclsRequest,
): DescribeAclsResponse {
  const filter = filterOf(request)
  const resources = new Map<
    string,
    DescribedResource & { acls: DescribedResource['acls'][number][] }
  >()
  for (const acl of acls.values()) {
    if (!isMeant(acl, filter)) continue
    const { resourceType, resourceName, patternType } = acl
    const key = JSON.stringify([resourceType, patternType, resourceName])
    const known = resources.get(key) ?? { resourceType, resourceName, patternType, acls: [] }
    const { principal, host, operation, permissionType } = acl
    known.acls.push({ principal, host, operation, permissionType })
    resources.set(key, known)
  }
  return { throttleTimeMs: 0, ...NO_FAULT, resources: [...resources.values()] }
}

/** Decides CreateAcls, each rule for itself; one that is there already is no error. */
export function createAcls(
  kept: KeptSecurity,
  { creations }: CreateAclsRequest,
): Decided<CreateAclsResponse> {
  const created = new Map<string, AclBinding>()
  const results = creations.map((creation) => {
    const why = creationFault(creation)
    if (why !== null) return why
    const acl = bindingOf(creation)
    const key = aclKey(acl)
    if (kept.acls.has(key) || created.has(key)) return NO_FAULT
    if (kept.acls.size + created.size >= ACLS_PER_CLUSTER) return TOO_MANY
    created.set(key, acl)
    return NO_FAULT
  })
  const changes = [...created.values()].map((acl) => ({ kind: 'acl', acl }) as const)
  return { changes: withVersion(kept, 'acls', changes), reply: { throttleTimeMs: 0, results } }
}

/** Decides DeleteAcls: filters are looked at all together, so two that mean a rule both say so. */
export function deleteAcls(
  kept: KeptSecurity,
  { filters }: DeleteAclsRequest,
): Decided<DeleteAclsResponse> {
  const deleted = new Map<string, AclBinding>()
  const filterResults = filters.map((asked) => {
    const filter = filterOf(asked)
    const why = filterFault(filter)
    if (why !== null) return { ...why, matchingAcls: [] }
    const meant = [...kept.acls].filter(([, acl]) => isMeant(acl, filter))
    for (const [key, acl] of meant) deleted.set(key, acl)
    return { ...DONE, matchingAcls: meant.map(([, acl]) => ({ ...DONE, ...acl })) }
  })
  const changes = [...deleted.values()].map((acl) => ({ kind: 'aclGone', acl }) as const)
  return {
    changes: withVersion(kept, 'acls', changes),
    reply: { throttleTimeMs: 0, filterResults },
  }
}

const TOO_MANY = fault('POLICY_VIOLATION', `A cluster has at most ${ACLS_PER_CLUSTER} ACLs.`)

function filterOf(asked: AskedFilter): AclFilter {
  return {
    resourceType: asked.resourceTypeFilter,
    resourceName: asked.resourceNameFilter,
    patternType: asked.patternTypeFilter,
    principal: asked.principalFilter,
    host: asked.hostFilter,
    operation: asked.operation,
    permissionType: asked.permissionType,
  }
}

function bindingOf(creation: Creation): AclBinding {
  const { resourcePatternType: patternType, ...rest } = creation
  // Its numbers were checked: they are those of rules.
  return { ...rest, patternType } as AclBinding
}

/** The last codes that there are: TWO_PHASE_COMMIT, USER, PREFIXED, ALLOW. */
const LAST = { operation: 15, resourceType: 7, patternType: 4, permissionType: 3 } as const

/** What a code is called that no rule may have; null for others. */
function notOfRules(code: number, last: number): 'ANY' | 'UNKNOWN' | null {
  if (code === ANY) return 'ANY'
  return isUnknown(code, last) ? 'UNKNOWN' : null
}

function isUnknown(code: number, last: number): boolean {
  return code < ANY || code > last
}

/** What is wrong with a rule. */
function creationFault(creation: Creation): Fault | null {
  const { resourceType, resourceName, resourcePatternType, principal, host } = creation
  const invalid = (why: string) => fault('INVALID_REQUEST', why)
  if (resourceType === Resource.CLUSTER && resourceName !== CLUSTER_NAME) {
    return invalid(`The only valid name for the CLUSTER resource is ${CLUSTER_NAME}`)
  }
  if (resourceName === '') return invalid('Invalid empty resource name')
  const codes = {
    resourceType: notOfRules(resourceType, LAST.resourceType),
    patternType:
      resourcePatternType === MATCHING_PATTERNS
        ? 'MATCH'
        : notOfRules(resourcePatternType, LAST.patternType),
    operation: notOfRules(creation.operation, LAST.operation),
    permissionType: notOfRules(creation.permissionType, LAST.permissionType),
  }
  const wrong = Object.entries(codes).find(([, name]) => name !== null)
  if (wrong !== undefined) return invalid(`Invalid ${wrong.join(' ')}`)
  if (!principal.includes(':')) {
    const why = 'no colon is present separating the principal type from the principal name'
    return invalid(`Could not parse principal from \`${principal}\` (${why})`)
  }
  const longest = Math.max(resourceName.length, principal.length, host.length)
  if (longest <= SECURITY_NAME_CHARACTERS) return null
  return invalid(`Names, principals and hosts have at most ${SECURITY_NAME_CHARACTERS} characters.`)
}

/** Of a filter that is to delete something: it must be known what it means. */
function filterFault(filter: AclFilter): Fault | null {
  const { resourceType, patternType, operation, permissionType } = filter
  if (isUnknown(resourceType, LAST.resourceType) || isUnknown(patternType, LAST.patternType)) {
    return fault('INVALID_REQUEST', 'Unknown patternFilter.')
  }
  return isUnknown(operation, LAST.operation) || isUnknown(permissionType, LAST.permissionType)
    ? fault('INVALID_REQUEST', 'Unknown entryFilter.')
    : null
}
