// `ottla consume`: prints the records of topics as they come, from where one likes, over the broker's event stream.
// A cut is gone on from behind the last record that was printed.

import { BrokerApi, RefusedError, reasonOf, segment, UnreachableError } from '../broker-api.ts'
import {
  authorizationOf,
  BROKER_FLAGS,
  BROKER_HELP,
  brokerUrl,
  type Command,
  EXIT,
  FailedError,
  type Io,
  numberOf,
  textOf,
  textsOf,
  UsageError,
  type Values,
} from '../command.ts'
import { eventsOf, type StreamEvent } from '../event-stream.ts'
import { consumeAsMember } from './consume-group.ts'

/** A record as the API shows it, or a batch that cannot be read. */
interface Shown {
  readonly topic?: string
  readonly partition: number
  readonly offset: number
  readonly key?: string | null
  readonly keyBase64?: string
  readonly value?: string | null
  readonly valueBase64?: string
  readonly error?: string
  readonly detail?: string
}

export const consume: Command = {
  name: 'consume',
  summary: 'print records as they come',
  help: `Usage: ottla consume TOPIC [TOPIC…] [flags]

  ottla consume orders                                what comes from now on, a value a line
  ottla consume orders --from earliest --until-end    all there is, then end
  ottla consume orders --from 2026-01-31T12:00:00Z --json | jq .value
  ottla consume orders --key customer-7 --max 1
  ottla consume orders --group billing                as a member of a group, which shares them
  ottla consume orders --from earliest --until-end --json | ottla produce copy --records

  --from WHERE        earliest, latest, an RFC 3339 time, or a position that
                      this command printed                               (latest)
  --group NAME        join this consumer group: begin where it has committed
                      (else at --from earliest or latest), commit what is printed
  --partition N       only this partition; repeatable
  --key TEXT          only records of this key
  --max N             end after so many records
  --until-end         end where the topics ended when it began
  --uncommitted       records of transactions that are not, or never will be, committed too
  --keys              the key and a tab before each value
  --json              JSON, a record a line
${BROKER_HELP}
Ended by Ctrl-C it prints the position to go on from to standard error.
`,
  flags: {
    ...BROKER_FLAGS,
    from: { type: 'string' },
    group: { type: 'string' },
    partition: { type: 'string', multiple: true },
    key: { type: 'string' },
    max: { type: 'string' },
    'until-end': { type: 'boolean' },
    uncommitted: { type: 'boolean' },
    keys: { type: 'boolean' },
    json: { type: 'boolean' },
  },
  run,
}

async function run(topics: readonly string[], values: Values, io: Io): Promise<number> {
  if (topics.length === 0) throw new UsageError('the name of a topic is missing')
  const group = textOf(values, 'group')
  if (group !== undefined) return runAsMember(group, topics, values, io)
  const untilEnd = values['until-end'] === true
  if (untilEnd && topics.length > 1) throw new UsageError('--until-end takes one topic')
  const partitions = textsOf(values, 'partition')
  const bad = partitions.find((text) => !/^\d{1,9}$/.test(text))
  if (bad !== undefined) throw new UsageError(`--partition must be a number, not "${bad}"`)
  const broker = new BrokerApi(
    brokerUrl(values, io.env),
    authorizationOf(values, io.env),
    io.signal,
  )
  const [topic = ''] = topics
  const follow: Follow = {
    path: topics.length === 1 ? `/v1/topics/${segment(topic)}/events` : '/v1/events',
    query: {
      ...(topics.length === 1 ? {} : { topic: topics }),
      partition: partitions,
      key: textOf(values, 'key'),
      isolation: values.uncommitted === true ? 'read_uncommitted' : undefined,
    },
    from: textOf(values, 'from') ?? 'latest',
    most: numberOf(values, 'max', { least: 1 }) ?? Number.POSITIVE_INFINITY,
    ends: untilEnd ? await endsOf(broker, topic, partitions) : null,
  }
  await new Consuming(broker, follow, printer(values, io), io).run()
  return EXIT.OK
}

/** What makes no sense for a member: its group says which partitions it reads, and where it begins. */
const NOT_OF_MEMBERS = ['partition', 'key', 'until-end'] as const

async function runAsMember(
  group: string,
  topics: readonly string[],
  values: Values,
  io: Io,
): Promise<number> {
  const strange = NOT_OF_MEMBERS.find((name) => values[name] !== undefined)
  if (strange !== undefined) throw new UsageError(`--${strange} and --group exclude each other`)
  const from = textOf(values, 'from') ?? 'latest'
  if (from !== 'earliest' && from !== 'latest') {
    throw new UsageError(
      '--from of a group is earliest or latest; `ottla groups reset` moves one elsewhere',
    )
  }
  await consumeAsMember(
    {
      url: brokerUrl(values, io.env),
      authorization: authorizationOf(values, io.env),
      group,
      topics,
      from,
      isUncommitted: values.uncommitted === true,
      most: numberOf(values, 'max', { least: 1 }) ?? Number.POSITIVE_INFINITY,
    },
    printer(values, io),
    io,
  )
  return EXIT.OK
}

interface Follow {
  readonly path: string
  readonly query: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly from: string
  readonly most: number
  /** The offset behind the last record of each partition, where it is to end there. */
  readonly ends: ReadonlyMap<number, number> | null
}

