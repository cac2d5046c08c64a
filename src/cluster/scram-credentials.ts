// Describe- and AlterUserScramCredentials (KIP-554). Checks and sentences follow ScramControlManager and ScramImage of
// 4.1.1. Passwords never come here: who asks has made of them what is kept.

import { KafkaError } from '../core/errors.ts'
import {
  SCRAM_ITERATIONS_MAX,
  SCRAM_ITERATIONS_MIN,
  SCRAM_SALT_BYTES_MAX,
  SECURITY_NAME_CHARACTERS,
  USERS_PER_CLUSTER,
} from '../core/limits/security.ts'
import { NO_TENANTS, type Tenants } from '../core/tenants.ts'
import type { AlterUserScramCredentialsResponse } from '../protocol/messages/alter-user-scram-credentials.ts'
import type {
  DescribeUserScramCredentialsRequest,
  DescribeUserScramCredentialsResponse,
} from '../protocol/messages/describe-user-scram-credentials.ts'
import { type ScramCredential, type ScramIterations, ScramMechanism } from '../security/kept.ts'
import type { ScramChanges } from './contract.ts'
import { type KeptSecurity, type SecurityChange, withVersion } from './security.ts'
import { type Fault, fault } from './topics.ts'

type Upsertion = ScramChanges['upsertions'][number]
type Described = DescribeUserScramCredentialsResponse['results'][number]
type ScramChange = SecurityChange & { readonly kind: 'scram' }

/** What is kept of a user's password. */
export function scramCredential(
  { users }: KeptSecurity,
  user: string,
  mechanism: ScramMechanism,
): ScramCredential | null {
  return users.get(user)?.get(mechanism) ?? null
}

/** How many iterations users' credentials have: those who do not exist are given some like them. */
export function scramIterations({ users }: KeptSecurity): ScramIterations {
  const counts = {
    [ScramMechanism.SCRAM_SHA_256]: new Map<number, number>(),
    [ScramMechanism.SCRAM_SHA_512]: new Map<number, number>(),
  }
  for (const credentials of users.values()) {
    for (const [mechanism, { iterations }] of credentials) {
      counts[mechanism].set(iterations, (counts[mechanism].get(iterations) ?? 0) + 1)
    }
  }
  const sorted = (of: ReadonlyMap<number, number>) => [...of].sort(([a], [b]) => a - b)
  return {
    [ScramMechanism.SCRAM_SHA_256]: sorted(counts[ScramMechanism.SCRAM_SHA_256]),
    [ScramMechanism.SCRAM_SHA_512]: sorted(counts[ScramMechanism.SCRAM_SHA_512]),
  }
}

/** The users asked for, or all by name. */
export function describeScramCredentials(
  { users }: KeptSecurity,
  { users: asked }: DescribeUserScramCredentialsRequest,
): DescribeUserScramCredentialsResponse {
  const times = new Map<string, number>()
  for (const { name } of asked ?? []) times.set(name, (times.get(name) ?? 0) + 1)
  const results = times.size === 0 ? [...users.keys()].sort() : [...times.keys()]
  return {
    throttleTimeMs: 0,
    ...NO_FAULT,
    results: results.map((user): Described => {
      if ((times.get(user) ?? 1) > 1) {
        const why = `Cannot describe SCRAM credentials for the same user twice in a single request: ${user}`
        return { user, ...fault('DUPLICATE_RESOURCE', why), credentialInfos: [] }
      }
      const credentials = users.get(user)
      if (credentials === undefined) {
        const why = `Attempt to describe a user credential that does not exist: ${user}`
        return { user, ...fault('RESOURCE_NOT_FOUND', why), credentialInfos: [] }
      }
      const known = [...credentials].sort(([a], [b]) => a - b)
      const credentialInfos = known.map(([mechanism, { iterations }]) => {
        return { mechanism, iterations }
      })
      return { user, ...NO_FAULT, credentialInfos }
    }),
  }
}

/**
 * Decides AlterUserScramCredentials: per user one deletion or one upsertion, each for itself.
 * @param tenants whose users' names are nobody's here: main's cluster is told them
 */
