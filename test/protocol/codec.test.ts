import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes, MalformedMessage } from '../../src/core/bytes.ts'
import type { TopicId } from '../../src/core/ids.ts'
import { APIS } from '../../src/protocol/apis.ts'
import {
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  isFlexible,
  isServed,
} from '../../src/protocol/codec.ts'
import { ApiVersions } from '../../src/protocol/messages/api-versions.ts'
import { ConsumerGroupHeartbeat } from '../../src/protocol/messages/consumer-group-heartbeat.ts'
import { CreateTopics } from '../../src/protocol/messages/create-topics.ts'
import { DescribeQuorum } from '../../src/protocol/messages/describe-quorum.ts'
import { DescribeTopicPartitions } from '../../src/protocol/messages/describe-topic-partitions.ts'
import { Fetch } from '../../src/protocol/messages/fetch.ts'
import { FindCoordinator } from '../../src/protocol/messages/find-coordinator.ts'
import { InitProducerId } from '../../src/protocol/messages/init-producer-id.ts'
import { JoinGroup } from '../../src/protocol/messages/join-group.ts'
import { ListOffsets } from '../../src/protocol/messages/list-offsets.ts'
import { Metadata } from '../../src/protocol/messages/metadata.ts'
import { OffsetDelete } from '../../src/protocol/messages/offset-delete.ts'
import { OffsetFetch } from '../../src/protocol/messages/offset-fetch.ts'
import { Produce } from '../../src/protocol/messages/produce.ts'
import { SyncGroup } from '../../src/protocol/messages/sync-group.ts'
import type { AnyApi, RequestOf } from '../../src/protocol/schema.ts'
import { arbitraryOf } from './arbitraries.ts'
import { fromHex, recordedApiVersions, toHex, versionsOf } from './vectors.ts'

const HEADER = { correlationId: 7, clientId: 'a client' }

/** Decodes a whole request given with its size prefix. */
function request<A extends AnyApi>(api: A, version: number, frame: Uint8Array): RequestOf<A> {
  return decodeRequest(api, version, decodeRequestHeader(frame.subarray(4)).reader)
}

describe.each(APIS)('$name', (api) => {
  it.each(versionsOf(api))('version %i decodes what it encoded', (version) => {
    fc.assert(
      fc.property(arbitraryOf(api.request, version), (body) => {
        const frame = encodeRequest(api, version, HEADER, body as object)
        expect(request(api, version, frame)).toEqual(body)
      }),
      { numRuns: 20 },
    )
    fc.assert(
      fc.property(arbitraryOf(api.response, version), (body) => {
        const frame = concatBytes(encodeResponse(api, version, -5, body as object))
        expect(decodeResponse(api, version, frame.subarray(4))).toEqual({ correlationId: -5, body })
      }),
      { numRuns: 20 },
    )
  })

  it('has no other version', () => {
    const [first, last] = api.versions
    expect([first - 1, first, last, last + 1].map((v) => isServed(api, v))).toEqual([
      false,
      true,
      true,
      false,
    ])
    expect(() => encodeResponse(api, last + 1, 1, {})).toThrow(RangeError)
  })
})

