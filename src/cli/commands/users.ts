// `ottla users`: who can log in, beside the user of the broker's secret. A new password comes from a file, or is made
// up and shown once; never from the command line, where every user of the machine can read it.

import { randomBytes } from 'node:crypto'
import { segment } from '../broker-api.ts'
import {
  BROKER_FLAGS,
  BROKER_HELP,
  type Command,
  type Io,
  numberOf,
  textOf,
  textsOf,
  UsageError,
  type Values,
  wordsOf,
} from '../command.ts'
import { brokerOf, type Jobs, jobsOf } from '../jobs.ts'
import { secretInFile } from '../secret.ts'
import { printAll } from '../table.ts'

interface User {
  readonly name: string
  readonly credentials: readonly { readonly mechanism: string; readonly iterations: number }[]
}

/** Of a password that is made up: 144 bits. */
const RANDOM_BYTES = 18

export const users: Command = {
  name: 'users',
  summary: 'list, create and delete users, and give them other passwords',
  help: `Usage: ottla users [list | create NAME | password NAME | delete NAME] [flags]

  ottla users                                        who can log in, and how
  ottla users create bob                             makes up a password and prints it
  ottla users create bob --password-file ./bob       takes the one in this file, - is standard input
  ottla users password bob                           another one; the old one is no good any more
  ottla users delete bob --yes

A new user may do nothing yet: ottla acls allow bob READ --topic orders --group billing

  --password-file FILE  the new password
  --mechanism NAME      SCRAM-SHA-256 or SCRAM-SHA-512; repeatable          (both)
  --iterations N        4096 to 16384: what guessing costs, and a login    (4096)
  --yes                 yes, delete it
  --json                JSON, an item a line
${BROKER_HELP}`,
  flags: {
    ...BROKER_FLAGS,
    'password-file': { type: 'string' },
    mechanism: { type: 'string', multiple: true },
    iterations: { type: 'string' },
    yes: { type: 'boolean' },
    json: { type: 'boolean' },
  },
  run: jobsOf('users', () => JOBS),
}

const NAME = 'the name of the user'

const JOBS: Jobs = {
  async list(words, values, io) {
    wordsOf(words)
    const count = await printAll(
      brokerOf(values, io).items<User>('/v1/users'),
      [
        { heading: 'USER', of: ({ name }) => name },
        {
          heading: 'MECHANISMS',
          of: ({ credentials }) => credentials.map(({ mechanism }) => mechanism).join(','),
        },
      ],
      io,
      { json: values.json === true },
    )
    if (count === 0 && io.isTty.out) {
      io.say('There is no user but that of the secret. ottla users create NAME makes one.')
    }
  },

  async create(words, values, io) {
    const [name = ''] = wordsOf(words, NAME)
    await give(values, io, (body) => ['POST', '/v1/users', { name, ...body }])
    if (io.isTty.err) {
      io.say(
        `${name} may do nothing yet: ottla acls allow ${name} READ --topic TOPIC --group GROUP`,
      )
    }
  },

  async password(words, values, io) {
    const [name = ''] = wordsOf(words, NAME)
    await give(values, io, (body) => ['PATCH', `/v1/users/${segment(name)}`, body])
  },

  async delete(words, values, io) {
    const [name = ''] = wordsOf(words, NAME)
    if (values.yes !== true) throw new UsageError(`"${name}" could not log in any more: say --yes`)
    await brokerOf(values, io).json('DELETE', `/v1/users/${segment(name)}`)
    if (io.isTty.err) io.say(`deleted ${name}`)
  },
}

/** Sends the new password; one that was made up is printed when it is in force. */
async function give(
  values: Values,
  io: Io,
  asking: (body: object) => readonly [string, string, object],
): Promise<void> {
  const given = await passwordOf(values, io)
  const password = given ?? randomBytes(RANDOM_BYTES).toString('base64url')
  const mechanisms = textsOf(values, 'mechanism')
  const iterations = numberOf(values, 'iterations', { least: 4_096, most: 16_384 })
  const [method, path, body] = asking({
    password,
    ...(mechanisms.length === 0 ? {} : { mechanisms }),
    ...(iterations === undefined ? {} : { iterations }),
  })
  const user = await brokerOf(values, io).json<User>(method, path, { body })
  const made = given === null ? { password } : {}
  if (values.json === true) io.out(JSON.stringify({ ...user, ...made }))
  else if (given === null) io.out(password)
}

/** Null when none is given. @throws UsageError */
async function passwordOf(values: Values, io: Io): Promise<string | null> {
  const file = textOf(values, 'password-file')
  if (file === undefined) return null
  if (file !== '-') {
    const password = secretInFile(file, '--password-file')
    if (typeof password !== 'string') throw new UsageError(password.reason)
    return password
  }
  const pieces: Uint8Array[] = []
  for await (const piece of io.input()) pieces.push(piece)
  const password = Buffer.concat(pieces)
    .toString('utf8')
    .replace(/\r?\n$/, '')
  if (password === '') throw new UsageError('standard input has no password')
  return password
}
