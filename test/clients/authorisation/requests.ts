// Requests of the authorisation matrix that take some lines. What they name is in world.ts; none waits.

import { ZERO_TOPIC_ID } from '../../../src/core/ids.ts'
import type { AddOffsetsToTxn } from '../../../src/protocol/messages/add-offsets-to-txn.ts'
import type { AddPartitionsToTxn } from '../../../src/protocol/messages/add-partitions-to-txn.ts'
import type { AlterClientQuotas } from '../../../src/protocol/messages/alter-client-quotas.ts'
import type { AlterConfigs } from '../../../src/protocol/messages/alter-configs.ts'
import type { AlterPartitionReassignments } from '../../../src/protocol/messages/alter-partition-reassignments.ts'
import type { AlterUserScramCredentials } from '../../../src/protocol/messages/alter-user-scram-credentials.ts'
import type { ConsumerGroupHeartbeat } from '../../../src/protocol/messages/consumer-group-heartbeat.ts'
import type { CreateAcls } from '../../../src/protocol/messages/create-acls.ts'
import type { CreatePartitions } from '../../../src/protocol/messages/create-partitions.ts'
import type { CreateTopics } from '../../../src/protocol/messages/create-topics.ts'
import type { DeleteAcls } from '../../../src/protocol/messages/delete-acls.ts'
import type { DeleteRecords } from '../../../src/protocol/messages/delete-records.ts'
import type { DeleteTopics } from '../../../src/protocol/messages/delete-topics.ts'
import type { DescribeAcls } from '../../../src/protocol/messages/describe-acls.ts'
import type { DescribeConfigs } from '../../../src/protocol/messages/describe-configs.ts'
import type { DescribeProducers } from '../../../src/protocol/messages/describe-producers.ts'
import type { DescribeQuorum } from '../../../src/protocol/messages/describe-quorum.ts'
import type { DescribeTopicPartitions } from '../../../src/protocol/messages/describe-topic-partitions.ts'
import type { DescribeUserScramCredentials } from '../../../src/protocol/messages/describe-user-scram-credentials.ts'
import type { ElectLeaders } from '../../../src/protocol/messages/elect-leaders.ts'
import type { EndTxn } from '../../../src/protocol/messages/end-txn.ts'
import type { Fetch } from '../../../src/protocol/messages/fetch.ts'
import type { IncrementalAlterConfigs } from '../../../src/protocol/messages/incremental-alter-configs.ts'
import type { JoinGroup } from '../../../src/protocol/messages/join-group.ts'
import type { ListOffsets } from '../../../src/protocol/messages/list-offsets.ts'
import type { Metadata } from '../../../src/protocol/messages/metadata.ts'
import type { OffsetCommit } from '../../../src/protocol/messages/offset-commit.ts'
import type { OffsetDelete } from '../../../src/protocol/messages/offset-delete.ts'
import type { OffsetFetch } from '../../../src/protocol/messages/offset-fetch.ts'
import type { OffsetForLeaderEpoch } from '../../../src/protocol/messages/offset-for-leader-epoch.ts'
import type { Produce } from '../../../src/protocol/messages/produce.ts'
import type { SyncGroup } from '../../../src/protocol/messages/sync-group.ts'
import type { TxnOffsetCommit } from '../../../src/protocol/messages/txn-offset-commit.ts'
import type { UpdateFeatures } from '../../../src/protocol/messages/update-features.ts'
import type { WriteTxnMarkers } from '../../../src/protocol/messages/write-txn-markers.ts'
import type { RequestToSend } from '../../../src/protocol/schema.ts'
import { batch } from '../batches.ts'
import type { World } from './case.ts'

type Names = readonly string[]
/** Kafka's type of a configured thing, and its name. */
type Configured = readonly (readonly [type: number, name: string])[]

/** Who asks about a transaction has the wrong producer id, so that nothing goes on in it. */
const producer = { producerId: 4_000_000n, producerEpoch: 0 }
const ofTransaction = { transactionalId: 'seen', ...producer }
const timed = { timeoutMs: 10_000 }

export function produce(
  names: Names,
  { acks = 1, transactionalId = null }: { acks?: number; transactionalId?: string | null } = {},
): RequestToSend<typeof Produce> {
  const transactional = transactionalId === null ? {} : { attributes: 0x10, baseSequence: 0 }
  const records = batch({
    records: [{ value: 'v' }],
    ...(transactionalId === null ? {} : producer),
    ...transactional,
  })
  const topicData = names.map((name) => ({ name, partitionData: [{ index: 0, records }] }))
  return { acks, transactionalId, ...timed, topicData }
}

export function produceById(names: Names): (world: World) => RequestToSend<typeof Produce> {
  const records = batch({ records: [{ value: 'v' }] })
  return (world) => ({
    acks: 1,
    ...timed,
    topicData: names.map((name) => ({
      topicId: world.topicId(name),
      partitionData: [{ index: 0, records }],
    })),
  })
}

