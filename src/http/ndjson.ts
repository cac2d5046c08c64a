// Takes a stream of records, a line each, into batches per partition. Never holds the stream: what is
// pending and under way is bounded, and beyond it the body is not read. At most one batch per partition
// is under way, so lines keep their order. Not JSON's meaning (record-in.ts), not batches (appender.ts).

import type { BytePool, MemoryBudget, Reservation } from '../broker/budget.ts'
import type { Timers } from '../broker/context.ts'
import { KafkaError } from '../core/errors.ts'
import {
  HTTP_BATCH_BYTES,
  HTTP_BATCH_RECORDS,
  HTTP_BODY_BYTES,
  NDJSON_LINGER_MS,
  NDJSON_WINDOW_BYTES,
  SMALL_BYTES,
  STALLED_CONNECTION_MS,
} from '../core/limits.ts'
import { type AppendOutcome, sizeInBatch } from './appender.ts'
import { type BodyReader, stalled } from './body.ts'
import { Durable, type DurableSummary } from './durable.ts'
import { type Line, LineSplitter } from './lines.ts'
import { Problem } from './problem.ts'
import { type IncomingRecord, recordFromText } from './record-in.ts'

/** What an ingest works with; tests give their own. */
export interface IngestDeps {
  readonly reader: BodyReader
  readonly timers: Timers
  readonly budget: MemoryBudget
  /** The partition a record goes to, or why it cannot. */
  place(record: IncomingRecord): number | Problem
  /** Makes one batch durable. */
  append(partition: number, records: readonly IncomingRecord[]): Promise<AppendOutcome>
  /** Uncompressed bytes of a batch that the topic certainly takes. */
  readonly batchBytesMax: number
  /** Of a stream that is retried by its key: both may refuse it. */
  readonly keyed?: {
    /** With each record, before it is placed. */
    take(record: IncomingRecord): Promise<Problem | null>
    /** After the last one, when all is stored. */
    whole(): Problem | null
  }
}

/** Records of one partition on their way. */
interface Lane {
  readonly partition: number
  records: IncomingRecord[]
  bytes: number
  firstLine: number
  /** A batch was refused: what follows it must not overtake it. */
  failed: boolean
  /** Settles, without an error, when the batch under way has. */
  underWay: Promise<void> | null
}

/**
 * Ingests the whole body. A failure carries `line`, before which every line is durable, and `durable`:
 * all that is (after a refused batch also later lines of other partitions).
 * @throws what the body's stream throws when the client goes away; whole lines before are kept
 */
export async function ingest(deps: IngestDeps): Promise<DurableSummary | Problem> {
  return new Ingest(deps).run()
}

class Ingest {
  readonly #deps: IngestDeps
  readonly #splitter = new LineSplitter(HTTP_BODY_BYTES)
  readonly #lanes = new Map<number, Lane>()
  readonly #durable = new Durable()
  readonly #memory: Memory
  #lastLine = 0
  /** Bytes pending and under way. */
  #heldBytes = 0
  /** What an append threw: rethrown when the others have landed. */
  #bug: { readonly cause: unknown } | null = null
  #failure: { readonly line: number; readonly problem: Problem } | null = null

  constructor(deps: IngestDeps) {
    this.#deps = deps
    this.#memory = new Memory(deps.budget, deps.timers)
  }

