import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes, MalformedMessage, Writer } from '../../src/core/bytes.ts'
import { REQUEST_ELEMENTS_MAX } from '../../src/core/limits.ts'
import { APIS } from '../../src/protocol/apis.ts'
import {
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  encodeRequest,
  isFlexible,
} from '../../src/protocol/codec.ts'
import { AddPartitionsToTxn } from '../../src/protocol/messages/add-partitions-to-txn.ts'
import { ConsumerGroupHeartbeat } from '../../src/protocol/messages/consumer-group-heartbeat.ts'
import { CreateTopics } from '../../src/protocol/messages/create-topics.ts'
import { DeleteTopics } from '../../src/protocol/messages/delete-topics.ts'
import { FindCoordinator } from '../../src/protocol/messages/find-coordinator.ts'
import { JoinGroup } from '../../src/protocol/messages/join-group.ts'
import { Metadata } from '../../src/protocol/messages/metadata.ts'
import { OffsetCommit } from '../../src/protocol/messages/offset-commit.ts'
import { OffsetFetch } from '../../src/protocol/messages/offset-fetch.ts'
import { Produce } from '../../src/protocol/messages/produce.ts'
import { SyncGroup } from '../../src/protocol/messages/sync-group.ts'
import type { AnyApi } from '../../src/protocol/schema.ts'
import { fromHex, type Golden, golden, toHex } from './vectors.ts'

const HEADER = { correlationId: 7, clientId: 'c' }

function decode(api: AnyApi, { message, version }: Golden, frame: Uint8Array): object {
  if (message === 'response') return decodeResponse(api, version, frame).body
  return decodeRequest(api, version, decodeRequestHeader(frame).reader)
}

/** True when it decodes, false when it is malformed; any other exception goes on. */
function decodes(api: AnyApi, vector: Golden, frame: Uint8Array): boolean {
  try {
    decode(api, vector, frame)
    return true
  } catch (error) {
    if (error instanceof MalformedMessage) return false
    throw error
  }
}

/** A request body by hand, behind a valid header of that version. */
function decodeBody(api: AnyApi, version: number, write: (writer: Writer) => void): object {
  const writer = new Writer()
  writer.int16(api.key)
  writer.int16(version)
  writer.int32(1)
  writer.int16(-1)
  if (isFlexible(api, version)) writer.uvarint(0)
  write(writer)
  return decodeRequest(api, version, decodeRequestHeader(concatBytes(writer.finish())).reader)
}

describe.each(APIS)('$name', (api) => {
  const frames = golden(api).map((vector) => ({ vector, frame: fromHex(vector.hex).subarray(4) }))

  it('is malformed when it ends early, wherever that is', () => {
    for (const { vector, frame } of frames) {
      for (let length = 0; length < frame.byteLength; length++) {
        const cut = frame.slice(0, length)
        if (decodes(api, vector, cut)) expect.fail(`${length} bytes of ${vector.hex} decode`)
      }
    }
  })

  it('is malformed when bytes follow an answer; those behind a request are ignored, as by Kafka', () => {
    for (const { vector, frame } of frames) {
      const longer = concatBytes([frame, new Uint8Array(3)])
      expect(decodes(api, vector, longer), vector.hex).toBe(vector.message === 'request')
    }
  })

  it('is malformed or another message when bytes are changed, and nothing else happens', () => {
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }))
    fc.assert(
      fc.property(
        fc.constantFrom(...frames),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        ({ vector, frame }, changes) => {
          const changed = frame.slice()
          for (const [at, byte] of changes) changed[at % changed.byteLength] = byte
          decodes(api, vector, changed)
        },
      ),
      { numRuns: 400 },
    )
  })

  it('is read as before when it has tagged fields that we do not know', () => {
    // Of three instances the first holds defaults only: its last byte counts its tagged fields.
    const plain = frames.filter(({ vector }, i) => i % 3 === 0 && vector.version >= api.flexible)
    for (const { vector, frame } of plain) {
      expect(frame.at(-1)).toBe(0)
      const tagged = replaceLastByte(frame, '02' + '5a03aabbcc' + '5b00')
      expect(decode(api, vector, tagged)).toEqual(decode(api, vector, frame))
    }
  })
})

