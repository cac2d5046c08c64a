// kafkajs 2.2.4 as a producer and as a member of a group: a client that knows nothing of the test, meets
// the broker's deaths in its own way and keeps its connections' addresses. What it promises its user is
// what is written down.

import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs, { type Consumer, type Producer } from 'kafkajs'
import { plugCodecs } from '../../clients/matrix/javascript/codecs.ts'
import type { Random } from '../../simulation/platform/random.ts'
import type { Commit, ProducerHistory, ReaderHistory, Write } from '../checks/history.ts'
import { readValue, recordValue } from './values.ts'

const { Kafka, logLevel, Partitioners } = kafkajs
const PADDING_MAX_BYTES = 400
const SESSION_MS = 1_000
plugCodecs()

/** A client that lives as long as the whole test. */
export interface RealClient {
  start(): Promise<void>
  close(): Promise<void>
}

function connection(bootstrap: string) {
  return new Kafka({
    clientId: 'faults-kafkajs',
    brokers: [bootstrap],
    // It never gives up: what it was asked to send it sends.
    retry: { initialRetryTime: 50, retries: 1_000_000, maxRetryTime: 300 },
    logLevel: logLevel.NOTHING,
  })
}

/** Sends a few records at a time, awaiting each send. */
export class KafkajsProducer implements RealClient {
  readonly history: ProducerHistory
  readonly #producer: Producer
  readonly #topic: string
  readonly #partitions: number
  readonly #random: Random
  #closing = false
  #running: Promise<void> = Promise.resolve()

  constructor(
    bootstrap: string,
    { topic, partitions, random }: { topic: string; partitions: number; random: Random },
  ) {
    this.#topic = topic
    this.#partitions = partitions
    this.#random = random
    const history = { name: `kafkajs-${topic}`, writes: [], transactions: [] }
    this.history = { ...history, delivery: 'repeated' }
    this.#producer = connection(bootstrap).producer({
      createPartitioner: Partitioners.DefaultPartitioner,
      allowAutoTopicCreation: false,
    })
  }

  async start(): Promise<void> {
    await this.#producer.connect()
    this.#running = this.#run()
  }

  async close(): Promise<void> {
    this.#closing = true
    await this.#running
    await this.#producer.disconnect()
  }

  async #run(): Promise<void> {
    const sequences = Array.from({ length: this.#partitions }, () => 0)
    const random = this.#random
    while (!this.#closing) {
      const partition = random.between(0, this.#partitions - 1)
      const writes = Array.from({ length: random.between(1, 5) }, (): Write => {
        const sequence = sequences[partition]!
        sequences[partition] = sequence + 1
        const token = `${this.history.name}:${partition}:${sequence}`
        const place = { topic: this.#topic, partition, key: null, transaction: null }
        return { token, sequence, ...place, offset: -1 }
      })
      this.history.writes.push(...writes)
      const messages = writes.map(({ token }) => {
        return { partition, value: recordValue(token, random.between(0, PADDING_MAX_BYTES)) }
      })
      const [answer] = await this.#producer.send({ topic: this.#topic, messages, acks: -1 })
      const baseOffset = Number(answer?.baseOffset)
      for (const [index, write] of writes.entries()) write.offset = baseOffset + index
      await sleep(random.between(0, 5))
    }
  }
}

/** A member of a classic group; commits what it was given and writes down what was confirmed. */
export class KafkajsConsumer implements RealClient {
  readonly readers: readonly ReaderHistory[]
  readonly commits: Commit[] = []
  readonly group: string
  readonly #consumer: Consumer
  readonly #topic: string

  constructor(
    bootstrap: string,
    { group, topic, partitions }: { group: string; topic: string; partitions: number },
  ) {
    this.group = group
    this.#topic = topic
    this.readers = Array.from({ length: partitions }, (_, partition) => {
      return { name: `kafkajs in ${group}`, topic, partition, readCommitted: true, group, seen: [] }
    })
    this.#consumer = connection(bootstrap).consumer({
      groupId: group,
      // A member that joins anew after a death waits so long for the one it was before.
      sessionTimeout: SESSION_MS,
      rebalanceTimeout: SESSION_MS,
      heartbeatInterval: 200,
      maxWaitTimeInMs: 50,
      readUncommitted: false,
      retry: { initialRetryTime: 50, retries: 1_000_000, maxRetryTime: 300 },
    })
  }

  async start(): Promise<void> {
    await this.#consumer.connect()
    await this.#consumer.subscribe({ topic: this.#topic, fromBeginning: true })
    await this.#consumer.run({
      autoCommit: false,
      partitionsConsumedConcurrently: 3,
      eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
        const { topic, partition } = batch
        const reader = this.readers[partition]!
        for (const message of batch.messages) {
          const { token } = readValue(message.value?.toString() ?? null)
          reader.seen.push({ offset: Number(message.offset), token })
        }
        const offset = Number(batch.lastOffset()) + 1
        const commit = { group: this.group, topic, partition, offset, confirmed: false }
        this.commits.push(commit)
        await this.#consumer.commitOffsets([{ topic, partition, offset: `${offset}` }])
        commit.confirmed = true
        resolveOffset(batch.lastOffset())
        await heartbeat()
      },
    })
  }

  async close(): Promise<void> {
    await this.#consumer.disconnect()
  }
}
