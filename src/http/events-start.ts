// Where an SSE stream starts: from what its reader had (Last-Event-ID, or a vector in `from`), from a
// time, or from either end of the log.

import type { BrokerContext } from '../broker/context.ts'
import type { TopicState } from '../cluster/contract.ts'
import { KafkaError } from '../core/errors.ts'
import { parseVector } from './event-id.ts'
import { noPartition } from './placement.ts'
import { badRequest, Problem } from './problem.ts'
import { parseTime } from './time.ts'
import { EARLIEST, LATEST, offsetsAt } from './topics.ts'

/** What the reader asked for. */
export interface EventsFrom {
  /** Where the text stood, for the answer when it is wrong: `from` or `last-event-id`. */
  readonly field: string
  readonly text: string
}

/** The offset to deliver next of every partition of the topic. */
export async function startOffsets(
  context: BrokerContext,
  topic: TopicState,
  from: EventsFrom,
  readCommitted: boolean,
): Promise<Map<number, number> | Problem> {
  const all = Array.from({ length: topic.partitions }, (_, partition) => partition)
  const at = (partitions: readonly number[], timestamp: number) =>
    offsetsOf(context, topic, partitions, { timestamp, readCommitted })
  if (from.text === 'earliest') return at(all, EARLIEST)
  if (from.text === 'latest') return at(all, LATEST)
  const ms = parseTime(from.text)
  if (ms !== null) {
    const found = await at(all, ms)
    if (found instanceof Problem) return found
    const late = all.filter((partition) => found.get(partition) === -1)
    const ends = late.length === 0 ? new Map<number, number>() : await at(late, LATEST)
    return ends instanceof Problem ? ends : new Map([...found, ...ends])
  }
  const vector = parseVector(from.text)
  if (vector === null) {
    const detail = `${from.field} must be earliest, latest, an RFC 3339 time, or partition:offset,…`
    return badRequest(from.field, detail)
  }
  return behind(context, topic, vector, from.field)
}

/** Behind the vector; a partition it does not name from its log start. */
async function behind(
  context: BrokerContext,
  topic: TopicState,
  vector: ReadonlyMap<number, number>,
  field: string,
): Promise<Map<number, number> | Problem> {
  const named = [...vector.keys()]
  const beyond = named.find((partition) => partition >= topic.partitions)
  if (beyond !== undefined) return noPartition(topic, beyond).with({ field })
  const ask = (partitions: readonly number[], timestamp: number) =>
    offsetsOf(context, topic, partitions, { timestamp, readCommitted: false })
  const ends = await ask(named, LATEST)
  if (ends instanceof Problem) return ends
  for (const [partition, next] of vector) {
    const end = ends.get(partition) ?? 0
    if (next > end) return beyondEnd(context, topic, { partition, next, end }, field)
  }
  const others = Array.from({ length: topic.partitions }, (_, partition) => partition)
  const starts = await ask(
    others.filter((partition) => !vector.has(partition)),
    EARLIEST,
  )
  return starts instanceof Problem ? starts : new Map([...starts, ...vector])
}

/** 416: the reader had records of another log than this one, such as a deleted topic of the name. */
async function beyondEnd(
  context: BrokerContext,
  topic: TopicState,
  at: { readonly partition: number; readonly next: number; readonly end: number },
  field: string,
): Promise<Problem> {
  const { partition, next, end } = at
  const starts = await offsetsOf(context, topic, [partition], {
    timestamp: EARLIEST,
    readCommitted: false,
  })
  if (starts instanceof Problem) return starts
  const earliest = starts.get(partition) ?? 0
  return new Problem(KafkaError.OFFSET_OUT_OF_RANGE, {
    field,
    detail: `partition ${partition} has offsets ${earliest} to ${end}; ${next - 1} was never delivered of it`,
    members: { partition, earliest, end },
  })
}

async function offsetsOf(
  context: BrokerContext,
  topic: TopicState,
  partitions: readonly number[],
  query: { readonly timestamp: number; readonly readCommitted: boolean },
): Promise<Map<number, number> | Problem> {
  if (partitions.length === 0) return new Map()
  const found = await offsetsAt(context, topic, { partitions, ...query })
  if (found instanceof Problem) return found
  return new Map(found.map(({ partition, offset }) => [partition, offset]))
}
