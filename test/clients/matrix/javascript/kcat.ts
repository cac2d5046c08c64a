// Adapter of kcat 1.7 (librdkafka 2.0.2). Each send is a run of `kcat -P`; each assigned partition a
// `kcat -C`, a group member a `kcat -G` whose rebalances are read from what it prints. kcat commits
// nothing by itself here and cannot be told to; keys and values must be text for its JSON output.

import type {
  ConsumerConfig,
  Failure,
  ProducerConfig,
  Sasl,
  SendRecord,
  Start,
  TopicPartition,
} from '../protocol.ts'
import { Inbox } from './inbox.ts'
import { KcatError, Reading, runKcat } from './kcat-process.ts'
import { base64, bytes, Handles, serve, Unsupported } from './serve.ts'

const RECORD_END = '\x1e'
const KEY_END = '\x1f'

interface OpenProducer {
  readonly bootstrap: string
  readonly config: ProducerConfig
  readonly sasl: Sasl | undefined
  /** The end of the last send: sends of one producer keep their order. */
  last: Promise<unknown>
}
interface OpenConsumer {
  readonly bootstrap: string
  readonly group: string | undefined
  readonly config: ConsumerConfig
  readonly inbox: Inbox
  readonly readings: Map<string, Reading>
}

const producers = new Handles<OpenProducer>()
const consumers = new Handles<OpenConsumer>()

/** Runs kcat once for each stretch of records with the same partition and headers. */
async function send(
  { bootstrap, config, sasl }: OpenProducer,
  topic: string,
  records: readonly SendRecord[],
): Promise<void> {
  for (const stretch of stretches(records)) {
    const [first] = stretch
    if (first === undefined) continue
    const args = ['-P', '-b', bootstrap, '-t', topic, ...settings(config), ...login(sasl)]
    if (first.partition !== undefined) args.push('-p', `${first.partition}`)
    for (const [name, value] of first.headers) {
      const one = bytes(value)
      args.push('-H', one === null ? name : `${name}=${one}`)
    }
    if (nulls(first)) args.push('-Z')
    args.push('-K', KEY_END, '-D', RECORD_END)
    await runKcat(args, Buffer.concat(stretch.map(line)))
  }
}

function login(sasl: Sasl | undefined): string[] {
  if (sasl === undefined) return []
  if (sasl.mechanism === 'OAUTHBEARER') throw new Unsupported('kcat cannot be given a token')
  const { mechanism, username, password } = sasl
  const set = {
    'security.protocol': 'SASL_PLAINTEXT',
    'sasl.mechanisms': mechanism,
    'sasl.username': username,
    'sasl.password': password,
    'message.timeout.ms': LOGIN_WITHIN_MS,
  }
  return Object.entries(set).flatMap(([key, value]) => ['-X', `${key}=${value}`])
}

/** It would go on trying with a wrong password, and say so meanwhile. */
const LOGIN_WITHIN_MS = 5_000

function settings(config: ProducerConfig): string[] {
  if (config.transactionalId !== undefined) {
    throw new Unsupported('kcat makes a transaction of a whole run')
  }
  const set: Record<string, string | number | boolean | undefined> = {
    acks: config.acks,
    'enable.idempotence': config.idempotence,
    'linger.ms': config.lingerMs,
    'max.in.flight': config.maxInFlight,
    'message.max.bytes': config.maxRequestBytes,
    // Java's placement of keys, not librdkafka's own.
    partitioner: 'murmur2_random',
  }
  const given = Object.entries(set).filter(([, value]) => value !== undefined)
  return [
    '-z',
    config.codec ?? 'none',
    ...given.flatMap(([key, value]) => ['-X', `${key}=${value}`]),
  ]
}

/** kcat writes null for every empty key and value, or for none. */
function nulls({ key, value }: SendRecord): boolean {
  if (key !== null && value !== null) return false
  if (key === '' || value === '') throw new Unsupported('kcat cannot tell empty from null')
  return value === null
}

/** A null key is no key at all, except before a null value: an empty line would be no record. */
function line({ key, value }: SendRecord): Buffer {
  const keyed = key !== null || value === null
  return Buffer.concat([
    Buffer.from(key ?? '', 'base64'),
    Buffer.from(keyed ? KEY_END : ''),
    Buffer.from(value ?? '', 'base64'),
    Buffer.from(RECORD_END),
  ])
}

