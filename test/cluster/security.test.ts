import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createAcls, deleteAcls, describeAcls } from '../../src/cluster/acls.ts'
import { alterClientQuotas, describeClientQuotas } from '../../src/cluster/client-quotas.ts'
import {
  alterScramCredentials,
  describeScramCredentials,
  scramCredential,
  scramIterations,
} from '../../src/cluster/scram-credentials.ts'
import {
  aclKey,
  aclOfKey,
  type KeptSecurity,
  type SecurityChange,
  snapshotSince,
} from '../../src/cluster/security.ts'
import {
  ACLS_PER_CLUSTER,
  QUOTAS_PER_CLUSTER,
  SECURITY_NAME_CHARACTERS,
  USERS_PER_CLUSTER,
} from '../../src/core/limits/security.ts'
import { Tenants } from '../../src/core/tenants.ts'
import type { AclBinding } from '../../src/security/acl.ts'
import type { ScramCredential } from '../../src/security/kept.ts'
import { memoryStorage, openCluster } from './fakes.ts'

const CREDENTIAL: ScramCredential = {
  salt: new Uint8Array([1, 2, 3]),
  iterations: 4_096,
  storedKey: new Uint8Array(32).fill(7),
  serverKey: new Uint8Array(32).fill(8),
}
const POLICY_VIOLATION = 44

/** The commands over a controller that writes what they decide. */
function setup(storage = memoryStorage()) {
  const cluster = openCluster(storage)
  const kept = (): KeptSecurity => cluster.state.security
  const run = <Reply>({
    changes,
    reply,
  }: {
    readonly changes: readonly SecurityChange[]
    readonly reply: Reply
  }): Reply => {
    cluster.keep(changes)
    return reply
  }
  return {
    storage,
    cluster,
    kept,
    setUsers: (...names: string[]) =>
      run(
        alterScramCredentials(kept(), {
          deletions: [],
          upsertions: names.map((name) => ({ name, mechanism: 1, credential: CREDENTIAL })),
        }),
      ).results,
    dropUser: (name: string) =>
      run(alterScramCredentials(kept(), { deletions: [{ name, mechanism: 1 }], upsertions: [] }))
        .results,
    create: (...names: string[]) =>
      run(createAcls(kept(), { creations: names.map((resourceName) => rule(resourceName)) }))
        .results,
    drop: (resourceNameFilter: string | null) =>
      run(deleteAcls(kept(), { filters: [{ ...ANYTHING, resourceNameFilter }] })).filterResults,
    rules: () => describeAcls(kept(), ANYTHING).resources.map((one) => one.resourceName),
    setQuotas: (...users: string[]) =>
      run(
        alterClientQuotas(kept(), {
          entries: users.map((user) => quota(user, 5)),
          validateOnly: false,
        }),
      ).entries,
    dropQuota: (user: string) =>
      run(alterClientQuotas(kept(), { entries: [quota(user, null)], validateOnly: false })).entries,
    quotas: () => describeClientQuotas(kept(), { components: [], strict: false }).entries ?? [],
  }
}

const ANYTHING = {
  resourceTypeFilter: 1,
  resourceNameFilter: null as string | null,
  patternTypeFilter: 1,
  principalFilter: null,
  hostFilter: null,
  operation: 1,
  permissionType: 1,
}

function rule(resourceName: string) {
  const who = { principal: 'User:a', host: '*', operation: 3, permissionType: 3 }
  return { resourceType: 2, resourceName, resourcePatternType: 3, ...who }
}

