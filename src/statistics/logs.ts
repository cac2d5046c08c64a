// The partitions as their leaders last reported them: where they begin and end, what they hold, and how fast they
// grow. Not the groups that read them (commits.ts) and not what is kept on disk (store.ts).

import type { TopicId } from '../core/ids.ts'
import { STATISTICS_PARTITIONS, STATISTICS_RATE_MAX_AGE_MS } from '../core/limits/statistics.ts'
import type { PartitionReport } from './contract.ts'

/** One partition. */
export interface LogFigures {
  start: number
  end: number
  sizeBytes: number
  /** The leader's own total, and what was ever written as far as was heard. */
  writtenSeen: number
  writtenBytes: number
  /** Of one life of the leader, and of all. */
  readSource: string
  readSeen: number
  readBytes: number
  reportedMs: number
  /** Of the last report, in records and bytes per second. Not kept. */
  recordRate: number
  writeRate: number
  readRate: number
}

/** Rates of several partitions together. */
export interface Rates {
  readonly records: number
  readonly written: number
  readonly read: number
}

/** See the head of this file. */
export class Logs {
  readonly #topics = new Map<TopicId, Map<number, LogFigures>>()
  readonly #most: number
  #size = 0
  #left = 0

  constructor(most: number = STATISTICS_PARTITIONS) {
    this.#most = most
  }

  /** Partitions that are known. */
  get size(): number {
    return this.#size
  }

  /** Reports of partitions that there was no room for. */
  get left(): number {
    return this.#left
  }

  of(topicId: TopicId): ReadonlyMap<number, LogFigures> {
    return this.#topics.get(topicId) ?? NONE
  }

  topicIds(): IterableIterator<TopicId> {
    return this.#topics.keys()
  }

  /** As it was kept. */
  restore(topicId: TopicId, partition: number, figures: LogFigures): void {
    const partitions = this.#topics.get(topicId) ?? new Map<number, LogFigures>()
    this.#topics.set(topicId, partitions)
    if (!partitions.has(partition)) this.#size += 1
    partitions.set(partition, figures)
  }

  /** True when something is new. */
  report(report: PartitionReport, nowMs: number): boolean {
    const { topicId, partition } = report
    const before = this.#topics.get(topicId)?.get(partition)
    if (before === undefined && this.#size >= this.#most) {
      this.#left += 1
      return false
    }
    const written = grown(report.writtenBytes, before?.writtenSeen ?? 0)
    const isSameLife = before?.readSource === report.source
    const read = grown(report.readBytes, isSameLife ? before.readSeen : 0)
    this.restore(topicId, partition, {
      start: report.logStartOffset,
      end: report.highWatermark,
      sizeBytes: report.sizeBytes,
      writtenSeen: report.writtenBytes,
      writtenBytes: (before?.writtenBytes ?? 0) + written,
      readSource: report.source,
      readSeen: report.readBytes,
      readBytes: (before?.readBytes ?? 0) + read,
      reportedMs: nowMs,
      recordRate: report.recordRate,
      writeRate: report.writeRate,
      readRate: report.readRate,
    })
    return true
  }

  /** Forgets all of a topic that is no more. */
  forget(topicId: TopicId): void {
    this.#size -= this.#topics.get(topicId)?.size ?? 0
    this.#topics.delete(topicId)
  }

  /** How fast a topic's partitions grow: one that has not reported for a while has stopped. */
  rates(topicId: TopicId, nowMs: number): Rates {
    let [records, written, read] = [0, 0, 0]
    for (const one of this.of(topicId).values()) {
      if (nowMs - one.reportedMs > STATISTICS_RATE_MAX_AGE_MS) continue
      records += one.recordRate
      written += one.writeRate
      read += one.readRate
    }
    return { records, written, read }
  }
}

const NONE: ReadonlyMap<number, LogFigures> = new Map()

/** What a total has grown by; one that is smaller than it was has begun anew. */
function grown(total: number, seen: number): number {
  return total >= seen ? total - seen : total
}
