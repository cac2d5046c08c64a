// `ottla groups`: who reads what and how far behind, and moving or deleting a group that nobody is in.

import { segment } from '../broker-api.ts'
import {
  BROKER_FLAGS,
  BROKER_HELP,
  type Command,
  textOf,
  textsOf,
  UsageError,
  wordsOf,
} from '../command.ts'
import { type Jobs, jobsOf } from '../jobs.ts'
import { printAll } from '../table.ts'

interface Listed {
  readonly groupId: string
  readonly state: string
  readonly members: number | null
  readonly lag: number | null
}

interface Offset {
  readonly topic: string
  readonly partition: number
  readonly committed: number | null
  readonly end: number | null
  readonly lag: number | null
  readonly lagSeconds: number | null
  readonly memberId: string | null
}

interface Reset {
  readonly dryRun: boolean
  readonly items: readonly {
    readonly topic: string
    readonly partition: number
    readonly before: number | null
    readonly after: number
  }[]
}

export const groups: Command = {
  name: 'groups',
  summary: 'list, show, reset and delete consumer groups',
  help: `Usage: ottla groups [list | show GROUP | reset GROUP | delete GROUP] [flags]

  ottla groups                                    every group, the one furthest behind first
  ottla groups show billing                       committed, end and lag of each partition
  ottla groups reset billing --topic orders --to earliest --dry-run
  ottla groups reset billing --topic orders --to 2026-01-31T12:00:00Z
  ottla groups reset billing --to=-100            a hundred records back, everywhere
  ottla groups delete billing --yes

  --topic NAME        offsets of this topic only
  --partition N       of that topic; repeatable
  --to WHERE          earliest, latest, an offset, an RFC 3339 time, or +N and -N
                      from where it is
  --dry-run           say what would change and change nothing
  --yes               yes, delete it
  --json              JSON, an item a line
${BROKER_HELP}`,
  flags: {
    ...BROKER_FLAGS,
    topic: { type: 'string' },
    partition: { type: 'string', multiple: true },
    to: { type: 'string' },
    'dry-run': { type: 'boolean' },
    yes: { type: 'boolean' },
    json: { type: 'boolean' },
  },
  run: jobsOf('groups', () => JOBS),
}

const JOBS: Jobs = {
  async list(words, values, io, broker) {
    wordsOf(words)
    await printAll(
      broker().items<Listed>('/v1/groups', { query: { sort: 'lag' } }),
      [
        { heading: 'GROUP', of: ({ groupId }) => groupId },
        { heading: 'STATE', of: ({ state }) => state },
        { heading: 'MEMBERS', of: ({ members }) => members, isNumber: true },
        { heading: 'LAG', of: ({ lag }) => lag, isNumber: true },
      ],
      io,
      { json: values.json === true },
    )
  },

  async show(words, values, io, broker) {
    const [group = ''] = wordsOf(words, 'the id of the group')
    const query = { topic: textOf(values, 'topic') }
    await printAll(
      broker().items<Offset>(`/v1/groups/${segment(group)}/offsets`, { query }),
      [
        { heading: 'TOPIC', of: ({ topic }) => topic },
        { heading: 'PARTITION', of: ({ partition }) => partition, isNumber: true },
        { heading: 'COMMITTED', of: ({ committed }) => committed, isNumber: true },
        { heading: 'END', of: ({ end }) => end, isNumber: true },
        { heading: 'LAG', of: ({ lag }) => lag, isNumber: true },
        { heading: 'SECONDS', of: ({ lagSeconds }) => lagSeconds, isNumber: true },
        { heading: 'MEMBER', of: ({ memberId }) => memberId },
      ],
      io,
      { json: values.json === true },
    )
  },

  async reset(words, values, io, broker) {
    const [group = ''] = wordsOf(words, 'the id of the group')
    const topic = textOf(values, 'topic')
    const partitions = textsOf(values, 'partition').map(partitionNumber)
    if (partitions.length > 0 && topic === undefined) {
      throw new UsageError('--partition needs the --topic it is of')
    }
    const body = {
      to: target(textOf(values, 'to')),
      ...(topic === undefined ? {} : { topic }),
      ...(partitions.length === 0 ? {} : { partitions }),
      dryRun: values['dry-run'] === true,
    }
    const done = await broker().json<Reset>('POST', `/v1/groups/${segment(group)}/reset`, { body })
    await printAll(
      each(done.items),
      [
        { heading: 'TOPIC', of: (item) => item.topic },
        { heading: 'PARTITION', of: (item) => item.partition, isNumber: true },
        { heading: 'BEFORE', of: (item) => item.before, isNumber: true },
        { heading: 'AFTER', of: (item) => item.after, isNumber: true },
      ],
      io,
      { json: values.json === true },
    )
    if (done.dryRun && io.isTty.err) io.say('Nothing was changed: this was a dry run.')
  },

  async delete(words, values, io, broker) {
    const [group = ''] = wordsOf(words, 'the id of the group')
    if (values.yes !== true) {
      throw new UsageError(`"${group}" would be gone with its offsets: say --yes`)
    }
    await broker().json('DELETE', `/v1/groups/${segment(group)}`)
    if (io.isTty.err) io.say(`deleted ${group}`)
  },
}

async function* each<Item>(items: readonly Item[]): AsyncGenerator<Item> {
  yield* items
}

function partitionNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--partition must be a number, not "${text}"`)
  return Number(text)
}

/** Where to, as the API says it. */
function target(text: string | undefined): unknown {
  if (text === undefined) throw new UsageError('--to is missing')
  if (text === 'earliest' || text === 'latest') return text
  if (/^\d{1,15}$/.test(text)) return { offset: Number(text) }
  if (/^[+-]\d{1,15}$/.test(text)) return { shift: Number(text) }
  if (/^\d{4}-\d\d-\d\dT/.test(text)) return { time: text }
  throw new UsageError(
    `--to must be earliest, latest, an offset, a time or +N or -N, not "${text}"`,
  )
}
