// What a broker has acknowledged, or shown to a reader, is there after `kill -9` of workerd, of the
// launcher or of both, at random moments: byte for byte, in order, and once for idempotent producers
// that retry. The seed is printed and OTTLA_SEED replays the choices, not the machine's timing.

import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { Produce } from '../../src/protocol/messages/produce.ts'
import { batch, Codec, type ReadBatch, readBatches } from './batches.ts'
import { type Address, type Broker, startBroker } from './broker.ts'
import { createTopic, fetch, initProducerId, produceBody, until } from './calls.ts'
import { Ended, Wire } from './wire.ts'

const ROUNDS = 9
const PARTITIONS = 3
const IN_FLIGHT = 5
const RECORDS_MAX = 20
const LARGE_BYTES = 2_200_000
const KILLS = ['workerd', 'launcher', 'both'] as const

/** Errors a client retries; all of a window behind one of them may be out of order. */
const RETRIABLE = [3, 5, 6, 7, 14, 56]
const OUT_OF_ORDER = 45

const seed = Number(process.env.OTTLA_SEED ?? Math.floor(Math.random() * 2 ** 31))
const random = randomFrom(seed)

describe('After kill -9 at random moments', () => {
  test('each acknowledged record is present, in order, and once if its producer is idempotent', async () => {
    console.log(`OTTLA_SEED=${seed}`)
    let broker = await startBroker()
    try {
      const load = new Load()
      await load.prepare(broker.kafka)
      for (let round = 0; round < ROUNDS; round += 1) {
        await load.addTopic(broker.kafka, `round-${round}`, 1)
        const running = load.run(broker.kafka)
        await sleep(random(3) === 0 ? random(40) : 50 + random(500))
        await killed(broker, KILLS[round % KILLS.length]!)
        await running
        broker = await broker.restart()
        await load.verify(broker.kafka)
      }
      load.finish()
      await load.run(broker.kafka)
      await load.verify(broker.kafka)
      load.expectExactlyOnce()
      console.log(load.summary())
    } finally {
      await broker.stop()
    }
  })
})

