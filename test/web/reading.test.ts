// What the console makes of a topic's partitions before anything is drawn: the order of several, stretches
// backwards, positions and events. The broker is a log in memory behind fetch.

import * as fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { partitionForKey } from '../../src/core/murmur2.ts'
import { EventParser } from '../../web/broker/events.ts'
import { parsePosition, positionText } from '../../web/broker/positions.ts'
import type { Item, RecordShown } from '../../web/broker/shapes.ts'
import { type Direction, PartitionCursor } from '../../web/reading/cursor.ts'
import { partitionOfKey } from '../../web/reading/key-partition.ts'
import { matcher } from '../../web/reading/match.ts'
import { Merged } from '../../web/reading/merged.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

function record(partition: number, offset: number, timestamp: number): RecordShown {
  return { partition, offset, timestamp, key: null, value: `${partition}:${offset}`, headers: [] }
}

/** Serves logs as the broker does: at most `pageMax` a page, whatever is asked. */
function serve(logs: readonly (readonly RecordShown[])[], ends: readonly number[], pageMax = 7) {
  const asked: string[] = []
  vi.stubGlobal('fetch', async (input: string) => {
    asked.push(input)
    const url = new URL(input, 'http://broker')
    const partition = Number(/partitions\/(\d+)/.exec(url.pathname)?.[1])
    const offset = Number(url.searchParams.get('offset'))
    const limit = Math.min(pageMax, Number(url.searchParams.get('limit')))
    const all = (logs[partition] ?? []).filter((one) => one.offset >= offset)
    const records = all.slice(0, limit)
    const isLast = records.length === all.length
    const nextOffset = isLast ? (ends[partition] ?? 0) : (records.at(-1)?.offset ?? offset) + 1
    return new Response(JSON.stringify({ records, nextOffset }))
  })
  return asked
}

function mergedOf(ends: readonly number[], direction: Direction, from?: number): Merged {
  const cursors = ends.map(
    (end, partition) =>
      new PartitionCursor(
        {
          topic: 't',
          partition,
          direction,
          start: 0,
          end,
          from: from ?? (direction === 'forward' ? 0 : end),
          averageBytes: 10,
        },
        3,
      ),
  )
  return new Merged(cursors, direction)
}

const never = new AbortController().signal

describe('several partitions as one list', () => {
  // Logs with holes, as compaction and markers leave them; times rise within each.
  const logs = fc.array(
    fc.array(fc.record({ gap: fc.nat(3), later: fc.integer({ min: 1, max: 50 }) }), {
      maxLength: 40,
    }),
    { minLength: 1, maxLength: 4 },
  )

  it('has every record once, in the order of time, both ways and whatever the pages', async () => {
    await fc.assert(
      fc.asyncProperty(logs, fc.integer({ min: 1, max: 9 }), async (made, pageMax) => {
        const stored = made.map((steps, partition) => {
          let [offset, time] = [-1, 0]
          return steps.map(({ gap, later }) => {
            offset += gap + 1
            time += later
            // Times of different partitions differ: the order is one.
            return record(partition, offset, time * 8 + partition)
          })
        })
        const ends = stored.map((log) => (log.at(-1)?.offset ?? -1) + 2)
        serve(stored, ends, pageMax)
        const expected = stored.flat().toSorted((a, b) => a.timestamp - b.timestamp)
        for (const direction of ['forward', 'backward'] as const) {
          const merged = mergedOf(ends, direction)
          const items: Item[] = []
          while (!merged.isOver) items.push(...(await merged.take(5, never)))
          expect(items).toEqual(direction === 'forward' ? expected : expected.toReversed())
        }
      }),
      { numRuns: 60 },
    )
  })

  it('loses nothing when a batch is broken off', async () => {
    const log = Array.from({ length: 30 }, (_, offset) => record(0, offset, offset))
    serve([log], [30])
    const { fetch: answer } = globalThis
    const merged = mergedOf([30], 'forward')
    let calls = 0
    const breaking = new AbortController()
    vi.stubGlobal('fetch', async (input: string, init: RequestInit) => {
      if (++calls === 3) breaking.abort(new Error('stopped'))
      init.signal?.throwIfAborted()
      return answer(input, init)
    })
    await expect(merged.take(30, breaking.signal)).rejects.toThrow('stopped')
    expect(await merged.take(30, never)).toEqual(log)
  })

  it('begins at an offset, and ends where the log was when it began', async () => {
    const log = Array.from({ length: 30 }, (_, offset) => record(0, offset, offset))
    serve([log], [30])
    const merged = mergedOf([20], 'forward', 12)
    const items = await merged.take(100, never)
    expect(items.map(({ offset }) => offset)).toEqual([12, 13, 14, 15, 16, 17, 18, 19])
    expect(merged.isOver).toBe(true)
  })

  it('goes on behind what was deleted while it read', async () => {
    const log = Array.from({ length: 10 }, (_, at) => record(0, at + 20, at))
    const served = serve([log], [30])
    const { fetch: answer } = globalThis
    vi.stubGlobal('fetch', async (input: string) => {
      if (Number(new URL(input, 'http://broker').searchParams.get('offset')) >= 20)
        return answer(input)
      const problem = { code: 'OFFSET_OUT_OF_RANGE', status: 416, detail: 'gone', earliest: 20 }
      return new Response(JSON.stringify(problem), { status: 416 })
    })
    const merged = mergedOf([30], 'forward')
    expect(await merged.take(100, never)).toEqual(log)
    expect(served.length).toBeGreaterThan(0)
  })
})

