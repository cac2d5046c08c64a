import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ClusterState } from '../../src/cluster/cluster.ts'
import { commit, load } from '../../src/cluster/store.ts'
import type { TopicId } from '../../src/core/ids.ts'
import { NewerSchemaError } from '../../src/runtime/storage.ts'
import { memoryStorage, openCluster } from './fakes.ts'

const CHECKED = [
  'cluster',
  'topic',
  'broker_layer',
  'feature',
  'group_entry',
  'transaction_entry',
  'schema_version',
]

/** What a restart must give back; views are made when asked for. */
function durable({ views: _, interests: __, written, collisions, ...state }: ClusterState) {
  return {
    ...state,
    topics: new Map([...state.topics].sort()),
    written: new Map([...written].filter(([, partitions]) => partitions.size > 0)),
    collisions: new Map([...collisions].sort()),
  }
}

describe('the storage of the controller', () => {
  it('keeps the cluster id it was made with', () => {
    const storage = memoryStorage()
    let made = 0
    const newId = () => `id-${made++}`
    expect(load(storage, newId, {}).state.clusterId).toBe('id-0')
    expect(load(storage, newId, {}).state.clusterId).toBe('id-0')
  })

  it('gives back more topics than are read at once, living and deleted', () => {
    const storage = memoryStorage()
    const cluster = openCluster(storage)
    const names = Array.from({ length: 1_203 }, (_, at) => `topic.${at}`)
    cluster.create(names.map((name) => ({ name })))
    const doomed = cluster.state.names.get('topic.700') as TopicId
    commit(storage, cluster.state, [{ kind: 'doomed', id: doomed }])
    const again = openCluster(storage).state
    expect(durable(again)).toEqual(durable(cluster.state))
    expect(again.topics.size).toBe(1_202)
    expect(again.deleting.get(doomed)).toBe('fencing')
  })

  it('of a newer release is refused and left as it is', () => {
    const storage = memoryStorage()
    openCluster(storage)
    storage.database.exec('UPDATE schema_version SET version = 5')
    expect(() => openCluster(storage)).toThrow(NewerSchemaError)
  })

  it('of the first layout is brought up to this one and keeps what it had', () => {
    const storage = memoryStorage()
    const cluster = openCluster(storage, { 'log.retention.hours': '5' })
    cluster.create([{ name: 't', numPartitions: 3 }])
    cluster.admit(cluster.state.names.get('t') as TopicId, 1, true)
    cluster.set(2, 't', { 'retention.ms': '7' })
    cluster.set(4, '', { 'log.retention.ms': '8' })
    const before = durable(cluster.state)
    toFirstLayout(storage)
    const after = openCluster(storage, { 'log.retention.hours': '5' })
    expect(durable(after.state)).toEqual({ ...before, metadataVersion: 0 })
    after.register('g', { topicNames: ['t'] })
    expect(durable(openCluster(storage, { 'log.retention.hours': '5' }).state)).toEqual(
      durable(after.state),
    )
    expect(storage.database.prepare('SELECT version FROM schema_version').all()).toEqual([
      { version: 4 },
    ])
  })

  it.each([
    ["UPDATE cluster SET cluster_id = 'another-id-of-22-chars'", 'the row 0 of cluster is damaged'],
    ['UPDATE cluster SET next_producer_id = 0', 'the row 0 of cluster is damaged'],
    ['DELETE FROM cluster', 'the row of cluster is missing'],
    ['UPDATE topic SET partitions = 1', 'of topic is damaged'],
    ["UPDATE topic SET configs = '{'", 'of topic is damaged'],
    ["UPDATE broker_layer SET configs = '{}'", 'the row dynamicDefault of broker_layer is damaged'],
    ['UPDATE feature SET level = 0', 'of feature is damaged'],
    ["UPDATE group_entry SET entry = '{}'", 'the row g of group_entry is damaged'],
    ["UPDATE transaction_entry SET entry = '{}'", 'the row x of transaction_entry is damaged'],
    ['UPDATE topic SET checksum = NULL', 'of topic is damaged'],
    ['DELETE FROM schema_version', 'layout NaN'],
  ])('that was damaged is refused by name and left as it is: %s', (damage, reason) => {
    const storage = memoryStorage()
    const cluster = openCluster(storage)
    cluster.create([{ name: 't', numPartitions: 3 }])
    cluster.set(2, 't', { 'retention.ms': '7' })
    cluster.set(4, '', { 'log.retention.ms': '8' })
    cluster.keep([{ kind: 'producerIds', next: 1_000 }])
    cluster.register('g', { topicNames: ['t'] })
    cluster.registerTransaction('x')
    const contents = () =>
      CHECKED.map((table) => storage.database.prepare(`SELECT * FROM ${table}`).all())
    openCluster(storage)
    storage.database.exec(damage)
    const damaged = contents()
    expect(() => openCluster(storage)).toThrow(reason)
    expect(contents()).toEqual(damaged)
  })

  it('whose upgrade fails half way is as it was', () => {
    const storage = memoryStorage()
    openCluster(storage).create([{ name: 't' }])
    toFirstLayout(storage)
    storage.database.exec('CREATE TABLE transaction_entry (in_the_way TEXT)')
    expect(() => openCluster(storage)).toThrow()
    storage.database.exec('DROP TABLE transaction_entry')
    expect(openCluster(storage).state.names.has('t')).toBe(true)
  })

  it('keeps all changes of a decision or none', () => {
    const storage = memoryStorage()
    const cluster = openCluster(storage)
    cluster.create([{ name: 't' }])
    const before = durable(cluster.state)
    const id = cluster.state.names.get('t') as TopicId
    storage.database.exec('DROP TABLE notice')
    const changes = [
      { kind: 'written', id, partition: 0 },
      { kind: 'notice', id, version: 9 },
    ] as const
    expect(() => commit(storage, cluster.state, changes)).toThrow()
    expect(durable(cluster.state)).toEqual(before)
    expect(storage.database.prepare('SELECT * FROM written_partition').all()).toEqual([])
  })

  it('gives back after a restart what was there before, whatever happened', () => {
    const names = ['a', 'b.c', 'b_c']
    const name = fc.constantFrom(...names)
    const partition = fc.integer({ min: 0, max: 3 })
    const value = fc.constantFrom('1', '2000', null)
    const step = fc.oneof(
      fc.record({ create: name }),
      fc.record({ grow: name }),
      fc.record({ write: name, partition }),
      fc.record({ set: name, value }),
      fc.record({ broker: fc.constantFrom('', '1'), value }),
      fc.record({ drop: name }),
      fc.record({ group: fc.constantFrom('g', 'h'), topicNames: fc.array(name) }),
      fc.record({ groupGone: fc.constantFrom('g', 'h') }),
      fc.record({ transaction: fc.constantFrom('x', 'y'), producerId: fc.nat() }),
      fc.record({ transactionGone: fc.constantFrom('x', 'y') }),
      fc.record({ level: fc.constantFrom(0, 1, 2) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const storage = memoryStorage()
        const cluster = openCluster(storage)
        for (const one of steps) {
          if ('create' in one) cluster.create([{ name: one.create, numPartitions: 2 }])
          else if ('grow' in one) cluster.grow([{ name: one.grow, count: 4 }])
          else if ('write' in one) {
            const id = cluster.state.names.get(one.write)
            if (id !== undefined) cluster.admit(id, one.partition, true)
          } else if ('set' in one) cluster.set(2, one.set, { 'retention.ms': one.value })
          else if ('broker' in one) cluster.set(4, one.broker, { 'log.retention.ms': one.value })
          else if ('drop' in one) cluster.delete([{ name: one.drop }])
          else if ('group' in one) cluster.register(one.group, { topicNames: one.topicNames })
          else if ('groupGone' in one) cluster.removeGroup(one.groupGone)
          else if ('transaction' in one) cluster.registerTransaction(one.transaction, one)
          else if ('transactionGone' in one) cluster.removeTransaction(one.transactionGone)
          else cluster.updateFeatures({ 'transaction.version': one.level })
        }
        expect(durable(openCluster(storage).state)).toEqual(durable(cluster.state))
      }),
      { numRuns: 60 },
    )
  })
})

/** Takes back what the later layouts added. */
function toFirstLayout({ database }: ReturnType<typeof memoryStorage>): void {
  for (const table of [
    'feature',
    'group_entry',
    'group_config',
    'group_notice',
    'transaction_entry',
    'scram_credential',
    'acl',
    'client_quota',
    'security_version',
  ]) {
    database.exec(`DROP TABLE ${table}`)
  }
  for (const column of ['metadata_version', 'features_epoch', 'swept_ms']) {
    database.exec(`ALTER TABLE cluster DROP COLUMN ${column}`)
  }
  for (const table of ['cluster', 'topic', 'broker_layer']) {
    database.exec(`ALTER TABLE ${table} DROP COLUMN checksum`)
  }
  database.exec('UPDATE schema_version SET version = 1')
}
