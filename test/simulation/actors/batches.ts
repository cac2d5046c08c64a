// Batches as producers make them: each record has a token that is used once. It is the record's value, and
// with a shape (keyed-records.ts) one of its headers.

import { buildBatch, type NewRecord } from '../../../src/record/build.ts'
import type { CodecId } from '../../../src/record/compression.ts'
import type { Random } from '../platform/random.ts'

const utf8 = new TextEncoder()

export interface Producer {
  readonly producerId: number
  readonly producerEpoch: number
}

/** What the records and batches of a producer are like: the same whenever one is sent again. */
export interface Shapes {
  recordOf(token: string, nowMs: number): NewRecord
  codecOf(token: string): CodecId
}

/** One batch of a producer, with its place in the order. */
export interface Batch extends Producer {
  readonly partition: number
  readonly baseSequence: number
  readonly tokens: readonly string[]
  readonly transactional: boolean
  readonly shapes?: Shapes
}

/** As bytes that own their buffer. */
export function encoded(batch: Batch, nowMs: number): Uint8Array {
  const { producerId, producerEpoch, baseSequence, transactional, shapes } = batch
  const [first = ''] = batch.tokens
  return buildBatch({
    producerId,
    producerEpoch,
    baseSequence,
    transactional,
    ...(shapes === undefined ? {} : { codec: shapes.codecOf(first) }),
    records: batch.tokens.map(
      (token) =>
        shapes?.recordOf(token, nowMs) ?? {
          timestamp: nowMs,
          key: null,
          value: utf8.encode(token),
        },
    ),
  })
}

/** Some names with a common beginning. */
export function tokens(prefix: string, random: Random, most: number): string[] {
  const count = random.between(1, most)
  return Array.from({ length: count }, (_, index) => `${prefix}.${index}`)
}
