// What the runner says to an adapter and what it hears: one JSON request per line on its standard input,
// one JSON answer per line on its standard output. An adapter drives one client library; it holds many
// handles (producers, consumers, admins) and answers UNSUPPORTED where its client cannot do a thing.
// Bytes are base64 or null, offsets and timestamps are numbers. Standard error is free text.

export type Feature =
  | 'idempotent'
  | 'transactions'
  | 'groups'
  | 'static'
  | 'cooperative'
  | 'group-consumer'
  | 'regex'
  | 'pause'
  | 'seek-time'
  | 'headers'
  | 'timestamps'
  | 'admin'
  | 'read-committed'
  | 'crash'
  | 'manual-partition'
  | 'keyed'
  | 'tools'
  | 'streams'
  | 'kgo'
  | `codec:${Codec}`
  | `sasl:${Sasl['mechanism']}`

export type Codec = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}
export interface PartitionOffset extends TopicPartition {
  readonly offset: number
}
/** `null`: none is committed, or no record is that young. */
export interface MaybeOffset extends TopicPartition {
  readonly offset: number | null
}

/** A record to send; keys and values are base64. */
export interface SendRecord {
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly (readonly [string, string | null])[]
  readonly partition?: number
  readonly timestamp?: number
}
/** A record as a consumer got it. */
export interface ReadRecord extends PartitionOffset {
  readonly timestamp: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly (readonly [string, string | null])[]
}
export interface GroupEvent {
  readonly type: 'assigned' | 'revoked' | 'lost'
  readonly partitions: readonly TopicPartition[]
}

/** Who a client is to say that it is; without it the broker asks nobody. */
export type Sasl = SaslPassword | SaslToken
export interface SaslPassword {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
  readonly username: string
  readonly password: string
}
/** The adapter hands its client this token as one that is still good, whatever is in it. */
export interface SaslToken {
  readonly mechanism: 'OAUTHBEARER'
  readonly username: string
  readonly token: string
}

export interface ProducerConfig {
  readonly idempotence?: boolean
  readonly acks?: 0 | 1 | -1
  readonly codec?: Codec
  readonly transactionalId?: string
  readonly transactionTimeoutMs?: number
  readonly lingerMs?: number
  readonly maxInFlight?: number
  readonly maxRequestBytes?: number
}
export type Assignor = 'range' | 'roundrobin' | 'sticky' | 'cooperative-sticky' | 'uniform'
export interface ConsumerConfig {
  readonly protocol?: 'classic' | 'consumer'
  readonly instanceId?: string
  readonly assignor?: Assignor
  readonly isolation?: 'read_committed' | 'read_uncommitted'
  readonly offsetReset?: 'earliest' | 'latest' | 'none'
  readonly sessionTimeoutMs?: number
  readonly heartbeatMs?: number
  readonly rebalanceTimeoutMs?: number
}
/** Where a manual assignment starts. */
export type Start = number | 'earliest' | 'latest' | 'committed'

export interface NewTopic {
  readonly name: string
  readonly partitions: number
  readonly replicationFactor?: number
  readonly configs?: Readonly<Record<string, string>>
}
export interface TopicDescription {
  readonly name: string
  readonly partitions: readonly {
    readonly partition: number
    readonly leader: number
    readonly replicas: readonly number[]
    readonly isr: readonly number[]
  }[]
}
/** States and types as Kafka spells them: Stable, Empty, …; classic, consumer. Compared without case. */
export interface GroupListing {
  readonly group: string
  readonly state: string
  readonly type: string
}
export interface GroupDescription extends GroupListing {
  readonly members: readonly {
    readonly memberId: string
    readonly instanceId: string | null
    readonly clientId: string
    readonly assignment: readonly TopicPartition[]
  }[]
}
export interface Resource {
  readonly type: 'topic' | 'broker' | 'group'
  readonly name: string
}

export interface ToolRun {
  readonly main: string
  readonly args: readonly string[]
  readonly stdin?: string
  readonly timeoutMs?: number
  readonly fork?: boolean
}
/** `exit` is null when it did not end in time. */
export interface ToolOutcome {
  readonly exit: number | null
  readonly stdout: string
  readonly stderr: string
}
export interface StreamsConfig {
  readonly applicationId: string
  readonly input: string
  readonly output: string
  readonly stateDir: string
}

type None = Readonly<Record<never, never>>
interface Handle {
  readonly handle: string
}
interface Open<Config> extends Handle {
  readonly bootstrap: string
  readonly config: Config
}
interface OfPartitions extends Handle {
  readonly partitions: readonly TopicPartition[]
}
interface Offsets {
  readonly offsets: readonly PartitionOffset[]
}
interface MaybeOffsets {
  readonly offsets: readonly MaybeOffset[]
}

export interface Hello {
  readonly client: string
  readonly version: string
  readonly features: readonly Feature[]
}
export interface Poll {
  readonly records: readonly ReadRecord[]
  readonly assignment: readonly TopicPartition[]
  readonly events: readonly GroupEvent[]
}

