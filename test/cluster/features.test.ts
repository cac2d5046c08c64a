import { describe, expect, it } from 'vitest'
import { finalizedFeatures, updateFeatures } from '../../src/cluster/features.ts'
import { KafkaError } from '../../src/core/errors.ts'
import { openCluster } from './fakes.ts'

const TRANSACTION = 'transaction.version'
const GROUP = 'group.version'

/** Asks in version 1 on a new cluster, with what is finalized afterwards. */
function ask(
  updates: readonly { feature: string; level: number; type?: number }[],
  { validateOnly = false, version = 1, allowDowngrade = false } = {},
) {
  const { state, keep } = openCluster()
  const featureUpdates = updates.map(({ feature, level, type = 1 }) => ({
    feature,
    maxVersionLevel: level,
    allowDowngrade,
    upgradeType: type,
  }))
  const request = { timeoutMs: 1, featureUpdates, validateOnly }
  const { changes, reply } = updateFeatures(state, request, version)
  keep(changes)
  return { ...reply, finalized: finalizedFeatures(state) }
}

describe('UpdateFeatures', () => {
  it('finds the newest levels finalized', () => {
    expect(finalizedFeatures(openCluster().state)).toEqual({
      epoch: 0,
      levels: { [GROUP]: 1, [TRANSACTION]: 2, 'metadata.version': 27 },
    })
  })

  it('lowers and raises a level, each with a new epoch that survives a restart', () => {
    const cluster = openCluster()
    expect(cluster.updateFeatures({ [TRANSACTION]: 1, [GROUP]: 0 }).errorCode).toBe(0)
    expect(finalizedFeatures(openCluster(cluster.storage).state)).toEqual({
      epoch: 1,
      levels: { [GROUP]: 0, [TRANSACTION]: 1, 'metadata.version': 27 },
    })
    const featureUpdates = [
      { feature: TRANSACTION, maxVersionLevel: 2, allowDowngrade: false, upgradeType: 1 },
    ]
    const { changes } = updateFeatures(
      cluster.state,
      { timeoutMs: 1, featureUpdates, validateOnly: false },
      2,
    )
    cluster.keep(changes)
    expect(finalizedFeatures(openCluster(cluster.storage).state)).toMatchObject({
      epoch: 2,
      levels: { [TRANSACTION]: 2 },
    })
  })

  it.each([
    [
      'an unknown feature',
      { feature: 'nope', level: 1 },
      'Local controller 1 does not support this feature.',
    ],
    [
      'an unknown feature to remove',
      { feature: 'nope', level: 0, type: 2 },
      'Feature nope not found.',
    ],
    [
      'a level above the range',
      { feature: TRANSACTION, level: 3 },
      'Local controller 1 only supports versions 0-2',
    ],
    [
      'a negative level',
      { feature: TRANSACTION, level: -1, type: 2 },
      'A feature version cannot be less than 0.',
    ],
    [
      'a downgrade that is not meant',
      { feature: TRANSACTION, level: 1 },
      "Can't downgrade the version",
    ],
    ['a downgrade to a newer version', { feature: TRANSACTION, level: 2, type: 2 }, null],
    [
      'an unknown upgrade type',
      { feature: TRANSACTION, level: 2, type: 4 },
      'does not support the given upgrade type',
    ],
    [
      'upgrade type 0',
      { feature: TRANSACTION, level: 2, type: 0 },
      'does not support the given upgrade type',
    ],
    [
      'another metadata.version',
      { feature: 'metadata.version', level: 26, type: 2 },
      'only supports versions 27-27',
    ],
  ])('of %s is judged as by Kafka', (_, update, sentence) => {
    const got = ask([update])
    if (sentence === null) expect(got).toMatchObject({ errorCode: 0, errorMessage: null })
    else {
      expect(got).toMatchObject({ errorCode: KafkaError.INVALID_UPDATE_VERSION, results: [] })
      expect(got.errorMessage).toContain('The update failed for all features')
      expect(got.errorMessage).toContain(sentence)
    }
    expect(got.finalized.epoch).toBe(0)
  })

  it('raises nothing by a downgrade', () => {
    const { state } = openCluster()
    state.features = { epoch: 4, levels: { [TRANSACTION]: 1 } }
    const update = {
      feature: TRANSACTION,
      maxVersionLevel: 2,
      allowDowngrade: false,
      upgradeType: 3,
    }
    const request = { timeoutMs: 1, featureUpdates: [update], validateOnly: false }
    const { reply, changes } = updateFeatures(state, request, 1)
    expect(reply.errorMessage).toContain("Can't downgrade to a newer version.")
    expect(changes).toEqual([])
  })

  it('makes all updates of a request or none', () => {
    const got = ask([
      { feature: TRANSACTION, level: 1, type: 2 },
      { feature: GROUP, level: 7 },
    ])
    expect(got.errorCode).toBe(KafkaError.INVALID_UPDATE_VERSION)
    expect(got.finalized).toMatchObject({ epoch: 0, levels: { [TRANSACTION]: 2 } })
  })

  it('changes nothing when it only validates', () => {
    const got = ask([{ feature: GROUP, level: 0, type: 2 }], { validateOnly: true })
    expect(got).toMatchObject({ errorCode: 0, finalized: { epoch: 0, levels: { [GROUP]: 1 } } })
  })

  it('raises no epoch when everything stays', () => {
    expect(ask([{ feature: GROUP, level: 1 }])).toMatchObject({ finalized: { epoch: 0 } })
    expect(ask([])).toMatchObject({ errorCode: 0, finalized: { epoch: 0 } })
  })

  it('in version 0 takes allowDowngrade, and has results below version 2', () => {
    const update = { feature: GROUP, level: 0, type: 1 }
    const allowed = ask([update], { version: 0, allowDowngrade: true })
    expect(allowed).toMatchObject({
      results: [{ feature: GROUP, errorCode: 0 }],
      finalized: { levels: { [GROUP]: 0 } },
    })
    expect(ask([update], { version: 0 }).errorCode).toBe(KafkaError.INVALID_UPDATE_VERSION)
    expect(ask([{ feature: GROUP, level: 1 }], { version: 2 }).results).toEqual([])
  })
})
