// What a cluster keeps of its users, rules and quotas, in the shapes that the controller stores and tells. Types
// and Kafka's numbers for them alone: who may do what is decided elsewhere, and passwords are kept nowhere.

import type { AclBinding } from './acl.ts'

/** Kafka's numbers of the SCRAM mechanisms. */
export const ScramMechanism = { SCRAM_SHA_256: 1, SCRAM_SHA_512: 2 } as const
export type ScramMechanism = (typeof ScramMechanism)[keyof typeof ScramMechanism]

/** By the names that SaslHandshake uses. */
export const SCRAM_MECHANISMS: ReadonlyMap<string, ScramMechanism> = new Map([
  ['SCRAM-SHA-256', ScramMechanism.SCRAM_SHA_256],
  ['SCRAM-SHA-512', ScramMechanism.SCRAM_SHA_512],
])

/** What a server knows of a password (RFC 5802): enough to check one, not to log in with it. */
export interface ScramCredential {
  readonly salt: Uint8Array
  readonly iterations: number
  readonly storedKey: Uint8Array
  readonly serverKey: Uint8Array
}

/** How many users have credentials of how many iterations, by mechanism. */
export type ScramIterations = Readonly<
  Record<ScramMechanism, readonly (readonly [iterations: number, users: number])[]>
>

/** What users who do not exist are made like. */
export interface ScramLikeness {
  /** Told to nobody who has not logged in: who has is no stranger to what users there are. */
  readonly clusterId: string
  readonly iterations: ScramIterations
}

/** The types of which a quota's entity is made, in the order in which Kafka names them. */
export const QUOTA_ENTITY_TYPES = ['client-id', 'user', 'ip'] as const
export type QuotaEntityType = (typeof QUOTA_ENTITY_TYPES)[number]

/** Whom a quota is for: names by type, null for the default; a type that is absent does not matter. */
export type QuotaEntity = Readonly<Partial<Record<QuotaEntityType, string | null>>>

/** The quotas that can be set, by Kafka's names. */
export type QuotaKey =
  | 'producer_byte_rate'
  | 'consumer_byte_rate'
  | 'request_percentage'
  | 'controller_mutation_rate'
  | 'connection_creation_rate'

/** An entity's quotas. */
export interface ClientQuota {
  readonly entity: QuotaEntity
  /** At least one. Bytes a second, percent, mutations a second, connections a second. */
  readonly values: Readonly<Partial<Record<QuotaKey, number>>>
}

/** All that is decided by, as it was at one version. Credentials are asked for one by one. */
export interface SecuritySnapshot {
  /** Rises with every change of users, rules or quotas. */
  readonly version: number
  /** The version of the last change of users, rules and quotas each. */
  readonly usersVersion: number
  readonly aclsVersion: number
  readonly quotasVersion: number
  readonly acls: readonly AclBinding[]
  readonly quotas: readonly ClientQuota[]
}

/** A cluster in which nothing was set yet. */
export const NO_SECURITY: SecuritySnapshot = {
  version: 0,
  usersVersion: 0,
  aclsVersion: 0,
  quotasVersion: 0,
  acls: [],
  quotas: [],
}
