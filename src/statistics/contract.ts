// What is said to and by the Statistics object over RPC: plain data only. Not behaviour: figures.ts keeps and
// answers, object.ts hosts. Who reports says how things are, or totals of its own life, and never differences: a
// report that is lost costs nothing, and one that arrives twice counts once.

import type { TopicId } from '../core/ids.ts'
import type { PartitionTarget } from '../partition/contract.ts'

/** A partition as its leader has it. */
export interface PartitionReport extends PartitionTarget {
  readonly kind: 'partition'
  readonly logStartOffset: number
  readonly highWatermark: number
  /** Bytes of batches kept. */
  readonly sizeBytes: number
  /** Bytes of all batches that were ever written; begins anew where a log was emptied. */
  readonly writtenBytes: number
  /** Names the life of the leader that `readBytes` is the total of. */
  readonly source: string
  /** Bytes of batches that were read from the leader. */
  readonly readBytes: number
  /** Per second since the leader's last report: records by their offsets, bytes of batches. */
  readonly recordRate: number
  readonly writeRate: number
  readonly readRate: number
  /** The topic is deleted: nothing of it is kept. */
  readonly gone: boolean
}

/** What a group has committed of a topic. */
export interface ReportedOffsets {
  readonly topicId: TopicId
  readonly name: string
  /** Pairs of a partition and its committed offset; -1: forgotten. */
  readonly partitions: readonly (readonly [partition: number, committed: number])[]
}

/** A group as its coordinator has it. */
export interface GroupReport {
  readonly kind: 'group'
  readonly groupId: string
  /** There is no such group any more. */
  readonly gone: boolean
  /** Kafka's name. */
  readonly state: string
  readonly type: 'classic' | 'consumer'
  readonly members: number
  /** Everything that is committed, instead of what has changed since the last report that was answered. */
  readonly whole: boolean
  readonly topics: readonly ReportedOffsets[]
}

/** What an isolate of the Worker has counted. */
export interface BrokerReport {
  readonly kind: 'broker'
  /** Names the isolate. */
  readonly source: string
  /** False until a report of this source was answered: what is not known of it then is not counted. */
  readonly isKnown: boolean
  /** There is one isolate only, as locally: whatever others had open is closed. */
  readonly isAlone: boolean
  /** Totals of the isolate's life by counter (counters.ts). */
  readonly totals: Readonly<Record<string, number>>
  /** Connections that are open, by kind. */
  readonly connections: Readonly<Record<string, number>>
}

/** A topic that exists. */
export interface CatalogueTopic {
  readonly id: TopicId
  readonly name: string
  readonly partitions: number
  /** How many of these were ever written to: of others there is nothing to report. */
  readonly written: number
}

/** All topics that exist. */
export interface CatalogueReport {
  readonly kind: 'catalogue'
  /** Rises with each creation, growth and deletion. */
  readonly version: number
  readonly clusterId: string
  readonly topics: readonly CatalogueTopic[]
}

export type Report = PartitionReport | GroupReport | BrokerReport | CatalogueReport

/** Something that comes in, and how fast: records by their offsets, bytes of batches. */
export interface Flow {
  readonly recordsPerSecond: number
  readonly bytesPerSecond: number
}

/** A topic as it was last heard of. */
export interface TopicFigures extends Omit<CatalogueTopic, 'written'>, Flow {
  /** Offsets from log start to end; null where a partition that was written to never reported. */
  readonly records: number | null
  readonly sizeBytes: number | null
  /** Of the last report about one of its partitions, milliseconds since the epoch; null: never. */
  readonly reportedMs: number | null
  /** The group that is furthest behind here. */
  readonly worstGroup: TopicLag | null
}

/** How far behind a group is in a topic. */
export interface TopicLag {
  readonly groupId: string
  readonly lag: number
}

/** A group as it was last heard of. */
export interface GroupFigures {
  readonly groupId: string
  readonly type: 'classic' | 'consumer'
  readonly state: string
  readonly members: number
  /** Records, of all partitions whose end is known. */
  readonly lag: number
  /** Topics that it has committed offsets of. */
  readonly topics: number
  /** Of the last report about it, milliseconds since the epoch. */
  readonly reportedMs: number
}

/** A group in one topic. */
export interface TopicGroup extends GroupFigures {
  /** Records, in this topic. */
  readonly topicLag: number
  /** Partitions of the topic that it has committed an offset of. */
  readonly partitions: number
}

/** The whole cluster. */
export interface Overview extends Flow {
  readonly clusterId: string | null
  /** Now, and when the last report came; milliseconds since the epoch. */
  readonly nowMs: number
  readonly reportedMs: number | null
  readonly topics: number
  readonly partitions: number
  /** Of the partitions that have reported. */
  readonly records: number
  readonly sizeBytes: number
  /** Partitions that were written to and never reported: before there were figures. */
  readonly unknownPartitions: number
  readonly readBytesPerSecond: number
  readonly groups: number
  /** Groups with lag that nobody is in. */
  readonly deadGroups: number
  readonly connections: number
  /** Objects that have reported within the last while. */
  readonly awake: number
  /** Requests that ended in an error of the broker's own in the last minutes, by the error's name. */
  readonly troubles: Readonly<Record<string, number>>
  /** The groups that lag most, worst first. */
  readonly worstGroups: readonly GroupFigures[]
}

/** Everything that `/metrics` shows. Numbers are in arrays of their own: they are many, and so one copy each. */
export interface Metrics {
  readonly topics: readonly MetricsTopic[]
  readonly groups: readonly MetricsGroup[]
  readonly totals: Readonly<Record<string, number>>
  /** Connections that are open, by kind. */
  readonly connections: Readonly<Record<string, number>>
  /** Objects that have reported within the last while, by class. */
  readonly awake: Readonly<Record<string, number>>
  /** Partitions and committed offsets that were reported and not kept: there are too many. */
  readonly left: number
  /** Since the last report; null: there was none. */
  readonly ageMs: number | null
}

export interface MetricsTopic {
  readonly name: string
  readonly partitions: number
  /** Four numbers for each partition that was written to: itself, log start, end, bytes kept. */
  readonly logs: Float64Array
  readonly writtenBytes: number
  readonly readBytes: number
}

export interface MetricsGroup {
  readonly groupId: string
  readonly members: number
  readonly topics: readonly {
    readonly name: string
    /** Three numbers for each partition: itself, committed offset, lag (-1: not known). */
    readonly offsets: Float64Array
  }[]
}

/** The methods of the Statistics object. */
export interface StatisticsRpc {
  report(report: Report): Promise<void>
  overview(): Promise<Overview>
  /** In the order asked. */
  topics(ids: readonly TopicId[]): Promise<{ readonly topics: readonly TopicFigures[] }>
  /** The groups that have committed offsets of a topic, most lag first. */
  topicGroups(topicId: TopicId): Promise<{ readonly groups: readonly TopicGroup[] }>
  /** Of these groups, those that are known; all of them where null is asked. */
  groups(ids: readonly string[] | null): Promise<{ readonly groups: readonly GroupFigures[] }>
  metrics(): Promise<Metrics>
}