describe('headers', () => {
  it('a request header keeps a classic client id in flexible versions and ends with tagged fields', () => {
    const classic = encodeRequest(FindCoordinator, 2, HEADER, { key: 'g' })
    const flexible = encodeRequest(FindCoordinator, 3, HEADER, { key: 'g' })
    expect(toHex(classic.subarray(4, 22))).toBe('000a0002000000070008' + '6120636c69656e74')
    expect(toHex(flexible.subarray(4, 23))).toBe('000a0003000000070008' + '6120636c69656e74' + '00')
  })

  it('a client id may be null', () => {
    const frame = encodeRequest(Metadata, 1, { correlationId: 1, clientId: null }, { topics: null })
    expect(decodeRequestHeader(frame.subarray(4)).clientId).toBeNull()
  })

  it('a flexible response has tagged fields in its header, except ApiVersions', () => {
    const found = concatBytes(encodeResponse(FindCoordinator, 3, 9, {}))
    expect(toHex(found.subarray(4, 9))).toBe('0000000900')
    const versions = concatBytes(encodeResponse(ApiVersions, 3, 9, { errorCode: 35, apiKeys: [] }))
    expect(toHex(versions.subarray(4))).toBe('00000009' + '0023' + '01' + '00000000' + '00')
  })

  it('the size prefix counts what follows it', () => {
    const pieces = encodeResponse(Metadata, 12, 1, { brokers: [], topics: [] })
    const frame = concatBytes(pieces)
    expect(new DataView(frame.buffer).getInt32(0)).toBe(frame.byteLength - 4)
  })

  it('an ApiVersions request of an unknown version can be identified without reading its body', () => {
    const frame = fromHex('0012' + '0063' + '0000002a' + '0001' + '78' + 'ffffffffff')
    const { reader: _, ...header } = decodeRequestHeader(frame)
    expect(header).toEqual({ apiKey: 18, apiVersion: 99, correlationId: 42, clientId: 'x' })
  })

  it('an unknown ApiVersions version is answered in the layout of version 0, as Apache Kafka does', () => {
    const body = { errorCode: 35, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }] }
    const frame = concatBytes(encodeResponse(ApiVersions, 0, 7, body))
    expect(toHex(frame.subarray(4))).toBe(recordedApiVersions().responses['5'])
  })

  it.each(['0', '1', '2', '3', '4'])(
    'the ApiVersions answer of Apache Kafka in version %s holds the recorded table',
    (version) => {
      const { responses, apiKeys } = recordedApiVersions()
      const { body } = decodeResponse(
        ApiVersions,
        Number(version),
        fromHex(responses[version] ?? ''),
      )
      expect(body.apiKeys).toEqual(apiKeys)
    },
  )

  it('every declared version range is within what Apache Kafka 4.1.1 advertises, up to its last', () => {
    const ranges = new Map(recordedApiVersions().apiKeys.map((range) => [range.apiKey, range]))
    for (const api of APIS) {
      // Produce is advertised from 0 and refused below 3 (KAFKA-18659).
      const minVersion = api === Produce ? 0 : api.versions[0]
      const range = { apiKey: api.key, minVersion, maxVersion: api.versions[1] }
      expect(range, api.name).toEqual(ranges.get(api.key))
    }
  })
})

