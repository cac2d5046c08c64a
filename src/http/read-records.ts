// One read over HTTP: from an offset or a time, at most so many records and bytes, waiting for a first
// record if asked to. Makes the JSON of the answer in parts.

import { type BytePool, type Reservation, repliesPool } from '../broker/budget.ts'
import type { BrokerContext } from '../broker/context.ts'
import { askLeader } from '../broker/routing.ts'
import type { TopicState } from '../cluster/contract.ts'
import { KafkaError } from '../core/errors.ts'
import { offset } from '../core/ids.ts'
import { MEMORY_WAIT_MS } from '../core/limits.ts'
import { itemsOf } from '../record/json.ts'
import { Problem } from './problem.ts'
import { type Fetched, type FetchedPartition, fetchFrom, type Position } from './reading.ts'
import { EARLIEST, LATEST, offsetsAt, topicProblem } from './topics.ts'

/** Where to start. */
export type ReadStart = number | 'earliest' | 'latest' | { readonly timestamp: number }

export interface ReadOptions {
  readonly start: ReadStart
  /** Most records. */
  readonly limit: number
  /** Most bytes read and, as JSON text, given; one record is always given. */
  readonly maxBytes: number
  readonly waitMs: number
  readonly readCommitted: boolean
  /** How the page is written. */
  readonly form: PageForm
}

/** Where a page stands. */
export interface PageMarks {
  readonly nextOffset: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly earliest: number
  /** Nothing can be added to it. */
  readonly isFull: boolean
}

/** How a page of records is written. */
export interface PageForm {
  readonly open: string
  /** One item, from the JSON of record/json.ts. */
  item(json: string): string
  close(marks: PageMarks): string
}

/** The answer's JSON in parts, and the memory behind it. */
export interface ReadAnswer {
  readonly parts: readonly string[]
  readonly nextOffset: number
  readonly isFull: boolean
  release(): void
}

/** How long a read without a wait goes on past batches that show no record. */
const READ_PAST_MS = 1_000
/** Text up to this is made without asking for memory, so that every read gets on. */
const FREE_UNITS = 64 * 1024

/** Reads one partition. 416 with `earliest` and `end` for an offset outside the log. */
export async function readRecords(
  context: BrokerContext,
  topic: TopicState,
  partition: number,
  options: ReadOptions,
): Promise<ReadAnswer | Problem> {
  const start = await startOffset(context, topic, partition, options)
  if (start instanceof Problem) return start
  const { maxBytes, readCommitted, waitMs } = options
  const { timers } = context
  const startedMs = timers.now()
  let next = start
  for (;;) {
    const elapsedMs = timers.now() - startedMs
    const position = { partition, offset: next }
    const limits = { maxBytes, waitMs: Math.max(0, waitMs - elapsedMs), readCommitted }
    const fetched = await fetchFrom(context, topic, [position], limits)
    const answer = await textOf(context, topic, fetched, options).finally(fetched.release)
    if (answer instanceof Problem) {
      if (answer.code === KafkaError.CORRUPT_MESSAGE) {
        return damaged(context, topic, position, readCommitted)
      }
      const isOutside = answer.code === KafkaError.OFFSET_OUT_OF_RANGE
      return isOutside ? outOfRange(context, topic, position, readCommitted) : answer
    }
    const elapsed = timers.now() - startedMs
    const readsPast = !answer.isAtEnd && answer.nextOffset > next && elapsed < READ_PAST_MS
    if (answer.count > 0 || (elapsed >= waitMs && !readsPast)) return answer
    answer.release()
    next = answer.nextOffset
  }
}

/**
 * Makes the text of what was fetched, in memory of its own: a small batch may hold much of it. While
 * memory is short an answer has fewer records; one record is always given, and waited for.
 */
async function textOf(
  { budget, timers }: BrokerContext,
  topic: TopicState,
  fetched: Fetched,
  options: ReadOptions,
): Promise<(Answer & ReadAnswer) | Problem> {
  const source = fetched.partitions[0]
  const pool = repliesPool(budget, options.maxBytes)
  let memory = mostOf(pool, options.maxBytes)
  const attempt = (maxBytes: number) => answerOf(source, topic, { ...options, maxBytes })
  let answer = attempt(Math.min(options.maxBytes, memory?.bytes ?? FREE_UNITS))
  if (!(answer instanceof Problem) && answer.units > Math.max(FREE_UNITS, memory?.bytes ?? 0)) {
    const { units } = answer
    answer = noMemory()
    memory?.release()
    const deadlineMs = timers.now() + MEMORY_WAIT_MS
    const isLate = () => timers.now() > deadlineMs
    memory = await pool.reserve(units, (ms) => timers.sleep(ms), isLate)
    if (memory !== null) answer = attempt(1)
  }
  if (answer instanceof Problem) {
    memory?.release()
    return answer
  }
  memory?.shrink(answer.units)
  return { ...answer, release: () => memory?.release() }
}

