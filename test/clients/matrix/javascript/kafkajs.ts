// Adapter of kafkajs 2.2.4. It has no manual assignment, no static members, no cooperative assignor and
// no KIP-848; what it pushes is kept in an inbox until the runner polls.

import type {
  Admin,
  Consumer,
  EachBatchPayload,
  IHeaders,
  Producer,
  SASLOptions,
  Transaction,
} from 'kafkajs'
import kafkajs from 'kafkajs'
import type {
  Codec,
  ConsumerConfig,
  Failure,
  ProducerConfig,
  Sasl,
  SendRecord,
  TopicPartition,
} from '../protocol.ts'
import { plugCodecs } from './codecs.ts'
import { Inbox } from './inbox.ts'
import { base64, bytes, Handles, serve, Unsupported } from './serve.ts'

const { AssignerProtocol, CompressionTypes, ConfigResourceTypes, Kafka, logLevel, Partitioners } =
  kafkajs

const CODECS: Readonly<Record<Codec, number>> = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
}

interface OpenProducer {
  readonly producer: Producer
  readonly config: ProducerConfig
  transaction?: Transaction
}
interface OpenConsumer {
  readonly consumer: Consumer
  readonly admin: Admin
  readonly group: string
  readonly fromBeginning: boolean
  readonly inbox: Inbox
}

const producers = new Handles<OpenProducer>()
const consumers = new Handles<OpenConsumer>()
const admins = new Handles<Admin>()
plugCodecs()

function connection(bootstrap: string, sasl?: Sasl) {
  return new Kafka({
    clientId: 'matrix-kafkajs',
    brokers: [bootstrap],
    ...(sasl === undefined ? {} : { sasl: login(sasl) }),
    retry: { initialRetryTime: 100, retries: 6, maxRetryTime: 1_000 },
    logLevel: logLevel.ERROR,
    logCreator: () => (entry) =>
      void process.stderr.write(`${entry.namespace}: ${entry.log.message}\n`),
  })
}

function login(sasl: Sasl): SASLOptions {
  if (sasl.mechanism === 'OAUTHBEARER') {
    const { token: value } = sasl
    return { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value }) }
  }
  // One of its own words, whose types are three shapes.
  const mechanism = sasl.mechanism.toLowerCase() as 'plain'
  return { mechanism, username: sasl.username, password: sasl.password }
}

async function openProducer(
  bootstrap: string,
  config: ProducerConfig,
  sasl?: Sasl,
): Promise<OpenProducer> {
  const producer = connection(bootstrap, sasl).producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    idempotent: config.idempotence ?? config.transactionalId !== undefined,
    maxInFlightRequests: config.maxInFlight ?? 1,
    ...(config.transactionalId === undefined ? {} : { transactionalId: config.transactionalId }),
    ...(config.transactionTimeoutMs === undefined
      ? {}
      : { transactionTimeout: config.transactionTimeoutMs }),
  })
  // Connecting a transactional producer initializes its id, which is the verb `init`.
  if (config.transactionalId === undefined) await producer.connect()
  return { producer, config }
}

async function send(
  { producer, config, transaction }: OpenProducer,
  topic: string,
  records: readonly SendRecord[],
) {
  const messages = records.map((record) => ({
    key: bytes(record.key),
    value: bytes(record.value),
    headers: headersOut(record.headers),
    ...(record.partition === undefined ? {} : { partition: record.partition }),
    ...(record.timestamp === undefined ? {} : { timestamp: `${record.timestamp}` }),
  }))
  const to = transaction ?? producer
  const compression = CODECS[config.codec ?? 'none']
  const results = await to.send({ topic, messages, compression, acks: config.acks ?? -1 })
  return { acks: config.acks === 0 ? [] : acks(records, results) }
}

