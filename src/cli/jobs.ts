// Commands that have several jobs, as `ottla topics create`: which one is meant, and the broker it speaks to. Not the
// jobs: each command's own file has them.

import { BrokerApi } from './broker-api.ts'
import {
  authorizationOf,
  brokerUrl,
  type Command,
  EXIT,
  type Io,
  UsageError,
  type Values,
} from './command.ts'

/** One job: the words behind its name, the flags, the world, and the broker when it is asked. */
export type Job = (
  words: readonly string[],
  values: Values,
  io: Io,
  broker: () => BrokerApi,
) => Promise<void>

/** Jobs by their names. */
export type Jobs = Readonly<Record<string, Job>>

/** What a command does that has these jobs: the one that its first word names, or `list`. */
export function jobsOf(command: string, jobs: () => Jobs): Command['run'] {
  return async (words, values, io) => {
    const [what = 'list', ...rest] = words
    const job = Object.hasOwn(jobs(), what) ? jobs()[what] : undefined
    if (job === undefined) throw new UsageError(`there is no "${command} ${what}"`)
    await job(rest, values, io, () => brokerOf(values, io))
    return EXIT.OK
  }
}

/** The broker that the flags or the environment name. */
export function brokerOf(values: Values, io: Io): BrokerApi {
  return new BrokerApi(brokerUrl(values, io.env), authorizationOf(values, io.env), io.signal)
}
