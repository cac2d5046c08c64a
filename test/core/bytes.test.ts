import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BY_REFERENCE_BYTES,
  concatBytes,
  discard,
  MalformedMessage,
  Reader,
  Writer,
} from '../../src/core/bytes.ts'
import { type TopicId, ZERO_TOPIC_ID } from '../../src/core/ids.ts'

/** What one write puts on the wire, as hex. */
function written(write: (writer: Writer) => void): string {
  const writer = new Writer()
  write(writer)
  return Buffer.from(concatBytes(writer.finish())).toString('hex')
}

function reader(hex: string): Reader {
  return new Reader(new Uint8Array(Buffer.from(hex, 'hex')))
}

const int16Length = (writer: Writer, length: number) => writer.int16(length)

/** A write and the read that undoes it. */
interface Step {
  readonly value: unknown
  readonly write: (writer: Writer) => void
  readonly read: (reader: Reader) => unknown
}

const int = (bits: number) => fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 })

const step: fc.Arbitrary<Step> = fc.oneof(
  int(8).map((v) => ({ value: v, write: (w: Writer) => w.int8(v), read: (r: Reader) => r.int8() })),
  int(16).map((v) => ({
    value: v,
    write: (w: Writer) => w.int16(v),
    read: (r: Reader) => r.int16(),
  })),
  int(32).map((v) => ({
    value: v,
    write: (w: Writer) => w.int32(v),
    read: (r: Reader) => r.int32(),
  })),
  fc.maxSafeInteger().map((v) => ({
    value: v,
    write: (w: Writer) => w.int64(v),
    read: (r: Reader) => r.int64(),
  })),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((v) => ({
    value: v,
    write: (w: Writer) => w.bigint64(v),
    read: (r: Reader) => r.bigint64(),
  })),
  fc.double().map((v) => ({
    value: v,
    write: (w: Writer) => w.float64(v),
    read: (r: Reader) => r.float64(),
  })),
  fc
    .boolean()
    .map((v) => ({ value: v, write: (w: Writer) => w.bool(v), read: (r: Reader) => r.bool() })),
  fc.nat(2 ** 31 - 1).map((v) => ({
    value: 2 * v,
    write: (w: Writer) => w.uvarint(2 * v),
    read: (r: Reader) => r.uvarint(),
  })),
  fc.string({ unit: 'grapheme' }).map((v) => ({
    value: v,
    write: (w: Writer) => w.utf8(v, int16Length),
    read: (r: Reader) => r.utf8(r.int16()),
  })),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((v) => {
    const id = Buffer.from(v).toString('base64url') as TopicId
    return { value: id, write: (w: Writer) => w.uuid(id), read: (r: Reader) => r.uuid() }
  }),
  fc
    .constantFrom(0, 1, 300, BY_REFERENCE_BYTES - 1, BY_REFERENCE_BYTES, 3 * BY_REFERENCE_BYTES)
    .map((length) => {
      const v = new Uint8Array(length).fill(length)
      return { value: v, write: (w: Writer) => w.bytes(v), read: (r: Reader) => r.bytes(length) }
    }),
)

describe('Reader and Writer', () => {
  it('read back any sequence of values, however the writer grew', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.nat(64), (steps, startBytes) => {
        const writer = new Writer(startBytes)
        writer.int32(0)
        for (const { write } of steps) write(writer)
        const length = writer.length
        const whole = concatBytes(writer.finish(true))
        expect(whole.byteLength).toBe(length)
        const back = new Reader(whole)
        expect(back.int32()).toBe(length - 4)
        for (const { read, value } of steps) expect(read(back)).toEqual(value)
        back.expectEnd()
      }),
    )
  })

  it('a reader over a part of a buffer stays in it', () => {
    const buffer = new Uint8Array([9, 9, 1, 2, 3, 9, 9])
    const part = new Reader(buffer.subarray(2, 5), 1)
    expect(part.remaining).toBe(2)
    expect(part.int16()).toBe(0x0203)
    expect(part.at).toBe(3)
    expect(() => part.int8()).toThrow(MalformedMessage)
  })
})

