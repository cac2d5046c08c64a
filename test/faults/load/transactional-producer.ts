// A transactional producer: transactions over the partitions of several topics, committed or aborted at
// random, in the older flow (AddPartitionsToTxn first) or the newer one (KIP-890). Each begins with a read of
// one of the lists (partitions that only transactions are judged by). After each death of the broker it
// begins anew, as a client that was restarted: InitProducerId settles what was open.

import { EndTxn } from '../../../src/protocol/messages/end-txn.ts'
import { Produce } from '../../../src/protocol/messages/produce.ts'
import { batch } from '../../clients/batches.ts'
import type { Address } from '../../clients/broker.ts'
import { until } from '../../clients/calls.ts'
import { addPartitions, type Producer, producer } from '../../clients/transaction-calls.ts'
import { Wire } from '../../clients/wire.ts'
import type { Random } from '../../simulation/platform/random.ts'
import type { ProducerHistory, TransactionOutcome, Write } from '../checks/history.ts'
import type { ListRead } from '../checks/list-append.ts'
import { type Actor, RETRIABLE, whileAlive } from './connection.ts'
import { committedFrom } from './reader.ts'
import { recordValue } from './values.ts'

const BATCHES_MAX = 4
const RECORDS_MAX = 5
const PADDING_MAX_BYTES = 600
const TRANSACTIONAL = 0x10

/** A place that a transaction may write to. */
export interface Destination {
  readonly topic: string
  readonly partition: number
  /** Keys to choose from; 0 for records without. */
  readonly keys: number
}

export interface TransactionalOptions {
  readonly transactionalId: string
  readonly flow: 'older' | 'newer'
  readonly destinations: readonly Destination[]
  /** The topic whose partitions are the lists. */
  readonly lists: { readonly topic: string; readonly partitions: number }
  readonly abortOneIn: number
  readonly random: Random
  /** Counts events of all clients. */
  readonly clock: () => number
}

/** See the head of this file. */
export class TransactionalProducer implements Actor {
  readonly history: ProducerHistory
  /** What each transaction read, by its index. */
  readonly reads: (readonly ListRead[])[] = []
  readonly #options: TransactionalOptions
  /** Where it goes on reading each list. */
  readonly #positions = new Map<number, number>()
  /** Of the next batch, by partition; of the producer's present epoch. */
  #sequences = new Map<string, number>()
  /** Of the next record, by partition; never goes back. */
  readonly #order = new Map<string, number>()
  #records = 0
  /** What it was given when it settled, to go on with. */
  #settled: Producer | null = null
  #stopped = false

  constructor(options: TransactionalOptions) {
    this.#options = options
    this.history = {
      name: options.transactionalId,
      delivery: 'once',
      writes: [],
      transactions: [],
    }
  }

  /** Transactions that were confirmed, and of them those that were committed. */
  get confirmed(): { readonly all: number; readonly committed: number } {
    const acked = this.history.transactions.filter((one) => one.acked)
    return { all: acked.length, committed: acked.filter(({ end }) => end === 'commit').length }
  }

  stop(): void {
    this.#stopped = true
  }

  async run(address: Address): Promise<void> {
    this.#stopped = false
    await whileAlive(address, async (wire) => {
      let by = this.#settled ?? (await this.#begin(wire))
      this.#settled = null
      while (!this.#stopped) by = await this.#transaction(wire, by)
    })
  }

  /** After a death of the broker: what was open is ended before this returns. */
  async settle(address: Address): Promise<void> {
    const wire = await Wire.open(address)
    this.#settled = await this.#begin(wire)
    wire.close()
  }

  #begin(wire: Wire): Promise<Producer> {
    this.#sequences = new Map()
    return producer(wire, this.#options.transactionalId)
  }

  async #transaction(wire: Wire, by: Producer): Promise<Producer> {
    const { random, abortOneIn, clock } = this.#options
    const never = Number.POSITIVE_INFINITY
    const outcome: TransactionOutcome = {
      begun: clock(),
      asked: never,
      ended: never,
      end: 'none',
      acked: false,
    }
    const index = this.history.transactions.push(outcome) - 1
    this.reads[index] = []
    this.reads[index] = await this.#read(wire)
    const joined = new Set<string>()
    for (let count = random.between(1, BATCHES_MAX); count > 0; count--) {
      await this.#batch(wire, by, index, joined)
    }
    outcome.end = random.between(1, abortOneIn) === 1 ? 'abort' : 'commit'
    outcome.asked = clock()
    const next = await this.#end(wire, by, outcome.end === 'commit')
    outcome.acked = true
    outcome.ended = clock()
    return next
  }