function stretches(records: readonly SendRecord[]): SendRecord[][] {
  const all: SendRecord[][] = []
  let last: string | undefined
  for (const record of records) {
    if (record.timestamp !== undefined) throw new Unsupported('kcat sets no timestamps')
    const kind = JSON.stringify([record.partition, record.headers, nulls(record)])
    if (kind === last) all.at(-1)?.push(record)
    else all.push([record])
    last = kind
  }
  return all
}

/** `mode` comes last: what follows a -G and its group is topics. */
function reading({ bootstrap, inbox, config }: OpenConsumer, mode: readonly string[]): Reading {
  const common = [
    ...['-b', bootstrap, '-J', '-u'],
    ...['-X', 'enable.auto.commit=false'],
    ...['-X', `isolation.level=${config.isolation ?? 'read_uncommitted'}`],
    ...['-X', `auto.offset.reset=${RESET[config.offsetReset ?? 'latest']}`],
    ...['-X', 'fetch.wait.max.ms=200'],
  ]
  return new Reading([...common, ...mode], {
    line: (text) => received(inbox, text),
    said: (text) => rebalanced(inbox, text),
    failed: (error) => inbox.fail(error),
  })
}

const RESET = { earliest: 'earliest', latest: 'latest', none: 'error' } as const

interface Printed {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly ts: number
  readonly headers?: readonly (string | null)[]
  readonly key: string | null
  readonly payload: string | null
}

function received(inbox: Inbox, text: string): void {
  const printed: Printed = JSON.parse(text)
  const { topic, partition, offset, ts, headers = [], key, payload } = printed
  const pairs: [string, string | null][] = []
  for (let at = 0; at < headers.length; at += 2) {
    pairs.push([headers[at] ?? '', base64(headers[at + 1])])
  }
  inbox.push({
    topic,
    partition,
    offset,
    timestamp: ts,
    key: base64(key),
    value: base64(payload),
    headers: pairs,
  })
}

/**
 * `% Group g rebalanced (memberid m): assigned: topic [0], topic [1]`, and with a cooperative assignor
 * `% Group g rebalanced: incremental assignment of 1 partition(s) (memberid m, …): topic [0]`.
 */
function rebalanced(inbox: Inbox, text: string): void {
  if (!/^% Group .* rebalanced/.test(text)) return
  const partitions = [...text.matchAll(/([^\s,]+) \[(\d+)\]/g)].map(
    ([, topic = '', partition]) => ({
      topic,
      partition: Number(partition),
    }),
  )
  if (text.includes('): assigned')) inbox.changed(partitions)
  else if (text.includes(': incremental assign')) {
    inbox.changed(joined(inbox.assignment, partitions))
  } else inbox.changed(rest(inbox.assignment, partitions))
}

function joined(some: readonly TopicPartition[], more: readonly TopicPartition[]) {
  return [...some, ...more]
}

function rest(some: readonly TopicPartition[], less: readonly TopicPartition[]) {
  return some.filter(
    (one) =>
      !less.some(({ topic, partition }) => topic === one.topic && partition === one.partition),
  )
}

function join(open: OpenConsumer, topics: readonly string[]): void {
  const { group, config } = open
  if (group === undefined) throw new Unsupported('kcat subscribes as a member of a group only')
  const set: Record<string, string | number | undefined> = {
    'session.timeout.ms': config.sessionTimeoutMs,
    'heartbeat.interval.ms': config.heartbeatMs,
    // librdkafka's rebalance timeout; never below the session's.
    'max.poll.interval.ms': longest(config.rebalanceTimeoutMs, config.sessionTimeoutMs),
    'group.instance.id': config.instanceId,
    'partition.assignment.strategy': config.assignor,
  }
  const given = Object.entries(set).filter(([, value]) => value !== undefined)
  const options = given.flatMap(([key, value]) => ['-X', `${key}=${value}`])
  open.readings.set('group', reading(open, [...options, '-G', group, ...topics]))
}

function assign(open: OpenConsumer, { topic, partition }: TopicPartition, start: Start): void {
  if (start === 'committed') throw new Unsupported('kcat assigns no committed offsets here')
  const from = start === 'earliest' ? 'beginning' : start === 'latest' ? 'end' : `${start}`
  const args = ['-C', '-t', topic, '-p', `${partition}`, '-o', from]
  open.readings.set(`${topic}/${partition}`, reading(open, args))
}

