import { describe, expect, it } from 'vitest'
import type { TopicId } from '../../src/core/ids.ts'
import {
  STATISTICS_AWAKE_MS,
  STATISTICS_RATE_MAX_AGE_MS,
  STATISTICS_SOURCES,
  STATISTICS_TROUBLE_MS,
} from '../../src/core/limits/statistics.ts'
import type {
  BrokerReport,
  CatalogueReport,
  GroupReport,
  PartitionReport,
} from '../../src/statistics/contract.ts'
import { Figures } from '../../src/statistics/figures.ts'
import { FiguresStore, SCHEMA_VERSION } from '../../src/statistics/store.ts'
import { SqliteStorage } from '../partition/sqlite-storage.ts'

const NOW = 1_800_000_000_000
const id = (name: string) => `${name}-id` as TopicId

function partition(topic: string, said: Partial<PartitionReport> = {}): PartitionReport {
  return {
    kind: 'partition',
    topicId: id(topic),
    partition: 0,
    logStartOffset: 0,
    highWatermark: 100,
    sizeBytes: 1_000,
    writtenBytes: 1_000,
    source: 'a',
    readBytes: 0,
    recordRate: 10,
    writeRate: 100,
    readRate: 1,
    gone: false,
    ...said,
  }
}

function group(groupId: string, said: Partial<GroupReport> = {}): GroupReport {
  return {
    kind: 'group',
    groupId,
    gone: false,
    state: 'Stable',
    type: 'consumer',
    members: 1,
    whole: true,
    topics: [],
    ...said,
  }
}

function offsets(topic: string, ...partitions: (readonly [number, number])[]) {
  return { topicId: id(topic), name: topic, partitions }
}

function catalogue(version: number, ...topics: readonly string[]): CatalogueReport {
  const all = topics.map((name) => ({ id: id(name), name, partitions: 2, written: 1 }))
  return { kind: 'catalogue', version, clusterId: 'cluster', topics: all }
}

function broker(said: Partial<BrokerReport> = {}): BrokerReport {
  const plain = { source: 'i', isKnown: false, isAlone: false, totals: {}, connections: {} }
  return { kind: 'broker', ...plain, ...said }
}

function figuresOf(...reports: Parameters<Figures['report']>[0][]): Figures {
  const figures = new Figures()
  for (const report of reports) figures.report(report, NOW)
  return figures
}

const topicOf = (figures: Figures, name: string, nowMs = NOW) =>
  figures.topics([id(name)], nowMs)[0]