describe('versions and defaults', () => {
  it('fields that a version lacks decode to their defaults', () => {
    const frame = encodeRequest(Fetch, 4, HEADER, {
      maxWaitMs: 500,
      minBytes: 1,
      topics: [
        { topic: 't', partitions: [{ partition: 0, fetchOffset: 5, partitionMaxBytes: 9 }] },
      ],
    })
    const body = request(Fetch, 4, frame)
    expect(body).toMatchObject({ sessionId: 0, sessionEpoch: -1, rackId: '', clusterId: null })
    expect(body.maxBytes).toBe(0x7fffffff)
    expect(body.topics[0]?.partitions[0]).toMatchObject({
      currentLeaderEpoch: -1,
      logStartOffset: -1,
    })
  })

  it('fields that a version lacks are not sent, whatever they hold', () => {
    const old = { key: 'g', errorCode: 0, nodeId: 1, host: 'h', port: 2, errorMessage: null }
    const both = { ...old, coordinators: [old] }
    const three = encodeResponse(FindCoordinator, 3, 1, both)
    expect(toHex(concatBytes(three))).toBe(
      toHex(concatBytes(encodeResponse(FindCoordinator, 3, 1, old))),
    )
  })

  it('a tagged field at its default is not sent, another is', () => {
    const partition = { index: 0, errorCode: 6, baseOffset: -1 }
    const answer = (currentLeader?: { leaderId?: number; leaderEpoch?: number }) =>
      concatBytes(
        encodeResponse(Produce, 10, 1, {
          responses: [{ name: 't', partitionResponses: [{ ...partition, currentLeader }] }],
        }),
      )
    expect(toHex(answer({ leaderId: -1, leaderEpoch: -1 }))).toBe(toHex(answer()))
    expect(toHex(answer({}))).toBe(toHex(answer()))
    const { body } = decodeResponse(Produce, 10, answer({ leaderId: 4 }).subarray(4))
    const leader = body.responses[0]?.partitionResponses[0]?.currentLeader
    expect(leader).toEqual({ leaderId: 4, leaderEpoch: -1 })
  })

  it('a nullable struct is told from null by a byte', () => {
    const without = encodeRequest(DescribeTopicPartitions, 0, HEADER, { topics: [] })
    expect(request(DescribeTopicPartitions, 0, without).cursor).toBeNull()
    const cursor = { topicName: 't', partitionIndex: 3 }
    const frame = encodeRequest(DescribeTopicPartitions, 0, HEADER, { topics: [], cursor })
    expect(request(DescribeTopicPartitions, 0, frame).cursor).toEqual(cursor)
  })

  it('an assignment of no partitions and no assignment differ in ConsumerGroupHeartbeat', () => {
    const answer = { errorCode: 0, memberEpoch: 3, heartbeatIntervalMs: 5000 }
    for (const assignment of [null, { topicPartitions: [] }]) {
      const pieces = encodeResponse(ConsumerGroupHeartbeat, 1, 1, { ...answer, assignment })
      const { body } = decodeResponse(ConsumerGroupHeartbeat, 1, concatBytes(pieces).subarray(4))
      expect(body.assignment).toEqual(assignment)
    }
    const none = concatBytes(encodeResponse(ConsumerGroupHeartbeat, 1, 1, answer))
    expect(toHex(none)).toMatch(/ff00$/)
  })

  it('a list that a heartbeat leaves out is null, which an empty one is not', () => {
    const member = { groupId: 'g', memberId: 'm', memberEpoch: 3 }
    const silent = encodeRequest(ConsumerGroupHeartbeat, 1, HEADER, member)
    expect(request(ConsumerGroupHeartbeat, 1, silent)).toMatchObject({
      subscribedTopicNames: null,
      topicPartitions: null,
      rebalanceTimeoutMs: -1,
    })
    const lists = { subscribedTopicNames: [], topicPartitions: [] }
    const frame = encodeRequest(ConsumerGroupHeartbeat, 1, HEADER, { ...member, ...lists })
    expect(request(ConsumerGroupHeartbeat, 1, frame)).toMatchObject(lists)
  })

  it('OffsetFetch asks for all topics of a group with null from version 2 on', () => {
    const flat = (version: number) => encodeRequest(OffsetFetch, version, HEADER, { topics: null })
    expect(request(OffsetFetch, 2, flat(2)).topics).toBeNull()
    expect(() => flat(1)).toThrow(TypeError)
    const groups = [{ groupId: 'g', topics: null }]
    const grouped = encodeRequest(OffsetFetch, 8, HEADER, { groups })
    expect(request(OffsetFetch, 8, grouped)).toMatchObject({ groups, groupId: '', topics: [] })
  })

  it('JoinGroup answers without a protocol by null from version 7 on', () => {
    const answer = { errorCode: 25, leader: '', memberId: '', members: [] }
    const without = (version: number, protocolName: string | null) =>
      encodeResponse(JoinGroup, version, 1, { ...answer, protocolName })
    expect(() => without(6, null)).toThrow(TypeError)
    expect(() => without(6, '')).not.toThrow()
    expect(() => without(7, null)).not.toThrow()
  })

  it('OffsetDelete has no compact lengths and its error before the throttle time', () => {
    expect(isFlexible(OffsetDelete, 0)).toBe(false)
    const frame = concatBytes(encodeResponse(OffsetDelete, 0, 9, { errorCode: 69, topics: [] }))
    expect(toHex(frame.subarray(4))).toBe('00000009' + '0045' + '00000000' + '00000000')
  })

  it('every port fits in the two bytes that DescribeQuorum has for it', () => {
    for (const [port, hex] of [
      [9092, '2384'],
      [39_092, '98b4'],
      [65_535, 'ffff'],
    ] as const) {
      const nodes = [{ nodeId: 1, listeners: [{ name: 'PLAINTEXT', host: 'h', port }] }]
      const answer = { errorCode: 0, errorMessage: '', topics: [], nodes }
      const frame = concatBytes(encodeResponse(DescribeQuorum, 2, 1, answer))
      expect(toHex(frame)).toMatch(new RegExp(`0268${hex}000000$`))
    }
  })

  it.each([-(2n ** 63n), 2n ** 53n + 1n, 2n ** 63n - 1n])(
    'the producer id %i keeps each of its bits',
    (producerId) => {
      const body = { transactionalId: 't', transactionTimeoutMs: 1, producerId, producerEpoch: 1 }
      const frame = encodeRequest(InitProducerId, 5, HEADER, body)
      expect(request(InitProducerId, 5, frame).producerId).toBe(producerId)
    },
  )

  it('an empty list of topics and null differ in Metadata', () => {
    for (const version of [1, 9, 13]) {
      for (const topics of [null, []]) {
        const frame = encodeRequest(Metadata, version, HEADER, { topics })
        expect(request(Metadata, version, frame).topics).toEqual(topics)
      }
    }
    expect(() => encodeRequest(Metadata, 0, HEADER, { topics: null })).toThrow(TypeError)
  })

  it('int64 offsets are numbers and keep the ends of the range', () => {
    for (const [timestamp, hex] of [
      [-2, 'fffffffffffffffe'],
      [2 ** 53, '0020000000000000'],
      [2 ** 63, '7fffffffffffffff'],
      [-(2 ** 63), '8000000000000000'],
    ] as const) {
      const frame = encodeRequest(ListOffsets, 1, HEADER, {
        replicaId: -1,
        topics: [{ name: 't', partitions: [{ partitionIndex: 0, timestamp }] }],
      })
      expect(toHex(frame)).toMatch(new RegExp(`${hex}$`))
      const read = request(ListOffsets, 1, frame).topics[0]?.partitions[0]?.timestamp
      expect(read).toBe(timestamp)
    }
  })

  it('topic ids are what Kafka prints', () => {
    const topicId = Buffer.from('00112233445566778899aabbccddeeff', 'hex').toString('base64url')
    const frame = encodeRequest(Metadata, 12, HEADER, {
      topics: [{ topicId: topicId as TopicId, name: null }],
    })
    expect(toHex(frame)).toContain('00112233445566778899aabbccddeeff')
    expect(request(Metadata, 12, frame).topics).toEqual([{ topicId, name: null }])
  })
})

