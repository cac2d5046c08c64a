// The shapes of what administers: groups, offsets, configurations, partitions, transactions, the cluster.
// As schemas.ts they validate requests and make the OpenAPI document, and are made on first use.

import * as z from 'zod/mini'
import { PARTITIONS_PER_TOPIC } from '../core/limits.ts'
import type { TransactionStateName } from '../transaction/contract.ts'
import { both, lazily } from './lazily.ts'
import { described, listOf, listQuery, schemas, timeText, wholeNumber } from './schemas.ts'

/** The schemas by name. */
export type AdminSchemas = ReturnType<typeof makeSchemas>

let made: AdminSchemas | null = null

/** The schemas, made once per isolate. */
export function adminSchemas(): AdminSchemas {
  // They also set how zod works.
  schemas()
  made ??= makeSchemas()
  return made
}

function makeSchemas() {
  const groups = lazily(groupSchemas, [
    'groupList',
    'group',
    'groupOffsets',
    'groupsQuery',
    'groupDeleteQuery',
    'groupQuery',
  ])
  const resets = lazily(resetSchemas, ['groupReset', 'groupResetDone'])
  const configs = lazily(configSchemas, ['configList', 'configChange', 'configsQuery'])
  const partitions = lazily(partitionSchemas, [
    'partition',
    'partitionsQuery',
    'partitionList',
    'offsetsQuery',
    'offsetList',
    'newPartitions',
    'partitionCount',
    'deletePartitionQuery',
    'deleteTopicQuery',
    'recordsDeleted',
  ])
  const transactions = lazily(transactionSchemas, [
    'transaction',
    'transactionList',
    'transactionsQuery',
  ])
  const clusters = lazily(clusterSchemas, ['cluster', 'health'])
  return both(both(both(groups, resets), both(configs, partitions)), both(transactions, clusters))
}

const ERROR = "Kafka's name of what keeps the rest from being known; absent when all is well"

function groupSchemas() {
  const groupListing = z.strictObject({
    groupId: z.string(),
    type: z.enum(['classic', 'consumer']),
    state: z.string().check(described("Kafka's name: Stable, Empty, PreparingRebalance, …")),
    protocolType: z.string(),
    members: z.nullable(z.int()).check(described('As it last reported; null: not known')),
    lag: z
      .nullable(z.int())
      .check(described('Records, of all partitions whose end is known, as last reported')),
    reported: z.nullable(timeText()).check(described('When it was last heard of')),
  })
  const assigned = z.strictObject({ topic: z.string(), partitions: z.array(z.int()) })
  const member = z
    .strictObject({
      memberId: z.string(),
      instanceId: z.nullable(z.string()),
      clientId: z.string(),
      clientHost: z.string().check(described('/ADDRESS, as Kafka writes it')),
      memberType: z
        .enum(['classic', 'consumer'])
        .check(described('Its protocol: a consumer group takes both (KIP-848)')),
      epoch: z.nullable(z.int()).check(described('Of members of the consumer protocol (KIP-848)')),
      subscribed: z.array(z.string()).check(described('Topics subscribed to by name')),
      pattern: z.nullable(z.string()).check(described('Topics subscribed to by a pattern')),
      assigned: z.array(assigned),
    })
    .check(z.meta({ id: 'Member' }))
  const seconds =
    'Time of the latest record of the partition minus time of the first record at or after the committed offset, in seconds: how much time of records is left to read. 0 when none is; null when nothing is committed'
  const groupOffset = z
    .strictObject({
      topic: z.string(),
      partition: z.int(),
      committed: z.nullable(z.int()).check(described('The next offset to read; null: none yet')),
      metadata: z.nullable(z.string()),
      end: z.nullable(z.int()).check(described('The high watermark')),
      lag: z.nullable(z.int()).check(described('Records from committed to end')),
      lagSeconds: z.nullable(z.number()).check(described(seconds)),
      memberId: z.nullable(z.string()).check(described('Who reads it now')),
      error: z.optional(z.string().check(described(ERROR))),
    })
    .check(z.meta({ id: 'GroupOffset' }))
  const groupOffsets = listOf(groupOffset).check(z.meta({ id: 'GroupOffsets' }))
  const group = z
    .strictObject({
      groupId: z.string(),
      type: z.enum(['classic', 'consumer']),
      state: z.string(),
      protocolType: z.string(),
      assignor: z.string(),
      epoch: z.nullable(z.int()),
      members: z.array(member),
      offsets: groupOffsets,
      lag: z
        .strictObject({ records: z.int(), seconds: z.number() })
        .check(described('Sum of the records and most seconds of the offsets shown')),
    })
    .check(z.meta({ id: 'Group' }))
  const groupsQuery = z.strictObject({
    ...listQuery('group id'),
    state: z.optional(z.string().check(described('Groups in this state only'))),
    type: z.optional(z.enum(['classic', 'consumer'])),
    sort: z.optional(
      z.enum(['id', 'lag']).check(described('By id, which is the default, or by lag, most first')),
    ),
    after: z.optional(z.string().check(described('`next` of the page before, in the same order'))),
  })
  const groupQuery = z.strictObject({
    ...listQuery('topic'),
    after: z.optional(
      z.string().check(
        z.regex(/^[^/]+\/\d{1,9}$/, {
          error: 'must be a topic, a slash and a partition, such as orders/0',
        }),
        described('`next` of the page before'),
      ),
    ),
    topic: z.optional(z.string().check(described('Offsets of this topic only'))),
  })
  const groupList = listOf(groupListing).check(z.meta({ id: 'GroupList' }))
  const groupDeleteQuery = z.strictObject({
    members: z.optional(
      z
        .enum(['remove'])
        .check(
          described('Removes its members first; without it a group that has any is not deleted'),
        ),
    ),
  })
  return { groupList, group, groupOffsets, groupsQuery, groupQuery, groupDeleteQuery }
}