/** Every verb: what it takes and what it answers. */
export interface Verbs {
  hello: [None, Hello]

  'producer.open': [Open<ProducerConfig> & { readonly sasl?: Sasl }, None]
  'producer.send': [
    Handle & { readonly topic: string; readonly records: readonly SendRecord[] },
    /** In record order, after all are delivered; empty where the client does not tell. The first failure is the error. */
    { readonly acks: readonly { readonly partition: number; readonly offset: number }[] },
  ]
  'producer.init': [Handle, None]
  'producer.begin': [Handle, None]
  'producer.commit': [Handle, None]
  'producer.abort': [Handle, None]
  'producer.sendOffsets': [Handle & Offsets & { readonly consumer: string }, None]
  'producer.close': [Handle, None]

  /** Nothing is ever committed automatically. */
  'consumer.open': [Open<ConsumerConfig> & { readonly group?: string; readonly sasl?: Sasl }, None]
  'consumer.subscribe': [
    Handle & { readonly topics?: readonly string[]; readonly pattern?: string },
    None,
  ]
  'consumer.assign': [
    Handle & { readonly partitions: readonly (TopicPartition & { readonly offset: Start })[] },
    None,
  ]
  /** Answers as soon as there is a record or an event, at the latest after `timeoutMs`. */
  'consumer.poll': [Handle & { readonly maxRecords: number; readonly timeoutMs: number }, Poll]
  /** Default: what poll returned so far. */
  'consumer.commit': [Handle & Partial<Offsets>, None]
  'consumer.committed': [OfPartitions, MaybeOffsets]
  'consumer.position': [OfPartitions, MaybeOffsets]
  'consumer.seek': [Handle & PartitionOffset, None]
  'consumer.offsetsForTimes': [
    Handle & { readonly partitions: readonly (TopicPartition & { readonly timestamp: number })[] },
    MaybeOffsets,
  ]
  'consumer.beginningOffsets': [OfPartitions, Offsets]
  'consumer.endOffsets': [OfPartitions, Offsets]
  'consumer.pause': [OfPartitions, None]
  'consumer.resume': [OfPartitions, None]
  'consumer.close': [Handle, None]

  'admin.open': [Handle & { readonly bootstrap: string }, None]
  'admin.createTopics': [
    Handle & { readonly topics: readonly NewTopic[]; readonly validateOnly?: boolean },
    None,
  ]
  'admin.deleteTopics': [Handle & { readonly topics: readonly string[] }, None]
  'admin.describeTopics': [
    Handle & { readonly topics: readonly string[] },
    { readonly topics: readonly TopicDescription[] },
  ]
  /** `partitions` is the new total. */
  'admin.createPartitions': [
    Handle & { readonly topics: readonly { readonly name: string; readonly partitions: number }[] },
    None,
  ]
  'admin.listGroups': [Handle, { readonly groups: readonly GroupListing[] }]
  'admin.describeGroups': [
    Handle & { readonly groups: readonly string[] },
    { readonly groups: readonly GroupDescription[] },
  ]
  'admin.deleteGroups': [Handle & { readonly groups: readonly string[] }, None]
  /** The committed offsets of a group. */
  'admin.listOffsets': [Handle & { readonly group: string }, MaybeOffsets]
  'admin.deleteOffsets': [OfPartitions & { readonly group: string }, None]
  'admin.describeConfigs': [
    Handle & { readonly resources: readonly Resource[] },
    {
      readonly resources: readonly (Resource & {
        readonly configs: Readonly<Record<string, string | null>>
      })[]
    },
  ]
  /** Incremental: what is not named stays. */
  'admin.alterConfigs': [
    Handle & {
      readonly resources: readonly (Resource & {
        readonly set?: Readonly<Record<string, string>>
        readonly delete?: readonly string[]
      })[]
    },
    None,
  ]
  /** Answers the low watermarks. */
  'admin.deleteRecords': [Handle & Offsets, Offsets]
  'admin.close': [Handle, None]

  'tool.open': [Handle, None]
  /** Runs the `main` of one of Kafka's tools as a process would. `fork`: in a JVM of its own. */
  'tool.run': [Handle & ToolRun, ToolOutcome]
  'tool.close': [Handle, None]

  /** A word count with a changelog and a repartition topic, exactly once. */
  'streams.open': [Open<StreamsConfig>, None]
  /** Kafka Streams' own word for its state: RUNNING, REBALANCING, … */
  'streams.state': [Handle, { readonly state: string }]
  'streams.close': [Handle, None]
}

export type Verb = keyof Verbs
export type Request<V extends Verb> = Verbs[V][0]
export type Answer<V extends Verb> = Verbs[V][1]

/** How an adapter reports a failure: Kafka's name of the error where the client tells it. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly retriable?: boolean
  readonly fatal?: boolean
  readonly abortable?: boolean
}
