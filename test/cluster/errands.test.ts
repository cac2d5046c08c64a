import { describe, expect, it } from 'vitest'
import {
  deliverNotice,
  type ErrandDeps,
  fenceTopic,
  fenceTopics,
  freeSome,
  hasErrands,
  runErrands,
  tellGroups,
} from '../../src/cluster/errands.ts'
import type { TopicId } from '../../src/core/ids.ts'
import type { Freeing } from '../../src/partition/contract.ts'
import { openCluster } from './fakes.ts'

interface Fakes {
  readonly fence?: (partition: number) => void | Promise<void>
  readonly configure?: (partition: number, version: number) => void
  readonly free?: (partition: number) => Freeing
  readonly changed?: (groupId: string, version: number) => void
}

/** A topic of four partitions, of which 0 and 2 were written. */
function world(fakes: Fakes = {}) {
  const cluster = openCluster()
  const [created] = cluster.create([{ name: 't', numPartitions: 4 }])
  const id = created?.topicId as TopicId
  cluster.admit(id, 0, true)
  cluster.admit(id, 2, true)
  const calls: string[] = []
  const deps: ErrandDeps = {
    waiting: new Set(),
    state: cluster.state,
    commit: cluster.keep,
    report: () => {},
    group: () => ({
      async metadataChanged(groupId, version) {
        calls.push(`tell ${groupId} ${version}`)
        fakes.changed?.(groupId, version)
      },
    }),
    partition: (_, partition) => ({
      async fence() {
        calls.push(`fence ${partition}`)
        await fakes.fence?.(partition)
      },
      async configure(_target, version, settings) {
        calls.push(`configure ${partition} ${settings.retentionMs}`)
        fakes.configure?.(partition, version)
      },
      async free() {
        calls.push(`free ${partition}`)
        return fakes.free?.(partition) ?? 'freed'
      },
    }),
  }
  return { cluster, id, deps, calls }
}

describe('fencing a deleted topic', () => {
  it('fences the partitions that were written, and no other is touched', async () => {
    const { cluster, id, deps, calls } = world()
    cluster.delete([{ name: 't' }])
    expect(await fenceTopic(deps, id)).toBe(true)
    expect(calls.sort()).toEqual(['fence 0', 'fence 2'])
    expect(openCluster(cluster.storage).state.deleting.get(id)).toBe('freeing')
  })

  it('is not done before every fence stands, and starts again after a restart', async () => {
    let broken = true
    const { cluster, id, deps, calls } = world({
      fence: (partition) => {
        if (broken && partition === 2) throw new Error('the object restarted')
      },
    })
    cluster.delete([{ name: 't' }])
    expect(await fenceTopics(deps, [id])).toEqual([id])
    expect(openCluster(cluster.storage).state.deleting.get(id)).toBe('fencing')
    broken = false
    expect(await fenceTopics(deps, [id])).toEqual([])
    expect(calls.filter((call) => call === 'fence 2')).toHaveLength(2)
  })

  it('forgets a topic that was never written at once', async () => {
    const { cluster, deps, calls } = world()
    const [empty] = cluster.create([{ name: 'empty' }])
    cluster.delete([{ name: 'empty' }])
    expect(await fenceTopics(deps, [empty?.topicId as TopicId])).toEqual([])
    expect(calls).toEqual([])
    expect(hasErrands(cluster.state)).toBe(false)
    expect(hasErrands(openCluster(cluster.storage).state)).toBe(false)
  })

  it('calls a bounded number of partitions at once', async () => {
    let under = 0
    let most = 0
    const { cluster, deps } = world({
      fence: async () => {
        most = Math.max(most, ++under)
        await new Promise((resolve) => setTimeout(resolve, 1))
        under--
      },
    })
    const [wide] = cluster.create([{ name: 'wide', numPartitions: 100 }])
    const id = wide?.topicId as TopicId
    for (let partition = 0; partition < 100; partition++) cluster.admit(id, partition, true)
    cluster.delete([{ name: 'wide' }])
    expect(await fenceTopic(deps, id)).toBe(true)
    expect(most).toBe(16)
  })
})

describe('freeing', () => {
  it('asks each written partition until nothing is left, and remembers how far it got', async () => {
    let left = 3
    const { cluster, id, deps, calls } = world({
      free: (p) => (p === 0 || --left <= 0 ? 'freed' : 'more'),
    })
    cluster.delete([{ name: 't' }])
    await fenceTopic(deps, id)
    calls.length = 0
    expect(await freeSome(deps)).toBe(true)
    expect(openCluster(cluster.storage).state.written.get(id)).toEqual(new Set([2]))
    await freeSome(deps)
    await freeSome(deps)
    expect(calls).toEqual(['free 0', 'free 2', 'free 2', 'free 2'])
    expect(hasErrands(cluster.state)).toBe(false)
    expect(openCluster(cluster.storage).state.written.size).toBe(0)
  })

  it('waits when all that is left has to, and not while anything else gets on', async () => {
    let other: Freeing = 'more'
    const { cluster, id, deps } = world({ free: (p) => (p === 0 ? 'later' : other) })
    cluster.delete([{ name: 't' }])
    await fenceTopic(deps, id)
    expect(await freeSome(deps)).toBe(true)
    other = 'freed'
    await freeSome(deps)
    expect(await freeSome(deps)).toBe(false)
    expect(openCluster(cluster.storage).state.written.get(id)).toEqual(new Set([0]))
  })

  it('asks those that wait in turn, when the others are done', async () => {
    const { cluster, deps, calls } = world({ free: () => 'later' })
    const [wide] = cluster.create([{ name: 'wide', numPartitions: 100 }])
    const id = wide?.topicId as TopicId
    for (let partition = 0; partition < 100; partition++) cluster.admit(id, partition, true)
    cluster.delete([{ name: 'wide' }])
    await fenceTopic(deps, id)
    calls.length = 0
    for (let run = 0; run < 3; run++) expect(await freeSome(deps)).toBe(false)
    expect(calls).toHaveLength(3 * 64)
    expect(new Set(calls).size).toBe(100)
  })

  it('does not start before the fences stand', async () => {
    const { cluster, deps, calls } = world()
    cluster.delete([{ name: 't' }])
    await freeSome(deps)
    expect(calls).toEqual([])
  })

  it('takes a bounded number of steps', async () => {
    const { cluster, deps, calls } = world()
    const [wide] = cluster.create([{ name: 'wide', numPartitions: 100 }])
    const id = wide?.topicId as TopicId
    for (let partition = 0; partition < 100; partition++) cluster.admit(id, partition, true)
    cluster.delete([{ name: 'wide' }])
    await fenceTopic(deps, id)
    calls.length = 0
    expect(await freeSome(deps)).toBe(true)
    expect(calls).toHaveLength(64)
    expect(await freeSome(deps)).toBe(true)
    expect(calls).toHaveLength(100)
    expect(hasErrands(cluster.state)).toBe(false)
  })

  it('says when a partition fails, so that it is tried later', async () => {
    const { cluster, id, deps } = world({
      free: () => {
        throw new Error('overloaded')
      },
    })
    cluster.delete([{ name: 't' }])
    await fenceTopic(deps, id)
    expect(await freeSome(deps)).toBe(false)
    expect(hasErrands(cluster.state)).toBe(true)
  })
})

