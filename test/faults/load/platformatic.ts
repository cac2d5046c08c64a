// @platformatic/kafka 2.12.1 as an idempotent producer and as a member of a group of the consumer protocol
// (KIP-848). As kafkajs.ts: it meets the broker's deaths in its own way. Where it gives up, it is made anew,
// as an application would, and what it had not confirmed stays unknown.

import { setTimeout as sleep } from 'node:timers/promises'
import { Consumer, type Message, Producer } from '@platformatic/kafka'
import type { Random } from '../../simulation/platform/random.ts'
import type { Commit, ProducerHistory, ReaderHistory, Write } from '../checks/history.ts'
import type { RealClient } from './kafkajs.ts'
import { readValue, recordValue } from './values.ts'

const PADDING_MAX_BYTES = 400

function connection(bootstrap: string) {
  return {
    clientId: 'faults-platformatic',
    bootstrapBrokers: [bootstrap],
    retries: 3,
    retryDelay: 50,
    connectTimeout: 1_000,
    autocreateTopics: false,
  }
}

/** Awaits each send; after one that failed it is made anew, so none is ever sent again. */
export class PlatformaticProducer implements RealClient {
  readonly history: ProducerHistory
  readonly #bootstrap: string
  readonly #topic: string
  readonly #partitions: number
  readonly #random: Random
  #closing = false
  #running: Promise<void> = Promise.resolve()
  /** How often it gave up. */
  failures = 0

  constructor(
    bootstrap: string,
    { topic, partitions, random }: { topic: string; partitions: number; random: Random },
  ) {
    this.#bootstrap = bootstrap
    this.#topic = topic
    this.#partitions = partitions
    this.#random = random
    const history = { name: `platformatic-${topic}`, writes: [], transactions: [] }
    this.history = { ...history, delivery: 'once' }
  }

  async start(): Promise<void> {
    this.#running = this.#run()
  }

  async close(): Promise<void> {
    this.#closing = true
    await this.#running
  }

  async #run(): Promise<void> {
    const sequences = Array.from({ length: this.#partitions }, () => 0)
    while (!this.#closing) {
      const producer = new Producer({
        ...connection(this.#bootstrap),
        idempotent: true,
        acks: -1,
      })
      try {
        while (!this.#closing) await this.#send(producer, sequences)
      } catch {
        this.failures += 1
        await sleep(50)
      } finally {
        await producer.close(true).catch(() => {})
      }
    }
  }

  async #send(producer: Producer, sequences: number[]): Promise<void> {
    const random = this.#random
    const partition = random.between(0, this.#partitions - 1)
    const writes = Array.from({ length: random.between(1, 5) }, (): Write => {
      const sequence = sequences[partition]!
      sequences[partition] = sequence + 1
      const token = `${this.history.name}:${partition}:${sequence}`
      const place = { topic: this.#topic, partition, key: null, transaction: null }
      return { token, sequence, ...place, offset: -1 }
    })
    this.history.writes.push(...writes)
    const messages = writes.map(({ token }) => ({
      topic: this.#topic,
      partition,
      value: Buffer.from(recordValue(token, random.between(0, PADDING_MAX_BYTES))),
    }))
    const { offsets = [] } = await producer.send({ messages })
    const baseOffset = Number(offsets[0]?.offset ?? -1)
    for (const [index, write] of writes.entries()) {
      if (baseOffset >= 0) write.offset = baseOffset + index
    }
    await sleep(random.between(0, 5))
  }
}

/** Made anew whenever its stream fails. */
export class PlatformaticConsumer implements RealClient {
  readonly readers: readonly ReaderHistory[]
  readonly commits: Commit[] = []
  readonly group: string
  readonly #bootstrap: string
  readonly #topic: string
  #closing = false
  #running: Promise<void> = Promise.resolve()
  failures = 0

  constructor(
    bootstrap: string,
    { group, topic, partitions }: { group: string; topic: string; partitions: number },
  ) {
    this.group = group
    this.#bootstrap = bootstrap
    this.#topic = topic
    this.readers = Array.from({ length: partitions }, (_, partition) => {
      return {
        name: `platformatic in ${group}`,
        topic,
        partition,
        readCommitted: true,
        group,
        seen: [],
      }
    })
  }

  async start(): Promise<void> {
    this.#running = this.#run()
  }

  async close(): Promise<void> {
    this.#closing = true
    // It is closed where it runs, once: closed twice at a time, it calls itself until the stack is full.
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#closing) {
      const consumer = new Consumer({
        ...connection(this.#bootstrap),
        groupId: this.group,
        groupProtocol: 'consumer',
        isolationLevel: 1,
      })
      try {
        await this.#consume(consumer)
      } catch {
        this.failures += 1
        await sleep(50)
      } finally {
        await consumer.close(true).catch(() => {})
      }
    }
  }

  async #consume(consumer: Consumer): Promise<void> {
    const stream = await consumer.consume({
      topics: [this.#topic],
      autocommit: false,
      mode: 'committed',
      fallbackMode: 'earliest',
      maxWaitTime: 50,
    })
    let given: Message<Buffer, Buffer, Buffer, Buffer>[] = []
    let failed: Error | undefined
    stream.on('error', (error) => {
      failed = error
    })
    stream.on('data', (message: Message<Buffer, Buffer, Buffer, Buffer>) => given.push(message))
    while (!this.#closing && failed === undefined) {
      const some = given
      given = []
      await this.#take(consumer, some)
      await sleep(20)
    }
    if (failed !== undefined) throw failed
  }

  async #take(consumer: Consumer, messages: readonly Message<Buffer, Buffer, Buffer, Buffer>[]) {
    const ends = new Map<number, number>()
    for (const { partition, offset, value } of messages) {
      const at = Number(offset)
      this.readers[partition]!.seen.push({ offset: at, token: readValue(value.toString()).token })
      ends.set(partition, at + 1)
    }
    for (const [partition, offset] of ends) {
      const { group } = this
      const commit = { group, topic: this.#topic, partition, offset, confirmed: false }
      this.commits.push(commit)
      const asked = { topic: this.#topic, partition, offset: BigInt(offset), leaderEpoch: 0 }
      await consumer.commit({ offsets: [asked] })
      commit.confirmed = true
    }
  }
}
