import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lz4Compress, lz4Decompress } from '../../src/core/lz4.ts'
import { CodecError, xxh32 } from '../../src/core/wasm.ts'
import { needs, run } from '../clients/tools.ts'
import { fromBase64, fromHex, noise, text, utf8 } from '../record/golden.ts'
import vectors from '../vectors/lz4-frames.json' with { type: 'json' }

const MiB = 1024 * 1024
const BOUND = 32 * MiB

const contents: Record<string, Uint8Array> = {
  text: text(210_000),
  noise: noise(10_000),
  empty: new Uint8Array(0),
}

const frames = vectors.frames.map(({ options, content, base64 }) => ({
  title: `${content} ${options}`,
  content: contents[content] as Uint8Array,
  bytes: fromBase64(base64),
}))

function reasonOf(decode: () => unknown): string {
  try {
    decode()
  } catch (error) {
    if (error instanceof CodecError) return error.reason
    throw error
  }
  return 'none'
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

/** A frame from its flags, descriptor and what follows, with the right header checksum. */
function frame(flags: number, descriptor: number, rest: string, size = ''): Uint8Array {
  const head = fromHex(`${flags.toString(16)}${descriptor.toString(16)}${size}`)
  const checksum = ((xxh32(head) >>> 8) & 0xff).toString(16).padStart(2, '0')
  return fromHex(`04224d18 ${Buffer.from(head).toString('hex')} ${checksum} ${rest}`)
}

/** Any bytes, from random to repetitive. */
const anyContent = fc.oneof(
  fc.uint8Array({ maxLength: 500 }),
  fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 5000 }))
    .map(([part, times]) =>
      new Uint8Array(part.length * times).map((_, i) => part[i % part.length]!),
    ),
  fc.integer({ min: 1, max: 300_000 }).map(text),
)

