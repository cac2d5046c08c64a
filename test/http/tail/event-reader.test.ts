import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EventReader } from '../../../src/http/tail/event-reader.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

function events(offsets: readonly number[], data = '{}'): string {
  return offsets.map((offset) => `id: 2:${offset}\ndata: ${data}\n\n`).join('')
}

/** Cuts bytes at these places. */
function chunked(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, index) => bytes.slice(at[index], end))
}

async function readAll(chunks: readonly Uint8Array[], end: 'closed' | 'broken') {
  let failed = false
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk)
      if (end === 'closed') controller.close()
    },
    pull(controller) {
      failed = true
      controller.error(new Error('broken'))
    },
  })
  const reader = new EventReader(stream, () => {})
  let text = ''
  let next = 0
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve))
    const taken = reader.take(next)
    if (taken === 'gone') return { text, next, failed }
    if (taken === null) continue
    next = taken.next
    for (const part of taken.parts) text += decoder.decode(part)
  }
}

describe('events from another isolate', () => {
  it('are taken whole, wherever the stream is cut into chunks', async () => {
    const offsets = fc.uniqueArray(fc.nat({ max: 1e6 }), { minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(offsets, fc.array(fc.nat()), async (some, cuts) => {
        const sorted = some.toSorted((a, b) => a - b)
        const text = events(sorted)
        const read = await readAll(chunked(encoder.encode(text), cuts), 'closed')
        expect(read).toMatchObject({ text, next: sorted.at(-1)! + 1 })
      }),
      { numRuns: 50 },
    )
  })

  it('that are cut off do not count', async () => {
    const text = events([1, 2])
    const cut = encoder.encode(text + events([3]).slice(0, -1))
    expect(await readAll([cut], 'broken')).toMatchObject({ text, next: 3 })
  })

  it('that are none end the reading', async () => {
    expect(await readAll([encoder.encode('hello\n\n')], 'closed')).toMatchObject({ text: '' })
  })
})
