// A consumer of many partitions of one topic, as every client reads: one connection, one long poll after
// the other over all of them, those that gave something moved to the end so that none starves.

import { batchSizeAt, lastOffsetAt } from '../../../src/record/header.ts'
import { LoadClient } from '../client.ts'
import { type FetchTerms, fetchPlaces, refuseError } from './requests.ts'

/** Called with each batch of a partition, valid during the call. */
export type Take = (partition: number, batch: Uint8Array) => void

/** What to read, and how. */
export interface ConsumerOptions {
  readonly topic: string
  /** Where to begin, by partition. */
  readonly next: ReadonlyMap<number, number>
  readonly terms: FetchTerms
  readonly take?: Take
  /** Read a partition again from its start when it has come to its end. */
  readonly wraps?: boolean
}

/** One consumer; it reads from the offsets it was told. */
export class Consumer {
  readonly #client: LoadClient
  readonly #topic: string
  readonly #terms: FetchTerms
  readonly #take: Take
  readonly #wraps: boolean
  /** In the order in which they are asked for. */
  readonly #next: Map<number, number>
  #open = true
  /** Answers so far, and the bytes of batches in them. */
  polls = 0
  bytes = 0

  private constructor(
    client: LoadClient,
    { topic, next, terms, take = () => {}, wraps = false }: ConsumerOptions,
  ) {
    this.#client = client
    this.#topic = topic
    this.#next = new Map(next)
    this.#terms = terms
    this.#take = take
    this.#wraps = wraps
  }

  static async open(options: ConsumerOptions & { readonly port: number }): Promise<Consumer> {
    return new Consumer(await LoadClient.open(options.port), options)
  }

  /** One request and its answer. */
  async poll(): Promise<void> {
    const places = [...this.#next].map(([partition, fetchOffset]) => ({ partition, fetchOffset }))
    const answers = await fetchPlaces(this.#client, this.#topic, places, this.#terms)
    for (const { partitionIndex, errorCode, highWatermark, records } of answers) {
      refuseError(`Fetch of partition ${partitionIndex}`, errorCode)
      if (records === null || records.length === 0) continue
      this.bytes += records.length
      let end = -1
      for (let at = 0; at < records.length; at += batchSizeAt(records, at)) {
        this.#take(partitionIndex, records.subarray(at, at + batchSizeAt(records, at)))
        end = lastOffsetAt(records, at) + 1
      }
      this.#next.delete(partitionIndex)
      this.#next.set(partitionIndex, this.#wraps && end >= highWatermark ? 0 : end)
    }
    this.polls++
  }

  /** Polls until closed. Rejects when the broker fails it. */
  async run(): Promise<void> {
    try {
      while (this.#open) await this.poll()
    } catch (error) {
      if (this.#open) throw error
    }
  }

  close(): void {
    this.#open = false
    this.#client.close()
  }
}
