// With ottla.validate.records=true the records inside compressed batches are walked too, as Kafka
// always does. (Kafka knows no such setting and ignores it.)

import { describe, expect } from 'vitest'
import { type BatchFields, batch, Codec } from '../batches.ts'
import { createTopic, produce } from '../calls.ts'
import { suite } from '../target.ts'

const { scenario, connect, topic } = suite('records', { set: { 'ottla.validate.records': 'true' } })
/** INVALID_RECORD, or Kafka's UNKNOWN_SERVER_ERROR for what it finds only while decompressing. */
const REFUSED = [87, -1]
const value = { value: 'v' }

// biome-ignore format: a table reads best with a row a line
const BAD: readonly { readonly title: string; readonly fields: BatchFields }[] = [
  { title: 'offset deltas that do not count from 0', fields: { records: [{ ...value, offsetDelta: 1 }] } },
  { title: 'offset deltas that jump', fields: { records: [value, { ...value, offsetDelta: 2 }], lastOffsetDelta: 1 } },
  { title: 'fewer records than it says', fields: { records: [value], recordCount: 3, lastOffsetDelta: 2 } },
  { title: 'more records than it says', fields: { records: [value, value], recordCount: 1, lastOffsetDelta: 0 } },
]

describe('A compressed batch', () => {
  for (const codec of [Codec.gzip, Codec.zstd]) {
    for (const { title, fields } of BAD) {
      scenario(`of codec ${codec} with ${title} is refused and stores nothing`, async () => {
        const wire = await connect()
        const name = topic()
        await createTopic(wire, name)
        const got = await produce(wire, name, 0, batch({ ...fields, codec }))
        expect(REFUSED).toContain(got.errorCode)
        expect(got.baseOffset).toBe(-1)
        const good = await produce(wire, name, 0, batch({ records: [value, value], codec }))
        expect(good).toMatchObject({ errorCode: 0, baseOffset: 0 })
      })
    }
  }

  for (const codec of [Codec.gzip, Codec.snappy, Codec.lz4, Codec.zstd]) {
    scenario(
      `of codec ${codec} that does not decompress is refused and stores nothing`,
      async () => {
        const wire = await connect()
        const name = topic()
        await createTopic(wire, name)
        const broken = batch({
          records: [value],
          codec,
          payload: Buffer.from('this is no compressed data'),
        })
        const got = await produce(wire, name, 0, broken)
        expect(REFUSED).toContain(got.errorCode)
        expect(await produce(wire, name, 0, batch({ records: [value] }))).toMatchObject({
          baseOffset: 0,
        })
      },
    )
  }
})
