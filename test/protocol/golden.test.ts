import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../src/core/bytes.ts'
import { APIS } from '../../src/protocol/apis.ts'
import {
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  encodeRequest,
  encodeResponse,
} from '../../src/protocol/codec.ts'
import type { AnyApi, Shape } from '../../src/protocol/schema.ts'
import {
  apiNamed,
  exchanges,
  expected,
  fromHex,
  type Golden,
  golden,
  toHex,
  versionsOf,
} from './vectors.ts'

function reencodedRequest(api: AnyApi, frame: Uint8Array): { body: object; hex: string } {
  const { reader, ...header } = decodeRequestHeader(frame.subarray(4))
  expect(header.apiKey).toBe(api.key)
  const body = decodeRequest(api, header.apiVersion, reader)
  return { body, hex: toHex(encodeRequest(api, header.apiVersion, header, body)) }
}

function reencodedResponse(api: AnyApi, version: number, frame: Uint8Array) {
  const { correlationId, body } = decodeResponse(api, version, frame.subarray(4))
  const hex = toHex(concatBytes(encodeResponse(api, version, correlationId, body)))
  return { correlationId, body, hex }
}

function check(api: AnyApi, vector: Golden): void {
  const frame = fromHex(vector.hex)
  if (vector.message === 'request') {
    const { reader: _, ...header } = decodeRequestHeader(frame.subarray(4))
    const { correlationId, clientId, version: apiVersion } = vector
    expect(header).toEqual({ apiKey: api.key, apiVersion, correlationId, clientId })
    const { body, hex } = reencodedRequest(api, frame)
    expect(body).toEqual(expected(api.request, vector.json))
    expect(hex).toBe(vector.hex)
  } else {
    const { correlationId, body, hex } = reencodedResponse(api, vector.version, frame)
    expect(correlationId).toBe(vector.correlationId)
    expect(body).toEqual(expected(api.response, vector.json))
    expect(hex).toBe(vector.hex)
  }
}

/** Paths of fields that hold a default in every value, and of those that may be null and never are. */
function neverShown(shape: Shape, values: readonly unknown[], version: number): string[] {
  if (shape.kind === 'array') return neverShown(shape.element, values.flat(), version)
  if (shape.kind !== 'struct') return []
  const structs = values.filter((value) => value !== null) as Readonly<Record<string, unknown>>[]
  return Object.entries(shape.fields).flatMap(([name, field]) => {
    if (version < field.from || version > field.until) return []
    const given = structs.map((struct) => struct[name])
    const paths = neverShown(
      field,
      given.filter((value) => value !== null),
      version,
    )
    const missing = paths.map((path) => `${name}.${path}`)
    if (given.every((value) => isDefault(field, value))) missing.push(`${name} set`)
    if (version >= field.nullableFrom && !given.includes(null)) missing.push(`${name} null`)
    return missing
  })
}

function isDefault(shape: Shape, value: unknown): boolean {
  if (value === null) return true
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length === 0
  return value === shape.default
}

describe.each(APIS)('$name as serialised by kafka-clients 4.1.1', (api) => {
  const vectors = golden(api)

  it('has vectors of every version and both messages', () => {
    for (const version of versionsOf(api)) {
      for (const message of ['request', 'response']) {
        const some = vectors.filter((v) => v.version === version && v.message === message)
        expect(some, `${message} ${version}`).toHaveLength(3)
      }
    }
  })

  it('has vectors that set every field and have null wherever it may be', () => {
    for (const version of versionsOf(api)) {
      for (const message of ['request', 'response'] as const) {
        const some = vectors.filter((v) => v.version === version && v.message === message)
        const values = some.map((v) => expected(api[message], v.json))
        expect(neverShown(api[message], values, version), `${message} ${version}`).toEqual([])
      }
    }
  })

  it.each(versionsOf(api))(
    'version %i decodes to the same values and encodes to the same bytes',
    (version) => {
      for (const vector of vectors.filter((v) => v.version === version)) check(api, vector)
    },
  )
})

describe('exchanges of real clients with Apache Kafka 4.1.1', () => {
  const all = exchanges()
  const rows = all.map((exchange, i) => ({ ...exchange, i }))

  it.each(rows)(
    '#$i $client $api v$version is read, and its response written, as it was',
    (row) => {
      const api = apiNamed(row.api)
      const request = reencodedRequest(api, fromHex(row.request))
      expect(request.hex).toBe(row.request)
      expect(reencodedResponse(api, row.version, fromHex(row.response)).hex).toBe(row.response)
    },
  )

  it('cover classic and flexible versions of the APIs that every client needs', () => {
    const flexible = new Set<string>()
    const classic = new Set<string>()
    for (const { api, version } of all) {
      const declared = apiNamed(api)
      ;(version >= declared.flexible ? flexible : classic).add(api)
    }
    for (const api of ['Produce', 'Fetch', 'ListOffsets', 'Metadata', 'CreateTopics']) {
      expect(flexible, 'flexible').toContain(api)
      expect(classic, 'classic').toContain(api)
    }
  })
})
