// What the recorded data folders hold, and a look at it: the release that wrote a folder said what it then
// saw, and the release that opens it must see the same. Raw requests that every release so far has served.

import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { AlterClientQuotas } from '../../../src/protocol/messages/alter-client-quotas.ts'
import { AlterUserScramCredentials } from '../../../src/protocol/messages/alter-user-scram-credentials.ts'
import { ApiVersions } from '../../../src/protocol/messages/api-versions.ts'
import { ConsumerGroupDescribe } from '../../../src/protocol/messages/consumer-group-describe.ts'
import { ConsumerGroupHeartbeat } from '../../../src/protocol/messages/consumer-group-heartbeat.ts'
import { DeleteRecords } from '../../../src/protocol/messages/delete-records.ts'
import { DescribeClientQuotas } from '../../../src/protocol/messages/describe-client-quotas.ts'
import { DescribeConfigs } from '../../../src/protocol/messages/describe-configs.ts'
import { DescribeUserScramCredentials } from '../../../src/protocol/messages/describe-user-scram-credentials.ts'
import { IncrementalAlterConfigs } from '../../../src/protocol/messages/incremental-alter-configs.ts'
import { ListGroups } from '../../../src/protocol/messages/list-groups.ts'
import { Metadata } from '../../../src/protocol/messages/metadata.ts'
import { OffsetCommit } from '../../../src/protocol/messages/offset-commit.ts'
import { OffsetFetch } from '../../../src/protocol/messages/offset-fetch.ts'
import { TxnOffsetCommit } from '../../../src/protocol/messages/txn-offset-commit.ts'
import { databases, inDatabase } from '../../faults/load/data-folder.ts'
import { batch, batchOfSize, Codec, type PlainRecord, readBatches } from '../batches.ts'
import {
  createTopic,
  deleteTopic,
  EARLIEST,
  fetch,
  initProducerId,
  LATEST,
  listOffsets,
  produce,
  until,
} from '../calls.ts'
import {
  addOffsets,
  addPartitions,
  atRest,
  end,
  type Producer,
  produceIn,
  producer,
} from '../transaction-calls.ts'
import type { Wire } from '../wire.ts'

/** Without these what is recorded would one day have expired. */
export const KEPT_FOR_EVER = [
  'producer.id.expiration.ms=2147483647',
  'offsets.retention.minutes=2147483647',
  'transactional.id.expiration.ms=2147483647',
].flatMap((setting) => ['--set', setting])

/** When the first record was made: a moment that does not change, so that folders can be compared. */
const START = 1_764_000_000_000
const FOR_EVER = { 'retention.ms': '-1' }
const TRANSACTIONAL_ID = 'writer'
const OPEN_ID = 'unfinished'
const TOPIC_RESOURCE = 2
const BROKER_RESOURCE = 4

/** An idempotent producer and the sequence that it goes on with. */
export interface Writer {
  readonly producerId: string
  readonly nextSequence: number
  /** Where its last batch is, of two records. */
  readonly lastBatch: number
}

/** A member of the group `members` (KIP-848), as it was told. */
export interface Member {
  readonly memberId: string
  readonly memberEpoch: number
}

/** What cannot be asked for afterwards. */
export interface Filled {
  readonly writer: Writer
  readonly member: Member | null
  readonly transactional: { readonly producerId: string; readonly producerEpoch: number } | null
}

/** A partition as it is read. */
export interface SeenLog {
  readonly start: number
  readonly end: number
  readonly lastStable: number
  /** First offset of each and who wrote it. */
  readonly aborted: readonly string[]
  /** `offset timestamp key value headers`, values as digests. */
  readonly records: readonly string[]
}

/** All that is compared. */
export interface Seen {
  readonly clusterId: string
  /** `name id partitions`. */
  readonly topics: readonly string[]
  /** `resource name=value`, of what was set by somebody. */
  readonly configs: readonly string[]
  readonly logs: Readonly<Record<string, SeenLog>>
  /** The last value of each key of the topic `compacted`. */
  readonly compacted: readonly string[]
  /** `group type`. */
  readonly groups: readonly string[]
  /** `group topic-partition offset epoch metadata`. */
  readonly offsets: readonly string[]
  readonly members: readonly string[]
  /** `user mechanism iterations` and `entity key=value`; absent of releases that knew neither. */
  readonly security?: readonly string[]
}

