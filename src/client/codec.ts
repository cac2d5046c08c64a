// Values between programs and the log: JSON with or without a schema, text, bytes. What is sent is what was
// given, never what a schema made of it, so that a reader with the same schema gets its output.

import { fromBase64, textOf, toBase64, utf8 } from '../core/text.ts'
import type { SchemaIssue, SchemaResult, StandardSchemaV1 } from './standard-schema.ts'

/** A stored value: text where the bytes are valid UTF-8, null for a tombstone. */
export type Stored = string | Uint8Array | null

/** How values of a topic are written and read. `json`, `text` and `bytes` are there; write others as well. */
export interface Codec<Input, Output> {
  /** Answers what is stored, or what is wrong with the value. */
  encode(value: Input): SchemaResult<Stored> | Promise<SchemaResult<Stored>>
  /** Answers the value, or what is wrong with what is stored. */
  decode(stored: Stored): SchemaResult<Output> | Promise<SchemaResult<Output>>
}

/** JSON, not checked. `null` is a tombstone. */
export const json: Codec<unknown, unknown> = {
  encode(value) {
    if (value === null || value === undefined) return { value: null }
    try {
      const encoded = JSON.stringify(value)
      return encoded === undefined ? wrong('it has no JSON') : { value: encoded }
    } catch (error) {
      return wrong(error instanceof Error ? error.message : String(error))
    }
  },
  decode(stored) {
    if (stored === null) return { value: null }
    if (typeof stored !== 'string') return wrong('it is not UTF-8: use { value: bytes }')
    try {
      return { value: JSON.parse(stored) as unknown }
    } catch {
      return wrong('it is not JSON: use { value: text }')
    }
  },
}

/** Text, stored as UTF-8. `null` is a tombstone. */
export const text: Codec<string | null, string | null> = {
  encode: (value) =>
    value === null || typeof value === 'string' ? { value } : wrong('it is not a string'),
  decode: (stored) =>
    stored === null || typeof stored === 'string' ? { value: stored } : wrong('it is not UTF-8'),
}

const encoder = new TextEncoder()

/** Bytes as they are. `null` is a tombstone. */
export const bytes: Codec<Uint8Array | null, Uint8Array | null> = {
  encode: (value) =>
    value === null || value instanceof Uint8Array ? { value } : wrong('it is not a Uint8Array'),
  decode: (stored) => ({ value: typeof stored === 'string' ? encoder.encode(stored) : stored }),
}

/** JSON that a schema checks. */
export function checked<Input, Output>(
  schema: StandardSchemaV1<Input, Output>,
): Codec<Input, Output> {
  const { validate } = schema['~standard']
  return {
    encode(value) {
      return after(validate(value), (result) => (result.issues ? result : json.encode(value)))
    },
    decode(stored) {
      const parsed = json.decode(stored) as SchemaResult<unknown>
      return parsed.issues ? parsed : validate(parsed.value)
    },
  }
}

/** `then`, in the same turn where the value is there already. */
export function after<Value, Result>(
  value: Value | Promise<Value>,
  next: (value: Value) => Result | Promise<Result>,
): Result | Promise<Result> {
  return value instanceof Promise ? value.then(next) : next(value)
}

/** The members of a record's JSON for a stored value or key: text or base64; null when it cannot be sent. */
export function membersOf(name: 'key' | 'value', stored: Stored): Record<string, string | null> {
  if (stored instanceof Uint8Array) {
    const read = textOf(stored)
    return read === null ? { [`${name}Base64`]: toBase64(stored) } : { [name]: read }
  }
  return { [name]: stored }
}

/** True for text that has UTF-8: no half of a surrogate pair. */
export function isSendable(stored: Stored): boolean {
  return typeof stored !== 'string' || utf8(stored) !== null
}

/** A key or value of a record's JSON. */
export function storedOf(plain: string | null | undefined, base64: string | undefined): Stored {
  if (base64 !== undefined) return fromBase64(base64)
  return plain ?? null
}

function wrong(message: string): { readonly issues: readonly SchemaIssue[] } {
  return { issues: [{ message }] }
}
