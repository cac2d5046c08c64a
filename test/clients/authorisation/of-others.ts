// What rules do to APIs of groups, transactions, configurations and the cluster: what these show, hide and divide.

import { AddPartitionsToTxn } from '../../../src/protocol/messages/add-partitions-to-txn.ts'
import { AlterConfigs } from '../../../src/protocol/messages/alter-configs.ts'
import { ConsumerGroupDescribe } from '../../../src/protocol/messages/consumer-group-describe.ts'
import { ConsumerGroupHeartbeat } from '../../../src/protocol/messages/consumer-group-heartbeat.ts'
import { DescribeCluster } from '../../../src/protocol/messages/describe-cluster.ts'
import { DescribeConfigs } from '../../../src/protocol/messages/describe-configs.ts'
import { DescribeGroups } from '../../../src/protocol/messages/describe-groups.ts'
import { DescribeLogDirs } from '../../../src/protocol/messages/describe-log-dirs.ts'
import { DescribeTransactions } from '../../../src/protocol/messages/describe-transactions.ts'
import { ElectLeaders } from '../../../src/protocol/messages/elect-leaders.ts'
import { FindCoordinator } from '../../../src/protocol/messages/find-coordinator.ts'
import { IncrementalAlterConfigs } from '../../../src/protocol/messages/incremental-alter-configs.ts'
import { InitProducerId } from '../../../src/protocol/messages/init-producer-id.ts'
import { JoinGroup } from '../../../src/protocol/messages/join-group.ts'
import { LeaveGroup } from '../../../src/protocol/messages/leave-group.ts'
import { ListGroups } from '../../../src/protocol/messages/list-groups.ts'
import { ListTransactions } from '../../../src/protocol/messages/list-transactions.ts'
import { OffsetCommit } from '../../../src/protocol/messages/offset-commit.ts'
import { OffsetDelete } from '../../../src/protocol/messages/offset-delete.ts'
import { OffsetFetch } from '../../../src/protocol/messages/offset-fetch.ts'
import { TxnOffsetCommit } from '../../../src/protocol/messages/txn-offset-commit.ts'
import { UpdateFeatures } from '../../../src/protocol/messages/update-features.ts'
import { WriteTxnMarkers } from '../../../src/protocol/messages/write-txn-markers.ts'
import { Operation } from '../../../src/security/access.ts'
import { ALL_OPERATIONS } from '../../../src/security/acl.ts'
import {
  allow,
  ask,
  type Case,
  CLUSTER,
  deny,
  group,
  PREFIXED,
  topic,
  transaction,
} from './case.ts'
import * as requests from './requests.ts'

const { READ, WRITE, DELETE, ALTER, DESCRIBE } = Operation
const { DESCRIBE_CONFIGS, ALTER_CONFIGS, IDEMPOTENT_WRITE, CLUSTER_ACTION } = Operation

const BOTH = ['seen', 'hidden']
const seen = (...operations: Operation[]) => operations.map((one) => allow(one, topic('seen')))
const ofGroup = (...operations: Operation[]) => operations.map((one) => allow(one, group('seen')))
const ofTransaction = allow(WRITE, transaction('seen'))
const LISTING = { statesFilter: [], typesFilter: ['consumer'] }
const TRANSACTIONS = { stateFilters: [], producerIdFilters: [] }
const IDEMPOTENT = { transactionalId: null, transactionTimeoutMs: 1_000 }

