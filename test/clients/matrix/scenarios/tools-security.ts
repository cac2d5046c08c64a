// kafka-configs for users, their credentials and quotas, and kafka-acls, against a broker that asks who one is: what they
// print, and that what they changed counts.

import { type Ran, type Tool, Tools } from '../java/kafka-tools.ts'
import type { Context, Scenario } from '../scenario.ts'

/** Brokers hear of a change a little after its answer. */
const WITHIN_MS = 20_000

export const TOOLS_SECURITY: readonly Scenario[] = [
  { name: 'tools/users', needs: ['tools'], withinMs: 120_000, run: asAdmin(users) },
  { name: 'tools/acls', needs: ['tools'], withinMs: 120_000, run: asAdmin(acls) },
  { name: 'tools/quotas', needs: ['tools'], withinMs: 120_000, run: asAdmin(quotas) },
]

type Run = (tool: Tool, args: string, as?: { user: string; password: string }) => Promise<Ran>

/** Runs tools as the user who may do everything, or as somebody else. */
function asAdmin(use: (run: Run, context: Context) => Promise<void>): Scenario['run'] {
  return (context) =>
    Tools.with(context, async (tools) => {
      const { address, user, password } = context.login
      const bootstrap = `${address.host}:${address.port}`
      const run: Run = (tool, args, as = { user, password }) =>
        tools.runWithFile(tool, `${args} --command-config FILE`, loginAs(as), { bootstrap })
      await use(run, context)
    })
}

function loginAs({ user, password }: { user: string; password: string }): string {
  const module = 'org.apache.kafka.common.security.scram.ScramLoginModule'
  return [
    'security.protocol=SASL_PLAINTEXT',
    'sasl.mechanism=SCRAM-SHA-256',
    `sasl.jaas.config=${module} required username="${user}" password="${password}";`,
    'request.timeout.ms=15000',
    'default.api.timeout.ms=20000',
    '',
  ].join('\n')
}

/** Again until what it printed is as it should be. */
async function until(run: () => Promise<Ran>, check: (ran: Ran) => void): Promise<void> {
  for (const deadline = Date.now() + WITHIN_MS; ; ) {
    const ran = await run()
    try {
      return check(ran)
    } catch (error) {
      if (Date.now() > deadline) throw error
    }
  }
}

async function users(run: Run, context: Context): Promise<void> {
  const user = plain(context, 'user')
  const config = `--entity-type users --entity-name ${user}`
  const described = () => run('configs', `--describe ${config}`)
  const password = 'a-password'
  const first = `SCRAM-SHA-256=[iterations=8192,password=${password}]`
  const second = `SCRAM-SHA-512=[password=${password}]`
  for (const added of [first, second]) {
    ;(await run('configs', `--alter ${config} --add-config ${added}`))
      .exits(0)
      .prints(`Completed updating config for user ${user}.`)
  }
  ;(await run('configs', `--alter ${config} --add-config ${first},${second}`))
    .exits(1)
    .says('A user credential cannot be altered twice in the same request')
  await until(described, (ran) =>
    ran
      .exits(0)
      .prints(
        new RegExp(
          `^SCRAM credential configs for user-principal '${user}' are (?=.*SCRAM-SHA-256=iterations=8192)(?=.*SCRAM-SHA-512=iterations=4096)`,
        ),
      ),
  )
  // Who may do nothing may log in: what is there is not shown.
  const as = { user, password }
  await until(
    () => run('topics', '--list', as),
    (ran) => ran.exits(0).lacks(context.login.topic),
  )
  ;(await run('topics', '--list', { user, password: 'another' }))
    .exits(1)
    .says('SaslAuthenticationException')
  ;(await run('configs', `--alter ${config} --add-config SCRAM-SHA-256=[iterations=1,password=a]`))
    .exits(1)
    .says('Iterations 1 is less than the minimum 4096 required for SCRAM-SHA-256')
  ;(await run('configs', `--alter ${config} --delete-config SCRAM-SHA-512`))
    .exits(0)
    .prints(`Completed updating config for user ${user}.`)
  await until(described, (ran) =>
    ran.prints(
      `SCRAM credential configs for user-principal '${user}' are SCRAM-SHA-256=iterations=8192`,
    ),
  )
  ;(await run('configs', `--alter ${config} --delete-config SCRAM-SHA-256`)).exits(0)
  await until(described, (ran) => ran.exits(0).prints())
}