function resetSchemas() {
  const time = z.union([wholeNumber(0), timeText()], {
    error: 'must be milliseconds since the epoch or an RFC 3339 time',
  })
  const to = z.union(
    [
      z.enum(['earliest', 'latest']),
      z.strictObject({ offset: wholeNumber(0) }),
      z.strictObject({ time }),
      z.strictObject({
        shift: z
          .int()
          .check(described('From where it is, kept within the log; a negative number goes back')),
      }),
    ],
    { error: 'must be earliest, latest, {"offset": n}, {"time": t} or {"shift": n}' },
  )
  const groupReset = z
    .strictObject({
      to,
      topic: z.optional(
        z.string().check(described('By default every partition that has a committed offset')),
      ),
      partitions: z.optional(
        z.array(wholeNumber(0)).check(z.minLength(1), described('Of the topic; by default all')),
      ),
      dryRun: z.optional(
        z.boolean().check(described('Says what would change and changes nothing')),
      ),
    })
    .check(z.meta({ id: 'GroupReset' }))
  const groupResetDone = z
    .strictObject({
      dryRun: z.boolean(),
      items: z.array(
        z.strictObject({
          topic: z.string(),
          partition: z.int(),
          before: z.nullable(z.int()),
          after: z.int(),
        }),
      ),
    })
    .check(z.meta({ id: 'GroupResetDone' }))
  return { groupReset, groupResetDone }
}

function configSchemas() {
  const config = z
    .strictObject({
      name: z.string(),
      value: z.nullable(z.string()),
      default: z.nullable(z.string()).check(described('What holds when nothing is set here')),
      source: z.string().check(described("Where the value comes from, by Kafka's name")),
      isSetHere: z.boolean().check(described('null in a change returns it to the default')),
      readOnly: z.boolean(),
      sensitive: z.boolean(),
      type: z.string(),
      documentation: z.nullable(z.string()),
    })
    .check(z.meta({ id: 'Config' }))
  const value = z.union([z.string(), z.number(), z.boolean(), z.null()], {
    error: 'must be a string, a number, a boolean, or null for the default',
  })
  const configChange = z
    .strictObject({
      configs: z.record(z.string(), value).check(
        z.meta({
          minProperties: 1,
          description: 'By name; null returns to the default. All are changed, or none',
        }),
      ),
      dryRun: z.optional(z.boolean().check(described('Checks and changes nothing'))),
    })
    .check(z.meta({ id: 'ConfigChange' }))
  const configsQuery = z.strictObject(listQuery('name'))
  return {
    configList: listOf(config).check(z.meta({ id: 'ConfigList' })),
    configChange,
    configsQuery,
  }
}

/** A number in a query beside words. */
function digits(most: number) {
  return z.string().check(z.regex(new RegExp(`^\\d{1,${most}}$`)))
}

