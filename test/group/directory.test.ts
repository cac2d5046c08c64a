import { describe, expect, it } from 'vitest'
import type { GroupEntry, GroupRegistration } from '../../src/cluster/contract.ts'
import { Directory } from '../../src/group/directory.ts'
import { idOf } from './harness.ts'

const ENTRY: GroupEntry = {
  groupId: 'g',
  type: 'classic',
  protocolType: 'consumer',
  state: 'Stable',
  topicIds: [idOf('t')],
  topicNames: [],
  allTopics: false,
}

/** A Cluster whose calls are answered by hand, in order. */
function setUp() {
  const calls: { readonly entry: GroupEntry | null; readonly end: (error?: Error) => void }[] = []
  const state = { entry: null as GroupEntry | null, nowMs: 0 }
  const log: string[] = []
  const call = <Answer>(entry: GroupEntry | null, answer: Answer) =>
    new Promise<Answer>((resolve, reject) => {
      calls.push({ entry, end: (error) => (error ? reject(error) : resolve(answer)) })
    })
  const told: GroupRegistration = { version: 1, topics: [], configs: {} }
  const directory = new Directory({
    cluster: {
      registerGroup: (entry) => call(entry, told),
      removeGroup: () => call(null, undefined),
    },
    now: () => state.nowMs,
    entry: () => state.entry,
    learn: (asked) => void log.push(`learnt ${asked.length}`),
    removed: () => void log.push('removed'),
    report: (event) => void log.push(event),
  })
  const settle = () => new Promise((done) => setTimeout(done, 0))
  const end = async (error?: Error) => {
    await settle()
    calls.at(-1)?.end(error)
    await settle()
  }
  return { directory, calls, state, log, end, settle }
}

describe('the entry of a group', () => {
  it('is there before the group is, with the topics it is about to have', async () => {
    const { directory, calls, log, end } = setUp()
    expect(directory.isRegistered).toBe(false)
    const ready = directory.register('g', { topicIds: [idOf('t')] })
    await end()
    await ready
    expect(calls.map(({ entry }) => entry)).toMatchObject([
      { groupId: 'g', type: 'classic', topicIds: [idOf('t')] },
    ])
    expect(directory.isRegistered).toBe(true)
    expect(log).toEqual(['learnt 1'])
  })

  it('is not taken for written when the call failed, and the next attempt is made', async () => {
    const { directory, calls, end } = setUp()
    const ready = directory.register('g').catch((error: Error) => error.message)
    await end(new Error('lost'))
    expect(await ready).toBe('lost')
    expect(directory.isRegistered).toBe(false)
    const again = directory.register('g')
    await end()
    await again
    expect(calls).toHaveLength(2)
  })

  it('is told once for several changes, as it is then, one call at a time', async () => {
    const { directory, calls, state, end, settle } = setUp()
    state.entry = { ...ENTRY, state: 'PreparingRebalance' }
    directory.changed('g')
    await settle()
    state.entry = { ...ENTRY, state: 'CompletingRebalance' }
    directory.changed('g')
    state.entry = ENTRY
    directory.changed('g')
    await settle()
    expect(calls).toHaveLength(1)
    await end()
    await end()
    expect(calls.map(({ entry }) => entry?.state)).toEqual(['PreparingRebalance', 'Stable'])
  })

  it('is taken out when the group is gone, and entered again should it come back', async () => {
    const { directory, calls, state, log, end, settle } = setUp()
    directory.changed('g')
    await settle()
    expect(directory.isRegistered).toBe(false)
    const back = directory.register('g')
    state.entry = ENTRY
    await end()
    await end()
    await back
    expect(calls.map(({ entry }) => entry?.state ?? null)).toEqual([null, 'Stable'])
    expect(log).toEqual(['removed', 'learnt 1'])
  })

  it('is entered again after Cluster was told that there is no group', async () => {
    const { directory, end } = setUp()
    const ready = directory.register('g')
    await end()
    await ready
    directory.forget()
    expect(directory.isRegistered).toBe(false)
  })

  it('knows which topics it is told of, and how long ago it was', async () => {
    const { directory, state, end } = setUp()
    const ready = directory.register('g', { topicNames: ['a', 'b'] })
    await end()
    await ready
    expect(directory.watches(['a'], false)).toBe(true)
    expect(directory.watches(['a', 'c'], false)).toBe(false)
    expect(directory.watches([], true)).toBe(false)
    state.nowMs = 500
    expect(directory.ageMs).toBe(500)
    const all = directory.register('g', { allTopics: true })
    await end()
    await all
    expect(directory.watches(['c'], true)).toBe(true)
    expect(directory.ageMs).toBe(0)
  })
})
