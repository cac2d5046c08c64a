// What rules of each kind do, and what they do to APIs of topics and records: what these show, hide and divide.

import type { TopicId } from '../../../src/core/ids.ts'
import { CreatePartitions } from '../../../src/protocol/messages/create-partitions.ts'
import { CreateTopics } from '../../../src/protocol/messages/create-topics.ts'
import { DeleteTopics } from '../../../src/protocol/messages/delete-topics.ts'
import { DescribeProducers } from '../../../src/protocol/messages/describe-producers.ts'
import { DescribeTopicPartitions } from '../../../src/protocol/messages/describe-topic-partitions.ts'
import { Fetch } from '../../../src/protocol/messages/fetch.ts'
import { ListOffsets } from '../../../src/protocol/messages/list-offsets.ts'
import { Metadata } from '../../../src/protocol/messages/metadata.ts'
import { OffsetForLeaderEpoch } from '../../../src/protocol/messages/offset-for-leader-epoch.ts'
import { Produce } from '../../../src/protocol/messages/produce.ts'
import { Operation } from '../../../src/security/access.ts'
import { ALL_OPERATIONS } from '../../../src/security/acl.ts'
import { allow, ask, type Case, CLUSTER, deny, PREFIXED, topic, transaction } from './case.ts'
import * as requests from './requests.ts'

const { READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE } = Operation
const { ALTER_CONFIGS, IDEMPOTENT_WRITE, CLUSTER_ACTION } = Operation

const BOTH = ['seen', 'hidden']
const seen = (...operations: Operation[]) => operations.map((one) => allow(one, topic('seen')))
const ofTransaction = allow(WRITE, transaction('seen'))
const AS_REPLICA = { replicaState: { replicaId: 1, replicaEpoch: -1n } }
const REPLICA_FETCH = { ...requests.fetch(BOTH), replicaId: 1 }
const UNKNOWN_ID = 'AAAAAAAAAAAAAAAAAAAAEw' as TopicId

