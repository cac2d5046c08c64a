// Users, access rules and quotas as tools manage them: Describe- and AlterUserScramCredentials (KIP-554), Describe-,
// Create- and DeleteAcls (KIP-140, KIP-290), Describe- and AlterClientQuotas (KIP-546). Everybody here is a super user;
// who may do what is another suite's. Brokers hear of a change a little after its answer.

import { describe, expect } from 'vitest'
import { ZERO_TOPIC_ID } from '../../../src/core/ids.ts'
import { AlterClientQuotas } from '../../../src/protocol/messages/alter-client-quotas.ts'
import { AlterUserScramCredentials } from '../../../src/protocol/messages/alter-user-scram-credentials.ts'
import { ApiVersions } from '../../../src/protocol/messages/api-versions.ts'
import { CreateAcls } from '../../../src/protocol/messages/create-acls.ts'
import { CreatePartitions } from '../../../src/protocol/messages/create-partitions.ts'
import { CreateTopics } from '../../../src/protocol/messages/create-topics.ts'
import { DeleteAcls } from '../../../src/protocol/messages/delete-acls.ts'
import { DeleteTopics } from '../../../src/protocol/messages/delete-topics.ts'
import { DescribeAcls } from '../../../src/protocol/messages/describe-acls.ts'
import { DescribeClientQuotas } from '../../../src/protocol/messages/describe-client-quotas.ts'
import { DescribeUserScramCredentials } from '../../../src/protocol/messages/describe-user-scram-credentials.ts'
import { Fetch } from '../../../src/protocol/messages/fetch.ts'
import { IncrementalAlterConfigs } from '../../../src/protocol/messages/incremental-alter-configs.ts'
import { Produce } from '../../../src/protocol/messages/produce.ts'
import type { RequestToSend } from '../../../src/protocol/schema.ts'
import { batchOfSize } from '../batches.ts'
import { createTopic, fetchBody, produce, produceBody, topicToCreate, until } from '../calls.ts'
import { suite } from '../target.ts'
import type { Wire } from '../wire.ts'

const { scenario, connect, topic, restart } = suite('security', {
  set: { 'super.users': 'User:ANONYMOUS' },
  oracle: {
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  },
  ottla: { args: ['--allow-anonymous'], env: { OTTLA_SECRET: 'not-used-here' } },
})

const INVALID_REQUEST = 42
const SHA_256 = 1
const SHA_512 = 2

type Upsertion = RequestToSend<typeof AlterUserScramCredentials>['upsertions'][number]
type Deletion = RequestToSend<typeof AlterUserScramCredentials>['deletions'][number]

async function alterUsers(
  wire: Wire,
  upsertions: readonly Partial<Upsertion>[],
  deletions: readonly Deletion[] = [],
) {
  const plain = { name: 'nobody', mechanism: SHA_256, iterations: 4_096, salt: Buffer.from('salt') }
  const saltedPassword = Buffer.alloc(32, 7)
  const { results } = await wire.call(AlterUserScramCredentials, 0, {
    deletions: [...deletions],
    upsertions: upsertions.map((one) => ({ ...plain, saltedPassword, ...one })),
  })
  return results.map(({ user, errorCode, errorMessage }) => [user, errorCode, errorMessage]).sort()
}

async function describeUsers(wire: Wire, names: readonly string[] | null) {
  const users = names?.map((name) => ({ name })) ?? null
  const { errorCode, results } = await wire.call(DescribeUserScramCredentials, 0, { users })
  expect(errorCode).toBe(0)
  return Object.fromEntries(
    results.map(({ user, errorCode: code, errorMessage, credentialInfos }) => [
      user,
      code === 0 ? credentialInfos.map((one) => Object.values(one)).sort() : [code, errorMessage],
    ]),
  )
}