/** One answer a partition, so this knows where each record went only when the records say it. */
function acks(
  records: readonly SendRecord[],
  results: readonly { readonly partition: number; readonly baseOffset?: string }[],
) {
  const next = new Map(results.map((one) => [one.partition, Number(one.baseOffset)]))
  const only = results.length === 1 ? results[0]?.partition : undefined
  return records.flatMap((record) => {
    const partition = record.partition ?? only
    const offset = partition === undefined ? undefined : next.get(partition)
    if (partition === undefined || offset === undefined) return []
    next.set(partition, offset + 1)
    return [{ partition, offset }]
  })
}

/** Kafkajs wants an object, so repeated names become one array. */
function headersOut(headers: SendRecord['headers']): IHeaders {
  const out: Record<string, Buffer | Buffer[]> = {}
  for (const [name, value] of headers) {
    const one = bytes(value)
    if (one === null) throw new Unsupported('kafkajs has no null header values')
    const before = out[name]
    out[name] = before === undefined ? one : [before, one].flat()
  }
  return out
}

function headersIn(headers: IHeaders | undefined): [string, string | null][] {
  return Object.entries(headers ?? {}).flatMap(([name, value]) =>
    [value].flat().map((one): [string, string | null] => [name, base64(one)]),
  )
}

async function openConsumer(
  bootstrap: string,
  group: string | undefined,
  config: ConsumerConfig,
  sasl?: Sasl,
): Promise<OpenConsumer> {
  const { protocol = 'classic', assignor = 'roundrobin', offsetReset = 'latest' } = config
  if (group === undefined) throw new Unsupported('kafkajs consumes only as a member of a group')
  if (protocol !== 'classic') throw new Unsupported('kafkajs speaks classic groups only')
  if (assignor !== 'roundrobin') throw new Unsupported(`kafkajs has no ${assignor} assignor`)
  if (config.instanceId !== undefined) throw new Unsupported('kafkajs has no static members')
  if (offsetReset === 'none') throw new Unsupported('kafkajs always resets')
  const kafka = connection(bootstrap, sasl)
  const consumer = kafka.consumer({
    groupId: group,
    sessionTimeout: config.sessionTimeoutMs ?? 10_000,
    heartbeatInterval: config.heartbeatMs ?? 500,
    rebalanceTimeout: config.rebalanceTimeoutMs ?? 10_000,
    maxWaitTimeInMs: 200,
    readUncommitted: config.isolation !== 'read_committed',
  })
  const admin = kafka.admin()
  await Promise.all([consumer.connect(), admin.connect()])
  const inbox = new Inbox()
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    inbox.revoked()
    inbox.clear()
    inbox.assigned(flat(payload.memberAssignment))
  })
  consumer.on(consumer.events.REBALANCING, () => inbox.revoked())
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) inbox.fail(payload.error)
  })
  return { consumer, admin, group, inbox, fromBeginning: offsetReset === 'earliest' }
}

function flat(assignment: Readonly<Record<string, readonly number[]>>): TopicPartition[] {
  return Object.entries(assignment).flatMap(([topic, partitions]) =>
    partitions.map((partition) => ({ topic, partition })),
  )
}

async function deliver(inbox: Inbox, payload: EachBatchPayload): Promise<void> {
  const { batch, isRunning, isStale } = payload
  const { topic, partition } = batch
  for (const message of batch.messages) {
    while (inbox.full && isRunning() && !isStale()) {
      await payload.heartbeat()
      await new Promise((done) => setTimeout(done, 50))
    }
    if (!isRunning() || isStale()) return
    inbox.push({
      topic,
      partition,
      offset: Number(message.offset),
      timestamp: Number(message.timestamp),
      key: base64(message.key),
      value: base64(message.value),
      headers: headersIn(message.headers),
    })
    payload.resolveOffset(message.offset)
  }
}

async function committed({ admin, group }: OpenConsumer, partitions: readonly TopicPartition[]) {
  const topics = [...new Set(partitions.map((one) => one.topic))]
  const offsets = await admin.fetchOffsets({ groupId: group, topics })
  return partitions.map(({ topic, partition }) => {
    const found = offsets.find((one) => one.topic === topic)?.partitions
    const offset = Number(found?.find((one) => one.partition === partition)?.offset ?? -1)
    return { topic, partition, offset: offset < 0 ? null : offset }
  })
}

