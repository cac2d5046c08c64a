// A segment object: chunks of one partition's log, as they leave the local storage for the tier. Immutable;
// what is checked here is whether an object is what was written. Not when one is made, read or deleted, and
// not a store. All numbers are big-endian, offsets and times int64, checksums those of core/wasm.ts:
//
//   data    the batches of all chunks, back to back
//   index   topic id (16 bytes) · partition int32 · first offset · last offset
//           chunks: count uint32, of each: size uint32 · storedSum uint32 · first offset · last offset ·
//             max timestamp · running max timestamp · running size
//           aborted transactions: count uint32, of each: producer id · first · last · stable offset
//           the producers' state at the segment's end: length uint32 · bytes that only the partition reads
//   footer  28 bytes: size of data · size of index · xxh32 of the index · xxh32 of these 12 bytes · version
//           (uint32 each) · "OTTLASEG". A later version keeps the last 12 bytes where they are.

import { MalformedMessage, Reader, Writer } from '../core/bytes.ts'
import type { TopicId } from '../core/ids.ts'
import { TIER_OBJECT_MAX_BYTES } from '../core/limits/tier.ts'
import { storedSum, xxh32 } from '../core/wasm.ts'

/** The layout this code writes; an object of a later one is refused. */
export const SEGMENT_VERSION = 1

/** The last bytes of an object: they say where its index lies. */
export const SEGMENT_FOOTER_BYTES = 28

const MAGIC = new TextEncoder().encode('OTTLASEG')
const CHUNK_ENTRY_BYTES = 48
const ABORTED_ENTRY_BYTES = 32

/** Whose log a segment is of, and where it begins. */
export interface SegmentIdentity {
  readonly topicId: TopicId
  readonly partition: number
  readonly firstOffset: number
}

/** Everything of a chunk but its batches, as the partition keeps it. */
export interface SegmentChunkHeader {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly maxTimestamp: number
  readonly runningMaxTimestamp: number
  readonly sizeBytes: number
  readonly runningSizeBytes: number
}

/** A chunk to write; `data` has `sizeBytes` bytes. */
export interface SegmentChunk extends SegmentChunkHeader {
  readonly data: Uint8Array
}

/** A chunk that was written. */
export interface IndexedChunk extends SegmentChunkHeader {
  /** Where its batches lie in the object. */
  readonly position: number
  readonly checksum: number
}

/** A transaction whose marker, at `lastOffset`, lies in the segment. */
export interface SegmentAborted {
  readonly producerId: number
  readonly firstOffset: number
  readonly lastOffset: number
  /** No transaction aborted later begins below it. */
  readonly stableOffset: number
}

interface SegmentState {
  readonly topicId: TopicId
  readonly partition: number
  readonly aborted: readonly SegmentAborted[]
  /** The producers' state behind the last chunk. */
  readonly producers: Uint8Array
}

/** What a segment is made of: at least one chunk, in the order of the log. */
export interface SegmentParts extends SegmentState {
  readonly chunks: readonly SegmentChunk[]
}

/** What a segment says of itself. */
export interface SegmentIndex extends SegmentState, SegmentIdentity {
  readonly lastOffset: number
  readonly chunks: readonly IndexedChunk[]
}

/** Where the parts of an object lie: the index begins behind the data. */
export interface SegmentFooter {
  readonly dataBytes: number
  readonly indexBytes: number
  readonly indexChecksum: number
}

/** An object that cannot be read as the segment it should be. */
export class SegmentError extends Error {
  override readonly name = 'SegmentError'
  /** `foreign`: no segment, its end is missing, or another one; `newer`: a later layout. */
  readonly reason: 'foreign' | 'newer' | 'damaged'

  constructor(reason: 'foreign' | 'newer' | 'damaged', message: string) {
    super(message)
    this.reason = reason
  }
}

/**
 * The object of a segment.
 * @throws RangeError when the parts are no segment or too large for one: the caller's bug
 */
export function encodeSegment(parts: SegmentParts): Uint8Array {
  const dataBytes = checkedParts(parts)
  const index = encodeIndex(parts)
  let indexBytes = 0
  for (const piece of index) indexBytes += piece.length
  const objectBytes = dataBytes + indexBytes + SEGMENT_FOOTER_BYTES
  if (objectBytes > TIER_OBJECT_MAX_BYTES) {
    throw new RangeError(`a segment of ${objectBytes} bytes is larger than an object may be`)
  }
  const object = new Uint8Array(objectBytes)
  let at = 0
  for (const { data } of parts.chunks) {
    object.set(data, at)
    at += data.length
  }
  for (const piece of index) {
    object.set(piece, at)
    at += piece.length
  }
  const indexChecksum = xxh32(object.subarray(dataBytes, at))
  object.set(encodeFooter({ dataBytes, indexBytes, indexChecksum }), at)
  return object
}

