import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BoundedOutput } from '../../src/core/bounded-output.ts'

describe('a bounded output', () => {
  it('holds what was appended, whatever was expected', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), fc.nat(3000), (parts, expected) => {
        const output = new BoundedOutput(expected, 100_000)
        for (const part of parts) output.append(part)
        const whole = parts.flatMap((part) => [...part])
        expect(output.length).toBe(whole.length)
        expect(output.room).toBe(100_000 - whole.length)
        expect([...output.finish()]).toEqual(whole)
      }),
    )
  })

  it('never holds more than its bound', () => {
    const output = new BoundedOutput(1000, 10)
    output.append(new Uint8Array(10))
    expect(output.room).toBe(0)
    expect(() => output.append(new Uint8Array(1))).toThrow(RangeError)
    expect(output.finish().buffer.byteLength).toBe(10)
  })

  it('does not keep a buffer that is mostly unused', () => {
    const output = new BoundedOutput(1000, 1000)
    output.append(new Uint8Array(100))
    expect(output.finish().buffer.byteLength).toBe(100)
  })
})
