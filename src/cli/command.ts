// What a command is, beside `start` and `verify`: its words, its flags, and a function. How all of them behave on a
// command line is here: standard output is data and everything else goes to standard error; exit codes are 0, 1 when
// it failed and 2 when it was not understood.

import { type ParseArgsConfig, parseArgs } from 'node:util'
import { JWT_CHARACTERS } from '../core/limits/authentication.ts'
import { secretInFile } from './secret.ts'

export const EXIT = { OK: 0, FAILED: 1, USAGE: 2 } as const

/** The world as a command sees it; tests give their own. */
export interface Io {
  /** One line of data, without its newline. Returns when it is written: whoever reads may be slow. */
  readonly out: (line: string | Uint8Array) => void
  /** One line for people. */
  readonly say: (line: string) => void
  /** Bytes of standard input. */
  readonly input: () => AsyncIterable<Uint8Array>
  /** Standard input, output and error are a terminal. */
  readonly isTty: { readonly in: boolean; readonly out: boolean; readonly err: boolean }
  readonly env: Readonly<Record<string, string | undefined>>
  /** Somebody has asked us to stop. */
  readonly signal: AbortSignal
}

export type Flags = NonNullable<ParseArgsConfig['options']>

/** The values of flags as they were given. */
export type Values = Readonly<
  Record<string, string | boolean | readonly (string | boolean)[] | undefined>
>

export interface Command {
  readonly name: string
  /** One line of the list of commands. */
  readonly summary: string
  /** What it is for, by example. */
  readonly help: string
  readonly flags: Flags
  /** Answers the exit code. Throws UsageError, or FailedError for what is said in one line. */
  run(words: readonly string[], values: Values, io: Io): Promise<number>
}

/** The command was not understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** It was, and could not be done. */
export class FailedError extends Error {
  override readonly name = 'FailedError'
}

/** Runs a command and says in one line what went wrong. */
export async function runCommand(
  command: Command,
  args: readonly string[],
  io: Io,
): Promise<number> {
  try {
    const { values, positionals } = parse(command, args)
    if (values.help === true) {
      io.out(command.help.trimEnd())
      return EXIT.OK
    }
    return await command.run(positionals, values, io)
  } catch (error) {
    if (error instanceof UsageError) {
      io.say(`ottla ${command.name}: ${error.message} (--help shows how)`)
      return EXIT.USAGE
    }
    if (io.signal.aborted) return EXIT.OK
    if (!(error instanceof FailedError)) throw error
    io.say(`ottla ${command.name}: ${error.message}`)
    return EXIT.FAILED
  }
}

function parse(command: Command, args: readonly string[]) {
  const help = { help: { type: 'boolean', short: 'h' } } as const
  try {
    const options = { ...command.flags, ...help }
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (error) {
    throw new UsageError(firstSentence(error))
  }
}

/** Node's own messages go on with advice about `--`; their first sentence is the reason. */
export function firstSentence(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const sentence = error.message.split(/[.\n]/, 1)[0] ?? ''
  return sentence.charAt(0).toLowerCase() + sentence.slice(1)
}

/** A flag that takes text; undefined when it is not given. */
export function textOf(values: Values, name: string): string | undefined {
  const value = values[name]
  return typeof value === 'string' ? value : undefined
}

/** The texts of a flag that may be repeated. */
export function textsOf(values: Values, name: string): readonly string[] {
  const value = values[name]
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}

/** A whole number of a flag. @throws UsageError */
export function numberOf(
  values: Values,
  name: string,
  { least = 0, most = Number.MAX_SAFE_INTEGER }: { least?: number; most?: number } = {},
): number | undefined {
  const text = textOf(values, name)
  if (text === undefined) return undefined
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (!(number >= least && number <= most)) {
    const range = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`
    throw new UsageError(`--${name} must be a whole number ${range}, not "${text}"`)
  }
  return number
}

/** The words of a command, by name. @throws UsageError when there are more or fewer */
export function wordsOf(words: readonly string[], ...names: readonly string[]): string[] {
  const [extra] = words.slice(names.length)
  if (extra !== undefined) throw new UsageError(`unexpected argument "${extra}"`)
  const missing = names[words.length]
  if (missing !== undefined) throw new UsageError(`${missing} is missing`)
  return [...words]
}

/** Flags of every command that speaks to a broker. */
export const BROKER_FLAGS = {
  url: { type: 'string' },
  'secret-file': { type: 'string' },
  user: { type: 'string' },
} as const satisfies Flags

export const BROKER_HELP = `  --url URL           the broker's HTTP address          (OTTLA_URL, http://127.0.0.1:8080)
  --secret-file FILE  a file that holds its secret, your token
                      or, with --user, your password     (OTTLA_SECRET)
  --user NAME         who you are                        (OTTLA_USER)
`

const DEFAULT_URL = 'http://127.0.0.1:8080'

/** Where the broker is. @throws UsageError */
export function brokerUrl(values: Values, env: Io['env'], given = textOf(values, 'url')): URL {
  const text = given ?? (env.OTTLA_URL || DEFAULT_URL)
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !/^(http|ws)s?:$/.test(url.protocol)) {
    throw new UsageError(`the broker's address must be a URL such as ${DEFAULT_URL}, not "${text}"`)
  }
  url.protocol = url.protocol.replace('ws', 'http')
  url.hash = ''
  url.search = ''
  url.pathname = url.pathname.replace(/\/*$/, '/')
  return url
}

/** `Authorization` that opens it, if anything does: of a user with a password, or of a secret or token alone. @throws UsageError, which never shows it */
export function authorizationOf(values: Values, env: Io['env']): string | null {
  const file = textOf(values, 'secret-file')
  const secret = file === undefined ? (env.OTTLA_SECRET ?? '') : secretInFile(file)
  if (typeof secret !== 'string') throw new UsageError(secret.reason)
  const user = textOf(values, 'user') ?? (env.OTTLA_USER || undefined)
  if (secret === '') {
    if (textOf(values, 'user') === undefined) return null
    throw new UsageError('--user needs a password: in OTTLA_SECRET or --secret-file')
  }
  if (user === undefined) {
    if (/^[!-~]+$/.test(secret) && secret.length <= JWT_CHARACTERS) return `Bearer ${secret}`
    throw new UsageError('the secret must be visible ASCII characters; a password needs --user')
  }
  if (user.includes(':') || user === '')
    throw new UsageError('--user must be a name without a colon')
  return `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`
}