  /** Reads on in one of the lists. */
  async #read(wire: Wire): Promise<ListRead[]> {
    const { lists, random, clock } = this.#options
    const partition = random.between(0, lists.partitions - 1)
    const from = this.#positions.get(partition) ?? 0
    const got = await committedFrom(wire, lists.topic, partition, from)
    if (got === null) return []
    this.#positions.set(partition, got.next)
    const entries = got.seen.map(({ offset, token }) => ({ offset, value: token }))
    return [{ list: `${lists.topic}-${partition}`, from, end: got.next, entries, at: clock() }]
  }

  async #batch(wire: Wire, by: Producer, transaction: number, joined: Set<string>): Promise<void> {
    const { random, destinations, flow } = this.#options
    const { topic, partition, keys } = random.pick(destinations)
    const place = `${topic}-${partition}`
    if (flow === 'older' && !joined.has(place)) {
      const [error] = await addPartitions(wire, by, topic, [partition])
      if (error !== 0) throw this.#unexpected('AddPartitionsToTxn', error)
    }
    joined.add(place)
    const baseSequence = this.#sequences.get(place) ?? 0
    const writes = Array.from({ length: random.between(1, RECORDS_MAX) }, (): Write => {
      this.#records += 1
      const sequence = this.#order.get(place) ?? 0
      this.#order.set(place, sequence + 1)
      const key = keys > 0 ? `k${random.between(1, keys)}` : null
      const token = `${this.history.name}:${this.#records}`
      return { token, topic, partition, key, sequence, transaction, offset: -1 }
    })
    this.#sequences.set(place, baseSequence + writes.length)
    this.history.writes.push(...writes)
    const records = batch({
      records: writes.map(({ token, key }) => ({
        key,
        value: recordValue(token, random.between(0, PADDING_MAX_BYTES)),
      })),
      timestamp: Date.now(),
      attributes: TRANSACTIONAL,
      producerId: by.producerId,
      producerEpoch: by.producerEpoch,
      baseSequence,
    })
    const baseOffset = await this.#produce(wire, topic, partition, records)
    for (const [index, write] of writes.entries()) write.offset = baseOffset + index
  }

  async #produce(wire: Wire, topic: string, partition: number, records: Buffer): Promise<number> {
    const { transactionalId, flow } = this.#options
    const topicData = [{ name: topic, partitionData: [{ index: partition, records }] }]
    const body = { transactionalId, acks: -1, timeoutMs: 15_000, topicData }
    let baseOffset = -1
    await until(async () => {
      const { responses } = await wire.call(Produce, flow === 'older' ? 11 : 12, body)
      const got = responses[0]!.partitionResponses[0]!
      if (RETRIABLE.has(got.errorCode)) return false
      if (got.errorCode !== 0) throw this.#unexpected('Produce', got.errorCode)
      baseOffset = got.baseOffset
      return true
    })
    return baseOffset
  }

  async #end(wire: Wire, by: Producer, committed: boolean): Promise<Producer> {
    const { transactionalId, producerId, producerEpoch } = by
    const version = this.#options.flow === 'older' ? 4 : 5
    let next = by
    await until(async () => {
      const body = { transactionalId, producerId, producerEpoch, committed }
      const got = await wire.call(EndTxn, version, body)
      if (RETRIABLE.has(got.errorCode)) return false
      if (got.errorCode !== 0) throw this.#unexpected('EndTxn', got.errorCode)
      if (version === 5) {
        next = { transactionalId, producerId: got.producerId, producerEpoch: got.producerEpoch }
      }
      return true
    })
    if (next.producerEpoch !== producerEpoch) this.#sequences = new Map()
    return next
  }

  #unexpected(call: string, code: number | undefined): Error {
    return new Error(`${this.history.name}: ${call} was answered ${code}`)
  }
}