describe('AlterUserScramCredentials', () => {
  scenario('sets, replaces and deletes what DescribeUserScramCredentials tells', async () => {
    const wire = await connect()
    const [a, b] = [topic(), topic()]
    const set = [{ name: a }, { name: b, mechanism: SHA_512, iterations: 16_384 }]
    expect(await alterUsers(wire, set)).toEqual([
      [a, 0, null],
      [b, 0, null],
    ])
    await until(async () => (await describeUsers(wire, null))[b] !== undefined)
    expect(await describeUsers(wire, [])).toMatchObject({ [a]: [[1, 4_096]], [b]: [[2, 16_384]] })
    await alterUsers(wire, [{ name: a, iterations: 5_000 }, { name: b }])
    await until(async () => (await describeUsers(wire, [b]))[b]?.length === 2)
    expect(await describeUsers(wire, [a, b])).toEqual({
      [a]: [[1, 5_000]],
      [b]: [
        [1, 4_096],
        [2, 16_384],
      ],
    })
    const deletions = [
      { name: a, mechanism: SHA_256 },
      { name: b, mechanism: SHA_512 },
    ]
    expect(await alterUsers(wire, [], deletions)).toEqual([
      [a, 0, null],
      [b, 0, null],
    ])
    const gone = [91, `Attempt to describe a user credential that does not exist: ${a}`]
    await until(async () => (await describeUsers(wire, [a]))[a]?.[0] === 91)
    expect(await describeUsers(wire, [a, b])).toEqual({ [a]: gone, [b]: [[1, 4_096]] })
  })

  const few = [93, 'Too few iterations']
  const many = [93, 'Too many iterations']
  const unknown = [33, 'Unknown SCRAM mechanism']
  const unnamed = [93, 'Username must not be empty']
  const twice = [92, 'A user credential cannot be altered twice in the same request']
  const absent = [91, 'Attempt to delete a user credential that does not exist']
  const refused: readonly [string, readonly Partial<Upsertion>[], Deletion[], unknown][] = [
    ['fewer than 4096 iterations', [{ iterations: 4_095 }], [], few],
    ['more than 16384 iterations', [{ iterations: 16_385, mechanism: SHA_512 }], [], many],
    ['an unknown mechanism', [{ mechanism: 3 }], [], unknown],
    ['mechanism 0', [{ mechanism: 0 }], [], unknown],
    ['an empty name before anything else', [{ name: '', mechanism: 9 }], [], unnamed],
    ['a user twice', [{}, { mechanism: SHA_512 }], [], twice],
    ['a user a third time', [{}, {}, { iterations: 1 }], [], twice],
    ['what is wrong before what comes twice', [{ iterations: 1 }, {}], [], few],
    ['a deletion of nothing', [], [{ name: 'nobody', mechanism: SHA_256 }], absent],
    ['a deletion of an unknown mechanism', [], [{ name: 'nobody', mechanism: 7 }], unknown],
  ]
  for (const [what, upsertions, deletions, why] of refused) {
    scenario(`refuses ${what}`, async () => {
      const wire = await connect()
      const got = await alterUsers(wire, upsertions, deletions)
      expect(got).toEqual([[upsertions[0]?.name ?? 'nobody', ...(why as unknown[])]])
    })
  }

  scenario('refuses a deletion and an upsertion of one user, and does the others', async () => {
    const wire = await connect()
    const [a, b] = [topic(), topic()]
    await alterUsers(wire, [{ name: a }])
    const deletions = [{ name: a, mechanism: SHA_256 }]
    expect(
      await alterUsers(wire, [{ name: a, iterations: 6_000 }, { name: b }], deletions),
    ).toEqual([
      [a, ...twice],
      [b, 0, null],
    ])
    await until(async () => (await describeUsers(wire, [b]))[b]?.[0] !== 91)
    expect(await describeUsers(wire, [a])).toEqual({ [a]: [[1, 4_096]] })
  })

  scenario('takes an empty salt, and names with commas and equals signs', async () => {
    const wire = await connect()
    const odd = `${topic()},=:é`
    expect(await alterUsers(wire, [{ name: odd, salt: Buffer.alloc(0) }])).toEqual([[odd, 0, null]])
    await until(async () => (await describeUsers(wire, [odd]))[odd]?.[0] !== 91)
  })

  scenario('refuses a salted password of no bytes with UNACCEPTABLE_CREDENTIAL', async () => {
    const wire = await connect()
    const name = topic()
    expect(await alterUsers(wire, [{ name, saltedPassword: Buffer.alloc(0) }])).toEqual([
      [name, 93, 'Salted password must not be empty'],
    ])
  })
})

describe('DescribeUserScramCredentials', () => {
  scenario('answers per user, and who comes twice is an error of its own', async () => {
    const wire = await connect()
    const a = topic()
    await alterUsers(wire, [{ name: a }])
    await until(async () => (await describeUsers(wire, [a]))[a]?.[0] !== 91)
    expect(await describeUsers(wire, [a, 'none', 'double', 'double'])).toEqual({
      [a]: [[1, 4_096]],
      none: [91, 'Attempt to describe a user credential that does not exist: none'],
      double: [
        92,
        'Cannot describe SCRAM credentials for the same user twice in a single request: double',
      ],
    })
  })
})

type Creation = RequestToSend<typeof CreateAcls>['creations'][number]
type Filter = RequestToSend<typeof DescribeAcls>

const TOPIC = 2
const CLUSTER = 4
const USER = 7
const PREFIXED = 4
const [DENY, ALLOW] = [2, 3]
const [READ, WRITE] = [3, 4]