describe('tagged fields', () => {
  const vector = { message: 'request', version: 9 } as Golden
  const frame = encodeRequest(Produce, 9, HEADER, { acks: 1, timeoutMs: 1, topicData: [] }).slice(4)
  const cases: Readonly<Record<string, string>> = {
    'the same tag twice': '02' + '5a00' + '5a00',
    'tags out of order': '02' + '5b00' + '5a00',
    'a tag longer than the frame': '01' + '5a7f',
    'more tags than bytes could hold': 'ffffffff0f',
    'a tag number of more than 32 bits': '01' + 'ffffffff7f' + '00',
  }

  it.each(Object.keys(cases))('%s is malformed', (name) => {
    expect(decodes(Produce, vector, frame)).toBe(true)
    expect(decodes(Produce, vector, replaceLastByte(frame, cases[name] ?? ''))).toBe(false)
  })

  it('in a header are skipped like any other', () => {
    const header = '0000' + '0009' + '00000007' + '0001' + '63'
    const body = toHexBody(frame)
    const before = decode(Produce, vector, fromHex(`${header}00${body}`))
    expect(decode(Produce, vector, fromHex(`${header}01050201ff${body}`))).toEqual(before)
    expect(decodes(Produce, vector, fromHex(`${header}0105ff01${body}`))).toBe(false)
  })

  it('that we know must have the size they say', () => {
    const leader = '00000001' + '00000002' + '00'
    const answer = (size: string) =>
      fromHex(
        '00000001' +
          '00' +
          '02' +
          '0274' +
          '02' +
          '00000000' +
          '0006' +
          'ffffffffffffffff'.repeat(3) +
          '01' +
          '00' +
          `0100${size}${leader}` +
          '00' +
          '00000000' +
          '00',
      )
    const response = { message: 'response', version: 10 } as Golden
    expect(decodes(Produce, response, answer('09'))).toBe(true)
    expect(decodes(Produce, response, answer('08'))).toBe(false)
    expect(decodes(Produce, response, answer('0a'))).toBe(false)
  })
})

