// Adapter of @confluentinc/kafka-javascript by its node-rdkafka interface: librdkafka in Node.js. Bundled
// to JavaScript by prepare.ts, for the machine's own Node.js runs it, the one it was compiled for.

import { KafkaError } from '../../../../src/core/errors.ts'
import { base64, bytes, Handles, serve, Unsupported } from '../javascript/serve.ts'
import type {
  Codec,
  ConsumerConfig,
  Failure,
  GroupEvent,
  MaybeOffset,
  PartitionOffset,
  Poll,
  ProducerConfig,
  ReadRecord,
  Sasl,
  SendRecord,
  Start,
  TopicPartition,
} from '../protocol.ts'
import {
  type Admin,
  type Consumer,
  type Group,
  type LibraryError,
  library,
  type Message,
  type Producer,
  type Report,
  settled,
} from './library.ts'

const WAIT_MS = 30_000
/** How long the library is told that a token is good. */
const TOKEN_LASTS_MS = 3_600_000
/** One wait of a poll: a rebalance does not end the library's own wait. */
const SLICE_MS = 100
const ASSIGN = -175
const FATAL = -150
const NO_OFFSET = -168
const STARTS = { earliest: -2, latest: -1, committed: -1000 } as const
/** What the library tells about while it goes on by itself; Kafka's codes and its own. */
const PASSING = new Set<number>([-195, -187, -193, -185, 3, 22, 25, 27])
const GROUP_STATES = [
  'Unknown',
  'PreparingRebalance',
  'CompletingRebalance',
  'Stable',
  'Dead',
  'Empty',
]
const GROUP_TYPES = ['unknown', 'consumer', 'classic']

interface OpenProducer {
  readonly producer: Producer
  readonly acks: number
}
interface OpenConsumer {
  readonly consumer: Consumer
  /** Not done yet: the library waits with them for the next poll. */
  readonly rebalances: Rebalance[]
  readonly events: GroupEvent[]
  readonly positions: Map<string, PartitionOffset>
  failure: LibraryError | undefined
  isClosing: boolean
}
interface Rebalance {
  readonly code: number
  readonly partitions: readonly TopicPartition[]
}
interface Delivery {
  done(offset: PartitionOffset): void
  failed(error: LibraryError): void
}

const producers = new Handles<OpenProducer>()
const consumers = new Handles<OpenConsumer>()
const admins = new Handles<Admin>()

function login(sasl: Sasl): Record<string, unknown> {
  const all = { 'security.protocol': 'sasl_plaintext', 'sasl.mechanisms': sasl.mechanism }
  if (sasl.mechanism === 'OAUTHBEARER') {
    const { token: tokenValue, username: principal } = sasl
    const given = { tokenValue, principal, lifetime: Date.now() + TOKEN_LASTS_MS }
    return { ...all, oauthbearer_token_refresh_cb: async () => given }
  }
  return { ...all, 'sasl.username': sasl.username, 'sasl.password': sasl.password }
}

function common(handle: string, bootstrap: string, sasl?: Sasl) {
  return {
    ...(sasl === undefined ? {} : login(sasl)),
    'bootstrap.servers': bootstrap,
    'client.id': handle,
    'broker.address.family': 'v4',
    'topic.metadata.refresh.interval.ms': 2_000,
    log_level: 4,
  }
}

async function openProducer(
  handle: string,
  bootstrap: string,
  config: ProducerConfig,
  sasl?: Sasl,
) {
  const names = {
    idempotence: 'enable.idempotence',
    acks: 'acks',
    codec: 'compression.type',
    transactionalId: 'transactional.id',
    transactionTimeoutMs: 'transaction.timeout.ms',
    lingerMs: 'linger.ms',
    maxInFlight: 'max.in.flight',
    maxRequestBytes: 'message.max.bytes',
  } as const satisfies Record<keyof ProducerConfig, string>
  const settings = Object.entries(config).map(([name, value]) => [
    names[name as keyof ProducerConfig],
    value,
  ])
  const producer = new library.Producer(
    {
      ...common(handle, bootstrap, sasl),
      ...Object.fromEntries(settings),
      dr_cb: true,
    },
    {
      acks: config.acks ?? -1,
      partitioner: 'murmur2_random',
      'message.timeout.ms': Math.min(WAIT_MS, config.transactionTimeoutMs ?? WAIT_MS),
    },
  )
  producer.on('event.error', note)
  producer.on('delivery-report', (error: LibraryError | null, report: Report) => {
    const delivery = report.opaque as Delivery
    if (error) delivery.failed(error)
    else delivery.done(report)
  })
  await settled((done) => producer.connect({ timeout: WAIT_MS }, done))
  producer.setPollInterval(5)
  return { producer, acks: config.acks ?? -1 }
}

