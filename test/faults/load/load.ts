// All clients of one life of the topics: who writes where, who reads, and what of it can be checked once
// the broker is back. Which faults there are is kill.ts's and soak.ts's to say.

import type { Address } from '../../clients/broker.ts'
import { bootstrap } from '../../clients/broker.ts'
import { createTopic, deleteTopic, initProducerId } from '../../clients/calls.ts'
import { Wire } from '../../clients/wire.ts'
import type { Random } from '../../simulation/platform/random.ts'
import type { History, LogView, Observed } from '../checks/history.ts'
import type { Entry, ListHistory, ListTransaction } from '../checks/list-append.ts'
import type { Actor } from './connection.ts'
import { committedOffsetsAt, GroupMember } from './group-member.ts'
import { KafkajsConsumer, KafkajsProducer, type RealClient } from './kafkajs.ts'
import { PlatformaticConsumer, PlatformaticProducer } from './platformatic.ts'
import { Producer } from './producer.ts'
import { kindOf, Reader, readLog } from './reader.ts'
import { type Destination, TransactionalProducer } from './transactional-producer.ts'

/** A kind of topic that is written to while the broker is killed. */
export interface TopicPlan {
  readonly name: string
  readonly partitions: number
  readonly configs: Readonly<Record<string, string>>
  /** Keys of its records; 0 for none. */
  readonly keys: number
  readonly transactional: boolean
  /** Who writes to each of its partitions beside the transactions. */
  readonly writers: readonly ('once' | 'once more' | 'plain')[]
  /** Some of its batches are larger than a row of SQLite may be. */
  readonly large: boolean
}

const LARGE_BYTES = 2_200_000
/** The topic whose partitions are the lists that transactions append to. */
const LISTS = 'ledger'

/** A topic whose closed segments are in the tier alone. Its broker has one (tierSettings). */
export const TIERED: TopicPlan = {
  name: 'tiered',
  partitions: 2,
  configs: {
    'remote.storage.enable': 'true',
    'local.retention.bytes': '0',
    'segment.bytes': '4194304',
    'segment.ms': '200',
    'max.message.bytes': '4000000',
  },
  keys: 0,
  transactional: true,
  writers: ['once', 'plain'],
  large: true,
}

/** Broker settings with which segments move to a directory within a round, and are given up locally. */
export function tierSettings(folder: string): Readonly<Record<string, string>> {
  return {
    'remote.log.storage.system.enable': 'true',
    'remote.log.manager.task.interval.ms': '100',
    'ottla.tier.dir': folder,
    'ottla.tier.unsynced': 'true',
  }
}

/** The topics of a life. Compaction and retention have work within a round. */
export const TOPICS: readonly TopicPlan[] = [
  {
    name: 'plain',
    partitions: 3,
    configs: { 'max.message.bytes': '4000000' },
    keys: 0,
    transactional: false,
    writers: ['once', 'once more', 'plain'],
    large: true,
  },
  {
    name: 'ledger',
    partitions: 3,
    configs: {},
    keys: 0,
    transactional: true,
    writers: ['once'],
    large: false,
  },
  {
    name: 'compacted',
    partitions: 2,
    configs: {
      'cleanup.policy': 'compact',
      'segment.ms': '200',
      'min.cleanable.dirty.ratio': '0.01',
      'delete.retention.ms': '0',
    },
    keys: 16,
    transactional: true,
    writers: ['once'],
    large: false,
  },
  {
    name: 'retained',
    partitions: 1,
    configs: { 'retention.bytes': '1048576', 'segment.bytes': '1048576', 'segment.ms': '200' },
    keys: 0,
    transactional: false,
    writers: ['once', 'plain'],
    large: false,
  },
  TIERED,
]

/** A topic that is made just before a death. */
const FRESH: TopicPlan = {
  name: 'fresh',
  partitions: 1,
  configs: { 'max.message.bytes': '4000000' },
  keys: 0,
  transactional: false,
  writers: ['once'],
  large: true,
}

/** Fresh topics that are still written: each writer's commits are waited for by all. */
const FRESH_WRITERS = 2

