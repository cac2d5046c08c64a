// Features (KIP-584): what ApiVersions says of them and what UpdateFeatures may do. KIP-778, KIP-1022.
// Each scenario leaves the newest levels finalized behind it.

import { describe, expect } from 'vitest'
import { ApiVersions } from '../../../src/protocol/messages/api-versions.ts'
import { UpdateFeatures } from '../../../src/protocol/messages/update-features.ts'
import type { RequestToSend } from '../../../src/protocol/schema.ts'
import { until } from '../calls.ts'
import { suite } from '../target.ts'
import type { Wire } from '../wire.ts'

const { scenario, connect, restart } = suite('features')
const SOFTWARE = { clientSoftwareName: 'ottla-test', clientSoftwareVersion: '1.0' }
const TRANSACTION = 'transaction.version'
const GROUP = 'group.version'
const INVALID_UPDATE_VERSION = 95
const UPGRADE = 1
const SAFE_DOWNGRADE = 2
const UNSAFE_DOWNGRADE = 3

type Update = RequestToSend<typeof UpdateFeatures>['featureUpdates'][number]

function update(wire: Wire, version: number, updates: readonly Update[], validateOnly = false) {
  const body = { timeoutMs: 10_000, featureUpdates: [...updates], validateOnly }
  return wire.call(UpdateFeatures, version, body)
}

/** One update in the words of a version: version 0 knows no types. */
function to(feature: string, maxVersionLevel: number, upgradeType = UPGRADE): Update {
  return { feature, maxVersionLevel, upgradeType, allowDowngrade: upgradeType !== UPGRADE }
}

async function features(wire: Wire, version = 4) {
  const got = await wire.call(ApiVersions, version, SOFTWARE)
  const level = (name: string) =>
    got.finalizedFeatures.find((one) => one.name === name)?.maxVersionLevel ?? 0
  return { ...got, level }
}

/** Brokers hear of a new level a little after the answer. */
async function levelBecomes(wire: Wire, name: string, level: number): Promise<number> {
  await until(async () => (await features(wire)).level(name) === level)
  return (await features(wire)).finalizedFeaturesEpoch
}

describe('ApiVersions', () => {
  scenario('gives the ranges of transaction.version and group.version, finalized', async () => {
    const wire = await connect()
    const got = await features(wire)
    expect(got.supportedFeatures).toEqual(
      expect.arrayContaining([
        { name: GROUP, minVersion: 0, maxVersion: 1 },
        { name: TRANSACTION, minVersion: 0, maxVersion: 2 },
      ]),
    )
    expect(got.level(GROUP)).toBe(1)
    expect(got.level(TRANSACTION)).toBe(2)
    expect(got.level('metadata.version')).toBe(27)
    expect(got.finalizedFeaturesEpoch).toBeGreaterThanOrEqual(0)
  })

  scenario('leaves out before version 4 what is supported from 0 on', async () => {
    const wire = await connect()
    const got = await features(wire, 3)
    expect(got.supportedFeatures.map((one) => one.name)).toEqual(['metadata.version'])
    expect(got.level(TRANSACTION)).toBe(2)
  })

  scenario('names no feature finalized that it does not support', async () => {
    const wire = await connect()
    const { finalizedFeatures, supportedFeatures } = await features(wire)
    for (const { name, maxVersionLevel, minVersionLevel } of finalizedFeatures) {
      const range = supportedFeatures.find((one) => one.name === name)
      expect(range?.minVersion, name).toBeLessThanOrEqual(minVersionLevel)
      expect(range?.maxVersion, name).toBeGreaterThanOrEqual(maxVersionLevel)
    }
  })
})

