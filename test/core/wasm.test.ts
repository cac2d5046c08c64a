import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WASM_ARENA_BYTES } from '../../src/core/limits.ts'
import { codec, crc32c, storedSum, xxh32 } from '../../src/core/wasm.ts'
import { noise, utf8 } from '../record/golden.ts'
import vectors from '../vectors/batches.json' with { type: 'json' }

/** CRC-32C bit by bit, from its polynomial alone. */
function slowCrc(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0)
  }
  return ~crc >>> 0
}

describe('CRC-32C', () => {
  it('has the check values of RFC 3720', () => {
    expect(crc32c(utf8('123456789'))).toBe(0xe3069283)
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43)
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e)
    expect(crc32c(new Uint8Array(0))).toBe(0)
  })

  it.each(vectors.crc32cOfNoise)('of %d bytes is what the Java library computes', (length, crc) => {
    expect(crc32c(noise(length as number))).toBe(crc)
  })

  it('is the bitwise definition for any bytes, part of them, and views', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), fc.nat(300), (bytes, a, b) => {
        const from = Math.min(a, b, bytes.length)
        const to = Math.min(Math.max(a, b), bytes.length)
        expect(crc32c(bytes, from, to)).toBe(slowCrc(bytes.subarray(from, to)))
        expect(crc32c(bytes.subarray(from, to))).toBe(slowCrc(bytes.subarray(from, to)))
      }),
    )
  })

  it('is the bitwise definition around and across blocks of sixteen lanes, from any register', () => {
    const bytes = noise(20_000)
    for (const block of [1024, 2048, 16_384, 16_384 + 1024]) {
      for (const length of [block - 1, block, block + 1, block + 17]) {
        for (const from of [0, 3]) {
          const piece = bytes.subarray(from, from + length)
          const whole = slowCrc(bytes.subarray(0, from + length))
          expect(crc32c(piece)).toBe(slowCrc(piece))
          expect(crc32c(piece, 0, length, crc32c(bytes, 0, from))).toBe(whole)
        }
      }
    }
  })

  it('continues over pieces, however they are cut, and over more than the memory holds', () => {
    const bytes = noise(20 * 1024 * 1024)
    const whole = crc32c(bytes)
    const cuts = [0, 1, 21, 262_144, 262_145, 1_000_003, 9_000_000, bytes.length]
    let crc = 0
    for (let i = 1; i < cuts.length; i++) crc = crc32c(bytes, cuts[i - 1], cuts[i], crc)
    expect(crc).toBe(whole)
    expect(crc32c(bytes, 21)).toBe(crc32c(bytes.subarray(21)))
    expect(crc32c(bytes.subarray(0, 600_000))).toBe(slowCrc(bytes.subarray(0, 600_000)))
  })
})

describe('xxHash32', () => {
  it.each(vectors.xxh32OfNoise)('of %d bytes is what lz4-java computes', (length, hash) => {
    expect(xxh32(noise(length as number))).toBe(hash)
  })

  it('is the same however the bytes are cut', () => {
    const { run, memory, start } = codec()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.array(fc.nat(40)), (bytes, cuts) => {
        const whole = xxh32(bytes)
        memory.set(bytes, start)
        run.xxh32Reset(1)
        let at = 0
        for (const cut of [...cuts, bytes.length]) {
          const length = Math.min(cut, bytes.length - at)
          run.xxh32Update(1, start + at, length)
          at += length
        }
        expect(run.xxh32Digest(1) >>> 0).toBe(whole)
      }),
    )
  })
})

describe('the checksum of stored rows', () => {
  /** By its definition, a lane at a time. */
  function slowSum(bytes: Uint8Array): number {
    const [prime1, prime2] = [0x9e3779b1, 0x85ebca77]
    const lanes = Array.from(
      { length: 16 },
      (_, lane) => (Math.imul(prime1, lane + 1) + prime2) | 0,
    )
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const striped = bytes.length - (bytes.length % 64)
    for (let at = 0; at < striped; at += 4) {
      const lane = (at >> 2) & 15
      const sum = (lanes[lane]! + Math.imul(view.getInt32(at, true), prime2)) | 0
      lanes[lane] = Math.imul((sum << 13) | (sum >>> 19), prime1)
    }
    const rest = bytes.subarray(striped)
    const last = new Uint8Array(64 + rest.length + 4)
    const out = new DataView(last.buffer)
    for (const [lane, value] of lanes.entries()) out.setInt32(4 * lane, value, true)
    last.set(rest, 64)
    out.setUint32(64 + rest.length, bytes.length, true)
    return xxh32(last)
  }

  it.each([0, 1, 63, 64, 65, 1_000, 262_143, 262_144, 262_145, 600_001])(
    'of %d bytes',
    (length) => {
      const bytes = noise(length)
      expect(storedSum(bytes)).toBe(slowSum(bytes))
    },
  )

  it('is another one when a bit turns, words change places, or bytes go or come', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 9, maxLength: 400 }), fc.nat(), (bytes, seed) => {
        const sum = storedSum(bytes)
        const turned = bytes.slice()
        turned[seed % bytes.length]! ^= 1 << (seed % 8)
        expect(storedSum(turned)).not.toBe(sum)
        expect(storedSum(bytes.subarray(1))).not.toBe(sum)
        expect(storedSum(Uint8Array.of(...bytes, 0))).not.toBe(sum)
        const swapped = bytes.slice()
        swapped.set(bytes.subarray(0, 4), 4)
        swapped.set(bytes.subarray(4, 8), 0)
        const isSame = Buffer.compare(swapped, bytes) === 0
        expect(storedSum(swapped) === sum).toBe(isSame)
      }),
    )
  })
})

describe('the module', () => {
  it('has the memory that is planned for it, imports nothing and cannot grow', () => {
    const { run, memory } = codec()
    expect(memory.length).toBe(WASM_ARENA_BYTES)
    expect(() => run.memory.grow(1)).toThrow(RangeError)
    expect(memory.length).toBe(WASM_ARENA_BYTES)
  })
})
