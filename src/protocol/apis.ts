// All declared APIs in the order of their keys, for what concerns every message: tests, documents,
// tools. Not the list of what this broker serves: that is the broker's table of handlers.

import { AlterConfigs } from './messages/alter-configs.ts'
import { ApiVersions } from './messages/api-versions.ts'
import { CreatePartitions } from './messages/create-partitions.ts'
import { CreateTopics } from './messages/create-topics.ts'
import { DeleteRecords } from './messages/delete-records.ts'
import { DeleteTopics } from './messages/delete-topics.ts'
import { DescribeCluster } from './messages/describe-cluster.ts'
import { DescribeConfigs } from './messages/describe-configs.ts'
import { DescribeLogDirs } from './messages/describe-log-dirs.ts'
import { DescribeTopicPartitions } from './messages/describe-topic-partitions.ts'
import { Fetch } from './messages/fetch.ts'
import { FindCoordinator } from './messages/find-coordinator.ts'
import { IncrementalAlterConfigs } from './messages/incremental-alter-configs.ts'
import { InitProducerId } from './messages/init-producer-id.ts'
import { ListOffsets } from './messages/list-offsets.ts'
import { Metadata } from './messages/metadata.ts'
import { OffsetForLeaderEpoch } from './messages/offset-for-leader-epoch.ts'
import { Produce } from './messages/produce.ts'
import type { AnyApi } from './schema.ts'

/** Every API that messages/ declares. */
export const APIS: readonly AnyApi[] = [
  Produce,
  Fetch,
  ListOffsets,
  Metadata,
  FindCoordinator,
  ApiVersions,
  CreateTopics,
  DeleteTopics,
  DeleteRecords,
  InitProducerId,
  OffsetForLeaderEpoch,
  DescribeConfigs,
  AlterConfigs,
  DescribeLogDirs,
  CreatePartitions,
  IncrementalAlterConfigs,
  DescribeCluster,
  DescribeTopicPartitions,
]
