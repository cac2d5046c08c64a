// `ottla topics`: lists, shows, creates and deletes topics.

import { segment } from '../broker-api.ts'
import {
  BROKER_FLAGS,
  BROKER_HELP,
  type Command,
  numberOf,
  textOf,
  textsOf,
  UsageError,
  wordsOf,
} from '../command.ts'
import { brokerOf, type Jobs, jobsOf } from '../jobs.ts'
import { printAll } from '../table.ts'

interface Listed {
  readonly name: string
  readonly partitions: number
  readonly records: number | null
  readonly sizeBytes: number | null
  readonly worstGroup: { readonly groupId: string; readonly lag: number } | null
}

interface Shown {
  readonly name: string
  readonly id: string
  readonly partitions: number
  readonly configs: Readonly<Record<string, string | null>> | null
}

interface Partition {
  readonly partition: number
  readonly start: number | null
  readonly end: number | null
  readonly sizeBytes: number | null
}

export const topics: Command = {
  name: 'topics',
  summary: 'list, show, create and delete topics',
  help: `Usage: ottla topics [list | show NAME | create NAME | delete NAME] [flags]

  ottla topics                                       every topic
  ottla topics --search order --json                 those with "order" in their names, as JSON
  ottla topics show orders                           its partitions: start, end, bytes
  ottla topics create orders --partitions 3 --set retention.ms=86400000
  ottla topics delete orders --yes                   with all its records

  --partitions N      how many, of a new topic                            (num.partitions)
  --set KEY=VALUE     a configuration of a new topic; repeatable
  --search TEXT       only topics with this in their names
  --yes               yes, delete it
  --json              JSON, an item a line
${BROKER_HELP}`,
  flags: {
    ...BROKER_FLAGS,
    partitions: { type: 'string' },
    set: { type: 'string', multiple: true },
    search: { type: 'string' },
    yes: { type: 'boolean' },
    json: { type: 'boolean' },
  },
  run: jobsOf('topics', () => JOBS),
}

const JOBS: Jobs = {
  async list(words, values, io) {
    wordsOf(words)
    const query = { q: textOf(values, 'search') }
    const items = brokerOf(values, io).items<Listed>('/v1/topics', { query })
    const count = await printAll(
      items,
      [
        { heading: 'TOPIC', of: ({ name }) => name },
        { heading: 'PARTITIONS', of: ({ partitions }) => partitions, isNumber: true },
        { heading: 'RECORDS', of: ({ records }) => records, isNumber: true },
        { heading: 'BYTES', of: ({ sizeBytes }) => sizeBytes, isNumber: true },
        { heading: 'WORST LAG', of: ({ worstGroup }) => worstGroup?.lag, isNumber: true },
        { heading: 'OF GROUP', of: ({ worstGroup }) => worstGroup?.groupId },
      ],
      io,
      { json: values.json === true },
    )
    if (count === 0 && io.isTty.out) io.say('There is no such topic.')
  },

  async show(words, values, io) {
    const [name = ''] = wordsOf(words, 'the name of the topic')
    const broker = brokerOf(values, io)
    const topic = await broker.json<Shown>('GET', `/v1/topics/${segment(name)}`)
    const settings = Object.entries(topic.configs ?? {}).map(([key, value]) => `${key}=${value}`)
    if (io.isTty.err) io.say([`${topic.name} (${topic.id})`, ...settings].join('  '))
    await printAll(
      broker.items<Partition>(`/v1/topics/${segment(name)}/partitions`),
      [
        { heading: 'PARTITION', of: ({ partition }) => partition, isNumber: true },
        { heading: 'START', of: ({ start }) => start, isNumber: true },
        { heading: 'END', of: ({ end }) => end, isNumber: true },
        { heading: 'BYTES', of: ({ sizeBytes }) => sizeBytes, isNumber: true },
      ],
      io,
      { json: values.json === true },
    )
  },

  async create(words, values, io) {
    const [name = ''] = wordsOf(words, 'the name of the topic')
    const partitions = numberOf(values, 'partitions', { least: 1 })
    const configs = Object.fromEntries(textsOf(values, 'set').map(setting))
    const body = { name, configs, ...(partitions === undefined ? {} : { partitions }) }
    const made = await brokerOf(values, io).json<Shown>('POST', '/v1/topics', { body })
    if (values.json === true) io.out(JSON.stringify(made))
    else io.out(made.name)
  },

  async delete(words, values, io) {
    const [name = ''] = wordsOf(words, 'the name of the topic')
    if (values.yes !== true) {
      throw new UsageError(`"${name}" and all its records would be gone: say --yes`)
    }
    await brokerOf(values, io).json('DELETE', `/v1/topics/${segment(name)}`)
    if (io.isTty.err) io.say(`deleted ${name}`)
  },
}

function setting(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new UsageError(`--set must be KEY=VALUE, not "${text}"`)
  return [text.slice(0, at), text.slice(at + 1)]
}
