import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TopicId } from '../../src/core/ids.ts'
import { TIER_OBJECT_MAX_BYTES } from '../../src/core/limits/tier.ts'
import { MESSAGE_MAX_BYTES } from '../../src/core/limits.ts'
import { xxh32 } from '../../src/core/wasm.ts'
import {
  checkRange,
  checkSegment,
  chunkAt,
  encodeSegment,
  rangeOf,
  readFooter,
  readIndex,
  SEGMENT_FOOTER_BYTES,
  SEGMENT_VERSION,
  type SegmentChunk,
  type SegmentError,
  type SegmentParts,
} from '../../src/tier/segment.ts'
import { noise } from './store-contract.ts'

const TOPIC = 'AAECAwQFBgcICQoLDA0ODw' as TopicId

const aborted = [
  { producerId: 2 ** 53 - 1, firstOffset: 3, lastOffset: 105, stableOffset: 106 },
  { producerId: 7, firstOffset: 100, lastOffset: 109, stableOffset: 50 },
]

/** Chunks from offset 100 on, of these sizes, ten offsets each with a gap behind. */
function parts(...sizes: readonly number[]): SegmentParts {
  let runningSizeBytes = 2 ** 40
  const chunks = sizes.map((sizeBytes, index): SegmentChunk => {
    runningSizeBytes += sizeBytes
    return {
      firstOffset: 100 + index * 12,
      lastOffset: 109 + index * 12,
      maxTimestamp: 1_700_000_000_000 - index,
      runningMaxTimestamp: 1_700_000_000_000,
      sizeBytes,
      runningSizeBytes,
      data: noise(sizeBytes, index + 1),
    }
  })
  return { topicId: TOPIC, partition: 3, chunks, aborted, producers: noise(61) }
}

function reasonOf(read: () => unknown): SegmentError['reason'] | 'read' {
  try {
    read()
    return 'read'
  } catch (error) {
    if ((error as Error).name !== 'SegmentError') throw error
    return (error as SegmentError).reason
  }
}

/** A footer as this code writes them, over a changed index. */
function resealed(object: Uint8Array): Uint8Array {
  const { dataBytes, indexBytes } = readFooter(object)
  const view = new DataView(object.buffer, object.length - SEGMENT_FOOTER_BYTES)
  view.setUint32(8, xxh32(object.subarray(dataBytes, dataBytes + indexBytes)))
  view.setUint32(12, xxh32(object.subarray(object.length - 28, object.length - 16)))
  return object
}

describe('a segment', () => {
  it('is read as it was written', () => {
    const int53 = fc.integer({ min: -1, max: Number.MAX_SAFE_INTEGER })
    const chunk = fc.record({
      gap: fc.nat(1_000),
      count: fc.integer({ min: 1, max: 1_000 }),
      maxTimestamp: int53,
      runningMaxTimestamp: int53,
      runningSizeBytes: fc.nat(Number.MAX_SAFE_INTEGER),
      data: fc.uint8Array({ maxLength: 700 }),
    })
    const transaction = fc.record({
      producerId: int53,
      firstOffset: int53,
      lastOffset: int53,
      stableOffset: int53,
    })
    const given = fc.record({
      first: fc.nat(2 ** 52),
      partition: fc.nat(100_000),
      chunks: fc.array(chunk, { minLength: 1, maxLength: 20 }),
      aborted: fc.array(transaction, { maxLength: 20 }),
      // From 4 KiB on they are written by reference.
      producers: fc.uint8Array({ maxLength: 5_000, size: 'max' }),
    })
    fc.assert(
      fc.property(given, ({ first, partition, chunks, aborted, producers }) => {
        let next = first
        const placed = chunks.map(({ gap, count, data, ...rest }): SegmentChunk => {
          const firstOffset = next + gap
          next = firstOffset + count
          return { ...rest, data, sizeBytes: data.length, firstOffset, lastOffset: next - 1 }
        })
        const firstOffset = placed[0]?.firstOffset ?? 0
        const identity = { topicId: TOPIC, partition, firstOffset }
        const object = encodeSegment({ ...identity, chunks: placed, aborted, producers })
        const index = checkSegment(object, identity)
        expect(index).toMatchObject({ ...identity, lastOffset: next - 1, aborted })
        expect(index.producers).toEqual(Uint8Array.from(producers))
        let position = 0
        for (const [at, { data, ...header }] of placed.entries()) {
          expect(index.chunks[at]).toMatchObject({ ...header, position })
          expect(object.subarray(position, position + data.length)).toEqual(Uint8Array.from(data))
          position += data.length
        }
        expect(readIndex(object.subarray(position), identity)).toEqual(index)
      }),
      { numRuns: 200 },
    )
  })

  it('has its index behind the data, and says at its end where', () => {
    const object = encodeSegment(parts(1_000, 2_000))
    const { dataBytes, indexBytes } = readFooter(object.subarray(-SEGMENT_FOOTER_BYTES))
    expect(dataBytes).toBe(3_000)
    expect(dataBytes + indexBytes + SEGMENT_FOOTER_BYTES).toBe(object.length)
  })

  it('does not keep the bytes it was read from', () => {
    const index = readIndex(encodeSegment(parts(10)))
    expect(index.producers.buffer.byteLength).toBe(index.producers.length)
  })

  it('holds one batch of the largest size', () => {
    const object = encodeSegment(parts(MESSAGE_MAX_BYTES))
    expect(object.length).toBeLessThan(TIER_OBJECT_MAX_BYTES)
    expect(checkSegment(object).chunks).toHaveLength(1)
  })

  it.each([
    ['no chunk', { chunks: [] }],
    ['too much', parts(MESSAGE_MAX_BYTES, MESSAGE_MAX_BYTES)],
    ['chunks out of order', { chunks: parts(1, 2).chunks.toReversed() }],
    ['another size', { chunks: parts(5).chunks.map((each) => ({ ...each, sizeBytes: 4 })) }],
  ])('is not made of %s', (_, change) => {
    expect(() => encodeSegment({ ...parts(1), ...change })).toThrow(RangeError)
  })
})