/** Groups, transactions, configurations, the cluster. */
export const OF_OTHERS: readonly Case[] = [
  // Groups.
  ask('by the cluster', ListGroups, 5, LISTING, [allow(DESCRIBE, CLUSTER)]),
  ask('by a prefix', ListGroups, 5, LISTING, [allow(READ, group('ne'), PREFIXED)]),
  ask('with operations', DescribeGroups, 5, { groups: BOTH, includeAuthorizedOperations: true }, [
    ...ofGroup(READ, DELETE),
  ]),
  ask('that is not there', DescribeGroups, 6, { groups: ['none'] }, [
    allow(DESCRIBE, group('none')),
  ]),
  ask(
    'with operations',
    ConsumerGroupDescribe,
    0,
    { groupIds: ['mixed', 'none', 'next'], includeAuthorizedOperations: true },
    [allow(READ, group('mixed')), allow(READ, topic('*')), allow(DESCRIBE, group('none'))],
  ),
  ask(
    'with a topic that it may not see',
    ConsumerGroupDescribe,
    0,
    { groupIds: ['mixed', 'next'], includeAuthorizedOperations: true },
    [allow(DESCRIBE, group('*')), ...seen(DESCRIBE)],
  ),
  ask(
    'with a topic that it may not see',
    ConsumerGroupHeartbeat,
    0,
    requests.consumerHeartbeat('hidden'),
    [allow(READ, group('joined')), ...seen(DESCRIBE)],
  ),
  ask('of another', JoinGroup, 5, requests.joinGroup(), ofGroup(DESCRIBE)),
  ask('as it was', LeaveGroup, 2, { groupId: 'seen', memberId: 'm' }, ofGroup(DESCRIBE)),
  ask('of several topics', OffsetCommit, 8, requests.offsetCommit([...BOTH, 'none']), [
    ...ofGroup(READ),
    ...seen(READ),
  ]),
  ask('of all', OffsetFetch, 8, requests.offsetFetch(null), [...ofGroup(DESCRIBE), ...seen(READ)]),
  ask('of several', OffsetFetch, 8, requests.offsetFetch(BOTH), [
    ...ofGroup(READ),
    ...seen(DESCRIBE),
  ]),
  ask('as it was', OffsetFetch, 1, requests.offsetFetchOfOne(BOTH), seen(READ)),
  ask('of one group', OffsetFetch, 5, requests.offsetFetchOfOne(BOTH), seen(READ)),
  ask('of several', OffsetDelete, 0, requests.offsetDelete(BOTH), [
    allow(DELETE, group('emptied')),
    ...seen(READ),
  ]),
  ask('of several', FindCoordinator, 4, { keyType: 0, coordinatorKeys: BOTH }, ofGroup(READ)),
  ask('of one', FindCoordinator, 3, { keyType: 0, key: 'hidden' }, ofGroup(READ)),
  ask('of transactions', FindCoordinator, 4, { keyType: 1, coordinatorKeys: BOTH }, [
    ofTransaction,
  ]),

  // Transactions.
  ask('who may write anywhere', InitProducerId, 4, IDEMPOTENT, [
    allow(WRITE, topic('any'), PREFIXED),
  ]),
  ask('who may write nowhere', InitProducerId, 4, IDEMPOTENT, [
    allow(WRITE, topic('any')),
    { ...deny(WRITE, topic('an')), ...PREFIXED },
  ]),
  ask('who may all with a topic', InitProducerId, 4, IDEMPOTENT, [
    allow(ALL_OPERATIONS, topic('any')),
  ]),
  ask(
    'of a transactional id',
    InitProducerId,
    4,
    { transactionalId: 'hidden', transactionTimeoutMs: 1_000 },
    [ofTransaction, allow(IDEMPOTENT_WRITE, CLUSTER)],
  ),
  ask('of several', AddPartitionsToTxn, 3, requests.addPartitions(BOTH), [
    ofTransaction,
    ...seen(WRITE),
  ]),
  ask('for the cluster', AddPartitionsToTxn, 5, requests.addPartitionsBatched(['seen']), [
    ofTransaction,
    ...seen(WRITE),
  ]),
  ask('of several topics', TxnOffsetCommit, 3, requests.txnOffsetCommit(BOTH), [
    ofTransaction,
    ...ofGroup(READ),
    ...seen(READ),
  ]),
  ask('by who acts for the cluster', WriteTxnMarkers, 1, requests.writeTxnMarkers(['none']), [
    allow(CLUSTER_ACTION, CLUSTER),
  ]),
  ask('with a topic that it may not see', DescribeTransactions, 0, { transactionalIds: BOTH }, [
    allow(DESCRIBE, transaction('seen')),
    allow(DESCRIBE, topic('kept')),
  ]),
  ask('by a prefix', ListTransactions, 1, TRANSACTIONS, [
    allow(WRITE, transaction('hid'), PREFIXED),
  ]),

  // Configurations and the cluster.
  ask('of operations', DescribeCluster, 1, { includeClusterAuthorizedOperations: true }, [
    allow(ALTER, CLUSTER),
    allow(CLUSTER_ACTION, CLUSTER),
  ]),
  ask(
    'of several',
    DescribeConfigs,
    4,
    requests.describeConfigs([
      [2, 'seen'],
      [2, 'hidden'],
      [4, '1'],
      [32, 'seen'],
      [8, '1'],
      [16, 'metrics'],
    ]),
    [allow(ALTER_CONFIGS, topic('seen'))],
  ),
  ask(
    'named twice',
    DescribeConfigs,
    4,
    requests.describeConfigs([
      [2, 'hidden'],
      [2, 'hidden'],
      [4, '1'],
      [4, '1'],
      [32, 'hidden'],
      [32, 'hidden'],
    ]),
    [],
  ),
  ask(
    'of a group and the broker',
    DescribeConfigs,
    4,
    requests.describeConfigs([
      [4, '1'],
      [32, 'seen'],
      [2, 'none'],
    ]),
    [allow(DESCRIBE_CONFIGS, group('seen')), allow(DESCRIBE_CONFIGS, CLUSTER)],
  ),
  ask(
    'of several',
    AlterConfigs,
    2,
    requests.alterConfigs([
      [2, 'seen'],
      [2, 'hidden'],
      [4, '1'],
    ]),
    seen(ALTER_CONFIGS),
  ),
  ask(
    'of several',
    IncrementalAlterConfigs,
    1,
    requests.incrementalAlterConfigs([
      [2, 'seen'],
      [2, 'hidden'],
      [4, '1'],
      [32, 'hidden'],
      [2, 'twice'],
      [2, 'twice'],
    ]),
    seen(ALTER_CONFIGS),
  ),
  ask('as it was', DescribeLogDirs, 2, { topics: null }, []),
  ask('as it was', ElectLeaders, 0, requests.electLeaders(), []),
  ask('as it is', UpdateFeatures, 2, requests.updateFeatures(), []),
]