/** What is kept beside a folder. */
export interface Recorded {
  /** Of each class of objects. */
  readonly layouts: Readonly<Record<string, number>>
  /** The release has groups and transactions. */
  readonly coordinators: boolean
  readonly filled: Filled
  readonly seen: Seen
}

/** Classes of objects that keep something. */
export const CLASSES = ['Cluster', 'Partition', 'Group', 'Transaction'] as const

/** The layout that each class of objects has in a folder that no broker has open. */
export function layoutsIn(data: string): Record<string, number> {
  const found: Record<string, number> = {}
  for (const className of CLASSES) {
    if (!existsSync(join(data, 'objects', `ottla-${className}`))) continue
    for (const path of databases(data, className)) {
      const layout = layoutOf(path)
      if (layout !== null) found[className] = Math.max(layout, found[className] ?? 0)
    }
  }
  return found
}

/** null where nothing was ever kept. */
export function layoutOf(path: string): number | null {
  return inDatabase(path, (database) => {
    const table = database
      .prepare("SELECT 1 FROM sqlite_master WHERE name = 'schema_version'")
      .get()
    if (table === undefined) return null
    return Number(database.prepare('SELECT version FROM schema_version').get()?.version)
  })
}

/** Writes all of it. @param coordinators the release has groups and transactions */
export async function fill(wire: Wire, coordinators: boolean): Promise<Filled> {
  await createTopic(wire, 'records', 2, { ...FOR_EVER, 'max.message.bytes': '5000000' })
  const writer = await fillRecords(wire)
  await createTopic(wire, 'cut', 1, FOR_EVER)
  for (let index = 0; index < 8; index++) await append(wire, 'cut', [{ value: `c${index}` }], index)
  const partitions = [{ partitionIndex: 0, offset: 5 }]
  await wire.call(DeleteRecords, 2, { topics: [{ name: 'cut', partitions }], timeoutMs: 5_000 })
  await createTopic(wire, 'deleted', 1, FOR_EVER)
  await append(wire, 'deleted', [{ value: 'gone' }], 0)
  await deleteTopic(wire, 'deleted')
  await createTopic(wire, 'deleted', 3, FOR_EVER)
  await fillCompacted(wire)
  await alter(wire, BROKER_RESOURCE, '', 'log.retention.ms', '123456789')
  await alter(wire, TOPIC_RESOURCE, 'cut', 'segment.ms', '7654321')
  if (await serves(wire, AlterUserScramCredentials.key)) await fillSecurity(wire)
  if (!coordinators) return { writer, member: null, transactional: null }
  const transactional = await fillTransactions(wire)
  const member = await fillGroups(wire)
  return { writer, member, transactional }
}

/** Whether the release has an API. */
export async function serves(wire: Wire, key: number): Promise<boolean> {
  const software = { clientSoftwareName: 'ottla-test', clientSoftwareVersion: '1' }
  const { apiKeys } = await wire.call(ApiVersions, 3, software)
  return apiKeys.some(({ apiKey }) => apiKey === key)
}

/** Of nobody who comes to a test. */
async function fillSecurity(wire: Wire): Promise<void> {
  const keys = { salt: Buffer.from('salt'), saltedPassword: Buffer.alloc(32, 7) }
  await wire.call(AlterUserScramCredentials, 0, {
    deletions: [],
    upsertions: [
      { name: 'kept', mechanism: 2, iterations: 8_192, ...keys },
      { name: 'other', mechanism: 2, iterations: 8_192, ...keys },
    ],
  })
  const upsertions = [{ name: 'kept', mechanism: 1, iterations: 4_096, ...keys }]
  await wire.call(AlterUserScramCredentials, 0, { deletions: [], upsertions })
  const entity = [
    { entityType: 'user', entityName: 'kept' },
    { entityType: 'client-id', entityName: null },
  ]
  const ops = [
    { key: 'producer_byte_rate', value: 1_000, remove: false },
    { key: 'request_percentage', value: 0.25, remove: false },
  ]
  await wire.call(AlterClientQuotas, 1, { entries: [{ entity, ops }], validateOnly: false })
}

