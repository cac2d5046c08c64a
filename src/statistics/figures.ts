// The figures of a cluster as a whole: takes reports, answers what the console and `/metrics` ask, and knows which of
// its rows have changed. Pure: no clock and no storage of its own. Not the Durable Object (object.ts).

import type { TopicId } from '../core/ids.ts'
import { STATISTICS_AWAKE_MS } from '../core/limits/statistics.ts'
import { byLag, Commits } from './commits.ts'
import type {
  CatalogueReport,
  CatalogueTopic,
  GroupFigures,
  Metrics,
  MetricsGroup,
  MetricsTopic,
  Overview,
  Report,
  TopicFigures,
  TopicGroup,
} from './contract.ts'
import { Counters } from './counters.ts'
import { Logs } from './logs.ts'

/** Groups shown in the overview. */
const WORST_GROUPS = 5

const UNKNOWN = { records: null, sizeBytes: null }

/** See the head of this file. */
export class Figures {
  readonly logs: Logs
  readonly commits: Commits
  readonly counters = new Counters()
  readonly catalogue = new Map<TopicId, CatalogueTopic>()
  catalogueVersion = -1
  clusterId: string | null = null
  reportedMs: number | null = null
  /** When each object last reported, by class and name, the longest ago first. */
  readonly #awake = new Map<string, number>()

  constructor(most: { readonly partitions?: number; readonly offsets?: number } = {}) {
    this.logs = new Logs(most.partitions)
    this.commits = new Commits(this.logs, most.offsets)
  }

  /** Takes a report; answers the keys of rows that are not as they are kept (store.ts). */
  report(report: Report, nowMs: number): readonly string[] {
    // The Worker is always heard of before somebody looks: it says nothing of how old the rest is.
    if (report.kind !== 'broker') this.reportedMs = nowMs
    this.#heardOf(report, nowMs)
    switch (report.kind) {
      case 'partition': {
        if (report.gone) return this.#forgetTopic(report.topicId)
        const { topicId, partition } = report
        return this.logs.report(report, nowMs) ? [logKey(topicId, partition)] : []
      }
      case 'group': {
        const { groupId } = report
        const altered = this.commits.report(report, nowMs)
        return [groupKey(groupId), ...[...altered].map((id) => offsetsKey(id, groupId))]
      }
      case 'broker':
        return [COUNTERS_KEY, ...this.counters.report(report, nowMs).map(sourceKey)]
      case 'catalogue':
        return this.#takeCatalogue(report)
    }
  }

