// The table of APIs this broker serves: a message, its handler, nothing else. ApiVersions, the
// connection and the HTTP face all go by it. To serve another API: its message file, its handler
// file, a row here, its vectors.

import { AlterConfigs } from '../protocol/messages/alter-configs.ts'
import { ApiVersions } from '../protocol/messages/api-versions.ts'
import { CreatePartitions } from '../protocol/messages/create-partitions.ts'
import { CreateTopics } from '../protocol/messages/create-topics.ts'
import { DeleteRecords } from '../protocol/messages/delete-records.ts'
import { DeleteTopics } from '../protocol/messages/delete-topics.ts'
import { DescribeCluster } from '../protocol/messages/describe-cluster.ts'
import { DescribeConfigs } from '../protocol/messages/describe-configs.ts'
import { DescribeLogDirs } from '../protocol/messages/describe-log-dirs.ts'
import { DescribeTopicPartitions } from '../protocol/messages/describe-topic-partitions.ts'
import { Fetch } from '../protocol/messages/fetch.ts'
import { FindCoordinator } from '../protocol/messages/find-coordinator.ts'
import { IncrementalAlterConfigs } from '../protocol/messages/incremental-alter-configs.ts'
import { InitProducerId } from '../protocol/messages/init-producer-id.ts'
import { ListOffsets } from '../protocol/messages/list-offsets.ts'
import { Metadata } from '../protocol/messages/metadata.ts'
import { OffsetForLeaderEpoch } from '../protocol/messages/offset-for-leader-epoch.ts'
import { Produce } from '../protocol/messages/produce.ts'
import type { AnyApi, RequestOf, ResponseOf } from '../protocol/schema.ts'
import type { ApiTable, ServedApi } from './api-table.ts'
import type { Call } from './call.ts'
import type { BrokerContext, Handling } from './context.ts'
import { alterConfigs } from './handlers/alter-configs.ts'
import { apiVersions } from './handlers/api-versions.ts'
import { createPartitions } from './handlers/create-partitions.ts'
import { createTopics } from './handlers/create-topics.ts'
import { deleteRecords } from './handlers/delete-records.ts'
import { deleteTopics } from './handlers/delete-topics.ts'
import { describeCluster } from './handlers/describe-cluster.ts'
import { describeConfigs } from './handlers/describe-configs.ts'
import { describeLogDirs } from './handlers/describe-log-dirs.ts'
import { describeTopicPartitions } from './handlers/describe-topic-partitions.ts'
import { fetch } from './handlers/fetch.ts'
import { findCoordinator } from './handlers/find-coordinator.ts'
import { incrementalAlterConfigs } from './handlers/incremental-alter-configs.ts'
import { initProducerId } from './handlers/init-producer-id.ts'
import { listOffsets } from './handlers/list-offsets.ts'
import { metadata } from './handlers/metadata.ts'
import { offsetForLeaderEpoch } from './handlers/offset-for-leader-epoch.ts'
import { produce } from './handlers/produce.ts'

/** Every API served. */
export const APIS: ApiTable = table([
  // KAFKA-18659: librdkafka before 2.11 turns compression off unless Produce starts at 0.
  { ...overlapping(Produce, produce), advertisedFrom: 0 },
  overlapping(Fetch, fetch),
  ordered(ListOffsets, listOffsets),
  ordered(Metadata, metadata),
  ordered(FindCoordinator, findCoordinator),
  ordered(ApiVersions, (request, call) => apiVersions(APIS, request, call)),
  ordered(CreateTopics, createTopics),
  ordered(DeleteTopics, deleteTopics),
  ordered(DeleteRecords, deleteRecords),
  ordered(InitProducerId, initProducerId),
  ordered(OffsetForLeaderEpoch, offsetForLeaderEpoch),
  ordered(DescribeConfigs, describeConfigs),
  ordered(AlterConfigs, alterConfigs),
  ordered(DescribeLogDirs, describeLogDirs),
  ordered(CreatePartitions, createPartitions),
  ordered(IncrementalAlterConfigs, incrementalAlterConfigs),
  ordered(DescribeCluster, describeCluster),
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
