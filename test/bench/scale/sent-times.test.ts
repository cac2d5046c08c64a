import { describe, expect, test } from 'vitest'
import { SentTimes } from './sent-times.ts'

describe('Stamps of sending in a stream', () => {
  const stream = `a7\r\nid: 0:1\ndata: {"value":"${SentTimes.stamp(1_800_000_000_001)}"}\n\n\r\n`
  const twice = Buffer.from(stream + stream.replace('001"', '002"'))

  test('are found once each wherever the stream is cut', () => {
    for (let cut = 0; cut <= twice.length; cut++) {
      const times = new SentTimes()
      const found = [...times.in(twice.subarray(0, cut)), ...times.in(twice.subarray(cut))]
      expect(found, `cut at ${cut}`).toEqual([1_800_000_000_001, 1_800_000_000_002])
    }
  })

  test('are found byte by byte', () => {
    const times = new SentTimes()
    const found = [...twice].flatMap((byte) => times.in(Buffer.from([byte])))
    expect(found).toEqual([1_800_000_000_001, 1_800_000_000_002])
  })
})