type Watermark = 'low' | 'high'

async function watermarks(admin: Admin, which: Watermark, partitions: readonly TopicPartition[]) {
  return Promise.all(
    partitions.map(async ({ topic, partition }) => {
      const all = await admin.fetchTopicOffsets(topic)
      const found = all.find((one) => one.partition === partition)
      return { topic, partition, offset: Number(found?.[which] ?? -1) }
    }),
  )
}

function byTopic<T extends TopicPartition>(partitions: readonly T[]) {
  const topics = [...new Set(partitions.map((one) => one.topic))]
  return topics.map((topic) => ({
    topic,
    partitions: partitions.filter((one) => one.topic === topic),
  }))
}

function resourceType(type: 'topic' | 'broker' | 'group') {
  if (type === 'group') throw new Unsupported('kafkajs knows no group configs')
  return type === 'topic' ? ConfigResourceTypes.TOPIC : ConfigResourceTypes.BROKER
}

function failure(error: unknown): Failure {
  const { message } = error instanceof Error ? error : { message: String(error) }
  const protocol = named(error)
  return {
    code: protocol?.type ?? (error instanceof Error ? error.name : 'ERROR'),
    message,
    retriable: protocol?.retriable ?? false,
  }
}

interface Named {
  readonly type?: string
  readonly retriable?: boolean
  readonly cause?: unknown
  readonly errors?: readonly unknown[]
  readonly groups?: readonly { readonly error?: unknown }[]
  readonly partitions?: readonly { readonly error?: unknown }[]
}

/** The first error with Kafka's name among an error, its cause and its parts. */
function named(error: unknown): Named | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { type, cause, errors = [], groups = [], partitions = [] } = error as Named
  if (type !== undefined) return error
  const parts = [...groups, ...partitions].map((one) => one.error)
  for (const inner of [cause, ...errors, ...parts]) {
    const found = named(inner)
    if (found !== undefined) return found
  }
  return undefined
}

async function closeAll(): Promise<void> {
  const open = [
    ...producers.all().map(({ producer }) => producer.disconnect()),
    ...consumers
      .all()
      .flatMap(({ consumer, admin }) => [consumer.disconnect(), admin.disconnect()]),
    ...admins.all().map((admin) => admin.disconnect()),
  ]
  await Promise.allSettled(open)
}