/** Rules, topics, records. */
export const OF_TOPICS: readonly Case[] = [
  // Rules.
  ask('by a prefix', ListOffsets, 7, requests.listOffsets(BOTH), [
    allow(DESCRIBE, topic('se'), PREFIXED),
  ]),
  ask('by a star', ListOffsets, 7, requests.listOffsets(BOTH), [allow(DESCRIBE, topic('*'))]),
  ask('by what implies it', ListOffsets, 7, requests.listOffsets(BOTH), [
    allow(WRITE, topic('seen')),
    allow(ALTER_CONFIGS, topic('hidden')),
  ]),
  ask('with a denial that implies nothing', ListOffsets, 7, requests.listOffsets(BOTH), [
    ...seen(DESCRIBE),
    deny(READ, topic('seen')),
    deny(READ, topic('hidden')),
  ]),
  ask('denied by a prefix', ListOffsets, 7, requests.listOffsets(BOTH), [
    allow(DESCRIBE, topic('*')),
    { ...deny(ALL_OPERATIONS, topic('hid')), ...PREFIXED },
  ]),
  ask('from another host', ListOffsets, 7, requests.listOffsets(BOTH), [
    allow(DESCRIBE, topic('seen'), { host: '127.0.0.1' }),
    allow(DESCRIBE, topic('hidden'), { host: '10.0.0.1' }),
  ]),

  // Topics.
  ask('of all topics', Metadata, 9, requests.metadata(null), [
    allow(DESCRIBE, topic('see'), PREFIXED),
  ]),
  ask('of all topics with nothing', Metadata, 9, requests.metadata(null), []),
  ask('of several, with operations', Metadata, 9, requests.metadata(['seen', 'hidden', 'none']), [
    ...seen(READ, WRITE, ALTER_CONFIGS),
    allow(DESCRIBE, topic('none')),
  ]),
  ask(
    'of operations on the cluster',
    Metadata,
    9,
    requests.metadata([], { includeClusterAuthorizedOperations: true }),
    [allow(DESCRIBE, CLUSTER), allow(IDEMPOTENT_WRITE, CLUSTER), allow(CREATE, CLUSTER)],
  ),
  ask(
    'of operations on the cluster it may not describe',
    Metadata,
    9,
    requests.metadata([], { includeClusterAuthorizedOperations: true }),
    [allow(CREATE, CLUSTER)],
  ),
  ask(
    'by id',
    Metadata,
    12,
    (world) => ({
      ...requests.metadata([]),
      includeTopicAuthorizedOperations: false,
      topics: [
        { name: null, topicId: world.topicId('seen') },
        { name: null, topicId: world.topicId('hidden') },
        { name: null, topicId: UNKNOWN_ID },
      ],
    }),
    seen(DESCRIBE),
  ),
  ask(
    'of what it may not create',
    Metadata,
    9,
    requests.metadata(['seen', 'none'], { allowAutoTopicCreation: true }),
    [allow(DESCRIBE, topic('*'))],
  ),
  ask(
    'of what it may create and not describe',
    Metadata,
    9,
    requests.metadata(['none'], { allowAutoTopicCreation: true }),
    [allow(CREATE, topic('none')), allow(CREATE, CLUSTER)],
  ),
  ask('of all', DescribeTopicPartitions, 0, requests.describePartitions([]), seen(READ)),
  ask('of several', DescribeTopicPartitions, 0, requests.describePartitions([...BOTH, 'none']), [
    ...seen(DESCRIBE, DELETE),
    allow(DESCRIBE, topic('none')),
  ]),
  ask('of the topic alone', CreateTopics, 7, requests.createTopics(['new', 'newer']), [
    allow(CREATE, topic('new')),
  ]),
  {
    ...ask('with its configuration shown', CreateTopics, 7, requests.createTopics(['new']), [
      allow(CREATE, topic('new')),
      allow(ALTER_CONFIGS, topic('new')),
    ]),
    errorsOnly: true,
  },
  ask('by the cluster', CreateTopics, 7, requests.createTopics(['new']), [allow(CREATE, CLUSTER)]),
  ask('named twice', CreateTopics, 7, requests.createTopics(['twice', 'twice']), []),
  ask('that exists', CreateTopics, 7, requests.createTopics(['hidden']), []),
  ask('of the metadata', CreateTopics, 7, requests.createTopics(['__cluster_metadata']), []),
  ask('of several', DeleteTopics, 6, requests.deleteTopics(['kept', 'hidden', 'none']), [
    allow(DESCRIBE, topic('kept')),
    allow(DESCRIBE, topic('none')),
  ]),
  ask('that is not there', DeleteTopics, 6, requests.deleteTopics(['none']), []),
  ask('by id', DeleteTopics, 6, requests.deleteTopicsById(['kept', 'hidden']), [
    allow(DESCRIBE, topic('kept')),
  ]),
  ask('by name, as it was', DeleteTopics, 5, { topicNames: BOTH, timeoutMs: 1_000 }, [
    allow(DESCRIBE, topic('seen')),
  ]),
  ask('named twice', DeleteTopics, 6, requests.deleteTopics(['hidden', 'hidden']), []),
  ask(
    'named twice, as it was',
    DeleteTopics,
    5,
    { topicNames: ['kept', 'kept'], timeoutMs: 1_000 },
    [],
  ),
  ask(
    'by name, and again with an id',
    DeleteTopics,
    6,
    requests.deleteTopicWithAndWithoutId('kept'),
    [],
  ),
  ask('of several', CreatePartitions, 3, requests.createPartitions(BOTH), seen(ALTER)),
  ask('named twice', CreatePartitions, 3, requests.createPartitions(['kept', 'kept']), []),
  ask('that does not exist', CreatePartitions, 3, requests.createPartitions(['none']), []),

  // Records.
  ask('to several', Produce, 9, requests.produce(BOTH), seen(WRITE)),
  ask('to one that is not there', Produce, 9, requests.produce(['none']), []),
  ask('with wrong acks', Produce, 9, requests.produce(BOTH, { acks: 2 }), seen(WRITE)),
  ask(
    'in a transaction of another',
    Produce,
    9,
    requests.produce(BOTH, { transactionalId: 'hidden' }),
    [ofTransaction, ...seen(WRITE)],
  ),
  ask('by id', Produce, 13, requests.produceById(BOTH), seen(WRITE)),
  ask('of several', Fetch, 12, requests.fetch(BOTH), [...seen(READ), allow(DESCRIBE, topic('*'))]),
  ask('of one that is not there', Fetch, 12, requests.fetch(['none']), []),
  ask('by id', Fetch, 17, requests.fetchById(BOTH), seen(READ)),
  ask('as a replica', Fetch, 12, REPLICA_FETCH, [
    allow(READ, topic('*')),
    allow(DESCRIBE, CLUSTER),
  ]),
  ask(
    'as a replica, by id',
    Fetch,
    17,
    (world) => ({ ...requests.fetchById(BOTH)(world), ...AS_REPLICA }),
    [allow(READ, topic('*'))],
  ),
  {
    ...ask('as a replica that may act for the cluster', Fetch, 12, REPLICA_FETCH, [
      allow(CLUSTER_ACTION, CLUSTER),
    ]),
    errorsOnly: true,
  },
  ask('of one that is not there', ListOffsets, 7, requests.listOffsets(['none']), []),
  ask('by who acts for the cluster', OffsetForLeaderEpoch, 4, requests.offsetForLeaderEpoch(BOTH), [
    allow(CLUSTER_ACTION, CLUSTER),
  ]),
  ask('of no name', DescribeProducers, 0, requests.describeProducers('not a name'), []),
  ask('that is not there', DescribeProducers, 0, requests.describeProducers('none'), []),
]
