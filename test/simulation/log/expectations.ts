// What a partition may have done with what was written to it, by its settings and by what Kafka does: which
// records may be gone, and how far the log may have been cut. All by the time of asking, when more may be gone
// than when the partition answered: a late answer is judged mildly, never harshly. So are settings that were changed:
// what any of them let go may be gone.

import type { TopicSettings } from '../../../src/core/configs.ts'
import type { WrittenLog, WrittenRecord } from './written-log.ts'

const LOG_START = 'log-start-never-goes-back'

/** An invariant's name and what is wrong. */
export interface Breach {
  readonly invariant: string
  readonly what: string
}

/** See the head of this file. */
export class Expectations {
  readonly written: WrittenLog
  /** Those that were in force at any time, the last ones last. */
  readonly #settings: TopicSettings[]
  readonly #now: () => number
  /** The highest offset that somebody asked to delete up to. */
  #deletedTo = 0
  /** Who asked to delete all, and has no answer: they mean all there is when it is done. */
  #deletingAll = 0
  /** Readers have seen all below it. */
  #seenEnd = 0
  /** What was noticed while the partition wrote. */
  #noticed: Breach[] = []

  constructor(written: WrittenLog, settings: TopicSettings, now: () => number) {
    this.written = written
    this.#settings = [settings]
    this.#now = now
    written.lost = (fromOffset) => {
      if (fromOffset < this.#seenEnd) {
        const what = `${fromOffset} to ${this.#seenEnd - 1}`
        this.#noticed.push({ invariant: 'what-was-seen-is-never-lost', what })
      }
    }
    written.started = (logStart, before) => {
      const what = this.#notToBeCut(logStart)
      if (what !== null) this.#noticed.push({ invariant: 'only-what-may-go-goes', what })
      if (logStart < before) {
        this.#noticed.push({ invariant: LOG_START, what: `from ${before} to ${logStart}, stored` })
      }
    }
  }

  /** As they are now. */
  get settings(): TopicSettings {
    return this.#settings.at(-1) as TopicSettings
  }

  /** Other settings, from before the partition can know of them. */
  changed(settings: TopicSettings): void {
    this.#settings.push(settings)
  }

  /** The least that tombstones ever had to stay. */
  get deleteRetentionMs(): number {
    return Math.min(...this.#settings.map(({ deleteRetentionMs }) => deleteRetentionMs))
  }

  /** As it is stored. */
  get logStart(): number {
    return this.written.logStart
  }

  /** Nothing at or above it is compacted. */
  get cleanableEnd(): number {
    const { cleanupCompact } = this.settings
    return cleanupCompact ? Math.min(this.written.stableOffset, this.written.activeFrom) : 0
  }

  /** Somebody asks to delete what is below, or with -1 all. */
  asksToDelete(offset: number): void {
    if (!this.settings.cleanupDelete) return
    if (offset === -1) this.#deletingAll += 1
    this.#deletedTo = Math.max(this.#deletedTo, offset)
  }

  /** They are answered, however: what was meant by all was no more than there is now. */
  answersDeletion(offset: number): void {
    if (offset !== -1 || this.#deletingAll === 0) return
    this.#deletingAll -= 1
    this.#deletedTo = Math.max(this.#deletedTo, this.written.nextOffset)
  }

  /** Somebody was told, or shown, what is below. */
  seen(end: number): void {
    this.#seenEnd = Math.max(this.#seenEnd, end)
  }

  notice(breach: Breach): void {
    this.#noticed.push(breach)
  }

  /** What was noticed since this was asked last. */
  takeNoticed(): readonly Breach[] {
    const noticed = this.#noticed
    this.#noticed = []
    return noticed
  }

  /** The partition says where its log starts. */
  saysLogStart(value: number): void {
    if (value <= this.logStart) return
    this.#noticed.push({ invariant: LOG_START, what: `${value} is said, ${this.logStart} stored` })
  }

  /** The partition says that all below is gone for good. @param confirmed what is safe in its storage */
  saysDeleted(lowWatermark: number, confirmed: number): void {
    const safe = this.written.logStartAt(confirmed)
    if (lowWatermark <= safe) return
    const what = `${lowWatermark} is answered, ${safe} is safe`
    this.#noticed.push({ invariant: 'a-deletion-is-answered-when-it-is-safe', what })
  }

  /** Why the log may not start there yet; null when it may. */
  #notToBeCut(logStart: number): string | null {
    if (logStart > this.written.nextOffset) return `${logStart} is behind the end`
    const { cleanupDelete } = this.settings
    const surplus = this.#settings.map(({ retentionBytes }) => this.#surplusEnd(retentionBytes))
    const deletedTo = this.#deletingAll > 0 ? this.written.nextOffset : this.#deletedTo
    const from = Math.max(deletedTo, cleanupDelete ? Math.max(...surplus) : 0)
    for (let offset = from; offset < logStart; offset++) {
      const record = this.written.record(offset)
      if (record === undefined) continue
      const ageMs = this.#now() - record.timestamp
      const isExpired =
        cleanupDelete &&
        this.#settings.some(({ retentionMs }) => retentionMs >= 0 && ageMs > retentionMs)
      if (isExpired || this.#compactedAway(record) === null) continue
      return `${record.token} at ${offset} is below the log start ${logStart}, ${ageMs} ms old; ${from} might be`
    }
    return null
  }

  /** Up to here the log may go by its size. */
  #surplusEnd(retentionBytes: number): number {
    if (retentionBytes < 0) return 0
    let bytes = 0
    for (const { baseOffset, header } of this.written.batches.toReversed()) {
      if (bytes >= retentionBytes) return baseOffset + header.lastOffsetDelta + 1
      bytes += header.sizeBytes
    }
    return bytes >= retentionBytes ? (this.written.batches[0]?.baseOffset ?? 0) : 0
  }

  /** Why a record must still be there; null when it may be gone. */
  mustBeThere(record: WrittenRecord): Breach | null {
    return record.offset < this.logStart ? null : this.#compactedAway(record)
  }

  /** Why compaction may not have removed the record; null when it may. */
  #compactedAway(record: WrittenRecord): Breach | null {
    const { offset, key, token, isTombstone, batch } = record
    const what = `${token} at ${offset}`
    const { cleanupCompact } = this.settings
    const { deleteRetentionMs } = this
    const lags = this.#settings.map(({ minCompactionLagMs }) => minCompactionLagMs)
    const minCompactionLagMs = Math.min(...lags)
    if (!cleanupCompact) return { invariant: 'acknowledged-records-are-present', what }
    const end = this.cleanableEnd
    const cleanable = ({ offset, timestamp }: WrittenRecord) =>
      offset < end && this.#now() - timestamp >= minCompactionLagMs
    if (!cleanable(record)) {
      return {
        invariant: 'nothing-above-the-cleanable-end-is-touched',
        what: `${what}, the end is ${end}`,
      }
    }
    if (batch.outcome === 'aborted' || key === null) return null
    const later = this.written
      .ofKey(key)
      .filter((other) => other.offset > offset && other.batch.outcome !== 'aborted')
    if (later.some(cleanable)) return null
    if (!isTombstone)
      return { invariant: 'the-last-value-of-a-key-stays', what: `${what} of ${key}` }
    const closedMs = this.written.closedMs(offset)
    if (closedMs !== null && this.#now() - closedMs >= deleteRetentionMs) return null
    return { invariant: 'a-tombstone-stays-for-its-time', what: `${what} of ${key}` }
  }
}
