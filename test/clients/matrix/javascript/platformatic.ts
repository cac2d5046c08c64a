// Adapter of @platformatic/kafka 2.12.1. It consumes as a member of a group only, without patterns,
// seeking or pausing of single partitions; its streams push, so an inbox keeps what they gave.

import {
  Admin,
  ConfigResourceTypes,
  Consumer,
  compatibilityPartitioner,
  IncrementalAlterConfigOperationTypes,
  type Message,
  type MessagesStream,
  Producer,
} from '@platformatic/kafka'
import type {
  ConsumerConfig,
  Failure,
  PartitionOffset,
  ProducerConfig,
  Sasl,
  SendRecord,
  TopicPartition,
} from '../protocol.ts'
import { Inbox } from './inbox.ts'
import { base64, bytes, Handles, serve, Unsupported } from './serve.ts'

type Transaction = Awaited<ReturnType<Producer['beginTransaction']>>

interface OpenProducer {
  readonly producer: Producer
  readonly config: ProducerConfig
  transaction?: Transaction | undefined
}
interface OpenConsumer {
  readonly consumer: Consumer
  readonly config: ConsumerConfig
  readonly inbox: Inbox
  stream?: MessagesStream<Buffer, Buffer, Buffer, Buffer>
}

const EARLIEST = -2n
const LATEST = -1n

const producers = new Handles<OpenProducer>()
const consumers = new Handles<OpenConsumer>()
const admins = new Handles<Admin>()

function connection(bootstrap: string, sasl?: Sasl) {
  return {
    clientId: 'matrix-platformatic',
    bootstrapBrokers: [bootstrap],
    ...(sasl === undefined ? {} : { sasl: login(sasl) }),
    retries: 5,
    retryDelay: 200,
    autocreateTopics: false,
  }
}

/** It takes no settings that a mechanism has not. */
function login(sasl: Sasl) {
  if (sasl.mechanism !== 'OAUTHBEARER') return sasl
  return { mechanism: sasl.mechanism, token: sasl.token }
}

function openProducer(bootstrap: string, config: ProducerConfig, sasl?: Sasl): OpenProducer {
  const { transactionalId, idempotence = transactionalId !== undefined } = config
  const producer = new Producer({
    ...connection(bootstrap, sasl),
    idempotent: idempotence,
    acks: config.acks ?? -1,
    compression: config.codec ?? 'none',
    ...(config.maxInFlight === undefined ? {} : { maxInflights: config.maxInFlight }),
    // Java's placement; its default one differs for half of the keys.
    partitioner: compatibilityPartitioner,
    // Without these it claims to be producer 0 at epoch 0 and cannot take over its own id.
    ...(transactionalId === undefined
      ? {}
      : { transactionalId, producerId: -1n, producerEpoch: -1 }),
    // A transaction's timeout is that of every request.
    ...(config.transactionTimeoutMs === undefined ? {} : { timeout: config.transactionTimeoutMs }),
  })
  return { producer, config }
}

async function send(
  { producer, transaction }: OpenProducer,
  topic: string,
  records: readonly SendRecord[],
) {
  const messages = records.map(({ key, value, headers, partition, timestamp }) => ({
    topic,
    // It takes undefined for null, and no other word for it.
    ...(key === null ? {} : { key: bytes(key) as Buffer }),
    ...(value === null ? {} : { value: bytes(value) as Buffer }),
    headers: new Map(headers.map(([name, one]) => [Buffer.from(name), headerValue(one)])),
    ...(partition === undefined ? {} : { partition }),
    ...(timestamp === undefined ? {} : { timestamp: BigInt(timestamp) }),
  }))
  const { offsets = [] } = await (transaction ?? producer).send({ messages })
  const next = new Map(offsets.map((one) => [one.partition, Number(one.offset)]))
  const only = offsets.length === 1 ? offsets[0]?.partition : undefined
  const acks = records.flatMap((record) => {
    const partition = record.partition ?? only
    const offset = partition === undefined ? undefined : next.get(partition)
    if (partition === undefined || offset === undefined) return []
    next.set(partition, offset + 1)
    return [{ partition, offset }]
  })
  return { acks }
}

