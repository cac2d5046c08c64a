import { describe, expect, it } from 'vitest'
import { APIS } from '../../../src/broker/apis.ts'
import { apiVersions } from '../../../src/broker/handlers/api-versions.ts'
import type { FinalizedFeatures } from '../../../src/cluster/contract.ts'
import { fakeContext } from '../fakes.ts'

function ask(version: number, features: () => Promise<FinalizedFeatures>) {
  const context = fakeContext({ context: { features } })
  const software = { clientSoftwareName: 'test', clientSoftwareVersion: '1' }
  return apiVersions(APIS, software, { version, clientId: null }, context)
}

const features = async () => ({
  epoch: 3,
  levels: { 'group.version': 0, 'transaction.version': 1, 'metadata.version': 27 },
})

describe('the features of ApiVersions', () => {
  it('are the supported ranges and what is finalized above 0, with the epoch', async () => {
    expect(await ask(4, features)).toMatchObject({
      errorCode: 0,
      supportedFeatures: [
        { name: 'group.version', minVersion: 0, maxVersion: 1 },
        { name: 'metadata.version', minVersion: 27, maxVersion: 27 },
        { name: 'transaction.version', minVersion: 0, maxVersion: 2 },
      ],
      finalizedFeaturesEpoch: 3,
      finalizedFeatures: [
        { name: 'transaction.version', maxVersionLevel: 1, minVersionLevel: 1 },
        { name: 'metadata.version', maxVersionLevel: 27, minVersionLevel: 27 },
      ],
    })
  })

  it('leave out before version 4 a supported feature that starts at 0', async () => {
    const got = await ask(3, features)
    expect(got.supportedFeatures?.map(({ name }) => name)).toEqual(['metadata.version'])
    expect(got.finalizedFeatures).toHaveLength(2)
  })

  it('are not asked for before version 3', async () => {
    const got = await ask(2, async () => {
      throw new Error('asked')
    })
    expect(got.errorCode).toBe(0)
    expect(got).not.toHaveProperty('supportedFeatures')
  })

  it('are not finalized while the controller does not answer', async () => {
    const got = await ask(4, async () => {
      throw new Error('restarting')
    })
    expect(got.errorCode).toBe(0)
    expect(got).not.toHaveProperty('finalizedFeaturesEpoch')
    expect(got).not.toHaveProperty('finalizedFeatures')
  })
})
