// A client that does everything right while others do not: it produces records that it can recognise, reads them back
// and compares, and writes down how long each of its requests took. The measure of whether anybody else can harm it.

import { CreateTopics } from '../../src/protocol/messages/create-topics.ts'
import { Fetch } from '../../src/protocol/messages/fetch.ts'
import { Produce } from '../../src/protocol/messages/produce.ts'
import { buildBatch } from '../../src/record/build.ts'
import { recordsOf } from '../../src/record/records.ts'
import { batchesIn } from '../../src/record/stored.ts'
import type { Address } from '../clients/broker.ts'
import { Wire } from '../clients/wire.ts'

const PRODUCE_VERSION = 9
const FETCH_VERSION = 12
const RECORDS_PER_BATCH = 5
const VALUE_BYTES = 200

/** What a client saw that it should not have. */
export class Harmed extends Error {
  override readonly name = 'Harmed'
}

/** One client with a connection for producing and one for reading. Opens neither a second time: to be closed is harm. */
export class WellBehaved {
  readonly #topic: string
  readonly #producer: Wire
  readonly #consumer: Wire
  #produced = 0
  #read = 0
  /** Milliseconds of each round trip, produce and fetch apart. */
  readonly produceMs: number[] = []
  readonly fetchMs: number[] = []

  private constructor(topic: string, producer: Wire, consumer: Wire) {
    this.#topic = topic
    this.#producer = producer
    this.#consumer = consumer
  }

  static async open(kafka: Address, topic: string): Promise<WellBehaved> {
    const producer = await Wire.open(kafka)
    const consumer = await Wire.open(kafka)
    const { topics } = await producer.call(CreateTopics, 5, {
      topics: [
        { name: topic, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] },
      ],
      timeoutMs: 10_000,
    })
    const error = topics[0]?.errorCode
    if (error !== 0) throw new Harmed(`${topic} cannot be created: error ${error}`)
    return new WellBehaved(topic, producer, consumer)
  }

  /** Records that were acknowledged, and that came back as they were. */
  get counts(): { readonly produced: number; readonly read: number } {
    return { produced: this.#produced, read: this.#read }
  }

  /** Produces a batch and reads it back. Throws Harmed when either is not as it should be. */
  async round(): Promise<void> {
    await this.#produce()
    while (this.#read < this.#produced) await this.#fetch()
  }

  async #produce(): Promise<void> {
    const first = this.#produced
    const records = buildBatch({
      records: Array.from({ length: RECORDS_PER_BATCH }, (_, i) => ({
        timestamp: Date.now(),
        key: Buffer.from(String(first + i)),
        value: expectedValue(first + i),
      })),
    })
    const startedMs = performance.now()
    const answer = await this.#producer.call(Produce, PRODUCE_VERSION, {
      acks: -1,
      timeoutMs: 30_000,
      topicData: [{ name: this.#topic, partitionData: [{ index: 0, records }] }],
    })
    this.produceMs.push(performance.now() - startedMs)
    const partition = answer.responses[0]?.partitionResponses[0]
    if (partition?.errorCode !== 0 || partition.baseOffset !== first) {
      throw new Harmed(
        `produced at ${first}: error ${partition?.errorCode}, offset ${partition?.baseOffset}`,
      )
    }
    this.#produced += RECORDS_PER_BATCH
  }

  async #fetch(): Promise<void> {
    const startedMs = performance.now()
    const answer = await this.#consumer.call(Fetch, FETCH_VERSION, {
      maxWaitMs: 5_000,
      minBytes: 1,
      topics: [
        {
          topic: this.#topic,
          partitions: [{ partition: 0, fetchOffset: this.#read, partitionMaxBytes: 1_048_576 }],
        },
      ],
      rackId: '',
    })
    this.fetchMs.push(performance.now() - startedMs)
    const partition = answer.responses[0]?.partitions[0]
    if (partition?.errorCode !== 0) throw new Harmed(`fetch: error ${partition?.errorCode}`)
    for (const batch of batchesIn(partition.records ?? new Uint8Array(0))) {
      for (const { offset, key, value } of recordsOf(batch)) {
        const text = key === null ? '' : Buffer.from(key).toString()
        if (
          offset !== this.#read ||
          text !== String(offset) ||
          !isSame(value, expectedValue(offset))
        ) {
          throw new Harmed(`record ${this.#read}: found offset ${offset}, key ${text}`)
        }
        this.#read += 1
      }
    }
  }

  close(): void {
    this.#producer.close()
    this.#consumer.close()
  }
}

function expectedValue(offset: number): Uint8Array {
  return new Uint8Array(VALUE_BYTES).fill(offset * 31 + 7)
}

function isSame(a: Uint8Array | null, b: Uint8Array): boolean {
  return a !== null && Buffer.compare(a, b) === 0
}

/** The value that so many per cent of the others are below; NaN of none. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return (
    sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN
  )
}
