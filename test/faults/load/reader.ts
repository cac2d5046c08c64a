// Readers over raw connections: one that follows a partition while the broker lives, and `readLog`, which
// reads all there is of a partition, as stored and as a reader of committed records is given it.

import { setTimeout as sleep } from 'node:timers/promises'
import { type ReadBatch, readBatches } from '../../clients/batches.ts'
import type { Address } from '../../clients/broker.ts'
import { EARLIEST, type FetchedPartition, fetch, listOffsets } from '../../clients/calls.ts'
import type { Wire } from '../../clients/wire.ts'
import type { LogView, ReaderHistory, Seen, StoredBatch, TopicKind } from '../checks/history.ts'
import { type Actor, RETRIABLE, whileAlive } from './connection.ts'
import { readValue } from './values.ts'

const TRANSACTIONAL = 0x10
const CONTROL = 0x20
const READ_COMMITTED = 1
const OUT_OF_RANGE = 1
const PART_BYTES = 8 * 1024 * 1024
const STABLE_WITHIN_MS = 15_000
/** Type of a control record that ends a transaction: the second of its two 16-bit numbers. */
const ABORT = 0

/** The part of a fetch's answer that says what is aborted. */
type Aborted = FetchedPartition['abortedTransactions']

/** Follows one partition from its start, remembering where it was. */
export class Reader implements Actor {
  readonly history: ReaderHistory
  #next = 0
  #stopped = false

  constructor(topic: string, partition: number, readCommitted: boolean) {
    const name = `${readCommitted ? 'committed' : 'plain'} reader`
    this.history = { name, topic, partition, readCommitted, group: null, seen: [] }
  }

  stop(): void {
    this.#stopped = true
  }