async function send(
  { producer, acks }: OpenProducer,
  topic: string,
  records: readonly SendRecord[],
) {
  const sent = records.map(
    (record) =>
      new Promise<PartitionOffset>((done, failed) => {
        const headers = record.headers.map(([name, value]) => {
          if (value === null) throw new Unsupported('it has no null header values')
          return { [name]: bytes(value) }
        })
        const { partition = null, timestamp } = record
        const delivery: Delivery = { done, failed }
        const value = bytes(record.value)
        producer.produce(topic, partition, value, bytes(record.key), timestamp, delivery, headers)
      }),
  )
  const delivered = await Promise.all(sent)
  return {
    acks: delivered.map(({ partition, offset }) => ({
      partition,
      offset: acks === 0 ? -1 : offset,
    })),
  }
}

function consumerSettings(group: string | undefined, config: ConsumerConfig) {
  const { protocol = 'classic', assignor, sessionTimeoutMs: sessionMs = 45_000 } = config
  const settings: Record<string, unknown> = {
    'group.id': group ?? `none-${process.pid}-${Math.random()}`,
    'enable.auto.commit': false,
    'fetch.wait.max.ms': 100,
    'fetch.error.backoff.ms': 100,
  }
  if (config.isolation !== undefined) settings['isolation.level'] = config.isolation
  if (config.instanceId !== undefined) settings['group.instance.id'] = config.instanceId
  if (protocol === 'consumer') {
    settings['group.protocol'] = 'consumer'
    if (assignor !== undefined) settings['group.remote.assignor'] = assignor
    if (config.rebalanceTimeoutMs !== undefined) {
      settings['max.poll.interval.ms'] = config.rebalanceTimeoutMs
    }
    return settings
  }
  if (assignor === 'sticky' || assignor === 'uniform') {
    throw new Unsupported(`it has no ${assignor} assignor`)
  }
  settings['partition.assignment.strategy'] = assignor ?? 'range'
  settings['session.timeout.ms'] = sessionMs
  settings['heartbeat.interval.ms'] = config.heartbeatMs ?? Math.min(3_000, sessionMs / 3)
  if (config.rebalanceTimeoutMs !== undefined) {
    settings['max.poll.interval.ms'] = Math.max(config.rebalanceTimeoutMs, sessionMs)
  }
  return settings
}

async function openConsumer(
  handle: string,
  bootstrap: string,
  group: string | undefined,
  config: ConsumerConfig,
  sasl?: Sasl,
): Promise<OpenConsumer> {
  const reset = config.offsetReset ?? 'latest'
  const rebalances: Rebalance[] = []
  const consumer = new library.KafkaConsumer(
    {
      ...common(handle, bootstrap, sasl),
      ...consumerSettings(group, config),
      rebalance_cb: ({ code }: LibraryError, partitions: readonly TopicPartition[]) => {
        rebalances.push({ code, partitions })
        if (open.isClosing) rebalance(open)
      },
    },
    { 'auto.offset.reset': reset === 'none' ? 'error' : reset },
  )
  const open: OpenConsumer = {
    consumer,
    rebalances,
    events: [],
    positions: new Map(),
    failure: undefined,
    isClosing: false,
  }
  consumer.on('event.error', (error: LibraryError) => {
    if (PASSING.has(error.code)) note(error)
    else open.failure = error
  })
  consumer.setDefaultConsumeTimeout(SLICE_MS)
  consumer.setDefaultIsTimeoutOnlyForFirstMessage(true)
  await settled((done) => consumer.connect({ timeout: WAIT_MS }, done))
  return open
}

/**
 * Does what the library waits for. Left to itself it would rebalance between a poll and the commit of what
 * that gave: the commit would be of nothing, or would hold this thread until every member has rejoined,
 * among them those that this thread has to rebalance.
 */
function rebalance({ consumer, rebalances, events, positions, isClosing }: OpenConsumer): void {
  for (const { code, partitions } of rebalances.splice(0)) {
    for (const one of partitions) positions.delete(key(one))
    const type = code === ASSIGN ? 'assigned' : 'revoked'
    if (partitions.length > 0) events.push({ type, partitions: partitions.map(pair) })
    const incremental = consumer.rebalanceProtocol() === 'COOPERATIVE'
    try {
      if (code === ASSIGN && incremental) consumer.incrementalAssign(partitions)
      else if (code === ASSIGN) consumer.assign(partitions)
      else if (incremental) consumer.incrementalUnassign(partitions)
      else consumer.unassign()
    } catch (error) {
      if (!isClosing) throw error
    }
  }
}

