// A reader that goes over a partition again and again, from anywhere, in reads of any size: each answer is
// judged when it comes, and what it has read of the keys at the end of a pass. Looks up times and the ends of
// the log in between. Reads while the log is compacted, merged and cut under it.

import { KafkaError } from '../../../src/core/errors.ts'
import { offset, type TopicId } from '../../../src/core/ids.ts'
import type { ReadReply } from '../../../src/partition/contract.ts'
import { readBatchHeader } from '../../../src/record/header.ts'
import type { Expectations } from '../log/expectations.ts'
import { judgeRead, type ReadOutcome } from '../log/judge-read.ts'
import { judgeTable } from '../log/judge-table.ts'
import { judgeTime } from '../log/judge-time.ts'
import type { WrittenRecord } from '../log/written-log.ts'
import type { Context } from '../platform/scheduler.ts'
import type { World } from '../world.ts'
import { Connection } from './broker.ts'

export interface PassReaderOptions {
  readonly world: World
  readonly name: string
  readonly topicId: TopicId
  readonly partition: number
  readonly expected: Expectations
}

/** See the head of this file. */
export class PassReader {
  readonly #options: PassReaderOptions
  readonly #connection: Connection
  /** The highest it was told of, and of what was told with it. */
  /** All that it has read. */
  readonly seen: WrittenRecord[] = []
  #ends = { highWatermark: 0, lastStableOffset: 0 }

  constructor(options: PassReaderOptions, context: Context) {
    this.#options = options
    this.#connection = new Connection(options.world, context)
  }

  /** Until the world heals. */
  async live(): Promise<void> {
    const { world, expected } = this.#options
    const { random } = world
    while (!world.isHealed) {
      const from = random.pick([0, expected.logStart, random.between(0, this.#ends.highWatermark)])
      await this.pass(from, random.chance(0.5), () => random.chance(0.03))
      if (random.chance(0.4)) await this.lookUp()
      await world.sleep(random.between(0, random.pick([100, 2_000])))
    }
  }

  /** Reads to the end, or until `stops`. False when it was not answered, or the log began behind it. */
  async pass(from: number, readCommitted: boolean, stops: () => boolean): Promise<boolean> {
    const { world, expected } = this.#options
    const startedMs = world.nowMs
    const table = new Map<string, WrittenRecord>()
    let last = -1
    for (let next = from; !stops(); ) {
      const reply = await this.#read(next, readCommitted)
      if (reply === null) {
        await world.sleep(world.random.between(20, 300))
        continue
      }
      const outcome = judgeRead(expected, { from: next, readCommitted, reply })
      this.#report(outcome)
      const { highWatermark, lastStableOffset } = reply
      if (reply.error !== KafkaError.NONE) return false
      this.#ends = { highWatermark, lastStableOffset }
      for (const record of outcome.records) {
        if (record.offset <= last) {
          world.violated(
            'no-record-is-read-twice-by-one-pass',
            `${this.#options.name}: ${record.token}`,
          )
        }
        last = record.offset
        this.seen.push(record)
        if (record.key !== null) table.set(record.key, record)
      }
      expected.seen(outcome.next)
      if (outcome.next === next) {
        const end = readCommitted ? lastStableOffset : highWatermark
        const pass = { from, end, startedMs, nowMs: world.nowMs, readCommitted, table }
        for (const breach of judgeTable(expected, pass)) {
          world.violated(breach.invariant, `${this.#options.name}: ${breach.what}`)
        }
        return true
      }
      next = outcome.next
      if (world.random.chance(0.3)) await world.sleep(world.random.between(0, 1_000))
    }
    return true
  }

  /** Asks for the ends of the log, and for the first record of some time. */
  async lookUp(): Promise<void> {
    const { world, expected, topicId, partition } = this.#options
    const { random } = world
    const readCommitted = random.chance(0.5)
    const timestamp = random.pick([-1, -2, world.nowMs - random.between(0, 60_000)])
    const known = readCommitted ? this.#ends.lastStableOffset : this.#ends.highWatermark
    const reply = await this.#connection.ask((objects) =>
      objects
        .partition(topicId, partition)
        .listOffset({ topicId, partition, timestamp, readCommitted }),
    )
    if (reply?.error !== KafkaError.NONE) return
    for (const { invariant, what } of judgeTime(expected, { timestamp, known, reply })) {
      world.violated(invariant, `${this.#options.name}: ${what}`)
    }
  }

  #report({ breaches }: ReadOutcome): void {
    for (const { invariant, what } of breaches) {
      this.#options.world.violated(invariant, `${this.#options.name}: ${what}`)
    }
  }

  /** The answer with whole batches; null when it is to be asked again. */
  async #read(from: number, readCommitted: boolean): Promise<ReadReply | null> {
    const { world, topicId, partition } = this.#options
    const reply = await this.#connection.ask((objects) =>
      objects.partition(topicId, partition).read({
        topicId,
        partition,
        offset: offset(from),
        maxBytes: world.random.pick([1, 400, 5_000, 1_000_000]),
        atLeastOneBatch: true,
        readCommitted,
      }),
    )
    const isAnswer =
      reply?.error === KafkaError.NONE ||
      reply?.error === KafkaError.OFFSET_OUT_OF_RANGE ||
      (reply?.error === KafkaError.CORRUPT_MESSAGE && world.bucket?.damages !== true)
    if (reply === null || !isAnswer) return null
    const [first] = reply.pieces
    const laterPieces = reply.laterPieces ?? 0
    if (first === undefined || laterPieces === 0) return reply
    const { baseOffset, crc } = readBatchHeader(first)
    const pieces = [first]
    for (let piece = 1; piece <= laterPieces; piece++) {
      const later = await this.#connection.ask((objects) =>
        objects
          .partition(topicId, partition)
          .readPiece({ topicId, partition, baseOffset: offset(baseOffset), crc, piece }),
      )
      if (later?.error === KafkaError.CORRUPT_MESSAGE && world.bucket?.damages !== true) {
        world.violated('nothing-is-damaged', `piece ${piece} at ${baseOffset}`)
      }
      // The batch has been replaced meanwhile, or is gone.
      if (later === null || later.bytes === null) return null
      pieces.push(later.bytes)
    }
    return { ...reply, pieces }
  }
}