/** Bytes of all batches. */
function checkedParts({ chunks }: SegmentParts): number {
  if (chunks.length === 0) throw new RangeError('a segment has at least one chunk')
  let bytes = 0
  let next = Number.NEGATIVE_INFINITY
  for (const { firstOffset, lastOffset, sizeBytes, data } of chunks) {
    if (firstOffset < next || lastOffset < firstOffset) {
      throw new RangeError(`chunk ${firstOffset} to ${lastOffset} is not in order`)
    }
    if (data.length !== sizeBytes) {
      throw new RangeError(`chunk ${firstOffset} has ${data.length} bytes instead of ${sizeBytes}`)
    }
    bytes += sizeBytes
    next = lastOffset + 1
  }
  return bytes
}

function encodeIndex({ topicId, partition, chunks, aborted, producers }: SegmentParts) {
  const writer = new Writer(64 + chunks.length * CHUNK_ENTRY_BYTES)
  writer.uuid(topicId)
  writer.int32(partition)
  writer.int64(chunks[0]?.firstOffset ?? 0)
  writer.int64(chunks.at(-1)?.lastOffset ?? 0)
  writer.int32(chunks.length)
  for (const chunk of chunks) {
    writer.int32(chunk.sizeBytes)
    writer.int32(storedSum(chunk.data))
    writer.int64(chunk.firstOffset)
    writer.int64(chunk.lastOffset)
    writer.int64(chunk.maxTimestamp)
    writer.int64(chunk.runningMaxTimestamp)
    writer.int64(chunk.runningSizeBytes)
  }
  writer.int32(aborted.length)
  for (const transaction of aborted) {
    writer.int64(transaction.producerId)
    writer.int64(transaction.firstOffset)
    writer.int64(transaction.lastOffset)
    writer.int64(transaction.stableOffset)
  }
  writer.int32(producers.length)
  writer.bytes(producers)
  return writer.finish()
}

function encodeFooter({ dataBytes, indexBytes, indexChecksum }: SegmentFooter): Uint8Array {
  const footer = new Uint8Array(SEGMENT_FOOTER_BYTES)
  const view = new DataView(footer.buffer)
  view.setUint32(0, dataBytes)
  view.setUint32(4, indexBytes)
  view.setUint32(8, indexChecksum)
  view.setUint32(12, xxh32(footer.subarray(0, 12)))
  view.setUint32(16, SEGMENT_VERSION)
  footer.set(MAGIC, 20)
  return footer
}

/**
 * Where the parts of an object lie.
 * @param end the object's last bytes, SEGMENT_FOOTER_BYTES of them or more
 * @throws SegmentError
 */
export function readFooter(end: Uint8Array): SegmentFooter {
  const at = end.length - SEGMENT_FOOTER_BYTES
  if (at < 0 || MAGIC.some((byte, index) => end[at + 20 + index] !== byte)) {
    throw new SegmentError('foreign', 'it is no segment, or its end is missing')
  }
  const view = new DataView(end.buffer, end.byteOffset + at, SEGMENT_FOOTER_BYTES)
  const version = view.getUint32(16)
  if (version > SEGMENT_VERSION) {
    throw new SegmentError('newer', `its layout is version ${version}, later than this code knows`)
  }
  if (version < 1 || view.getUint32(12) !== xxh32(end.subarray(at, at + 12))) {
    throw new SegmentError('damaged', 'the footer is damaged')
  }
  return {
    dataBytes: view.getUint32(0),
    indexBytes: view.getUint32(4),
    indexChecksum: view.getUint32(8),
  }
}

/**
 * The index of a segment.
 * @param end the object from where its index begins (or before that) up to its end
 * @param expected what the object must be, where that is known
 * @throws SegmentError
 */
export function readIndex(end: Uint8Array, expected?: SegmentIdentity): SegmentIndex {
  const { dataBytes, indexBytes, indexChecksum } = readFooter(end)
  const to = end.length - SEGMENT_FOOTER_BYTES
  if (indexBytes > to) throw new SegmentError('damaged', 'the index is not where the footer says')
  const bytes = end.subarray(to - indexBytes, to)
  if (xxh32(bytes) !== indexChecksum) throw new SegmentError('damaged', 'the index is damaged')
  const index = decodeIndex(bytes, dataBytes)
  if (expected !== undefined && !isOf(index, expected)) {
    const { topicId, partition, firstOffset } = index
    throw new SegmentError(
      'foreign',
      `it is of ${topicId}-${partition}, from offset ${firstOffset}`,
    )
  }
  return index
}