class Consuming {
  readonly #broker: BrokerApi
  readonly #follow: Follow
  readonly #print: (record: Shown) => void
  readonly #io: Io
  #position: string | undefined
  #printed = 0
  #saidCut = false
  #isOver = false

  constructor(broker: BrokerApi, follow: Follow, print: (record: Shown) => void, io: Io) {
    this.#broker = broker
    this.#follow = follow
    this.#print = print
    this.#io = io
  }

  async run(): Promise<void> {
    for (let tries = 0; !this.#isOver && !this.#io.signal.aborted; tries++) {
      if (tries > 0)
        await this.#broker.pause(Math.random() * Math.min(10_000, 100 * 2 ** Math.min(tries, 7)))
      if (await this.#stream()) tries = 0
    }
    if (this.#position !== undefined && this.#io.signal.aborted) {
      this.#io.say(`--from ${this.#position} goes on from here`)
    }
  }

  /** One connection to its end. Answers whether anything came. */
  async #stream(): Promise<boolean> {
    const { path, query, from } = this.#follow
    const headers = {
      accept: 'text/event-stream',
      ...(this.#position === undefined ? {} : { 'last-event-id': this.#position }),
    }
    let came = false
    try {
      const response = await this.#broker.send('GET', path, { headers, query: { ...query, from } })
      if (response.body === null) throw new UnreachableError('the stream is empty')
      for await (const event of eventsOf(response.body as AsyncIterable<Uint8Array>)) {
        came = true
        this.#saidCut = false
        this.#take(event)
        if (this.#isOver) return true
      }
      this.#sayCut('the stream has ended')
    } catch (error) {
      if (this.#io.signal.aborted) return came
      const isCut =
        error instanceof UnreachableError || (error instanceof RefusedError && error.isRetriable)
      if (error instanceof FailedError && !isCut) throw error
      // What is not there at the beginning is a mistake more often than an outage.
      if (error instanceof UnreachableError && this.#position === undefined) throw error
      this.#sayCut(error instanceof FailedError ? error.message : reasonOf(error))
    }
    return came
  }

  #take({ event, data, id }: StreamEvent): void {
    if (data !== null) this.#takeData(event, data)
    this.#position = id ?? this.#position
    const { most, ends } = this.#follow
    if (this.#printed >= most || (ends !== null && isBehind(this.#position, ends)))
      this.#isOver = true
  }

  #takeData(event: string, data: string): void {
    const { ends } = this.#follow
    const body = JSON.parse(data) as Shown & Readonly<Record<string, unknown>>
    switch (event) {
      case '': {
        if (ends !== null && body.offset >= (ends.get(body.partition) ?? 0)) return
        this.#print(body)
        this.#printed++
        return
      }
      case 'malformed':
        this.#io.say(
          `partition ${body.partition} offset ${body.offset}: ${body.error}: ${body.detail}`,
        )
        return
      case 'reset':
        this.#io.say(
          `${body.topic}: ${body.reason}: was at ${body.position}, goes on from ${body.next}`,
        )
        if (body.next === null) throw new FailedError(`${body.topic} is gone`)
        return
      case 'problem':
        throw new FailedError(`${body.code}: ${body.detail}`)
      default:
        return
    }
  }

  #sayCut(reason: string): void {
    if (this.#saidCut || this.#io.signal.aborted) return
    this.#saidCut = true
    this.#io.say(`ottla consume: ${reason}; trying again`)
  }
}

/** True when a position of one topic, `0:4,1:7`, has passed the end of each partition in it: those that are read. */
function isBehind(position: string | undefined, ends: ReadonlyMap<number, number>): boolean {
  if (position === undefined) return false
  return position.split(',').every((pair) => {
    const [partition = 0, last = -1] = pair.split(':').map(Number)
    return last >= (ends.get(partition) ?? 0) - 1
  })
}

async function endsOf(
  broker: BrokerApi,
  topic: string,
  only: readonly string[],
): Promise<ReadonlyMap<number, number>> {
  const ends = new Map<number, number>()
  const listed = broker.items<{ partition: number; start: number | null; end: number | null }>(
    `/v1/topics/${segment(topic)}/partitions`,
  )
  for await (const { partition, end } of listed) {
    if (only.length > 0 && !only.map(Number).includes(partition)) continue
    if (end === null)
      throw new FailedError(`the end of partition ${partition} is not known: try again`)
    ends.set(partition, end)
  }
  return ends
}

function printer(values: Values, io: Io): (record: Shown) => void {
  if (values.json === true) return (record) => io.out(JSON.stringify(record))
  const withKeys = values.keys === true
  return ({ key, keyBase64, value, valueBase64 }) => {
    const bytes = bytesOf(value, valueBase64)
    io.out(withKeys ? Buffer.concat([bytesOf(key, keyBase64), TAB, bytes]) : bytes)
  }
}

const TAB = Buffer.from('\t')

/** As they are: they may be no text. Null is empty. */
function bytesOf(text: string | null | undefined, base64: string | undefined): Buffer {
  return base64 === undefined ? Buffer.from(text ?? '') : Buffer.from(base64, 'base64')
}
