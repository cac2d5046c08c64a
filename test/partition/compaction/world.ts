// A compacted partition on a bench, and what is known of every record that was ever written to it: the
// simplest compaction there is, against which the real one is held. Records are read as HTTP reads them.

import assert from 'node:assert/strict'
import type { TopicSettings } from '../../../src/core/configs.ts'
import { KafkaError } from '../../../src/core/errors.ts'
import type { StepBudget } from '../../../src/partition/compaction/compactable.ts'
import { CompactionSlot } from '../../../src/partition/compaction/slot.ts'
import type { AppendTransaction } from '../../../src/partition/contract.ts'
import { buildBatch, type NewBatch } from '../../../src/record/build.ts'
import type { CodecId } from '../../../src/record/compression.ts'
import { lastOffsetAt, readBatchHeader } from '../../../src/record/header.ts'
import { itemsOf } from '../../../src/record/json.ts'
import { batchesInPieces } from '../../../src/record/stored.ts'
import { Bench, SETTINGS, settled, TARGET } from '../harness.ts'

export const COMPACTED: TopicSettings = {
  ...SETTINGS,
  cleanupCompact: true,
  cleanupDelete: false,
  // A chunk or two.
  segmentBytes: 300,
  retentionMs: -1,
  minCleanableDirtyRatio: 0,
  deleteRetentionMs: 1_000,
  cleanerBackoffMs: 1,
}

/** An alarm that is due so soon is waited for. */
const SOON_MS = 200

/** One batch a step. */
const ONE_BATCH: StepBudget = { bytes: 1, ms: Number.POSITIVE_INFINITY }

/** A record as it was written. */
export interface Written {
  readonly offset: number
  readonly key: string
  readonly value: string | null
  readonly timestamp: number
  /** Whose transaction it is in; null outside. */
  readonly producerId: number | null
  outcome: 'open' | 'committed' | 'aborted'
}

/** A record as it was read. */
export interface Seen {
  readonly offset: number
  readonly key: string
  readonly value: string | null
  readonly timestamp: number
}

export interface Produced {
  readonly records: readonly { readonly key: string; readonly value: string | null }[]
  readonly codec?: CodecId
  /** Idempotent, or with `transactional` in a transaction. */
  readonly producerId?: number
  readonly transactional?: boolean
}

const text = new TextEncoder()

export class World {
  readonly bench: Bench
  readonly written: Written[] = []
  readonly settings: TopicSettings
  readonly #sequences = new Map<number, number>()
  /** The last batch of every producer. */
  readonly #lasts = new Map<
    number,
    {
      readonly batch: Uint8Array
      readonly baseOffset: number
      readonly lastOffset: number
      readonly transaction: AppendTransaction | undefined
    }
  >()
  /** The number of the transaction that a producer has open. */
  readonly open = new Map<number, number>()
  #transactions = 0
  #slot = new CompactionSlot()

  constructor(settings: Partial<TopicSettings> = {}, mapBytes = 1 << 20, budget = ONE_BATCH) {
    this.settings = { ...COMPACTED, ...settings }
    const slot = () => this.#slot
    this.bench = new Bench(1 << 20, {
      get slot() {
        return slot()
      },
      budget,
      mapBytes,
      saveRows: 2,
    })
    this.bench.admission = {
      alive: true,
      name: 'topic',
      configVersion: 1,
      settings: this.settings,
    }
  }