async function closeConsumer(open: OpenConsumer): Promise<void> {
  open.isClosing = true
  rebalance(open)
  await settled((done) => open.consumer.disconnect(done))
}

async function poll(open: OpenConsumer, maxRecords: number, timeoutMs: number): Promise<Poll> {
  const deadline = Date.now() + timeoutMs
  let messages: readonly Message[] = []
  do {
    rebalance(open)
    try {
      messages = await settled((done) => open.consumer.consume(maxRecords, done))
    } catch (error) {
      if (!PASSING.has((error as LibraryError).code)) throw error
      note(error as LibraryError)
    }
    const { failure } = open
    open.failure = undefined
    if (failure !== undefined) throw failure
  } while (messages.length === 0 && open.events.length === 0 && Date.now() < deadline)
  for (const one of messages) open.positions.set(key(one), { ...pair(one), offset: one.offset + 1 })
  return {
    records: messages.map(read),
    assignment: open.consumer.assignments().map(pair),
    events: open.events.splice(0),
  }
}

function read(message: Message): ReadRecord {
  return {
    ...pair(message),
    offset: message.offset,
    timestamp: message.timestamp,
    key: base64(message.key),
    value: base64(message.value),
    headers: (message.headers ?? []).flatMap((one) =>
      Object.entries(one).map(([name, value]): [string, string | null] => [name, base64(value)]),
    ),
  }
}

function commit(open: OpenConsumer, offsets = [...open.positions.values()]): void {
  if (offsets.length === 0) return
  try {
    // Its other way to wait for a commit does not tell the errors of partitions.
    open.consumer.commitSync(offsets)
  } catch (error) {
    if ((error as LibraryError).code !== NO_OFFSET) throw error
  }
}

function starting(partitions: readonly (TopicPartition & { readonly offset: Start })[]) {
  return partitions.map(({ topic, partition, offset }) => ({
    topic,
    partition,
    offset: typeof offset === 'number' ? offset : STARTS[offset],
  }))
}

function known(
  partitions: readonly (TopicPartition & {
    readonly offset?: number
    readonly error?: LibraryError
  })[],
): { readonly offsets: MaybeOffset[] } {
  return {
    offsets: partitions.map((one) => {
      if (one.error) throw one.error
      const { offset = -1 } = one
      return { ...pair(one), offset: offset < 0 ? null : offset }
    }),
  }
}

async function watermarks(
  consumer: Consumer,
  partitions: readonly TopicPartition[],
  which: 'lowOffset' | 'highOffset',
) {
  const offsets = partitions.map(async ({ topic, partition }) => {
    const marks = await settled<{ readonly lowOffset: number; readonly highOffset: number }>(
      (done) => consumer.queryWatermarkOffsets(topic, partition, WAIT_MS, done),
    )
    return { topic, partition, offset: marks[which] }
  })
  return { offsets: await Promise.all(offsets) }
}

function listing({ groupId, state, type }: Group) {
  return {
    group: groupId,
    state: GROUP_STATES[state] ?? `${state}`,
    type: GROUP_TYPES[type] ?? `${type}`,
  }
}

function sound<T extends { readonly error?: LibraryError }>(all: readonly T[]): readonly T[] {
  for (const { error } of all) if (error) throw error
  return all
}

function pair({ topic, partition }: TopicPartition): TopicPartition {
  return { topic, partition }
}

