// kafka-consumer-groups in all its forms, kafka-groups and kafka-streams-application-reset: normal
// answers and error answers, with members of both group protocols.

import { until } from '../handles.ts'
import { Tools } from '../java/kafka-tools.ts'
import { Group, type Protocol } from '../members.ts'
import { record } from '../records.ts'
import type { Context, Scenario } from '../scenario.ts'

const OFFSETS_HEADER =
  'GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST CLIENT-ID'
const RESET_HEADER = 'GROUP TOPIC PARTITION NEW-OFFSET'
const HOST = String.raw`/127\.0\.0\.1`

export const TOOLS_GROUPS: readonly Scenario[] = [
  ...(['classic', 'consumer'] as const).map((protocol) => ({
    name: `tools/groups-members-${protocol}`,
    needs: ['tools'] as const,
    run: (context: Context) =>
      Tools.with(context, (tools) => withMembers(context, tools, protocol)),
  })),
  {
    name: 'tools/groups-empty',
    needs: ['tools'],
    run: (context) => Tools.with(context, (tools) => withoutMembers(context, tools)),
  },
  {
    name: 'tools/groups-reset-offsets',
    needs: ['tools'],
    run: (context) => Tools.with(context, (tools) => resetOffsets(context, tools)),
  },
  {
    name: 'tools/groups-reset-offsets-errors',
    needs: ['tools'],
    run: (context) => Tools.with(context, (tools) => resetErrors(context, tools)),
  },
  {
    name: 'tools/groups-delete',
    needs: ['tools'],
    run: (context) => Tools.with(context, (tools) => deleteGroups(context, tools)),
  },
  {
    name: 'tools/groups-unknown',
    needs: ['tools'],
    run: (context) => Tools.with(context, (tools) => unknownGroup(context, tools)),
  },
  {
    name: 'tools/streams-application-reset',
    needs: ['tools'],
    run: (context) => Tools.with(context, (tools) => streamsReset(context, tools)),
  },
]

/** Lists and describes a group of two members while they are there. */
async function withMembers(context: Context, tools: Tools, protocol: Protocol): Promise<void> {
  const members = await Group.of(context, protocol, 2)
  const { group, topic } = members
  await members.join()
  await members.join()
  await members.settle()
  await members.everyRecordOnce()
  const [first] = members.members
  const [owned] = first?.assignment ?? []
  if (first === undefined || owned === undefined) throw new Error('the first member owns nothing')
  await first.commit([{ ...owned, offset: 3 }])

  const run = (args: string) => tools.run('consumer-groups', args)
  const type = protocol === 'classic' ? 'Classic' : 'Consumer'
  const assignor = protocol === 'classic' ? 'range' : 'uniform'
  ;(await run('--list')).exits(0).has(group)
  ;(await run('--list --state')).exits(0).has('GROUP STATE', `${group} Stable`)
  ;(await run('--list --state stable')).exits(0).has(`${group} Stable`)
  ;(await run('--list --state empty')).exits(0).lacks(`${group} Stable`)
  ;(await run('--list --type')).exits(0).has('GROUP TYPE', `${group} ${type}`)
  ;(await run(`--list --type ${type}`)).exits(0).has(`${group} ${type}`)
  const other = protocol === 'classic' ? 'consumer' : 'classic'
  ;(await run(`--list --type ${other}`)).exits(0).lacks(`${group} ${type}`)
  ;(await tools.run('groups', '--list')).exits(0).has(`${group} ${type} consumer`)
  ;(await tools.run('groups', `--list --group-type ${type}`))
    .exits(0)
    .has('GROUP TYPE PROTOCOL', `${group} ${type} consumer`)
  ;(await tools.run('groups', '--list --consumer')).exits(0).has(`${group} ${type} consumer`)
  ;(await tools.run('groups', '--list --share')).exits(0).lacks(`${group} ${type} consumer`)

  const line = (partition: number, numbers: string) =>
    new RegExp(`^${group} ${topic} ${partition} ${numbers} \\S+ ${HOST} consumer-\\S+$`)
  ;(await run(`--describe --group ${group}`))
    .exits(0)
    .has(OFFSETS_HEADER, line(owned.partition, '3 5 2'), line(1 - owned.partition, '- 5 -'))
  ;(await run(`--describe --group ${group} --state`))
    .exits(0)
    .prints(
      'GROUP COORDINATOR (ID) ASSIGNMENT-STRATEGY STATE #MEMBERS',
      new RegExp(`^${group} ${context.bootstrap} \\(1\\) ${assignor} Stable 2$`),
    )
  const member = new RegExp(`^${group} \\S+ ${HOST} consumer-\\S+ 1$`)
  ;(await run(`--describe --group ${group} --members`))
    .exits(0)
    .prints('GROUP CONSUMER-ID HOST CLIENT-ID #PARTITIONS', member, member)
  const epochs = protocol === 'classic' ? '-' : String.raw`\d+`
  const target = protocol === 'classic' ? '-' : `${topic}:[01]`
  const verbose = (partition: number) =>
    new RegExp(
      `^${group} \\S+ ${HOST} consumer-\\S+ 1 ${epochs} ${topic}:${partition} ${epochs} ${target}`,
    )
  ;(await run(`--describe --group ${group} --members --verbose`))
    .exits(0)
    .has(
      /^GROUP CONSUMER-ID HOST CLIENT-ID #PARTITIONS CURRENT-EPOCH CURRENT-ASSIGNMENT TARGET-EPOCH TARGET-ASSIGNMENT/,
      verbose(0),
      verbose(1),
    )

  ;(await run(`--delete --group ${group}`))
    .exits(0)
    .says(`Group '${group}' could not be deleted due to`, 'GroupNotEmptyException')
  ;(await run(`--delete-offsets --group ${group} --topic ${topic}`))
    .exits(0)
    .says('GroupSubscribedToTopicException')
  ;(await run(`--reset-offsets --group ${group} --topic ${topic} --to-earliest --execute`))
    .exits(0)
    .says(`Assignments can only be reset if the group '${group}' is inactive`)
  await members.everyRecordOnce()
}

