// The table of APIs this broker serves: a message, its handler, nothing else. ApiVersions, the
// connection and the HTTP face all go by it. To serve another API: its message file, its handler
// file, a row here, its vectors.

import { AddOffsetsToTxn } from '../protocol/messages/add-offsets-to-txn.ts'
import { AddPartitionsToTxn } from '../protocol/messages/add-partitions-to-txn.ts'
import { AlterClientQuotas } from '../protocol/messages/alter-client-quotas.ts'
import { AlterConfigs } from '../protocol/messages/alter-configs.ts'
import { AlterPartitionReassignments } from '../protocol/messages/alter-partition-reassignments.ts'
import { AlterUserScramCredentials } from '../protocol/messages/alter-user-scram-credentials.ts'
import { ApiVersions } from '../protocol/messages/api-versions.ts'
import { ConsumerGroupDescribe } from '../protocol/messages/consumer-group-describe.ts'
import { ConsumerGroupHeartbeat } from '../protocol/messages/consumer-group-heartbeat.ts'
import { CreateAcls } from '../protocol/messages/create-acls.ts'
import { CreatePartitions } from '../protocol/messages/create-partitions.ts'
import { CreateTopics } from '../protocol/messages/create-topics.ts'
import { DeleteAcls } from '../protocol/messages/delete-acls.ts'
import { DeleteGroups } from '../protocol/messages/delete-groups.ts'
import { DeleteRecords } from '../protocol/messages/delete-records.ts'
import { DeleteTopics } from '../protocol/messages/delete-topics.ts'
import { DescribeAcls } from '../protocol/messages/describe-acls.ts'
import { DescribeClientQuotas } from '../protocol/messages/describe-client-quotas.ts'
import { DescribeCluster } from '../protocol/messages/describe-cluster.ts'
import { DescribeConfigs } from '../protocol/messages/describe-configs.ts'
import { DescribeGroups } from '../protocol/messages/describe-groups.ts'
import { DescribeLogDirs } from '../protocol/messages/describe-log-dirs.ts'
import { DescribeProducers } from '../protocol/messages/describe-producers.ts'
import { DescribeQuorum } from '../protocol/messages/describe-quorum.ts'
import { DescribeTopicPartitions } from '../protocol/messages/describe-topic-partitions.ts'
import { DescribeTransactions } from '../protocol/messages/describe-transactions.ts'
import { DescribeUserScramCredentials } from '../protocol/messages/describe-user-scram-credentials.ts'
import { ElectLeaders } from '../protocol/messages/elect-leaders.ts'
import { EndTxn } from '../protocol/messages/end-txn.ts'
import { Fetch } from '../protocol/messages/fetch.ts'
import { FindCoordinator } from '../protocol/messages/find-coordinator.ts'
import { Heartbeat } from '../protocol/messages/heartbeat.ts'
import { IncrementalAlterConfigs } from '../protocol/messages/incremental-alter-configs.ts'
import { InitProducerId } from '../protocol/messages/init-producer-id.ts'
import { JoinGroup } from '../protocol/messages/join-group.ts'
import { LeaveGroup } from '../protocol/messages/leave-group.ts'
import { ListConfigResources } from '../protocol/messages/list-config-resources.ts'
import { ListGroups } from '../protocol/messages/list-groups.ts'
import { ListOffsets } from '../protocol/messages/list-offsets.ts'
import { ListPartitionReassignments } from '../protocol/messages/list-partition-reassignments.ts'
import { ListTransactions } from '../protocol/messages/list-transactions.ts'
import { Metadata } from '../protocol/messages/metadata.ts'
import { OffsetCommit } from '../protocol/messages/offset-commit.ts'
import { OffsetDelete } from '../protocol/messages/offset-delete.ts'
import { OffsetFetch } from '../protocol/messages/offset-fetch.ts'
import { OffsetForLeaderEpoch } from '../protocol/messages/offset-for-leader-epoch.ts'
import { Produce } from '../protocol/messages/produce.ts'
import { SaslAuthenticate } from '../protocol/messages/sasl-authenticate.ts'
import { SaslHandshake } from '../protocol/messages/sasl-handshake.ts'
import { SyncGroup } from '../protocol/messages/sync-group.ts'
import { TxnOffsetCommit } from '../protocol/messages/txn-offset-commit.ts'
import { UpdateFeatures } from '../protocol/messages/update-features.ts'
import { WriteTxnMarkers } from '../protocol/messages/write-txn-markers.ts'
import type { AnyApi, RequestOf, ResponseOf } from '../protocol/schema.ts'
import type { ApiTable, ServedApi } from './api-table.ts'
import type { Call } from './call.ts'
import type { BrokerContext, Handling } from './context.ts'
import { addOffsetsToTxn } from './handlers/add-offsets-to-txn.ts'
import { addPartitionsToTxn } from './handlers/add-partitions-to-txn.ts'
import { alterClientQuotas } from './handlers/alter-client-quotas.ts'
import { alterConfigs } from './handlers/alter-configs.ts'
import { alterPartitionReassignments } from './handlers/alter-partition-reassignments.ts'
import { alterUserScramCredentials } from './handlers/alter-user-scram-credentials.ts'
import { apiVersions } from './handlers/api-versions.ts'
import { consumerGroupDescribe } from './handlers/consumer-group-describe.ts'
import { consumerGroupHeartbeat } from './handlers/consumer-group-heartbeat.ts'
import { createAcls } from './handlers/create-acls.ts'
import { createPartitions } from './handlers/create-partitions.ts'
import { createTopics } from './handlers/create-topics.ts'
import { deleteAcls } from './handlers/delete-acls.ts'
import { deleteGroups } from './handlers/delete-groups.ts'
import { deleteRecords } from './handlers/delete-records.ts'
import { deleteTopics } from './handlers/delete-topics.ts'
import { describeAcls } from './handlers/describe-acls.ts'
import { describeClientQuotas } from './handlers/describe-client-quotas.ts'
import { describeCluster } from './handlers/describe-cluster.ts'
import { describeConfigs } from './handlers/describe-configs.ts'
import { describeGroups } from './handlers/describe-groups.ts'
import { describeLogDirs } from './handlers/describe-log-dirs.ts'
import { describeProducers } from './handlers/describe-producers.ts'
import { describeQuorum } from './handlers/describe-quorum.ts'
import { describeTopicPartitions } from './handlers/describe-topic-partitions.ts'
import { describeTransactions } from './handlers/describe-transactions.ts'
import { describeUserScramCredentials } from './handlers/describe-user-scram-credentials.ts'
import { electLeaders } from './handlers/elect-leaders.ts'
import { endTxn } from './handlers/end-txn.ts'
import { fetch } from './handlers/fetch.ts'
import { findCoordinator } from './handlers/find-coordinator.ts'
import { heartbeat } from './handlers/heartbeat.ts'
import { incrementalAlterConfigs } from './handlers/incremental-alter-configs.ts'
import { initProducerId } from './handlers/init-producer-id.ts'
import { joinGroup } from './handlers/join-group.ts'
import { leaveGroup } from './handlers/leave-group.ts'
import { listConfigResources } from './handlers/list-config-resources.ts'
import { listGroups } from './handlers/list-groups.ts'
import { listOffsets } from './handlers/list-offsets.ts'
import { listPartitionReassignments } from './handlers/list-partition-reassignments.ts'
import { listTransactions } from './handlers/list-transactions.ts'
import { metadata } from './handlers/metadata.ts'
import { offsetCommit } from './handlers/offset-commit.ts'
import { offsetDelete } from './handlers/offset-delete.ts'
import { offsetFetch } from './handlers/offset-fetch.ts'
import { offsetForLeaderEpoch } from './handlers/offset-for-leader-epoch.ts'
import { produce } from './handlers/produce.ts'
import { saslAuthenticate } from './handlers/sasl-authenticate.ts'
import { saslHandshake } from './handlers/sasl-handshake.ts'
import { syncGroup } from './handlers/sync-group.ts'
import { txnOffsetCommit } from './handlers/txn-offset-commit.ts'
import { updateFeatures } from './handlers/update-features.ts'
import { writeTxnMarkers } from './handlers/write-txn-markers.ts'