serve(
  {
    client: 'kafkajs',
    version: '2.2.4',
    features: [
      'idempotent',
      'transactions',
      'groups',
      'regex',
      'pause',
      'seek-time',
      'headers',
      'timestamps',
      'admin',
      'read-committed',
      'crash',
      'keyed',
      'codec:none',
      'codec:gzip',
      'codec:snappy',
      'codec:lz4',
      'codec:zstd',
      'sasl:PLAIN',
      'sasl:SCRAM-SHA-256',
      'sasl:SCRAM-SHA-512',
      'sasl:OAUTHBEARER',
    ],
  },
  {
    'producer.open': async ({ handle, bootstrap, config, sasl }) => {
      producers.add(handle, await openProducer(bootstrap, config, sasl))
      return {}
    },
    'producer.send': ({ handle, topic, records }) => send(producers.get(handle), topic, records),
    'producer.init': async ({ handle }) => {
      await producers.get(handle).producer.connect()
      return {}
    },
    'producer.begin': async ({ handle }) => {
      const open = producers.get(handle)
      open.transaction = await open.producer.transaction()
      return {}
    },
    'producer.commit': async ({ handle }) => {
      await ended(producers.get(handle)).commit()
      return {}
    },
    'producer.abort': async ({ handle }) => {
      await ended(producers.get(handle)).abort()
      return {}
    },
    'producer.sendOffsets': async ({ handle, consumer, offsets }) => {
      const { transaction } = producers.get(handle)
      if (transaction === undefined) throw new Error('no transaction has begun')
      const topics = byTopic(offsets).map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition, offset }) => ({ partition, offset: `${offset}` })),
      }))
      await transaction.sendOffsets({ consumerGroupId: consumers.get(consumer).group, topics })
      return {}
    },
    'producer.close': async ({ handle }) => {
      await producers.take(handle)?.producer.disconnect()
      return {}
    },

    'consumer.open': async ({ handle, bootstrap, group, config, sasl }) => {
      consumers.add(handle, await openConsumer(bootstrap, group, config, sasl))
      return {}
    },
    'consumer.subscribe': async ({ handle, topics = [], pattern }) => {
      const { consumer, inbox, fromBeginning } = consumers.get(handle)
      const wanted = pattern === undefined ? [...topics] : [new RegExp(pattern)]
      await consumer.subscribe({ topics: wanted, fromBeginning })
      const running = consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        eachBatch: (payload) => deliver(inbox, payload),
      })
      running.catch((error) => inbox.fail(error))
      return {}
    },
    'consumer.poll': ({ handle, maxRecords, timeoutMs }) =>
      consumers.get(handle).inbox.poll(maxRecords, timeoutMs),
    'consumer.commit': async ({ handle, offsets }) => {
      const { consumer, inbox } = consumers.get(handle)
      const positions = offsets ?? inbox.positions()
      await consumer.commitOffsets(positions.map((one) => ({ ...one, offset: `${one.offset}` })))
      return {}
    },
    'consumer.committed': async ({ handle, partitions }) => ({
      offsets: await committed(consumers.get(handle), partitions),
    }),
    'consumer.seek': ({ handle, topic, partition, offset }) => {
      const { consumer, inbox } = consumers.get(handle)
      consumer.seek({ topic, partition, offset: `${offset}` })
      inbox.drop({ topic, partition })
      return {}
    },
    'consumer.offsetsForTimes': async ({ handle, partitions }) => {
      const { admin } = consumers.get(handle)
      // It answers the end for "no record is that young", so the end is taken for that.
      const ends = await watermarks(admin, 'high', partitions)
      const offsets = partitions.map(async ({ topic, partition, timestamp }, index) => {
        const all = await admin.fetchTopicOffsetsByTimestamp(topic, timestamp)
        const found = Number(all.find((one) => one.partition === partition)?.offset ?? -1)
        const none = found < 0 || found === ends[index]?.offset
        return { topic, partition, offset: none ? null : found }
      })
      return { offsets: await Promise.all(offsets) }
    },
    'consumer.beginningOffsets': async ({ handle, partitions }) => ({
      offsets: await watermarks(consumers.get(handle).admin, 'low', partitions),
    }),
    'consumer.endOffsets': async ({ handle, partitions }) => ({
      offsets: await watermarks(consumers.get(handle).admin, 'high', partitions),
    }),
    'consumer.pause': ({ handle, partitions }) => {
      consumers.get(handle).consumer.pause(paused(partitions))
      return {}
    },
    'consumer.resume': ({ handle, partitions }) => {
      consumers.get(handle).consumer.resume(paused(partitions))
      return {}
    },
    'consumer.close': async ({ handle }) => {
      const open = consumers.take(handle)
      await Promise.all([open?.consumer.disconnect(), open?.admin.disconnect()])
      return {}
    },

    'admin.open': async ({ handle, bootstrap }) => {
      const admin = connection(bootstrap).admin()
      await admin.connect()
      admins.add(handle, admin)
      return {}
    },
    'admin.createTopics': async ({ handle, topics, validateOnly = false }) => {
      const created = await admins.get(handle).createTopics({
        validateOnly,
        waitForLeaders: !validateOnly,
        topics: topics.map(({ name, partitions, replicationFactor = 1, configs = {} }) => ({
          topic: name,
          numPartitions: partitions,
          replicationFactor,
          configEntries: Object.entries(configs).map(([name, value]) => ({ name, value })),
        })),
      })
      // Kafkajs says false for this error alone, and validates with true.
      if (!created) throw Object.assign(new Error('exists'), { type: 'TOPIC_ALREADY_EXISTS' })
      return {}
    },
    'admin.deleteTopics': async ({ handle, topics }) => {
      await admins.get(handle).deleteTopics({ topics: [...topics] })
      return {}
    },
    'admin.describeTopics': async ({ handle, topics }) => {
      const found = await admins.get(handle).fetchTopicMetadata({ topics: [...topics] })
      return {
        topics: found.topics.map(({ name, partitions }) => ({
          name,
          partitions: partitions.map(({ partitionId, leader, replicas, isr }) => ({
            partition: partitionId,
            leader,
            replicas,
            isr,
          })),
        })),
      }
    },
    'admin.createPartitions': async ({ handle, topics }) => {
      const topicPartitions = topics.map(({ name, partitions }) => ({
        topic: name,
        count: partitions,
      }))
      await admins.get(handle).createPartitions({ topicPartitions })
      return {}
    },
    'admin.listGroups': async ({ handle }) => {
      const { groups } = await admins.get(handle).listGroups()
      return { groups: groups.map(({ groupId }) => ({ group: groupId, state: '', type: '' })) }
    },
    'admin.describeGroups': async ({ handle, groups }) => {
      const found = await admins.get(handle).describeGroups([...groups])
      return {
        groups: found.groups.map((one) => ({
          group: one.groupId,
          state: one.state,
          type: 'classic',
          members: one.members.map(({ memberId, clientId, memberAssignment }) => ({
            memberId,
            clientId,
            instanceId: null,
            assignment: flat(
              memberAssignment.length === 0
                ? {}
                : (AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment ?? {}),
            ),
          })),
        })),
      }
    },
    'admin.deleteGroups': async ({ handle, groups }) => {
      await admins.get(handle).deleteGroups([...groups])
      return {}
    },
    'admin.listOffsets': async ({ handle, group }) => {
      const found = await admins.get(handle).fetchOffsets({ groupId: group })
      return {
        offsets: found.flatMap(({ topic, partitions }) =>
          partitions.map(({ partition, offset }) => ({ topic, partition, offset: Number(offset) })),
        ),
      }
    },
    'admin.describeConfigs': async ({ handle, resources }) => {
      const found = await admins.get(handle).describeConfigs({
        includeSynonyms: false,
        resources: resources.map(({ type, name }) => ({ type: resourceType(type), name })),
      })
      return {
        resources: found.resources.map(({ resourceName, configEntries }, index) => ({
          type: resources[index]?.type ?? 'topic',
          name: resourceName,
          configs: Object.fromEntries(
            configEntries.map(({ configName, configValue }) => [configName, configValue]),
          ),
        })),
      }
    },
    // The older AlterConfigs: what is not named goes back to its default.
    'admin.alterConfigs': async ({ handle, resources }) => {
      await admins.get(handle).alterConfigs({
        validateOnly: false,
        resources: resources.map(({ type, name, set = {} }) => ({
          type: resourceType(type),
          name,
          configEntries: Object.entries(set).map(([name, value]) => ({ name, value })),
        })),
      })
      return {}
    },
    'admin.deleteRecords': async ({ handle, offsets }) => {
      const admin = admins.get(handle)
      for (const { topic, partitions } of byTopic(offsets)) {
        // It deletes only in topics that it has looked up before.
        await admin.fetchTopicOffsets(topic)
        await admin.deleteTopicRecords({
          topic,
          partitions: partitions.map(({ partition, offset }) => ({
            partition,
            offset: `${offset}`,
          })),
        })
      }
      return { offsets: await watermarks(admin, 'low', offsets) }
    },
    'admin.close': async ({ handle }) => {
      await admins.take(handle)?.disconnect()
      return {}
    },
  },
  failure,
  closeAll,
)

/** The running transaction, which ends now: a failed end leaves none to use. */
function ended(open: OpenProducer): Transaction {
  const { transaction } = open
  if (transaction === undefined) throw new Error('no transaction has begun')
  delete open.transaction
  return transaction
}

function paused(partitions: readonly TopicPartition[]) {
  return byTopic(partitions).map((one) => ({
    topic: one.topic,
    partitions: one.partitions.map(({ partition }) => partition),
  }))
}