  async run(): Promise<DurableSummary | Problem> {
    try {
      await this.#readAll()
    } finally {
      await this.#drain()
      this.#memory.release()
    }
    if (this.#bug !== null) throw this.#bug.cause
    const partial = this.#failure === null ? this.#deps.keyed?.whole() : null
    if (partial) this.#fail(this.#lastLine + 1, partial)
    if (this.#failure === null) return this.#durable.summary()
    await this.#deps.reader.cancel()
    const { line, problem } = this.#failure
    return problem.with({ members: { line, durable: this.#durable.summary() } })
  }

  async #readAll(): Promise<void> {
    while (this.#failure === null) {
      const chunk = await this.#nextChunk()
      if (chunk === null) {
        const last = this.#failure === null ? this.#splitter.end() : null
        if (last !== null) await this.#take(last)
        return
      }
      await this.#memory.hold(this.#splitter.unfinishedBytes, () => this.#drain())
      for (const line of this.#splitter.push(chunk)) {
        await this.#take(line)
        if (this.#failure !== null) return
      }
    }
  }

  /**
   * A pause in the stream sends what is pending: `tail -f` must not wait for a full batch. A stream
   * that rests between two lines holds no memory.
   */
  async #nextChunk(): Promise<Uint8Array | null> {
    const { reader } = this.#deps
    const read = await reader.within(NDJSON_LINGER_MS)
    if (read !== 'idle') return read
    await this.#drain()
    if (this.#failure !== null) return null
    if (this.#splitter.unfinishedBytes <= SMALL_BYTES) {
      this.#memory.release()
      return reader.next()
    }
    for (;;) {
      const late = await reader.within(STALLED_CONNECTION_MS)
      if (late !== 'idle') return late
      if (!this.#memory.contended) continue
      this.#fail(this.#splitter.unfinishedLine, stalled())
      return null
    }
  }

  async #take({ number, text }: Line): Promise<void> {
    const record = text instanceof Problem ? text : recordFromText(text)
    if (record instanceof Problem) return this.#fail(number, record)
    const refused = this.#deps.keyed === undefined ? null : await this.#deps.keyed.take(record)
    if (refused !== null) return this.#fail(number, refused)
    this.#lastLine = number
    const partition = this.#deps.place(record)
    if (partition instanceof Problem) return this.#fail(number, partition)
    const bytes = sizeInBatch(record)
    const lane = this.#lane(partition)
    const batchMax = Math.min(HTTP_BATCH_BYTES, this.#deps.batchBytesMax)
    if (lane.bytes > 0 && lane.bytes + bytes > batchMax) await this.#send(lane)
    if (this.#failure !== null) return
    if (lane.records.length === 0) lane.firstLine = number
    lane.records.push(record)
    lane.bytes += bytes
    this.#heldBytes += bytes
    if (lane.bytes >= batchMax || lane.records.length >= HTTP_BATCH_RECORDS) await this.#send(lane)
    while (this.#heldBytes > NDJSON_WINDOW_BYTES && this.#failure === null) await this.#makeRoom()
  }

  #lane(partition: number): Lane {
    let lane = this.#lanes.get(partition)
    if (lane === undefined) {
      lane = { partition, records: [], bytes: 0, firstLine: 0, failed: false, underWay: null }
      this.#lanes.set(partition, lane)
    }
    return lane
  }

  /** Sends what a lane has pending, after its batch under way. */
  async #send(lane: Lane): Promise<void> {
    while (lane.underWay !== null) await lane.underWay
    if (lane.records.length === 0 || lane.failed) return
    const { records, bytes, firstLine } = lane
    lane.records = []
    lane.bytes = 0
    lane.underWay = this.#append(lane, records, firstLine).finally(() => {
      lane.underWay = null
      this.#heldBytes -= bytes
    })
  }

  async #append(lane: Lane, records: readonly IncomingRecord[], firstLine: number): Promise<void> {
    const outcome = await this.#deps.append(lane.partition, records).catch((bug: unknown) => {
      this.#bug = { cause: bug }
      return new Problem(KafkaError.UNKNOWN_SERVER_ERROR)
    })
    if (outcome instanceof Problem) {
      lane.failed = true
      this.#fail(firstLine, outcome)
    } else {
      this.#durable.addAppended(lane.partition, outcome, records.length)
    }
  }

  /** Waits for a batch to land; sends the fullest lane first when none is under way. */
  async #makeRoom(): Promise<void> {
    const underWay = [...this.#lanes.values()].flatMap((lane) => lane.underWay ?? [])
    if (underWay.length > 0) return Promise.race(underWay)
    const fullest = [...this.#lanes.values()].reduce((a, b) => (b.bytes > a.bytes ? b : a))
    await this.#send(fullest)
  }

  /** Sends everything pending and waits until all has landed. A lane that failed sends nothing more. */
  async #drain(): Promise<void> {
    const lanes = [...this.#lanes.values()]
    await Promise.all(
      lanes.map(async (lane) => {
        await this.#send(lane)
        await lane.underWay
      }),
    )
  }

  #fail(line: number, problem: Problem): void {
    if (this.#failure === null || line < this.#failure.line) this.#failure = { line, problem }
  }
}

/** The memory of one ingest: a window of the small pool, or the large pool for one huge line. */
class Memory {
  readonly #budget: MemoryBudget
  readonly #timers: Timers
  #pool: BytePool | null = null
  #held: Reservation | null = null

  constructor(budget: MemoryBudget, timers: Timers) {
    this.#budget = budget
    this.#timers = timers
  }

  /** True when others wait for what this ingest holds. */
  get contended(): boolean {
    return this.#pool?.contended ?? false
  }

  /**
   * Holds what reading on needs. Gives way when others wait, and never waits for one pool while it
   * holds the other: `settle` lands what the memory is held for.
   */
  async hold(unfinishedBytes: number, settle: () => Promise<void>): Promise<void> {
    const large = unfinishedBytes > SMALL_BYTES
    const pool = large ? this.#budget.largeFrames : this.#budget.smallFrames
    if (this.#held !== null && this.#pool === pool && (large || !pool.contended)) return
    await settle()
    this.release()
    this.#pool = pool
    // A line is held as bytes, as text, as a record and as a batch.
    const bytes = large ? 2 * HTTP_BODY_BYTES : NDJSON_WINDOW_BYTES
    this.#held = await pool.reserve(bytes, (ms) => this.#timers.sleep(ms))
  }

  release(): void {
    this.#held?.release()
    this.#held = null
  }
}