const ANYTHING: Filter = {
  resourceTypeFilter: 1,
  resourceNameFilter: null,
  patternTypeFilter: 1,
  principalFilter: null,
  hostFilter: null,
  operation: 1,
  permissionType: 1,
}

function rule(resourceName: string, more: Partial<Creation> = {}): Creation {
  const plain = { resourceType: TOPIC, resourcePatternType: 3, principal: 'User:a', host: '*' }
  return { ...plain, operation: READ, permissionType: ALLOW, resourceName, ...more }
}

async function createRules(wire: Wire, creations: readonly Creation[], version = 3) {
  const { results } = await wire.call(CreateAcls, version, { creations: [...creations] })
  return results.map(({ errorCode, errorMessage }) => [errorCode, errorMessage])
}

/** Rules as text, sorted: type, pattern, name, principal, host, operation, permission. */
async function describeRules(wire: Wire, filter: Partial<Filter>, version = 3) {
  const got = await wire.call(DescribeAcls, version, { ...ANYTHING, ...filter })
  expect([got.errorCode, got.errorMessage]).toEqual([0, ''])
  return got.resources
    .flatMap(({ resourceType, patternType, resourceName, acls }) =>
      acls.map((acl) => [resourceType, patternType, resourceName, ...Object.values(acl)].join(' ')),
    )
    .sort()
}

async function deleteRules(wire: Wire, filters: readonly Partial<Filter>[], version = 3) {
  const asked = filters.map((one) => ({ ...ANYTHING, ...one }))
  const { filterResults } = await wire.call(DeleteAcls, version, { filters: asked })
  return filterResults.map(({ errorCode, errorMessage, matchingAcls }) => {
    if (errorCode !== 0) return [errorCode, errorMessage]
    return matchingAcls
      .map((acl) => [acl.errorCode, acl.resourceName, acl.principal, acl.operation].join(' '))
      .sort()
  })
}

describe('CreateAcls', () => {
  for (const version of [1, 2, 3]) {
    scenario(
      `in version ${version} adds rules, of which one that is there is no error`,
      async () => {
        const wire = await connect()
        const name = topic()
        const rules = [
          rule(name),
          rule(name),
          rule(name, { principal: 'User:b', operation: WRITE, permissionType: DENY }),
          rule(name, { resourcePatternType: PREFIXED, host: '10.0.0.1', operation: 2 }),
        ]
        const done = rules.map(() => [0, ''])
        expect(await createRules(wire, rules, version)).toEqual(done)
        expect(await createRules(wire, rules, version)).toEqual(done)
        const filter = { resourceNameFilter: name }
        await until(async () => (await describeRules(wire, filter)).length === 3)
        expect(await describeRules(wire, filter, version)).toEqual([
          `2 3 ${name} User:a * 3 3`,
          `2 3 ${name} User:b * 4 2`,
          `2 4 ${name} User:a 10.0.0.1 2 3`,
        ])
      },
    )
  }

  const refused: readonly [string, Partial<Creation>, string][] = [
    [
      'a cluster that is not kafka-cluster',
      { resourceType: CLUSTER },
      'The only valid name for the CLUSTER resource is kafka-cluster',
    ],
    ['an empty name', { resourceName: '' }, 'Invalid empty resource name'],
    ['an unknown type of resource', { resourceType: 8 }, 'Invalid resourceType UNKNOWN'],
    ['an unknown kind of pattern', { resourcePatternType: 5 }, 'Invalid patternType UNKNOWN'],
    ['an unknown operation', { operation: 16 }, 'Invalid operation UNKNOWN'],
    ['an unknown permission', { permissionType: 4 }, 'Invalid permissionType UNKNOWN'],
    ['any operation', { operation: 1 }, 'Invalid operation ANY'],
    ['a pattern that matches', { resourcePatternType: 2 }, 'Invalid patternType MATCH'],
    [
      'a principal without a type',
      { principal: 'a' },
      'Could not parse principal from `a` (no colon is present separating the principal type from the principal name)',
    ],
  ]
  for (const [what, more, why] of refused) {
    scenario(`refuses ${what}, and adds the others`, async () => {
      const wire = await connect()
      const name = topic()
      expect(await createRules(wire, [rule(name, more), rule(name)])).toEqual([
        [INVALID_REQUEST, why],
        [0, ''],
      ])
      const filter = { resourceNameFilter: name }
      await until(async () => (await describeRules(wire, filter)).length === 1)
    })
  }

  scenario('takes what means nothing: hosts of any text, principals of any type', async () => {
    const wire = await connect()
    const name = topic()
    const rules = [
      rule(name, { host: 'not a host', principal: 'Group:g' }),
      rule(name, { host: '', principal: 'User:', operation: 12 }),
      rule('kafka-cluster', { resourceType: CLUSTER, principal: `User:${name}`, operation: 8 }),
      rule(`User:${name}`, { resourceType: USER, operation: 13 }),
    ]
    expect(await createRules(wire, rules)).toEqual(rules.map(() => [0, '']))
    await until(async () => (await describeRules(wire, { resourceNameFilter: name })).length === 2)
    expect(await describeRules(wire, { hostFilter: 'not a host' })).toEqual([
      `2 3 ${name} Group:g not a host 3 3`,
    ])
    expect(await describeRules(wire, { principalFilter: `User:${name}` })).toHaveLength(1)
  })
})