async function withoutMembers(context: Context, tools: Tools): Promise<void> {
  const { group, topic } = await committed(context, [2, 5])
  const run = (args: string) => tools.run('consumer-groups', args)
  ;(await run('--list --state')).exits(0).has(`${group} Empty`)
  ;(await run(`--describe --group ${group}`))
    .exits(0)
    .has(OFFSETS_HEADER, `${group} ${topic} 0 2 10 8 - - -`, `${group} ${topic} 1 5 10 5 - - -`)
    .says(`Consumer group '${group}' has no active members.`)
  ;(await run(`--describe --group ${group} --state`))
    .exits(0)
    .has(new RegExp(`^${group} ${context.bootstrap} \\(1\\) - Empty 0$`))
  ;(await run(`--describe --group ${group} --members`))
    .exits(0)
    .says(`Consumer group '${group}' has no active members.`)
  // The groups of other scenarios are described too, and a topic of theirs may be deleted meanwhile.
  const line = `${group} ${topic} 0 2 10 8 - - -`
  let lines: readonly string[] = []
  const seen = () => lines.join('\n')
  await until({ what: `"${line}" of all groups`, withinMs: 20_000, seen }, async () => {
    lines = (await run('--describe --all-groups')).exits(0).lines
    return lines.includes(line)
  })
}

/** A group without members: 10 records in each of two partitions, these offsets committed. */
async function committed(
  context: Context,
  offsets: readonly number[],
): Promise<{ readonly group: string; readonly topic: string }> {
  const group = context.name('group')
  const topic = await context.topic(2, { 'retention.ms': '-1' })
  const producer = await context.producer()
  for (const partition of [0, 1]) {
    const records = Array.from({ length: 10 }, (_, index) =>
      record(`${index}`, 'v', { partition, timestamp: 1_600_000_000_000 + index * 1_000 }),
    )
    await producer.send(topic, records)
  }
  const consumer = await context.consumer({}, group)
  await consumer.assign(topic, [0, 1], 'earliest')
  await consumer.commit(offsets.map((offset, partition) => ({ topic, partition, offset })))
  await consumer.close()
  return { group, topic }
}