/** As much of `bytes` as is free, in halves; null when it is next to nothing. */
function mostOf(pool: BytePool, bytes: number): Reservation | null {
  for (let part = bytes; part > FREE_UNITS; part /= 2) {
    const memory = pool.tryReserve(Math.ceil(part))
    if (memory !== null) return memory
  }
  return null
}

/** Stored records that cannot be read: which they are, and where to read on. */
async function damaged(
  context: BrokerContext,
  topic: TopicState,
  { partition, offset: from }: Position,
  readCommitted: boolean,
): Promise<Problem> {
  const route = { name: topic.name, topicId: topic.id, partition }
  const answer = await askLeader(context, route, (leader, target) => {
    const limits = { maxBytes: 1, atLeastOneBatch: true, readCommitted }
    return leader.read({ ...target, offset: offset(from), ...limits })
  })
  const damage = 'failed' in answer ? undefined : answer.damage
  const detail = `the stored records from offset ${from} on are damaged; others can be read`
  return new Problem(KafkaError.CORRUPT_MESSAGE, {
    status: 500,
    detail,
    // Of a batch in pieces its first one may be whole: then it is not known here where the next begins.
    ...(damage === undefined
      ? {}
      : { members: { firstOffset: damage.firstOffset, nextOffset: damage.lastOffset + 1 } }),
  })
}

function noMemory(): Problem {
  const detail = 'too many answers are under way: memory for this one was not free in time'
  return new Problem(KafkaError.BROKER_NOT_AVAILABLE, { status: 503, detail })
}

interface Answer {
  readonly parts: readonly string[]
  readonly count: number
  /** Length of the records' text. */
  readonly units: number
  readonly nextOffset: number
  readonly isAtEnd: boolean
  readonly isFull: boolean
}

function answerOf(
  fetched: FetchedPartition | undefined,
  topic: TopicState,
  options: ReadOptions,
): Answer | Problem {
  if (fetched === undefined) throw new Error('fetch answered no partition')
  const { error, position, highWatermark, lastStableOffset, logStartOffset } = fetched
  if (error !== KafkaError.NONE) return topicProblem(error, topic.name)
  // What memory kept from being read is answered as an empty log of no end.
  if (highWatermark < 0) return noMemory()
  const parts = [options.form.open]
  const taken = take(fetched, options, parts)
  const { count, nextOffset } = taken
  const end = options.readCommitted ? lastStableOffset : highWatermark
  const isAtEnd = Math.max(nextOffset, position.offset) >= end
  const isFull = count > 0 && (count === options.limit || !isAtEnd)
  const earliest = logStartOffset
  parts.push(options.form.close({ nextOffset, highWatermark, lastStableOffset, earliest, isFull }))
  return { ...taken, parts, isAtEnd, isFull }
}

function take(
  { position, pieces, aborted }: FetchedPartition,
  { limit, maxBytes, form }: ReadOptions,
  parts: string[],
): Pick<Answer, 'count' | 'units' | 'nextOffset'> {
  const items = itemsOf({ partition: position.partition, from: position.offset, pieces, aborted })
  let count = 0
  let units = 0
  let nextOffset = position.offset
  for (;;) {
    if (count === limit) return { count, units, nextOffset }
    const item = items.next()
    if (item.done === true) return { count, units, nextOffset: item.value }
    const json = form.item(item.value.json)
    if (count > 0 && units + json.length > maxBytes) return { count, units, nextOffset }
    parts.push(count === 0 ? json : `,${json}`)
    count++
    units += json.length
    nextOffset = item.value.nextOffset
  }
}

async function startOffset(
  context: BrokerContext,
  topic: TopicState,
  partition: number,
  { start, readCommitted }: ReadOptions,
): Promise<number | Problem> {
  if (typeof start === 'number') return start
  const ask = (timestamp: number) =>
    oneOffset(context, topic, partition, { timestamp, readCommitted })
  if (start === 'earliest') return ask(EARLIEST)
  if (start === 'latest') return ask(LATEST)
  const found = await ask(start.timestamp)
  // No record is that late: what comes next is.
  return found === -1 ? ask(LATEST) : found
}

async function oneOffset(
  context: BrokerContext,
  topic: TopicState,
  partition: number,
  query: { readonly timestamp: number; readonly readCommitted: boolean },
): Promise<number | Problem> {
  const found = await offsetsAt(context, topic, { partitions: [partition], ...query })
  return found instanceof Problem ? found : (found[0]?.offset ?? -1)
}

/** 416: tells where the log begins and where it ends for this reader. */
export async function outOfRange(
  context: BrokerContext,
  topic: TopicState,
  { partition, offset }: Position,
  readCommitted: boolean,
): Promise<Problem> {
  const earliest = await oneOffset(context, topic, partition, {
    timestamp: EARLIEST,
    readCommitted,
  })
  if (earliest instanceof Problem) return earliest
  const end = await oneOffset(context, topic, partition, { timestamp: LATEST, readCommitted })
  if (end instanceof Problem) return end
  return new Problem(KafkaError.OFFSET_OUT_OF_RANGE, {
    field: 'offset',
    detail: `offset ${offset} is outside the log, which has ${earliest} to ${end}`,
    members: { earliest, end },
  })
}
