// What the controller holds of users, rules and quotas, and the changes these go through. Commands decide
// (scram-credentials.ts, acls.ts, client-quotas.ts), security-store.ts writes; here changes become true in memory and
// are told to the isolates, who ask for what is newer than what they have.

import type { AclBinding } from '../security/acl.ts'
import type {
  ClientQuota,
  QuotaEntity,
  ScramCredential,
  ScramMechanism,
  SecuritySnapshot,
} from '../security/kept.ts'
import { QUOTA_ENTITY_TYPES } from '../security/kept.ts'

/** What changes together and has a version of its own. */
export type SecurityPart = 'users' | 'acls' | 'quotas'

/** One durable change of them. */
export type SecurityChange =
  | {
      readonly kind: 'scram'
      readonly user: string
      readonly mechanism: ScramMechanism
      /** null: it is deleted. */
      readonly credential: ScramCredential | null
    }
  | { readonly kind: 'acl'; readonly acl: AclBinding }
  | { readonly kind: 'aclGone'; readonly acl: AclBinding }
  /** Without values the entity has no quotas any more. */
  | { readonly kind: 'quota'; readonly quota: ClientQuota }
  | { readonly kind: 'securityVersion'; readonly part: SecurityPart; readonly version: number }

/** Read by commands, changed by `applySecurity` alone. */
export interface KeptSecurity {
  readonly users: Map<string, Map<ScramMechanism, ScramCredential>>
  /** By aclKey. */
  readonly acls: Map<string, AclBinding>
  /** By entityKey. */
  readonly quotas: Map<string, ClientQuota>
  /** Of the last change of each; the highest is that of all. */
  readonly versions: Record<SecurityPart, number>
}

/** A cluster that nobody has secured. */
export function emptySecurity(): KeptSecurity {
  return {
    users: new Map(),
    acls: new Map(),
    quotas: new Map(),
    versions: { users: 0, acls: 0, quotas: 0 },
  }
}

/** What makes a rule what it is: there are no two of one key. */
export function aclKey(acl: AclBinding): string {
  const { resourceType, patternType, resourceName, principal, host } = acl
  const { operation, permissionType } = acl
  return JSON.stringify([
    resourceType,
    patternType,
    resourceName,
    principal,
    host,
    operation,
    permissionType,
  ])
}

/** The rule of a key. */
export function aclOfKey(key: string): AclBinding {
  const [resourceType, patternType, resourceName, principal, host, operation, permissionType] =
    JSON.parse(key) as [
      AclBinding['resourceType'],
      AclBinding['patternType'],
      string,
      string,
      string,
      AclBinding['operation'],
      AclBinding['permissionType'],
    ]
  return { resourceType, patternType, resourceName, principal, host, operation, permissionType }
}

/** The same of an entity: its types in one order, whatever order they came in. */
export function entityKey(entity: QuotaEntity): string {
  const named = QUOTA_ENTITY_TYPES.filter((type) => entity[type] !== undefined)
  return JSON.stringify(named.map((type) => [type, entity[type]]))
}

/** The entity of a key. */
export function entityOfKey(key: string): QuotaEntity {
  return Object.fromEntries(JSON.parse(key) as [string, string | null][]) as QuotaEntity
}

/** The changes, and that there were some. */
export function withVersion(
  { versions }: KeptSecurity,
  part: SecurityPart,
  changes: readonly SecurityChange[],
): readonly SecurityChange[] {
  if (changes.length === 0) return changes
  const version = Math.max(versions.users, versions.acls, versions.quotas) + 1
  return [...changes, { kind: 'securityVersion', part, version }]
}

/** What an isolate needs that knows the state of a version; null when nothing has changed since. */
export function snapshotSince(kept: KeptSecurity, version: number): SecuritySnapshot | null {
  const { users, acls, quotas } = kept.versions
  const newest = Math.max(users, acls, quotas)
  if (version === newest) return null
  return {
    version: newest,
    usersVersion: users,
    aclsVersion: acls,
    quotasVersion: quotas,
    acls: [...kept.acls.values()],
    quotas: [...kept.quotas.values()],
  }
}

/** Makes a written change true in memory. */
export function applySecurity(kept: KeptSecurity, change: SecurityChange): void {
  switch (change.kind) {
    case 'scram':
      applyScram(kept.users, change)
      return
    case 'acl':
      kept.acls.set(aclKey(change.acl), change.acl)
      return
    case 'aclGone':
      kept.acls.delete(aclKey(change.acl))
      return
    case 'quota': {
      const key = entityKey(change.quota.entity)
      if (hasNone(change.quota)) kept.quotas.delete(key)
      else kept.quotas.set(key, change.quota)
      return
    }
    case 'securityVersion':
      kept.versions[change.part] = change.version
      return
  }
}

/** True of an entity whose last quota was removed. */
export function hasNone({ values }: ClientQuota): boolean {
  return Object.keys(values).length === 0
}

function applyScram(
  users: KeptSecurity['users'],
  { user, mechanism, credential }: SecurityChange & { readonly kind: 'scram' },
): void {
  const credentials = users.get(user) ?? new Map<ScramMechanism, ScramCredential>()
  if (credential === null) credentials.delete(mechanism)
  else credentials.set(mechanism, credential)
  if (credentials.size === 0) users.delete(user)
  else users.set(user, credentials)
}
