import { describe, expect, it } from 'vitest'
import { type SweepDeps, startSweep, sweepDueMs, sweepStep } from '../../src/cluster/sweep.ts'
import {
  SWEEP_BUSY_AGE_MS,
  SWEEP_IDLE_AGE_MS,
  SWEEP_INTERVAL_MS,
  SWEEP_STEP_OBJECTS,
} from '../../src/core/limits/coordinators.ts'
import { openCluster } from './fakes.ts'

/** A directory whose objects have state when `exists` says so; `late` runs while they are asked. */
function world(exists: (id: string) => boolean, late: () => void = () => {}) {
  const cluster = openCluster()
  const asked: string[] = []
  const object = (id: string) => ({
    async exists() {
      asked.push(id)
      late()
      return exists(id)
    },
  })
  const deps: SweepDeps = {
    state: cluster.state,
    commit: cluster.keep,
    group: object,
    transaction: object,
    report: () => {},
  }
  const sweep = async (nowMs: number) => {
    const under = startSweep(cluster.state, nowMs)
    while (!(await sweepStep(deps, under, nowMs)));
  }
  const left = () => {
    const { groups, transactions } = openCluster(cluster.storage).state
    return [...groups.keys(), ...transactions.keys()].sort()
  }
  return { cluster, deps, asked, sweep, left }
}

describe('a sweep of the directory', () => {
  it('removes old entries of objects without state, and keeps the others', async () => {
    const { cluster, sweep, left } = world((id) => id.startsWith('alive'))
    cluster.register('alive group')
    cluster.register('dead group')
    cluster.registerTransaction('alive id')
    cluster.registerTransaction('dead id', { state: 'CompleteCommit' })
    await sweep(SWEEP_IDLE_AGE_MS)
    expect(left()).toEqual(['alive group', 'alive id'])
  })

  it('does not ask about an entry that is young, however dead it looks', async () => {
    const { cluster, asked, sweep, left } = world(() => false)
    cluster.register('g', {}, 1)
    cluster.registerTransaction('x', { state: 'Dead' }, 1)
    await sweep(SWEEP_IDLE_AGE_MS)
    expect(asked).toEqual([])
    expect(left()).toEqual(['g', 'x'])
  })

  it('asks about one in which something goes on only after long', async () => {
    const { cluster, asked, sweep, left } = world(() => false)
    cluster.register('g', { state: 'Stable' })
    cluster.registerTransaction('x', { state: 'Ongoing' })
    await sweep(SWEEP_BUSY_AGE_MS - 1)
    expect(asked).toEqual([])
    await sweep(SWEEP_BUSY_AGE_MS)
    expect(left()).toEqual([])
  })

  it('keeps an entry that is registered again while its object is asked', async () => {
    const { cluster, sweep, left } = world(
      () => false,
      () => cluster.register('g', {}, SWEEP_IDLE_AGE_MS),
    )
    cluster.register('g')
    await sweep(SWEEP_IDLE_AGE_MS)
    expect(left()).toEqual(['g'])
  })

  it('keeps the entry of an object that does not answer', async () => {
    const { cluster, sweep, left } = world(() => {
      throw new Error('overloaded')
    })
    cluster.register('g')
    await sweep(SWEEP_IDLE_AGE_MS)
    expect(left()).toEqual(['g'])
  })

  it('asks a bounded number of objects in a step', async () => {
    const { cluster, deps, asked } = world(() => true)
    for (let i = 0; i < SWEEP_STEP_OBJECTS + 1; i++) cluster.register(`g${i}`)
    const under = startSweep(cluster.state, SWEEP_IDLE_AGE_MS)
    expect(await sweepStep(deps, under, SWEEP_IDLE_AGE_MS)).toBe(false)
    expect(asked).toHaveLength(SWEEP_STEP_OBJECTS)
    expect(cluster.state.sweptMs).toBe(0)
    expect(await sweepStep(deps, under, SWEEP_IDLE_AGE_MS)).toBe(true)
    expect(asked).toHaveLength(SWEEP_STEP_OBJECTS + 1)
  })

  it('is due some hours after the last, and never while the directory is empty', async () => {
    const { cluster, sweep } = world(() => true)
    expect(sweepDueMs(cluster.state)).toBe(Number.POSITIVE_INFINITY)
    cluster.register('g')
    await sweep(5_000)
    const restarted = openCluster(cluster.storage).state
    expect(sweepDueMs(restarted)).toBe(5_000 + SWEEP_INTERVAL_MS)
  })
})
