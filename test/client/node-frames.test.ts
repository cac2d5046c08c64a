import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FrameReader, frameOf, Opcode } from '../../src/client/node-frames.ts'

const encoder = new TextEncoder()

/** A frame as a server sends it: without a mask. */
function served(opcode: number, payload: Uint8Array, isFinal = true): Uint8Array {
  const { length } = payload
  const head = [(isFinal ? 0x80 : 0) | opcode]
  if (length < 126) head.push(length)
  else if (length < 65_536) head.push(126, length >> 8, length & 255)
  else
    head.push(
      127,
      0,
      0,
      0,
      0,
      (length >>> 24) & 255,
      (length >> 16) & 255,
      (length >> 8) & 255,
      length & 255,
    )
  return new Uint8Array([...head, ...payload])
}

/** What a reader tells of bytes that come in such pieces; null when it refuses them. */
function read(bytes: Uint8Array, cuts: readonly number[] = [], max = 1_000_000) {
  const reader = new FrameReader(max)
  const told: [number, string][] = []
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  let from = 0
  for (const end of ends) {
    const piece = bytes.slice(from, end)
    from = end
    const ok = reader.push(piece, (opcode, payload) => {
      told.push([opcode, new TextDecoder().decode(payload)])
    })
    if (!ok) return null
  }
  return told
}

describe('frames of a server', () => {
  it('are put together from pieces of any size', () => {
    const message = fc.record({
      parts: fc.array(fc.string({ maxLength: 300, unit: 'grapheme' }), {
        minLength: 1,
        maxLength: 4,
      }),
      ping: fc.boolean(),
    })
    const run = fc.property(
      fc.array(message, { maxLength: 6 }),
      fc.array(fc.nat(5_000), { maxLength: 30 }),
      (messages, cuts) => {
        const expected: [number, string][] = []
        const frames: Uint8Array[] = []
        for (const { parts, ping } of messages) {
          for (const [at, part] of parts.entries()) {
            const opcode = at === 0 ? Opcode.TEXT : Opcode.CONTINUATION
            frames.push(served(opcode, encoder.encode(part), at === parts.length - 1))
            // Control frames may come between the parts of a message.
            if (ping && at < parts.length - 1) {
              frames.push(served(Opcode.PING, encoder.encode('?')))
              expected.push([Opcode.PING, '?'])
            }
          }
          expected.push([Opcode.TEXT, parts.join('')])
        }
        const bytes = new Uint8Array(frames.flatMap((frame) => [...frame]))
        expect(read(bytes, cuts)).toEqual(expected)
      },
    )
    void fc.assert(run, { numRuns: 200 })
  })

  it.each([125, 126, 65_535, 65_536, 70_000])('of %i bytes are read', (length) => {
    const text = 'x'.repeat(length)
    expect(read(served(Opcode.TEXT, encoder.encode(text)), [1, 3, 9, 60_000])).toEqual([
      [Opcode.TEXT, text],
    ])
  })

  it('are refused when they are masked, of an extension, or larger than is taken', () => {
    expect(read(frameOf(Opcode.TEXT, encoder.encode('masked')))).toBeNull()
    expect(read(new Uint8Array([0xc1, 0]))).toBeNull()
    expect(read(served(Opcode.TEXT, new Uint8Array(1_001)), [], 1_000)).toBeNull()
    // Its length alone is enough: nothing of it has come.
    expect(read(new Uint8Array([0x81, 127, 0x7f, 255, 255, 255, 255, 255, 255, 255]))).toBeNull()
    const parts = [
      served(Opcode.TEXT, new Uint8Array(600), false),
      served(Opcode.CONTINUATION, new Uint8Array(600)),
    ]
    expect(read(new Uint8Array(parts.flatMap((part) => [...part])), [], 1_000)).toBeNull()
  })
})

describe('our frames', () => {
  it.each([0, 5, 125, 126, 65_535, 65_536])(
    'of %i bytes are masked and say how long they are',
    (length) => {
      const payload = encoder.encode('y'.repeat(length))
      const frame = frameOf(Opcode.TEXT, payload)
      const extra = length < 126 ? 0 : length < 65_536 ? 2 : 8
      expect([frame[0], (frame[1] ?? 0) & 0x80]).toEqual([0x81, 0x80])
      const mask = frame.slice(2 + extra, 6 + extra)
      const opened = frame.slice(6 + extra).map((byte, at) => byte ^ (mask[at % 4] ?? 0))
      expect(opened).toEqual(payload)
    },
  )
})
