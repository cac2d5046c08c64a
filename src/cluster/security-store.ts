// The tables of users' credentials, access rules and quotas in the controller's storage: rows that nobody could make
// again, so each has a checksum. Part of the layout of store.ts, which reads and writes by what is here.

import { fromBase64, toBase64 } from '../core/text.ts'
import { CheckedTable, DamagedRowError } from '../runtime/checked-table.ts'
import type { Storage } from '../runtime/storage.ts'
import type { QuotaKey, ScramCredential, ScramMechanism } from '../security/kept.ts'
import {
  aclKey,
  aclOfKey,
  applySecurity,
  emptySecurity,
  entityKey,
  entityOfKey,
  hasNone,
  type KeptSecurity,
  type SecurityChange,
  type SecurityPart,
} from './security.ts'

/** What layout 4 has more than layout 3. */
export const CREATE_SECURITY: readonly string[] = [
  `CREATE TABLE scram_credential (
    user TEXT NOT NULL, mechanism INTEGER NOT NULL, iterations INTEGER NOT NULL,
    salt TEXT NOT NULL, stored_key TEXT NOT NULL, server_key TEXT NOT NULL, checksum INTEGER,
    PRIMARY KEY (user, mechanism)) WITHOUT ROWID`,
  'CREATE TABLE acl (binding TEXT PRIMARY KEY, checksum INTEGER) WITHOUT ROWID',
  `CREATE TABLE client_quota (
    entity TEXT PRIMARY KEY, quotas TEXT NOT NULL, checksum INTEGER) WITHOUT ROWID`,
  `CREATE TABLE security_version (
    part TEXT PRIMARY KEY, version INTEGER NOT NULL, checksum INTEGER) WITHOUT ROWID`,
]

const SCRAM = new CheckedTable(
  'scram_credential',
  ['user', 'mechanism', 'iterations', 'salt', 'stored_key', 'server_key'],
  2,
)
const ACL = new CheckedTable('acl', ['binding'])
const QUOTA = new CheckedTable('client_quota', ['entity', 'quotas'])
const VERSION = new CheckedTable('security_version', ['part', 'version'])

const DELETE_SCRAM = 'DELETE FROM scram_credential WHERE user = ? AND mechanism = ?'
const DELETE_ACL = 'DELETE FROM acl WHERE binding = ?'
const DELETE_QUOTA = 'DELETE FROM client_quota WHERE entity = ?'

/**
 * Reads what is kept.
 * @throws DamagedRowError when it is not as it was written
 */
export function readSecurity(storage: Storage): KeptSecurity {
  const kept = emptySecurity()
  for (const row of SCRAM.read(storage)) {
    const credential: ScramCredential = {
      iterations: Number(row.iterations),
      salt: bytesOf(row.salt),
      storedKey: bytesOf(row.stored_key),
      serverKey: bytesOf(row.server_key),
    }
    const mechanism = Number(row.mechanism) as ScramMechanism
    applySecurity(kept, { kind: 'scram', user: String(row.user), mechanism, credential })
  }
  for (const { binding } of ACL.read(storage)) {
    applySecurity(kept, { kind: 'acl', acl: aclOfKey(String(binding)) })
  }
  for (const { entity, quotas } of QUOTA.read(storage)) {
    const values = valuesOf(String(quotas))
    applySecurity(kept, { kind: 'quota', quota: { entity: entityOfKey(String(entity)), values } })
  }
  for (const { part, version } of VERSION.read(storage)) {
    kept.versions[String(part) as SecurityPart] = Number(version)
  }
  return kept
}

/** Writes one change. */
export function writeSecurity(storage: Storage, change: SecurityChange): void {
  switch (change.kind) {
    case 'scram':
      writeScram(storage, change)
      return
    case 'acl':
      ACL.put(storage, { binding: aclKey(change.acl) })
      return
    case 'aclGone':
      storage.sql.exec(DELETE_ACL, aclKey(change.acl)).toArray()
      return
    case 'quota': {
      const entity = entityKey(change.quota.entity)
      if (hasNone(change.quota)) storage.sql.exec(DELETE_QUOTA, entity).toArray()
      else QUOTA.put(storage, { entity, quotas: textOfValues(change.quota.values) })
      return
    }
    case 'securityVersion':
      VERSION.put(storage, { part: change.part, version: change.version })
      return
  }
}

function writeScram(
  storage: Storage,
  { user, mechanism, credential }: SecurityChange & { readonly kind: 'scram' },
): void {
  if (credential === null) {
    storage.sql.exec(DELETE_SCRAM, user, mechanism).toArray()
    return
  }
  const { iterations, salt, storedKey, serverKey } = credential
  SCRAM.put(storage, {
    user,
    mechanism,
    iterations,
    salt: toBase64(salt),
    stored_key: toBase64(storedKey),
    server_key: toBase64(serverKey),
  })
}

function bytesOf(text: unknown): Uint8Array {
  const bytes = fromBase64(String(text))
  if (bytes === null) throw new DamagedRowError('a row of scram_credential holds no base64')
  return bytes
}

/** As text: a quota may be infinite, which JSON has no number for. */
function textOfValues(values: Readonly<Partial<Record<QuotaKey, number>>>): string {
  return JSON.stringify(Object.entries(values).map(([key, value]) => [key, String(value)]))
}

function valuesOf(text: string): Partial<Record<QuotaKey, number>> {
  const pairs = JSON.parse(text) as [QuotaKey, string][]
  return Object.fromEntries(pairs.map(([key, value]) => [key, Number(value)]))
}