describe('DescribeAcls', () => {
  scenario('means rules by every part of its filter', async () => {
    const wire = await connect()
    const name = topic()
    await createRules(wire, [
      rule(name),
      rule(name, { permissionType: DENY, operation: WRITE, principal: `User:${name}` }),
      rule(name.slice(0, -1), { resourcePatternType: PREFIXED, principal: `User:${name}` }),
      rule('*', { principal: `User:${name}` }),
      rule(name, { resourceType: 3, host: `host-${name}` }),
    ])
    const mine = { principalFilter: `User:${name}` }
    await until(async () => (await describeRules(wire, { hostFilter: `host-${name}` })).length > 0)
    const filters: readonly (readonly [Partial<Filter>, number])[] = [
      [mine, 3],
      [{ ...mine, permissionType: DENY }, 1],
      [{ ...mine, operation: READ }, 2],
      [{ ...mine, patternTypeFilter: PREFIXED }, 1],
      [{ ...mine, resourceNameFilter: name }, 1],
      [{ ...mine, resourceNameFilter: `${name}-more`, patternTypeFilter: 2 }, 2],
      [{ ...mine, resourceNameFilter: name, patternTypeFilter: 2 }, 3],
      [{ ...mine, resourceNameFilter: '*' }, 1],
      [{ resourceNameFilter: name, resourceTypeFilter: 3 }, 1],
      [{ resourceNameFilter: name, hostFilter: '*' }, 2],
      [{ resourceNameFilter: '' }, 0],
      [{ ...mine, operation: 99 }, 0],
    ]
    for (const [filter, rules] of filters) {
      expect([filter, (await describeRules(wire, filter)).length]).toEqual([filter, rules])
    }
  })

  scenario('and the others end a connection whose request has the code 0', async () => {
    const asking: readonly ((wire: Wire) => Promise<unknown>)[] = [
      (wire) => describeRules(wire, { operation: 0 }),
      (wire) => createRules(wire, [rule('t', { permissionType: 0 })]),
      (wire) => deleteRules(wire, [{ resourceTypeFilter: 0 }]),
    ]
    for (const ask of asking) await expect(ask(await connect())).rejects.toThrow('closed')
  })
})

describe('DeleteAcls', () => {
  scenario('tells each filter what it has deleted, and both of what two mean', async () => {
    const wire = await connect()
    const name = topic()
    const filter = { resourceNameFilter: name }
    await createRules(wire, [rule(name), rule(name, { principal: `User:${name}` })])
    await until(async () => (await describeRules(wire, filter)).length === 2)
    const mine = { principalFilter: `User:${name}` }
    expect(await deleteRules(wire, [filter, mine, { principalFilter: 'User:none' }])).toEqual([
      [`0 ${name} User:a 3`, `0 ${name} User:${name} 3`],
      [`0 ${name} User:${name} 3`],
      [],
    ])
    await until(async () => (await describeRules(wire, filter)).length === 0)
    expect(await deleteRules(wire, [filter], 1)).toEqual([[]])
  })

  scenario('refuses a filter of unknown codes, and deletes by the others', async () => {
    const wire = await connect()
    const name = topic()
    const filter = { resourceNameFilter: name }
    await createRules(wire, [rule(name)])
    await until(async () => (await describeRules(wire, filter)).length === 1)
    const filters = [{ operation: 99 }, { resourceTypeFilter: 99 }, filter]
    expect(await deleteRules(wire, filters)).toEqual([
      [INVALID_REQUEST, 'Unknown entryFilter.'],
      [INVALID_REQUEST, 'Unknown patternFilter.'],
      [`0 ${name} User:a 3`],
    ])
  })
})

type Entity = Readonly<Record<string, string | null>>
type Ops = Readonly<Record<string, number | null>>

function entry(entity: Entity, ops: Ops | readonly (readonly [string, number | null])[]) {
  const pairs = Array.isArray(ops) ? (ops as [string, number | null][]) : Object.entries(ops)
  return {
    entity: Object.entries(entity).map(([entityType, entityName]) => ({ entityType, entityName })),
    ops: pairs.map(([key, value]) => ({ key, value: value ?? 0, remove: value === null })),
  }
}

