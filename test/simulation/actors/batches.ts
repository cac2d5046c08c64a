// Batches as producers make them: each record's value is a token that is used once.

import { buildBatch } from '../../../src/record/build.ts'
import type { Random } from '../platform/random.ts'

const utf8 = new TextEncoder()

export interface Producer {
  readonly producerId: number
  readonly producerEpoch: number
}

/** One batch of a producer, with its place in the order. */
export interface Batch extends Producer {
  readonly partition: number
  readonly baseSequence: number
  readonly tokens: readonly string[]
  readonly transactional: boolean
}

/** As bytes that own their buffer. */
export function encoded(batch: Batch, nowMs: number): Uint8Array {
  const { producerId, producerEpoch, baseSequence, transactional } = batch
  return buildBatch({
    producerId,
    producerEpoch,
    baseSequence,
    transactional,
    records: batch.tokens.map((token) => ({
      timestamp: nowMs,
      key: null,
      value: utf8.encode(token),
    })),
  })
}

/** Some names with a common beginning. */
export function tokens(prefix: string, random: Random, most: number): string[] {
  const count = random.between(1, most)
  return Array.from({ length: count }, (_, index) => `${prefix}.${index}`)
}
