import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as varint from '../../src/core/varint.ts'
import { fromHex } from '../record/golden.ts'

function cursorOf(bytes: Uint8Array, at = 0, end = bytes.length) {
  return { bytes, at, end }
}

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff })
const int32 = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })
const safe = fc.maxSafeInteger()

/** The same value by the definition, in arbitrary precision. */
function zigzag(value: number): Uint8Array {
  let rest = value >= 0 ? BigInt(value) * 2n : BigInt(value) * -2n - 1n
  const bytes: number[] = []
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  return Uint8Array.from([...bytes, Number(rest)])
}

describe('varints', () => {
  it.each([
    [0, '00'],
    [127, '7f'],
    [128, '8001'],
    [300, 'ac02'],
    [2 ** 21, '80808001'],
    [0xffff_ffff, 'ffffffff0f'],
  ])('unsigned %d is %s', (value, hex) => {
    const bytes = fromHex(hex)
    expect(varint.readUnsignedVarint(cursorOf(bytes))).toBe(value)
    expect(varint.sizeOfUnsignedVarint(value)).toBe(bytes.length)
    const out = new Uint8Array(bytes.length)
    expect(varint.writeUnsignedVarint(out, 0, value)).toBe(bytes.length)
    expect(out).toEqual(bytes)
  })

  it.each([
    [0, '00'],
    [-1, '01'],
    [1, '02'],
    [63, '7e'],
    [-64, '7f'],
    [64, '8001'],
    [0x7fff_ffff, 'feffffff0f'],
    [-0x8000_0000, 'ffffffff0f'],
  ])('zigzag %d is %s', (value, hex) => {
    expect(varint.readVarint(cursorOf(fromHex(hex)))).toBe(value)
    expect(varint.readVarlong(cursorOf(fromHex(hex)))).toBe(value)
  })

  it('reads back what it writes, with the size it says, at any position', () => {
    const kinds = [
      [uint32, varint.writeUnsignedVarint, varint.readUnsignedVarint, varint.sizeOfUnsignedVarint],
      [int32, varint.writeVarint, varint.readVarint, varint.sizeOfVarint],
      [safe, varint.writeVarlong, varint.readVarlong, varint.sizeOfVarlong],
    ] as const
    for (const [values, write, read, sizeOf] of kinds) {
      fc.assert(
        fc.property(values, fc.nat(5), (value, at) => {
          const bytes = new Uint8Array(20)
          const end = write(bytes, at, value)
          expect(end - at).toBe(sizeOf(value))
          const cursor = cursorOf(bytes, at)
          expect(read(cursor)).toBe(value)
          expect(cursor.at).toBe(end)
        }),
      )
    }
  })

  it('writes 64 bits as the definition says', () => {
    fc.assert(
      fc.property(safe, (value) => {
        const bytes = new Uint8Array(varint.sizeOfVarlong(value))
        varint.writeVarlong(bytes, 0, value)
        expect(bytes).toEqual(zigzag(value))
      }),
    )
  })

  it('rounds 64-bit values beyond 2^53 as doubles are', () => {
    expect(varint.readVarlong(cursorOf(fromHex('feffffffffffffffff01')))).toBe(2 ** 63)
    expect(varint.readVarlong(cursorOf(fromHex('ffffffffffffffffff01')))).toBe(-(2 ** 63))
  })

  it('reads nothing at or behind the end', () => {
    const bytes = fromHex('8080808080')
    for (const read of [varint.readUnsignedVarint, varint.readVarint, varint.readVarlong]) {
      for (let end = 0; end < 5; end++) {
        const cursor = cursorOf(bytes, 0, end)
        expect(() => read(cursor)).toThrow(varint.VarintError)
        expect(cursor.at).toBe(0)
      }
    }
  })

  it('refuses more bytes or bits than the type has, and accepts zero padding within', () => {
    expect(varint.readUnsignedVarint(cursorOf(fromHex('8180808000')))).toBe(1)
    expect(varint.readVarlong(cursorOf(fromHex('82808080808080808000')))).toBe(1)
    for (const hex of ['8080808010', '808080808000', 'ffffffff8f00'])
      expect(() => varint.readUnsignedVarint(cursorOf(fromHex(hex)))).toThrow(varint.VarintError)
    for (const hex of ['80808080808080808002', '8080808080808080808000'])
      expect(() => varint.readVarlong(cursorOf(fromHex(hex)))).toThrow(varint.VarintError)
  })
})