describe('damage', () => {
  it('of any one bit is found', () => {
    const object = encodeSegment(parts(70, 130, 3))
    checkSegment(object)
    for (let at = 0; at < object.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const damaged = object.slice()
        damaged[at] = (damaged[at] ?? 0) ^ (1 << bit)
        expect(
          reasonOf(() => checkSegment(damaged)),
          `byte ${at}, bit ${bit}`,
        ).not.toBe('read')
      }
    }
  })

  it('of the data is of its chunk alone', () => {
    const object = encodeSegment(parts(1_000, 2_000, 500, 700))
    const { chunks } = readIndex(object)
    object[1_500] = (object[1_500] ?? 0) ^ 1
    const some = chunks.slice(1, 3)
    const { offset, length } = rangeOf(some)
    expect({ offset, length }).toEqual({ offset: 1_000, length: 2_500 })
    const found = checkRange(some, object.subarray(offset, offset + length))
    expect(found.map(({ firstOffset }) => firstOffset)).toEqual([112])
    expect(checkRange(chunks.slice(2), object.subarray(3_000, 4_200))).toEqual([])
  })

  it('is that a range is too short', () => {
    const object = encodeSegment(parts(1_000, 2_000))
    const { chunks } = readIndex(object)
    expect(checkRange(chunks, object.subarray(0, 2_999))).toEqual([chunks[1]])
    expect(checkRange(chunks, object.subarray(0, 0))).toEqual(chunks)
  })

  it('is to be cut, anywhere', () => {
    const object = encodeSegment(parts(50, 60))
    for (let length = 0; length < object.length; length++) {
      const end = reasonOf(() => checkSegment(object.subarray(0, length)))
      expect(end, `${length} bytes`).not.toBe('read')
      const begin = reasonOf(() => checkSegment(object.subarray(object.length - length)))
      expect(begin, `the last ${length} bytes`).not.toBe('read')
    }
  })

  it('is to have something before or behind', () => {
    const object = encodeSegment(parts(50))
    expect(reasonOf(() => checkSegment(new Uint8Array([0, ...object])))).toBe('damaged')
    expect(reasonOf(() => checkSegment(new Uint8Array([...object, 0])))).toBe('foreign')
  })

  it('is an index that says of itself what cannot be, whatever its checksum', () => {
    const object = encodeSegment(parts(50, 60))
    const { dataBytes, indexBytes } = readFooter(object)
    const sound = readIndex(object)
    for (let at = 0; at < indexBytes; at++) {
      const changed = object.slice()
      changed[dataBytes + at] = 0xff
      const reason = reasonOf(() => {
        const index = readIndex(resealed(changed))
        // Values that could be are taken; no array is longer than its bytes.
        expect(index.chunks).toHaveLength(sound.chunks.length)
        expect(index.aborted).toHaveLength(sound.aborted.length)
      })
      expect(['read', 'damaged']).toContain(reason)
    }
    const counts = object.slice()
    new DataView(counts.buffer).setUint32(dataBytes + 36, 0xffff_ffff)
    expect(reasonOf(() => readIndex(resealed(counts)))).toBe('damaged')
  })
})

describe('an object that is not this segment', () => {
  it('is refused: anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(reasonOf(() => checkSegment(bytes))).toBe('foreign')
      }),
    )
  })

  it('is refused: of another topic, partition or offset', () => {
    const object = encodeSegment(parts(50))
    const identity = { topicId: TOPIC, partition: 3, firstOffset: 100 }
    expect(reasonOf(() => readIndex(object, identity))).toBe('read')
    const other = 'BBECAwQFBgcICQoLDA0ODw' as TopicId
    for (const change of [{ topicId: other }, { partition: 4 }, { firstOffset: 99 }]) {
      expect(reasonOf(() => readIndex(object, { ...identity, ...change }))).toBe('foreign')
    }
  })

  it('is refused: of a later layout, whatever that has before the last bytes', () => {
    const object = encodeSegment(parts(50))
    new DataView(object.buffer).setUint32(object.length - 12, SEGMENT_VERSION + 1)
    expect(reasonOf(() => readIndex(object))).toBe('newer')
    object.fill(0xee, 0, object.length - 12)
    expect(reasonOf(() => checkSegment(object))).toBe('newer')
  })
})

describe('an offset', () => {
  it('lies in the last chunk that begins at or before it', () => {
    const index = readIndex(encodeSegment(parts(10, 10, 10)))
    const found = [99, 100, 109, 111, 112, 123, 124, 9_999].map((offset) => chunkAt(index, offset))
    expect(found).toEqual([-1, 0, 0, 0, 1, 1, 2, 2])
  })
})
