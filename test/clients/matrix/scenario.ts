// What a scenario is, and what it is given to work with: one client against one broker, topics and
// groups of its own, processes that it may kill. Everything it opened is closed after it.

import { CreatePartitions } from '../../../src/protocol/messages/create-partitions.ts'
import { DeleteRecords } from '../../../src/protocol/messages/delete-records.ts'
import type { Address } from '../broker.ts'
import { createTopic, deleteTopic, topicReady } from '../calls.ts'
import type { BrokerKind } from '../gaps.ts'
import { Wire } from '../wire.ts'
import type { Adapter } from './adapter.ts'
import { Admin, Consumer, Producer } from './handles.ts'
import type { ConsumerConfig, Feature, Hello, ProducerConfig, Sasl } from './protocol.ts'
import type { Tokens } from './tokens.ts'

/** One row of the matrix's columns. */
export interface Scenario {
  /** `family/what`, unique. */
  readonly name: string
  /** A client without one of these is "n.a.". */
  readonly needs: readonly Feature[]
  /** Part of `--fast`. */
  readonly fast?: boolean
  /** Default 60 s. */
  readonly withinMs?: number
  run(context: Context): Promise<void>
}

/** Processes of clients, as scenarios may ask for them. */
export interface Processes {
  /** The long-lived process of the client under test. */
  shared(): Promise<Adapter>
  /** A process of its own, which the scenario may kill. */
  fresh(): Promise<Adapter>
  /** Another client with these features; undefined when none is available. */
  partner(needs: readonly Feature[]): Promise<Adapter | undefined>
}

export interface ContextOptions {
  readonly broker: BrokerKind
  readonly address: Address
  readonly login: LoginBroker
  readonly hello: Hello
  readonly processes: Processes
  /** Unique among all cells of a run; part of every name. */
  readonly prefix: string
}

/** A broker that asks who one is, and one user of it, who may do everything with one topic. */
export interface LoginBroker {
  readonly address: Address
  readonly user: string
  readonly password: string
  readonly tokens: Tokens
  readonly topic: string
}

/** Not a failure: the client cannot do this, for this reason. */
export class NotApplicable extends Error {}

/** One run of one scenario with one client. */
export class Context {
  readonly broker: BrokerKind
  readonly address: Address
  readonly bootstrap: string
  readonly login: LoginBroker
  readonly client: Hello
  readonly #processes: Processes
  readonly #prefix: string
  readonly #open: { close(): Promise<void> }[] = []
  readonly #killable: Adapter[] = []
  #names = 0

  constructor({ broker, address, login, hello, processes, prefix }: ContextOptions) {
    this.broker = broker
    this.address = address
    this.bootstrap = `${address.host}:${address.port}`
    this.login = login
    this.client = hello
    this.#processes = processes
    this.#prefix = prefix
  }

  has(feature: Feature): boolean {
    return this.client.features.includes(feature)
  }

  /** A name no other scenario uses, for a topic, a group or a transactional id. */
  name(what = 'x'): string {
    this.#names += 1
    return `${this.#prefix}.${what}${this.#names}`
  }

  /** Creates a topic over a raw connection: not a thing under test here. */
  async topic(partitions = 1, configs: Readonly<Record<string, string>> = {}): Promise<string> {
    const name = this.name('topic')
    await this.createTopic(name, partitions, configs)
    return name
  }

  async createTopic(
    name: string,
    partitions: number,
    configs: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    await this.wire((wire) => createTopic(wire, name, partitions, configs))
  }

  /** DeleteRecords over a raw connection. */
  async deleteRecords(topic: string, partition: number, before: number): Promise<void> {
    await this.wire(async (wire) => {
      const partitions = [{ partitionIndex: partition, offset: before }]
      const body = { topics: [{ name: topic, partitions }], timeoutMs: 15_000 }
      const { topics } = await wire.call(DeleteRecords, 2, body)
      const errorCode = topics[0]?.partitions[0]?.errorCode
      if (errorCode !== 0) throw new Error(`DeleteRecords ${topic}/${partition}: ${errorCode}`)
    })
  }

  /** Adds partitions up to `total` over a raw connection. */
  async growTopic(name: string, total: number): Promise<void> {
    await this.wire(async (wire) => {
      const topics = [{ name, count: total, assignments: null }]
      const body = { topics, timeoutMs: 15_000, validateOnly: false }
      const { results } = await wire.call(CreatePartitions, 2, body)
      const errorCode = results[0]?.errorCode
      if (errorCode !== 0) throw new Error(`CreatePartitions ${name}: ${errorCode}`)
      await topicReady(wire, name, total)
    })
  }