async function resetOffsets(context: Context, tools: Tools): Promise<void> {
  const { group, topic } = await committed(context, [2, 5])
  const line = (partition: number, offset: number) => `${group} ${topic} ${partition} ${offset}`
  const reset = (args: string) =>
    tools.run('consumer-groups', `--reset-offsets --group ${group} ${args}`)
  /** Resets, dry first, and looks at what is committed after it. */
  async function becomes(args: string, first: number, second: number): Promise<void> {
    const lines = [RESET_HEADER, line(0, first), line(1, second)]
    ;(await reset(`${args} --execute`)).exits(0).has(...lines)
    ;(await reset('--topic NAME --to-current --dry-run'.replace('NAME', topic)))
      .exits(0)
      .printsAnyOrder(...lines)
  }
  ;(await reset(`--topic ${topic} --to-earliest --dry-run`))
    .exits(0)
    .printsAnyOrder(RESET_HEADER, line(0, 0), line(1, 0))
  await becomes(`--topic ${topic} --to-current`, 2, 5)
  await becomes(`--topic ${topic} --to-earliest`, 0, 0)
  await becomes(`--topic ${topic} --to-latest`, 10, 10)
  await becomes('--all-topics --shift-by -3', 7, 7)
  await becomes('--all-topics --shift-by -30', 0, 0)
  await becomes('--all-topics --shift-by 30', 10, 10)
  await becomes(`--topic ${topic} --to-offset 4`, 4, 4)
  await becomes(`--topic ${topic} --to-offset 99`, 10, 10)
  await becomes(`--topic ${topic} --to-datetime 2020-09-13T12:26:43.000+00:00`, 3, 3)
  await becomes(`--topic ${topic} --to-datetime 2090-01-01T00:00:00.000`, 10, 10)
  await becomes(`--topic ${topic} --by-duration P7000D`, 0, 0)
  await becomes(`--topic ${topic} --by-duration PT1H`, 10, 10)
  ;(await reset(`--topic ${topic}:1 --to-offset 6 --execute`))
    .exits(0)
    .printsAnyOrder(RESET_HEADER, line(1, 6))
  ;(await reset('--all-topics --to-current --export --dry-run'))
    .exits(0)
    .printsAnyOrder(`"${topic}",0,10`, `"${topic}",1,6`)
  const file = `${topic},0,1\n${topic},1,2\n`
  ;(
    await tools.runWithFile(
      'consumer-groups',
      `--reset-offsets --group ${group} --from-file FILE --execute`,
      file,
    )
  )
    .exits(0)
    .printsAnyOrder(RESET_HEADER, line(0, 1), line(1, 2))
  const fresh = context.name('fresh')
  ;(
    await tools.run(
      'consumer-groups',
      `--reset-offsets --group ${fresh} --topic ${topic} --to-offset 7 --execute`,
    )
  ).exits(0)
  ;(await tools.run('consumer-groups', `--describe --group ${fresh}`))
    .exits(0)
    .has(`${fresh} ${topic} 0 7 10 3 - - -`)
}

async function resetErrors(context: Context, tools: Tools): Promise<void> {
  const { group } = await committed(context, [2, 5])
  const reset = (args: string) =>
    tools.run('consumer-groups', `--reset-offsets --group ${group} ${args}`)
  ;(await reset(`--topic ${context.name('nope')} --to-earliest --execute`))
    .exits(0)
    .says('UnknownTopicOrPartitionException')
  ;(await reset('--to-earliest --execute')).exits(1)
  ;(await reset('--all-topics --to-datetime soon --execute')).says('Error:')
}

async function deleteGroups(context: Context, tools: Tools): Promise<void> {
  const { group, topic } = await committed(context, [2, 5])
  const run = (args: string) => tools.run('consumer-groups', args)
  ;(await run(`--delete-offsets --group ${group} --topic ${topic}:1`))
    .exits(0)
    .prints(
      `Request succeeded for deleting offsets from group ${group}.`,
      'TOPIC PARTITION STATUS',
      `${topic} 1 Successful`,
    )
  ;(await run(`--describe --group ${group}`))
    .exits(0)
    .has(`${group} ${topic} 0 2 10 8 - - -`)
    .lacks(new RegExp(`^${group} ${topic} 1 `))
  ;(await run(`--delete-offsets --group ${group} --topic ${topic}:9`))
    .exits(0)
    .has(new RegExp(`^${topic} 9 Error: \\S+UnknownTopicOrPartitionException`))
  ;(await run(`--delete --group ${group}`))
    .exits(0)
    .prints(`Deletion of requested consumer groups ('${group}') was successful.`)
  ;(await run('--list')).exits(0).lacks(group)
  ;(await run(`--delete --group ${group}`))
    .exits(0)
    .has(`Error: Deletion of some consumer groups failed:`)
    .says(`Group '${group}' could not be deleted due to`, 'GroupIdNotFoundException')
}

async function unknownGroup(context: Context, tools: Tools): Promise<void> {
  const group = context.name('nope')
  const topic = await context.topic()
  const run = (args: string) => tools.run('consumer-groups', args)
  for (const what of ['--offsets', '--members', '--state']) {
    ;(await run(`--describe --group ${group} ${what}`))
      .exits(0)
      .says(`GroupIdNotFoundException: Group ${group} not found.`)
  }
  ;(await run(`--delete-offsets --group ${group} --topic ${topic}`))
    .exits(0)
    .says('GroupIdNotFoundException')
}

async function streamsReset(context: Context, tools: Tools): Promise<void> {
  const { group, topic } = await committed(context, [2, 5])
  const internal = `${group}-counts-changelog`
  await context.createTopic(internal, 2, { 'cleanup.policy': 'compact' })
  const args = `--application-id ${group} --input-topics ${topic} --force`
  ;(await tools.run('streams-application-reset', args))
    .exits(0)
    .has(
      `Topic: ${topic} Partition: 0 Offset: 0`,
      `Topic: ${topic} Partition: 1 Offset: 0`,
      `Deleting inferred internal topics [${internal}]`,
    )
  ;(await tools.run('topics', '--list')).exits(0).lacks(internal).has(topic)
  ;(await tools.run('consumer-groups', `--describe --group ${group}`))
    .exits(0)
    .has(`${group} ${topic} 0 0 10 10 - - -`)
}