export function alterScramCredentials(
  kept: KeptSecurity,
  { deletions, upsertions }: ScramChanges,
  tenants: Tenants = NO_TENANTS,
): {
  readonly changes: readonly SecurityChange[]
  readonly reply: AlterUserScramCredentialsResponse
} {
  const changes = new Map<string, ScramChange>()
  const faults = new Map<string, Fault>()
  const consider = (user: string, why: Fault | null, change: () => ScramChange) => {
    if (faults.has(user)) return
    if (changes.delete(user)) faults.set(user, fault('DUPLICATE_RESOURCE', TWICE))
    else if (why !== null) faults.set(user, why)
    else changes.set(user, change())
  }
  for (const { name: user, mechanism } of deletions) {
    const why = nameFault(user, mechanism) ?? absentFault(kept, user, mechanism)
    consider(user, why, () => scramChange(user, mechanism, null))
  }
  let room = USERS_PER_CLUSTER - kept.users.size
  for (const upsertion of upsertions) {
    const { name: user, mechanism, credential } = upsertion
    const isNew = !kept.users.has(user)
    const why =
      upsertionFault(upsertion) ??
      tenantFault(user, tenants) ??
      (isNew && room < 1 ? TOO_MANY_USERS : null)
    consider(user, why, () => scramChange(user, mechanism, credential))
    if (isNew && changes.has(user)) room -= 1
  }
  const done = { errorCode: KafkaError.NONE, errorMessage: null }
  return {
    changes: withVersion(kept, 'users', [...changes.values()]),
    reply: {
      throttleTimeMs: 0,
      results: [
        ...[...changes.keys()].map((user) => ({ user, ...done })),
        ...[...faults].map(([user, why]) => ({ user, ...why })),
      ],
    },
  }
}

/** Kafka has an empty text where it describes, and none where it alters. */
const NO_FAULT = { errorCode: KafkaError.NONE, errorMessage: '' }
const TWICE = 'A user credential cannot be altered twice in the same request'
const TOO_MANY_USERS = fault(
  'POLICY_VIOLATION',
  `A cluster has at most ${USERS_PER_CLUSTER} users.`,
)

function scramChange(
  user: string,
  mechanism: number,
  credential: ScramCredential | null,
): ScramChange {
  return { kind: 'scram', user, mechanism: mechanism as ScramMechanism, credential }
}

function nameFault(user: string, mechanism: number): Fault | null {
  if (user === '') return fault('UNACCEPTABLE_CREDENTIAL', 'Username must not be empty')
  if (!Object.values(ScramMechanism).some((known) => known === mechanism)) {
    return fault('UNSUPPORTED_SASL_MECHANISM', 'Unknown SCRAM mechanism')
  }
  if (user.length <= SECURITY_NAME_CHARACTERS) return null
  const why = `Username must not be longer than ${SECURITY_NAME_CHARACTERS} characters`
  return fault('UNACCEPTABLE_CREDENTIAL', why)
}

function absentFault({ users }: KeptSecurity, user: string, mechanism: number): Fault | null {
  if (users.get(user)?.has(mechanism as ScramMechanism)) return null
  return fault('RESOURCE_NOT_FOUND', 'Attempt to delete a user credential that does not exist')
}

function upsertionFault({ name, mechanism, credential }: Upsertion): Fault | null {
  const why = nameFault(name, mechanism)
  if (why !== null) return why
  const { iterations, salt, storedKey } = credential
  if (iterations < SCRAM_ITERATIONS_MIN) return unacceptable('Too few iterations')
  if (iterations > SCRAM_ITERATIONS_MAX) return unacceptable('Too many iterations')
  if (salt.byteLength > SCRAM_SALT_BYTES_MAX) return unacceptable('The salt is too long')
  return storedKey.byteLength === 0 ? unacceptable('Salted password must not be empty') : null
}

/** Whoever logs in by such a name is looked for in the tenant. */
function tenantFault(user: string, tenants: Tenants): Fault | null {
  if (tenants.userOf(user)?.user === user) return null
  const [tenant] = user.split('/', 1)
  return unacceptable(
    `Users named ${tenant}/… are those of the tenant ${tenant}, and are made by who has logged in there`,
  )
}

function unacceptable(why: string): Fault {
  return fault('UNACCEPTABLE_CREDENTIAL', why)
}
