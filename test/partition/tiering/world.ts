// A leader with a tier in memory: the chores run when their time comes, and what both hold can be looked at.

import type { TopicSettings } from '../../../src/core/configs.ts'
import { KafkaError } from '../../../src/core/errors.ts'
import { HOUSEKEEPING_PAUSE_MS } from '../../../src/core/limits/partition.ts'
import { readBatchHeader } from '../../../src/record/header.ts'
import { batchesIn } from '../../../src/record/stored.ts'
import { MemoryStore } from '../../tier/memory-store.ts'
import { Bench, batch, batchesOf, SETTINGS, settled, TARGET, TOPIC } from '../harness.ts'

export const SEGMENT = 262_144
/** Two of these fill a segment of the log. */
export const HALF = 100_000

/** Objects of the partition are below this. */
export const PREFIX = `${TOPIC}/0/`

/** What a tiered topic has here unless a test says otherwise: as little as possible stays local. */
export const TIERED: TopicSettings = {
  ...SETTINGS,
  segmentBytes: SEGMENT,
  retentionMs: -1,
  retentionBytes: -1,
  retentionCheckMs: 1,
  remoteEnabled: true,
  localRetentionMs: -1,
  localRetentionBytes: 0,
  tierIntervalMs: 1,
}

export class TieredBench extends Bench {
  readonly objects = new MemoryStore()
  version = 1

  constructor(settings: Partial<TopicSettings> = {}, isSynced = true) {
    super()
    this.nowMs = 1_000_000_000
    this.tier = { store: this.objects, isSynced }
    this.admission = {
      alive: true,
      name: 'topic',
      configVersion: 1,
      settings: { ...TIERED, ...settings },
    }
    this.restart()
  }

  /** Keys of all objects. */
  get keys(): string[] {
    return [...this.objects.objects.keys()].sort()
  }

  /** Other settings from here on. */
  async configure(settings: Partial<TopicSettings>): Promise<void> {
    this.version += 1
    await this.leader.configure(TARGET, this.version, { ...TIERED, ...settings })
  }

  /** Appends batches of one record each. */
  async fill(count: number, bytes: number = HALF, timestamp = 1000): Promise<number> {
    let last = -1
    for (let done = 0; done < count; done++) {
      last = await this.stored(batch(1, { timestamps: [timestamp + done], valueBytes: bytes }))
    }
    return last
  }

  async stored(data: Uint8Array): Promise<number> {
    const reply = await this.append(data, this.version)
    await settled()
    if (reply.kind !== 'appended') throw new Error(JSON.stringify(reply))
    return reply.baseOffset
  }

  /** Lets alarms and timers fire for a while, or until nothing is due soon. */
  async rest(forMs = 2_000): Promise<void> {
    const endMs = this.nowMs + forMs
    while (this.nowMs < endMs) {
      const due = this.wakeUps.filter((timeMs) => timeMs <= this.nowMs + HOUSEKEEPING_PAUSE_MS)
      if (due.length > 0) {
        this.wakeUps.splice(0)
        this.leader.housekeep()
      }
      await settled()
      await this.pass(HOUSEKEEPING_PAUSE_MS)
      await settled()
    }
  }

  /** All batches from an offset on, as a consumer that goes on from what it got reads them. */
  async all(
    from: number,
    readCommitted = false,
    maxBytes = 1_000_000,
  ): Promise<{ readonly batches: Uint8Array[]; readonly aborted: Set<string> }> {
    const batches: Uint8Array[] = []
    const aborted = new Set<string>()
    for (let next = from; ; ) {
      const reply = await this.read(next, maxBytes, true, readCommitted)
      if (reply.error !== KafkaError.NONE) throw new Error(`error ${reply.error} at ${next}`)
      for (const one of reply.abortedTransactions) {
        aborted.add(`${one.producerId} from ${one.firstOffset}`)
      }
      const found = batchesOf(reply)
      const last = found.at(-1)
      if (last === undefined) return { batches, aborted }
      batches.push(...found.map((one) => one.slice()))
      const { baseOffset, lastOffsetDelta } = readBatchHeader(last)
      next = baseOffset + lastOffsetDelta + 1
    }
  }

  /** Offsets of the local chunks. */
  get local(): { readonly first: number; readonly last: number }[] {
    return this.storage
      .direct('SELECT first_offset, last_offset FROM chunk ORDER BY first_offset')
      .map((row) => ({ first: Number(row.first_offset), last: Number(row.last_offset) }))
  }

  /** Offsets of the tier's segments, as their rows say. */
  get segments(): { readonly first: number; readonly last: number; readonly key: string }[] {
    return this.storage
      .direct('SELECT first_offset, last_offset, key FROM tier_segment ORDER BY first_offset')
      .map((row) => ({
        first: Number(row.first_offset),
        last: Number(row.last_offset),
        key: String(row.key),
      }))
  }
}

/** Offsets of batches, for messages that can be read. */
export function offsetsOf(batches: readonly Uint8Array[]): number[] {
  return batches.flatMap((one) =>
    [...batchesIn(one)].map((each) => readBatchHeader(each).baseOffset),
  )
}