async function securityOf(wire: Wire): Promise<string[]> {
  const { results } = await wire.call(DescribeUserScramCredentials, 0, { users: null })
  const { entries } = await wire.call(DescribeClientQuotas, 1, { components: [], strict: false })
  return [
    ...results.flatMap(({ user, credentialInfos }) =>
      credentialInfos.map(({ mechanism, iterations }) => `${user} ${mechanism} ${iterations}`),
    ),
    ...(entries ?? []).map(({ entity, values }) =>
      [
        ...entity.map(({ entityType, entityName }) => `${entityType}=${entityName}`),
        ...values.map(({ key, value }) => `${key}=${value}`),
      ].join(' '),
    ),
  ]
}

async function fillRecords(wire: Wire): Promise<Writer> {
  const headers = [{ key: 'h', value: 'ä' }]
  for (const [index, codec] of [Codec.none, Codec.gzip, Codec.zstd, Codec.none].entries()) {
    const records = [
      { key: `k${index}`, value: `v${index}`, headers },
      { key: null, value: 'no key', timestampDelta: 5 },
      { key: 'tombstone', value: null, timestampDelta: 3 },
    ]
    await append(wire, 'records', records, index, { codec })
  }
  // Larger than a row: its pieces are rows of another table.
  const large = batchOfSize(4_200_000, { timestamp: START + 10_000 })
  await produced(wire, 'records', large)
  const producerId = await initProducerId(wire)
  let nextSequence = 0
  let lastBatch = 0
  for (; nextSequence < 40; nextSequence += 2) {
    const by = { producerId, producerEpoch: 0, baseSequence: nextSequence }
    lastBatch = await append(wire, 'records', pair(nextSequence), 20 + nextSequence, by)
  }
  return { producerId: `${producerId}`, nextSequence, lastBatch }
}

/** The two records that the idempotent producer sends with a sequence. */
export function pair(sequence: number): PlainRecord[] {
  return [{ value: `s${sequence}` }, { value: `s${sequence + 1}` }]
}

async function fillCompacted(wire: Wire): Promise<void> {
  const compacted = { 'cleanup.policy': 'compact', 'segment.ms': '500' }
  await createTopic(wire, 'compacted', 1, { ...compacted, 'min.cleanable.dirty.ratio': '0.01' })
  for (let index = 0; index < 12; index++) {
    const records = [{ key: `key-${index % 4}`, value: `value-${index}` }]
    await append(wire, 'compacted', records, index)
  }
}

/** One that was committed, one aborted, one that is open for ever: until its time is up. */
async function fillTransactions(wire: Wire): Promise<Filled['transactional']> {
  await createTopic(wire, 'transactions', 1, FOR_EVER)
  await createTopic(wire, 'open', 1, FOR_EVER)
  const by = await producer(wire, TRANSACTIONAL_ID)
  for (const [index, committed] of [true, false, true].entries()) {
    await addPartitions(wire, by, 'transactions', [0])
    await transactional(wire, by, 'transactions', index)
    await commitIn(wire, by, committed ? 10 + index : 99)
    await end(wire, by, committed, 3)
    await atRest(wire, TRANSACTIONAL_ID)
  }
  const open = await producer(wire, OPEN_ID, { timeoutMs: 20_000 })
  await addPartitions(wire, open, 'open', [0])
  await transactional(wire, open, 'open', 0)
  await commitIn(wire, open, 77)
  await append(wire, 'open', [{ value: 'behind' }], 1)
  return { producerId: `${by.producerId}`, producerEpoch: by.producerEpoch }
}

async function transactional(wire: Wire, by: Producer, topic: string, index: number) {
  const options = { version: 9, sequence: index, value: `t${index}` }
  const { errorCode } = await produceIn(wire, by, topic, 0, options)
  if (errorCode !== 0) throw new Error(`a transactional batch: ${errorCode}`)
}

async function commitIn(wire: Wire, by: Producer, offset: number): Promise<void> {
  const groupId = 'transactional'
  await addOffsets(wire, by, groupId)
  const partition = { partitionIndex: 0, committedOffset: offset, committedMetadata: 'in' }
  const topics = [{ name: 'records', partitions: [partition] }]
  const { topics: got } = await wire.call(TxnOffsetCommit, 3, { ...by, groupId, topics })
  const { errorCode } = got[0]!.partitions[0]!
  if (errorCode !== 0) throw new Error(`TxnOffsetCommit: ${errorCode}`)
}