/** Its checksum is right, so what does not fit together here was written so: by nobody who is us. */
function decodeIndex(bytes: Uint8Array, dataBytes: number): SegmentIndex {
  try {
    const reader = new Reader(bytes)
    const topicId = reader.uuid()
    const partition = reader.int32()
    const firstOffset = reader.int64()
    const lastOffset = reader.int64()
    const chunks = readChunks(reader)
    const aborted = readAborted(reader)
    // A copy: who keeps it must not keep what was read around it.
    const producers = reader.bytes(reader.uint32()).slice()
    reader.expectEnd()
    const last = chunks.at(-1)
    if (chunks[0]?.firstOffset !== firstOffset || last?.lastOffset !== lastOffset) {
      throw new MalformedMessage('its chunks are not those of its offsets')
    }
    if (last.position + last.sizeBytes !== dataBytes) {
      throw new MalformedMessage('its chunks are not as large as its data')
    }
    return { topicId, partition, firstOffset, lastOffset, chunks, aborted, producers }
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error
    throw new SegmentError('damaged', `the index cannot be read: ${error.message}`)
  }
}

function readChunks(reader: Reader): IndexedChunk[] {
  const count = reader.uint32()
  reader.elements(count, CHUNK_ENTRY_BYTES)
  const chunks: IndexedChunk[] = []
  let position = 0
  for (let index = 0; index < count; index++) {
    const sizeBytes = reader.uint32()
    chunks.push({
      position,
      sizeBytes,
      checksum: reader.uint32(),
      firstOffset: reader.int64(),
      lastOffset: reader.int64(),
      maxTimestamp: reader.int64(),
      runningMaxTimestamp: reader.int64(),
      runningSizeBytes: reader.int64(),
    })
    position += sizeBytes
  }
  return chunks
}

function readAborted(reader: Reader): SegmentAborted[] {
  const count = reader.uint32()
  reader.elements(count, ABORTED_ENTRY_BYTES)
  const aborted: SegmentAborted[] = []
  for (let index = 0; index < count; index++) {
    aborted.push({
      producerId: reader.int64(),
      firstOffset: reader.int64(),
      lastOffset: reader.int64(),
      stableOffset: reader.int64(),
    })
  }
  return aborted
}

function isOf(index: SegmentIdentity, expected: SegmentIdentity): boolean {
  return (
    index.topicId === expected.topicId &&
    index.partition === expected.partition &&
    index.firstOffset === expected.firstOffset
  )
}

/** The last chunk that begins at or before `offset`: its position in the index; -1 when none does. */
export function chunkAt({ chunks }: SegmentIndex, offset: number): number {
  let low = 0
  let high = chunks.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((chunks[middle]?.firstOffset ?? 0) <= offset) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** Where neighbouring chunks lie in their object: what to get for `checkRange`. */
export function rangeOf(chunks: readonly IndexedChunk[]): { offset: number; length: number } {
  const first = chunks[0]
  const last = chunks.at(-1)
  if (first === undefined || last === undefined) return { offset: 0, length: 0 }
  return { offset: first.position, length: last.position + last.sizeBytes - first.position }
}

/**
 * The chunks of a range that are not as they were written.
 * @param bytes all batches of these neighbouring chunks, as `rangeOf` says
 */
export function checkRange(chunks: readonly IndexedChunk[], bytes: Uint8Array): IndexedChunk[] {
  const from = chunks[0]?.position ?? 0
  return chunks.filter(({ position, sizeBytes, checksum }) => {
    const data = bytes.subarray(position - from, position - from + sizeBytes)
    return data.length !== sizeBytes || storedSum(data) !== checksum
  })
}

/**
 * The index of a whole object, of which every byte was checked.
 * @throws SegmentError
 */
export function checkSegment(object: Uint8Array, expected?: SegmentIdentity): SegmentIndex {
  const index = readIndex(object, expected)
  const { dataBytes, indexBytes } = readFooter(object)
  if (dataBytes + indexBytes + SEGMENT_FOOTER_BYTES !== object.length) {
    throw new SegmentError('damaged', 'it is not as large as it says')
  }
  const [damaged] = checkRange(index.chunks, object.subarray(0, dataBytes))
  if (damaged === undefined) return index
  const { firstOffset, lastOffset } = damaged
  throw new SegmentError('damaged', `offsets ${firstOffset} to ${lastOffset} are damaged`)
}
