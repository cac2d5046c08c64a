// Configurations that cannot be, alone or together, by every way in: CreateTopics, AlterConfigs and
// IncrementalAlterConfigs refuse the same with the same code and change nothing; and values at the edge that
// are taken. LogConfig.validate and the definitions of Apache Kafka 4.1.1 are what is compared with.

import { describe, expect } from 'vitest'
import { AlterConfigs } from '../../../src/protocol/messages/alter-configs.ts'
import { CreateTopics } from '../../../src/protocol/messages/create-topics.ts'
import { DescribeConfigs } from '../../../src/protocol/messages/describe-configs.ts'
import { IncrementalAlterConfigs } from '../../../src/protocol/messages/incremental-alter-configs.ts'
import { createTopic, topicToCreate } from '../calls.ts'
import { suite } from '../target.ts'
import type { Wire } from '../wire.ts'

const { scenario, connect, topic } = suite('config-conflicts')

const TOPIC = 2
const BROKER = 4
const SET = 0
const DELETE = 1
const APPEND = 2
const SUBTRACT = 3
const INVALID_CONFIG = 40
const INVALID_REQUEST = 42
const UNKNOWN_TOPIC_OR_PARTITION = 3

type Configs = Readonly<Record<string, string>>

const REFUSED: readonly Configs[] = [
  { 'min.compaction.lag.ms': '11', 'max.compaction.lag.ms': '10' },
  { 'max.compaction.lag.ms': '0' },
  { 'min.compaction.lag.ms': '-1' },
  { 'remote.storage.enable': 'true' },
  { 'remote.storage.enable': 'true', 'cleanup.policy': 'compact' },
  { 'local.retention.ms': '-3' },
  { 'cleanup.policy': 'compact,remove' },
  { 'cleanup.policy': 'Delete' },
  { 'retention.ms': '-2' },
  { 'retention.ms': '9223372036854775808' },
  { 'retention.ms': '5.0' },
  { 'segment.bytes': '1048575' },
  { 'segment.bytes': '2147483648' },
  { 'segment.ms': '0' },
  { 'segment.index.bytes': '3' },
  { 'max.message.bytes': '-1' },
  { 'min.insync.replicas': '0' },
  { 'message.timestamp.type': 'logappendtime' },
  { 'message.timestamp.before.max.ms': '-1' },
  { 'message.timestamp.after.max.ms': '-1' },
  { 'message.timestamp.difference.max.ms': '5' },
  { 'message.format.version': '3.0' },
  { 'message.downconversion.enable': 'true' },
  { 'compression.type': 'gzip', 'compression.gzip.level': '0' },
  { 'compression.type': 'lz4', 'compression.lz4.level': '18' },
  { 'compression.type': 'zstd', 'compression.zstd.level': '23' },
  { 'compression.type': 'none' },
  { 'min.cleanable.dirty.ratio': '1.01' },
  { 'min.cleanable.dirty.ratio': '-0.01' },
  { 'min.cleanable.dirty.ratio': 'NaN' },
  { 'delete.retention.ms': '-1' },
  { 'file.delete.delay.ms': '-1' },
  { 'flush.messages': '0' },
  { 'flush.ms': '-1' },
  { 'index.interval.bytes': '-1' },
  { preallocate: 'maybe' },
  { 'unclean.leader.election.enable': '1' },
  { 'leader.replication.throttled.replicas': '1' },
  { 'follower.replication.throttled.replicas': '1:1,x' },
  { 'no.such.config': '1' },
  { 'retention.ms': '5', 'no.such.config': '1' },
]