function headerValue(value: string | null): Buffer {
  const one = bytes(value)
  if (one === null) throw new Unsupported('@platformatic/kafka has no null header values')
  return one
}

function openConsumer(
  bootstrap: string,
  group: string | undefined,
  config: ConsumerConfig,
  sasl?: Sasl,
): OpenConsumer {
  if (group === undefined) throw new Unsupported('it consumes only as a member of a group')
  const { protocol = 'classic', assignor } = config
  if (protocol === 'classic' && assignor !== undefined && assignor !== 'roundrobin') {
    throw new Unsupported(`@platformatic/kafka has no ${assignor} assignor`)
  }
  const sessionMs = (protocol === 'classic' ? config.sessionTimeoutMs : undefined) ?? 60_000
  const consumer = new Consumer({
    ...connection(bootstrap, sasl),
    groupId: group,
    // It wants no shorter one than the session's, even where that is the broker's to say.
    rebalanceTimeout: Math.max(config.rebalanceTimeoutMs ?? 0, sessionMs),
    isolationLevel: config.isolation === 'read_committed' ? 1 : 0,
    ...(config.instanceId === undefined ? {} : { groupInstanceId: config.instanceId }),
    ...(protocol === 'consumer'
      ? {
          groupProtocol: 'consumer' as const,
          ...(assignor === undefined ? {} : { groupRemoteAssignor: assignor }),
        }
      : {
          sessionTimeout: sessionMs,
          heartbeatInterval: config.heartbeatMs ?? 500,
        }),
  })
  const inbox = new Inbox()
  consumer.on('consumer:group:rebalance', () => {
    if (protocol === 'classic') inbox.revoked()
  })
  consumer.on('consumer:group:join', () => {
    if (protocol === 'classic') inbox.assigned(assignment(consumer))
  })
  // With KIP-848 it says nothing of what comes and goes later.
  consumer.on('consumer:heartbeat:end', () => {
    if (protocol === 'consumer') inbox.changed(assignment(consumer))
  })
  return { consumer, config, inbox }
}

function assignment({ assignments }: Consumer): TopicPartition[] {
  return (assignments ?? []).flatMap(({ topic, partitions }) =>
    partitions.map((partition) => ({ topic, partition })),
  )
}

const FALLBACK = { earliest: 'earliest', latest: 'latest', none: 'fail' } as const

async function subscribe(open: OpenConsumer, topics: readonly string[]): Promise<void> {
  const { consumer, config, inbox } = open
  const stream = await consumer.consume({
    topics: [...topics],
    autocommit: false,
    mode: 'committed',
    fallbackMode: FALLBACK[config.offsetReset ?? 'latest'],
    maxWaitTime: 200,
  })
  open.stream = stream
  stream.on('error', (error) => inbox.fail(error))
  stream.on('data', (message) => {
    // A fetch under way when the assignment changed still gives what is another member's by now.
    if (inbox.owns(message)) inbox.push(received(message))
    if (inbox.full) stream.pause()
  })
}

function received(message: Message<Buffer, Buffer, Buffer, Buffer>) {
  const { topic, partition, offset, timestamp, key, value, headerEntries } = message
  return {
    topic,
    partition,
    offset: Number(offset),
    timestamp: Number(timestamp),
    key: base64(key),
    value: base64(value),
    headers: headerEntries.map(([name, one]): [string, string | null] => [
      name.toString(),
      base64(one),
    ]),
  }
}

function byTopic<T extends TopicPartition>(partitions: readonly T[]) {
  const topics = [...new Set(partitions.map((one) => one.topic))]
  return topics.map((topic) => ({
    topic,
    partitions: partitions.filter((one) => one.topic === topic),
  }))
}

function numbers(partitions: readonly TopicPartition[]): number[] {
  return partitions.map((one) => one.partition)
}