describe('LZ4 frames', () => {
  it.each(frames)('the lz4 tool’s frame of $title is read', ({ content, bytes }) => {
    expect(equal(lz4Decompress(bytes, BOUND), content)).toBe(true)
    expect(equal(lz4Decompress(bytes, content.length), content)).toBe(true)
  })

  it.each(frames)('no prefix of $title is read', ({ bytes }) => {
    const step = Math.max(1, Math.floor(bytes.length / 400))
    for (let length = 0; length < bytes.length; length += length < 64 ? 1 : step)
      expect(reasonOf(() => lz4Decompress(bytes.subarray(0, length), BOUND))).toBe('malformed')
    expect(reasonOf(() => lz4Decompress(bytes.subarray(0, -1), BOUND))).toBe('malformed')
  })

  it.each(frames)('$title with garbage behind it is refused', ({ bytes }) => {
    for (const garbage of ['00', '00000000', 'ffffffff00', '04224d1864'])
      expect(reasonOf(() => lz4Decompress(Buffer.concat([bytes, fromHex(garbage)]), BOUND))).toBe(
        'malformed',
      )
  })

  it.each(frames)(
    'a flipped bit in $title is an error or changes nothing',
    ({ content, bytes }) => {
      const hasChecksum = (bytes[4]! & 0x04) !== 0
      const step = Math.max(1, Math.floor(bytes.length / 300))
      for (let at = 0; at < bytes.length; at += at < 40 ? 1 : step) {
        const flipped = bytes.slice()
        flipped[at]! ^= 1 << (at % 8)
        try {
          const out = lz4Decompress(flipped, content.length + 1000)
          if (hasChecksum) expect(equal(out, content)).toBe(true)
        } catch (error) {
          expect(error).toBeInstanceOf(CodecError)
        }
      }
    },
  )

  it.each(frames.filter(({ content }) => content.length > 0))(
    'output of $title over the bound is an error',
    ({ content, bytes }) => {
      for (const bound of [0, 1, 65_535, content.length - 1].filter((b) => b < content.length))
        expect(reasonOf(() => lz4Decompress(bytes, bound))).toBe('too-large')
    },
  )

  it('what is written is read back', () => {
    fc.assert(
      fc.property(anyContent, (content) => {
        expect(equal(lz4Decompress(lz4Compress(content), content.length), content)).toBe(true)
      }),
    )
  })

  it('blocks around 64 KiB and small inputs are written right', () => {
    for (const length of [0, 1, 4, 5, 12, 13, 14, 16, 65_535, 65_536, 65_537, 131_072, 131_073])
      for (const content of [text(length), noise(length), new Uint8Array(length)]) {
        const compressed = lz4Compress(content)
        expect(equal(lz4Decompress(compressed, length), content)).toBe(true)
        expect(compressed.length).toBeLessThanOrEqual(11 + length + 4 * Math.ceil(length / 65_536))
      }
  })

  it('32 MiB go through a memory of 8', () => {
    const content = text(32 * MiB)
    const compressed = lz4Compress(content)
    expect(compressed.length).toBeLessThan(content.length / 10)
    expect(equal(lz4Decompress(compressed, BOUND), content)).toBe(true)
    expect(reasonOf(() => lz4Decompress(compressed, BOUND - 1))).toBe('too-large')
    const incompressible = noise(20 * MiB)
    expect(equal(lz4Decompress(lz4Compress(incompressible), BOUND), incompressible)).toBe(true)
  })

  it('frames behind each other are one content, and frames to be skipped are skipped', () => {
    const a = utf8('one ')
    const b = utf8('two')
    const skip = fromHex('502a4d18 03000000 ffffff 5f2a4d18 00000000')
    const bytes = Buffer.concat([skip, lz4Compress(a), skip, lz4Compress(b), skip])
    expect(Buffer.from(lz4Decompress(bytes, 7)).toString()).toBe('one two')
    expect(reasonOf(() => lz4Decompress(bytes, 6))).toBe('too-large')
    expect(reasonOf(() => lz4Decompress(bytes.subarray(0, -1), 7))).toBe('malformed')
    expect(reasonOf(() => lz4Decompress(skip, 7))).toBe('malformed')
  })

  // 5 literals: 50 68656c6c6f. Then the cases, each wrong in one way.
  it.each([
    ['nothing', fromHex('')],
    ['another magic', fromHex('02214c18 00000000')],
    ['version 0', frame(0x20, 0x40, '00000000')],
    ['a reserved flag', frame(0x62, 0x40, '00000000')],
    ['a dictionary', frame(0x61, 0x40, '00000000', '01000000')],
    ['block size 3', frame(0x60, 0x30, '00000000')],
    ['reserved bits of the block size', frame(0x60, 0x41, '00000000')],
    ['the high bit of the block size', frame(0x60, 0xc0, '00000000')],
    ['a wrong header checksum', fromHex('04224d18 6040 83 00000000')],
    ['a content size that is too large', frame(0x68, 0x40, '00000000', '0100000000000000')],
    ['a block over its size', frame(0x60, 0x40, `01000180 ${'00'.repeat(65_537)} 00000000`)],
    ['an empty stored block', frame(0x60, 0x40, '00000080 00000000')],
    ['no end mark', frame(0x60, 0x40, '06000000 50 68656c6c6f')],
    ['literals behind the block', frame(0x60, 0x40, '06000000 60 68656c6c6f 00000000')],
    ['a match without literals behind', frame(0x60, 0x40, '08000000 51 68656c6c6f 0500 00000000')],
    ['half an offset', frame(0x60, 0x40, '07000000 51 68656c6c6f 05 00000000')],
    ['offset 0', frame(0x60, 0x40, '09000000 50 68656c6c6f 0000 00 00000000')],
    ['an offset before the start', frame(0x60, 0x40, '09000000 50 68656c6c6f 0600 00 00000000')],
    ['an unfinished literal length', frame(0x60, 0x40, '02000000 f0ff 00000000')],
    ['an unfinished match length', frame(0x60, 0x40, '09000000 5f 68656c6c6f 0500 ff 00000000')],
  ])('a frame with %s is malformed', (_, bytes) => {
    expect(reasonOf(() => lz4Decompress(bytes, BOUND))).toBe('malformed')
  })

  it.each([
    ['literals', frame(0x60, 0x40, '06000000 50 68656c6c6f 00000000'), 'hello'],
    ['a stored block', frame(0x60, 0x40, '05000080 68656c6c6f 00000000'), 'hello'],
    ['a match', frame(0x60, 0x40, '09000000 50 68656c6c6f 0500 00 00000000'), 'hellohell'],
    [
      'a content size',
      frame(0x68, 0x40, '05000080 68656c6c6f 00000000', `05${'00'.repeat(7)}`),
      'hello',
    ],
  ])('a frame with %s is read', (_, bytes, expected) => {
    expect(Buffer.from(lz4Decompress(bytes, BOUND)).toString()).toBe(expected)
  })

  it('matches that overlap themselves repeat, for every distance', () => {
    for (let distance = 1; distance <= 40; distance++) {
      const seed = noise(distance)
      const literals = Buffer.from(seed).toString('hex')
      const extra = (n: number) => (n >= 15 ? (n - 15).toString(16).padStart(2, '0') : '')
      const nibble = Math.min(15, distance).toString(16)
      const offset = `${distance.toString(16).padStart(2, '0')}00`
      // 4 + 15 + 100 bytes of match, then one literal.
      const block = fromHex(`${nibble}f ${extra(distance)} ${literals} ${offset} 64 10 2e`)
      const size = block.length.toString(16).padStart(2, '0')
      const bytes = frame(
        0x60,
        0x40,
        `${size}000000 ${Buffer.from(block).toString('hex')} 00000000`,
      )
      const expected = Uint8Array.from({ length: distance + 119 }, (_, i) => seed[i % distance]!)
      expect([...lz4Decompress(bytes, BOUND)]).toEqual([...expected, 0x2e])
    }
  })

  it('a linked block reaches 64 KiB back and not further; an independent one not at all', () => {
    const first = noise(65_536)
    const stored = `00000180 ${Buffer.from(first).toString('hex')}`
    // One literal, then a match of 4 at a distance of 65535, then a literal.
    const second = '06000000 10 41 ffff 10 42 00000000'
    const linked = lz4Decompress(frame(0x40, 0x40, `${stored} ${second}`), BOUND)
    const expected = [...first, 0x41, ...first.subarray(2, 6), 0x42]
    expect(equal(linked, Uint8Array.from(expected))).toBe(true)
    const independent = frame(0x60, 0x40, `${stored} ${second}`)
    expect(reasonOf(() => lz4Decompress(independent, BOUND))).toBe('malformed')
    const tooFar = frame(0x40, 0x40, `0a000080 ${'00'.repeat(10)} ${second}`)
    expect(reasonOf(() => lz4Decompress(tooFar, BOUND))).toBe('malformed')
  })

  it('the window slides over many small linked blocks', () => {
    const content = noise(90_000)
    let blocks = ''
    for (let at = 0; at < content.length; at += 9)
      blocks += `09000080 ${Buffer.from(content.subarray(at, at + 9)).toString('hex')}`
    const last = '06000000 10 41 ffff 10 42 00000000'
    const out = lz4Decompress(frame(0x40, 0x40, `${blocks} ${last}`), BOUND)
    const from = content.length + 1 - 65_535
    const expected = [...content, 0x41, ...content.subarray(from, from + 4), 0x42]
    expect(equal(out, Uint8Array.from(expected))).toBe(true)
  })

  it('a content size that a few bytes claim allocates nothing near it', () => {
    const bytes = frame(0x68, 0x40, '00000000', 'ffffff0100000000')
    expect(reasonOf(() => lz4Decompress(bytes, BOUND))).toBe('malformed')
  })
})