const TAKEN: readonly Configs[] = [
  { 'min.compaction.lag.ms': '10', 'max.compaction.lag.ms': '10' },
  { 'remote.log.copy.disable': 'true' },
  { 'remote.log.delete.on.disable': 'true' },
  { 'local.retention.ms': '20', 'retention.ms': '10' },
  { 'local.retention.bytes': '20', 'retention.bytes': '10' },
  { 'local.retention.ms': '-1', 'retention.ms': '10' },
  { 'cleanup.policy': '' },
  { 'cleanup.policy': 'compact,compact' },
  { 'cleanup.policy': 'delete, compact' },
  { 'retention.ms': '0' },
  { 'retention.ms': ' 5 ' },
  { 'retention.bytes': '-2' },
  { 'segment.bytes': '1048576', 'max.message.bytes': '2000000' },
  { 'segment.ms': '10', 'segment.jitter.ms': '20' },
  { 'max.message.bytes': '0' },
  { 'min.insync.replicas': '5' },
  { 'compression.type': 'gzip', 'compression.gzip.level': '-1' },
  { preallocate: ' TRUE ' },
  { 'leader.replication.throttled.replicas': '*' },
]

interface Edit {
  readonly name: string
  readonly configOperation: number
  readonly value: string | null
}

async function edit(wire: Wire, resourceType: number, resourceName: string, configs: Edit[]) {
  const resources = [{ resourceType, resourceName, configs }]
  const answer = await wire.call(IncrementalAlterConfigs, 1, { resources, validateOnly: false })
  return answer.responses[0]!.errorCode
}

async function described(wire: Wire, name: string) {
  const resources = [{ resourceType: TOPIC, resourceName: name, configurationKeys: null }]
  const { results } = await wire.call(DescribeConfigs, 4, { resources })
  const { errorCode, configs } = results[0]!
  const own = configs.filter(({ configSource }) => configSource === 1)
  return { errorCode, own: own.map(({ name: key, value }) => [key, value]) }
}

/** What the three ways in say, and what is left of it. */
async function tried(wire: Wire, name: string, configs: Configs) {
  const list = Object.entries(configs).map(([key, value]) => ({ name: key, value }))
  const topics = [topicToCreate(`${name}-new`, 1, configs)]
  const created = await wire.call(CreateTopics, 7, { topics, timeoutMs: 15_000 })
  await createTopic(wire, name, 1, { 'retention.bytes': '77' })
  const altered = await wire.call(AlterConfigs, 2, {
    resources: [{ resourceType: TOPIC, resourceName: name, configs: list }],
    validateOnly: true,
  })
  const edits = list.map((one) => ({ ...one, configOperation: SET }))
  return [
    created.topics[0]!.errorCode,
    altered.responses[0]!.errorCode,
    await edit(wire, TOPIC, name, edits),
  ]
}

function titleOf(configs: Configs): string {
  return Object.entries(configs)
    .map(([name, value]) => `${name}=${value}`)
    .join(' and ')
}

describe('A topic', () => {
  for (const configs of REFUSED) {
    scenario(`cannot have ${titleOf(configs)}`, async () => {
      const wire = await connect()
      const name = topic()
      expect(await tried(wire, name, configs)).toEqual(Array(3).fill(INVALID_CONFIG))
      expect((await described(wire, `${name}-new`)).errorCode).toBe(UNKNOWN_TOPIC_OR_PARTITION)
      expect((await described(wire, name)).own).toEqual([['retention.bytes', '77']])
    })
  }

  for (const configs of TAKEN) {
    scenario(`can have ${titleOf(configs)}`, async () => {
      const wire = await connect()
      expect(await tried(wire, topic(), configs)).toEqual([0, 0, 0])
    })
  }
})

describe('A change of one of two configurations that go together', () => {
  scenario('is checked with the other as it is', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name, 1, { 'max.compaction.lag.ms': '10' })
    const least = { name: 'min.compaction.lag.ms', configOperation: SET, value: '20' }
    expect(await edit(wire, TOPIC, name, [least])).toBe(INVALID_CONFIG)
    const most = { name: 'max.compaction.lag.ms', configOperation: DELETE, value: null }
    expect(await edit(wire, TOPIC, name, [least, most])).toBe(0)
  })

  scenario('is checked with the default of the broker', async () => {
    const wire = await connect()
    const name = topic()
    const most = 'log.cleaner.max.compaction.lag.ms'
    await createTopic(wire, name)
    expect(await edit(wire, BROKER, '', [{ name: most, configOperation: SET, value: '5' }])).toBe(0)
    const least = { name: 'min.compaction.lag.ms', configOperation: SET, value: '30' }
    await expect.poll(() => edit(wire, TOPIC, name, [least])).toBe(INVALID_CONFIG)
    expect(
      await edit(wire, BROKER, '', [{ name: most, configOperation: DELETE, value: null }]),
    ).toBe(0)
  })
})

