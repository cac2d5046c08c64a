import { describe, expect, it } from 'vitest'
import { concatBytes, MalformedMessage, Reader, Writer } from '../../src/core/bytes.ts'
import { compile } from '../../src/protocol/compile.ts'
import {
  array,
  bool,
  bytes,
  float64,
  int8,
  int16,
  type Shape,
  string,
  struct,
} from '../../src/protocol/schema.ts'
import { fromHex, toHex } from './vectors.ts'

function encode(shape: Shape, version: number, flexible: boolean, value: unknown): string {
  const writer = new Writer()
  compile(shape, version, flexible).encode(writer, value)
  return toHex(concatBytes(writer.finish()))
}

function decode(shape: Shape, version: number, flexible: boolean, hex: string): unknown {
  const reader = new Reader(fromHex(hex))
  const value = compile(shape, version, flexible).decode(reader)
  reader.expectEnd()
  return value
}

describe('compile', () => {
  const versioned = struct({
    always: int8(),
    early: int16({ until: 1, default: 7 }),
    late: string({ from: 2, nullable: 3, default: 'none' }),
  })

  it.each([
    [0, { always: 1, early: 2, late: 'none' }, '01' + '0002'],
    [1, { always: 1, early: 2, late: 'none' }, '01' + '0002'],
    [2, { always: 1, early: 7, late: 'ab' }, '01' + '0002' + '6162'],
    [3, { always: 1, early: 7, late: null }, '01' + 'ffff'],
  ])('takes the fields of version %i', (version, value, hex) => {
    expect(encode(versioned, version, false, value)).toBe(hex)
    expect(decode(versioned, version, false, hex)).toEqual(value)
  })

  it('a field that is not given is sent at its default', () => {
    expect(encode(versioned, 2, false, { always: 1 })).toBe('01' + '0004' + '6e6f6e65')
    expect(encode(versioned, 1, false, { always: 1 })).toBe('01' + '0007')
  })

  it('null is refused in the versions before nullable', () => {
    expect(() => decode(versioned, 2, false, '01ffff')).toThrow(MalformedMessage)
    expect(() => encode(versioned, 2, false, { always: 1, late: null })).toThrow(TypeError)
  })

  const tagged = struct({
    third: bool({ tag: 3, default: true }),
    first: string({ tag: 1, nullable: true, default: null }),
    second: array(int8(), { from: 1, tag: 2 }),
    list: array(int8(), { tag: 4, nullable: true, default: null }),
  })

  it('tagged fields go out in the order of their tags, without those at their default', () => {
    const value = { third: false, first: 'x', second: [5], list: [] }
    const hex = '04' + '01020278' + '02020205' + '030100' + '040101'
    expect(encode(tagged, 1, true, value)).toBe(hex)
    expect(decode(tagged, 1, true, hex)).toEqual(value)
    expect(encode(tagged, 1, true, { third: true, first: null, second: [], list: null })).toBe('00')
    expect(decode(tagged, 1, true, '00')).toEqual({
      third: true,
      first: null,
      second: [],
      list: null,
    })
  })

  it('a tag of another version is one that we do not know', () => {
    expect(encode(tagged, 0, true, { second: [5] })).toBe('00')
    expect(decode(tagged, 0, true, '01' + '02020205')).toMatchObject({ second: [] })
  })

  const others = struct({
    fraction: float64(),
    data: bytes({ nullable: true }),
    names: array(string({ nullable: true }), { nullable: true }),
  })

  it.each([
    [false, '3ff8000000000000' + '00000002aabb' + '00000002' + '000161' + 'ffff'],
    [true, '3ff8000000000000' + '03aabb' + '03' + '0261' + '00' + '00'],
  ])('lengths are compact when flexible (%s)', (flexible, hex) => {
    const value = { fraction: 1.5, data: new Uint8Array([0xaa, 0xbb]), names: ['a', null] }
    expect(encode(others, 0, flexible, value)).toBe(hex)
    expect(decode(others, 0, flexible, hex)).toEqual(value)
  })

  it.each([
    [false, '0000000000000000' + 'ffffffff' + 'ffffffff'],
    [true, '0000000000000000' + '00' + '00' + '00'],
  ])('null has a length of its own (flexible: %s)', (flexible, hex) => {
    const value = { fraction: 0, data: null, names: null }
    expect(encode(others, 0, flexible, value)).toBe(hex)
    expect(decode(others, 0, flexible, hex)).toEqual(value)
  })

  it('what decodes is not shared between messages', () => {
    const one = decode(versioned, 0, false, '010002') as Record<string, unknown>
    one.always = 9
    expect(decode(versioned, 0, false, '010002')).toMatchObject({ always: 1 })
  })
})
