// What the cluster controller says over RPC. Requests and responses are Kafka's own message bodies
// where an API exists; the rest is here. Not behaviour: cluster.ts decides, object.ts hosts.

import type { TopicSettings } from '../core/configs.ts'
import type { ErrorCode } from '../core/errors.ts'
import type { TopicId } from '../core/ids.ts'
import type {
  AlterConfigsRequest,
  AlterConfigsResponse,
} from '../protocol/messages/alter-configs.ts'
import type {
  CreatePartitionsRequest,
  CreatePartitionsResponse,
} from '../protocol/messages/create-partitions.ts'
import type {
  CreateTopicsRequest,
  CreateTopicsResponse,
} from '../protocol/messages/create-topics.ts'
import type {
  DeleteTopicsRequest,
  DeleteTopicsResponse,
} from '../protocol/messages/delete-topics.ts'
import type {
  DescribeConfigsRequest,
  DescribeConfigsResponse,
} from '../protocol/messages/describe-configs.ts'
import type {
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponse,
} from '../protocol/messages/incremental-alter-configs.ts'

/** One topic as the broker caches it. Plain data; wrong for one request at most (see design). */
export interface TopicState {
  readonly name: string
  readonly id: TopicId
  readonly partitions: number
  readonly configVersion: number
  readonly settings: TopicSettings
}

/** Which topics to look up. `all` ignores names and ids. */
export interface TopicLookup {
  readonly all?: boolean
  readonly names?: readonly string[]
  readonly ids?: readonly TopicId[]
  /** Create missing names (if auto.create.topics.enable says so too). Never with `all`. */
  readonly autoCreate?: boolean
}

/** Answer per name, then per id, in the order asked; `all` gives topics sorted by name. */
export interface TopicLookupReply {
  readonly clusterId: string
  readonly topics: readonly TopicLookupResult[]
}

export type TopicLookupResult =
  | { readonly error: typeof NONE; readonly topic: TopicState }
  | { readonly error: ErrorCode; readonly topic?: never; readonly message?: string }

declare const NONE: 0

/** What a partition learns on first touch. */
export type PartitionAdmission =
  | {
      readonly alive: true
      readonly name: string
      readonly configVersion: number
      readonly settings: TopicSettings
    }
  | { readonly alive: false }

/** The methods of the Cluster object. */
export interface ClusterRpc {
  /** The random cluster id kept since first start. */
  clusterId(): Promise<string>
  lookup(request: TopicLookup): Promise<TopicLookupReply>
  createTopics(request: CreateTopicsRequest, version: number): Promise<CreateTopicsResponse>
  createPartitions(
    request: CreatePartitionsRequest,
    version: number,
  ): Promise<CreatePartitionsResponse>
  /** Answers only after every partition ever written has persisted its fence. */
  deleteTopics(request: DeleteTopicsRequest, version: number): Promise<DeleteTopicsResponse>
  describeConfigs(
    request: DescribeConfigsRequest,
    version: number,
  ): Promise<DescribeConfigsResponse>
  alterConfigs(request: AlterConfigsRequest, version: number): Promise<AlterConfigsResponse>
  incrementalAlterConfigs(
    request: IncrementalAlterConfigsRequest,
    version: number,
  ): Promise<IncrementalAlterConfigsResponse>
  /** A block of never reused producer ids: [first, first + count). Persisted before it answers. */
  allocateProducerIds(count: number): Promise<{ readonly first: number }>
  /**
   * First touch of a partition. With `writing` the partition is recorded as ever written, durably,
   * before the answer: a later DeleteTopics will fence it.
   */
  admit(topicId: TopicId, partition: number, writing: boolean): Promise<PartitionAdmission>
  /** Effective broker configuration by Kafka's names (static, dynamic, defaults), for the broker's own use. */
  brokerConfigs(): Promise<Readonly<Record<string, string>>>
}