/** SIGKILL; returns when workerd and the launcher are both gone. */
async function killed(broker: Broker, which: (typeof KILLS)[number]): Promise<void> {
  if (which === 'both') return broker.kill()
  const workerd = broker.workerdPid()
  process.kill(which === 'workerd' ? workerd : broker.pid, 'SIGKILL')
  await until(async () => !runs(workerd) && !runs(broker.pid))
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** All producers and readers, over all lives of the broker. */
class Load {
  readonly #producers: Producer[] = []
  readonly #readers: Reader[] = []

  /** Three partitions, each with two idempotent producers and a plain one. */
  async prepare(address: Address): Promise<void> {
    await this.addTopic(address, 'steady', PARTITIONS)
    const wire = await Wire.open(address)
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      for (const producerId of [await initProducerId(wire), null]) {
        this.#producers.push(new Producer('steady', partition, producerId))
      }
    }
    wire.close()
  }

  /** A topic whose partitions have a reader and an idempotent producer each. */
  async addTopic(address: Address, name: string, partitions: number): Promise<void> {
    const wire = await Wire.open(address)
    await createTopic(wire, name, partitions, { 'max.message.bytes': '4000000' })
    for (let partition = 0; partition < partitions; partition += 1) {
      this.#readers.push(new Reader(name, partition))
      this.#producers.push(new Producer(name, partition, await initProducerId(wire)))
    }
    wire.close()
  }

  /** Runs everything until the broker dies, or until all is acknowledged after `finish`. */
  async run(address: Address): Promise<void> {
    const reading = Promise.all(this.#readers.map((reader) => reader.run(address)))
    await Promise.all(this.#producers.map((producer) => producer.run(address)))
    for (const reader of this.#readers) reader.stop()
    await reading
  }

  /** From now on producers send nothing new. */
  finish(): void {
    for (const producer of this.#producers) producer.finish()
  }

  /** Reads all there is: it begins with what was read before, and holds what was acknowledged. */
  async verify(address: Address): Promise<void> {
    const wire = await Wire.open(address)
    for (const reader of this.#readers) await reader.verify(wire)
    for (const producer of this.#producers) {
      const reader = this.#readers.find((one) => one.topicPartition === producer.topicPartition)
      producer.expectAcknowledged(reader!.batches)
    }
    wire.close()
  }

  /** Every record of an idempotent producer is there once, in the order it was sent. */
  expectExactlyOnce(): void {
    for (const producer of this.#producers.filter(({ idempotent }) => idempotent)) {
      const reader = this.#readers.find((one) => one.topicPartition === producer.topicPartition)
      producer.expectExactlyOnce(reader!.batches)
    }
  }

  summary(): string {
    const sum = (of: (producer: Producer) => number) =>
      this.#producers.reduce((total, producer) => total + of(producer), 0)
    const acknowledged = sum((producer) => producer.acknowledged)
    return `${ROUNDS} kills, ${acknowledged} batches acknowledged, ${sum((one) => one.resent)} sent again`
  }
}

interface Batch {
  readonly sequence: number
  readonly bytes: Buffer
  readonly values: readonly string[]
  /** Base offset of the answer; -1 until it is acknowledged. */
  offset: number
  /** How often it went over a connection. */
  sent: number
}

/** Keeps five batches in flight. Idempotent ones are sent again until acknowledged, plain ones never. */
class Producer {
  readonly topicPartition: string
  readonly #name: string
  readonly #partition: number
  readonly #producerId: bigint | null
  readonly #key = `p${random(2 ** 30)}`
  readonly #acknowledged: Batch[] = []
  #pending: Batch[] = []
  #nextSequence = 0
  #finished = false
  resent = 0

  constructor(name: string, partition: number, producerId: bigint | null) {
    this.#name = name
    this.#partition = partition
    this.#producerId = producerId
    this.topicPartition = `${name}-${partition}`
  }

  get idempotent(): boolean {
    return this.#producerId !== null
  }

  get acknowledged(): number {
    return this.#acknowledged.length
  }

  finish(): void {
    this.#finished = true
  }

  /** Until the connection ends, or all is acknowledged after `finish`. */
  async run(address: Address): Promise<void> {
    try {
      const wire = await Wire.open(address)
      while (await this.#window(wire)) await sleep(20)
      wire.close()
    } catch (error) {
      if (!isEnd(error)) throw error
    }
    if (!this.idempotent) this.#pending = []
  }

  /** Sends and takes answers until one is retriable (then all in flight are drained) or all is done. */
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
      const { responses } = await wire.answer(Produce, 9, oldest.id)
      const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!
      const expected = retry ? [0, OUT_OF_ORDER, ...RETRIABLE] : [0, ...RETRIABLE]
      expect(expected, `answer to ${oldest.batch.values[0]}`).toContain(errorCode)
      if (errorCode === 0) this.#acknowledge(oldest.batch, baseOffset)
      else if (this.idempotent) retry = true
      else this.#pending = this.#pending.filter((batch) => batch !== oldest.batch)
      if (errorCode === 0 || !this.idempotent) next -= 1
    }
  }

  #acknowledge(batch: Batch, offset: number): void {
    batch.offset = offset
    this.#acknowledged.push(batch)
    this.#pending = this.#pending.filter((one) => one !== batch)
  }

  #send(wire: Wire, batch: Batch): number {
    if (batch.sent > 0) this.resent += 1
    batch.sent += 1
    return wire.send(Produce, 9, produceBody(this.#name, this.#partition, batch.bytes))
  }

  /** A new batch at the end of the pending ones; null when there shall be none. */
  #append(): Batch | null {
    if (this.#finished) return null
    const count = 1 + random(RECORDS_MAX)
    const first = this.#nextSequence
    const values = Array.from({ length: count }, (_, index) => `${this.#key}:${first + index}`)
    const headers = [{ key: 'padding', value: padding() }]
    const records = values.map((value, index) => (index > 0 ? { value } : { value, headers }))
    const codec = [Codec.none, Codec.none, Codec.gzip, Codec.zstd][random(4)]!
    const producerId = this.#producerId
    const identity =
      producerId === null ? {} : { producerId, producerEpoch: 0, baseSequence: first }
    const bytes = batch({ records, codec, ...identity })
    const made = { sequence: first, bytes, values, offset: -1, sent: 0 }
    this.#nextSequence += count
    this.#pending.push(made)
    return made
  }

  /** Each acknowledged batch is where its answer said, and they are in the order sent. */
  expectAcknowledged(stored: ReadonlyMap<number, StoredBatch>): void {
    let after = -1
    const inOrder = this.#acknowledged.toSorted((one, other) => one.sequence - other.sequence)
    for (const { offset, values } of inOrder) {
      expect(stored.get(offset)?.values, `${this.topicPartition}@${offset}`).toEqual(values)
      expect(offset, 'in the order sent').toBeGreaterThan(after)
      after = offset
    }
  }

  expectExactlyOnce(stored: ReadonlyMap<number, StoredBatch>): void {
    expect(this.#pending, `unacknowledged of ${this.topicPartition}`).toEqual([])
    const values = [...stored.values()].flatMap((one) => one.values)
    const own = values.filter((value) => value?.startsWith(`${this.#key}:`))
    expect(own).toEqual(
      Array.from({ length: this.#nextSequence }, (_, index) => `${this.#key}:${index}`),
    )
  }
}

/** Mostly little; sometimes so much that the batch is larger than a row of SQLite may be. */
function padding(): string {
  return 'x'.repeat(random(60) === 0 ? LARGE_BYTES : random(2_000))
}

interface StoredBatch {
  readonly values: readonly (string | null)[]
}

/** Follows one partition and keeps all bytes it was given. */
class Reader {
  readonly topicPartition: string
  readonly #name: string
  readonly #partition: number
  /** Whole batches, as fetched, from offset 0. */
  #bytes = Buffer.alloc(0)
  #next = 0
  #stopped = false
  /** What the last `verify` read, by base offset, in order. */
  batches: ReadonlyMap<number, StoredBatch> = new Map()

  constructor(name: string, partition: number) {
    this.#name = name
    this.#partition = partition
    this.topicPartition = `${name}-${partition}`
  }

  stop(): void {
    this.#stopped = true
  }

  /** Reads on until the connection ends, or until `stop`. */
  async run(address: Address): Promise<void> {
    this.#stopped = false
    const pieces = [this.#bytes]
    try {
      const wire = await Wire.open(address)
      while (!this.#stopped) pieces.push(await this.#more(wire, 50))
      wire.close()
    } catch (error) {
      if (!isEnd(error)) throw error
    }
    this.#bytes = Buffer.concat(pieces)
  }

  /** Reads everything again: the bytes read before must be its beginning. */
  async verify(wire: Wire): Promise<void> {
    const before = this.#bytes
    const end = this.#next
    this.#next = 0
    const pieces: Buffer[] = []
    for (let more = await this.#more(wire, 0); more.length > 0; more = await this.#more(wire, 0)) {
      pieces.push(more)
    }
    this.#bytes = Buffer.concat(pieces)
    const what = `${this.topicPartition}: ${before.length} bytes up to offset ${end}`
    expect(this.#next, what).toBeGreaterThanOrEqual(end)
    expect(this.#bytes.subarray(0, before.length).equals(before), what).toBe(true)
    this.batches = contiguous(readBatches(this.#bytes))
  }

  async #more(wire: Wire, maxWaitMs: number): Promise<Buffer> {
    const options = { maxWaitMs, partitionMaxBytes: 8 * 1024 * 1024 }
    const got = await fetch(wire, this.#name, this.#partition, this.#next, options)
    if (RETRIABLE.includes(got.errorCode)) return Buffer.alloc(0)
    expect(got.errorCode, `fetch of ${this.topicPartition}@${this.#next}`).toBe(0)
    const batches = readBatches(got.records)
    this.#next = batches.at(-1) === undefined ? this.#next : batches.at(-1)!.lastOffset + 1
    const bytes = batches.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    return Buffer.from(got.records ?? []).subarray(0, bytes)
  }
}

/** The batches by base offset; there is no gap between them and each is what its CRC says. */
function contiguous(batches: readonly ReadBatch[]): Map<number, StoredBatch> {
  const stored = new Map<number, StoredBatch>()
  let next = 0
  for (const one of batches) {
    expect(one.baseOffset).toBe(next)
    expect(one.crcOk, `CRC at ${one.baseOffset}`).toBe(true)
    stored.set(one.baseOffset, { values: one.records().map(({ value }) => value) })
    next = one.lastOffset + 1
  }
  return stored
}

/** True for what a connection says when its broker is gone. */
function isEnd(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return error instanceof Ended || code === 'ECONNREFUSED' || code === 'ECONNRESET'
}

/** Whole numbers below a bound, the same for the same seed (mulberry32). */
function randomFrom(start: number): (below: number) => number {
  let state = start
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}