async function fillGroups(wire: Wire): Promise<Member> {
  const partitions = [0, 1].map((partitionIndex) => ({
    partitionIndex,
    committedOffset: 3 + partitionIndex,
    committedLeaderEpoch: partitionIndex - 1,
    committedMetadata: `m${partitionIndex}`,
  }))
  const topics = [{ name: 'records', partitions }]
  await wire.call(OffsetCommit, 8, { groupId: 'simple', memberId: '', topics })
  let member: Member = { memberId: 'c29tZSBtZW1iZXIgaWQ', memberEpoch: 0 }
  let topicPartitions: readonly unknown[] | null = null
  await until(async () => {
    const got = await wire.call(ConsumerGroupHeartbeat, 1, {
      groupId: 'members',
      ...member,
      ...(topicPartitions === null
        ? { rebalanceTimeoutMs: 60_000, subscribedTopicNames: ['records'], topicPartitions: [] }
        : {}),
    })
    if (got.errorCode !== 0) throw new Error(`ConsumerGroupHeartbeat: ${got.errorMessage}`)
    member = { memberId: got.memberId ?? member.memberId, memberEpoch: got.memberEpoch }
    topicPartitions = got.assignment?.topicPartitions ?? topicPartitions
    return topicPartitions !== null
  })
  await wire.call(OffsetCommit, 9, {
    groupId: 'members',
    memberId: member.memberId,
    generationIdOrMemberEpoch: member.memberEpoch,
    topics: [{ name: 'records', partitions: partitions.slice(0, 1) }],
  })
  return member
}

async function append(
  wire: Wire,
  topic: string,
  records: readonly PlainRecord[],
  seconds: number,
  fields: Parameters<typeof batch>[0] | object = {},
): Promise<number> {
  return produced(wire, topic, batch({ ...fields, records, timestamp: START + 1_000 * seconds }))
}

async function produced(wire: Wire, topic: string, bytes: Uint8Array): Promise<number> {
  const { errorCode, baseOffset } = await produce(wire, topic, 0, bytes)
  if (errorCode !== 0) throw new Error(`${topic}: ${errorCode}`)
  return Number(baseOffset)
}

async function alter(
  wire: Wire,
  resourceType: number,
  resourceName: string,
  name: string,
  value: string,
) {
  const configs = [{ name, configOperation: 0, value }]
  const resources = [{ resourceType, resourceName, configs }]
  const { responses } = await wire.call(IncrementalAlterConfigs, 1, {
    resources,
    validateOnly: false,
  })
  if (responses[0]!.errorCode !== 0) throw new Error(`${name}: ${responses[0]!.errorMessage}`)
}

/** Looks at all of it. */
export async function look(wire: Wire, coordinators: boolean): Promise<Seen> {
  const { clusterId, topics } = await wire.call(Metadata, 12, {
    topics: null,
    allowAutoTopicCreation: false,
  })
  const sorted = topics.toSorted((a, b) => (String(a.name) < String(b.name) ? -1 : 1))
  const logs: Record<string, SeenLog> = {}
  const configs: string[] = await configsOf(wire, BROKER_RESOURCE, '')
  for (const { name, partitions } of sorted) {
    configs.push(...(await configsOf(wire, TOPIC_RESOURCE, String(name))))
    if (name === 'compacted') continue
    for (let partition = 0; partition < partitions.length; partition++) {
      logs[`${name}-${partition}`] = await logOf(wire, String(name), partition)
    }
  }
  return {
    clusterId: String(clusterId),
    topics: sorted.map(
      ({ name, topicId, partitions }) => `${name} ${topicId} ${partitions.length}`,
    ),
    configs,
    logs,
    compacted: await lastValues(wire),
    ...(coordinators ? await groupsOf(wire) : { groups: [], offsets: [], members: [] }),
    security: (await serves(wire, DescribeUserScramCredentials.key)) ? await securityOf(wire) : [],
  }
}

