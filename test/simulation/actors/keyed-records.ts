// What the records of a log's life are like: few keys, some values null (they are tombstones), sizes that take
// several rows now and then, codecs, times that are not quite now.

import type { NewRecord } from '../../../src/record/build.ts'
import { Codec, type CodecId } from '../../../src/record/compression.ts'
import { TOKEN_HEADER } from '../log/written-log.ts'
import type { Random } from '../platform/random.ts'
import type { Shapes } from './batches.ts'

const utf8 = new TextEncoder()

/** The chances of one world. */
export interface KeyedRecordOptions {
  readonly random: Random
  readonly keys: number
  /** Of a record to be a tombstone, to be old, and to be large. */
  readonly tombstones: number
  readonly old: number
  readonly large: number
  readonly compressed: number
}

/** See the head of this file. Remembers each record that it made up. */
export class KeyedRecords implements Shapes {
  readonly #options: KeyedRecordOptions
  readonly #records = new Map<string, NewRecord>()
  readonly #codecs = new Map<string, CodecId>()

  constructor(options: KeyedRecordOptions) {
    this.#options = options
  }

  recordOf(token: string, nowMs: number): NewRecord {
    const known = this.#records.get(token)
    if (known !== undefined) return known
    const { random, keys, tombstones, old, large } = this.#options
    const isTombstone = random.chance(tombstones)
    const length = random.chance(large) ? random.between(500, 4_000) : random.between(0, 120)
    const record = {
      timestamp: random.chance(old) ? nowMs - random.between(0, 60_000) : nowMs,
      key: utf8.encode(`k${random.between(0, keys - 1)}`),
      value: isTombstone ? null : utf8.encode(token.padEnd(length, '.')),
      headers: [{ key: TOKEN_HEADER, value: utf8.encode(token) }],
    }
    this.#records.set(token, record)
    return record
  }

  codecOf(token: string): CodecId {
    const known = this.#codecs.get(token)
    if (known !== undefined) return known
    const { random, compressed } = this.#options
    const codec = random.chance(compressed)
      ? random.pick([Codec.gzip, Codec.lz4, Codec.snappy, Codec.zstd])
      : Codec.none
    this.#codecs.set(token, codec)
    return codec
  }
}
