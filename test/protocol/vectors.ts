// Reads test/vectors/protocol: what Apache Kafka 4.1.1 and real clients put on the wire. Each file
// says in its first line how it was made. Not the comparison: the tests do that.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { APIS } from '../../src/protocol/apis.ts'
import type { AnyApi, Shape } from '../../src/protocol/schema.ts'

/** A JSON value as JSON.parse gives it. */
export type Json = null | boolean | number | string | Json[] | { readonly [name: string]: Json }

/** One message that Kafka's own classes serialised, and what they say is in it. */
export interface Golden {
  readonly message: 'request' | 'response'
  readonly version: number
  readonly correlationId: number
  readonly clientId?: string | null
  /** The frame with its size prefix. */
  readonly hex: string
  readonly json: Json
}

/** A request of a real client and the answer of a real broker, frames with their size prefix. */
export interface Exchange {
  readonly client: string
  readonly api: string
  readonly version: number
  readonly request: string
  readonly response: string
}

function read(path: string): unknown {
  return JSON.parse(readFileSync(join(import.meta.dirname, '../vectors/protocol', path), 'utf8'))
}

/** Kafka's own serialisations of an API: every version, both messages, three instances each. */
export function golden(api: AnyApi): readonly Golden[] {
  const file = api.name.replace(/(?<!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase()
  return (read(`messages/${file}.json`) as { vectors: Golden[] }).vectors
}

/** Recorded exchanges. */
export function exchanges(): readonly Exchange[] {
  return (read('exchanges.json') as { exchanges: Exchange[] }).exchanges
}

/** A real broker's answers to ApiVersions by request version, and the table in them. */
export function recordedApiVersions(): {
  readonly responses: Readonly<Record<string, string>>
  readonly apiKeys: readonly { apiKey: number; minVersion: number; maxVersion: number }[]
} {
  return read('api-versions-4.1.1.json') as ReturnType<typeof recordedApiVersions>
}

/** The declaration with this name. */
export function apiNamed(name: string): AnyApi {
  const found = APIS.find((api) => api.name === name)
  if (found === undefined) throw new Error(`no API ${name}`)
  return found
}

/** Versions of an API, first to last. */
export function versionsOf(api: AnyApi): number[] {
  const [first, last] = api.versions
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}

export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/**
 * What a message decodes to, from the JSON of Kafka's converters: bytes are base64 there, an int64
 * that no double holds is text, and fields at the default of a tag or not in the version are absent.
 */
export function expected(shape: Shape, json: Json | undefined): unknown {
  if (json === undefined) return shape.default
  if (json === null) return null
  if (shape.kind === 'array') return (json as Json[]).map((item) => expected(shape.element, item))
  if (shape.kind === 'struct') {
    const given = json as Readonly<Record<string, Json>>
    for (const name of Object.keys(given)) {
      if (!(name in shape.fields)) throw new Error(`${name} is not declared`)
    }
    return Object.fromEntries(
      Object.entries(shape.fields).map(([name, field]) => [name, expected(field, given[name])]),
    )
  }
  if (shape.kind === 'bytes' || shape.kind === 'records') {
    return new Uint8Array(Buffer.from(json as string, 'base64'))
  }
  if (shape.kind === 'bigint64') return BigInt(json as string | number)
  return shape.kind === 'int64' ? Number(json) : json
}
