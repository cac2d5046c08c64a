import { describe, expect, it } from 'vitest'
import type { GroupChange } from '../../src/group/commands.ts'
import type { KeptOffset } from '../../src/group/offsets.ts'
import { GroupReporting, type ReportedGroup } from '../../src/group/reporting.ts'
import type { GroupReport } from '../../src/statistics/contract.ts'
import { idOf } from './harness.ts'

function kept(offset: number): KeptOffset {
  const plain = { leaderEpoch: -1, metadata: '', committedMs: 0, expiresMs: null, history: '' }
  return { ...plain, offset, sequence: offset }
}

function coordinator() {
  const sent: GroupReport[] = []
  const partitions = new Map<number, KeptOffset>()
  const state = { exists: true, fails: false, members: 2, name: 'Stable' }
  let fire: (() => void) | null = null
  const reporting = new GroupReporting({
    group: (): ReportedGroup | null =>
      state.exists
        ? {
            groupId: 'g',
            type: 'consumer',
            state: state.name,
            members: state.members,
            topics: [[idOf('t'), { name: 't', partitions }]],
          }
        : null,
    groupId: () => 'g',
    now: () => 0,
    startTimer: (timer) => {
      fire = timer
      return () => {}
    },
    send: async (report) => {
      if (state.fails) throw new Error('unreachable')
      sent.push(report)
    },
    report: () => {},
  })
  return {
    sent,
    state,
    reporting,
    commit(partition: number, offset: number) {
      partitions.set(partition, kept(offset))
      const change = {
        kind: 'commit',
        topicId: idOf('t'),
        name: 't',
        partition,
        kept: kept(offset),
      }
      reporting.written([{ kind: 'offset', offset: change } as GroupChange])
    },
    forget(partition: number) {
      partitions.delete(partition)
      const change = { kind: 'forget', topicId: idOf('t'), partition }
      reporting.written([{ kind: 'offset', offset: change } as GroupChange])
    },
    async tell() {
      const due = fire
      fire = null
      due?.()
      for (let turn = 0; turn < 5; turn++) await Promise.resolve()
    },
  }
}

const topics = (...partitions: (readonly [number, number])[]) => [
  { topicId: idOf('t'), name: 't', partitions },
]

describe('what a coordinator reports', () => {
  it('is everything at first, then only what was committed or forgotten since', async () => {
    const group = coordinator()
    group.commit(0, 5)
    group.commit(1, 7)
    await group.tell()
    group.commit(1, 8)
    await group.tell()
    group.forget(0)
    await group.tell()
    expect(group.sent.map(({ whole, topics: told }) => [whole, told])).toEqual([
      [true, topics([0, 5], [1, 7])],
      [false, topics([1, 8])],
      [false, topics([0, -1])],
    ])
    expect(group.sent[0]).toMatchObject({ groupId: 'g', state: 'Stable', members: 2, gone: false })
  })

  it('is everything again when a report was lost', async () => {
    const group = coordinator()
    group.commit(0, 5)
    await group.tell()
    group.state.fails = true
    group.commit(0, 6)
    await group.tell()
    group.state.fails = false
    group.commit(1, 7)
    await group.tell()
    expect(group.sent[1]).toMatchObject({ whole: true, topics: topics([0, 6], [1, 7]) })
  })

  it('is its state without an offset when only that has changed', async () => {
    const group = coordinator()
    group.commit(0, 5)
    await group.tell()
    group.state.name = 'Empty'
    group.state.members = 0
    group.reporting.changed()
    await group.tell()
    expect(group.sent[1]).toMatchObject({ state: 'Empty', members: 0, whole: false, topics: [] })
  })

  it('is everything of a group that came where another one went, though nobody was told that', async () => {
    const group = coordinator()
    group.commit(0, 5)
    await group.tell()
    group.reporting.written([{ kind: 'gone' }])
    group.commit(1, 3)
    await group.tell()
    expect(group.sent[1]).toMatchObject({ gone: false, whole: true })
  })

  it('says that the group is gone, and has everything of the next one', async () => {
    const group = coordinator()
    group.commit(0, 5)
    await group.tell()
    group.state.exists = false
    group.reporting.written([{ kind: 'gone' }])
    await group.tell()
    expect(group.sent[1]).toMatchObject({ groupId: 'g', gone: true })
    group.state.exists = true
    group.commit(2, 1)
    await group.tell()
    expect(group.sent[2]).toMatchObject({ gone: false, whole: true })
  })
})