/**
 * Broker settings that make retention and compaction run within a round, and groups forget soon: a client
 * that was made anew gets its partitions when the session of the one before has run out.
 */
export const BROKER_SETTINGS: Readonly<Record<string, string>> = {
  'log.cleaner.backoff.ms': '100',
  'log.retention.check.interval.ms': '200',
  'group.min.session.timeout.ms': '1000',
  'group.consumer.min.session.timeout.ms': '1000',
  'group.consumer.session.timeout.ms': '1000',
  'group.consumer.min.heartbeat.interval.ms': '200',
  'group.consumer.heartbeat.interval.ms': '200',
}

/** How fast the clients write. */
export interface Pace {
  readonly paddingBytes: number
  readonly pauseMs: number
}

/** See the head of this file. */
export class Load {
  readonly #prefix: string
  readonly #random: Random
  readonly #pace: Pace
  readonly #plans: readonly TopicPlan[]
  #events = 0
  readonly #topics: (TopicPlan & { readonly topic: string })[] = []
  readonly #producers: Producer[] = []
  /** Those of fresh topics, oldest first. */
  readonly #fresh: Producer[] = []
  readonly #transactional: TransactionalProducer[] = []
  readonly #readers: Reader[] = []
  readonly #members: GroupMember[] = []
  readonly #realProducers: (KafkajsProducer | PlatformaticProducer)[] = []
  readonly #realConsumers: (KafkajsConsumer | PlatformaticConsumer)[] = []

  constructor(prefix: string, random: Random, pace: Pace, plans: readonly TopicPlan[] = TOPICS) {
    this.#prefix = prefix
    this.#random = random
    this.#pace = pace
    this.#plans = plans
  }

  /** Makes the topics and the clients, and starts those that stay connected over the broker's deaths. */
  async prepare(address: Address): Promise<void> {
    for (const plan of this.#plans) await this.#addTopic(address, plan)
    const destinations = this.#topics.filter(({ transactional }) => transactional)
    for (const flow of ['older', 'newer'] as const) {
      for (const number of [1, 2]) {
        this.#transactional.push(
          new TransactionalProducer({
            transactionalId: `${this.#prefix}-${flow}-${number}`,
            flow,
            destinations: destinations.flatMap(partitionsOf),
            lists: this.#topics.find(({ name }) => name === LISTS)!,
            abortOneIn: 4,
            random: this.#random,
            clock: () => this.#events++,
          }),
        )
      }
    }
    const plain = this.#topics.find(({ name }) => name === 'plain')!
    const ledger = this.#topics.find(({ name }) => name === 'ledger')!
    for (const { topic, partitions } of [plain, ledger]) {
      this.#members.push(new GroupMember(`${topic}-member`, topic, partitions))
    }
    await this.#startRealClients(bootstrap(address), plain)
  }

