// kafka-cluster, kafka-log-dirs, kafka-broker-api-versions, kafka-leader-election,
// kafka-reassign-partitions and kafka-metadata-quorum: as one broker that is its own controller answers.

import { Tools } from '../java/kafka-tools.ts'
import { check, equal, numbered } from '../records.ts'
import type { Context, Scenario } from '../scenario.ts'

/** What every client of groups and transactions asks for. */
const NEEDED_APIS = [
  'Produce(0)',
  'Fetch(1)',
  'ListOffsets(2)',
  'Metadata(3)',
  'OffsetCommit(8)',
  'OffsetFetch(9)',
  'FindCoordinator(10)',
  'JoinGroup(11)',
  'Heartbeat(12)',
  'LeaveGroup(13)',
  'SyncGroup(14)',
  'DescribeGroups(15)',
  'ListGroups(16)',
  'ApiVersions(18)',
  'CreateTopics(19)',
  'DeleteTopics(20)',
  'DeleteRecords(21)',
  'InitProducerId(22)',
  'OffsetForLeaderEpoch(23)',
  'AddPartitionsToTxn(24)',
  'AddOffsetsToTxn(25)',
  'EndTxn(26)',
  'WriteTxnMarkers(27)',
  'TxnOffsetCommit(28)',
  'DescribeConfigs(32)',
  'CreatePartitions(37)',
  'DeleteGroups(42)',
  'ElectLeaders(43)',
  'IncrementalAlterConfigs(44)',
  'ListPartitionReassignments(46)',
  'OffsetDelete(47)',
  'DescribeQuorum(55)',
  'UpdateFeatures(57)',
  'DescribeCluster(60)',
  'DescribeProducers(61)',
  'DescribeTransactions(65)',
  'ListTransactions(66)',
  'ConsumerGroupHeartbeat(68)',
  'ConsumerGroupDescribe(69)',
  'DescribeTopicPartitions(75)',
]

export const TOOLS_CLUSTER: readonly Scenario[] = [
  {
    name: 'tools/cluster',
    needs: ['tools'],
    run: (context) => Tools.with(context, (tools) => cluster(context, tools)),
  },
  {
    name: 'tools/log-dirs',
    needs: ['tools'],
    run: (context) => Tools.with(context, (tools) => logDirs(context, tools)),
  },
  {
    name: 'tools/broker-api-versions',
    needs: ['tools'],
    run: (context) => Tools.with(context, (tools) => apiVersions(context, tools)),
  },
  {
    name: 'tools/leader-election',
    needs: ['tools'],
    run: (context) => Tools.with(context, (tools) => leaderElection(context, tools)),
  },
  {
    name: 'tools/reassign-partitions',
    needs: ['tools'],
    run: (context) => Tools.with(context, (tools) => reassign(context, tools)),
  },
  {
    name: 'tools/metadata-quorum',
    needs: ['tools'],
    run: (context) => Tools.with(context, metadataQuorum),
  },
]

async function cluster(context: Context, tools: Tools): Promise<void> {
  const { host, port } = context.address
  const first = await tools.run('cluster', 'cluster-id')
  first.exits(0).prints(/^Cluster ID: [A-Za-z0-9_-]{22}$/)
  equal((await tools.run('cluster', 'cluster-id')).lines, first.lines, 'the cluster id again')
  ;(await tools.run('cluster', 'list-endpoints'))
    .exits(0)
    .prints('ID HOST PORT RACK STATE ENDPOINT_TYPE', `1 ${host} ${port} null unfenced broker`)
}

async function logDirs(context: Context, tools: Tools): Promise<void> {
  const topic = await context.topic(2)
  const producer = await context.producer()
  await producer.send(topic, numbered(10))
  const [answer] = (await tools.run('log-dirs', `--describe --topic-list ${topic}`))
    .exits(0)
    .has('Querying brokers for log directories information')
    .has('Received log directory information from brokers 1')
    .json()
  const { brokers } = answer as unknown as LogDirs
  equal(
    brokers.map(({ broker }) => broker),
    [1],
    'brokers',
  )
  const dirs = brokers.flatMap(({ logDirs: all }) => all)
  equal(
    dirs.map(({ error }) => error),
    [null],
    'errors of the log directories',
  )
  const found = dirs.flatMap(({ partitions }) => partitions)
  equal(found.map(({ partition }) => partition).toSorted(), [`${topic}-0`, `${topic}-1`], 'found')
  for (const { partition, size, offsetLag, isFuture } of found) {
    equal({ offsetLag, isFuture }, { offsetLag: 0, isFuture: false }, partition)
    const filled = partition === `${topic}-0`
    check(filled ? size > 100 : size === 0, `a size that fits ${partition}`, `${size}`)
  }
  ;(await tools.run('log-dirs', '--describe --broker-list 5'))
    .exits(1)
    .says('ERROR: The given brokers do not exist from --broker-list: 5.')
}

