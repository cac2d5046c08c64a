// What the cluster controller says over RPC. Requests and responses are Kafka's own message bodies
// where an API exists; the rest is here. Not behaviour: cluster.ts decides, object.ts hosts.

import type { TopicSettings } from '../core/configs.ts'
import type { ErrorCode } from '../core/errors.ts'
import type { TopicId } from '../core/ids.ts'
import type {
  AlterClientQuotasRequest,
  AlterClientQuotasResponse,
} from '../protocol/messages/alter-client-quotas.ts'
import type {
  AlterConfigsRequest,
  AlterConfigsResponse,
} from '../protocol/messages/alter-configs.ts'
import type { AlterUserScramCredentialsResponse } from '../protocol/messages/alter-user-scram-credentials.ts'
import type { CreateAclsRequest, CreateAclsResponse } from '../protocol/messages/create-acls.ts'
import type {
  CreatePartitionsRequest,
  CreatePartitionsResponse,
} from '../protocol/messages/create-partitions.ts'
import type {
  CreateTopicsRequest,
  CreateTopicsResponse,
} from '../protocol/messages/create-topics.ts'
import type { DeleteAclsRequest, DeleteAclsResponse } from '../protocol/messages/delete-acls.ts'
import type {
  DeleteTopicsRequest,
  DeleteTopicsResponse,
} from '../protocol/messages/delete-topics.ts'
import type {
  DescribeAclsRequest,
  DescribeAclsResponse,
} from '../protocol/messages/describe-acls.ts'
import type {
  DescribeClientQuotasRequest,
  DescribeClientQuotasResponse,
} from '../protocol/messages/describe-client-quotas.ts'
import type {
  DescribeConfigsRequest,
  DescribeConfigsResponse,
} from '../protocol/messages/describe-configs.ts'
import type {
  DescribeUserScramCredentialsRequest,
  DescribeUserScramCredentialsResponse,
} from '../protocol/messages/describe-user-scram-credentials.ts'
import type {
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponse,
} from '../protocol/messages/incremental-alter-configs.ts'
import type {
  ListConfigResourcesRequest,
  ListConfigResourcesResponse,
} from '../protocol/messages/list-config-resources.ts'
import type {
  UpdateFeaturesRequest,
  UpdateFeaturesResponse,
} from '../protocol/messages/update-features.ts'
import type {
  ScramCredential,
  ScramLikeness,
  ScramMechanism,
  SecuritySnapshot,
} from '../security/kept.ts'
import type { CatalogueReport } from '../statistics/contract.ts'

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

/** A group in the directory. What it has to do with decides which changes of topics it is told. */
export interface GroupEntry {
  readonly groupId: string
  readonly type: 'classic' | 'consumer'
  /** 'consumer', 'connect', … or ''. */
  readonly protocolType: string
  /** Kafka's name of the coarse state: Empty, PreparingRebalance, CompletingRebalance, Stable, Assigning, Reconciling. */
  readonly state: string
  /** Topics with committed offsets. */
  readonly topicIds: readonly TopicId[]
  /** Topics subscribed to by name (KIP-848 and, where known, classic). */
  readonly topicNames: readonly string[]
  /** Subscribed by a pattern: any topic may matter. */
  readonly allTopics: boolean
}

/** A group as the directory lists it. */
export type GroupListing = Pick<GroupEntry, 'groupId' | 'type' | 'protocolType' | 'state'>

/** A topic as a group needs it. */
export interface GroupTopic {
  readonly id: TopicId
  readonly name: string
  readonly partitions: number
}

/** Topics as they are at a metadata version, which every creation, growth and deletion raises. */
export interface GroupMetadata {
  readonly version: number
  /** Those of the names and ids asked that are alive; sorted by name. */
  readonly topics: readonly GroupTopic[]
}

/** What a group learns when it is loaded or its entry changes. */
export interface GroupRegistration extends GroupMetadata {
  /** Effective configuration of this group: broker values by Kafka's names, group configs over them. */
  readonly configs: Readonly<Record<string, string>>
}