async function ends(consumer: Consumer, partitions: readonly TopicPartition[], timestamp: bigint) {
  const found = await consumer.listOffsets({
    topics: byTopic(partitions).map((one) => one.topic),
    partitions: Object.fromEntries(
      byTopic(partitions).map((one) => [one.topic, numbers(one.partitions)]),
    ),
    timestamp,
  })
  return {
    offsets: partitions.map(({ topic, partition }) => ({
      topic,
      partition,
      offset: Number(found.get(topic)?.[partition] ?? -1n),
    })),
  }
}

async function committed(consumer: Consumer, partitions: readonly TopicPartition[]) {
  const topics = byTopic(partitions).map((one) => ({
    topic: one.topic,
    partitions: numbers(one.partitions),
  }))
  const found = await consumer.listCommittedOffsets({ topics })
  return {
    offsets: partitions.map(({ topic, partition }) => {
      const offset = Number(found.get(topic)?.[partition] ?? -1n)
      return { topic, partition, offset: offset < 0 ? null : offset }
    }),
  }
}

/** It adds messages to a transaction and commits the offset after each. */
async function sendOffsets(
  { transaction }: OpenProducer,
  consumer: Consumer,
  offsets: readonly PartitionOffset[],
): Promise<void> {
  if (transaction === undefined) throw new Error('no transaction has begun')
  await transaction.addConsumer(consumer)
  const { groupId, generationId, memberId, coordinatorId } = consumer
  const metadata = { consumer: { groupId, generationId, memberId, coordinatorId } }
  for (const { topic, partition, offset } of offsets) {
    const message = { topic, partition, offset: BigInt(offset) - 1n, metadata }
    await transaction.addOffset(message as unknown as Message)
  }
}

const RESOURCES = {
  topic: ConfigResourceTypes.TOPIC,
  broker: ConfigResourceTypes.BROKER,
  group: ConfigResourceTypes.GROUP,
} as const

function failure(error: unknown): Failure {
  const { message } = error instanceof Error ? error : { message: String(error) }
  const found = protocolError(error)
  const userError = error instanceof Error && message.includes('has no committed offset')
  return {
    code: userError ? 'NO_OFFSET' : (found?.apiId ?? codeOf(error)),
    message: found === undefined ? message : `${message}: ${found.message}`,
    retriable: found?.canRetry ?? false,
  }
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? `${error.code}` : 'ERROR'
}

interface ProtocolError {
  readonly apiId: string
  readonly message: string
  readonly canRetry?: boolean
}

/** The first error with Kafka's name among an error, its cause and its parts. */
function protocolError(error: unknown): ProtocolError | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  if ('apiId' in error && typeof error.apiId === 'string') return error as ProtocolError
  const { cause, errors } = error as { cause?: unknown; errors?: unknown }
  for (const inner of [cause, ...(Array.isArray(errors) ? errors : [])]) {
    const found = protocolError(inner)
    if (found !== undefined) return found
  }
  return undefined
}

async function closeConsumer({ consumer }: OpenConsumer): Promise<void> {
  await consumer.close(true)
}

async function closeAll(): Promise<void> {
  await Promise.allSettled([
    ...producers.all().map(({ producer }) => producer.close(true)),
    ...consumers.all().map(closeConsumer),
    ...admins.all().map((admin) => admin.close()),
  ])
}

