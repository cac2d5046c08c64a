import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Line, linesOf } from '../../src/cli/lines.ts'

const NEVER = { lineBytesMax: 100, pauseMs: 60_000 }

async function* each(chunks: readonly Uint8Array[], waitMs = 0): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    if (waitMs > 0) await new Promise((done) => setTimeout(done, waitMs))
    yield chunk
  }
}

async function lines(
  chunks: readonly (string | Uint8Array)[],
  options = NEVER,
  waitMs = 0,
): Promise<(string | null)[]> {
  const bytes = chunks.map((chunk) => Buffer.from(chunk))
  const read: Line[] = []
  for await (const line of linesOf(each(bytes, waitMs), options)) read.push(line)
  return read.map((line) =>
    typeof line === 'string' || line === null ? line : line.toString('latin1'),
  )
}

describe('lines', () => {
  it('end with a newline, with or without a return, the last one with nothing', async () => {
    expect(await lines(['a\nb\r\n\n c ', 'd\n\r\ne'])).toEqual(['a', 'b', '', ' c d', '', 'e'])
    expect(await lines(['a\n'])).toEqual(['a'])
    expect(await lines([''])).toEqual([])
    expect(await lines([])).toEqual([])
  })

  it('are bytes, whatever they are', async () => {
    expect(await lines([new Uint8Array([0xff, 0, 10, 0xc3]), new Uint8Array([0xa4])])).toEqual([
      '\xff\0',
      '\xc3\xa4',
    ])
  })

  it('are the same wherever the bytes were cut', async () => {
    const text = fc.array(fc.constantFrom('a', 'bc', '\n', '\n\n', 'd'), { maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(text, async (parts) => {
        const whole = parts.join('')
        const expected = whole.split('\n')
        if (expected.at(-1) === '') expected.pop()
        expect(await lines(parts)).toEqual(expected)
      }),
    )
  })

  it('too long are told before they are held whole', async () => {
    expect(await lines(['a\n', 'x'.repeat(60), 'x'.repeat(60), 'y\n'])).toEqual(['a', 'too long'])
    expect(await lines([`${'x'.repeat(100)}\nb`])).toEqual(['x'.repeat(100), 'b'])
    expect(await lines([`${'x'.repeat(101)}\n`])).toEqual(['too long'])
  })

  it('are followed by a pause when nothing comes, once for each', async () => {
    const options = { lineBytesMax: 100, pauseMs: 20 }
    expect(await lines(['a\nb\n', 'c\n', 'd'], options, 120)).toEqual([
      ...['a', 'b', null],
      ...['c', null],
      'd',
    ])
  })
})
