// Where the log of one partition is, as far as it is in memory: its offsets, its sums, its settings. Loaded from what is
// stored, changed by log.ts and its siblings after the transaction that stored the change returned. No storage here.

import type { TopicSettings } from '../core/configs.ts'
import type { Segment } from './lifecycle/segments.ts'
import type { Identity, LoadedLog, VersionedSettings } from './stored.ts'

/** The state of a log; each field is as if nothing was ever written until it is loaded. */
export class LogState {
  readonly identity: Identity
  /** False until the first write: a partition never written keeps nothing. */
  stored = false
  /** The topic is deleted, durably. */
  deleted = false
  /** null until stored or told. */
  config: VersionedSettings | null = null
  logStart = 0
  /** Chunks below it were given up: the tier has them. */
  localFrom = 0
  /** The tier may have objects of this log. */
  everTiered = false
  nextOffset = 0
  /** First offset readers may not see yet. */
  highWatermark = 0
  /** First offset of the oldest open transaction, as of the high watermark. */
  lastStable = 0
  /** Offset of the last marker of an aborted transaction; -1 without one. */
  lastAborted = -1
  runningMaxTimestamp = -1
  runningSizeBytes = 0
  /** Sum of the sizes of all chunks that are gone. */
  freedBytes = 0
  hasDeletedChunks = false
  /** The segment that is written to; null while the log has no chunks. */
  activeSegment: Segment | null = null

  constructor(identity: Identity) {
    this.identity = identity
  }

  /** Where the log begins to be local: what is below it, from the log start on, only the tier has. */
  get localStart(): number {
    return Math.max(this.logStart, this.localFrom)
  }

  /** First offset of the oldest open transaction, else the high watermark. Never goes back. */
  get lastStableOffset(): number {
    return Math.max(this.lastStable, this.logStart)
  }

  /** Where the segment begins that is written to: what compaction and tiering leave alone. */
  get activeSegmentOffset(): number {
    return this.activeSegment?.baseOffset ?? this.nextOffset
  }

  /** Bytes of batches kept. */
  get sizeBytes(): number {
    return this.runningSizeBytes - this.freedBytes
  }

  /** Its settings, once it has some. */
  get configured(): VersionedSettings {
    if (this.config === null) throw new Error('the log has no settings yet')
    return this.config
  }

  get settings(): TopicSettings {
    return this.configured.settings
  }

  /** End of what readers may see. */
  visibleEnd(readCommitted: boolean): number {
    return readCommitted ? this.lastStableOffset : this.highWatermark
  }

  /**
   * Takes what is stored. Throws when that is another partition's.
   * @param keptBytes of the chunks there are; asked for only where compaction has made them smaller
   */
  load(loaded: LoadedLog, keptBytes: () => number): void {
    const { topicId, partition } = loaded.identity
    if (topicId !== this.identity.topicId || partition !== this.identity.partition) {
      throw new Error(`storage belongs to ${topicId}/${partition}`)
    }
    const { first, last } = loaded
    this.stored = true
    this.deleted = loaded.deleted
    this.config = loaded.config
    this.logStart = loaded.logStart
    this.localFrom = loaded.localStart
    this.everTiered = loaded.everTiered
    // A log start beyond the last chunk: all records were deleted. A snapshot or a marker beyond it: the
    // last chunks are gone, which reads will say; no offset of theirs is given out again.
    const known = Math.max(this.localStart, loaded.snapshotOffset, loaded.lastAborted + 1)
    this.nextOffset = Math.max(known, last === null ? 0 : last.lastOffset + 1)
    this.highWatermark = this.nextOffset
    this.runningMaxTimestamp = last?.runningMaxTimestamp ?? -1
    this.runningSizeBytes = last?.runningSizeBytes ?? 0
    this.freedBytes = first === null ? 0 : first.runningSizeBytes - first.sizeBytes
    // Compaction leaves the running sizes as they are.
    if (loaded.compacted) this.freedBytes = this.runningSizeBytes - keptBytes()
    this.hasDeletedChunks = first !== null && first.lastOffset < this.localStart
    this.lastAborted = loaded.lastAborted
    this.activeSegment = loaded.activeSegment
  }
}