describe('the figures of topics', () => {
  it('are what their leaders last said, all partitions together', () => {
    const figures = figuresOf(
      catalogue(1, 't', 'idle'),
      partition('t', { logStartOffset: 40 }),
      partition('t', { partition: 1, highWatermark: 5, sizeBytes: 50 }),
    )
    expect(topicOf(figures, 't')).toEqual({
      id: id('t'),
      name: 't',
      partitions: 2,
      records: 65,
      sizeBytes: 1_050,
      reportedMs: NOW,
      recordsPerSecond: 20,
      bytesPerSecond: 200,
      worstGroup: null,
    })
  })

  it('are zeros of a topic that nobody wrote to, and not known of one that never reported', () => {
    const topics = [
      { id: id('idle'), name: 'idle', partitions: 2, written: 0 },
      { id: id('old'), name: 'old', partitions: 2, written: 2 },
    ]
    const figures = figuresOf({ ...catalogue(1), topics })
    expect(topicOf(figures, 'idle')).toMatchObject({ records: 0, sizeBytes: 0, reportedMs: null })
    expect(topicOf(figures, 'old')).toMatchObject({ records: null, sizeBytes: null })
    figures.report(partition('old'), NOW)
    expect(topicOf(figures, 'old')).toMatchObject({ records: null })
    expect(figures.overview(NOW)).toMatchObject({ records: 100, unknownPartitions: 1 })
    figures.report(partition('old', { partition: 1 }), NOW)
    expect(topicOf(figures, 'old')).toMatchObject({ records: 200, sizeBytes: 2_000 })
    expect(figures.overview(NOW).unknownPartitions).toBe(0)
  })

  it('are no faster than nothing when a leader has been silent for a while', () => {
    const figures = figuresOf(catalogue(1, 't'), partition('t'))
    const later = (ms: number) => topicOf(figures, 't', NOW + ms)?.recordsPerSecond
    expect(later(STATISTICS_RATE_MAX_AGE_MS)).toBe(10)
    expect(later(STATISTICS_RATE_MAX_AGE_MS + 1)).toBe(0)
    expect(topicOf(figures, 't', NOW + 1e9)?.records).toBe(100)
  })

  it('count once what is reported twice, and miss nothing of a report that was lost', () => {
    const figures = figuresOf(catalogue(1, 't'), partition('t', { readBytes: 10 }))
    const totals = () => {
      const [topic] = figures.metrics(NOW).topics
      return [topic?.writtenBytes, topic?.readBytes]
    }
    figures.report(partition('t', { writtenBytes: 1_500, readBytes: 30 }), NOW)
    figures.report(partition('t', { writtenBytes: 1_500, readBytes: 30 }), NOW)
    expect(totals()).toEqual([1_500, 30])
    figures.report(partition('t', { writtenBytes: 9_000, readBytes: 90 }), NOW)
    expect(totals()).toEqual([9_000, 90])
  })

  it('go on where the next leader, or a log that was emptied, begins anew', () => {
    const figures = figuresOf(catalogue(1, 't'), partition('t', { readBytes: 10 }))
    figures.report(partition('t', { source: 'b', readBytes: 7, writtenBytes: 300 }), NOW)
    expect(figures.metrics(NOW).topics[0]).toMatchObject({ writtenBytes: 1_300, readBytes: 17 })
  })

  it('are forgotten with the topic, whoever says first that it is gone', () => {
    const reports = [
      partition('t'),
      partition('u'),
      group('g', { topics: [offsets('t', [0, 1]), offsets('u', [0, 1])] }),
    ]
    const figures = figuresOf(catalogue(1, 't', 'u'), ...reports)
    const altered = figures.report(partition('t', { gone: true }), NOW)
    expect(altered).toContain(`offsets/${id('t')}/g`)
    expect(figures.logs.size).toBe(1)
    expect(figures.groups(['g'])[0]).toMatchObject({ lag: 99, topics: 1 })
    figures.report(catalogue(2), NOW)
    expect([figures.logs.size, figures.commits.size, figures.catalogue.size]).toEqual([0, 0, 0])
  })

  it('are not made older by a catalogue that was overtaken', () => {
    const figures = figuresOf(catalogue(5, 't'), partition('t'))
    expect(figures.report(catalogue(4), NOW)).toEqual([])
    expect(figures.overview(NOW)).toMatchObject({ topics: 1, partitions: 2, records: 100 })
  })

  it('are of no more partitions than there is room for, and say how often one was left out', () => {
    const figures = new Figures({ partitions: 2, offsets: 2 })
    figures.report(catalogue(1, 't'), NOW)
    for (const at of [0, 1, 2, 3]) figures.report(partition('t', { partition: at }), NOW)
    figures.report(group('g', { topics: [offsets('t', [0, 1], [1, 1], [2, 1])] }), NOW)
    expect([figures.logs.size, figures.commits.size]).toEqual([2, 2])
    expect(figures.metrics(NOW).left).toBe(3)
  })
})

