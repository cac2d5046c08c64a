// What /v1/overview answers, as far as the console reads it.

/** A group that is behind. */
export interface Laggard {
  readonly groupId: string
  readonly state: string
  readonly members: number
  readonly lag: number
  readonly topics: number
}

/** The answer. */
export interface Overview {
  readonly health: { readonly status: 'ok' | 'attention' | 'empty'; readonly sentence: string }
  /** When anything was last heard of; RFC 3339. An idle cluster is silent. */
  readonly reported: string | null
  readonly topics: number
  readonly records: number
  readonly sizeBytes: number
  readonly recordsPerSecond: number
  readonly bytesPerSecond: number
  readonly readBytesPerSecond: number
  readonly groups: number
  readonly deadGroups: number
  readonly worstGroups: readonly Laggard[]
}