  async #startRealClients(
    address: string,
    { topic, partitions }: { readonly topic: string; readonly partitions: number },
  ): Promise<void> {
    const produce = { topic, partitions, random: this.#random }
    this.#realProducers.push(new KafkajsProducer(address, produce))
    this.#realProducers.push(new PlatformaticProducer(address, produce))
    const consume = { topic, partitions }
    this.#realConsumers.push(
      new KafkajsConsumer(address, { group: `${topic}-kafkajs`, ...consume }),
      new PlatformaticConsumer(address, { group: `${topic}-platformatic`, ...consume }),
    )
    for (const client of this.#realClients()) await client.start()
  }

  /** A topic that was never written before, for the next death. Later ones are only read and finished. */
  async addFresh(address: Address, name: string): Promise<void> {
    const before = this.#producers.length
    await this.#addTopic(address, { ...FRESH, name })
    this.#fresh.push(...this.#producers.slice(before))
  }

  async #addTopic(address: Address, plan: TopicPlan): Promise<void> {
    const topic = `${this.#prefix}-${plan.name}`
    const { partitions, configs, keys, large, transactional, writers } = plan
    const wire = await Wire.open(address)
    try {
      await createTopic(wire, topic, partitions, configs)
      for (let partition = 0; partition < partitions; partition++) {
        this.#readers.push(new Reader(topic, partition, false))
        if (transactional) this.#readers.push(new Reader(topic, partition, true))
        for (const kind of writers) {
          const producerId = kind === 'plain' ? null : await initProducerId(wire)
          const name = `${topic}-${partition}-${kind}`
          const options = { name, topic, partition, producerId, keys, random: this.#random }
          const sizes = { ...this.#pace, largeOneIn: large ? 200 : 0, largeBytes: LARGE_BYTES }
          this.#producers.push(new Producer({ ...options, ...sizes }))
        }
      }
    } finally {
      wire.close()
    }
    this.#topics.push({ ...plan, topic })
  }

  /** Runs everything until the broker dies or `stop` is called. */
  async run(address: Address): Promise<void> {
    await Promise.all(this.#actors().map((actor) => actor.run(address)))
  }

  stop(): void {
    for (const actor of this.#actors()) actor.stop()
  }

  /** Transactions and commits confirmed so far: the slowest of what is done here. */
  get slowest(): { readonly transactions: number; readonly commits: number } {
    const confirmed = this.#members.flatMap(({ commits }) => commits.filter((one) => one.confirmed))
    return {
      transactions: this.#transactional.reduce((sum, one) => sum + one.confirmed.all, 0),
      commits: confirmed.length,
    }
  }

  #actors(): readonly Actor[] {
    const retired = this.#fresh.slice(0, -FRESH_WRITERS)
    const writers = this.#producers.filter((one) => !retired.includes(one))
    return [...writers, ...this.#transactional, ...this.#readers, ...this.#members]
  }

  #realClients(): readonly RealClient[] {
    return [...this.#realProducers, ...this.#realConsumers]
  }

  /** Sends nothing new, and sends again until all of the idempotent producers is acknowledged. */
  async finish(address: Address): Promise<void> {
    const closing = this.#realClients().map((client) => client.close())
    const finishing = this.#producers.map((producer) => {
      const running = producer.run(address)
      producer.stop()
      return running
    })
    await Promise.all([...closing, ...finishing])
  }

  /** Ends what transactions were open when the broker died. */
  async settle(address: Address): Promise<void> {
    await Promise.all(this.#transactional.map((one) => one.settle(address)))
  }

  /** What the clients know by now. */
  get history(): History {
    const members = [...this.#members, ...this.#realConsumers]
    return {
      producers: [...this.#producers, ...this.#transactional, ...this.#realProducers].map(
        ({ history }) => history,
      ),
      readers: [
        ...this.#readers.map(({ history }) => history),
        ...members.flatMap(({ readers }) => readers),
      ],
      commits: members.flatMap(({ commits }) => commits),
    }
  }

  /** The transactions as appends to lists and reads of them, for checks/list-append.ts. */
  listHistory({ logs }: Observed): ListHistory {
    const topic = `${this.#prefix}-${LISTS}`
    const transactions = this.#transactional.flatMap((one) => transactionsOf(one, topic))
    const appended = new Set(
      transactions.flatMap(({ appends }) => appends.map(({ value }) => value)),
    )
    const entries = (of: readonly Entry[]) => of.filter(({ value }) => appended.has(value))
    const lists = logs
      .filter((log) => log.topic === topic)
      .map(({ partition, committed }): [string, Entry[]] => {
        const all = committed.map(({ offset, token }) => ({ offset, value: token }))
        return [`${topic}-${partition}`, entries(all)]
      })
    return {
      transactions: transactions.map((one) => ({
        ...one,
        // Others write to the lists too; the log's own checks are for those.
        reads: one.reads.map((read) => ({ ...read, entries: entries(read.entries) })),
      })),
      lists: new Map(lists),
    }
  }

  /** What the broker holds by now. */
  async observe(address: Address): Promise<Observed> {
    const groups = [...this.#members, ...this.#realConsumers]
    const offsets = groups.map(({ group, readers }) => {
      return committedOffsetsAt(address, group, readers[0]!.topic, readers.length)
    })
    const logs = this.#topics.map((one) => logsOf(address, one))
    return { logs: (await Promise.all(logs)).flat(), offsets: (await Promise.all(offsets)).flat() }
  }

  /** The end of this life: its topics go. */
  async remove(address: Address): Promise<void> {
    const wire = await Wire.open(address)
    for (const { topic } of this.#topics) {
      const error = await deleteTopic(wire, topic)
      if (error !== 0) throw new Error(`DeleteTopics ${topic}: ${error}`)
    }
    wire.close()
  }

  /** Records acknowledged, as far as they are remembered. */
  get acknowledged(): number {
    return this.history.producers.reduce(
      (sum, { writes }) => sum + writes.filter(({ offset }) => offset >= 0).length,
      0,
    )
  }

  /** Every kind of client has got something done. */
  get hasBegun(): boolean {
    const { 'generations kept': _, ...begun } = this.counts
    return Object.values(begun).every((count) => count > 0)
  }

  /** How much was done: a run in which a part of the load did nothing has proven nothing of it. */
  get counts(): Counts {
    const { producers, readers, commits } = this.history
    const acked = (
      of: readonly { readonly history: { readonly writes: readonly { offset: number }[] } }[],
    ) =>
      of.reduce(
        (sum, { history }) => sum + history.writes.filter((one) => one.offset >= 0).length,
        0,
      )
    return {
      acknowledged: acked(producers.map((history) => ({ history }))),
      'of kafkajs': acked(this.#realProducers.filter((one) => one instanceof KafkajsProducer)),
      'of platformatic': acked(
        this.#realProducers.filter((one) => one instanceof PlatformaticProducer),
      ),
      'transactions confirmed': this.#transactional.reduce(
        (sum, one) => sum + one.confirmed.all,
        0,
      ),
      'records read': readers.reduce((sum, { seen }) => sum + seen.length, 0),
      'commits confirmed': commits.filter(({ confirmed }) => confirmed).length,
      'by kafkajs': confirmedIn(this.#realConsumers, KafkajsConsumer),
      'by platformatic': confirmedIn(this.#realConsumers, PlatformaticConsumer),
      'generations kept': this.#members.reduce((sum, { kept }) => sum + kept, 0),
    }
  }
}

function transactionsOf(producer: TransactionalProducer, topic: string): ListTransaction[] {
  const { name, transactions, writes } = producer.history
  return transactions.map(({ begun, asked, ended, end, acked }, index) => {
    const unknown = end === 'commit' && !acked
    const outcome = unknown ? 'unknown' : end === 'commit' ? 'committed' : 'aborted'
    const appends = writes
      .filter((write) => write.transaction === index && write.topic === topic)
      .map(({ partition, token }) => ({ list: `${topic}-${partition}`, value: token }))
    const reads = producer.reads[index] ?? []
    return { name: `${name}/${index}`, outcome, begun, asked, ended, appends, reads }
  })
}

async function logsOf(
  address: Address,
  { topic, partitions, configs, transactional }: TopicPlan & { readonly topic: string },
): Promise<LogView[]> {
  const wire = await Wire.open(address)
  const kind = kindOf(configs)
  const logs: LogView[] = []
  try {
    for (let partition = 0; partition < partitions; partition++) {
      logs.push(await readLog(wire, { topic, partition, kind }, transactional))
    }
    return logs
  } finally {
    wire.close()
  }
}

export type Counts = Readonly<Record<string, number>>

function confirmedIn(
  consumers: readonly (KafkajsConsumer | PlatformaticConsumer)[],
  kind: typeof KafkajsConsumer | typeof PlatformaticConsumer,
): number {
  return consumers
    .filter((one) => one instanceof kind)
    .flatMap(({ commits }) => commits)
    .filter(({ confirmed }) => confirmed).length
}

function partitionsOf({
  topic,
  partitions,
  keys,
}: {
  readonly topic: string
  readonly partitions: number
  readonly keys: number
}): Destination[] {
  return Array.from({ length: partitions }, (_, partition) => ({ topic, partition, keys }))
}
