// What each API needs: a row per API that the broker serves (the test fails for one that has none). The topics, groups
// and transactional ids are those of world.ts; what a request would remove when it is allowed is its own.

import { AddOffsetsToTxn } from '../../../src/protocol/messages/add-offsets-to-txn.ts'
import { AddPartitionsToTxn } from '../../../src/protocol/messages/add-partitions-to-txn.ts'
import { AlterClientQuotas } from '../../../src/protocol/messages/alter-client-quotas.ts'
import { AlterConfigs } from '../../../src/protocol/messages/alter-configs.ts'
import { AlterPartitionReassignments } from '../../../src/protocol/messages/alter-partition-reassignments.ts'
import { AlterUserScramCredentials } from '../../../src/protocol/messages/alter-user-scram-credentials.ts'
import { ApiVersions } from '../../../src/protocol/messages/api-versions.ts'
import { ConsumerGroupDescribe } from '../../../src/protocol/messages/consumer-group-describe.ts'
import { ConsumerGroupHeartbeat } from '../../../src/protocol/messages/consumer-group-heartbeat.ts'
import { CreateAcls } from '../../../src/protocol/messages/create-acls.ts'
import { CreatePartitions } from '../../../src/protocol/messages/create-partitions.ts'
import { CreateTopics } from '../../../src/protocol/messages/create-topics.ts'
import { DeleteAcls } from '../../../src/protocol/messages/delete-acls.ts'
import { DeleteGroups } from '../../../src/protocol/messages/delete-groups.ts'
import { DeleteRecords } from '../../../src/protocol/messages/delete-records.ts'
import { DeleteTopics } from '../../../src/protocol/messages/delete-topics.ts'
import { DescribeAcls } from '../../../src/protocol/messages/describe-acls.ts'
import { DescribeClientQuotas } from '../../../src/protocol/messages/describe-client-quotas.ts'
import { DescribeCluster } from '../../../src/protocol/messages/describe-cluster.ts'
import { DescribeConfigs } from '../../../src/protocol/messages/describe-configs.ts'
import { DescribeGroups } from '../../../src/protocol/messages/describe-groups.ts'
import { DescribeLogDirs } from '../../../src/protocol/messages/describe-log-dirs.ts'
import { DescribeProducers } from '../../../src/protocol/messages/describe-producers.ts'
import { DescribeQuorum } from '../../../src/protocol/messages/describe-quorum.ts'
import { DescribeTopicPartitions } from '../../../src/protocol/messages/describe-topic-partitions.ts'
import { DescribeTransactions } from '../../../src/protocol/messages/describe-transactions.ts'
import { DescribeUserScramCredentials } from '../../../src/protocol/messages/describe-user-scram-credentials.ts'
import { ElectLeaders } from '../../../src/protocol/messages/elect-leaders.ts'
import { EndTxn } from '../../../src/protocol/messages/end-txn.ts'
import { Fetch } from '../../../src/protocol/messages/fetch.ts'
import { FindCoordinator } from '../../../src/protocol/messages/find-coordinator.ts'
import { Heartbeat } from '../../../src/protocol/messages/heartbeat.ts'
import { IncrementalAlterConfigs } from '../../../src/protocol/messages/incremental-alter-configs.ts'
import { InitProducerId } from '../../../src/protocol/messages/init-producer-id.ts'
import { JoinGroup } from '../../../src/protocol/messages/join-group.ts'
import { LeaveGroup } from '../../../src/protocol/messages/leave-group.ts'
import { ListConfigResources } from '../../../src/protocol/messages/list-config-resources.ts'
import { ListGroups } from '../../../src/protocol/messages/list-groups.ts'
import { ListOffsets } from '../../../src/protocol/messages/list-offsets.ts'
import { ListPartitionReassignments } from '../../../src/protocol/messages/list-partition-reassignments.ts'
import { ListTransactions } from '../../../src/protocol/messages/list-transactions.ts'
import { Metadata } from '../../../src/protocol/messages/metadata.ts'
import { OffsetCommit } from '../../../src/protocol/messages/offset-commit.ts'
import { OffsetDelete } from '../../../src/protocol/messages/offset-delete.ts'
import { OffsetFetch } from '../../../src/protocol/messages/offset-fetch.ts'
import { OffsetForLeaderEpoch } from '../../../src/protocol/messages/offset-for-leader-epoch.ts'
import { Produce } from '../../../src/protocol/messages/produce.ts'
import { SyncGroup } from '../../../src/protocol/messages/sync-group.ts'
import { TxnOffsetCommit } from '../../../src/protocol/messages/txn-offset-commit.ts'
import { UpdateFeatures } from '../../../src/protocol/messages/update-features.ts'
import { WriteTxnMarkers } from '../../../src/protocol/messages/write-txn-markers.ts'
import { Operation } from '../../../src/security/access.ts'
import { ALL_OPERATIONS } from '../../../src/security/acl.ts'
import { allow, CLUSTER, deny, group, type Row, row, topic, transaction } from './case.ts'
import * as requests from './requests.ts'

const { READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE } = Operation
const { DESCRIBE_CONFIGS, ALTER_CONFIGS, IDEMPOTENT_WRITE, CLUSTER_ACTION } = Operation

const ofTopic = (...operations: Operation[]) => operations.map((one) => allow(one, topic('seen')))
const ofGroup = (operation: Operation) => allow(operation, group('seen'))
const ofTransaction = (operation: Operation) => allow(operation, transaction('seen'))
const ofCluster = (operation: Operation) => [allow(operation, CLUSTER)]

/** Of every API but those by which a client says who it is. */
export const ROWS: readonly Row[] = [
  row(Produce, 9, requests.produce(['seen']), ofTopic(WRITE)),
  row(Fetch, 12, requests.fetch(['seen']), ofTopic(READ)),
  row(ListOffsets, 7, requests.listOffsets(['seen']), ofTopic(DESCRIBE)),
  row(Metadata, 9, requests.metadata(['seen']), ofTopic(DESCRIBE)),
  row(OffsetCommit, 8, requests.offsetCommit(['seen']), [ofGroup(READ), ...ofTopic(READ)]),
  row(OffsetFetch, 8, requests.offsetFetch(['seen']), [ofGroup(DESCRIBE), ...ofTopic(DESCRIBE)]),
  row(FindCoordinator, 4, { keyType: 0, coordinatorKeys: ['seen'] }, [ofGroup(DESCRIBE)]),
  row(JoinGroup, 9, requests.joinGroup(), [allow(READ, group('joined'))]),
  row(Heartbeat, 4, { groupId: 'seen', generationId: 1, memberId: 'm' }, [ofGroup(READ)]),
  row(
    LeaveGroup,
    5,
    { groupId: 'seen', members: [{ memberId: 'm', groupInstanceId: null, reason: null }] },
    [ofGroup(READ)],
  ),
  row(SyncGroup, 5, requests.syncGroup(), [ofGroup(READ)]),
  row(DescribeGroups, 5, { groups: ['seen'], includeAuthorizedOperations: true }, [
    ofGroup(DESCRIBE),
  ]),
  row(
    ListGroups,
    5,
    { statesFilter: [], typesFilter: [] },
    [ofGroup(DESCRIBE)],
    [deny(DESCRIBE, group('*')), deny(DESCRIBE, CLUSTER)],
  ),
  row(ApiVersions, 3, { clientSoftwareName: 'a', clientSoftwareVersion: '1' }, []),
  row(
    CreateTopics,
    7,
    requests.createTopics(['created']),
    [allow(CREATE, topic('created')), allow(DESCRIBE_CONFIGS, topic('created'))],
    [deny(CREATE, topic('created')), deny(CREATE, CLUSTER)],
  ),
  row(
    DeleteTopics,
    6,
    requests.deleteTopics(['doomed']),
    [allow(DELETE, topic('doomed'))],
    [deny(DELETE, topic('doomed')), deny(DELETE, CLUSTER)],
  ),
  row(DeleteRecords, 2, requests.deleteRecords(['seen']), ofTopic(DELETE)),
  row(
    InitProducerId,
    4,
    { transactionalId: null, transactionTimeoutMs: 1_000 },
    ofCluster(IDEMPOTENT_WRITE),
    [deny(IDEMPOTENT_WRITE, CLUSTER), deny(WRITE, topic('*'))],
  ),
  row(OffsetForLeaderEpoch, 4, requests.offsetForLeaderEpoch(['seen']), ofTopic(DESCRIBE), [
    deny(DESCRIBE, topic('seen')),
    deny(CLUSTER_ACTION, CLUSTER),
  ]),
  row(AddPartitionsToTxn, 3, requests.addPartitions(['seen']), [
    ofTransaction(WRITE),
    ...ofTopic(WRITE),
  ]),
  row(AddOffsetsToTxn, 3, requests.addOffsets(), [ofTransaction(WRITE), ofGroup(READ)]),
  row(EndTxn, 3, requests.endTxn(), [ofTransaction(WRITE)]),
  row(WriteTxnMarkers, 1, requests.writeTxnMarkers(['seen']), ofCluster(ALTER), [
    deny(ALTER, CLUSTER),
    deny(CLUSTER_ACTION, CLUSTER),
  ]),
  row(TxnOffsetCommit, 3, requests.txnOffsetCommit(['seen']), [
    ofTransaction(WRITE),
    ofGroup(READ),
    ...ofTopic(READ),
  ]),
  row(DescribeAcls, 3, requests.describeAcls(), ofCluster(DESCRIBE)),
  row(CreateAcls, 3, requests.createAcls(), ofCluster(ALTER)),
  row(DeleteAcls, 3, requests.deleteAcls(), ofCluster(ALTER)),
  row(DescribeConfigs, 4, requests.describeConfigs([[2, 'seen']]), ofTopic(DESCRIBE_CONFIGS)),
  row(AlterConfigs, 2, requests.alterConfigs([[2, 'seen']]), ofTopic(ALTER_CONFIGS)),
  row(DescribeLogDirs, 4, { topics: null }, ofCluster(DESCRIBE)),
  row(CreatePartitions, 3, requests.createPartitions(['seen']), ofTopic(ALTER)),
  row(DeleteGroups, 2, { groupsNames: ['doomed'] }, [allow(DELETE, group('doomed'))]),
  row(ElectLeaders, 2, requests.electLeaders(), ofCluster(ALTER)),
  row(
    IncrementalAlterConfigs,
    1,
    requests.incrementalAlterConfigs([[2, 'seen']]),
    ofTopic(ALTER_CONFIGS),
  ),
  row(OffsetDelete, 0, requests.offsetDelete(['seen']), [
    allow(DELETE, group('emptied')),
    ...ofTopic(READ),
  ]),
  row(AlterPartitionReassignments, 1, requests.alterReassignments(), ofCluster(ALTER)),
  row(ListPartitionReassignments, 0, { topics: null }, ofCluster(DESCRIBE)),
  row(DescribeClientQuotas, 1, { components: [], strict: false }, ofCluster(DESCRIBE_CONFIGS)),
  row(AlterClientQuotas, 1, requests.alterQuotas(), ofCluster(ALTER_CONFIGS)),
  row(DescribeUserScramCredentials, 0, requests.describeScram(), ofCluster(DESCRIBE)),
  row(AlterUserScramCredentials, 0, requests.alterScram(), ofCluster(ALTER)),
  row(DescribeQuorum, 2, requests.describeQuorum(), ofCluster(DESCRIBE)),
  row(UpdateFeatures, 1, requests.updateFeatures(), ofCluster(ALTER)),
  row(DescribeCluster, 1, { includeClusterAuthorizedOperations: true }, ofCluster(DESCRIBE)),
  row(DescribeProducers, 0, requests.describeProducers('seen'), ofTopic(READ)),
  row(DescribeTransactions, 0, { transactionalIds: ['seen'] }, [ofTransaction(DESCRIBE)]),
  row(ListTransactions, 1, { stateFilters: [], producerIdFilters: [] }, [ofTransaction(DESCRIBE)]),
  row(ConsumerGroupHeartbeat, 0, requests.consumerHeartbeat('seen'), [
    allow(READ, group('joined')),
    ...ofTopic(DESCRIBE),
  ]),
  row(ConsumerGroupDescribe, 0, { groupIds: ['next'], includeAuthorizedOperations: true }, [
    allow(DESCRIBE, group('next')),
    ...ofTopic(DESCRIBE),
  ]),
  row(ListConfigResources, 1, { resourceTypes: [2] }, ofCluster(DESCRIBE_CONFIGS)),
  row(DescribeTopicPartitions, 0, requests.describePartitions(['seen']), ofTopic(DESCRIBE)),
]

/** What a user of the denied column has: all, but what is denied it. */
export const EVERYTHING = [
  allow(ALL_OPERATIONS, topic('*')),
  allow(ALL_OPERATIONS, group('*')),
  allow(ALL_OPERATIONS, transaction('*')),
  allow(ALL_OPERATIONS, CLUSTER),
]