function quota(user: string, value: number | null) {
  const op = { key: 'producer_byte_rate', value: value ?? 0, remove: value === null }
  return { entity: [{ entityType: 'user', entityName: user }], ops: [op] }
}

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${prefix}${at}`)
}

describe('the version of what is kept', () => {
  it('rises with each change that changes something, of its part and of all', () => {
    const { kept, setUsers, create, setQuotas, drop, dropUser } = setup()
    expect(snapshotSince(kept(), 0)).toBeNull()
    setUsers('a')
    expect(snapshotSince(kept(), 0)).toMatchObject({ version: 1, usersVersion: 1, aclsVersion: 0 })
    create('t')
    setQuotas('a')
    expect(snapshotSince(kept(), 1)).toMatchObject({
      version: 3,
      usersVersion: 1,
      aclsVersion: 2,
      quotasVersion: 3,
      acls: [{ resourceName: 't' }],
      quotas: [{ entity: { user: 'a' }, values: { producer_byte_rate: 5 } }],
    })
    create('t')
    setQuotas('a')
    drop('no such')
    dropUser('no such')
    expect(snapshotSince(kept(), 3)).toBeNull()
    drop('t')
    expect(snapshotSince(kept(), 3)).toMatchObject({ version: 4, aclsVersion: 4, acls: [] })
  })

  it('is told to whom knows a higher one as well: of a storage that was restored', () => {
    const { kept, create } = setup()
    create('t')
    expect(snapshotSince(kept(), 9)).toMatchObject({ version: 1 })
  })
})

describe('users', () => {
  it('are told apart by mechanism, and their keys are told nobody', () => {
    const { kept, setUsers } = setup()
    setUsers('a')
    expect(scramCredential(kept(), 'a', 1)).toEqual(CREDENTIAL)
    expect(scramCredential(kept(), 'a', 2)).toBeNull()
    expect(scramCredential(kept(), 'b', 1)).toBeNull()
    expect(scramIterations(kept())).toEqual({ 1: [[CREDENTIAL.iterations, 1]], 2: [] })
    const told = JSON.stringify(describeScramCredentials(kept(), { users: null }))
    expect(told).toContain('"iterations":4096')
    expect(told).not.toMatch(/key|salt/i)
  })

  it('are so many at most, and their names so long', () => {
    const { setUsers, dropUser } = setup()
    const refused = setUsers(...names('u', USERS_PER_CLUSTER + 2)).filter((one) => one.errorCode)
    expect(refused.map(({ user, errorCode }) => [user, errorCode])).toEqual([
      [`u${USERS_PER_CLUSTER}`, POLICY_VIOLATION],
      [`u${USERS_PER_CLUSTER + 1}`, POLICY_VIOLATION],
    ])
    expect(setUsers('u1')).toMatchObject([{ errorCode: 0 }])
    dropUser('u2')
    expect(setUsers('one more')).toMatchObject([{ errorCode: 0 }])
    expect(setUsers('x'.repeat(SECURITY_NAME_CHARACTERS + 1))).toMatchObject([{ errorCode: 93 }])
  })

  it('are not named as those of tenants, who would be looked for there', () => {
    const { kept } = setup()
    const made = (name: string, tenants?: Tenants) => {
      const upsertions = [{ name, mechanism: 1, credential: CREDENTIAL }]
      return alterScramCredentials(kept(), { deletions: [], upsertions }, tenants).reply.results
    }
    const tenants = new Tenants(['acme'])
    const errorMessage = expect.stringContaining('those of the tenant acme')
    for (const name of ['acme/ann', 'acme/']) {
      expect(made(name, tenants)).toMatchObject([{ errorCode: 93, errorMessage }])
      expect(made(name)).toMatchObject([{ errorCode: 0 }])
    }
    for (const name of ['team/ann', 'acme', 'ann']) {
      expect(made(name, tenants)).toMatchObject([{ errorCode: 0 }])
    }
  })

  it('have salts of so many bytes at most', () => {
    const { kept } = setup()
    const credential = { ...CREDENTIAL, salt: new Uint8Array(1_025) }
    const upsertions = [{ name: 'a', mechanism: 1, credential }]
    const { changes, reply } = alterScramCredentials(kept(), { deletions: [], upsertions })
    expect(changes).toEqual([])
    expect(reply.results).toMatchObject([{ errorCode: 93, errorMessage: 'The salt is too long' }])
  })
})

describe('rules', () => {
  it('are so many at most, and what they name is so long', () => {
    const { create, drop } = setup()
    const results = create(...names('t', ACLS_PER_CLUSTER + 1))
    expect(results.filter(({ errorCode }) => errorCode === 0)).toHaveLength(ACLS_PER_CLUSTER)
    expect(results.at(-1)).toMatchObject({ errorCode: POLICY_VIOLATION })
    expect(create('t1')).toMatchObject([{ errorCode: 0 }])
    expect(create('another')).toMatchObject([{ errorCode: POLICY_VIOLATION }])
    drop('t1')
    expect(create('another')).toMatchObject([{ errorCode: 0 }])
    expect(create('x'.repeat(SECURITY_NAME_CHARACTERS + 1))).toMatchObject([{ errorCode: 42 }])
  })

  it('have keys that say all of them', () => {
    const text = fc.string({ maxLength: 8 })
    const binding = fc.record({
      resourceType: fc.constantFrom(2, 3, 4),
      resourceName: text,
      patternType: fc.constantFrom(3, 4),
      principal: text,
      host: text,
      operation: fc.integer({ min: 2, max: 15 }),
      permissionType: fc.constantFrom(2, 3),
    }) as fc.Arbitrary<AclBinding>
    fc.assert(
      fc.property(binding, binding, (one, other) => {
        expect(aclOfKey(aclKey(one))).toEqual(one)
        const isSame = Object.entries(one).every(
          ([name, value]) => other[name as keyof AclBinding] === value,
        )
        expect(aclKey(one) === aclKey(other)).toBe(isSame)
      }),
    )
  })
})

describe('quotas', () => {
  it('are of so many entities at most', () => {
    const { setQuotas, dropQuota } = setup()
    const results = setQuotas(...names('u', QUOTAS_PER_CLUSTER + 1))
    expect(results.filter(({ errorCode }) => errorCode === 0)).toHaveLength(QUOTAS_PER_CLUSTER)
    expect(results.at(-1)).toMatchObject({ errorCode: POLICY_VIOLATION })
    dropQuota('u1')
    expect(setQuotas('one more')).toMatchObject([{ errorCode: 0 }])
  })
})

describe('the storage of users, rules and quotas', () => {
  it('gives back after a restart what was there before, whatever happened', () => {
    const name = fc.constantFrom('a', 'b', 'c')
    const step = fc.oneof(
      fc.record({ what: fc.constant('setUsers'), name }),
      fc.record({ what: fc.constant('dropUser'), name }),
      fc.record({ what: fc.constant('create'), name }),
      fc.record({ what: fc.constant('drop'), name }),
      fc.record({ what: fc.constant('setQuotas'), name }),
      fc.record({ what: fc.constant('dropQuota'), name }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const made = setup()
        for (const one of steps) made[one.what as 'setUsers'](one.name)
        expect(setup(made.storage).kept()).toEqual(made.kept())
      }),
      { numRuns: 60 },
    )
  })

  it('keeps quotas that have no end', () => {
    const made = setup()
    const entity = [{ entityType: 'client-id', entityName: null }]
    const ops = [{ key: 'request_percentage', value: Number.POSITIVE_INFINITY, remove: false }]
    const entries = [{ entity, ops }]
    made.cluster.keep(alterClientQuotas(made.kept(), { entries, validateOnly: false }).changes)
    expect(setup(made.storage).quotas()).toEqual([
      { entity, values: [{ key: 'request_percentage', value: Number.POSITIVE_INFINITY }] },
    ])
  })

  it.each([
    ['UPDATE scram_credential SET iterations = 1', 'of scram_credential is damaged'],
    ["UPDATE scram_credential SET stored_key = ''", 'of scram_credential is damaged'],
    ["UPDATE acl SET binding = replace(binding, 'User:a', 'User:b')", 'of acl is damaged'],
    ["UPDATE client_quota SET quotas = '[]'", 'of client_quota is damaged'],
    ['UPDATE security_version SET version = 0', 'of security_version is damaged'],
  ])('that was damaged is refused by name: %s', (damage, reason) => {
    const made = setup()
    made.setUsers('a')
    made.create('t')
    made.setQuotas('a')
    setup(made.storage)
    made.storage.database.exec(damage)
    expect(() => setup(made.storage)).toThrow(reason)
  })
})
