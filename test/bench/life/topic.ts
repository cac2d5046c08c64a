// A topic of one partition that is filled with keyed records, then has its life's work to do: what it is told,
// what it is filled with, and how large it is. Requests are those of src/protocol.

import { decodeResponse, encodeRequest } from '../../../src/protocol/codec.ts'
import { CreateTopics } from '../../../src/protocol/messages/create-topics.ts'
import { DescribeLogDirs } from '../../../src/protocol/messages/describe-log-dirs.ts'
import { IncrementalAlterConfigs } from '../../../src/protocol/messages/incremental-alter-configs.ts'
import { Produce } from '../../../src/protocol/messages/produce.ts'
import type { Api, RequestToSend, ResponseRead } from '../../../src/protocol/schema.ts'
import { buildBatch } from '../../../src/record/build.ts'
import { Codec, type CodecName } from '../../../src/record/compression.ts'
import type { LoadClient } from '../client.ts'
import { produce } from '../kafka.ts'
import { eventOf, randomFrom } from '../load/events.ts'
import { refuseError } from '../scale/requests.ts'

const CREATE_TOPICS_VERSION = 7
const DESCRIBE_LOG_DIRS_VERSION = 4
const ALTER_CONFIGS_VERSION = 1
const PRODUCE_VERSION = 9
const HEADER = { correlationId: 1, clientId: 'ottla-bench' }

const TOPIC_RESOURCE = 2
const SET = 0

/** What producers that mean to be fast fill a batch with. */
const BATCH_CONTENT_BYTES = 64 * 1024
const FILL_IN_FLIGHT = 16
/** Requests made at once while a topic is filled: some megabytes. */
const FILL_AT_ONCE = 256

/** What the records of a topic are like. */
export interface Records {
  readonly codec: CodecName
  readonly valueBytes: number
  /** Different keys, which come in no order. */
  readonly keys: number
}

/** A Produce request and the batch in it. */
export interface KeyedRequest {
  readonly request: Uint8Array
  readonly batch: Uint8Array
}

/** Makes requests, each with other records. */
export class KeyedRequests {
  readonly #topic: string
  readonly #records: Records
  readonly #random: () => number

  constructor(topic: string, records: Records, seed: number) {
    this.#topic = topic
    this.#records = records
    this.#random = randomFrom(seed)
  }

  next(): KeyedRequest {
    const { codec, valueBytes, keys } = this.#records
    const random = this.#random
    const timestamp = Date.now()
    const batch = buildBatch({
      codec: Codec[codec],
      records: Array.from({ length: recordsPerBatch(valueBytes) }, () => ({
        timestamp,
        key: Buffer.from(`key-${random() % keys}`),
        value: Buffer.from(eventOf(random, valueBytes)),
      })),
    })
    const topicData = [{ name: this.#topic, partitionData: [{ index: 0, records: batch }] }]
    const request = encodeRequest(Produce, PRODUCE_VERSION, HEADER, {
      transactionalId: null,
      acks: -1,
      timeoutMs: 30_000,
      topicData,
    })
    return { request, batch }
  }
}

/** About what a record with such a value comes to. */
export function recordBytes(valueBytes: number): number {
  return valueBytes + 20
}

function recordsPerBatch(valueBytes: number): number {
  return Math.max(1, Math.floor(BATCH_CONTENT_BYTES / recordBytes(valueBytes)))
}

/** What a topic was filled with. */
export interface Filled {
  readonly requests: number
  /** As stored. */
  readonly bytes: number
  /** While requests were under way. */
  readonly ms: number
}

/** A topic of one partition. */
export class LifeTopic {
  readonly name: string
  readonly #client: LoadClient

  private constructor(client: LoadClient, name: string) {
    this.#client = client
    this.name = name
  }

  static async create(
    client: LoadClient,
    name: string,
    configs: Readonly<Record<string, string>>,
  ): Promise<LifeTopic> {
    const given = Object.entries(configs).map(([name, value]) => ({ name, value }))
    const topic = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: given }
    const created = await ask(client, CreateTopics, CREATE_TOPICS_VERSION, { topics: [topic] })
    refuseError(`CreateTopics ${name}`, created.topics[0]?.errorCode ?? -1)
    return new LifeTopic(client, name)
  }

  /** Fills it with about so many bytes of records, before they are compressed. */
  async fill(contentBytes: number, records: Records): Promise<Filled> {
    const made = new KeyedRequests(this.name, records, 1)
    const { valueBytes } = records
    const requests = Math.ceil(
      contentBytes / (recordsPerBatch(valueBytes) * recordBytes(valueBytes)),
    )
    let left = requests
    let bytes = 0
    let ms = 0
    while (left > 0) {
      const some = Array.from({ length: Math.min(left, FILL_AT_ONCE) }, () => made.next())
      for (const { batch } of some) bytes += batch.length
      const request = some.map((each) => each.request)
      ms += await produce(this.#client, { request, count: some.length, inFlight: FILL_IN_FLIGHT })
      left -= some.length
    }
    return { requests, bytes, ms }
  }

  async configure(configs: Readonly<Record<string, string>>): Promise<void> {
    const set = Object.entries(configs).map(([name, value]) => {
      return { name, configOperation: SET, value }
    })
    const resources = [{ resourceType: TOPIC_RESOURCE, resourceName: this.name, configs: set }]
    const body = { resources, validateOnly: false }
    const answer = await ask(this.#client, IncrementalAlterConfigs, ALTER_CONFIGS_VERSION, body)
    refuseError('IncrementalAlterConfigs', answer.responses[0]?.errorCode ?? -1)
  }

  /** Bytes of batches that it has. */
  async sizeBytes(): Promise<number> {
    const topics = [{ topic: this.name, partitions: [0] }]
    const answer = await ask(this.#client, DescribeLogDirs, DESCRIBE_LOG_DIRS_VERSION, { topics })
    return Number(answer.results[0]?.topics[0]?.partitions[0]?.partitionSize ?? 0)
  }
}

async function ask<A extends Api>(
  client: LoadClient,
  api: A,
  version: number,
  body: RequestToSend<A>,
): Promise<ResponseRead<A>> {
  const frame = await client.call(encodeRequest(api, version, HEADER, body))
  return decodeResponse(api, version, frame).body
}