describe('server-sent events', () => {
  it('are the same however the text is cut', async () => {
    const text =
      ': hello\n\nretry: 1000\n\nid: 0:1\ndata: {"a":1}\n\nid: 0:2\n\nevent: problem\ndata: x\ndata: y\n\n'
    const whole = new EventParser().take(text)
    expect(whole).toEqual([
      { type: 'message', id: '0:1', data: '{"a":1}' },
      { type: 'message', id: '0:2', data: '' },
      { type: 'problem', id: '0:2', data: 'x\ny' },
    ])
    await fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 8 }), (cuts) => {
        const parser = new EventParser()
        const at = [0, ...cuts.toSorted((a, b) => a - b), text.length]
        const events = at.slice(1).flatMap((end, index) => parser.take(text.slice(at[index], end)))
        expect(events).toEqual(whole)
      }),
    )
  })

  it('have positions that read back as they were written', async () => {
    await fc.assert(
      fc.property(fc.dictionary(fc.nat(999).map(String), fc.nat(1_000_000)), (offsets) => {
        const next = new Map(Object.entries(offsets).map(([p, offset]) => [Number(p), offset]))
        expect(parsePosition(positionText(next))).toEqual(next)
      }),
    )
    expect(parsePosition('nonsense,1:x,-1:3')).toEqual(new Map())
  })
})

describe('what is looked for', () => {
  const one: RecordShown = {
    partition: 0,
    offset: 1,
    timestamp: 2,
    key: 'Key',
    value: 'Some Text',
    headers: [
      { key: 'source', value: 'Web' },
      { key: 'bytes', valueBase64: 'AA==' },
    ],
  }
  it('is found in key, value and headers in any letter case; a key only as it is', () => {
    const finds = (key: string, text: string) => matcher({ key, text })(one)
    expect(finds('', '')).toBe(true)
    for (const text of ['some t', 'KEY', 'web', 'sourc']) expect(finds('', text)).toBe(true)
    expect(finds('', 'nowhere')).toBe(false)
    expect(finds('Key', '')).toBe(true)
    expect(finds('key', '')).toBe(false)
  })

  it('shows what cannot be read whatever is looked for', () => {
    const malformed = {
      partition: 0,
      offset: 1,
      lastOffset: 3,
      error: 'CORRUPT_MESSAGE',
      detail: '',
    }
    expect(matcher({ key: 'k', text: 'x' })(malformed)).toBe(true)
  })

  it('is asked of the partition that a Java client would have chosen', () => {
    expect(partitionOfKey('Zürich', 12)).toBe(
      partitionForKey(new TextEncoder().encode('Zürich'), 12),
    )
  })
})