describe('the figures of groups', () => {
  it('are their lag by what the leaders last said', () => {
    const figures = figuresOf(
      catalogue(1, 't', 'u'),
      partition('t'),
      partition('t', { partition: 1, highWatermark: 30 }),
      partition('u', { highWatermark: 7 }),
      group('g', { topics: [offsets('t', [0, 90], [1, 0]), offsets('u', [0, 7])] }),
      group('fast', { topics: [offsets('t', [0, 101])] }),
    )
    expect(figures.groups(['g', 'nobody'])).toEqual([
      {
        groupId: 'g',
        type: 'consumer',
        state: 'Stable',
        members: 1,
        lag: 40,
        topics: 2,
        reportedMs: NOW,
      },
    ])
    // It has committed beyond what the leader has reported so far.
    expect(figures.groups(['fast'])[0]?.lag).toBe(0)
    expect(topicOf(figures, 't')?.worstGroup).toEqual({ groupId: 'g', lag: 40 })
    expect(figures.readersOf(id('t')).map(({ groupId, topicLag }) => [groupId, topicLag])).toEqual([
      ['g', 40],
      ['fast', 0],
    ])
  })

  it('grow while a dead group stands still and its topic goes on', () => {
    const dead = group('dead', { state: 'Empty', members: 0, topics: [offsets('t', [0, 100])] })
    const figures = figuresOf(catalogue(1, 't'), partition('t'), dead)
    expect(figures.overview(NOW)).toMatchObject({ deadGroups: 0, worstGroups: [] })
    figures.report(partition('t', { highWatermark: 600 }), NOW + 60_000)
    const { deadGroups, worstGroups } = figures.overview(NOW + 60_000)
    expect(deadGroups).toBe(1)
    expect(worstGroups).toMatchObject([{ groupId: 'dead', lag: 500, members: 0, reportedMs: NOW }])
  })

  it('take what has changed, and everything in the place of what was there', () => {
    const figures = figuresOf(
      catalogue(1, 't'),
      partition('t'),
      group('g', { topics: [offsets('t', [0, 10], [1, 10])] }),
    )
    figures.report(group('g', { whole: false, topics: [offsets('t', [0, 60], [1, -1])] }), NOW)
    expect(figures.commits.size).toBe(1)
    expect(figures.groups(['g'])[0]?.lag).toBe(40)
    figures.report(group('g', { whole: true, topics: [] }), NOW)
    expect(figures.commits.size).toBe(0)
    figures.report(group('g', { gone: true }), NOW)
    expect(figures.groups(null)).toEqual([])
  })

  it('that lag most are five', () => {
    const groups = Array.from({ length: 9 }, (_, at) =>
      group(`g${at}`, { topics: [offsets('t', [0, 10 * at])] }),
    )
    const figures = figuresOf(catalogue(1, 't'), partition('t'), ...groups)
    expect(figures.overview(NOW).worstGroups.map(({ groupId }) => groupId)).toEqual([
      'g0',
      'g1',
      'g2',
      'g3',
      'g4',
    ])
  })
})

describe('the counters of isolates', () => {
  const totalsOf = (figures: Figures) => figures.metrics(NOW).totals

  it('add up over isolates and their lives, and count a report that came twice once', () => {
    const figures = figuresOf(broker({ totals: { 'requests|Fetch': 5 } }))
    const again = broker({ totals: { 'requests|Fetch': 8 }, isKnown: true })
    figures.report(again, NOW)
    figures.report(again, NOW)
    figures.report(broker({ source: 'j', totals: { 'requests|Fetch': 100 } }), NOW)
    expect(totalsOf(figures)).toEqual({ 'requests|Fetch': 108 })
  })

  it('do not count twice what an isolate says that was forgotten', () => {
    const figures = figuresOf(broker({ totals: { a: 1_000 }, isKnown: true }))
    expect(totalsOf(figures)).toEqual({ a: 0 })
    figures.report(broker({ totals: { a: 1_003 }, isKnown: true }), NOW)
    expect(totalsOf(figures)).toEqual({ a: 3 })
  })

  it('have the connections of isolates that are heard of; where there is one only, of that', () => {
    const figures = figuresOf(
      broker({ source: 'before', connections: { tcp: 7 } }),
      broker({ source: 'beside', connections: { tcp: 2 } }),
    )
    expect(figures.overview(NOW).connections).toBe(9)
    expect(figures.overview(NOW + 3_600_000).connections).toBe(0)
    figures.report(broker({ source: 'now', isAlone: true, connections: { tcp: 1 } }), NOW)
    expect(figures.overview(NOW).connections).toBe(1)
  })

  it("are troubles for some minutes where the broker's own errors are among them", () => {
    const totals = {
      'errors|Produce|KAFKA_STORAGE_ERROR': 3,
      'errors|Fetch|OFFSET_OUT_OF_RANGE': 9,
    }
    const figures = figuresOf(broker({ totals }))
    expect(figures.overview(NOW).troubles).toEqual({ KAFKA_STORAGE_ERROR: 3 })
    expect(figures.overview(NOW + STATISTICS_TROUBLE_MS + 1).troubles).toEqual({})
  })
})

describe('who is awake', () => {
  it('is who has reported lately, by class', () => {
    const figures = figuresOf(catalogue(1, 't'), partition('t'), partition('t', { partition: 1 }))
    figures.report(group('g'), NOW + STATISTICS_AWAKE_MS)
    expect(figures.metrics(NOW).awake).toEqual({ partition: 2, group: 1, cluster: 1 })
    expect(figures.metrics(NOW + STATISTICS_AWAKE_MS + 1).awake).toEqual({
      partition: 0,
      group: 1,
      cluster: 0,
    })
  })

  it('says how old the data is, of which the Worker itself is none', () => {
    const figures = figuresOf(partition('t'))
    figures.report(broker(), NOW + 5_000)
    expect(figures.metrics(NOW + 6_000).ageMs).toBe(6_000)
    expect(new Figures().metrics(NOW).ageMs).toBeNull()
  })
})

