// What is stored of a log, as it is written and read: chunks, who the log is, and all that a load gives. Types only: the
// statements are store.ts and its siblings.

import type { TopicSettings } from '../core/configs.ts'
import type { TopicId } from '../core/ids.ts'
import type { Segment } from './lifecycle/segments.ts'

/** Everything of a chunk but its batches. Sizes are bytes of batches, timestamps milliseconds. */
export interface ChunkHeader {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly maxTimestamp: number
  /** Highest maxTimestamp of this and all earlier chunks: never falls, so it can be searched. */
  readonly runningMaxTimestamp: number
  readonly sizeBytes: number
  /** Sum of sizeBytes of this and all chunks ever before it. */
  readonly runningSizeBytes: number
}

/** A chunk to write. */
export interface ChunkRow extends ChunkHeader {
  /** What the chunk changes in the producers' state (producers.ts), null when nothing. */
  readonly producers: Uint8Array | null
  /** What the chunk adds to the keyed HTTP requests (requests.ts), null when nothing. */
  readonly requests: Uint8Array | null
  readonly data: Uint8Array
}

/** A chunk as read: its batches, or the first piece of one that is larger than a row. */
export interface StoredChunk {
  readonly firstOffset: number
  readonly lastOffset: number
  /** Of all its pieces. */
  readonly sizeBytes: number
  readonly data: Uint8Array
  /** What is wrong with it; null when it is as it was written. Its data may then be anything. */
  readonly damage: string | null
}

/** Who this log is and what Cluster said about it. */
export interface Identity {
  readonly topicId: TopicId
  readonly partition: number
}

/** Settings with their version, as Cluster gives them. */
export interface VersionedSettings {
  readonly configVersion: number
  readonly settings: TopicSettings
}

/** All that is needed to lead a log again. Bounded: no batch is read. */
export interface LoadedLog {
  readonly identity: Identity
  /** null: fenced before it had any. */
  readonly config: VersionedSettings | null
  readonly logStart: number
  readonly deleted: boolean
  readonly first: ChunkHeader | null
  readonly last: ChunkHeader | null
  readonly producerSnapshot: Uint8Array | null
  /** What chunks from this offset on changed is not in the snapshot. */
  readonly snapshotOffset: number
  /** Of the chunks since the snapshot, oldest first. */
  readonly producerDeltas: readonly (Uint8Array | null)[]
  /** What those chunks say of keyed requests, in bytes: read when somebody comes with a key. */
  readonly requestDeltaBytes: number
  /** Offset of the last marker of an aborted transaction; -1 without one. */
  readonly lastAborted: number
  /** The segment that is written to; null when the log has no chunks. */
  readonly activeSegment: Segment | null
  /** Chunks were replaced by smaller ones: their running sizes say too much. */
  readonly compacted: boolean
  /** Chunks below it are, or are to be, freed: the tier has them. 0 when there never were any. */
  readonly localStart: number
  /** The tier may have objects of this log. */
  readonly everTiered: boolean
}