function partitionSchemas() {
  const number = z
    .string()
    .check(
      z.regex(/^\d{1,9}$/, { error: 'must be the number of a partition' }),
      described('The last partition of the page before'),
    )
  const { limit } = listQuery('name')
  const partitionsQuery = z.strictObject({ limit, after: z.optional(number) })
  const offsetsQuery = z.strictObject({
    limit,
    after: z.optional(number),
    at: z.optional(
      z.union([z.enum(['earliest', 'latest', 'max-timestamp']), digits(15), timeText()]).check(
        z.meta({
          default: 'latest',
          description: 'earliest, latest, max-timestamp, an RFC 3339 time or milliseconds',
        }),
      ),
    ),
    partition: z.optional(wholeNumber(0).check(described('This partition only'))),
    isolation: z.optional(
      z
        .enum(['read_committed', 'read_uncommitted'])
        .check(described('What latest means; by default read_uncommitted')),
    ),
  })
  const nullableOffset = z.nullable(z.int())
  const partition = z
    .strictObject({
      partition: z.int(),
      leader: z.int(),
      leaderEpoch: z.int(),
      replicas: z.array(z.int()),
      inSync: z.array(z.int()),
      start: nullableOffset.check(described('The first offset kept')),
      end: nullableOffset.check(
        described(
          'The end of the log, which is the high watermark: what is not durable has no offset',
        ),
      ),
      highWatermark: nullableOffset,
      lastStableOffset: nullableOffset,
      sizeBytes: nullableOffset,
      error: z.optional(z.string().check(described(ERROR))),
    })
    .check(z.meta({ id: 'Partition' }))
  const offsetAt = z.strictObject({
    partition: z.int(),
    offset: nullableOffset.check(described('null when no record is that late')),
    timestamp: nullableOffset.check(described('Of the record found by a time')),
    error: z.optional(z.string().check(described(ERROR))),
  })
  const newPartitions = z
    .strictObject({
      count: wholeNumber(1, PARTITIONS_PER_TOPIC).check(described('How many there will be')),
      dryRun: z.optional(z.boolean().check(described('Checks and changes nothing'))),
    })
    .check(z.meta({ id: 'NewPartitions' }))
  const partitionCount = z.strictObject({ partitions: z.int(), dryRun: z.boolean() })
  const records = z.strictObject({ partition: z.int(), start: z.int() })
  return {
    partition,
    partitionsQuery,
    partitionList: listOf(partition).check(z.meta({ id: 'PartitionList' })),
    offsetsQuery,
    offsetList: listOf(offsetAt).check(z.meta({ id: 'OffsetList' })),
    newPartitions,
    partitionCount: partitionCount.check(z.meta({ id: 'PartitionCount' })),
    deletePartitionQuery: z.strictObject({
      before: z
        .union([z.enum(['latest']), digits(15), timeText()])
        .check(described('Where the rest begins: an offset, latest, or an RFC 3339 time')),
    }),
    deleteTopicQuery: z.strictObject({
      before: z
        .union([z.enum(['latest']), timeText()])
        .check(described('Where the rest begins: latest or an RFC 3339 time')),
    }),
    recordsDeleted: z
      .strictObject({ items: z.array(records).check(described('The first offset kept of each')) })
      .check(z.meta({ id: 'RecordsDeleted' })),
  }
}

const STATES = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
  'PrepareEpochFence',
  'Dead',
] as const satisfies readonly TransactionStateName[]

function transactionSchemas() {
  const listing = { transactionalId: z.string(), state: z.string(), producerId: z.int() }
  const transaction = z
    .strictObject({
      ...listing,
      producerEpoch: z.int(),
      timeoutMs: z.int(),
      startedMs: z.nullable(z.int()).check(described('When the last transaction began')),
      topics: z
        .array(z.strictObject({ topic: z.string(), partitions: z.array(z.int()) }))
        .check(described('What takes part and does not know the end yet')),
    })
    .check(z.meta({ id: 'Transaction' }))
  const transactionsQuery = z.strictObject({
    ...listQuery('transactional id'),
    state: z.optional(z.enum(STATES).check(described("Those in this state only, by Kafka's name"))),
  })
  const transactionList = listOf(z.strictObject(listing)).check(z.meta({ id: 'TransactionList' }))
  return { transaction, transactionList, transactionsQuery }
}

function clusterSchemas() {
  const broker = z.strictObject({
    brokerId: z.int(),
    host: z.string(),
    port: z.int(),
    rack: z.nullable(z.string()),
  })
  const cluster = z
    .strictObject({
      clusterId: z.string(),
      controllerId: z.int(),
      brokers: z.array(broker).check(described('At the addresses that this client is told')),
      features: z
        .record(z.string(), z.int())
        .check(described('Finalized features (KIP-584): level by name')),
    })
    .check(z.meta({ id: 'Cluster' }))
  const health = z.strictObject({ status: z.enum(['ok']) })
  return { cluster, health }
}
