import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildBatch, type NewBatch } from '../../src/record/build.ts'
import { Codec } from '../../src/record/compression.ts'
import { computeBatchCrc, patchBaseOffset, putInt32 } from '../../src/record/header.ts'
import { type Aborted, hasKey, type Item, itemsOf } from '../../src/record/json.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

function batchOf(baseOffset: number, values: readonly string[], more: Partial<NewBatch> = {}) {
  const records = values.map((value) => ({ timestamp: 7, key: null, value: bytes(value) }))
  return buildBatch({ records, baseOffset, ...more })
}

/** Breaks the payload and makes the checksum right again, as a careless client would. */
function damaged(batch: Uint8Array): Uint8Array {
  const copy = batch.slice()
  copy.fill(0xff, 61)
  putInt32(copy, 17, computeBatchCrc(copy))
  return copy
}

function read(pieces: readonly Uint8Array[], from = 0, aborted: readonly Aborted[] = []) {
  const items = itemsOf({ partition: 3, from, pieces, aborted })
  const seen: Item[] = []
  for (;;) {
    const item = items.next()
    if (item.done === true)
      return { seen, json: seen.map(({ json }) => JSON.parse(json)), next: item.value }
    seen.push(item.value)
  }
}

describe('a record as HTTP shows it', () => {
  it('has text where the bytes are UTF-8 and base64 where they are not', () => {
    const records = [
      { timestamp: 5, key: bytes('ключ'), value: bytes('\ufeff"quoted"\u0000') },
      {
        timestamp: 6,
        key: new Uint8Array([0xff]),
        value: null,
        headers: [
          { key: 'h', value: bytes('v') },
          { key: 'h', value: new Uint8Array([0xc0, 0x80]) },
          { key: 'n', value: null },
        ],
      },
    ]
    expect(read([buildBatch({ records, baseOffset: 40 })], 40).json).toEqual([
      {
        partition: 3,
        offset: 40,
        timestamp: 5,
        key: 'ключ',
        value: '\ufeff"quoted"\u0000',
        headers: [],
      },
      {
        partition: 3,
        offset: 41,
        timestamp: 6,
        keyBase64: '/w==',
        value: null,
        headers: [
          { key: 'h', value: 'v' },
          { key: 'h', valueBase64: 'wIA=' },
          { key: 'n', value: null },
        ],
      },
    ])
  })

  it('gives back any bytes exactly', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (value) => {
        const batch = buildBatch({ records: [{ timestamp: 0, key: null, value }] })
        const [shown] = read([batch]).json
        const back =
          shown.value === undefined
            ? Buffer.from(shown.valueBase64, 'base64')
            : Buffer.from(shown.value)
        expect(new Uint8Array(back)).toEqual(value)
      }),
    )
  })
})

describe('reading on', () => {
  const pieces = [batchOf(0, ['a', 'b', 'c'], { codec: Codec.lz4 }), batchOf(3, ['d'])]

  it.each([0, 1, 2, 3, 4])('starts inside a batch: from %i', (from) => {
    const { json, next } = read(pieces, from)
    expect(json.map(({ value }) => value)).toEqual(['a', 'b', 'c', 'd'].slice(from))
    expect(next).toBe(4)
  })

  it('puts a batch together that spans several pieces', () => {
    const whole = Buffer.concat(pieces)
    const cut = [whole.subarray(0, 20), whole.subarray(20, 90), whole.subarray(90)]
    expect(read(cut).json.map(({ value }) => value)).toEqual(['a', 'b', 'c', 'd'])
  })

  it('goes on behind records that compaction took from the end of a batch', () => {
    const batch = batchOf(0, ['a', 'b'])
    putInt32(batch, 23, 9)
    putInt32(batch, 17, computeBatchCrc(batch))
    expect(read([batch]).next).toBe(10)
  })
})