describe('the lz4 tool', () => {
  const options = ['-B4', '-B5', '-B6', '-B7', '-B4 -BD', '-B7 -BD -BX', '-B4 -BX', '-B5 -BD -9']

  it('reads what we write', async (context) => {
    needs(context, 'lz4')
    for (const content of [new Uint8Array(0), utf8('x'), text(5 * MiB), noise(MiB)]) {
      const read = await run('lz4', ['-dc'], lz4Compress(content))
      expect(equal(read, content)).toBe(true)
    }
  })

  for (const option of options)
    it(`writes with ${option} what we read, of 10 MiB`, async (context) => {
      needs(context, 'lz4')
      await expectToolFrame(option.split(' '), Buffer.concat([text(9 * MiB), noise(MiB)]))
    })

  it('writes the content size that we check', async (context) => {
    needs(context, 'lz4')
    const folder = mkdtempSync(join(tmpdir(), 'ottla-lz4-'))
    try {
      const file = join(folder, 'content')
      writeFileSync(file, text(MiB))
      await run('lz4', ['-q', '--content-size', file, `${file}.lz4`])
      const bytes = readFileSync(`${file}.lz4`)
      expect(equal(lz4Decompress(bytes, MiB), text(MiB))).toBe(true)
      expect(reasonOf(() => lz4Decompress(bytes, MiB - 1))).toBe('too-large')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  async function expectToolFrame(args: string[], content: Uint8Array): Promise<void> {
    const bytes = await run('lz4', ['-c', ...args], content)
    expect(equal(lz4Decompress(bytes, content.length), content)).toBe(true)
  }
})