describe('Reader', () => {
  const short: Readonly<Record<string, readonly [string, (r: Reader) => unknown]>> = {
    int8: ['', (r) => r.int8()],
    int16: ['00', (r) => r.int16()],
    uint16: ['00', (r) => r.uint16()],
    int32: ['000000', (r) => r.int32()],
    uint32: ['000000', (r) => r.uint32()],
    int64: ['00000000000000', (r) => r.int64()],
    bigint64: ['00000000000000', (r) => r.bigint64()],
    float64: ['00000000000000', (r) => r.float64()],
    'an open varint': ['ffff', (r) => r.uvarint()],
    uuid: ['00'.repeat(15), (r) => r.uuid()],
    'bytes beyond the end': ['0000', (r) => r.bytes(3)],
    'bytes of negative length': ['0000', (r) => r.bytes(-1)],
    'a skip beyond the end': ['0000', (r) => r.skip(3)],
    'a string beyond the end': ['6161', (r) => r.utf8(3)],
    'a string of negative length': ['6161', (r) => r.utf8(-1)],
    'elements beyond the end': ['0000', (r) => r.elements(3, 1)],
    'a negative number of elements': ['0000', (r) => r.elements(-1, 1)],
    'bytes that were to be the end': ['00', (r) => r.expectEnd()],
  }

  it.each(Object.keys(short))('refuses %s', (name) => {
    const [hex, read] = short[name]!
    expect(() => read(reader(hex))).toThrow(MalformedMessage)
  })

  it('an int64 beyond 2^53 becomes the nearest double', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const hex = written((w) => w.bigint64(value))
        expect(reader(hex).int64()).toBe(Number(value))
      }),
    )
  })

  it('invalid UTF-8 becomes U+FFFD and a byte order mark is kept', () => {
    expect(reader('61ff62').utf8(3)).toBe('a\ufffdb')
    expect(reader('efbbbf61').utf8(4)).toBe('\ufeffa')
    expect(reader(`${'61'.repeat(99)}ff`).utf8(100)).toBe(`${'a'.repeat(99)}\ufffd`)
  })

  it('bytes are a view, not a copy', () => {
    const bytes = new Uint8Array([1, 2, 3])
    expect(new Reader(bytes).bytes(2).buffer).toBe(bytes.buffer)
  })

  it('array elements have one allowance for the whole reader', () => {
    const few = new Reader(new Uint8Array(100), 0, 10)
    few.elements(6, 1)
    few.elements(4, 1)
    expect(() => few.elements(1, 1)).toThrow(MalformedMessage)
  })
})

describe('Writer', () => {
  it.each([
    [0, '00'],
    [127, '7f'],
    [128, '8001'],
    [300, 'ac02'],
    [2 ** 32 - 1, 'ffffffff0f'],
  ])('writes %i as the varint %s', (value, hex) => {
    expect(written((w) => w.uvarint(value))).toBe(hex)
  })

  it('passes large bytes through by reference and copies small ones', () => {
    const large = new Uint8Array(BY_REFERENCE_BYTES)
    const small = new Uint8Array(BY_REFERENCE_BYTES - 1)
    const writer = new Writer()
    for (const bytes of [small, large, small, large]) writer.bytes(bytes)
    const pieces = writer.finish()
    expect(pieces.map((piece) => piece === large)).toEqual([false, true, false, true])
    expect(pieces.some((piece) => piece.buffer === small.buffer)).toBe(false)
  })

  it('an int64 beyond the range becomes its nearest end', () => {
    expect(written((w) => w.int64(2 ** 63))).toBe('7fffffffffffffff')
    expect(written((w) => w.int64(Number.POSITIVE_INFINITY))).toBe('7fffffffffffffff')
    expect(written((w) => w.int64(-(2 ** 64)))).toBe('8000000000000000')
    expect(written((w) => w.int64(-(2 ** 63)))).toBe('8000000000000000')
  })

  it('refuses what cannot be written', () => {
    expect(() => written((w) => w.utf8('é'.repeat(16_384), int16Length))).toThrow(RangeError)
    expect(() => written((w) => w.uuid('short' as TopicId))).toThrow(TypeError)
    expect(() => written((w) => w.uuid(`${'A'.repeat(21)}*` as TopicId))).toThrow(TypeError)
    expect(() => written((w) => w.uuid(`${'A'.repeat(21)}é` as TopicId))).toThrow(TypeError)
  })

  it('the zero topic id is sixteen zero bytes', () => {
    expect(written((w) => w.uuid(ZERO_TOPIC_ID))).toBe('00'.repeat(16))
    expect(reader('00'.repeat(16)).uuid()).toBe(ZERO_TOPIC_ID)
  })
})

describe('discarded bytes', () => {
  it('are gone, also for who still holds them; a second time is harmless', () => {
    const bytes = new Uint8Array(10)
    discard(bytes)
    discard(bytes)
    expect(bytes.length).toBe(0)
  })

  it('that are part of a larger buffer stay', () => {
    const whole = new Uint8Array(10)
    discard(whole.subarray(2, 5))
    expect(whole.length).toBe(10)
  })
})