async function alterQuotas(
  wire: Wire,
  entries: readonly ReturnType<typeof entry>[],
  { version = 1, validateOnly = false } = {},
) {
  const body = { entries: [...entries], validateOnly }
  const got = await wire.call(AlterClientQuotas, version, body)
  return got.entries
    .map(({ entity, errorCode, errorMessage }) => [named(entity), errorCode, errorMessage])
    .sort()
}

const named = (entity: readonly { entityType: string; entityName: string | null }[]) =>
  entity.map(({ entityType, entityName }) => `${entityType}=${entityName}`).join(' ')

async function quotas(
  wire: Wire,
  filter: readonly (readonly [string, number, string | null])[],
  { strict = false, version = 1 } = {},
) {
  const components = filter.map(([entityType, matchType, match]) => {
    return { entityType, matchType, match }
  })
  const got = await wire.call(DescribeClientQuotas, version, { components, strict })
  if (got.entries === null) return [got.errorCode, got.errorMessage]
  expect([got.errorCode, got.errorMessage]).toEqual([0, ''])
  return got.entries
    .map(({ entity, values }) => {
      const said = values.map(({ key, value }) => `${key}=${value}`).sort()
      return `${named(entity)}: ${said.join(' ')}`
    })
    .sort()
}

const [EXACT, DEFAULT, ANY] = [0, 1, 2]