describe('a notice', () => {
  it('reaches the partitions that were written and is then done', async () => {
    const { cluster, id, deps, calls } = world()
    cluster.set(2, 't', { 'retention.ms': '5' })
    expect(await deliverNotice(deps, id)).toBe(true)
    expect(calls.sort()).toEqual(['configure 0 5', 'configure 2 5'])
    expect(hasErrands(openCluster(cluster.storage).state)).toBe(false)
  })

  it('stays owed until all have heard of it', async () => {
    let broken = true
    const { cluster, id, deps } = world({
      configure: (partition) => {
        if (broken && partition === 0) throw new Error('moved')
      },
    })
    cluster.set(2, 't', { 'retention.ms': '5' })
    expect(await runErrands(deps)).toBe(false)
    expect(openCluster(cluster.storage).state.notices.has(id)).toBe(true)
    broken = false
    expect(await runErrands(deps)).toBe(true)
    expect(hasErrands(cluster.state)).toBe(false)
  })

  it('of a change made while an older one is delivered is not lost', async () => {
    const { cluster, id, deps, calls } = world({
      configure: () => {
        if (calls.length === 1) cluster.set(2, 't', { 'retention.ms': '6' })
      },
    })
    cluster.set(2, 't', { 'retention.ms': '5' })
    await deliverNotice(deps, id)
    expect(cluster.state.notices.has(id)).toBe(true)
    await deliverNotice(deps, id)
    expect(calls.slice(-2).sort()).toEqual(['configure 0 6', 'configure 2 6'])
    expect(hasErrands(cluster.state)).toBe(false)
  })

  it('dies with its topic', async () => {
    const { cluster, deps } = world()
    cluster.set(2, 't', { 'retention.ms': '5' })
    cluster.delete([{ name: 't' }])
    expect(cluster.state.notices.size).toBe(0)
    expect(await runErrands(deps)).toBe(true)
    expect(hasErrands(openCluster(cluster.storage).state)).toBe(false)
  })
})

describe('a notice to a group', () => {
  it('tells it the version and is then done, also for a restart', async () => {
    const { cluster, deps, calls } = world()
    cluster.register('g', { topicNames: ['t'] })
    cluster.grow([{ name: 't', count: 5 }])
    const version = cluster.state.metadataVersion
    expect(openCluster(cluster.storage).state.groupNotices).toEqual(new Map([['g', version]]))
    expect(await tellGroups(deps, ['g'])).toBe(true)
    expect(calls).toEqual([`tell g ${version}`])
    expect(hasErrands(openCluster(cluster.storage).state)).toBe(false)
  })

  it('stays owed until the group has heard of it', async () => {
    let broken = true
    const { cluster, deps } = world({
      changed: () => {
        if (broken) throw new Error('moved')
      },
    })
    cluster.register('g', { allTopics: true })
    cluster.delete([{ name: 't' }])
    expect(await runErrands(deps)).toBe(false)
    expect(openCluster(cluster.storage).state.groupNotices.has('g')).toBe(true)
    broken = false
    expect(await runErrands(deps)).toBe(true)
    expect(cluster.state.groupNotices.size).toBe(0)
  })

  it('of a change made while an older one is told is not lost', async () => {
    const { cluster, deps, calls } = world({
      changed: () => {
        if (calls.length === 1) cluster.create([{ name: 'second' }])
      },
    })
    cluster.register('g', { allTopics: true })
    cluster.create([{ name: 'first' }])
    await tellGroups(deps, ['g'])
    expect(cluster.state.groupNotices.get('g')).toBe(cluster.state.metadataVersion)
    await tellGroups(deps, ['g'])
    expect(calls.at(-1)).toBe(`tell g ${cluster.state.metadataVersion}`)
    expect(hasErrands(cluster.state)).toBe(false)
  })

  it('dies with the entry of the group', async () => {
    const { cluster, deps, calls } = world()
    cluster.register('g', { allTopics: true })
    cluster.create([{ name: 'first' }])
    cluster.removeGroup('g')
    expect(await runErrands(deps)).toBe(true)
    expect(calls).toEqual([])
    expect(hasErrands(openCluster(cluster.storage).state)).toBe(false)
  })
})