describe('a malformed batch', () => {
  it.each([
    ['a damaged LZ4 frame', damaged(batchOf(2, ['x', 'y', 'z'], { codec: Codec.lz4 }))],
    ['damaged gzip', damaged(batchOf(2, ['x', 'y', 'z'], { codec: Codec.gzip }))],
    ['damaged zstd', damaged(batchOf(2, ['x', 'y', 'z'], { codec: Codec.zstd }))],
    ['damaged snappy', damaged(batchOf(2, ['x', 'y', 'z'], { codec: Codec.snappy }))],
    ['records that are none', damaged(batchOf(2, ['x', 'y', 'z']))],
    [
      'a wrong checksum',
      (() => {
        const batch = batchOf(2, ['x', 'y', 'z'])
        batch[batch.length - 2]! ^= 1
        return batch
      })(),
    ],
  ])('with %s is an item with its offsets, and reading goes on behind it', (_, bad) => {
    const { json, seen, next } = read([batchOf(0, ['a', 'b']), bad, batchOf(5, ['c'])])
    expect(json.map(({ value, error }) => value ?? error)).toEqual([
      'a',
      'b',
      'CORRUPT_MESSAGE',
      'c',
    ])
    expect(json[2]).toMatchObject({ partition: 3, offset: 2, lastOffset: 4 })
    expect(seen[2]).toMatchObject({ malformed: true, nextOffset: 5 })
    expect(next).toBe(6)
  })

  it('read from its middle tells only what was asked for', () => {
    const { json } = read([damaged(batchOf(2, ['x', 'y', 'z']))], 3)
    expect(json).toMatchObject([{ offset: 3, lastOffset: 4, error: 'CORRUPT_MESSAGE' }])
  })

  it('gives the records before the damage', () => {
    const batch = batchOf(0, ['a', 'b', 'c'])
    batch[batch.length - 1] = 0x7f
    putInt32(batch, 17, computeBatchCrc(batch))
    expect(read([batch]).json).toMatchObject([
      { offset: 0, value: 'a' },
      { offset: 1, value: 'b' },
      { offset: 2, lastOffset: 2, error: 'CORRUPT_MESSAGE' },
    ])
  })

  it('of records out of order never moves the reader backwards', () => {
    const batch = batchOf(0, ['a', 'b'])
    // The second record claims offset delta 0.
    batch[batch.length - 5] = 0
    putInt32(batch, 17, computeBatchCrc(batch))
    const { json, next } = read([batch])
    expect(json.at(-1)).toMatchObject({ error: 'CORRUPT_MESSAGE', lastOffset: 1 })
    expect(next).toBe(2)
  })

  it('that decompresses beyond the limit says so', () => {
    const bomb = buildBatch({
      records: Array.from({ length: 33 }, () => ({
        timestamp: 0,
        key: null,
        value: new Uint8Array(1024 * 1024),
      })),
      codec: Codec.zstd,
    })
    expect(read([bomb]).json).toMatchObject([{ error: 'MESSAGE_TOO_LARGE', lastOffset: 32 }])
  })
})

describe('transactions', () => {
  const ofProducer = (producerId: number) => ({
    producerId,
    transactional: true,
    producerEpoch: 0,
    baseSequence: 0,
  })
  const marker = (baseOffset: number, producerId: number, type: 0 | 1) =>
    buildBatch({
      records: [{ timestamp: 0, key: new Uint8Array([0, 0, 0, type]), value: new Uint8Array(6) }],
      baseOffset,
      producerId,
      transactional: true,
      control: true,
    })
  const log = [
    batchOf(0, ['plain']),
    batchOf(1, ['aborted 7'], ofProducer(7)),
    batchOf(2, ['committed 8'], ofProducer(8)),
    batchOf(3, ['aborted 7 too'], ofProducer(7)),
    marker(4, 7, 0),
    marker(5, 8, 1),
    batchOf(6, ['later 7'], ofProducer(7)),
    marker(7, 7, 1),
  ]
  const aborted = [{ producerId: 7n, firstOffset: 1 }]

  it('that were aborted are not shown to who reads committed', () => {
    const { json, next } = read(log, 0, aborted)
    expect(json.map(({ value }) => value)).toEqual(['plain', 'committed 8', 'later 7'])
    expect(next).toBe(8)
  })

  it('are all shown to who reads uncommitted, but never a marker', () => {
    expect(read(log).json.map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 6])
  })

  it('are judged alike wherever the read starts', () => {
    for (let from = 0; from < 8; from++) {
      // Fetch lists the aborted transactions that reach into what it gives.
      const listed = from <= 4 ? aborted : []
      const shown = read(log.slice(from), from, listed).json.map(({ offset }) => offset)
      expect(shown).toEqual([0, 2, 6].filter((offset) => offset >= from))
    }
  })
})

describe('a batch of an older base offset', () => {
  it('is not shown twice', () => {
    const batch = batchOf(0, ['a'])
    patchBaseOffset(batch, 0, 5)
    expect(read([batchOf(4, ['x', 'y']), batch], 4).json.map(({ value }) => value)).toEqual([
      'x',
      'y',
    ])
  })
})

describe('the records of one key', () => {
  const anyKey = fc.option(fc.uint8Array({ maxLength: 3 }), { nil: null })

  it('are those whose key has the same bytes, found in batches as in their JSON', () => {
    fc.assert(
      fc.property(
        fc.array(anyKey, { minLength: 1 }),
        fc.uint8Array({ maxLength: 3 }),
        (keys, key) => {
          const records = keys.map((own) => ({
            timestamp: 7,
            key: own,
            value: bytes(',"key":"a",'),
          }))
          const batch = { partition: 3, from: 0, pieces: [buildBatch({ records })], aborted: [] }
          const same = (own: Uint8Array | null) => own !== null && Buffer.compare(own, key) === 0
          const offsets = keys.flatMap((own, at) => (same(own) ? [at] : []))
          expect([...itemsOf({ ...batch, key })].map(({ offset }) => offset)).toEqual(offsets)
          const isWanted = hasKey(key)
          const found = [...itemsOf(batch)].filter(({ json }) => isWanted(json))
          expect(found.map(({ offset }) => offset)).toEqual(offsets)
        },
      ),
    )
  })

  it('come with what cannot be read, which may have been theirs', () => {
    const batch = damaged(batchOf(0, ['a', 'b']))
    const items = itemsOf({ partition: 3, from: 0, pieces: [batch], aborted: [], key: bytes('k') })
    expect([...items].map(({ malformed }) => malformed)).toEqual([true])
  })
})