describe('the storage of figures', () => {
  function stored() {
    const storage = new SqliteStorage()
    const figures = new Figures()
    const keys = new Set<string>()
    const reports = [
      catalogue(3, 't', 'u'),
      partition('t', { partition: 1, readBytes: 5 }),
      partition('t', { partition: 64 }),
      group('a/b\n"', { topics: [offsets('t', [1, 40])] }),
      broker({ totals: { 'requests|Fetch': 5 }, connections: { tcp: 1 } }),
    ]
    for (const report of reports) for (const key of figures.report(report, NOW)) keys.add(key)
    new FiguresStore(storage).save(figures, keys)
    return { storage, figures }
  }

  function loaded(storage: SqliteStorage) {
    const figures = new Figures()
    const lost: string[] = []
    new FiguresStore(storage).load(figures, (key) => lost.push(key))
    return { figures, lost }
  }

  it('is not created by a look', () => {
    const storage = new SqliteStorage()
    loaded(storage)
    expect(storage.tables()).toEqual([])
  })

  it('gives back all but the rates, and counts on from there', () => {
    const { storage, figures } = stored()
    const after = loaded(storage)
    expect(after.lost).toEqual([])
    const known = figures.metrics(NOW)
    expect(after.figures.metrics(NOW)).toEqual({
      ...known,
      awake: { partition: 0, group: 0, cluster: 0 },
    })
    expect(after.figures.overview(NOW)).toMatchObject({
      clusterId: 'cluster',
      records: 200,
      recordsPerSecond: 0,
      worstGroups: [{ groupId: 'a/b\n"', lag: 60 }],
    })
    const again = broker({ totals: { 'requests|Fetch': 6 }, isKnown: true })
    after.figures.report(again, NOW)
    after.figures.report(partition('t', { partition: 1, readBytes: 6 }), NOW)
    expect(after.figures.metrics(NOW).totals).toEqual({ 'requests|Fetch': 6 })
    expect(after.figures.metrics(NOW).topics[0]?.readBytes).toBe(6)
  })

  it('writes a row for neighbouring partitions, and none for what has not changed', () => {
    const { storage, figures } = stored()
    const store = new FiguresStore(storage)
    const keys = new Set<string>()
    for (const at of [0, 1, 2, 63]) {
      for (const key of figures.report(partition('t', { partition: at }), NOW)) keys.add(key)
    }
    storage.rowsWritten = 0
    store.save(figures, keys)
    expect(storage.rowsWritten).toBe(1)
  })

  it('keeps nothing of what is gone', () => {
    const { storage, figures } = stored()
    const store = new FiguresStore(storage)
    store.save(figures, figures.report(group('a/b\n"', { gone: true }), NOW))
    store.save(figures, figures.report(catalogue(4), NOW))
    const rows = storage.direct('SELECT key FROM figure ORDER BY key')
    expect(rows).toEqual([{ key: 'catalogue' }, { key: 'counters' }, { key: 'source/i' }])
  })

  it('keeps one row of each isolate that may report again, and none of others', () => {
    const { storage, figures } = stored()
    const store = new FiguresStore(storage)
    const sources = () => storage.direct("SELECT key FROM figure WHERE key LIKE 'source/%'")
    for (let one = 0; one < STATISTICS_SOURCES + 5; one++) {
      store.save(figures, figures.report(broker({ source: `s${one}` }), NOW))
    }
    expect(sources().length).toBe(STATISTICS_SOURCES)
    store.save(figures, figures.report(broker({ source: 'only', isAlone: true }), NOW))
    expect(sources()).toEqual([{ key: 'source/only' }])
  })

  it('drops a row that is damaged, says so, and goes on with the others', () => {
    const { storage } = stored()
    storage.direct("UPDATE figure SET value = '[]' WHERE key LIKE 'log/%/1'")
    const { figures, lost } = loaded(storage)
    expect(lost).toEqual([`log/${id('t')}/1`])
    expect(figures.overview(NOW)).toMatchObject({ topics: 2, records: 100 })
    expect(loaded(storage).lost).toEqual([])
  })

  it('of a newer release is refused', () => {
    const { storage } = stored()
    storage.direct('UPDATE schema_version SET version = ?', SCHEMA_VERSION + 1)
    expect(() => new FiguresStore(storage)).toThrow('layout')
  })
})