interface LogDirs {
  readonly brokers: readonly {
    readonly broker: number
    readonly logDirs: readonly {
      readonly error: string | null
      readonly partitions: readonly {
        readonly partition: string
        readonly size: number
        readonly offsetLag: number
        readonly isFuture: boolean
      }[]
    }[]
  }[]
}

async function apiVersions(context: Context, tools: Tools): Promise<void> {
  const ran = await tools.run('broker-api-versions', '')
  ran.exits(0).has(`${context.bootstrap} (id: 1 rack: null isFenced: false) -> (`)
  const usable = ran.lines
    .filter((line) => line.includes('usable: '))
    .map((line) => line.split(':')[0])
  const missing = NEEDED_APIS.filter((api) => !usable.includes(api))
  equal(missing, [], 'APIs that clients need and this broker does not offer')
}

async function leaderElection(context: Context, tools: Tools): Promise<void> {
  const topic = await context.topic(2)
  const run = (args: string) => tools.run('leader-election', args)
  for (const type of ['preferred', 'unclean']) {
    ;(await run(`--election-type ${type} --topic ${topic} --partition 1`))
      .exits(0)
      .prints(`Valid replica already elected for partitions ${topic}-1`)
  }
  ;(await run('--election-type preferred --all-topic-partitions')).exits(0).prints()
  const file = JSON.stringify({ partitions: [{ topic, partition: 0 }] })
  ;(
    await tools.runWithFile(
      'leader-election',
      '--election-type preferred --path-to-json-file FILE',
      file,
    )
  )
    .exits(0)
    .prints(`Valid replica already elected for partitions ${topic}-0`)
  for (const where of [`${topic} --partition 9`, `${context.name('nope')} --partition 0`]) {
    ;(await run(`--election-type preferred --topic ${where}`))
      .exits(1)
      .has(/^Error completing leader election \(PREFERRED\) for partition: \S+ /)
      .says('UnknownTopicOrPartitionException', '1 replica(s) could not be elected')
  }
}

async function reassign(context: Context, tools: Tools): Promise<void> {
  const topic = await context.topic(2)
  ;(await tools.run('reassign-partitions', '--list'))
    .exits(0)
    .prints('No partition reassignments found.')
  const file = JSON.stringify({ topics: [{ topic }], version: 1 })
  const generate = '--generate --topics-to-move-json-file FILE --broker-list 1'
  const ran = (await tools.runWithFile('reassign-partitions', generate, file)).exits(0)
  const wanted = {
    version: 1,
    partitions: [0, 1].map((partition) => ({
      topic,
      partition,
      replicas: [1],
      log_dirs: ['any'],
    })),
  }
  ran.prints(
    'Current partition replica assignment',
    JSON.stringify(wanted),
    'Proposed partition reassignment configuration',
    JSON.stringify(wanted),
  )
}

async function metadataQuorum(tools: Tools): Promise<void> {
  const clusterId = (await tools.run('cluster', 'cluster-id')).find(/Cluster ID: (\S+)/)
  ;(await tools.run('metadata-quorum', 'describe --status'))
    .exits(0)
    .has(
      `ClusterId: ${clusterId}`,
      'LeaderId: 1',
      /^LeaderEpoch: \d+$/,
      /^HighWatermark: \d+$/,
      'MaxFollowerLag: 0',
      /^CurrentVoters: \[\{"id": 1,/,
      'CurrentObservers: []',
    )
  ;(await tools.run('metadata-quorum', 'describe --replication'))
    .exits(0)
    .prints(
      'NodeId DirectoryId LogEndOffset Lag LastFetchTimestamp LastCaughtUpTimestamp Status',
      /^1 [A-Za-z0-9_-]{22} \d+ 0 \d+ \d+ Leader$/,
    )
}