describe('lengths', () => {
  const hostile: Readonly<Record<string, () => object>> = {
    'an array of 2^31-1 elements': () => decodeBody(Metadata, 1, (w) => w.int32(2 ** 31 - 1)),
    'an array of 2^32-2 elements, compact': () =>
      decodeBody(Metadata, 9, (w) => w.uvarint(2 ** 32 - 1)),
    'an array longer than its bytes by the least size of an element': () =>
      decodeBody(DeleteTopics, 6, (w) => {
        w.uvarint(1 + 10)
        w.bytes(new Uint8Array(10 * 18 - 1))
      }),
    'an array of length -2': () => decodeBody(Metadata, 1, (w) => w.int32(-2)),
    'a null array that may not be null': () => decodeBody(Metadata, 0, (w) => w.int32(-1)),
    'a string of length -2': () => decodeBody(FindCoordinator, 0, (w) => w.int16(-2)),
    'a null string that may not be null': () => decodeBody(FindCoordinator, 0, (w) => w.int16(-1)),
    'a null compact string that may not be null': () =>
      decodeBody(FindCoordinator, 3, (w) => w.uvarint(0)),
    'a compact string over 32,767 bytes': () =>
      decodeBody(FindCoordinator, 3, (w) => {
        w.uvarint(1 + 32_768)
        w.bytes(new Uint8Array(32_768))
        w.int8(0)
        w.uvarint(0)
      }),
    'a string longer than the frame': () => decodeBody(FindCoordinator, 0, (w) => w.int16(32_767)),
    'records of length -2': () => decodeBody(Produce, 3, (w) => writeRecordsLength(w, -2)),
    'records of 2^31-1 bytes': () =>
      decodeBody(Produce, 3, (w) => writeRecordsLength(w, 2 ** 31 - 1)),
    'bytes of length -2': () => decodeBody(JoinGroup, 0, (w) => writeMetadataLength(w, -2)),
    'null bytes that may not be null': () =>
      decodeBody(JoinGroup, 0, (w) => writeMetadataLength(w, -1)),
    'bytes of 2^31-1 bytes': () =>
      decodeBody(JoinGroup, 0, (w) => writeMetadataLength(w, 2 ** 31 - 1)),
    'compact bytes of 2^32-2 bytes': () =>
      decodeBody(SyncGroup, 5, (w) => {
        w.bytes(fromHex('0267' + '00000001' + '026d' + '000000' + '02' + '026d'))
        w.uvarint(2 ** 32 - 1)
      }),
    'a varint of six bytes': () =>
      decodeBody(Metadata, 9, (w) => w.bytes(fromHex('80808080' + '8001'))),
    'a varint of 35 bits': () => decodeBody(Metadata, 9, (w) => w.bytes(fromHex('ffffffff7f'))),
    'a client id of length -2': () => decodeRequestHeader(fromHex('0003000000000001fffe')),
    'a client id longer than the frame': () =>
      decodeRequestHeader(fromHex('000300000000000100ff61')),
  }

  it.each(Object.keys(hostile))('%s is malformed', (name) => {
    expect(hostile[name]).toThrow(MalformedMessage)
  })

  /** What is before a length, the length of none, the length of null, and what follows. */
  const nulls: Readonly<Record<string, [AnyApi, number, string, string, string, string]>> = {
    'metadata in JoinGroup': [
      JoinGroup,
      6,
      '0267' + '00002710' + '00002710' + '01' + '00' + '0263' + '02' + '0272',
      '01',
      '00',
      '00' + '00',
    ],
    'an assignment in SyncGroup': [
      SyncGroup,
      5,
      '0267' + '00000001' + '026d' + '000000' + '02' + '026d',
      '01',
      '00',
      '00' + '00',
    ],
    'topics in OffsetCommit': [
      OffsetCommit,
      8,
      '0267' + '00000001' + '026d' + '00',
      '01',
      '00',
      '00',
    ],
    'topics in OffsetFetch before version 2': [
      OffsetFetch,
      1,
      '000167',
      '00000000',
      'ffffffff',
      '',
    ],
    'a group in OffsetFetch': [OffsetFetch, 9, '02', '01', '00', '00ffffffff00' + '00' + '0000'],
    'partitions in ConsumerGroupHeartbeat': [
      ConsumerGroupHeartbeat,
      0,
      `0267026d000000000000ffffffff000002${'00'.repeat(16)}`,
      '01',
      '00',
      '00' + '00',
    ],
  }

  it.each(Object.keys(nulls))('null for %s is malformed, none is not', (name) => {
    const [api, version, before, none, missing, after] = nulls[name] ?? expect.fail()
    const body = (length: string) => () =>
      decodeBody(api, version, (w) => w.bytes(fromHex(before + length + after)))
    expect(body(none)).not.toThrow()
    expect(body(missing)).toThrow('null where the protocol has none')
  })

  it('metadata in JoinGroup has the length it says', () => {
    const length = (length: number) => () =>
      decodeBody(JoinGroup, 0, (w) => writeMetadataLength(w, length))
    expect(length(0)).not.toThrow()
    expect(length(1)).toThrow(MalformedMessage)
  })

  it('a varint may be padded with zeros within five bytes, as in Kafka', () => {
    const body = decodeBody(Metadata, 9, (w) => w.bytes(fromHex('8180808000' + '010000' + '00')))
    expect(body).toMatchObject({ topics: [], allowAutoTopicCreation: true })
  })

  it('a hostile length costs no memory', () => {
    const before = process.memoryUsage()
    for (let i = 0; i < 100; i++) {
      expect(hostile['an array of 2^31-1 elements']).toThrow(MalformedMessage)
      expect(hostile['records of 2^31-1 bytes']).toThrow(MalformedMessage)
    }
    const after = process.memoryUsage()
    expect(after.heapTotal + after.external - before.heapTotal - before.external).toBeLessThan(
      2 ** 26,
    )
  })

  it('a request has a bounded number of array elements, nested ones included', () => {
    const topics = (count: number) => () =>
      decodeBody(Metadata, 0, (w) => {
        w.int32(count)
        w.bytes(new Uint8Array(2 * count))
      })
    expect(topics(REQUEST_ELEMENTS_MAX)).not.toThrow()
    expect(topics(REQUEST_ELEMENTS_MAX + 1)).toThrow(MalformedMessage)
    const brokerIds = Array.from({ length: REQUEST_ELEMENTS_MAX }, () => 1)
    const nested = encodeRequest(CreateTopics, 5, HEADER, {
      topics: [
        {
          name: 't',
          numPartitions: -1,
          replicationFactor: -1,
          assignments: [{ partitionIndex: 0, brokerIds }],
          configs: [],
        },
      ],
    })
    const { reader } = decodeRequestHeader(nested.subarray(4))
    expect(() => decodeRequest(CreateTopics, 5, reader)).toThrow('too many')
    const added = (partitions: number[]) => () => {
      const frame = encodeRequest(AddPartitionsToTxn, 3, HEADER, {
        v3AndBelowTopics: [{ name: 't', partitions }],
      })
      const { reader } = decodeRequestHeader(frame.subarray(4))
      return decodeRequest(AddPartitionsToTxn, 3, reader)
    }
    expect(added(brokerIds.slice(1))).not.toThrow()
    expect(added(brokerIds)).toThrow('too many')
  })
})

/** A Produce body of version 3 up to the length of its only records. */
function writeRecordsLength(writer: Writer, length: number): void {
  writer.int16(-1)
  writer.int16(1)
  writer.int32(1)
  writer.int32(1)
  writer.utf8('t', (to, bytes) => to.int16(bytes))
  writer.int32(1)
  writer.int32(0)
  writer.int32(length)
}

/** A JoinGroup body of version 0 up to the length of the metadata of its only protocol. */
function writeMetadataLength(writer: Writer, length: number): void {
  const text = (value: string) => writer.utf8(value, (to, bytes) => to.int16(bytes))
  text('g')
  writer.int32(10_000)
  text('')
  text('consumer')
  writer.int32(1)
  text('range')
  writer.int32(length)
}

/** The body of a flexible request with HEADER, as hex. */
function toHexBody(frame: Uint8Array): string {
  return toHex(frame.subarray(8 + 2 + HEADER.clientId.length + 1))
}

function replaceLastByte(frame: Uint8Array, hex: string): Uint8Array {
  return concatBytes([frame.subarray(0, -1), fromHex(hex)])
}