describe('AlterClientQuotas', () => {
  for (const version of [0, 1]) {
    scenario(`in version ${version} sets, adds and removes quotas of every entity`, async () => {
      const wire = await connect()
      const name = topic()
      const both = { user: name, 'client-id': name }
      const set = [
        entry({ user: name }, { producer_byte_rate: 1_000, request_percentage: 0.5 }),
        entry(both, { consumer_byte_rate: 7 }),
        entry({ 'client-id': name }, { controller_mutation_rate: 2.5 }),
        entry({ user: name, 'client-id': null }, { consumer_byte_rate: 8 }),
        entry({ ip: '10.1.2.3' }, { connection_creation_rate: 5 }),
        entry({ ip: '::1' }, { connection_creation_rate: 6 }),
      ]
      expect(await alterQuotas(wire, set, { version })).toEqual([
        [`client-id=null user=${name}`, 0, null],
        [`client-id=${name} user=${name}`, 0, null],
        [`client-id=${name}`, 0, null],
        ['ip=10.1.2.3', 0, null],
        ['ip=::1', 0, null],
        [`user=${name}`, 0, null],
      ])
      const mine = [['user', EXACT, name]] as const
      await until(async () => (await quotas(wire, mine)).length === 3)
      expect(await quotas(wire, mine, { version })).toEqual([
        `client-id=null user=${name}: consumer_byte_rate=8`,
        `client-id=${name} user=${name}: consumer_byte_rate=7`,
        `user=${name}: producer_byte_rate=1000 request_percentage=0.5`,
      ])
      const change = [
        entry({ user: name }, { producer_byte_rate: 2_000, request_percentage: null }),
        entry(both, { consumer_byte_rate: null }),
      ]
      await alterQuotas(wire, change, { version })
      await until(async () => (await quotas(wire, mine)).length === 2)
      expect(await quotas(wire, mine, { strict: true })).toEqual([
        `user=${name}: producer_byte_rate=2000`,
      ])
    })
  }

  const user = { user: 'refused' }
  const refused: readonly [string, ReturnType<typeof entry>, string][] = [
    ['a key that there is not', entry(user, { nope: 1 }), 'Invalid configuration key nope'],
    [
      'a key of addresses for a user',
      entry(user, { connection_creation_rate: 1 }),
      'Invalid configuration key connection_creation_rate',
    ],
    [
      'a key of users for an address',
      entry({ ip: '10.1.1.1' }, { producer_byte_rate: 1 }),
      'Invalid configuration key producer_byte_rate',
    ],
    [
      'a quota of zero',
      entry(user, { producer_byte_rate: 0 }),
      'Quota producer_byte_rate must be greater than 0',
    ],
    [
      'a quota below zero',
      entry(user, { request_percentage: -1 }),
      'Quota request_percentage must be greater than 0',
    ],
    [
      'part of a byte',
      entry(user, { producer_byte_rate: 1.5 }),
      'producer_byte_rate cannot be a fractional value.',
    ],
    [
      'more bytes than are counted',
      entry(user, { consumer_byte_rate: 1e19 }),
      'Proposed value for consumer_byte_rate is too large for a LONG.',
    ],
    [
      'more connections than are counted',
      entry({ ip: null }, { connection_creation_rate: 2 ** 31 }),
      'Proposed value for connection_creation_rate is too large for an INT.',
    ],
    [
      'a type of entity that there is not',
      entry({ group: 'g' }, { producer_byte_rate: 1 }),
      'Unhandled client quota entity type: group',
    ],
    ['an empty name', entry({ user: '' }, { producer_byte_rate: 1 }), 'Empty user not supported'],
    ['no entity', entry({}, { producer_byte_rate: 1 }), 'Invalid empty client quota entity'],
    [
      'a user at an address',
      entry({ user: 'a', ip: '10.1.1.1' }, { producer_byte_rate: 1 }),
      'Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId',
    ],
    [
      'what is no address',
      entry({ ip: 'not an ip' }, { connection_creation_rate: 1 }),
      'not an ip is not a valid IP or resolvable host.',
    ],
    [
      'a key twice',
      entry(user, [
        ['producer_byte_rate', 1],
        ['producer_byte_rate', 2],
      ]),
      'Ignoring duplicate entity ClientQuotaEntity(entries={user=refused})',
    ],
    [
      'all of an entity of which one key is wrong',
      entry(user, { producer_byte_rate: 3, nope: 1 }),
      'Invalid configuration key nope',
    ],
  ]
  for (const [what, one, why] of refused) {
    scenario(`refuses ${what}, and does the others`, async () => {
      const wire = await connect()
      const name = topic()
      const got = await alterQuotas(wire, [one, entry({ user: name }, { producer_byte_rate: 1 })])
      expect(got).toHaveLength(2)
      expect(got).toContainEqual([named(one.entity), INVALID_REQUEST, why])
      await until(async () => (await quotas(wire, [['user', EXACT, name]])).length === 1)
      expect(await quotas(wire, [['user', EXACT, 'refused']])).toEqual([])
    })
  }

  scenario('of an entity that comes twice does what is asked first, and says so', async () => {
    const wire = await connect()
    const name = topic()
    const first = { user: name, 'client-id': 'c' }
    const again = { 'client-id': 'c', user: name }
    const asked = [entry(first, { producer_byte_rate: 1 }), entry(again, { producer_byte_rate: 2 })]
    const why = `Ignoring duplicate entity ClientQuotaEntity(entries={client-id=c, user=${name}})`
    expect(await alterQuotas(wire, asked)).toEqual([
      [`client-id=c user=${name}`, INVALID_REQUEST, why],
    ])
    await until(async () => (await quotas(wire, [['user', EXACT, name]])).length === 1)
    expect(await quotas(wire, [['user', EXACT, name]])).toEqual([
      `client-id=c user=${name}: producer_byte_rate=1`,
    ])
  })

  scenario('only looks where it is asked to validate', async () => {
    const wire = await connect()
    const [name, wrong, marker] = [topic(), topic(), topic()]
    const asked = [
      entry({ user: name }, { producer_byte_rate: 1 }),
      entry({ user: wrong }, { nope: 1 }),
    ]
    expect(await alterQuotas(wire, asked, { validateOnly: true })).toEqual([
      [`user=${name}`, 0, null],
      [`user=${wrong}`, INVALID_REQUEST, 'Invalid configuration key nope'],
    ])
    await alterQuotas(wire, [entry({ user: marker }, { producer_byte_rate: 1 })])
    await until(async () => (await quotas(wire, [['user', EXACT, marker]])).length === 1)
    expect(await quotas(wire, [['user', EXACT, name]])).toEqual([])
  })

  scenario('removes nothing without an error, of keys that there are not as well', async () => {
    const wire = await connect()
    const name = topic()
    expect(await alterQuotas(wire, [entry({ user: name }, { nope: null })])).toEqual([
      [`user=${name}`, 0, null],
    ])
    expect(await alterQuotas(wire, [])).toEqual([])
  })

  scenario('refuses a quota that is not a number', async () => {
    const wire = await connect()
    const name = topic()
    const asked = [entry({ user: name }, { request_percentage: Number.NaN })]
    expect(await alterQuotas(wire, asked)).toEqual([
      [`user=${name}`, INVALID_REQUEST, 'Quota request_percentage must be greater than 0'],
    ])
  })

  scenario('refuses the name of a host for an address', async () => {
    const wire = await connect()
    const asked = [entry({ ip: 'localhost' }, { connection_creation_rate: 1_000 })]
    expect(await alterQuotas(wire, asked)).toEqual([
      ['ip=localhost', INVALID_REQUEST, 'localhost is not a valid IP or resolvable host.'],
    ])
  })
})

