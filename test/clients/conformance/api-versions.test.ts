// ApiVersions: what is advertised, in which layout, and that it is true. The ranges of a real Apache
// Kafka 4.1.1 are recorded in test/vectors/protocol/api-versions-4.1.1.json. KIP-35, KIP-511, KIP-584.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { APIS } from '../../../src/protocol/apis.ts'
import { ApiVersions } from '../../../src/protocol/messages/api-versions.ts'
import type { Shape } from '../../../src/protocol/schema.ts'
import { suite } from '../target.ts'
import { rawRequest } from '../wire.ts'

const shared = suite('api-versions')
const { scenario, connect } = shared
const SOFTWARE = { clientSoftwareName: 'ottla-test', clientSoftwareVersion: '1.0' }
const PRODUCE = 0

interface Range {
  readonly apiKey: number
  readonly minVersion: number
  readonly maxVersion: number
}
const VECTOR = join(import.meta.dirname, '../../vectors/protocol/api-versions-4.1.1.json')
const KAFKA: readonly Range[] = JSON.parse(readFileSync(VECTOR, 'utf8')).apiKeys
const IN_THIS_STEP = [0, 1, 2, 3, 10, 18, 19, 20, 21, 22, 23, 32, 33, 35, 37, 44, 60, 75]

describe('ApiVersions', () => {
  for (let version = 0; version <= 4; version += 1) {
    scenario(`in version ${version} gives Kafka's ranges`, async () => {
      const wire = await connect()
      const got = await wire.call(ApiVersions, version, SOFTWARE)
      expect(got.errorCode).toBe(0)
      const served = new Set(got.apiKeys.map((one) => one.apiKey))
      expect(served.size).toBe(got.apiKeys.length)
      expect(got.apiKeys).toEqual(KAFKA.filter((one) => served.has(one.apiKey)))
      expect([...served]).toEqual(expect.arrayContaining(IN_THIS_STEP))
    })
  }

  for (const version of [5, 99, -1]) {
    scenario(
      `in the unknown version ${version} is answered in version 0 with its own range`,
      async () => {
        const wire = await connect()
        wire.write(rawRequest(18, version, Buffer.from('\0 whatever follows')))
        const got = await wire.answer(ApiVersions, 0, 1)
        expect(got.errorCode).toBe(35)
        expect(got.apiKeys).toEqual([{ apiKey: 18, minVersion: 0, maxVersion: 4 }])
        const id = wire.send(ApiVersions, 4, SOFTWARE)
        expect((await wire.answer(ApiVersions, 4, id)).errorCode).toBe(0)
      },
    )
  }

  for (const clientSoftwareName of ['', ' ', '-a', 'a b', 'a!']) {
    scenario(`with the software name "${clientSoftwareName}" gets INVALID_REQUEST`, async () => {
      const wire = await connect()
      const got = await wire.call(ApiVersions, 3, { ...SOFTWARE, clientSoftwareName })
      expect(got.errorCode).toBe(42)
      expect((await wire.call(ApiVersions, 3, SOFTWARE)).errorCode).toBe(0)
    })
  }

  scenario('finalizes features at an epoch of 0 or more', async () => {
    const wire = await connect()
    const got = await wire.call(ApiVersions, 4, SOFTWARE)
    expect(got.finalizedFeaturesEpoch).toBeGreaterThanOrEqual(0)
    for (const { name, maxVersionLevel } of got.finalizedFeatures) {
      const supported = got.supportedFeatures.find((one) => one.name === name)
      expect(supported?.maxVersion, name).toBeGreaterThanOrEqual(maxVersionLevel)
    }
  })

  scenario('advertises nothing that is not declared', async () => {
    const wire = await connect()
    const got = await wire.call(ApiVersions, 4, SOFTWARE)
    const declared = new Set(APIS.map((one) => one.key))
    expect(got.apiKeys.filter((one) => !declared.has(one.apiKey))).toEqual([])
  })
})

/** Fields without which even a good broker gives no plain answer. */
const ANSWERABLE: ReadonlyMap<number, object> = new Map<number, object>([
  [PRODUCE, { acks: 1 }],
  [18, SOFTWARE],
  // Any of each: UNKNOWN, which is 0, ends the connection.
  [29, { resourceTypeFilter: 1, patternTypeFilter: 1, operation: 1, permissionType: 1 }],
])

describe('Every advertised version', () => {
  for (const api of APIS) {
    scenario(`of ${api.name} is answered with its own response`, async () => {
      const wire = await connect()
      const { apiKeys } = await wire.call(ApiVersions, 0, {})
      const range = apiKeys.find((one) => one.apiKey === api.key)
      expect(range, 'advertised').toBeDefined()
      const from = api.key === PRODUCE ? 3 : range!.minVersion
      for (let version = from; version <= range!.maxVersion; version += 1) {
        const body = { ...(smallest(api.request) as object), ...ANSWERABLE.get(api.key) }
        const id = wire.send(api, version, body)
        await wire.answer(api, version, id)
      }
    })
  }
})

/** A request with every array empty and every other field at its default. */
function smallest(shape: Shape): unknown {
  if (shape.kind !== 'struct') return shape.default
  if (shape.nullableFrom !== Number.POSITIVE_INFINITY) return shape.default
  const fields = Object.entries(shape.fields).map(([name, field]) => [name, smallest(field)])
  return Object.fromEntries(fields)
}