  async produce({ records, codec = 0, producerId = -1, transactional = false }: Produced) {
    const baseSequence = producerId < 0 ? -1 : (this.#sequences.get(producerId) ?? 0)
    const batch: NewBatch = {
      records: records.map(({ key, value }) => ({
        timestamp: this.bench.nowMs,
        key: text.encode(key),
        value: value === null ? null : text.encode(value),
      })),
      codec,
      ...(producerId < 0 ? {} : { producerId, producerEpoch: 0, baseSequence, transactional }),
    }
    if (producerId >= 0) this.#sequences.set(producerId, baseSequence + records.length)
    if (transactional && !this.open.has(producerId)) this.open.set(producerId, ++this.#transactions)
    this.bench.enlistment = { error: KafkaError.NONE, number: this.open.get(producerId) ?? 0 }
    const transaction = { transactionalId: `t${producerId}`, topic: 'topic', implicit: false }
    const bytes = buildBatch(batch)
    const given = transactional ? transaction : undefined
    const reply = await this.bench.append(bytes, 1, given)
    await settled()
    if (reply.kind !== 'appended') throw new Error(JSON.stringify(reply))
    const { baseOffset } = reply
    if (producerId >= 0) {
      const lastOffset = baseOffset + records.length - 1
      this.#lasts.set(producerId, { batch: bytes, baseOffset, lastOffset, transaction: given })
    }
    for (const [index, { key, value }] of records.entries()) {
      this.written.push({
        offset: baseOffset + index,
        key,
        value,
        timestamp: this.bench.nowMs,
        producerId: transactional ? producerId : null,
        outcome: transactional ? 'open' : 'committed',
      })
    }
    return baseOffset
  }

  /** Ends the producer's transaction, if it has one open. */
  async end(producerId: number, committed: boolean): Promise<void> {
    const number = this.open.get(producerId)
    if (number === undefined) return
    this.open.delete(producerId)
    const marker = { producerId, producerEpoch: 0, number, coordinatorEpoch: 0, committed }
    const { error } = await this.bench.leader.endTransaction({ ...TARGET, ...marker })
    await settled()
    assert.equal(error, KafkaError.NONE)
    for (const record of this.written) {
      if (record.producerId !== producerId || record.outcome !== 'open') continue
      record.outcome = committed ? 'committed' : 'aborted'
    }
  }

  /** What a consumer sees from an offset on, in fetches of at most so many bytes. */
  async seen(readCommitted = true, from = 0, maxBytes = 1_000_000): Promise<Seen[]> {
    const seen: Seen[] = []
    let next = from
    for (;;) {
      const reply = await this.bench.read(next, maxBytes, true, readCommitted)
      assert.equal(reply.error, KafkaError.NONE)
      if (reply.pieces.length === 0) return seen
      const aborted = reply.abortedTransactions.map(({ producerId, firstOffset }) => ({
        producerId: BigInt(producerId),
        firstOffset,
      }))
      const items = itemsOf({ partition: 0, from: next, pieces: reply.pieces, aborted })
      for (let item = items.next(); ; item = items.next()) {
        if (item.done === true) {
          assert.ok(item.value > next)
          next = item.value
          break
        }
        assert.equal(item.value.malformed, false, item.value.json)
        const { offset, key, value, timestamp } = JSON.parse(item.value.json) as Seen
        seen.push({ offset, key, value, timestamp })
      }
    }
  }

  /** Headers of all batches. */
  async headers() {
    const found = []
    for (let next = 0; ; ) {
      const { pieces } = await this.bench.read(next)
      if (pieces.length === 0) return found
      for (const batch of batchesInPieces(pieces)) {
        found.push(readBatchHeader(batch))
        next = lastOffsetAt(batch, 0) + 1
      }
    }
  }

  /** Bytes that the chunks have, by themselves. */
  get storedBytes(): number {
    return Number(this.bench.storage.direct('SELECT sum(size) AS n FROM chunk')[0]?.n ?? 0)
  }

  get cleanEnd(): number {
    return Number(this.bench.storage.direct('SELECT clean_end AS n FROM compaction')[0]?.n ?? 0)
  }

  get activeFrom(): number {
    return Number(this.bench.storage.direct('SELECT max(base_offset) AS n FROM segment')[0]?.n ?? 0)
  }

  /** The alarm rings if it is asked for soon: compaction begins, if there is anything to do. */
  wake(): void {
    const { wakeUps } = this.bench
    // An object that was made anew asks to be woken when it is first called.
    void this.bench.leader.size(TARGET)
    const nextMs = Math.min(...wakeUps)
    if (nextMs > this.bench.nowMs + SOON_MS) return
    wakeUps.length = 0
    this.bench.nowMs = Math.max(this.bench.nowMs, nextMs)
    this.bench.leader.housekeep()
  }

  /** One step of compaction; false when none is under way after it. */
  async step(): Promise<boolean> {
    if (this.bench.timers.length === 0) this.wake()
    else await this.bench.pass(1)
    return this.bench.timers.length > 0
  }

  /** Compacts until there is nothing to do. */
  async compacted(each: () => Promise<void> = async () => {}): Promise<void> {
    this.wake()
    for (let steps = 0; this.bench.timers.length > 0; steps++) {
      if (steps > 100_000) throw new Error('compaction goes on for ever')
      await this.bench.pass(1)
      await each()
    }
  }

  /** The object is made anew; the one before says and does nothing more. */
  restart(): void {
    this.#ended()
    this.bench.restart()
  }

  /** The machine dies; what was not confirmed is gone. */
  crash(): void {
    this.#ended()
    this.bench.crash()
  }

  /** Timers end with the object; its turn is over some time later. */
  #ended(): void {
    this.bench.timers = []
    this.#slot = new CompactionSlot()
  }

  /** A producer sends its last batch again: it is where it was. */
  async again(producerId: number): Promise<void> {
    const last = this.#lasts.get(producerId)
    if (last === undefined || this.open.has(producerId)) return
    const reply = await this.bench.append(last.batch.slice(), 1, last.transaction)
    await settled()
    if (reply.kind !== 'appended') throw new Error(JSON.stringify(reply))
    assert.equal(reply.baseOffset, last.baseOffset)
  }

  /**
   * Holds what is seen against what was written: offsets ascend, no record is another than it was, none of
   * an aborted transaction is seen, and the last of every key is there, or is a tombstone that is gone
   * in its time with all before it.
   */
  async verify(maxBytes = 1_000_000): Promise<void> {
    const seen = await this.seen(true, 0, maxBytes)
    const byOffset = new Map(this.written.map((record) => [record.offset, record]))
    let before = -1
    const lasts = new Map<string, number>()
    for (const { offset, ...record } of seen) {
      assert.ok(offset > before)
      before = offset
      const original = byOffset.get(offset)
      const { key, value, timestamp } = original ?? {}
      assert.deepEqual({ offset, ...record }, { offset, key, value, timestamp })
      assert.equal(original?.outcome, 'committed')
      lasts.set(record.key, offset)
    }
    const stable = (await this.bench.read(0, 1, true, true)).lastStableOffset
    const latest = new Map<string, Written>()
    for (const record of this.written) {
      if (record.outcome === 'committed' && record.offset < stable) latest.set(record.key, record)
    }
    for (const [key, { offset, value, timestamp }] of latest) {
      const ageMs = this.bench.nowMs - timestamp
      if (value === null && !lasts.has(key) && ageMs >= this.settings.deleteRetentionMs) continue
      assert.equal(lasts.get(key), offset, `the last record of ${key}`)
    }
  }

  /** After all passes: below the clean end there is one record a key, and every producer's last batch. */
  async verifyClean(): Promise<void> {
    await this.verify()
    const { cleanEnd } = this
    const keys = (await this.seen()).filter(({ offset }) => offset < cleanEnd).map(({ key }) => key)
    assert.equal(new Set(keys).size, keys.length, 'a key is there twice')
    for (const { offset } of await this.seen(false)) {
      const { outcome } = this.written.find((record) => record.offset === offset) ?? {}
      if (offset < cleanEnd) assert.equal(outcome, 'committed')
    }
    const { sizeBytes } = await this.bench.leader.size(TARGET)
    assert.equal(sizeBytes, this.storedBytes)
    const headers = await this.headers()
    for (const { lastOffset } of this.#lasts.values()) {
      const last = headers.find((each) => each.baseOffset + each.lastOffsetDelta === lastOffset)
      assert.ok(last !== undefined, 'the last batch of a producer is gone')
    }
  }
}
