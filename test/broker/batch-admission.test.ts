import { describe, expect, it } from 'vitest'
import { admitBatch } from '../../src/broker/batch-admission.ts'
import type { TopicSettings } from '../../src/core/configs.ts'
import { KafkaError } from '../../src/core/errors.ts'
import { buildBatch, type NewRecord } from '../../src/record/build.ts'
import { Codec, type CodecName } from '../../src/record/compression.ts'
import { computeBatchCrc, patchMaxTimestamp, readBatchHeader } from '../../src/record/header.ts'
import { recordsOf } from '../../src/record/records.ts'
import { topicState } from './fakes.ts'

const NOW = 1_700_000_000_000
const CALL = { version: 9, nowMs: NOW }

function record(value: string, fields: Partial<NewRecord> = {}): NewRecord {
  const text = new TextEncoder()
  return { key: text.encode('k'), value: text.encode(value), timestamp: NOW, ...fields }
}

function batch(codec: CodecName, ...records: NewRecord[]): Uint8Array {
  const some = records.length > 0 ? records : [record('a'.repeat(200)), record('b'.repeat(200))]
  return buildBatch({ records: some, codec: Codec[codec] })
}

function admit(bytes: Uint8Array, settings: Partial<TopicSettings> = {}, call = CALL) {
  return admitBatch(bytes, topicState('t', 1, settings).settings, call)
}

function admitted(bytes: Uint8Array, settings: Partial<TopicSettings> = {}) {
  const answer = admit(bytes, settings)
  if (answer.kind === 'refused') throw new Error(answer.message)
  const header = readBatchHeader(answer.batch)
  expect(header.crc).toBe(computeBatchCrc(answer.batch))
  return { ...answer, header, records: [...recordsOf(answer.batch)] }
}

const CODECS = Object.keys(Codec) as CodecName[]

describe('a produced batch', () => {
  it.each(CODECS)(
    'in %s reaches its leader byte for byte under compression.type=producer',
    (codec) => {
      const sent = batch(codec)
      expect(admitted(sent).batch).toEqual(sent)
    },
  )

  it.each(CODECS.flatMap((from) => CODECS.map((to) => [from, to] as const)))(
    'in %s is stored in %s when the topic says so, with the same records',
    (from, to) => {
      const sent = batch(from)
      const compressionType = to === 'none' ? 'uncompressed' : to
      const { header, records } = admitted(sent, { compressionType })
      expect(header.codec).toBe(Codec[to])
      expect(records).toEqual([...recordsOf(sent)])
    },
  )

  it('is stamped in its header alone under LogAppendTime', () => {
    const sent = batch('zstd', record('old', { timestamp: 5 }))
    const { header, logAppendTimeMs } = admitted(sent, { messageTimestampType: 'LogAppendTime' })
    expect(header).toMatchObject({ logAppendTime: true, maxTimestamp: NOW, baseTimestamp: 5 })
    expect(logAppendTimeMs).toBe(NOW)
  })

  it('with a wrong largest timestamp is put right where its records are seen', () => {
    const sent = batch('none', record('x', { timestamp: NOW - 10 }))
    patchMaxTimestamp(sent, NOW - 99)
    expect(admitted(sent).header.maxTimestamp).toBe(NOW - 10)
  })

  it.each([
    ['too old', NOW - 1_001, KafkaError.INVALID_TIMESTAMP],
    ['just old enough', NOW - 1_000, 0],
    ['just new enough', NOW + 1_000, 0],
    ['too far ahead', NOW + 1_001, KafkaError.INVALID_TIMESTAMP],
  ])('with a timestamp %s meets the bounds on its header', (_, timestamp, error) => {
    const bounds = { timestampBeforeMaxMs: 1_000, timestampAfterMaxMs: 1_000 }
    const answer = admit(batch('gzip', record('x', { timestamp })), bounds)
    expect(answer.kind === 'refused' ? answer.error : 0).toBe(error)
  })

  it.each(CODECS)(
    'in %s without a key is refused on a compacted topic, naming the record',
    (codec) => {
      const answer = admit(batch(codec, record('a'), record('b', { key: null })), {
        cleanupCompact: true,
      })
      expect(answer).toMatchObject({
        kind: 'refused',
        error: KafkaError.INVALID_RECORD,
        recordErrors: [{ batchIndex: 1 }],
      })
    },
  )

  it('over max.message.bytes is refused, also when only recompressed', () => {
    const small = batch('gzip', record('a'.repeat(5_000)))
    expect(admit(small, { maxMessageBytes: small.length - 1 })).toMatchObject({ error: 10 })
    const limits = { maxMessageBytes: 1_000, compressionType: 'uncompressed' } as const
    expect(admit(small, limits)).toMatchObject({ error: KafkaError.MESSAGE_TOO_LARGE })
  })

  it('with damaged records under a right CRC is opened only when ottla.validate.records says so', () => {
    const sent = batch('lz4')
    sent[70] = (sent[70] ?? 0) ^ 0xff
    new DataView(sent.buffer).setUint32(17, computeBatchCrc(sent))
    expect(admit(sent).kind).toBe('admitted')
    expect(admit(sent, { validateRecords: true }).kind).toBe('refused')
  })

  it('that is uncompressed has the structure of its records checked', () => {
    const sent = batch('none')
    sent[61] = 0
    new DataView(sent.buffer).setUint32(17, computeBatchCrc(sent))
    expect(admit(sent)).toMatchObject({ error: KafkaError.INVALID_RECORD })
  })
})