function key({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}

function note(error: LibraryError): void {
  process.stderr.write(`${error.message}\n`)
}

function failure(error: unknown): Failure {
  const { message, code, isFatal, isRetriable, isTxnRequiresAbort } = error as LibraryError
  return {
    code: nameOf(code, message),
    message,
    retriable: isRetriable ?? false,
    fatal: isFatal ?? false,
    abortable: isTxnRequiresAbort ?? false,
  }
}

const NAMES = new Map<number, string>(
  Object.entries(KafkaError).map(([name, code]) => [code, name]),
)
/** Of the library's own errors, those that scenarios expect. */
const OWN: Readonly<Record<number, string>> = {
  [-144]: '_FENCED',
  [-140]: '_AUTO_OFFSET_RESET',
  [NO_OFFSET]: '_NO_OFFSET',
  [-185]: '_TIMED_OUT',
  [-192]: '_MSG_TIMED_OUT',
  [-188]: '_UNKNOWN_TOPIC',
  [-190]: '_UNKNOWN_PARTITION',
  [-172]: '_STATE',
  [FATAL]: '_FATAL',
}
/** A fatal error has its cause in its text alone. */
const FATAL_CAUSES: readonly (readonly [string, string])[] = [
  ['Static consumer fenced', 'FENCED_INSTANCE_ID'],
  ['instance ID is still used', 'UNRELEASED_INSTANCE_ID'],
]

function nameOf(code: number | undefined, message: string): string {
  if (code === undefined) return 'ERROR'
  const cause = FATAL_CAUSES.find(([text]) => code === FATAL && message.includes(text))
  return cause?.[1] ?? (code > 0 ? NAMES.get(code) : OWN[code]) ?? `${code}`
}

async function closeAll(): Promise<void> {
  for (const admin of admins.all()) admin.disconnect()
  await Promise.allSettled([
    ...producers.all().map(({ producer }) => settled((done) => producer.disconnect(done))),
    ...consumers.all().map(closeConsumer),
  ])
}

const CODECS: readonly Codec[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

serve(
  {
    client: 'kafka-javascript',
    version: process.env.NATIVE_VERSION ?? 'unknown',
    features: [
      'sasl:PLAIN',
      'sasl:SCRAM-SHA-256',
      'sasl:SCRAM-SHA-512',
      'sasl:OAUTHBEARER',
      'idempotent',
      'transactions',
      'groups',
      'static',
      'cooperative',
      'group-consumer',
      'regex',
      'pause',
      'seek-time',
      'headers',
      'timestamps',
      'admin',
      'read-committed',
      'crash',
      'manual-partition',
      'keyed',
      ...CODECS.filter((one) => one === 'none' || library.features.includes(one)).map(
        (one) => `codec:${one}` as const,
      ),
    ],
  },
  {
    'producer.open': async ({ handle, bootstrap, config, sasl }) => {
      producers.add(handle, await openProducer(handle, bootstrap, config, sasl))
      return {}
    },
    'producer.send': ({ handle, topic, records }) => send(producers.get(handle), topic, records),
    'producer.init': async ({ handle }) => {
      const { producer } = producers.get(handle)
      await settled((done) => producer.initTransactions(WAIT_MS, done))
      return {}
    },
    'producer.begin': async ({ handle }) => {
      await settled((done) => producers.get(handle).producer.beginTransaction(done))
      return {}
    },
    'producer.commit': async ({ handle }) => {
      await settled((done) => producers.get(handle).producer.commitTransaction(WAIT_MS, done))
      return {}
    },
    'producer.abort': async ({ handle }) => {
      await settled((done) => producers.get(handle).producer.abortTransaction(WAIT_MS, done))
      return {}
    },
    'producer.sendOffsets': async ({ handle, consumer, offsets }) => {
      const { producer } = producers.get(handle)
      const from = consumers.get(consumer).consumer
      await settled((done) => producer.sendOffsetsToTransaction(offsets, from, WAIT_MS, done))
      return {}
    },
    'producer.close': async ({ handle }) => {
      const open = producers.take(handle)
      if (open !== undefined) await settled((done) => open.producer.disconnect(done))
      return {}
    },

    'consumer.open': async ({ handle, bootstrap, group, config, sasl }) => {
      consumers.add(handle, await openConsumer(handle, bootstrap, group, config, sasl))
      return {}
    },
    'consumer.subscribe': ({ handle, topics, pattern = '' }) => {
      const anchored = pattern.startsWith('^') ? pattern : `^${pattern}`
      consumers.get(handle).consumer.subscribe(topics ?? [anchored])
      return {}
    },
    'consumer.assign': ({ handle, partitions }) => {
      consumers.get(handle).consumer.assign(starting(partitions))
      return {}
    },
    'consumer.poll': ({ handle, maxRecords, timeoutMs }) =>
      poll(consumers.get(handle), maxRecords, timeoutMs),
    'consumer.commit': ({ handle, offsets }) => {
      commit(consumers.get(handle), offsets === undefined ? undefined : [...offsets])
      return {}
    },
    'consumer.committed': async ({ handle, partitions }) => {
      const { consumer } = consumers.get(handle)
      return known(await settled((done) => consumer.committed(partitions, WAIT_MS, done)))
    },
    'consumer.position': ({ handle, partitions }) =>
      known(consumers.get(handle).consumer.position(partitions)),
    'consumer.seek': async ({ handle, topic, partition, offset }) => {
      const { consumer, positions } = consumers.get(handle)
      await settled((done) => consumer.seek({ topic, partition, offset }, WAIT_MS, done))
      positions.delete(key({ topic, partition }))
      return {}
    },
    'consumer.offsetsForTimes': async ({ handle, partitions }) => {
      const { consumer } = consumers.get(handle)
      const asked = partitions.map((one) => ({ ...pair(one), offset: one.timestamp }))
      return known(await settled((done) => consumer.offsetsForTimes(asked, WAIT_MS, done)))
    },
    'consumer.beginningOffsets': ({ handle, partitions }) =>
      watermarks(consumers.get(handle).consumer, partitions, 'lowOffset'),
    'consumer.endOffsets': ({ handle, partitions }) =>
      watermarks(consumers.get(handle).consumer, partitions, 'highOffset'),
    'consumer.pause': ({ handle, partitions }) => {
      consumers.get(handle).consumer.pause(partitions)
      return {}
    },
    'consumer.resume': ({ handle, partitions }) => {
      consumers.get(handle).consumer.resume(partitions)
      return {}
    },
    'consumer.close': async ({ handle }) => {
      const open = consumers.take(handle)
      if (open !== undefined) await closeConsumer(open)
      return {}
    },

    'admin.open': ({ handle, bootstrap }) => {
      admins.add(handle, library.AdminClient.create(common(handle, bootstrap)))
      return {}
    },
    'admin.createTopics': async ({ handle, topics, validateOnly = false }) => {
      if (validateOnly) throw new Unsupported('it has no validate_only')
      for (const { name, partitions, replicationFactor = -1, configs = {} } of topics) {
        const topic = {
          topic: name,
          num_partitions: partitions,
          replication_factor: replicationFactor,
          config: configs,
        }
        await settled((done) => admins.get(handle).createTopic(topic, WAIT_MS, done))
      }
      return {}
    },
    'admin.deleteTopics': async ({ handle, topics }) => {
      for (const topic of topics) {
        await settled((done) => admins.get(handle).deleteTopic(topic, WAIT_MS, done))
      }
      return {}
    },
    'admin.describeTopics': async ({ handle, topics }) => {
      const found = await settled<Parameters<Parameters<Admin['describeTopics']>[2]>[1]>((done) =>
        admins.get(handle).describeTopics(topics, {}, done),
      )
      return {
        topics: sound(found).map(({ name, partitions }) => ({
          name,
          partitions: partitions.map(({ partition, leader, replicas, isr }) => ({
            partition,
            leader: leader?.id ?? -1,
            replicas: replicas.map(({ id }) => id),
            isr: isr.map(({ id }) => id),
          })),
        })),
      }
    },
    'admin.createPartitions': async ({ handle, topics }) => {
      for (const { name, partitions } of topics) {
        await settled((done) =>
          admins.get(handle).createPartitions(name, partitions, WAIT_MS, done),
        )
      }
      return {}
    },
    'admin.listGroups': async ({ handle }) => {
      const { groups } = await settled<{ readonly groups: readonly Group[] }>((done) =>
        admins.get(handle).listGroups({ timeout: WAIT_MS }, done),
      )
      return { groups: groups.map(listing) }
    },
    'admin.describeGroups': async ({ handle, groups }) => {
      const found = await settled<{ readonly groups: readonly Group[] }>((done) =>
        admins.get(handle).describeGroups(groups, { timeout: WAIT_MS }, done),
      )
      return {
        groups: sound(found.groups).map((group) => ({
          ...listing(group),
          members: (group.members ?? []).map((member) => ({
            memberId: member.memberId,
            instanceId: member.groupInstanceId ?? null,
            clientId: member.clientId,
            assignment: member.assignment.topicPartitions.map(pair),
          })),
        })),
      }
    },
    'admin.deleteGroups': async ({ handle, groups }) => {
      const done = await settled<readonly { readonly error?: LibraryError }[]>((answered) =>
        admins.get(handle).deleteGroups(groups, {}, answered),
      )
      sound(done)
      return {}
    },
    'admin.listOffsets': async ({ handle, group }) => {
      const found = await settled<Parameters<Parameters<Admin['listConsumerGroupOffsets']>[2]>[1]>(
        (done) => admins.get(handle).listConsumerGroupOffsets([{ groupId: group }], {}, done),
      )
      return known(sound(found).flatMap(({ partitions }) => partitions))
    },
    'admin.deleteRecords': async ({ handle, offsets }) => {
      const found = await settled<Parameters<Parameters<Admin['deleteRecords']>[2]>[1]>((done) =>
        admins.get(handle).deleteRecords(offsets, {}, done),
      )
      return {
        offsets: sound(found).map((one) => ({ ...pair(one), offset: one.lowWatermark })),
      }
    },
    'admin.close': ({ handle }) => {
      admins.take(handle)?.disconnect()
      return {}
    },
  },
  failure,
  closeAll,
)