  /** Deletes a topic over a raw connection. */
  async deleteTopic(name: string): Promise<void> {
    await this.wire(async (wire) => {
      const errorCode = await deleteTopic(wire, name)
      if (errorCode !== 0) throw new Error(`DeleteTopics ${name}: ${errorCode}`)
    })
  }

  /** Uses a raw connection and closes it. */
  async wire<T>(use: (wire: Wire) => Promise<T>): Promise<T> {
    const wire = await Wire.open(this.address)
    try {
      return await use(wire)
    } finally {
      wire.close()
    }
  }

  /** A process that the scenario may kill. */
  async process(): Promise<Adapter> {
    const adapter = await this.#processes.fresh()
    this.#killable.push(adapter)
    return adapter
  }

  /** Another client, for scenarios of two; NotApplicable when none is there. */
  async partner(...needs: readonly Feature[]): Promise<Adapter> {
    const adapter = await this.#processes.partner(needs)
    if (adapter === undefined) {
      throw new NotApplicable(`no second client with ${needs.join(', ')} takes part in this run`)
    }
    return adapter
  }

  async producer(config: ProducerConfig = {}, adapter?: Adapter): Promise<Producer> {
    const on = adapter ?? (await this.#processes.shared())
    return this.#kept(await Producer.open(on, this.name('producer'), this.bootstrap, config))
  }

  /** A producer that logs in. */
  async loggedIn(sasl: Sasl): Promise<Producer> {
    const on = await this.#processes.shared()
    return this.#kept(await Producer.open(on, this.name('producer'), this.#asking, {}, sasl))
  }

  /** A consumer that logs in and reads the topic of logins from its beginning. */
  async readerLoggedIn(sasl: Sasl): Promise<Consumer> {
    const on = await this.#processes.shared()
    const { topic } = this.login
    const isManual = this.has('manual-partition')
    const group = isManual ? undefined : this.name('reader')
    const config = { offsetReset: 'earliest' } as const
    const handle = this.name('consumer')
    const opened = await Consumer.open(on, handle, this.#asking, config, group, sasl)
    const consumer = this.#kept(opened)
    if (isManual) await consumer.assign(topic, [0], 'earliest')
    else await consumer.subscribe(topic)
    return consumer
  }

  get #asking(): string {
    return `${this.login.address.host}:${this.login.address.port}`
  }

  async consumer(
    config: ConsumerConfig = {},
    group?: string,
    adapter?: Adapter,
  ): Promise<Consumer> {
    const on = adapter ?? (await this.#processes.shared())
    const handle = this.name('consumer')
    return this.#kept(await Consumer.open(on, handle, this.bootstrap, config, group))
  }

  async admin(): Promise<Admin> {
    const on = await this.#processes.shared()
    return this.#kept(await Admin.open(on, this.name('admin'), this.bootstrap))
  }

  /**
   * A consumer that reads some partitions from an offset on, by manual assignment, or as the only
   * member of a group of its own where the client has no other way.
   */
  async reader(
    topic: string,
    partitions = 1,
    config: ConsumerConfig = {},
    adapter?: Adapter,
  ): Promise<Consumer> {
    const on = adapter ?? (await this.#processes.shared())
    const all = Array.from({ length: partitions }, (_, index) => index)
    if (on.hello.features.includes('manual-partition')) {
      const consumer = await this.consumer({ offsetReset: 'earliest', ...config }, undefined, on)
      await consumer.assign(topic, all, 'earliest')
      return consumer
    }
    const group = this.name('reader')
    const consumer = await this.consumer({ offsetReset: 'earliest', ...config }, group, on)
    await consumer.subscribe(topic)
    return consumer
  }

  /** Closes all handles and ends the killable processes. Gives what could not be closed. */
  async end(): Promise<unknown[]> {
    const closed = await Promise.allSettled(this.#open.map((one) => one.close()))
    await Promise.all(this.#killable.map((adapter) => adapter.kill()))
    return closed.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
  }

  /** The standard error of the killable processes. */
  stderr(): string[] {
    return this.#killable.flatMap((adapter) => adapter.takeStderr())
  }

  #kept<T extends { close(): Promise<void> }>(handle: T): T {
    this.#open.push(handle)
    return handle
  }
}
