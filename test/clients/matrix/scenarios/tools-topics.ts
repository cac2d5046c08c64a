// kafka-topics, kafka-configs, kafka-get-offsets, kafka-delete-records, the console and the verifiable
// clients: normal answers and error answers.

import { start } from '../brokers.ts'
import { Tools } from '../java/kafka-tools.ts'
import { numbered, record } from '../records.ts'
import type { Context, Scenario } from '../scenario.ts'

/** Its records are older than a broker keeps them by default. */
const KEPT = { 'retention.ms': '-1' }
const UUID = '[A-Za-z0-9_-]{22}'

export const TOOLS_TOPICS: readonly Scenario[] = [
  {
    name: 'tools/topics',
    needs: ['tools'],
    run: (context) => Tools.with(context, (tools) => topics(context, tools)),
  },
  {
    name: 'tools/topics-errors',
    needs: ['tools'],
    run: (context) => Tools.with(context, (tools) => topicErrors(context, tools)),
  },
  {
    name: 'tools/topics-too-many-replicas',
    needs: ['tools'],
    run: (context) =>
      Tools.with(context, async (tools) => {
        const topic = context.name('topic')
        const ran = await tools.run('topics', `--create --topic ${topic} --replication-factor 3`)
        ran.exits(1).has(/^Error while executing topic command : Unable to replicate/)
        ran.says('InvalidReplicationFactorException')
      }),
  },
  {
    name: 'tools/configs-topic',
    needs: ['tools'],
    run: (context) => Tools.with(context, (tools) => topicConfigs(context, tools)),
  },
  {
    name: 'tools/configs-group',
    needs: ['tools'],
    run: (context) => Tools.with(context, (tools) => groupConfigs(context, tools)),
  },
  {
    name: 'tools/configs-broker',
    needs: ['tools'],
    withinMs: 90_000,
    run: (context) => Tools.with(context, (tools) => brokerConfigs(context, tools)),
  },
  {
    name: 'tools/get-offsets',
    needs: ['tools'],
    run: (context) => Tools.with(context, (tools) => getOffsets(context, tools)),
  },
  {
    name: 'tools/delete-records',
    needs: ['tools'],
    run: (context) => Tools.with(context, (tools) => deleteRecords(context, tools)),
  },
  {
    name: 'tools/console',
    needs: ['tools'],
    run: (context) => Tools.with(context, (tools) => console(context, tools)),
  },
  {
    name: 'tools/console-errors',
    needs: ['tools'],
    run: (context) => Tools.with(context, consoleErrors),
  },
  {
    name: 'tools/verifiable',
    needs: ['tools'],
    run: (context) => Tools.with(context, (tools) => verifiable(context, tools)),
  },
]

/** A name without dots: kafka-topics warns of them. */
function plain(context: Context, what: string): string {
  return context.name(what).replaceAll('.', '-')
}

async function topics(context: Context, tools: Tools): Promise<void> {
  const topic = plain(context, 'topic')
  const create = `--create --topic ${topic} --partitions 3 --config retention.ms=5000`
  ;(await tools.run('topics', create)).exits(0).has(`Created topic ${topic}.`)
  ;(await tools.run('topics', `${create} --if-not-exists`)).exits(0).prints()
  ;(await tools.run('topics', '--list')).exits(0).has(topic)
  const described = await tools.run('topics', `--describe --topic ${topic}`)
  described
    .exits(0)
    .prints(
      new RegExp(
        `^Topic: ${topic} TopicId: ${UUID} PartitionCount: 3 ReplicationFactor: 1 Configs: \\S+$`,
      ),
      ...[0, 1, 2].map((partition) => partitionLine(topic, partition)),
    )
  const configs = described.find(/Configs: (\S+)/).split(',')
  if (!configs.includes('retention.ms=5000')) throw new Error(`configs of the topic: ${configs}`)
  const id = described.find(/TopicId: (\S+)/)
  ;(await tools.run('topics', `--describe --topic-id ${id}`))
    .exits(0)
    .has(partitionLine(topic, 2).replace('Elr: LastKnownElr:', 'Elr: N/A LastKnownElr: N/A'))
  ;(await tools.run('topics', `--alter --topic ${topic} --partitions 5`)).exits(0).prints()
  ;(await tools.run('topics', `--describe --topic ${topic}`))
    .exits(0)
    .has(partitionLine(topic, 4))
    .has(/ PartitionCount: 5 /)
  ;(await tools.run('topics', `--describe --topic ${topic} --under-replicated-partitions`))
    .exits(0)
    .prints()
  ;(await tools.run('topics', `--describe --topic ${topic} --unavailable-partitions`))
    .exits(0)
    .prints()
  const assigned = plain(context, 'assigned')
  ;(await tools.run('topics', `--create --topic ${assigned} --replica-assignment 1,1`))
    .exits(0)
    .has(`Created topic ${assigned}.`)
  ;(await tools.run('topics', `--describe --topic ${assigned}`))
    .exits(0)
    .has(/ PartitionCount: 2 ReplicationFactor: 1 /)
  ;(await tools.run('topics', `--delete --topic ${topic}`)).exits(0).prints()
  ;(await tools.run('topics', '--list')).exits(0).lacks(topic).has(assigned)
}