const fetched = { maxWaitMs: 0, minBytes: 0, maxBytes: 1_000_000 }
const position = { partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000 }

export function fetch(names: Names): RequestToSend<typeof Fetch> {
  return { ...fetched, topics: names.map((name) => ({ topic: name, partitions: [position] })) }
}

export function fetchById(names: Names): (world: World) => RequestToSend<typeof Fetch> {
  return (world) => ({
    ...fetched,
    topics: names.map((name) => ({ topicId: world.topicId(name), partitions: [position] })),
  })
}

export function listOffsets(names: Names): RequestToSend<typeof ListOffsets> {
  const partitions = [{ partitionIndex: 0, timestamp: -2 }]
  return { replicaId: -1, topics: names.map((name) => ({ name, partitions })) }
}

export function metadata(
  names: Names | null,
  asked: Partial<RequestToSend<typeof Metadata>> = {},
): RequestToSend<typeof Metadata> {
  const topics = names?.map((name) => ({ name })) ?? null
  return { topics, allowAutoTopicCreation: false, includeTopicAuthorizedOperations: true, ...asked }
}

const commit = { partitionIndex: 0, committedOffset: 1, committedMetadata: null }

export function offsetCommit(names: Names): RequestToSend<typeof OffsetCommit> {
  const topics = names.map((name) => ({ name, partitions: [commit] }))
  return { groupId: 'seen', memberId: '', topics }
}

export function txnOffsetCommit(names: Names): RequestToSend<typeof TxnOffsetCommit> {
  const topics = names.map((name) => ({ name, partitions: [commit] }))
  return { ...ofTransaction, groupId: 'seen', topics }
}

export function offsetFetch(names: Names | null): RequestToSend<typeof OffsetFetch> {
  const topics = names?.map((name) => ({ name, partitionIndexes: [0] })) ?? null
  return { groups: [{ groupId: 'seen', topics }] }
}

export function offsetFetchOfOne(names: Names): RequestToSend<typeof OffsetFetch> {
  return { groupId: 'seen', topics: names.map((name) => ({ name, partitionIndexes: [0] })) }
}

export function offsetDelete(names: Names): RequestToSend<typeof OffsetDelete> {
  const partitions = [{ partitionIndex: 0 }]
  return { groupId: 'emptied', topics: names.map((name) => ({ name, partitions })) }
}

/** A first join without a member id, which is given one and asked to come again. */
export function joinGroup(): RequestToSend<typeof JoinGroup> {
  return {
    groupId: 'joined',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    memberId: '',
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: new Uint8Array(0) }],
  }
}

export function syncGroup(): RequestToSend<typeof SyncGroup> {
  return {
    groupId: 'seen',
    generationId: 1,
    memberId: 'm',
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: [],
  }
}

/** A member that is not there. */
export function consumerHeartbeat(name: string): RequestToSend<typeof ConsumerGroupHeartbeat> {
  return {
    groupId: 'joined',
    memberId: 'm',
    memberEpoch: 5,
    subscribedTopicNames: [name],
    topicPartitions: [],
  }
}

export function createTopics(
  names: Names,
  validateOnly = true,
): RequestToSend<typeof CreateTopics> {
  const configs = [{ name: 'retention.ms', value: '1000' }]
  const topics = names.map((name) => ({
    name,
    numPartitions: 1,
    replicationFactor: 1,
    assignments: [],
    configs,
  }))
  return { topics, ...timed, validateOnly }
}

export function deleteTopics(names: Names): RequestToSend<typeof DeleteTopics> {
  return { topics: names.map((name) => ({ name, topicId: ZERO_TOPIC_ID })), ...timed }
}

/** Wrong as it is with the id; alone it is a topic's name. */
export function deleteTopicWithAndWithoutId(
  name: string,
): (world: World) => RequestToSend<typeof DeleteTopics> {
  return (world) => ({
    topics: [
      { name, topicId: ZERO_TOPIC_ID },
      { name, topicId: world.topicId(name) },
    ],
    ...timed,
  })
}

export function deleteTopicsById(
  names: Names,
): (world: World) => RequestToSend<typeof DeleteTopics> {
  return (world) => ({
    topics: names.map((name) => ({ name: null, topicId: world.topicId(name) })),
    ...timed,
  })
}

export function deleteRecords(names: Names): RequestToSend<typeof DeleteRecords> {
  const partitions = [{ partitionIndex: 0, offset: 0 }]
  return { topics: names.map((name) => ({ name, partitions })), ...timed }
}

export function offsetForLeaderEpoch(names: Names): RequestToSend<typeof OffsetForLeaderEpoch> {
  return {
    topics: names.map((one) => ({ topic: one, partitions: [{ partition: 0, leaderEpoch: 0 }] })),
  }
}