describe('Edits of one request', () => {
  const BAD: readonly (readonly [title: string, edits: Edit[], error: number])[] = [
    [
      'that set and delete one key',
      [
        { name: 'retention.ms', configOperation: DELETE, value: null },
        { name: 'retention.ms', configOperation: SET, value: '5' },
      ],
      INVALID_REQUEST,
    ],
    [
      'that set one key twice',
      [
        { name: 'retention.ms', configOperation: SET, value: '1' },
        { name: 'retention.ms', configOperation: SET, value: '2' },
      ],
      INVALID_REQUEST,
    ],
    [
      'that append what is no choice',
      [{ name: 'cleanup.policy', configOperation: APPEND, value: 'remove' }],
      INVALID_CONFIG,
    ],
    [
      'of which one is bad, which takes the good one with it',
      [
        { name: 'segment.ms', configOperation: SET, value: '5' },
        { name: 'retention.ms', configOperation: SET, value: '-2' },
      ],
      INVALID_CONFIG,
    ],
  ]
  for (const [title, edits, error] of BAD) {
    scenario(`${title} get ${error} and change nothing`, async () => {
      const wire = await connect()
      const name = topic()
      await createTopic(wire, name, 1, { 'retention.ms': '77' })
      expect(await edit(wire, TOPIC, name, edits)).toBe(error)
      expect((await described(wire, name)).own).toEqual([['retention.ms', '77']])
    })
  }

  scenario('may take the last policy away', async () => {
    const wire = await connect()
    const name = topic()
    await createTopic(wire, name)
    const last = { name: 'cleanup.policy', configOperation: SUBTRACT, value: 'delete' }
    expect(await edit(wire, TOPIC, name, [last])).toBe(0)
  })
})

describe('The default of all brokers', () => {
  // biome-ignore format: a table reads best with a row a line
  const VALUES: readonly (readonly [name: string, value: string, error: number])[] = [
    ['log.retention.ms', '0', INVALID_REQUEST],
    ['log.retention.ms', '-1', 0],
    ['log.segment.bytes', '1048575', INVALID_REQUEST],
    ['message.max.bytes', '-1', INVALID_REQUEST],
    ['log.roll.ms', '0', INVALID_REQUEST],
    ['log.roll.ms', '-1', INVALID_REQUEST],
    ['log.cleanup.policy', 'remove', INVALID_REQUEST],
    ['log.message.timestamp.before.max.ms', '-1', INVALID_REQUEST],
    ['log.cleaner.min.cleanable.ratio', '2', INVALID_REQUEST],
    ['log.local.retention.ms', '-3', INVALID_REQUEST],
    ['log.local.retention.ms', '604800001', INVALID_REQUEST],
    ['log.local.retention.ms', '-1', INVALID_REQUEST],
    ['log.local.retention.ms', '604800000', 0],
    ['log.local.retention.bytes', '-1', 0],
    ['log.retention.bytes', '-2', 0],
    ['min.insync.replicas', '0', INVALID_REQUEST],
    ['log.index.size.max.bytes', '1', INVALID_REQUEST],
    ['log.cleaner.backoff.ms', '-1', INVALID_REQUEST],
    ['num.partitions', '3', INVALID_REQUEST],
    ['compression.type', 'none', INVALID_REQUEST],
    ['log.flush.interval.ms', '-1', 0],
    ['producer.id.expiration.ms', '0', INVALID_REQUEST],
    ['no.such.config', '1', INVALID_CONFIG],
  ]
  for (const [name, value, error] of VALUES) {
    scenario(`${error === 0 ? 'can' : 'cannot'} be ${name}=${value}`, async () => {
      const wire = await connect()
      expect(await edit(wire, BROKER, '', [{ name, configOperation: SET, value }])).toBe(error)
      if (error !== 0) return
      const back = { name, configOperation: DELETE, value: null }
      expect(await edit(wire, BROKER, '', [back])).toBe(0)
    })
  }
})