function partitionLine(topic: string, partition: number): string {
  const where = `Topic: ${topic} Partition: ${partition}`
  return `${where} Leader: 1 Replicas: 1 Isr: 1 Elr: LastKnownElr:`
}

async function topicErrors(context: Context, tools: Tools): Promise<void> {
  const topic = plain(context, 'topic')
  await context.createTopic(topic, 3)
  const error = 'Error while executing topic command :'
  ;(await tools.run('topics', `--create --topic ${topic}`))
    .exits(1)
    .prints(`${error} Topic '${topic}' already exists.`)
    .says('TopicExistsException')
  ;(await tools.run('topics', '--create --topic bad/name'))
    .exits(1)
    .has(/^Error while executing topic command : Topic name is invalid: 'bad\/name' contains/)
    .says('InvalidTopicException')
  ;(await tools.run('topics', `--create --topic ${plain(context, 't')} --partitions 0`))
    .exits(1)
    .prints(`${error} The partitions must be greater than 0`)
  ;(await tools.run('topics', `--alter --topic ${topic} --partitions 2`))
    .exits(1)
    .prints(`${error} The topic ${topic} currently has 3 partition(s); 2 would not be an increase.`)
    .says('InvalidPartitionsException')
  ;(await tools.run('topics', `--alter --topic ${topic} --partitions 3`))
    .exits(1)
    .prints(`${error} Topic already has 3 partition(s).`)
  const nope = plain(context, 'nope')
  for (const verb of ['--describe', '--delete', '--alter --partitions 2']) {
    ;(await tools.run('topics', `${verb} --topic ${nope}`))
      .exits(1)
      .prints(`${error} Topic '${nope}' does not exist as expected`)
  }
  ;(await tools.run('topics', `--delete --topic ${nope} --if-exists`)).exits(0).prints()
  const bad = `--create --topic ${plain(context, 't')} --replica-assignment 7`
  ;(await tools.run('topics', bad)).exits(1).says('InvalidReplicaAssignmentException')
}

async function topicConfigs(context: Context, tools: Tools): Promise<void> {
  const topic = await context.topic()
  const entity = `--entity-type topics --entity-name ${topic}`
  const describe = async () => (await tools.run('configs', `--describe ${entity}`)).exits(0)
  ;(await describe()).has(`Dynamic configs for topic ${topic} are:`).lacks(/retention/)
  const add = '--add-config retention.ms=5000,cleanup.policy=[compact,delete]'
  ;(await tools.run('configs', `--alter ${entity} ${add}`))
    .exits(0)
    .prints(`Completed updating config for topic ${topic}.`)
  ;(await describe()).has(
    /^cleanup.policy=compact,delete sensitive=false synonyms=\{DYNAMIC_TOPIC_CONFIG:cleanup.policy=compact,delete, DEFAULT_CONFIG:log.cleanup.policy=delete\}$/,
    /^retention.ms=5000 sensitive=false synonyms=\{DYNAMIC_TOPIC_CONFIG:retention.ms=5000[,}]/,
  )
  ;(await tools.run('configs', `--alter ${entity} --delete-config retention.ms`)).exits(0)
  ;(await describe()).has(/^cleanup.policy=/).lacks(/^retention.ms=/)
  ;(await tools.run('configs', `--describe --all ${entity}`))
    .exits(0)
    .has(
      `All configs for topic ${topic} are:`,
      /^compression.type=producer sensitive=false synonyms=\{DEFAULT_CONFIG:compression.type=producer\}$/,
      /^max.message.bytes=1048588 sensitive=false synonyms=\{DEFAULT_CONFIG:message.max.bytes=1048588\}$/,
    )
  for (const [change, words] of [
    ['nope=1', 'InvalidConfigurationException: Unknown topic config name: nope'],
    ['retention.ms=x', 'InvalidConfigurationException: Invalid value x for configuration'],
    ['cleanup.policy=shred', 'InvalidConfigurationException'],
  ] as const) {
    ;(await tools.run('configs', `--alter ${entity} --add-config ${change}`)).exits(1).says(words)
  }
  const nope = `--entity-type topics --entity-name ${context.name('nope')}`
  ;(await tools.run('configs', `--alter ${nope} --add-config retention.ms=1`))
    .exits(1)
    .says('UnknownTopicOrPartitionException')
  ;(await tools.run('configs', `--describe ${nope}`))
    .exits(0)
    .prints(/doesn't exist and doesn't have dynamic config\.$/)
}

