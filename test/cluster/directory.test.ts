import { describe, expect, it } from 'vitest'
import { groupMetadata, listGroups, listTransactions } from '../../src/cluster/directory.ts'
import type { TopicId } from '../../src/core/ids.ts'
import {
  DIRECTORY_ENTRY_CHARACTERS,
  DIRECTORY_REFRESH_MS,
} from '../../src/core/limits/coordinators.ts'
import { memoryStorage, openCluster } from './fakes.ts'

/** A storage that counts the transactions written. */
function countedStorage() {
  const storage = memoryStorage()
  const counted = {
    ...storage,
    writes: 0,
    transactionSync<T>(closure: () => T): T {
      counted.writes += 1
      return storage.transactionSync(closure)
    },
  }
  return counted
}

describe('the directory of groups', () => {
  it('lists what was registered, sorted, after a restart too', () => {
    const cluster = openCluster()
    cluster.register('b', { type: 'consumer', state: 'Stable' })
    cluster.register('a', { protocolType: 'connect' })
    cluster.register('b', { type: 'consumer', state: 'Reconciling' })
    const listed = [
      { groupId: 'a', type: 'classic', protocolType: 'connect', state: 'Empty' },
      { groupId: 'b', type: 'consumer', protocolType: 'consumer', state: 'Reconciling' },
    ]
    expect(listGroups(cluster.state)).toEqual(listed)
    expect(listGroups(openCluster(cluster.storage).state)).toEqual(listed)
    cluster.removeGroup('a')
    cluster.removeGroup('a')
    expect(listGroups(openCluster(cluster.storage).state)).toEqual(listed.slice(1))
  })

  it('writes no row for what it knows, until the entry is old', () => {
    const storage = countedStorage()
    const cluster = openCluster(storage)
    cluster.register('g', { topicNames: ['t'] }, 1_000)
    const { writes } = storage
    cluster.register('g', { topicNames: ['t'] }, 2_000)
    expect(storage.writes).toBe(writes)
    cluster.register('g', { topicNames: ['t', 'u'] }, 2_000)
    expect(storage.writes).toBe(writes + 1)
    cluster.register('g', { topicNames: ['t', 'u'] }, 2_000 + DIRECTORY_REFRESH_MS)
    expect(storage.writes).toBe(writes + 2)
    expect(openCluster(storage).state.groups.get('g')?.atMs).toBe(2_000 + DIRECTORY_REFRESH_MS)
  })

  it('answers a registration with its living topics, the version and the configuration', () => {
    const cluster = openCluster(memoryStorage(), { 'group.max.size': '7' })
    const [a, b] = cluster.create([{ name: 'a', numPartitions: 2 }, { name: 'b' }, { name: 'c' }])
    const gone = cluster.create([{ name: 'gone' }])[0]?.topicId as TopicId
    cluster.delete([{ name: 'gone' }])
    const id = b?.topicId as TopicId
    const got = cluster.register('g', { topicNames: ['a', 'none'], topicIds: [id, gone] })
    expect(got.topics).toEqual([
      { id: a?.topicId, name: 'a', partitions: 2 },
      { id, name: 'b', partitions: 1 },
    ])
    expect(got.version).toBe(cluster.state.metadataVersion)
    expect(got.configs).toMatchObject({
      'group.max.size': '7',
      'group.consumer.session.timeout.ms': '45000',
    })
    const all = cluster.register('h', { allTopics: true })
    expect(all.topics.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
  })

  it('keeps an entry of too many topics as one that is told of all', () => {
    const cluster = openCluster()
    const topicNames = Array.from({ length: DIRECTORY_ENTRY_CHARACTERS / 100 + 1 }, (_, i) =>
      String(i).padStart(100, 'x'),
    )
    cluster.register('g', { topicNames })
    const { state } = openCluster(cluster.storage)
    expect(state.groups.get('g')?.entry).toMatchObject({ topicNames: [], allTopics: true })
    cluster.create([{ name: topicNames[3] as string }])
    expect(cluster.state.groupNotices.has('g')).toBe(true)
  })

  it('gives topics of names and ids, or all of them', () => {
    const { state, create } = openCluster()
    create([{ name: 'b' }, { name: 'a' }])
    const names = (wanted: Partial<Parameters<typeof groupMetadata>[1]>) =>
      groupMetadata(state, { names: [], ids: [], all: false, ...wanted }).topics.map((t) => t.name)
    expect(names({})).toEqual([])
    expect(names({ names: ['b', 'b', 'none'], ids: [state.names.get('b') as TopicId] })).toEqual([
      'b',
    ])
    expect(names({ all: true })).toEqual(['a', 'b'])
  })
})

describe('the directory of transactional ids', () => {
  it('lists what was registered, sorted, after a restart too', () => {
    const cluster = openCluster(memoryStorage(), { 'transaction.max.timeout.ms': '5' })
    cluster.registerTransaction('y', { producerId: 7, state: 'Ongoing', startTimeMs: 9 })
    const configs = cluster.registerTransaction('x')
    expect(configs).toMatchObject({ 'transaction.max.timeout.ms': '5' })
    const listed = [
      { transactionalId: 'x', producerId: 1, state: 'Empty', startTimeMs: -1 },
      { transactionalId: 'y', producerId: 7, state: 'Ongoing', startTimeMs: 9 },
    ]
    expect(listTransactions(openCluster(cluster.storage).state)).toEqual(listed)
    cluster.removeTransaction('x')
    cluster.removeTransaction('x')
    expect(listTransactions(openCluster(cluster.storage).state)).toEqual(listed.slice(1))
  })

  it('writes no row for what it knows', () => {
    const storage = countedStorage()
    const cluster = openCluster(storage)
    cluster.registerTransaction('x', {}, 1_000)
    const { writes } = storage
    cluster.registerTransaction('x', {}, 2_000)
    expect(storage.writes).toBe(writes)
    cluster.registerTransaction('x', { state: 'Ongoing', startTimeMs: 3 }, 2_000)
    expect(storage.writes).toBe(writes + 1)
  })
})

describe('the metadata version', () => {
  const versionAfter = (change: (cluster: ReturnType<typeof openCluster>) => void) => {
    const cluster = openCluster()
    cluster.create([{ name: 't', numPartitions: 2 }, { name: 'u' }])
    cluster.register('byName', { topicNames: ['t', 'new'] })
    cluster.register('byId', { topicIds: [cluster.state.names.get('t') as TopicId] })
    cluster.register('byPattern', { allTopics: true })
    cluster.register('other', { topicNames: ['u'] })
    const before = cluster.state.metadataVersion
    change(cluster)
    const { state } = openCluster(cluster.storage)
    expect(state.metadataVersion).toBe(cluster.state.metadataVersion)
    for (const version of state.groupNotices.values()) expect(version).toBe(state.metadataVersion)
    return { raised: state.metadataVersion - before, told: [...state.groupNotices.keys()].sort() }
  }

  it('rises with a creation, which groups of its name and of patterns hear of', () => {
    const told = ['byName', 'byPattern']
    expect(versionAfter((cluster) => cluster.create([{ name: 'new' }]))).toEqual({
      raised: 1,
      told,
    })
    expect(versionAfter((cluster) => cluster.lookup({ names: ['new'], autoCreate: true }))).toEqual(
      { raised: 1, told },
    )
  })

  it('rises once for all of a request', () => {
    expect(
      versionAfter((cluster) => cluster.create([{ name: 'new' }, { name: 'v' }])),
    ).toMatchObject({ raised: 1 })
  })

  it('rises with growth and deletion, which groups of its name and id hear of', () => {
    const told = ['byId', 'byName', 'byPattern']
    expect(versionAfter((cluster) => cluster.grow([{ name: 't', count: 3 }]))).toEqual({
      raised: 1,
      told,
    })
    expect(versionAfter((cluster) => cluster.delete([{ name: 't' }]))).toEqual({ raised: 1, told })
  })

  it('stays with what concerns no topic as such', () => {
    const nothing = { raised: 0, told: [] }
    expect(versionAfter((cluster) => cluster.set(2, 't', { 'retention.ms': '5' }))).toEqual(nothing)
    expect(versionAfter((cluster) => cluster.create([{ name: 'new' }], true))).toEqual(nothing)
    expect(versionAfter((cluster) => cluster.grow([{ name: 't', count: 2 }]))).toEqual(nothing)
    expect(versionAfter((cluster) => cluster.delete([{ name: 'none' }]))).toEqual(nothing)
  })

  it('is told to what a group is registered for now, not before', () => {
    expect(
      versionAfter((cluster) => {
        cluster.register('byName', { topicNames: ['other'] })
        cluster.removeGroup('byPattern')
        cluster.create([{ name: 'new' }])
      }),
    ).toEqual({ raised: 1, told: [] })
  })
})