describe('DescribeClientQuotas', () => {
  scenario('means entities by name, default and type, strictly or not', async () => {
    const wire = await connect()
    const name = topic()
    const rate = { producer_byte_rate: 1e9 }
    await alterQuotas(wire, [
      entry({ user: name }, rate),
      entry({ user: name, 'client-id': 'c' }, rate),
      entry({ user: name, 'client-id': null }, rate),
      entry({ user: null, 'client-id': name }, rate),
      entry({ 'client-id': name }, rate),
    ])
    await until(async () => (await quotas(wire, [['client-id', EXACT, name]])).length === 2)
    const at = (...entities: string[]) => entities.map((one) => `${one}: producer_byte_rate=${1e9}`)
    const filters: readonly [Parameters<typeof quotas>[1], boolean, string[]][] = [
      [
        [['user', EXACT, name]],
        false,
        at(`client-id=c user=${name}`, `client-id=null user=${name}`, `user=${name}`),
      ],
      [[['user', EXACT, name]], true, at(`user=${name}`)],
      [
        [
          ['user', EXACT, name],
          ['client-id', DEFAULT, null],
        ],
        true,
        at(`client-id=null user=${name}`),
      ],
      [
        [
          ['user', EXACT, name],
          ['client-id', ANY, null],
        ],
        true,
        at(`client-id=c user=${name}`, `client-id=null user=${name}`),
      ],
      [
        [
          ['user', DEFAULT, null],
          ['client-id', EXACT, name],
        ],
        false,
        at(`client-id=${name} user=null`),
      ],
      [[['client-id', EXACT, name]], true, at(`client-id=${name}`)],
      [[['user', EXACT, 'none']], false, []],
      [[], true, []],
    ]
    for (const [filter, strict, expected] of filters) {
      expect([filter, strict, await quotas(wire, filter, { strict })]).toEqual([
        filter,
        strict,
        expected,
      ])
    }
    expect(await quotas(wire, [])).toEqual(expect.arrayContaining(at(`user=${name}`)))
  })

  const invalid: readonly [Parameters<typeof quotas>[1], number, string][] = [
    [
      [
        ['ip', ANY, null],
        ['user', ANY, null],
      ],
      42,
      'Invalid entity filter component combination. IP filter component should not be used with user or clientId filter component.',
    ],
    [[['group', ANY, null]], 35, 'Unsupported entity type group'],
    [[['', ANY, null]], 42, 'Invalid empty entity type.'],
    [
      [
        ['user', ANY, null],
        ['user', EXACT, 'a'],
      ],
      42,
      'Entity type user cannot appear more than once in the filter.',
    ],
    [
      [['user', EXACT, null]],
      42,
      'Request specified MATCH_TYPE_EXACT, but set match string to null.',
    ],
    [
      [['user', DEFAULT, 'a']],
      42,
      'Request specified MATCH_TYPE_DEFAULT, but also specified a match string.',
    ],
    [
      [['user', ANY, 'a']],
      42,
      'Request specified MATCH_TYPE_SPECIFIED, but also specified a match string.',
    ],
    [[['user', 5, 'a']], 42, 'Unknown match type 5'],
  ]
  scenario('refuses filters that contradict', async () => {
    const wire = await connect()
    for (const [filter, code, why] of invalid) {
      expect(await quotas(wire, filter)).toEqual([code, why])
    }
  })
})

/** Of everybody here; removed by a connection that is not left alone. */
async function withQuota(ops: Ops, run: () => Promise<void>): Promise<void> {
  const wire = await connect()
  const everybody = { user: 'ANONYMOUS', 'client-id': 'ottla-test' }
  await alterQuotas(wire, [entry(everybody, ops)])
  await until(async () => (await quotas(wire, [['user', EXACT, 'ANONYMOUS']])).length === 1)
  try {
    await run()
  } finally {
    const none = Object.fromEntries(Object.keys(ops).map((key) => [key, null]))
    const last = await connect()
    await alterQuotas(last, [entry(everybody, none)])
    await until(async () => (await quotas(last, [['user', EXACT, 'ANONYMOUS']])).length === 0)
  }
}

/** The broker has answered and looks at nothing more. */
async function isMuted(wire: Wire): Promise<boolean> {
  wire.send(ApiVersions, 0, {})
  return wire.frame(700).then(
    () => false,
    () => true,
  )
}

