// UpdateFeatures (KIP-584, KIP-778, KIP-1022) and what is finalized. All updates of a request are made
// or none. Checks and sentences follow FeatureControlManager of 4.1.1; metadata.version never changes.

import { KafkaError } from '../core/errors.ts'
import { METADATA_VERSION, SUPPORTED_FEATURES } from '../core/features.ts'
import { BROKER_ID } from '../core/ids.ts'
import type {
  UpdateFeaturesRequest,
  UpdateFeaturesResponse,
} from '../protocol/messages/update-features.ts'
import type { Change, ClusterState, Decision } from './cluster.ts'
import type { FinalizedFeatures } from './contract.ts'

/** Kafka's numbers for what an update may do. */
const UpgradeType = { UPGRADE: 1, SAFE_DOWNGRADE: 2, UNSAFE_DOWNGRADE: 3 } as const

type Update = UpdateFeaturesRequest['featureUpdates'][number]

/** The finalized levels; 0 where a feature is supported and not finalized. */
export function finalizedFeatures({ features }: ClusterState): FinalizedFeatures {
  const { name, maxVersion } = METADATA_VERSION
  return { epoch: features.epoch, levels: { ...features.levels, [name]: maxVersion } }
}

/** Decides UpdateFeatures; version 0 says in another way whether a downgrade is meant. */
export function updateFeatures(
  state: ClusterState,
  request: UpdateFeaturesRequest,
  version: number,
): Decision<UpdateFeaturesResponse> {
  const { epoch, levels } = finalizedFeatures(state)
  const proposed = new Map(Object.entries(levels))
  for (const update of request.featureUpdates) {
    const why = refusal(update, upgradeType(update, version), proposed)
    if (why !== null) return refused(why)
    proposed.set(update.feature, update.maxVersionLevel)
  }
  const changed = [...proposed].filter(([name, level]) => level !== (levels[name] ?? 0))
  const changes: Change[] = changed.map(([name, level]) => ({ kind: 'feature', name, level }))
  if (changes.length > 0) changes.push({ kind: 'featuresEpoch', epoch: epoch + 1 })
  const none = { errorCode: KafkaError.NONE, errorMessage: null }
  const results = request.featureUpdates.map(({ feature }) => ({ feature, ...none }))
  return {
    changes: request.validateOnly ? [] : changes,
    reply: { throttleTimeMs: 0, ...none, results: version >= 2 ? [] : results },
  }
}

function upgradeType({ allowDowngrade, upgradeType: asked }: Update, version: number): number {
  if (version > 0) return asked
  return allowDowngrade ? UpgradeType.SAFE_DOWNGRADE : UpgradeType.UPGRADE
}

function refusal(
  { feature, maxVersionLevel: level }: Update,
  type: number,
  levels: ReadonlyMap<string, number>,
): string | null {
  const invalid = (why: string) => `Invalid update version ${level} for feature ${feature}. ${why}`
  if (type < UpgradeType.UPGRADE || type > UpgradeType.UNSAFE_DOWNGRADE) {
    return invalid('The controller does not support the given upgrade type.')
  }
  if (level < 0) return invalid('A feature version cannot be less than 0.')
  const supported = SUPPORTED_FEATURES.find(({ name }) => name === feature)
  if (supported === undefined) {
    return invalid(
      level === 0
        ? `Feature ${feature} not found.`
        : `Local controller ${BROKER_ID} does not support this feature.`,
    )
  }
  const { minVersion, maxVersion } = supported
  if (level < minVersion || level > maxVersion) {
    return invalid(
      `Local controller ${BROKER_ID} only supports versions ${minVersion}-${maxVersion}`,
    )
  }
  const current = levels.get(feature) ?? 0
  if (level < current && type === UpgradeType.UPGRADE) return invalid(DOWNGRADE_NOT_MEANT)
  if (level > current && type !== UpgradeType.UPGRADE) {
    return invalid("Can't downgrade to a newer version.")
  }
  return null
}

const DOWNGRADE_NOT_MEANT =
  "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade."

function refused(why: string): Decision<UpdateFeaturesResponse> {
  const errorMessage = `The update failed for all features since the following feature had an error: ${why}`
  const errorCode = KafkaError.INVALID_UPDATE_VERSION
  return { changes: [], reply: { throttleTimeMs: 0, errorCode, errorMessage, results: [] } }
}