/** A transactional id in the directory. */
export interface TransactionEntry {
  readonly transactionalId: string
  readonly producerId: number
  /** Kafka's name of the state (transaction/contract.ts). */
  readonly state: string
  /** When the open transaction began, milliseconds; -1 when none is open. */
  readonly startTimeMs: number
}

/** Finalized features (KIP-584): epoch and level by name. */
export interface FinalizedFeatures {
  readonly epoch: number
  readonly levels: Readonly<Record<string, number>>
}

/** A change of users' credentials: what is kept of a password, which stays with who asks. */
export interface ScramChanges {
  readonly deletions: readonly { readonly name: string; readonly mechanism: number }[]
  readonly upsertions: readonly {
    readonly name: string
    readonly mechanism: number
    readonly credential: ScramCredential
  }[]
}

/** The methods of the Cluster object for users, rules and quotas. */
export interface SecurityRpc {
  /** Rules and quotas, and the versions of all; null when they are still those of this version. */
  security(sinceVersion: number): Promise<SecuritySnapshot | null>
  /** What is kept of a user's password; null when nothing is. */
  scramCredential(user: string, mechanism: ScramMechanism): Promise<ScramCredential | null>
  /** What those who do not exist are made like. */
  scramLikeness(): Promise<ScramLikeness>
  describeScramCredentials(
    request: DescribeUserScramCredentialsRequest,
  ): Promise<DescribeUserScramCredentialsResponse>
  /** Answers per user; each is changed or not, whatever the others are. */
  alterScramCredentials(changes: ScramChanges): Promise<AlterUserScramCredentialsResponse>
  describeAcls(request: DescribeAclsRequest): Promise<DescribeAclsResponse>
  createAcls(request: CreateAclsRequest): Promise<CreateAclsResponse>
  deleteAcls(request: DeleteAclsRequest): Promise<DeleteAclsResponse>
  describeClientQuotas(request: DescribeClientQuotasRequest): Promise<DescribeClientQuotasResponse>
  alterClientQuotas(request: AlterClientQuotasRequest): Promise<AlterClientQuotasResponse>
}

/** The methods of the Cluster object. */
export interface ClusterRpc extends SecurityRpc {
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
  /**
   * Writes or replaces a group's entry, durably, before the group's first own change, and answers what the
   * group needs to know. Called again whenever the object is loaded and when the entry changes.
   */
  registerGroup(entry: GroupEntry): Promise<GroupRegistration>
  /** After the group's last change. Idempotent. */
  removeGroup(groupId: string): Promise<void>
  /** The directory, sorted by group id. */
  listGroups(): Promise<readonly GroupListing[]>
  /** All topics that are alive, as the Statistics object is told of them. */
  catalogue(): Promise<CatalogueReport>
  /** The topics of these names and ids that are alive; `all`: every topic. */
  groupMetadata(lookup: {
    readonly names: readonly string[]
    readonly ids: readonly TopicId[]
    readonly all: boolean
  }): Promise<GroupMetadata>
  /** As registerGroup, for a transactional id; answers the effective broker configuration. */
  registerTransaction(entry: TransactionEntry): Promise<Readonly<Record<string, string>>>
  removeTransaction(transactionalId: string): Promise<void>
  /** The directory, sorted by transactional id. */
  listTransactions(): Promise<readonly TransactionEntry[]>
  /** Resolves when a write has just become durable; rejects when none does. At most one a second is made. */
  proveWritable(): Promise<void>
  features(): Promise<FinalizedFeatures>
  updateFeatures(request: UpdateFeaturesRequest, version: number): Promise<UpdateFeaturesResponse>
  listConfigResources(
    request: ListConfigResourcesRequest,
    version: number,
  ): Promise<ListConfigResourcesResponse>
  /** Effective broker configuration by Kafka's names (static, dynamic, defaults), for the broker's own use. */
  brokerConfigs(): Promise<Readonly<Record<string, string>>>
}