async function groupConfigs(context: Context, tools: Tools): Promise<void> {
  const group = context.name('group')
  const entity = `--entity-type groups --entity-name ${group}`
  const name = 'consumer.session.timeout.ms'
  ;(await tools.run('configs', `--alter ${entity} --add-config ${name}=50000`))
    .exits(0)
    .prints(`Completed updating config for group ${group}.`)
  ;(await tools.run('configs', `--describe ${entity}`))
    .exits(0)
    .prints(
      `Dynamic configs for group ${group} are:`,
      new RegExp(`^${name}=50000 sensitive=false synonyms=\\{DYNAMIC_GROUP_CONFIG:${name}=50000`),
    )
  ;(await tools.run('configs', '--describe --entity-type groups'))
    .exits(0)
    .has(`Dynamic configs for group ${group} are:`)
  ;(await tools.run('configs', `--alter ${entity} --add-config ${name}=1`))
    .exits(1)
    .says('InvalidConfigurationException', 'group.consumer.min.session.timeout.ms')
  ;(await tools.run('configs', `--alter ${entity} --add-config nope=1`))
    .exits(1)
    .says('InvalidConfigurationException')
  ;(await tools.run('configs', `--alter ${entity} --delete-config ${name}`)).exits(0)
  ;(await tools.run('configs', `--describe ${entity}`)).exits(0).lacks(/^consumer/)
}

/** On a broker of its own: the defaults of the one that all clients share must not change. */
async function brokerConfigs(context: Context, tools: Tools): Promise<void> {
  const broker = await start(context.broker)
  const bootstrap = `${broker.address.host}:${broker.address.port}`
  const run = (args: string) => tools.run('configs', args, { bootstrap })
  try {
    const defaults = '--entity-type brokers --entity-default'
    ;(await run(`--alter ${defaults} --add-config log.retention.ms=100000`))
      .exits(0)
      .prints('Completed updating default config for brokers in the cluster.')
    ;(await run(`--describe ${defaults}`))
      .exits(0)
      .has(
        'Default configs for brokers in the cluster are:',
        /^log.retention.ms=100000 sensitive=false synonyms=\{DYNAMIC_DEFAULT_BROKER_CONFIG:log.retention.ms=100000[,}]/,
      )
    const one = '--entity-type brokers --entity-name 1'
    ;(await run(`--describe --all ${one}`))
      .exits(0)
      .has('All configs for broker 1 are:', /^log.retention.ms=100000 /)
    ;(await run(`--alter ${one} --add-config log.retention.ms=x`))
      .exits(1)
      .says('Invalid value x for configuration log.retention.ms')
    ;(await run(`--alter ${one} --add-config broker.id=7`)).exits(1).says('InvalidRequestException')
    ;(await run(`--alter ${defaults} --delete-config log.retention.ms`)).exits(0)
    ;(await run(`--describe ${defaults}`)).exits(0).lacks(/^log.retention.ms/)
  } finally {
    await broker.stop()
  }
}

async function getOffsets(context: Context, tools: Tools): Promise<void> {
  const topic = await context.topic(3, KEPT)
  const producer = await context.producer()
  await producer.send(topic, [
    record('a', '1', { partition: 0, timestamp: 1_000_000 }),
    record('b', '2', { partition: 0, timestamp: 3_000_000 }),
    record('c', '3', { partition: 0, timestamp: 2_000_000 }),
    record('d', '4', { partition: 2, timestamp: 2_000_000 }),
  ])
  const run = (args: string) => tools.run('get-offsets', args)
  const all = [`${topic}:0:3`, `${topic}:1:0`, `${topic}:2:1`]
  ;(await run(`--topic ${topic}`)).exits(0).prints(...all)
  ;(await run(`--topic ${topic} --time latest`)).exits(0).prints(...all)
  ;(await run(`--topic ${topic} --time earliest`))
    .exits(0)
    .prints(`${topic}:0:0`, `${topic}:1:0`, `${topic}:2:0`)
  ;(await run(`--topic ${topic} --time max-timestamp`))
    .exits(0)
    .prints(`${topic}:0:1`, `${topic}:2:0`)
  ;(await run(`--topic ${topic} --time 2500000`)).exits(0).prints(`${topic}:0:1`)
  ;(await run(`--topic-partitions ${topic}:1-3 --time -1`))
    .exits(0)
    .prints(`${topic}:1:0`, `${topic}:2:1`)
  ;(await run(`--topic ${context.name('nope')}`))
    .exits(1)
    .says('Could not match any topic-partitions with the specified filters')
}

