// A producer of one partition with five batches in flight: idempotent (sends again until acknowledged,
// over all lives of the broker) or plain (never sends again). What it did goes into its history.

import { setTimeout as sleep } from 'node:timers/promises'
import { Produce } from '../../../src/protocol/messages/produce.ts'
import { batch, Codec } from '../../clients/batches.ts'
import type { Address } from '../../clients/broker.ts'
import { produceBody } from '../../clients/calls.ts'
import type { Wire } from '../../clients/wire.ts'
import type { Random } from '../../simulation/platform/random.ts'
import type { ProducerHistory, Write } from '../checks/history.ts'
import { type Actor, RETRIABLE, whileAlive } from './connection.ts'
import { recordValue } from './values.ts'

const IN_FLIGHT = 5
const RECORDS_MAX = 8
const OUT_OF_ORDER = 45
const VERSION = 9

/** Where a producer writes, and how much. */
export interface ProducerOptions {
  readonly name: string
  readonly topic: string
  readonly partition: number
  /** null for a plain one. */
  readonly producerId: bigint | null
  /** Keys to choose from; 0 for records without. */
  readonly keys: number
  /** Bytes of padding of a record, at most. */
  readonly paddingBytes: number
  /** One batch in so many is `largeBytes` large; 0 for none. */
  readonly largeOneIn: number
  readonly largeBytes: number
  /** Wait between batches, at most: how fast it writes. */
  readonly pauseMs: number
  readonly random: Random
}

interface Batch {
  readonly bytes: Buffer
  readonly writes: readonly Write[]
}

/** See the head of this file. */
export class Producer implements Actor {
  readonly history: ProducerHistory
  readonly #options: ProducerOptions
  #pending: Batch[] = []
  #nextSequence = 0
  #stopped = false

  constructor(options: ProducerOptions) {
    this.#options = options
    const delivery = options.producerId === null ? 'unrepeated' : 'once'
    this.history = { name: options.name, delivery, writes: [], transactions: [] }
  }

  /** Sends nothing new; what is not acknowledged is. */
  stop(): void {
    this.#stopped = true
  }

  async run(address: Address): Promise<void> {
    this.#stopped = false
    await whileAlive(address, async (wire) => {
      while (await this.#window(wire)) await sleep(20)
    })
    if (!this.#isIdempotent) this.#pending = []
  }

  get #isIdempotent(): boolean {
    return this.#options.producerId !== null
  }

  /**
   * Sends and takes answers until all is acknowledged after `stop` (false), or until an answer is
   * retriable and all in flight are drained (true: run again).
   */
  async #window(wire: Wire): Promise<boolean> {
    const inFlight: { readonly id: number; readonly batch: Batch }[] = []
    let retry = false
    for (let next = 0; ; ) {
      while (!retry && inFlight.length < IN_FLIGHT) {
        const batch = this.#pending[next] ?? this.#append()
        if (batch === null) break
        inFlight.push({ id: this.#send(wire, batch), batch })
        next += 1
      }
      const oldest = inFlight.shift()
      if (oldest === undefined) return retry
      const { responses } = await wire.answer(Produce, VERSION, oldest.id)
      const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!
      const isExpected = errorCode === 0 || RETRIABLE.has(errorCode)
      if (!isExpected && !(retry && errorCode === OUT_OF_ORDER)) {
        throw new Error(`${this.history.name}: produce was answered ${errorCode}`)
      }
      if (errorCode === 0) this.#acknowledge(oldest.batch, baseOffset)
      else if (this.#isIdempotent) retry = true
      else this.#pending = this.#pending.filter((one) => one !== oldest.batch)
      if (errorCode === 0 || !this.#isIdempotent) next -= 1
      const { pauseMs, random } = this.#options
      if (pauseMs > 0) await sleep(random.between(0, pauseMs))
    }
  }

  #acknowledge(batch: Batch, baseOffset: number): void {
    for (const [index, write] of batch.writes.entries()) write.offset = baseOffset + index
    this.#pending = this.#pending.filter((one) => one !== batch)
  }

  #send(wire: Wire, { bytes }: Batch): number {
    const { topic, partition } = this.#options
    return wire.send(Produce, VERSION, produceBody(topic, partition, bytes))
  }

  /** A new batch at the end of the pending ones; null when there shall be none. */
  #append(): Batch | null {
    if (this.#stopped) return null
    const { name, topic, partition, producerId, keys, random } = this.#options
    const baseSequence = this.#nextSequence
    const writes = Array.from({ length: random.between(1, RECORDS_MAX) }, (_, index): Write => {
      const sequence = baseSequence + index
      const key = keys > 0 ? `k${random.between(1, keys)}` : null
      const token = `${name}:${sequence}`
      return { token, topic, partition, key, sequence, transaction: null, offset: -1 }
    })
    const { paddingBytes, largeOneIn, largeBytes } = this.#options
    const isLarge = largeOneIn > 0 && random.between(1, largeOneIn) === 1
    const records = writes.map(({ token, key }, index) => {
      const bytes = isLarge && index === 0 ? largeBytes : random.between(0, paddingBytes)
      return { key, value: recordValue(token, bytes) }
    })
    const codec = random.pick([Codec.none, Codec.none, Codec.gzip, Codec.zstd])
    const identity = producerId === null ? {} : { producerId, producerEpoch: 0, baseSequence }
    const timestamp = Date.now()
    const made = { bytes: batch({ records, codec, timestamp, ...identity }), writes }
    this.#nextSequence += writes.length
    this.history.writes.push(...writes)
    this.#pending.push(made)
    return made
  }
}