  #heardOf(report: Report, nowMs: number): void {
    this.#forgetAsleep(nowMs)
    const name = objectOf(report)
    if (name === null) return
    this.#awake.delete(name)
    this.#awake.set(name, nowMs)
  }

  #forgetAsleep(nowMs: number): void {
    for (const [name, atMs] of this.#awake) {
      if (nowMs - atMs <= STATISTICS_AWAKE_MS) return
      this.#awake.delete(name)
    }
  }

  /** An older one than is known arrived late. */
  #takeCatalogue({ version, clusterId, topics }: CatalogueReport): string[] {
    const isSame = clusterId === this.clusterId
    if (isSame && version <= this.catalogueVersion) return []
    this.catalogueVersion = version
    this.clusterId = clusterId
    const altered = [CATALOGUE_KEY]
    const alive = new Set(topics.map(({ id }) => id))
    const known = [...this.catalogue.keys(), ...this.logs.topicIds(), ...this.commits.topicIds()]
    for (const id of new Set(known)) {
      if (!alive.has(id)) altered.push(...this.#forgetTopic(id))
    }
    for (const topic of topics) {
      const before = this.catalogue.get(topic.id)
      const { partitions, written } = topic
      if (before?.partitions === partitions && before.written === written) continue
      this.catalogue.set(topic.id, topic)
      altered.push(topicKey(topic.id))
    }
    return altered
  }

  #forgetTopic(topicId: TopicId): string[] {
    const blocks = new Set([...this.logs.of(topicId).keys()].map((one) => logKey(topicId, one)))
    const groups = this.commits.forgetTopic(topicId)
    this.logs.forget(topicId)
    this.catalogue.delete(topicId)
    return [topicKey(topicId), ...blocks, ...groups.map((id) => offsetsKey(topicId, id))]
  }

  /** Objects that reported lately, by class. */
  #awakeByClass(nowMs: number): Record<string, number> {
    this.#forgetAsleep(nowMs)
    const counts: Record<string, number> = { partition: 0, group: 0, cluster: 0 }
    for (const name of this.#awake.keys()) {
      const [kind = ''] = name.split(' ', 1)
      counts[kind] = (counts[kind] ?? 0) + 1
    }
    return counts
  }

  overview(nowMs: number): Overview {
    let [partitions, records, sizeBytes, unknownPartitions] = [0, 0, 0, 0]
    let [recordsPerSecond, bytesPerSecond, readBytesPerSecond] = [0, 0, 0]
    for (const topic of this.catalogue.values()) {
      partitions += topic.partitions
      unknownPartitions += this.#unknown(topic)
      for (const log of this.logs.of(topic.id).values()) {
        records += log.end - log.start
        sizeBytes += log.sizeBytes
      }
      const rates = this.logs.rates(topic.id, nowMs)
      recordsPerSecond += rates.records
      bytesPerSecond += rates.written
      readBytesPerSecond += rates.read
    }
    const groups = this.groups(null)
    const behind = groups.filter(({ lag }) => lag > 0)
    return {
      clusterId: this.clusterId,
      nowMs,
      reportedMs: this.reportedMs,
      topics: this.catalogue.size,
      partitions,
      records,
      sizeBytes,
      unknownPartitions,
      recordsPerSecond,
      bytesPerSecond,
      readBytesPerSecond,
      groups: groups.length,
      deadGroups: behind.filter(({ members }) => members === 0).length,
      connections: sum(Object.values(this.counters.connections(nowMs))),
      awake: sum(Object.values(this.#awakeByClass(nowMs))),
      troubles: this.counters.troubles(nowMs),
      worstGroups: behind.sort(byLag).slice(0, WORST_GROUPS),
    }
  }

  /** Partitions of which there would be something to tell and nobody told it. */
  #unknown({ id, written }: CatalogueTopic): number {
    return Math.max(0, written - this.logs.of(id).size)
  }

  /** In the order asked; a topic that is not in the catalogue yet has no name. */
  topics(ids: readonly TopicId[], nowMs: number): TopicFigures[] {
    return ids.map((id) => {
      const topic = this.catalogue.get(id) ?? { id, name: '', partitions: 0, written: 0 }
      let [records, sizeBytes] = [0, 0]
      let reportedMs: number | null = null
      for (const log of this.logs.of(id).values()) {
        records += log.end - log.start
        sizeBytes += log.sizeBytes
        reportedMs = Math.max(reportedMs ?? 0, log.reportedMs)
      }
      const rates = this.logs.rates(id, nowMs)
      const flow = { recordsPerSecond: rates.records, bytesPerSecond: rates.written }
      const { name, partitions } = topic
      const known = this.#unknown(topic) === 0 ? { records, sizeBytes } : UNKNOWN
      const worstGroup = this.commits.worstOf(id)
      return { id, name, partitions, ...known, reportedMs, ...flow, worstGroup }
    })
  }

  /** Of these groups those that are known; all of them where null is asked. */
  groups(ids: readonly string[] | null): GroupFigures[] {
    const { groups } = this.commits
    const wanted = ids?.flatMap((id) => groups.get(id) ?? []) ?? [...groups.values()]
    return wanted.map((group) => this.commits.figures(group))
  }

  readersOf(topicId: TopicId): TopicGroup[] {
    return this.commits.readersOf(topicId)
  }

  metrics(nowMs: number): Metrics {
    return {
      topics: [...this.catalogue.values()].map((topic) => this.#metricsOf(topic)),
      groups: [...this.commits.groups.values()].map(
        ({ groupId, members, topics }): MetricsGroup => ({
          groupId,
          members,
          topics: [...topics].map(([topicId, { name, partitions }]) => ({
            name,
            offsets: Float64Array.from(
              [...partitions].flatMap(([partition, committed]) => [
                partition,
                committed,
                this.commits.lagOf(topicId, partition, committed) ?? -1,
              ]),
            ),
          })),
        }),
      ),
      totals: this.counters.totals,
      connections: this.counters.connections(nowMs),
      awake: this.#awakeByClass(nowMs),
      left: this.logs.left + this.commits.left,
      ageMs: this.reportedMs === null ? null : nowMs - this.reportedMs,
    }
  }

  #metricsOf({ id, name, partitions }: CatalogueTopic): MetricsTopic {
    const logs = [...this.logs.of(id)].sort(([a], [b]) => a - b)
    let [writtenBytes, readBytes] = [0, 0]
    for (const [, log] of logs) {
      writtenBytes += log.writtenBytes
      readBytes += log.readBytes
    }
    const numbers = logs.flatMap(([partition, { start, end, sizeBytes }]) => [
      partition,
      start,
      end,
      sizeBytes,
    ])
    return { name, partitions, logs: Float64Array.from(numbers), writtenBytes, readBytes }
  }
}

/** Class and name of the object that reports; null: the Worker is none. */
function objectOf(report: Report): string | null {
  switch (report.kind) {
    case 'partition':
      return `partition ${report.topicId}/${report.partition}`
    case 'group':
      return `group ${report.groupId}`
    case 'catalogue':
      return 'cluster'
    case 'broker':
      return null
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}

// Keys of the rows that are kept. No topic id has a slash; a group's id may have one.

/** Partitions that share a row. */
const BLOCK_PARTITIONS = 64

export const COUNTERS_KEY = 'counters'
export const CATALOGUE_KEY = 'catalogue'

export function sourceKey(source: string): string {
  return `source/${source}`
}

export function topicKey(topicId: TopicId): string {
  return `topic/${topicId}`
}

export function logKey(topicId: TopicId, partition: number): string {
  return `log/${topicId}/${Math.floor(partition / BLOCK_PARTITIONS)}`
}

/** The partitions of a row. */
export function inBlock(block: number, partition: number): boolean {
  return Math.floor(partition / BLOCK_PARTITIONS) === block
}

export function groupKey(groupId: string): string {
  return `group/${groupId}`
}

export function offsetsKey(topicId: TopicId, groupId: string): string {
  return `offsets/${topicId}/${groupId}`
}