describe('A client over its quota', () => {
  scenario('of produced bytes is answered at once, told how long, and left alone', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    await withQuota({ producer_byte_rate: 1_000 }, async () => {
      const body = produceBody(name, 0, batchOfSize(30_000))
      const { throttleTimeMs, responses } = await wire.call(Produce, 9, body)
      expect(responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: 0, baseOffset: 0 })
      expect(throttleTimeMs).toBeGreaterThan(15_000)
      expect(throttleTimeMs).toBeLessThan(40_000)
      expect(await isMuted(wire)).toBe(true)
    })
  })

  scenario('of fetched bytes is told so on each of its connections, and gets nothing', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    for (let times = 0; times < 3; times++) await produce(wire, name, 0, batchOfSize(9_000))
    const read = async (on: Wire) => {
      const body = fetchBody(name, [[0, 0]])
      const got = await on.call(Fetch, 12, body)
      const records = got.responses[0]?.partitions[0]?.records ?? null
      return { throttleTimeMs: got.throttleTimeMs, bytes: records?.length ?? 0 }
    }
    await withQuota({ consumer_byte_rate: 1_000 }, async () => {
      // Ten seconds of it at once, and one batch whatever its size.
      await until(async () => {
        const { throttleTimeMs, bytes } = await read(await connect())
        expect(bytes).toBeLessThan(11_000)
        return throttleTimeMs > 0
      })
      const { throttleTimeMs, bytes } = await read(await connect())
      expect(throttleTimeMs).toBeGreaterThan(0)
      expect(bytes).toBe(0)
    })
  })

  scenario(
    'of partitions is refused what is too much, or left alone where it knows no better',
    async () => {
      const names = [topic(), topic(), topic(), topic(), topic()]
      const create = async (version: number, ...topics: readonly [number, number][]) => {
        const wire = await connect()
        const asked = topics.map(([at, partitions]) => topicToCreate(names[at]!, partitions))
        const got = await wire.call(CreateTopics, version, { topics: asked, timeoutMs: 15_000 })
        const codes = got.topics.map(({ name, errorCode, errorMessage }) => {
          return [names.indexOf(name), errorCode, errorMessage]
        })
        return { codes: codes.sort(), throttleTimeMs: got.throttleTimeMs }
      }
      await withQuota({ controller_mutation_rate: 0.1 }, async () => {
        // A hundredth of a partition and more is there at once: eleven windows.
        expect(await create(7, [0, 1], [1, 2])).toMatchObject({
          codes: [
            [0, 0, null],
            [1, 0, null],
          ],
          throttleTimeMs: 0,
        })
        const over = await create(7, [2, 1])
        expect(over.codes).toEqual([[2, 89, null]])
        expect(over.throttleTimeMs).toBeGreaterThan(10_000)
        expect(over.throttleTimeMs).toBeLessThan(20_000)
        const older = await create(5, [3, 1])
        expect(older.codes).toEqual([[3, 0, null]])
        expect(older.throttleTimeMs).toBeGreaterThan(20_000)
        const wire = await connect()
        const deletion = {
          topics: [{ name: names[0]!, topicId: ZERO_TOPIC_ID }],
          timeoutMs: 15_000,
        }
        const deleted = await wire.call(DeleteTopics, 6, deletion)
        expect(deleted.responses).toMatchObject([{ errorCode: 89, errorMessage: null }])
        expect(deleted.throttleTimeMs).toBeGreaterThan(20_000)
        const growth = { topics: [{ name: names[0]!, count: 2, assignments: null }] }
        const grown = await (await connect()).call(CreatePartitions, 3, {
          ...growth,
          timeoutMs: 15_000,
          validateOnly: false,
        })
        expect(grown.results).toMatchObject([{ errorCode: 89, errorMessage: null }])
      })
    },
  )
})

describe('Connections of one address', () => {
  scenario('are closed beyond max.connections.per.ip', async () => {
    const wire = await connect()
    const set = (value: string | null) => {
      const change = { name: 'max.connections.per.ip', configOperation: value === null ? 1 : 0 }
      const resource = { resourceType: 4, resourceName: '', configs: [{ ...change, value }] }
      const body = { resources: [resource], validateOnly: false }
      return wire.call(IncrementalAlterConfigs, 1, body)
    }
    const isServed = async () => {
      const one = await connect()
      return one.call(ApiVersions, 0, {}).then(
        () => true,
        () => false,
      )
    }
    await set('3')
    try {
      await until(async () => !(await isServed()))
      expect(await isServed()).toBe(false)
    } finally {
      await set(null)
    }
    await until(isServed)
  })
})

describe('users, access rules and quotas', () => {
  scenario('are there after a restart', async () => {
    const wire = await connect()
    const name = topic()
    await alterUsers(wire, [{ name, iterations: 7_000 }])
    await createRules(wire, [rule(name)])
    await alterQuotas(wire, [entry({ user: name }, { producer_byte_rate: 12 })])
    await restart('kill')
    const again = await connect()
    await until(async () => (await quotas(again, [['user', EXACT, name]])).length === 1)
    expect(await quotas(again, [['user', EXACT, name]])).toEqual([
      `user=${name}: producer_byte_rate=12`,
    ])
    expect(await describeUsers(again, [name])).toEqual({ [name]: [[1, 7_000]] })
    expect(await describeRules(again, { resourceNameFilter: name })).toEqual([
      `2 3 ${name} User:a * 3 3`,
    ])
  })
})
