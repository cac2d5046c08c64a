// Writes one segment object: reads its chunks in small steps, notes the object's key, has the object written and read
// back, and makes it a part of the log in one transaction. Whatever step is the last one that happens, the log
// is whole, and the key stands either with the segment or with what is to go. Not what is sealed: sealing.ts.

import { discard } from '../../core/bytes.ts'
import type { ObjectStore } from '../../tier/object-store.ts'
import { putAndReadBack } from '../../tier/read-back.ts'
import {
  encodeSegment,
  readFooter,
  type SegmentAborted,
  type SegmentChunk,
} from '../../tier/segment.ts'
import { DamagedRangeError } from '../integrity.ts'
import { wholeChunk } from '../reads.ts'
import type { LogStore } from '../store.ts'
import { ProducersAt } from './producers-at.ts'
import type { Sealed } from './sealing.ts'
import type { TierReader } from './tier-reader.ts'
import type { TierSegment, TierStore } from './tier-store.ts'
import type { TierableLog } from './tierable.ts'

/** What an upload needs. */
export interface UploaderHost {
  readonly now: () => number
  readonly uuid: () => string
  /** Resolves when all that was written is confirmed on disk. */
  readonly sync: () => Promise<void>
  /** Others get their turn. */
  readonly pause: () => Promise<void>
  /** False when the log is deleted, or this object is at its end. */
  readonly isOpen: () => boolean
}

/** The uploads of one partition, one at a time. */
export class Uploader {
  readonly #log: TierableLog
  readonly #chunks: LogStore
  readonly #store: TierStore
  readonly #objects: ObjectStore
  readonly #reader: TierReader
  readonly #host: UploaderHost
  /** The state of the producers behind the segment that was uploaded last. */
  #producers: { readonly end: number; readonly snapshot: Uint8Array } | null = null
  #key: string | null = null

  constructor(
    log: TierableLog,
    chunks: LogStore,
    store: TierStore,
    objects: ObjectStore,
    reader: TierReader,
    host: UploaderHost,
  ) {
    this.#log = log
    this.#chunks = chunks
    this.#store = store
    this.#objects = objects
    this.#reader = reader
    this.#host = host
  }

  /** The object that is being written: it is not garbage yet. */
  get key(): string | null {
    return this.#key
  }

  /**
   * Uploads a run of chunks; null when it, or the log, was gone before it became a part of the tier.
   * @throws ObjectStoreError, DamagedRangeError when a chunk cannot be read, and what SQLite throws
   */
  async upload(sealed: Sealed): Promise<TierSegment | null> {
    const before = await this.#producersBefore(sealed)
    const parts = await this.#read(sealed, new ProducersAt(before))
    if (parts === null) return null
    const { firstOffset, lastOffset } = sealed
    const { topicId, partition } = this.#log.identity
    const { chunks, producers } = parts
    const aborted = this.#aborted(firstOffset, lastOffset + 1)
    const object = encodeSegment({ topicId, partition, chunks, aborted, producers })
    for (const { data } of chunks) discard(data)
    const sizeBytes = chunks.reduce((sum, chunk) => sum + chunk.sizeBytes, 0)
    const last = chunks.at(-1)
    const key = objectKey(this.#log.identity, firstOffset, this.#host.uuid())
    this.#key = key
    try {
      this.#store.transaction(() => this.#store.addGarbage({ key, sinceMs: this.#host.now() }))
      this.#log.uploads()
      await this.#host.sync()
      await putAndReadBack(this.#objects, key, object)
      if (!this.#host.isOpen()) return null
      const segment: TierSegment = {
        firstOffset,
        lastOffset,
        maxTimestamp: Math.max(...chunks.map(({ maxTimestamp }) => maxTimestamp)),
        runningMaxTimestamp: last?.runningMaxTimestamp ?? -1,
        sizeBytes,
        runningSizeBytes: last?.runningSizeBytes ?? 0,
        objectBytes: object.length,
        indexChecksum: readFooter(object).indexChecksum,
        key,
      }
      this.#store.transaction(() => this.#store.insert(segment))
      this.#producers = { end: lastOffset + 1, snapshot: producers }
      await this.#host.sync()
      return segment
    } finally {
      this.#key = null
      discard(object)
    }
  }

  /** The chunks with their batches, one after the other; null when one of them was deleted meanwhile. */
  async #read(
    { chunks }: Sealed,
    at: ProducersAt,
  ): Promise<{ readonly chunks: SegmentChunk[]; readonly producers: Uint8Array } | null> {
    const read: SegmentChunk[] = []
    const source = { tail: NO_TAIL, store: this.#chunks }
    for (const header of chunks) {
      const { firstOffset, lastOffset, sizeBytes } = header
      if (!this.#host.isOpen() || this.#log.logStart > lastOffset) return null
      const chunk = wholeChunk(source, firstOffset, lastOffset + 1)
      if (chunk === null)
        throw new DamagedRangeError(firstOffset, lastOffset, 'no chunk holds them')
      const { data } = chunk
      if (data.length !== sizeBytes || chunk.lastOffset !== lastOffset) {
        throw new DamagedRangeError(firstOffset, lastOffset, 'they are not as they were')
      }
      at.pass(data)
      read.push({ ...header, data })
      await this.#host.pause()
    }
    return { chunks: read, producers: at.snapshot() }
  }

  /** Those of which the segment has records, wherever their markers are: all are below the last stable offset. */
  #aborted(from: number, end: number): SegmentAborted[] {
    return this.#chunks.aborted.spans(from, end)
  }

  async #producersBefore({ firstOffset }: Sealed): Promise<Uint8Array | null> {
    if (this.#producers?.end === firstOffset) return this.#producers.snapshot
    const before = this.#store.headerAtOrBefore(firstOffset - 1)
    if (before === null) return null
    try {
      return (await this.#reader.index(before)).producers
    } catch (error) {
      // Damaged as that segment is, this one need not be.
      if (error instanceof DamagedRangeError) return null
      throw error
    }
  }
}

/** Chunks are read from storage, so that what becomes a part of the tier is what was checked there. */
const NO_TAIL = { covering: () => null }

/** All objects of a partition are below this. */
export function objectPrefix({ topicId, partition }: TierableLog['identity']): string {
  return `${topicId}/${partition}/`
}

/** No two uploads have the same key, so that one that was given up on never meets the next. */
function objectKey(identity: TierableLog['identity'], firstOffset: number, uuid: string): string {
  return `${objectPrefix(identity)}${String(firstOffset).padStart(20, '0')}-${uuid}`
}