describe('UpdateFeatures', () => {
  for (const version of [1, 2]) {
    scenario(`in version ${version} lowers a level and raises it again`, async () => {
      const wire = await connect()
      const { finalizedFeaturesEpoch: before } = await features(wire)
      const lowered = await update(wire, version, [to(TRANSACTION, 1, SAFE_DOWNGRADE)])
      expect(lowered).toMatchObject({ errorCode: 0 })
      expect(lowered.results.map((one) => [one.feature, one.errorCode])).toEqual(
        version < 2 ? [[TRANSACTION, 0]] : [],
      )
      const between = await levelBecomes(wire, TRANSACTION, 1)
      expect(between).toBeGreaterThan(before)
      expect((await update(wire, version, [to(TRANSACTION, 2)])).errorCode).toBe(0)
      expect(await levelBecomes(wire, TRANSACTION, 2)).toBeGreaterThan(between)
    })
  }

  scenario('in version 0 lowers a level where allowDowngrade says so', async () => {
    const wire = await connect()
    expect((await update(wire, 0, [to(TRANSACTION, 1)])).errorCode).toBe(INVALID_UPDATE_VERSION)
    const lowered = await update(wire, 0, [to(TRANSACTION, 1, SAFE_DOWNGRADE)])
    expect(lowered).toMatchObject({
      errorCode: 0,
      results: [{ feature: TRANSACTION, errorCode: 0 }],
    })
    await levelBecomes(wire, TRANSACTION, 1)
    const raised = await update(wire, 0, [to(TRANSACTION, 2)])
    expect(raised).toMatchObject({
      errorCode: 0,
      results: [{ feature: TRANSACTION, errorCode: 0 }],
    })
    await levelBecomes(wire, TRANSACTION, 2)
  })

  scenario('to level 0 takes a feature out of what is finalized', async () => {
    const wire = await connect()
    expect((await update(wire, 1, [to(GROUP, 0, SAFE_DOWNGRADE)])).errorCode).toBe(0)
    await levelBecomes(wire, GROUP, 0)
    expect((await features(wire)).finalizedFeatures.map((one) => one.name)).not.toContain(GROUP)
    expect((await update(wire, 1, [to(GROUP, 1)])).errorCode).toBe(0)
    await levelBecomes(wire, GROUP, 1)
  })

  scenario('is remembered by a broker that is killed', async () => {
    const wire = await connect()
    expect((await update(wire, 1, [to(TRANSACTION, 1, UNSAFE_DOWNGRADE)])).errorCode).toBe(0)
    const epoch = await levelBecomes(wire, TRANSACTION, 1)
    await restart('kill')
    const again = await connect()
    const after = await features(again)
    expect(after.level(TRANSACTION)).toBe(1)
    expect(after.finalizedFeaturesEpoch).toBeGreaterThanOrEqual(epoch)
    expect((await update(again, 1, [to(TRANSACTION, 2)])).errorCode).toBe(0)
    await levelBecomes(again, TRANSACTION, 2)
  })

  scenario('that only validates changes nothing', async () => {
    const wire = await connect()
    for (const version of [1, 2]) {
      const got = await update(wire, version, [to(GROUP, 0, SAFE_DOWNGRADE)], true)
      expect(got.errorCode).toBe(0)
    }
    const wrong = await update(wire, 2, [to(GROUP, 9)], true)
    expect(wrong.errorCode).toBe(INVALID_UPDATE_VERSION)
    expect((await features(wire)).level(GROUP)).toBe(1)
  })

  scenario('to what already is, or of nothing, is no error', async () => {
    const wire = await connect()
    for (const upgradeType of [UPGRADE, SAFE_DOWNGRADE, UNSAFE_DOWNGRADE]) {
      expect((await update(wire, 1, [to(TRANSACTION, 2, upgradeType)])).errorCode).toBe(0)
    }
    expect(await update(wire, 1, [])).toMatchObject({ errorCode: 0, results: [] })
    expect((await update(wire, 1, [to(GROUP, 1), to(GROUP, 1)])).errorCode).toBe(0)
    expect((await update(wire, 1, [to('metadata.version', 27)])).errorCode).toBe(0)
  })

  const REFUSED: readonly { title: string; one: Update }[] = [
    { title: 'an unknown feature', one: to('no.such.version', 1) },
    { title: 'an unknown feature to level 0', one: to('no.such.version', 0, SAFE_DOWNGRADE) },
    { title: 'the empty name', one: to('', 1) },
    { title: 'a level above the range', one: to(TRANSACTION, 3) },
    { title: 'a negative level', one: to(TRANSACTION, -1, SAFE_DOWNGRADE) },
    { title: 'a lower level without saying so', one: to(TRANSACTION, 1) },
    { title: 'a level of metadata.version that does not exist', one: to('metadata.version', 28) },
  ]
  for (const { title, one } of REFUSED) {
    scenario(`of ${title} gets INVALID_UPDATE_VERSION`, async () => {
      const wire = await connect()
      for (let version = 0; version <= 2; version += 1) {
        const got = await update(wire, version, [one])
        expect(got).toMatchObject({
          errorCode: INVALID_UPDATE_VERSION,
          errorMessage: expect.stringContaining('The update failed for all features'),
          results: [],
        })
      }
    })
  }

  for (const upgradeType of [0, 4, -1, 127]) {
    scenario(`of the unknown type ${upgradeType} gets INVALID_UPDATE_VERSION`, async () => {
      const wire = await connect()
      const got = await update(wire, 1, [to(TRANSACTION, 2, upgradeType)])
      expect(got.errorCode).toBe(INVALID_UPDATE_VERSION)
    })
  }

  scenario('raises no level by a downgrade', async () => {
    const wire = await connect()
    expect((await update(wire, 1, [to(TRANSACTION, 1, SAFE_DOWNGRADE)])).errorCode).toBe(0)
    await levelBecomes(wire, TRANSACTION, 1)
    for (const upgradeType of [SAFE_DOWNGRADE, UNSAFE_DOWNGRADE]) {
      const got = await update(wire, 1, [to(TRANSACTION, 2, upgradeType)])
      expect(got.errorCode).toBe(INVALID_UPDATE_VERSION)
    }
    expect((await update(wire, 1, [to(TRANSACTION, 2)])).errorCode).toBe(0)
    await levelBecomes(wire, TRANSACTION, 2)
  })

  scenario('makes all updates of a request or none', async () => {
    const wire = await connect()
    for (let version = 0; version <= 2; version += 1) {
      const got = await update(wire, version, [to(TRANSACTION, 1, SAFE_DOWNGRADE), to(GROUP, 7)])
      expect(got).toMatchObject({ errorCode: INVALID_UPDATE_VERSION, results: [] })
    }
    expect((await features(wire)).level(TRANSACTION)).toBe(2)
  })

  scenario('of kraft.version is refused: there is no quorum to change', async () => {
    const wire = await connect()
    const got = await update(wire, 2, [to('kraft.version', 1)], true)
    expect(got.errorCode).toBe(INVALID_UPDATE_VERSION)
  })
})