  async run(address: Address): Promise<void> {
    this.#stopped = false
    const { topic, partition, readCommitted, seen } = this.history
    const isolationLevel = readCommitted ? READ_COMMITTED : 0
    await whileAlive(address, async (wire) => {
      while (!this.#stopped) {
        const got = await readAt(wire, { topic, partition, offset: this.#next, isolationLevel })
        if (got === 'out of range') this.#next = await logStartOf(wire, topic, partition)
        if (typeof got === 'string') continue
        seen.push(
          ...(readCommitted ? committedOf(got.batches, got.aborted) : recordsOf(got.batches)),
        )
        this.#next = got.next
      }
    })
  }
}

/** The committed records from an offset on, and where to go on; null when there is nothing to be read now. */
export async function committedFrom(
  wire: Wire,
  topic: string,
  partition: number,
  offset: number,
): Promise<{ readonly seen: readonly Seen[]; readonly next: number } | null> {
  const isolationLevel = READ_COMMITTED
  const got = await readAt(wire, { topic, partition, offset, isolationLevel, maxWaitMs: 0 })
  if (got === 'later') return null
  if (got === 'out of range') {
    return { seen: [], next: await logStartOf(wire, topic, partition) }
  }
  return { seen: committedOf(got.batches, got.aborted), next: got.next }
}

/** Reads a partition from its start to its end; waits until no transaction is open. */
export async function readLog(
  wire: Wire,
  { topic, partition, kind }: Pick<LogView, 'topic' | 'partition' | 'kind'>,
  transactional: boolean,
): Promise<LogView> {
  await untilStable(wire, topic, partition)
  for (;;) {
    const logStart = await logStartOf(wire, topic, partition)
    const all = await readFrom(wire, topic, partition, logStart, 0)
    const stable =
      all === null || !transactional ? all : await readFrom(wire, topic, partition, logStart, 1)
    // Retention has moved the start meanwhile: nothing says that what was read belongs together.
    if (all === null || stable === null) continue
    return {
      topic,
      partition,
      kind,
      logStart,
      end: all.end,
      batches: all.batches.map(stored),
      committed: committedOf(stable.batches, stable.aborted).filter(
        ({ offset }) => offset >= logStart,
      ),
    }
  }
}

/** Which topics' contents say what is kept of them. */
export function kindOf(configs: Readonly<Record<string, string>>): TopicKind {
  if (configs['cleanup.policy']?.includes('compact')) return 'compacted'
  return 'retention.bytes' in configs || 'retention.ms' in configs ? 'retained' : 'kept'
}

interface Position {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly isolationLevel: number
  readonly maxWaitMs?: number
}

interface ReadOnce {
  readonly batches: readonly ReadBatch[]
  readonly aborted: NonNullable<Aborted>
  readonly next: number
}

/** One fetch. `later` for an error to ask again after, or when nothing is there yet. */
async function readAt(
  wire: Wire,
  { topic, partition, offset, isolationLevel, maxWaitMs = 50 }: Position,
): Promise<ReadOnce | 'later' | 'out of range'> {
  const options = { maxWaitMs, partitionMaxBytes: PART_BYTES, isolationLevel }
  const got = await fetch(wire, topic, partition, offset, options)
  if (RETRIABLE.has(got.errorCode)) {
    await sleep(20)
    return 'later'
  }
  if (got.errorCode === OUT_OF_RANGE) return 'out of range'
  if (got.errorCode !== 0) {
    throw new Error(`fetch of ${topic}-${partition}@${offset}: ${got.errorCode}`)
  }
  const batches = readBatches(got.records)
  const last = batches.at(-1)
  if (last === undefined) return 'later'
  return { batches, aborted: got.abortedTransactions ?? [], next: last.lastOffset + 1 }
}

interface ReadPart {
  readonly batches: readonly ReadBatch[]
  readonly aborted: NonNullable<Aborted>
  readonly end: number
}

/** From `start` to what was the end when it began; null when `start` is below the log's start by now. */
async function readFrom(
  wire: Wire,
  topic: string,
  partition: number,
  start: number,
  isolationLevel: number,
): Promise<ReadPart | null> {
  const batches: ReadBatch[] = []
  const aborted = new Map<string, NonNullable<Aborted>[number]>()
  let end = -1
  for (let next = start; ; ) {
    const options = { partitionMaxBytes: PART_BYTES, isolationLevel }
    const got = await fetch(wire, topic, partition, next, options)
    if (RETRIABLE.has(got.errorCode)) {
      await sleep(20)
      continue
    }
    if (got.errorCode === OUT_OF_RANGE) return null
    if (got.errorCode !== 0)
      throw new Error(`fetch of ${topic}-${partition}@${next}: ${got.errorCode}`)
    if (end < 0) end = got.highWatermark
    for (const one of got.abortedTransactions ?? []) {
      aborted.set(`${one.producerId}/${one.firstOffset}`, one)
    }
    const some = readBatches(got.records)
    batches.push(...some.filter((one) => one.baseOffset < end))
    if (some.length === 0 || some.at(-1)!.lastOffset + 1 >= end) {
      return { batches, aborted: [...aborted.values()], end }
    }
    next = some.at(-1)!.lastOffset + 1
  }
}

async function logStartOf(wire: Wire, topic: string, partition: number): Promise<number> {
  for (;;) {
    const { topics } = await listOffsets(wire, topic, [partition], EARLIEST)
    const { errorCode, offset } = topics[0]!.partitions[0]!
    if (errorCode === 0) return offset
    if (!RETRIABLE.has(errorCode)) throw new Error(`ListOffsets of ${topic}: ${errorCode}`)
    await sleep(20)
  }
}

/** Every producer has begun anew, so no transaction may stay open. */
async function untilStable(wire: Wire, topic: string, partition: number): Promise<void> {
  const deadline = Date.now() + STABLE_WITHIN_MS
  for (;;) {
    const start = await logStartOf(wire, topic, partition)
    const got = await fetch(wire, topic, partition, start, { maxWaitMs: 0, partitionMaxBytes: 1 })
    if (got.errorCode === 0 && got.lastStableOffset === got.highWatermark) return
    if (Date.now() > deadline) {
      const { errorCode, lastStableOffset, highWatermark } = got
      throw new Error(
        `${topic}-${partition} is stable up to ${lastStableOffset} of ${highWatermark} (${errorCode})`,
      )
    }
    await sleep(20)
  }
}

/** The records in a read of committed ones that belong to no aborted transaction, as a client sorts it out. */
function committedOf(batches: readonly ReadBatch[], aborted: Aborted): Seen[] {
  const waiting = (aborted ?? []).toSorted((a, b) => a.firstOffset - b.firstOffset)
  const open = new Set<bigint>()
  const seen: Seen[] = []
  for (const one of batches) {
    while (waiting[0] !== undefined && waiting[0].firstOffset <= one.lastOffset) {
      open.add(waiting.shift()!.producerId)
    }
    if ((one.attributes & CONTROL) !== 0) {
      if (markerType(one) === ABORT) open.delete(one.producerId)
    } else if ((one.attributes & TRANSACTIONAL) === 0 || !open.has(one.producerId)) {
      seen.push(...recordsOf([one]))
    }
  }
  return seen
}

function markerType(marker: ReadBatch): number {
  // The key is two 16-bit numbers: version and type. Both are below 128, so text keeps them.
  return marker.records()[0]?.key?.charCodeAt(3) ?? -1
}

function recordsOf(batches: readonly ReadBatch[]): Seen[] {
  return batches
    .filter(({ attributes }) => (attributes & CONTROL) === 0)
    .flatMap((one) => one.records())
    .map(({ offset, value }) => ({ offset, token: readValue(value).token }))
}

function stored(one: ReadBatch): StoredBatch {
  const control = (one.attributes & CONTROL) !== 0
  return {
    baseOffset: one.baseOffset,
    lastOffset: one.lastOffset,
    crcOk: one.crcOk,
    control,
    records: control
      ? []
      : one.records().map(({ offset, key, value }) => ({ offset, key, ...readValue(value) })),
  }
}