async function logOf(wire: Wire, topic: string, partition: number): Promise<SeenLog> {
  const at = async (time: number) => {
    const { topics } = await listOffsets(wire, topic, [partition], time)
    return Number(topics[0]!.partitions[0]!.offset)
  }
  const start = await at(EARLIEST)
  const last = await at(LATEST)
  const options = { isolationLevel: 1, partitionMaxBytes: 8_000_000 }
  const { abortedTransactions, lastStableOffset } = await fetch(
    wire,
    topic,
    partition,
    start,
    options,
  )
  const records: string[] = []
  for (let next = start; next < last; ) {
    const got = await fetch(wire, topic, partition, next, { partitionMaxBytes: 8_000_000 })
    const batches = readBatches(got.records)
    if (got.errorCode !== 0 || batches.length === 0) throw new Error(`${topic}: ${got.errorCode}`)
    for (const one of batches) {
      if (!one.crcOk) throw new Error(`${topic}: the batch at ${one.baseOffset} is damaged`)
      next = one.lastOffset + 1
      const isMarker = (one.attributes & 0x20) !== 0
      for (const { offset, timestamp, key, value, headers } of one.records()) {
        if (offset < start) continue
        // A marker has the time at which it was written.
        records.push(
          isMarker
            ? `${offset} marker`
            : `${offset} ${timestamp} ${key} ${digest(value)} ${JSON.stringify(headers)}`,
        )
      }
    }
  }
  const aborted = (abortedTransactions ?? []).map(
    ({ producerId, firstOffset }) => `${firstOffset} ${producerId}`,
  )
  return { start, end: last, lastStable: Number(lastStableOffset), aborted, records }
}

async function lastValues(wire: Wire): Promise<string[]> {
  const found = new Map<string | null, string | null>()
  for (let next = 0; ; ) {
    const got = await fetch(wire, 'compacted', 0, next)
    const batches = readBatches(got.records)
    if (batches.length === 0) break
    for (const { key, value } of batches.flatMap((one) => one.records())) found.set(key, value)
    next = batches.at(-1)!.lastOffset + 1
  }
  return [...found].map(([key, value]) => `${key}=${value}`).sort()
}

async function configsOf(wire: Wire, resourceType: number, resourceName: string) {
  const resources = [{ resourceType, resourceName, configurationKeys: null }]
  const { results } = await wire.call(DescribeConfigs, 4, { resources })
  return (
    results[0]!.configs
      .filter(({ configSource }) => configSource === 1 || configSource === 3)
      .map(({ name, value }) => `${resourceName} ${name}=${value}`)
      // What the broker's own are is told of a topic by those it takes over.
      .filter((text) => !text.includes(' retention.ms=123456789'))
      .sort()
  )
}

async function groupsOf(wire: Wire): Promise<Pick<Seen, 'groups' | 'offsets' | 'members'>> {
  const { groups: listed } = await wire.call(ListGroups, 5, { statesFilter: [], typesFilter: [] })
  const ids = listed.map(({ groupId }) => groupId).sort()
  const offsets: string[] = []
  for (const groupId of ids) {
    const groups = [{ groupId, topics: null }]
    const { groups: got } = await wire.call(OffsetFetch, 8, { groups, requireStable: false })
    for (const { name, partitions } of got[0]!.topics) {
      for (const one of partitions) {
        const { partitionIndex, committedOffset, committedLeaderEpoch, metadata } = one
        offsets.push(
          `${groupId} ${name}-${partitionIndex} ${committedOffset} ${committedLeaderEpoch} ${metadata}`,
        )
      }
    }
  }
  const { groups: described } = await wire.call(ConsumerGroupDescribe, 0, {
    groupIds: ['members'],
    includeAuthorizedOperations: false,
  })
  const members = described[0]!.members.map(({ memberId, memberEpoch, assignment }) => {
    const owned = assignment.topicPartitions.map(
      ({ topicName, partitions }) => `${topicName} ${[...partitions].sort()}`,
    )
    return `${memberId} ${memberEpoch} ${owned.join(' ')} of ${described[0]!.groupEpoch}`
  })
  return {
    groups: listed.map(({ groupId, groupType }) => `${groupId} ${groupType}`).sort(),
    offsets: offsets.sort(),
    members,
  }
}

function digest(value: string | null): string {
  if (value === null || value.length < 40) return String(value)
  return createHash('sha256').update(value).digest('hex').slice(0, 16)
}
