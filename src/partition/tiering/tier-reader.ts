// Reads chunks back from the objects of the tier: one ranged get for neighbouring whole chunks of one segment, and
// one more for a segment's index when it is not remembered. What was read is checked; a chunk that is not what
// was written is read once more and then told as damaged. Not which of its batches a reader gets: ../reads.ts.

import { TIER_READ_AHEAD_BYTES } from '../../core/limits/tier.ts'
import { type ObjectStore, ObjectStoreError } from '../../tier/object-store.ts'
import {
  checkRange,
  chunkAt,
  type IndexedChunk,
  rangeOf,
  readFooter,
  readIndex,
  SegmentError,
  type SegmentIndex,
} from '../../tier/segment.ts'
import { DamagedRangeError } from '../integrity.ts'
import type { Identity, StoredChunk } from '../stored.ts'
import type { TierIndexes } from './tier-indexes.ts'
import type { TierSegment } from './tier-store.ts'

/** The objects of one partition. Every method may throw ObjectStoreError, and DamagedRangeError for damage. */
export class TierReader {
  readonly #objects: ObjectStore
  readonly #identity: Identity
  readonly #indexes: TierIndexes

  constructor(objects: ObjectStore, identity: Identity, indexes: TierIndexes) {
    this.#objects = objects
    this.#identity = identity
    this.#indexes = indexes
  }

  /** What a segment says of itself. */
  async index(segment: TierSegment): Promise<SegmentIndex> {
    const known = this.#indexes.get(segment.key)
    if (known !== null) return known
    const index = await this.#readIndex(segment)
    this.#indexes.add(segment.key, index)
    return index
  }

  /**
   * Neighbouring chunks from the one that reaches `offset`: as many whole ones as `maxBytes` begin, at least one.
   * Those that are not as they were written say so.
   */
  async chunks(segment: TierSegment, offset: number, maxBytes: number): Promise<StoredChunk[]> {
    const index = await this.index(segment)
    const { chunks } = index
    const covering = chunkAt(index, offset)
    const at = (chunks[covering]?.lastOffset ?? -1) < offset ? covering + 1 : covering
    const wanted: IndexedChunk[] = []
    let bytes = 0
    for (let next = at; next < chunks.length; next++) {
      const chunk = chunks[next]
      if (chunk === undefined || (wanted.length > 0 && bytes >= maxBytes)) break
      // A large one is read alone: it is held whole.
      if (wanted.length > 0 && bytes + chunk.sizeBytes > maxBytes + TIER_READ_AHEAD_BYTES) break
      wanted.push(chunk)
      bytes += chunk.sizeBytes
    }
    return this.read(segment, wanted)
  }

  /** These neighbouring chunks of a segment's index. */
  async read(segment: TierSegment, wanted: readonly IndexedChunk[]): Promise<StoredChunk[]> {
    if (wanted.length === 0) return []
    let bytes = await this.#get(segment, rangeOf(wanted))
    let damaged = checkRange(wanted, bytes)
    if (damaged.length > 0) {
      bytes = await this.#get(segment, rangeOf(wanted))
      damaged = checkRange(wanted, bytes)
    }
    const from = wanted[0]?.position ?? 0
    return wanted.map((chunk, at) => {
      const start = chunk.position - from
      const view = bytes.subarray(start, start + chunk.sizeBytes)
      // The last one may be kept for the reader who stops in it: without those before it.
      const isKept = at === wanted.length - 1 && wanted.length > 1
      const { firstOffset, lastOffset, sizeBytes } = chunk
      return {
        firstOffset,
        lastOffset,
        sizeBytes,
        data: isKept ? view.slice() : view,
        damage: damaged.includes(chunk) ? 'their object in the tier is damaged' : null,
      }
    })
  }

  /**
   * The batches of one chunk.
   * @throws DamagedRangeError
   */
  async sound(segment: TierSegment, chunk: IndexedChunk): Promise<Uint8Array> {
    const [read] = await this.read(segment, [chunk])
    if (read !== undefined && read.damage === null) return read.data
    const { firstOffset, lastOffset } = chunk
    throw new DamagedRangeError(firstOffset, lastOffset, read?.damage ?? 'they are gone')
  }

  async #readIndex(segment: TierSegment): Promise<SegmentIndex> {
    const { firstOffset, lastOffset, objectBytes, sizeBytes, indexChecksum } = segment
    const end = { offset: sizeBytes, length: objectBytes - sizeBytes }
    for (let last = false; ; last = true) {
      const bytes = await this.#get(segment, end)
      try {
        if (readFooter(bytes).indexChecksum !== indexChecksum) {
          throw new SegmentError('foreign', 'it is another object')
        }
        return readIndex(bytes, { ...this.#identity, firstOffset })
      } catch (error) {
        if (!(error instanceof SegmentError)) throw error
        if (!last) continue
        const reason = `their object in the tier cannot be read: ${error.message}`
        throw new DamagedRangeError(firstOffset, lastOffset, reason)
      }
    }
  }

  async #get(
    { key, firstOffset, lastOffset, objectBytes }: TierSegment,
    range: { readonly offset: number; readonly length: number },
  ): Promise<Uint8Array> {
    const damaged = (reason: string) => {
      return new DamagedRangeError(firstOffset, lastOffset, `their object in the tier is ${reason}`)
    }
    try {
      const bytes = await this.#objects.get(key, range)
      if (bytes !== null) return bytes
    } catch (error) {
      if (!(error instanceof ObjectStoreError) || error.retriable) throw error
      // It is not as large as it was, or the store has another reason.
      const { objects } = await this.#objects.list(key, null)
      const found = objects.find((object) => object.key === key)
      throw found === undefined || found.bytes === objectBytes ? error : damaged('cut')
    }
    throw damaged('gone')
  }
}