export function addPartitions(names: Names): RequestToSend<typeof AddPartitionsToTxn> {
  return {
    v3AndBelowTransactionalId: 'seen',
    v3AndBelowProducerId: producer.producerId,
    v3AndBelowProducerEpoch: 0,
    v3AndBelowTopics: names.map((name) => ({ name, partitions: [0] })),
  }
}

export function addPartitionsBatched(names: Names): RequestToSend<typeof AddPartitionsToTxn> {
  const topics = names.map((name) => ({ name, partitions: [0] }))
  return { transactions: [{ ...ofTransaction, verifyOnly: false, topics }] }
}

export function addOffsets(): RequestToSend<typeof AddOffsetsToTxn> {
  return { ...ofTransaction, groupId: 'seen' }
}

export function endTxn(): RequestToSend<typeof EndTxn> {
  return { ...ofTransaction, committed: true }
}

export function writeTxnMarkers(names: Names): RequestToSend<typeof WriteTxnMarkers> {
  const topics = names.map((name) => ({ name, partitionIndexes: [0] }))
  return { markers: [{ ...producer, transactionResult: false, topics, coordinatorEpoch: 0 }] }
}

const rule = { principal: 'User:somebody', host: '*', operation: 3, permissionType: 3 }

export function createAcls(): RequestToSend<typeof CreateAcls> {
  return { creations: [{ resourceType: 2, resourceName: 'any', ...rule }] }
}

const filter = {
  resourceTypeFilter: 2,
  resourceNameFilter: 'any',
  principalFilter: 'User:somebody',
}
const rest = { hostFilter: null, operation: 1, permissionType: 1 }

export function describeAcls(): RequestToSend<typeof DescribeAcls> {
  return { ...filter, ...rest }
}

export function deleteAcls(): RequestToSend<typeof DeleteAcls> {
  return { filters: [{ ...filter, ...rest }] }
}

const resources = (named: Configured) =>
  named.map(([resourceType, resourceName]) => ({ resourceType, resourceName }))

export function describeConfigs(named: Configured): RequestToSend<typeof DescribeConfigs> {
  const configurationKeys = ['cleanup.policy']
  return { resources: resources(named).map((one) => ({ ...one, configurationKeys })) }
}

export function alterConfigs(named: Configured): RequestToSend<typeof AlterConfigs> {
  return { resources: resources(named).map((one) => ({ ...one, configs: [] })), validateOnly: true }
}

export function incrementalAlterConfigs(
  named: Configured,
): RequestToSend<typeof IncrementalAlterConfigs> {
  return { resources: resources(named).map((one) => ({ ...one, configs: [] })), validateOnly: true }
}

export function createPartitions(names: Names): RequestToSend<typeof CreatePartitions> {
  const topics = names.map((name) => ({ name, count: 3, assignments: null }))
  return { topics, ...timed, validateOnly: true }
}

export function electLeaders(): RequestToSend<typeof ElectLeaders> {
  return { electionType: 0, topicPartitions: [{ topic: 'seen', partitions: [0] }], ...timed }
}

export function alterReassignments(): RequestToSend<typeof AlterPartitionReassignments> {
  const topics = [{ name: 'seen', partitions: [{ partitionIndex: 0, replicas: null }] }]
  return { topics, ...timed }
}

export function alterQuotas(): RequestToSend<typeof AlterClientQuotas> {
  const entity = [{ entityType: 'user', entityName: 'somebody' }]
  const ops = [{ key: 'consumer_byte_rate', value: 1_000_000, remove: false }]
  return { entries: [{ entity, ops }], validateOnly: true }
}

export function describeScram(): RequestToSend<typeof DescribeUserScramCredentials> {
  return { users: [{ name: 'nobody' }] }
}

export function alterScram(): RequestToSend<typeof AlterUserScramCredentials> {
  return { deletions: [{ name: 'nobody', mechanism: 1 }], upsertions: [] }
}

export function describeQuorum(): RequestToSend<typeof DescribeQuorum> {
  const partitions = [{ partitionIndex: 0 }]
  return { topics: [{ topicName: '__cluster_metadata', partitions }] }
}

export function updateFeatures(): RequestToSend<typeof UpdateFeatures> {
  const update = { feature: 'no.feature', maxVersionLevel: 1, upgradeType: 1 }
  return { featureUpdates: [update], ...timed, validateOnly: true }
}

export function describeProducers(name: string): RequestToSend<typeof DescribeProducers> {
  return { topics: [{ name, partitionIndexes: [0] }] }
}

export function describePartitions(names: Names): RequestToSend<typeof DescribeTopicPartitions> {
  return { topics: names.map((name) => ({ name })), responsePartitionLimit: 100, cursor: null }
}
