// The command line of the matrix.

import { parseArgs } from 'node:util'
import type { BrokerName } from './brokers.ts'

export const USAGE = `npm run test:clients -- --broker ottla|proxy|kafka|both [options]
  --client NAME     only this client; repeatable
  --scenario NAME   only scenarios whose name starts so; repeatable
  --fast            the subset that CI runs
  --jobs N          clients at a time (default 2)
  --json FILE       also writes the cells there
  --list            prints clients and scenarios and ends`

export interface Options {
  readonly brokers: readonly BrokerName[]
  readonly clients: readonly string[]
  readonly scenarios: readonly string[]
  readonly fast: boolean
  readonly jobs: number
  readonly json: string | undefined
  readonly list: boolean
}

/** Reads the arguments; throws what is wrong with them. */
export function parse(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      broker: { type: 'string', default: 'ottla' },
      client: { type: 'string', multiple: true, default: [] },
      scenario: { type: 'string', multiple: true, default: [] },
      fast: { type: 'boolean', default: false },
      jobs: { type: 'string', default: '2' },
      json: { type: 'string' },
      list: { type: 'boolean', default: false },
    },
  })
  const brokers = BROKERS[values.broker]
  if (brokers === undefined) throw new Error(`--broker must be ottla, proxy, kafka or both`)
  const jobs = Number(values.jobs)
  if (!Number.isInteger(jobs) || jobs < 1) throw new Error('--jobs must be a number from 1')
  const { client: clients, scenario: scenarios, fast, list, json } = values
  return { brokers, clients, scenarios, fast, jobs, list, json }
}

/** Kafka first: what has not passed there proves nothing on Ottla. */
const BROKERS: Readonly<Record<string, readonly BrokerName[]>> = {
  ottla: ['ottla'],
  proxy: ['proxy'],
  kafka: ['kafka'],
  both: ['kafka', 'ottla'],
}