async function deleteRecords(context: Context, tools: Tools): Promise<void> {
  const topic = await context.topic(3)
  const producer = await context.producer()
  await producer.send(topic, numbered(9, { partitions: 3 }))
  const partitions = [2, -1, 0].map((offset, partition) => ({ topic, partition, offset }))
  const file = (wanted: readonly object[]) => JSON.stringify({ partitions: wanted, version: 1 })
  const run = (wanted: readonly object[]) =>
    tools.runWithFile('delete-records', '--offset-json-file FILE', file(wanted))
  ;(await run(partitions))
    .exits(0)
    .has(
      `partition: ${topic}-0 low_watermark: 2`,
      `partition: ${topic}-1 low_watermark: 3`,
      `partition: ${topic}-2 low_watermark: 0`,
    )
  ;(await tools.run('get-offsets', `--topic ${topic} --time earliest`))
    .exits(0)
    .prints(`${topic}:0:2`, `${topic}:1:3`, `${topic}:2:0`)
  ;(await run([{ topic, partition: 0, offset: 99 }]))
    .exits(0)
    .has(/^partition: \S+ error: org.apache.kafka.common.errors.OffsetOutOfRangeException/)
  ;(await run([{ topic, partition: 0, offset: 1 }]))
    .exits(0)
    .has(`partition: ${topic}-0 low_watermark: 2`)
}

async function console(context: Context, tools: Tools): Promise<void> {
  const topic = await context.topic(2)
  const group = context.name('group')
  const keyed = '--property parse.key=true --property key.separator=:'
  ;(
    await tools.run('console-producer', `--topic ${topic} ${keyed}`, {
      stdin: 'a:1\nb:2\nc:drei äöü\n',
    })
  )
    .exits(0)
    .prints()
  const read = `--topic ${topic} --from-beginning --group ${group} --max-messages 3`
  ;(await tools.run('console-consumer', `${read} --property print.key=true`))
    .exits(0)
    .printsAnyOrder('a 1', 'b 2', 'c drei äöü')
    .says('Processed a total of 3 messages')
  ;(
    await tools.run('console-producer', `--topic ${topic} --compression-codec lz4`, {
      stdin: 'later\n',
    })
  ).exits(0)
  ;(await tools.run('console-consumer', `--topic ${topic} --group ${group} --max-messages 1`))
    .exits(0)
    .prints('later')
  const isolated = `--topic ${topic} --from-beginning --isolation-level read_committed`
  ;(await tools.run('console-consumer', `${isolated} --max-messages 4`))
    .exits(0)
    .printsAnyOrder('1', '2', 'drei äöü', 'later')
  const next = `--topic ${topic} --group ${context.name('next')} --from-beginning --max-messages 4`
  ;(await tools.run('console-consumer', `${next} --consumer-property group.protocol=consumer`))
    .exits(0)
    .printsAnyOrder('1', '2', 'drei äöü', 'later')
}

async function consoleErrors(tools: Tools): Promise<void> {
  ;(await tools.run('console-producer', '--topic bad/name', { stdin: 'a\n' }))
    .exits(0)
    .says('InvalidTopicException: Invalid topics: [bad/name]')
  ;(await tools.run('console-consumer', '--topic bad/name --timeout-ms 5000'))
    .exits(0)
    .says('InvalidTopicException: Invalid topics: [bad/name]', 'Processed a total of 0 messages')
}

async function verifiable(context: Context, tools: Tools): Promise<void> {
  const topic = await context.topic(2)
  const produced = await tools.run('verifiable-producer', `--topic ${topic} --max-messages 50`)
  const acked = produced.exits(0).json()
  const total = acked.find(({ name }) => name === 'tool_data')
  if (total?.sent !== 50 || total.acked !== 50) {
    throw new Error(`expected 50 sent and acked, seen ${JSON.stringify(total)}`)
  }
  const group = context.name('group')
  const args = `--topic ${topic} --group-id ${group} --max-messages 50 --reset-policy earliest`
  const events = (await tools.run('verifiable-consumer', args)).exits(0).json()
  const consumed = events
    .filter(({ name }) => name === 'records_consumed')
    .reduce((sum, { count }) => sum + Number(count), 0)
  const commits = events.filter(({ name }) => name === 'offsets_committed')
  if (consumed !== 50) throw new Error(`expected 50 records consumed, seen ${consumed}`)
  if (commits.length === 0 || commits.some(({ success }) => success !== true)) {
    throw new Error(`expected commits that succeed, seen ${JSON.stringify(commits)}`)
  }
  const invalid = await tools.run('verifiable-producer', '--topic bad/name --max-messages 1')
  const [error] = invalid.json().filter(({ name }) => name === 'producer_send_error')
  if (!String(error?.exception).endsWith('InvalidTopicException')) {
    throw new Error(`expected an InvalidTopicException, seen ${JSON.stringify(error)}`)
  }
}