async function acls(run: Run, context: Context): Promise<void> {
  const user = plain(context, 'reader')
  const { topic } = context.login
  const password = 'a-password'
  const added = `SCRAM-SHA-256=[password=${password}]`
  ;(
    await run('configs', `--alter --entity-type users --entity-name ${user} --add-config ${added}`)
  ).exits(0)
  const reading = `--allow-principal User:${user} --operation Read --operation Describe --topic ${topic}`
  ;(await run('acls', `--add ${reading}`))
    .exits(0)
    .has(
      `Adding ACLs for resource \`ResourcePattern(resourceType=TOPIC, name=${topic}, patternType=LITERAL)\`:`,
    )
  ;(
    await run(
      'acls',
      `--add --deny-principal User:${user} --operation All --group g- --resource-pattern-type prefixed`,
    )
  ).exits(0)
  const allowed = (operation: string) =>
    `(principal=User:${user}, host=*, operation=${operation}, permissionType=ALLOW)`
  await until(
    () => run('acls', `--list --principal User:${user}`),
    (ran) =>
      ran
        .exits(0)
        .has(
          `Current ACLs for resource \`ResourcePattern(resourceType=TOPIC, name=${topic}, patternType=LITERAL)\`:`,
          allowed('READ'),
          allowed('DESCRIBE'),
          'Current ACLs for resource `ResourcePattern(resourceType=GROUP, name=g-, patternType=PREFIXED)`:',
          `(principal=User:${user}, host=*, operation=ALL, permissionType=DENY)`,
        ),
  )
  const as = { user, password }
  await until(
    () => run('topics', '--list', as),
    (ran) => ran.exits(0).prints(topic),
  )
  ;(await run('topics', `--create --topic ${plain(context, 'new')}`, as))
    .exits(1)
    .says('TopicAuthorizationException')
  ;(await run('acls', '--list', as)).exits(1).says('ClusterAuthorizationException')
  ;(await run('acls', `--remove --force ${reading}`)).exits(0)
  await until(
    () => run('acls', `--list --principal User:${user}`),
    (ran) => ran.exits(0).lacks(allowed('READ')),
  )
  await until(
    () => run('topics', '--list', as),
    (ran) => ran.exits(0).prints(),
  )
  ;(await run('acls', '--add --allow-principal nobody --operation Read --topic t'))
    .exits(1)
    .says('expected a string in format principalType:principalName')
}

async function quotas(run: Run, context: Context): Promise<void> {
  const user = plain(context, 'user')
  const of = `--entity-type users --entity-name ${user} --entity-type clients --entity-name c`
  const both = 'producer_byte_rate=1024,request_percentage=50'
  ;(await run('configs', `--alter ${of} --add-config ${both}`)).exits(0)
  const described = () => run('configs', `--describe ${of}`)
  await until(described, (ran) =>
    ran
      .exits(0)
      .has(
        new RegExp(
          `^Quota configs for user-principal '${user}', client-id 'c' are (?=.*producer_byte_rate=1024.0)(?=.*request_percentage=50.0)`,
        ),
      ),
  )
  ;(await run('configs', `--alter ${of} --delete-config request_percentage`)).exits(0)
  await until(described, (ran) =>
    ran.prints(
      `Quota configs for user-principal '${user}', client-id 'c' are producer_byte_rate=1024.0`,
    ),
  )
  ;(await run('configs', `--alter ${of} --delete-config producer_byte_rate`)).exits(0)
  await until(described, (ran) => ran.exits(0).prints())
  ;(await run('configs', `--alter ${of} --add-config nonsense=1`)).exits(1)
}

/** A name without dots. */
function plain(context: Context, what: string): string {
  return context.name(what).replaceAll('.', '-')
}
