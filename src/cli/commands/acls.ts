// `ottla acls`: who may do what, as Kafka's rules. The words are Kafka's; `User:` in front of a name may be left out.

import {
  BROKER_FLAGS,
  BROKER_HELP,
  type Command,
  type Io,
  textOf,
  textsOf,
  UsageError,
  type Values,
  wordsOf,
} from '../command.ts'
import { brokerOf, type Jobs, jobsOf } from '../jobs.ts'
import { printAll } from '../table.ts'

interface Acl {
  readonly resourceType: string
  readonly resourceName: string
  readonly patternType: string
  readonly principal: string
  readonly host: string
  readonly operation: string
  readonly permissionType: string
}

/** The one resource of its type. */
const CLUSTER = 'kafka-cluster'

export const acls: Command = {
  name: 'acls',
  summary: 'list, add and remove the rules of who may do what',
  help: `Usage: ottla acls [list | allow USER OPERATIONS | deny USER OPERATIONS | remove] [flags]

  ottla acls                                            every rule
  ottla acls --user-of bob                              those of bob
  ottla acls allow bob READ --topic orders --group billing
  ottla acls allow bob WRITE,CREATE --topic orders- --prefixed
  ottla acls allow '*' DESCRIBE --topic status          everybody who has logged in
  ottla acls deny bob ALL --topic salaries              wins over every allow
  ottla acls allow carol ALTER --cluster                may manage users and rules
  ottla acls remove --user-of bob --yes                 all of bob's; of what else is named, those alone

Operations: ALL, READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS,
CLUSTER_ACTION, IDEMPOTENT_WRITE, several with commas. READ, WRITE, DELETE and ALTER allow DESCRIBE too.
Changes are in force everywhere within five seconds.

  --topic NAME, --group NAME, --transactional-id NAME
                      on what; repeatable, * is everything
  --cluster           on the cluster itself
  --prefixed          on everything whose name begins so
  --host ADDRESS      only from there                        (everywhere)
  --user-of USER      with list and remove: whose rules
  --yes               yes, remove them
  --json              JSON, an item a line
${BROKER_HELP}`,
  flags: {
    ...BROKER_FLAGS,
    topic: { type: 'string', multiple: true },
    group: { type: 'string', multiple: true },
    'transactional-id': { type: 'string', multiple: true },
    cluster: { type: 'boolean' },
    prefixed: { type: 'boolean' },
    host: { type: 'string' },
    'user-of': { type: 'string' },
    yes: { type: 'boolean' },
    json: { type: 'boolean' },
  },
  run: jobsOf('acls', () => JOBS),
}

const JOBS: Jobs = {
  async list(words, values, io) {
    wordsOf(words)
    const broker = brokerOf(values, io)
    const found = filters(values).map((query) => broker.items<Acl>('/v1/acls', { query }))
    const count = await printAcls(all(found), values, io)
    if (count === 0 && io.isTty.out) io.say('There is no such rule.')
  },

  allow: (words, values, io) => add('ALLOW', words, values, io),
  deny: (words, values, io) => add('DENY', words, values, io),

  async remove(words, values, io) {
    wordsOf(words)
    const asked = filters(values)
    if (asked.some((query) => Object.keys(query).length === 0)) {
      throw new UsageError('every rule would be gone: name --user-of, or what they are on')
    }
    if (values.yes !== true) throw new UsageError('rules would be gone: say --yes')
    const broker = brokerOf(values, io)
    const gone: Acl[] = []
    for (const query of asked) {
      const { items } = await broker.json<{ items: Acl[] }>('DELETE', '/v1/acls', { query })
      gone.push(...items)
    }
    await printAcls(all([gone]), values, io)
    if (io.isTty.err) io.say(`removed ${gone.length}`)
  },
}

async function add(
  permissionType: 'ALLOW' | 'DENY',
  words: readonly string[],
  values: Values,
  io: Io,
): Promise<void> {
  const [user = '', operations = ''] = wordsOf(words, 'the name of the user', 'what they may do')
  if (textOf(values, 'user-of') !== undefined) {
    throw new UsageError('--user-of is for list and remove')
  }
  const on = resources(values)
  if (on.length === 0)
    throw new UsageError('on what: --topic, --group, --transactional-id or --cluster')
  const rules = on.flatMap((resource) =>
    operations.split(',').map((operation) => ({
      ...resource,
      principal: principal(user),
      host: textOf(values, 'host') ?? '*',
      operation: operation.trim().toUpperCase(),
      permissionType,
    })),
  )
  await brokerOf(values, io).json('POST', '/v1/acls', { body: { acls: rules } })
  if (values.json === true) await printAcls(all([rules]), values, io)
}

/** What is named, as rules name it. */
function resources(values: Values): Pick<Acl, 'resourceType' | 'resourceName' | 'patternType'>[] {
  const isPrefixed = values.prefixed === true
  const named = [
    ...textsOf(values, 'topic').map((name) => ['TOPIC', name] as const),
    ...textsOf(values, 'group').map((name) => ['GROUP', name] as const),
    ...textsOf(values, 'transactional-id').map((name) => ['TRANSACTIONAL_ID', name] as const),
    ...(values.cluster === true ? [['CLUSTER', CLUSTER] as const] : []),
  ]
  return named.map(([resourceType, resourceName]) => ({
    resourceType,
    resourceName,
    patternType: isPrefixed && resourceType !== 'CLUSTER' ? 'PREFIXED' : 'LITERAL',
  }))
}

/** One for each thing that is named; one for all, where nothing is. */
function filters(values: Values): Readonly<Record<string, string>>[] {
  const user = textOf(values, 'user-of')
  const host = textOf(values, 'host')
  const common = {
    ...(user === undefined ? {} : { principal: principal(user) }),
    ...(host === undefined ? {} : { host }),
  }
  const on = resources(values)
  return on.length === 0 ? [common] : on.map((resource) => ({ ...resource, ...common }))
}

function principal(user: string): string {
  return user.startsWith('User:') ? user : `User:${user}`
}

async function* all<Item>(
  lists: readonly (AsyncIterable<Item> | Iterable<Item>)[],
): AsyncGenerator<Item> {
  for (const list of lists) yield* list
}

function printAcls(items: AsyncIterable<Acl>, values: Values, io: Io): Promise<number> {
  return printAll(
    items,
    [
      { heading: 'PRINCIPAL', of: (acl) => acl.principal },
      { heading: 'PERMISSION', of: (acl) => acl.permissionType },
      { heading: 'OPERATION', of: (acl) => acl.operation },
      { heading: 'ON', of: (acl) => acl.resourceType },
      { heading: 'NAME', of: (acl) => acl.resourceName },
      { heading: 'PATTERN', of: (acl) => acl.patternType },
      { heading: 'FROM', of: (acl) => acl.host },
    ],
    io,
    { json: values.json === true },
  )
}
