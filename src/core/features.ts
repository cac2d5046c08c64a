// The features of KIP-584 that this release means, with Apache Kafka 4.1.1's names and levels. Not which
// levels are finalized: the controller keeps those. Kafka's others (share.version, kraft.version,
// eligible.leader.replicas.version) have no counterpart here and are not advertised.

/** The levels of one feature. */
export interface SupportedFeature {
  readonly name: string
  readonly minVersion: number
  readonly maxVersion: number
}

/** KIP-848 from level 1 on. */
export const GROUP_VERSION = 'group.version'

/** What kind of cluster this is: always that of Kafka 4.1 (tools show it as 4.1-IV1). */
export const METADATA_VERSION: SupportedFeature = {
  name: 'metadata.version',
  minVersion: 27,
  maxVersion: 27,
}

/** Every feature, sorted by name. transaction.version: 2 is KIP-890 as a whole, 1 its tagged fields. */
export const SUPPORTED_FEATURES: readonly SupportedFeature[] = [
  { name: GROUP_VERSION, minVersion: 0, maxVersion: 1 },
  METADATA_VERSION,
  { name: 'transaction.version', minVersion: 0, maxVersion: 2 },
]