describe('records', () => {
  const records = new Uint8Array(10_000).fill(7)

  it('are read as a view into the frame', () => {
    const frame = encodeRequest(Produce, 9, HEADER, {
      acks: -1,
      timeoutMs: 1,
      topicData: [{ name: 't', partitionData: [{ index: 0, records }] }],
    })
    const read = request(Produce, 9, frame).topicData[0]?.partitionData[0]?.records
    expect(read).toEqual(records)
    expect(read?.buffer).toBe(frame.buffer)
  })

  it.each([4, 12, 17])('are sent by reference in several pieces in Fetch version %i', (version) => {
    const small = new Uint8Array(100).fill(9)
    const partition = { errorCode: 0, highWatermark: 1, abortedTransactions: [] }
    const pieces = encodeResponse(Fetch, version, 1, {
      responses: [
        {
          topic: 't',
          partitions: [
            { partitionIndex: 0, ...partition, records: [records, small, records] },
            { partitionIndex: 1, ...partition, records: null },
            { partitionIndex: 2, ...partition, records: [] },
          ],
        },
      ],
    })
    expect(pieces.filter((piece) => piece === records)).toHaveLength(2)
    const { body } = decodeResponse(Fetch, version, concatBytes(pieces).subarray(4))
    const read = body.responses[0]?.partitions.map((answer) => answer.records)
    expect(read).toEqual([concatBytes([records, small, records]), null, new Uint8Array(0)])
  })
})

describe('what members of a group send', () => {
  const blob = new Uint8Array([0, 1, 255, 254])
  const member = { groupId: 'g', sessionTimeoutMs: 1, memberId: '', protocolType: 'consumer' }

  it.each([0, 5, 6, 9])('is read as a view into the frame in JoinGroup version %i', (version) => {
    const protocols = [{ name: 'range', metadata: blob }]
    const frame = encodeRequest(JoinGroup, version, HEADER, { ...member, protocols })
    const read = request(JoinGroup, version, frame).protocols[0]?.metadata
    expect(read).toEqual(blob)
    expect(read?.buffer).toBe(frame.buffer)
  })

  it.each([0, 3, 4, 5])('is read as a view into the frame in SyncGroup version %i', (version) => {
    const assignments = [{ memberId: 'm', assignment: blob }]
    const body = { groupId: 'g', generationId: 1, memberId: 'm', assignments }
    const frame = encodeRequest(SyncGroup, version, HEADER, body)
    const read = request(SyncGroup, version, frame).assignments[0]?.assignment
    expect(read).toEqual(blob)
    expect(read?.buffer).toBe(frame.buffer)
  })
})

describe('a caller that breaks a declaration', () => {
  it('gets an exception, not a wrong frame', () => {
    const topic = { numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
    const named = (name: string | null) => () =>
      encodeRequest(CreateTopics, 5, HEADER, { topics: [{ ...topic, name: name as string }] })
    expect(named('x'.repeat(32_767))).not.toThrow()
    expect(named('x'.repeat(32_768))).toThrow(RangeError)
    expect(named(null)).toThrow(TypeError)
  })

  it('malformed bytes have one error class', () => {
    expect(() => decodeRequestHeader(new Uint8Array(3))).toThrow(MalformedMessage)
    expect(isFlexible(Produce, 8)).toBe(false)
    expect(isFlexible(Produce, 9)).toBe(true)
  })
})