/** Answers -1 where there is none. */
async function offsetAt(bootstrap: string, one: TopicPartition, timestamp: number) {
  const { topic, partition } = one
  // One a run: of two questions about a partition it asks the last.
  const out = await runKcat(['-Q', '-b', bootstrap, '-t', `${topic}:${partition}:${timestamp}`])
  return { topic, partition, offset: Number(out.trim().split(' ').at(-1)) }
}

const EARLIEST = -2
const LATEST = -1

async function offsetsAt(
  { bootstrap }: OpenConsumer,
  partitions: readonly TopicPartition[],
  timestamp: number,
) {
  return {
    offsets: await Promise.all(partitions.map((one) => offsetAt(bootstrap, one, timestamp))),
  }
}

async function closeConsumer({ readings }: OpenConsumer): Promise<void> {
  await Promise.all([...readings.values()].map((one) => one.stop()))
}

function failure(error: unknown): Failure {
  if (error instanceof KcatError) return { code: error.code, message: error.message }
  return { code: 'ERROR', message: error instanceof Error ? error.message : String(error) }
}

function longest(...some: readonly (number | undefined)[]): number | undefined {
  const given = some.filter((one) => one !== undefined)
  return given.length === 0 ? undefined : Math.max(...given)
}

serve(
  {
    client: 'kcat',
    version: '1.7.1, librdkafka 2.0.2',
    features: [
      'idempotent',
      'groups',
      'static',
      'cooperative',
      'regex',
      'seek-time',
      'headers',
      'read-committed',
      'crash',
      'manual-partition',
      'keyed',
      'codec:none',
      'codec:gzip',
      'codec:snappy',
      'codec:lz4',
      'codec:zstd',
      'sasl:PLAIN',
      'sasl:SCRAM-SHA-256',
      'sasl:SCRAM-SHA-512',
    ],
  },
  {
    'producer.open': ({ handle, bootstrap, config, sasl }) => {
      settings(config)
      producers.add(handle, { bootstrap, config, sasl, last: Promise.resolve() })
      return {}
    },
    'producer.send': async ({ handle, topic, records }) => {
      const open = producers.get(handle)
      const sent = open.last.then(() => send(open, topic, records))
      open.last = sent.catch(() => {})
      await sent
      return { acks: [] }
    },
    'producer.close': async ({ handle }) => {
      await producers.take(handle)?.last
      return {}
    },

    'consumer.open': ({ handle, bootstrap, group, config, sasl }) => {
      if (sasl !== undefined) throw new Unsupported('this adapter logs in to produce only')
      if (config.protocol === 'consumer') throw new Unsupported('kcat speaks classic groups only')
      const inbox = new Inbox()
      consumers.add(handle, { bootstrap, group, config, inbox, readings: new Map() })
      return {}
    },
    'consumer.subscribe': ({ handle, topics = [], pattern }) => {
      join(consumers.get(handle), pattern === undefined ? topics : [pattern])
      return {}
    },
    'consumer.assign': ({ handle, partitions }) => {
      for (const one of partitions) assign(consumers.get(handle), one, one.offset)
      return {}
    },
    'consumer.poll': ({ handle, maxRecords, timeoutMs }) =>
      consumers.get(handle).inbox.poll(maxRecords, timeoutMs),
    'consumer.seek': async ({ handle, topic, partition, offset }) => {
      const open = consumers.get(handle)
      const name = `${topic}/${partition}`
      if (!open.readings.has(name)) throw new Unsupported('a member of a kcat group cannot seek')
      await open.readings.get(name)?.stop()
      open.inbox.drop({ topic, partition })
      assign(open, { topic, partition }, offset)
      return {}
    },
    'consumer.offsetsForTimes': async ({ handle, partitions }) => {
      const { bootstrap } = consumers.get(handle)
      const found = partitions.map((one) => offsetAt(bootstrap, one, one.timestamp))
      const offsets = await Promise.all(found)
      return {
        offsets: offsets.map((one) => ({ ...one, offset: one.offset < 0 ? null : one.offset })),
      }
    },
    'consumer.beginningOffsets': ({ handle, partitions }) =>
      offsetsAt(consumers.get(handle), partitions, EARLIEST),
    'consumer.endOffsets': ({ handle, partitions }) =>
      offsetsAt(consumers.get(handle), partitions, LATEST),
    'consumer.close': async ({ handle }) => {
      const open = consumers.take(handle)
      if (open !== undefined) await closeConsumer(open)
      return {}
    },
  },
  failure,
  async () => {
    await Promise.all(consumers.all().map(closeConsumer))
  },
)
