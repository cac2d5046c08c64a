// Records as programs see them, and how those of the wire become them.

import { type Codec, type Stored, storedOf } from './codec.ts'
import { OttlaError, SchemaError } from './errors.ts'
import type { WireHeader, WireMalformed, WireRecord } from './messages.ts'

/** A header; Kafka repeats keys. */
export interface Header {
  readonly key: string
  /** Text where it is valid UTF-8. */
  readonly value: string | Uint8Array | null
}

/** A record to produce. */
export interface NewRecord<Value> {
  /** Records of one key are in one partition, in order. */
  readonly key?: string | Uint8Array | null
  readonly value: Value
  readonly headers?: readonly Header[] | Readonly<Record<string, string | Uint8Array | null>>
  /** By default that of the key, as Kafka's own clients choose it. */
  readonly partition?: number
  /** Milliseconds since the epoch; by default the broker's clock. */
  readonly timestamp?: number | Date
}

/** Where a record went. */
export interface Produced {
  readonly partition: number
  readonly offset: number
  /** Milliseconds since the epoch. */
  readonly timestamp: number
}

/** A record that was read. */
export interface ReadRecord<Value> {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  /** Text where it is valid UTF-8. */
  readonly key: string | Uint8Array | null
  readonly value: Value
  readonly headers: readonly Header[]
}

/** A record of `tail`. */
export interface TailRecord<Value> extends ReadRecord<Value> {
  /** Everything had so far: a `tail` from here goes on behind this record, in all partitions. */
  readonly position: string
}

/** What becomes of a record that cannot be read: thrown (the default), left out, or told and left out. */
export type OnInvalid = 'throw' | 'skip' | ((error: SchemaError | OttlaError) => void)

/** True for a stretch of the log that cannot be read. */
export function isMalformed(item: WireRecord | WireMalformed): item is WireMalformed {
  return 'error' in item
}

/** The record, or why there is none. In the same turn unless the codec takes its time. */
export async function readRecord<Value>(
  topic: string,
  codec: Codec<never, Value>,
  item: WireRecord | WireMalformed,
  position?: () => string,
): Promise<ReadRecord<Value> | SchemaError | OttlaError> {
  if (isMalformed(item)) return damaged(topic, item)
  const { partition, offset, timestamp } = item
  const key = storedOf(item.key, item.keyBase64)
  const stored = storedOf(item.value, item.valueBase64)
  const at = { topic, partition, offset }
  const result = await codec.decode(stored)
  if (result.issues) {
    const where = {
      ...at,
      key,
      value: stored,
      ...(position === undefined ? {} : { position: position() }),
    }
    return new SchemaError(result.issues, where)
  }
  return { ...at, timestamp, key, value: result.value, headers: item.headers.map(headerOf) }
}

function headerOf({ key, value, valueBase64 }: WireHeader): { key: string; value: Stored } {
  return { key, value: storedOf(value, valueBase64) }
}

function damaged(topic: string, { partition, offset, error, detail }: WireMalformed): OttlaError {
  const message = `${topic} ${partition}:${offset}: ${detail}`
  return new OttlaError(message, {
    code: error,
    status: 500,
    retriable: false,
    topic,
    partition,
    offset,
  })
}
