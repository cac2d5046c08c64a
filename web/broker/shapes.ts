// What the broker answers, as far as the console reads it. /openapi.json is the source.

/** A page of a list. */
export interface Page<Item> {
  readonly items: readonly Item[]
  readonly next: string | null
}

/** A row of /v1/topics. */
export interface TopicRow {
  readonly name: string
  readonly id: string
  readonly partitions: number
  /** Null until its leaders have reported; so are the others. */
  readonly records: number | null
  readonly sizeBytes: number | null
  readonly recordsPerSecond: number | null
  readonly worstGroup: { readonly groupId: string; readonly lag: number } | null
}

/** /v1/topics/{topic}. */
export interface TopicShown {
  readonly name: string
  readonly id: string
  readonly partitions: number
  readonly configs: Readonly<Record<string, string | null>>
  readonly effectiveConfigs: Readonly<Record<string, string | null>>
}

/** A row of …/partitions. */
export interface PartitionShown {
  readonly partition: number
  readonly leader: number
  readonly leaderEpoch: number
  readonly start: number | null
  readonly end: number | null
  readonly lastStableOffset: number | null
  readonly sizeBytes: number | null
  readonly error?: string
}

/** A row of …/configs. */
export interface ConfigShown {
  readonly name: string
  readonly value: string | null
  readonly default: string | null
  readonly source: string
  readonly isSetHere: boolean
  readonly readOnly: boolean
  readonly sensitive: boolean
  readonly type: string
  readonly documentation: string | null
}

/** A header of a record. */
export interface HeaderShown {
  readonly key: string
  readonly value?: string | null
  readonly valueBase64?: string
}

/** A record as HTTP gives it. */
export interface RecordShown {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key?: string | null
  readonly keyBase64?: string
  readonly value?: string | null
  readonly valueBase64?: string
  readonly headers: readonly HeaderShown[]
}

/** A stretch of the log that cannot be read. */
export interface Malformed {
  readonly partition: number
  readonly offset: number
  readonly lastOffset: number
  readonly error: string
  readonly detail: string
}

/** What a page of records holds. */
export type Item = RecordShown | Malformed

/** …/partitions/{p}/records. */
export interface RecordsPage {
  readonly records: readonly Item[]
  readonly nextOffset: number
}

/** True of a stretch that cannot be read. */
export function isMalformed(item: Item): item is Malformed {
  return 'error' in item
}

/** A row of /v1/topics/{topic}/groups. */
export interface TopicGroup {
  readonly groupId: string
  readonly state: string
  readonly members: number
  /** Records of this topic. */
  readonly lag: number
  /** Records of all its topics. */
  readonly groupLag: number
  /** Partitions that it has committed an offset of. */
  readonly partitions: number
}