serve(
  {
    client: 'platformatic',
    version: '2.12.1',
    features: [
      'idempotent',
      'transactions',
      'groups',
      'static',
      'group-consumer',
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
    'producer.open': ({ handle, bootstrap, config, sasl }) => {
      producers.add(handle, openProducer(bootstrap, config, sasl))
      return {}
    },
    'producer.send': ({ handle, topic, records }) => send(producers.get(handle), topic, records),
    // It initializes its id in the first transaction, so that one is begun here already.
    'producer.init': async ({ handle }) => {
      const open = producers.get(handle)
      open.transaction = await open.producer.beginTransaction()
      return {}
    },
    'producer.begin': async ({ handle }) => {
      const open = producers.get(handle)
      open.transaction ??= await open.producer.beginTransaction()
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
      await sendOffsets(producers.get(handle), consumers.get(consumer).consumer, offsets)
      return {}
    },
    'producer.close': async ({ handle }) => {
      await producers.take(handle)?.producer.close(true)
      return {}
    },

    'consumer.open': ({ handle, bootstrap, group, config, sasl }) => {
      consumers.add(handle, openConsumer(bootstrap, group, config, sasl))
      return {}
    },
    'consumer.subscribe': ({ handle, topics = [], pattern }) => {
      if (pattern !== undefined) throw new Unsupported('it subscribes to topics by name only')
      const open = consumers.get(handle)
      subscribe(open, topics).catch((error) => open.inbox.fail(error))
      return {}
    },
    'consumer.poll': async ({ handle, maxRecords, timeoutMs }) => {
      const { inbox, stream } = consumers.get(handle)
      const got = await inbox.poll(maxRecords, timeoutMs)
      if (!inbox.full && stream?.isPaused() === true) stream.resume()
      return got
    },
    'consumer.commit': async ({ handle, offsets }) => {
      const { consumer, inbox } = consumers.get(handle)
      await consumer.commit({
        offsets: (offsets ?? inbox.positions()).map((one) => ({
          ...one,
          offset: BigInt(one.offset),
          leaderEpoch: -1,
        })),
      })
      return {}
    },
    'consumer.committed': ({ handle, partitions }) =>
      committed(consumers.get(handle).consumer, partitions),
    'consumer.offsetsForTimes': async ({ handle, partitions }) => {
      const { consumer } = consumers.get(handle)
      const offsets = partitions.map(async ({ topic, partition, timestamp }) => {
        const found = await consumer.listOffsetsWithTimestamps({
          topics: [topic],
          partitions: { [topic]: [partition] },
          timestamp: BigInt(timestamp),
        })
        const offset = Number(found.get(topic)?.get(partition)?.offset ?? -1n)
        return { topic, partition, offset: offset < 0 ? null : offset }
      })
      return { offsets: await Promise.all(offsets) }
    },
    'consumer.beginningOffsets': ({ handle, partitions }) =>
      ends(consumers.get(handle).consumer, partitions, EARLIEST),
    'consumer.endOffsets': ({ handle, partitions }) =>
      ends(consumers.get(handle).consumer, partitions, LATEST),
    'consumer.close': async ({ handle }) => {
      const open = consumers.take(handle)
      if (open !== undefined) await closeConsumer(open)
      return {}
    },

    'admin.open': ({ handle, bootstrap }) => {
      admins.add(handle, new Admin(connection(bootstrap)))
      return {}
    },
    'admin.createTopics': async ({ handle, topics, validateOnly = false }) => {
      if (validateOnly) throw new Unsupported('it creates topics without validating only')
      for (const { name, partitions, replicationFactor = 1, configs = {} } of topics) {
        await admins.get(handle).createTopics({
          topics: [name],
          partitions,
          replicas: replicationFactor,
          configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
        })
      }
      return {}
    },
    'admin.deleteTopics': async ({ handle, topics }) => {
      await admins.get(handle).deleteTopics({ topics: [...topics] })
      return {}
    },
    'admin.describeTopics': async ({ handle, topics }) => {
      const found = await admins.get(handle).metadata({ topics: [...topics], forceUpdate: true })
      return {
        topics: [...found.topics].map(([name, { partitions }]) => ({
          name,
          partitions: partitions.map(({ leader, replicas, isr }, partition) => ({
            partition,
            leader,
            replicas,
            isr,
          })),
        })),
      }
    },
    'admin.createPartitions': async ({ handle, topics }) => {
      await admins.get(handle).createPartitions({
        topics: topics.map(({ name, partitions }) => ({
          name,
          count: partitions,
          assignments: null,
        })),
      })
      return {}
    },
    'admin.listGroups': async ({ handle }) => {
      const groups = await admins.get(handle).listGroups()
      return {
        groups: [...groups.values()].map(({ id, state, groupType = '' }) => ({
          group: id,
          state,
          type: groupType,
        })),
      }
    },
    'admin.describeGroups': async ({ handle, groups }) => {
      const found = await admins.get(handle).describeGroups({ groups: [...groups] })
      return {
        groups: [...found.values()].map(({ id, state, members }) => ({
          group: id,
          state,
          type: '',
          members: [...members.values()].map((one) => ({
            memberId: one.id,
            instanceId: one.groupInstanceId ?? null,
            clientId: one.clientId,
            assignment: [...(one.assignments?.values() ?? [])].flatMap(({ topic, partitions }) =>
              partitions.map((partition) => ({ topic, partition })),
            ),
          })),
        })),
      }
    },
    'admin.deleteGroups': async ({ handle, groups }) => {
      await admins.get(handle).deleteGroups({ groups: [...groups] })
      return {}
    },
    'admin.listOffsets': async ({ handle, group }) => {
      const [found] = await admins.get(handle).listConsumerGroupOffsets({ groups: [group] })
      return {
        offsets: (found?.topics ?? []).flatMap(({ name, partitions }) =>
          partitions.map(({ partitionIndex, committedOffset }) => ({
            topic: name,
            partition: partitionIndex,
            offset: Number(committedOffset),
          })),
        ),
      }
    },
    'admin.deleteOffsets': async ({ handle, group, partitions }) => {
      await admins.get(handle).deleteConsumerGroupOffsets({
        groupId: group,
        topics: byTopic(partitions).map((one) => ({
          name: one.topic,
          partitionIndexes: numbers(one.partitions),
        })),
      })
      return {}
    },
    'admin.describeConfigs': async ({ handle, resources }) => {
      const found = await admins.get(handle).describeConfigs({
        resources: resources.map(({ type, name }) => ({
          resourceType: RESOURCES[type],
          resourceName: name,
          configurationKeys: null,
        })),
      })
      return {
        resources: found.map(({ resourceName, configs }, index) => ({
          type: resources[index]?.type ?? 'topic',
          name: resourceName,
          configs: Object.fromEntries(configs.map(({ name, value }) => [name, value ?? null])),
        })),
      }
    },
    'admin.alterConfigs': async ({ handle, resources }) => {
      const { SET, DELETE } = IncrementalAlterConfigOperationTypes
      await admins.get(handle).incrementalAlterConfigs({
        resources: resources.map(({ type, name, set = {}, delete: unset = [] }) => ({
          resourceType: RESOURCES[type],
          resourceName: name,
          configs: [
            ...Object.entries(set).map(([name, value]) => ({
              name,
              value,
              configOperation: SET,
            })),
            ...unset.map((name) => ({ name, value: null, configOperation: DELETE })),
          ],
        })),
      })
      return {}
    },
    'admin.deleteRecords': async ({ handle, offsets }) => {
      const found = await admins.get(handle).deleteRecords({
        topics: byTopic(offsets).map(({ topic, partitions }) => ({
          name: topic,
          partitions: partitions.map(({ partition, offset }) => ({
            partition,
            offset: BigInt(offset),
          })),
        })),
      })
      return {
        offsets: found.flatMap(({ name, partitions }) =>
          partitions.map(({ partition, lowWatermark }) => ({
            topic: name,
            partition,
            offset: Number(lowWatermark),
          })),
        ),
      }
    },
    'admin.close': async ({ handle }) => {
      await admins.take(handle)?.close()
      return {}
    },
  },
  failure,
  closeAll,
)

/** The running transaction, which ends now. */
function ended(open: OpenProducer): Transaction {
  const { transaction } = open
  if (transaction === undefined) throw new Error('no transaction has begun')
  open.transaction = undefined
  return transaction
}
