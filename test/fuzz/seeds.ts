// What fuzzing starts from: every frame that Apache Kafka and real clients put on the wire as it was recorded
// (test/vectors), with its fields marked, and record batches in every codec. Not mutations.

import { REQUEST_ELEMENTS_MAX } from '../../src/core/limits.ts'
import { APIS } from '../../src/protocol/apis.ts'
import {
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  encodeRequest,
} from '../../src/protocol/codec.ts'
import { Produce } from '../../src/protocol/messages/produce.ts'
import type { AnyApi } from '../../src/protocol/schema.ts'
import { buildBatch } from '../../src/record/build.ts'
import { Codec } from '../../src/record/compression.ts'
import { apiNamed, exchanges, fromHex, golden } from '../protocol/vectors.ts'
import { contentOf, goldenBatches } from '../record/golden.ts'
import { type Mark, MarkingReader } from './marks.ts'

/** A message as it was sent, without its size. */
export interface SeedFrame {
  readonly message: 'request' | 'response'
  readonly api: AnyApi
  readonly version: number
  readonly bytes: Uint8Array
  readonly marks: readonly Mark[]
}

/** A whole record batch. */
export interface SeedBatch {
  readonly bytes: Uint8Array
}

let frames: readonly SeedFrame[] | null = null
let batches: readonly SeedBatch[] | null = null

/** All frames, some two thousand; made once. */
export function seedFrames(): readonly SeedFrame[] {
  frames ??= [...recorded(), ...produces()]
  return frames
}

/** All batches; made once. */
export function seedBatches(): readonly SeedBatch[] {
  batches ??= [
    ...goldenBatches.map(({ bytes }) => ({ bytes })),
    ...Object.values(Codec).flatMap((codec) =>
      ['mixed', 'many'].map((content) => ({
        bytes: buildBatch({ records: contentOf(content).slice(0, 50), codec }),
      })),
    ),
    ...Object.values(Codec).map((codec) => ({
      bytes: buildBatch({
        records: contentOf('mixed'),
        codec,
        producerId: 7,
        producerEpoch: 0,
        baseSequence: 0,
        transactional: codec === Codec.lz4,
      }),
    })),
  ]
  return batches
}

function* recorded(): Generator<SeedFrame> {
  for (const api of APIS) {
    for (const { message, version, hex } of golden(api)) {
      yield seed(message, api, version, fromHex(hex).subarray(4))
    }
  }
  for (const { api: name, version, request, response } of exchanges()) {
    const api = apiNamed(name)
    yield seed('request', api, version, fromHex(request).subarray(4))
    yield seed('response', api, version, fromHex(response).subarray(4))
  }
}

/** Produce requests of each version with batches in them, as clients send them. */
function* produces(): Generator<SeedFrame> {
  const [first, last] = Produce.versions
  for (let version = Math.max(3, first); version <= last; version++) {
    for (const codec of Object.values(Codec)) {
      const records = buildBatch({ records: contentOf('mixed'), codec })
      const body = {
        acks: -1,
        timeoutMs: 1_000,
        topicData: [{ name: 't', partitionData: [{ index: 0, records }] }],
      }
      const header = { correlationId: 1, clientId: 'fuzz' }
      yield seed(
        'request',
        Produce,
        version,
        encodeRequest(Produce, version, header, body).slice(4),
      )
    }
  }
}

function seed(
  message: 'request' | 'response',
  api: AnyApi,
  version: number,
  given: Uint8Array,
): SeedFrame {
  const bytes = given.slice()
  return { message, api, version, bytes, marks: marksOf(message, api, version, bytes) }
}

function marksOf(
  message: 'request' | 'response',
  api: AnyApi,
  version: number,
  bytes: Uint8Array,
): readonly Mark[] {
  const header: Mark[] =
    message === 'request'
      ? [
          { at: 0, length: 2, kind: 'int16', role: null },
          { at: 2, length: 2, kind: 'int16', role: null },
          { at: 8, length: 2, kind: 'int16', role: 'bytes' },
        ]
      : []
  try {
    const at = message === 'request' ? decodeRequestHeader(bytes).reader.at : 0
    const reader = new MarkingReader(bytes, at, REQUEST_ELEMENTS_MAX)
    if (message === 'request') decodeRequest(api, version, reader)
    else decodeResponse(api, version, bytes)
    return [...header, ...reader.marks]
  } catch (error) {
    throw new Error(`${api.name} ${version} ${message} does not decode`, { cause: error })
  }
}