/** Every API served. */
export const APIS: ApiTable = table([
  // KAFKA-18659: librdkafka before 2.11 turns compression off unless Produce starts at 0.
  { ...overlapping(Produce, produce), advertisedFrom: 0 },
  overlapping(Fetch, fetch),
  ordered(ListOffsets, listOffsets),
  ordered(Metadata, metadata),
  overlapping(OffsetCommit, offsetCommit),
  ordered(OffsetFetch, offsetFetch),
  ordered(FindCoordinator, findCoordinator),
  overlapping(JoinGroup, joinGroup),
  ordered(Heartbeat, heartbeat),
  ordered(LeaveGroup, leaveGroup),
  overlapping(SyncGroup, syncGroup),
  ordered(DescribeGroups, describeGroups),
  ordered(ListGroups, listGroups),
  ordered(SaslHandshake, saslHandshake),
  ordered(ApiVersions, (request, call, context) => apiVersions(APIS, request, call, context)),
  ordered(CreateTopics, createTopics),
  ordered(DeleteTopics, deleteTopics),
  ordered(DeleteRecords, deleteRecords),
  ordered(InitProducerId, initProducerId),
  ordered(OffsetForLeaderEpoch, offsetForLeaderEpoch),
  ordered(AddPartitionsToTxn, addPartitionsToTxn),
  ordered(AddOffsetsToTxn, addOffsetsToTxn),
  ordered(EndTxn, endTxn),
  ordered(WriteTxnMarkers, writeTxnMarkers),
  ordered(TxnOffsetCommit, txnOffsetCommit),
  ordered(DescribeAcls, describeAcls),
  ordered(CreateAcls, createAcls),
  ordered(DeleteAcls, deleteAcls),
  ordered(DescribeConfigs, describeConfigs),
  ordered(AlterConfigs, alterConfigs),
  ordered(DescribeLogDirs, describeLogDirs),
  ordered(SaslAuthenticate, saslAuthenticate),
  ordered(CreatePartitions, createPartitions),
  ordered(DeleteGroups, deleteGroups),
  ordered(ElectLeaders, electLeaders),
  ordered(IncrementalAlterConfigs, incrementalAlterConfigs),
  ordered(OffsetDelete, offsetDelete),
  ordered(AlterPartitionReassignments, alterPartitionReassignments),
  ordered(ListPartitionReassignments, listPartitionReassignments),
  ordered(DescribeClientQuotas, describeClientQuotas),
  ordered(AlterClientQuotas, alterClientQuotas),
  ordered(DescribeUserScramCredentials, describeUserScramCredentials),
  ordered(AlterUserScramCredentials, alterUserScramCredentials),
  ordered(DescribeQuorum, describeQuorum),
  ordered(UpdateFeatures, updateFeatures),
  ordered(DescribeCluster, describeCluster),
  ordered(DescribeProducers, describeProducers),
  ordered(DescribeTransactions, describeTransactions),
  ordered(ListTransactions, listTransactions),
  ordered(ConsumerGroupHeartbeat, consumerGroupHeartbeat),
  ordered(ConsumerGroupDescribe, consumerGroupDescribe),
  ordered(ListConfigResources, listConfigResources),
  ordered(DescribeTopicPartitions, describeTopicPartitions),
])

function table(rows: readonly ServedApi[]): ApiTable {
  return new Map(rows.map((row) => [row.api.key, row]))
}

/** The row's types are checked here; the table forgets them. */
function ordered<A extends AnyApi>(
  api: A,
  run: (request: RequestOf<A>, call: Call, context: BrokerContext) => Promise<ResponseOf<A>>,
): ServedApi {
  const handle = { kind: 'ordered', run: run as never } as const
  return { api, handle }
}

function overlapping<A extends AnyApi>(
  api: A,
  run: (request: RequestOf<A>, call: Call, context: BrokerContext) => Handling<ResponseOf<A>>,
): ServedApi {
  const handle = { kind: 'overlapping', run: run as never } as const
  return { api, handle }
}
