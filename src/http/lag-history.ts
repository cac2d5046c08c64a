// How far behind a group was in the last hours: where its offsets were the group itself remembers (group/history.ts),
// where the partitions ended then their records' timestamps tell. So a group that is dead shows how it falls behind.

import type { BrokerContext } from '../broker/context.ts'
import { errorName, KafkaError } from '../core/errors.ts'
import {
  HISTORY_INTERVAL_MS,
  HISTORY_PARTITIONS,
  HISTORY_POINTS,
} from '../core/limits/statistics.ts'
import { type OffsetWithHistory, offsetAt, pointsOf } from '../group/history.ts'
import { committedOffsets, lookUpEach } from './group-offsets.ts'
import { showGroup } from './groups.ts'
import { type Page, pageOfPartitions, type TopicPartition } from './page.ts'
import { badRequest, Problem } from './problem.ts'
import { isoTime } from './statistics.ts'
import { EARLIEST, LATEST, type LookedUpOffset } from './topics.ts'

/** Which history is asked for. */
export interface HistoryQuery {
  readonly topic?: string | undefined
  readonly partition?: number | undefined
  readonly minutes?: number | undefined
  readonly points?: number | undefined
  readonly limit?: number | undefined
  readonly after?: string | undefined
}

/** One moment of one partition. */
interface LagPoint {
  readonly time: string
  readonly committed: number | null
  readonly end: number | null
  readonly lag: number | null
}

/** The history of one partition. */
export interface PartitionHistory extends TopicPartition {
  readonly points: readonly LagPoint[]
  readonly error?: string
}

const MINUTES = 60

/** A page of the histories of what a group has committed. */
export async function lagHistory(
  context: BrokerContext,
  groupId: string,
  query: HistoryQuery,
): Promise<Page<PartitionHistory> | Problem> {
  const { topic, partition, after, limit = HISTORY_PARTITIONS } = query
  if (partition !== undefined && topic === undefined) {
    return badRequest('topic', 'topic is required where a partition is named')
  }
  const group = await showGroup(context, groupId)
  if (group instanceof Problem) return group
  const committed = await committedOffsets(context, groupId)
  if (committed instanceof Problem) return committed
  const wanted = committed.filter(
    (one) =>
      (topic === undefined || one.topic === topic) &&
      (partition === undefined || one.partition === partition),
  )
  const page = pageOfPartitions(wanted, { after, limit })
  const offsets = await historiesOf(context, groupId, page.items)
  if (offsets instanceof Problem) return offsets
  const times = timesOf(query, context.timers.now())
  const ends = await endsAt(context, page.items, times)
  const items = page.items.map((one, at): PartitionHistory => {
    const own = ends.map((ends) => ends[at])
    const failed = own.find((end) => end !== undefined && end.error !== KafkaError.NONE)
    return {
      topic: one.topic,
      partition: one.partition,
      points: pointsAt(times, offsets[at] ?? null, own),
      ...(failed === undefined ? {} : { error: errorName(failed.error) }),
    }
  })
  return { items, next: page.next }
}

async function historiesOf(
  { objects, log }: BrokerContext,
  groupId: string,
  partitions: readonly TopicPartition[],
): Promise<readonly (OffsetWithHistory | null)[] | Problem> {
  try {
    const asked = partitions.map(({ topic, partition }) => ({ topic, partition }))
    const reply = await objects.group(groupId).offsetHistory({ groupId, partitions: asked })
    return reply.offsets
  } catch (error) {
    log('warn', 'call to a group failed', { what: 'OffsetHistory', reason: String(error) })
    return new Problem(KafkaError.COORDINATOR_NOT_AVAILABLE)
  }
}

/** Moments of which the past ones are beginnings of minutes, evenly spread; the last is now. */
export function timesOf(
  { minutes = MINUTES, points = HISTORY_POINTS }: HistoryQuery,
  nowMs: number,
): number[] {
  const last = Math.floor(nowMs / HISTORY_INTERVAL_MS)
  const steps = Math.min(points - 2, minutes)
  const past = Array.from({ length: steps + 1 }, (_, at) => {
    const back = steps === 0 ? minutes : Math.round((minutes * (steps - at)) / steps)
    return (last - back) * HISTORY_INTERVAL_MS
  })
  return [...past, nowMs]
}

/** For each time, where each partition ended; `-1`: nothing is that late. */
async function endsAt(
  context: BrokerContext,
  partitions: readonly TopicPartition[],
  times: readonly number[],
): Promise<(LookedUpOffset | undefined)[][]> {
  const latest = await lookUpEach(context, partitions, LATEST)
  const earliest = await lookUpEach(context, partitions, EARLIEST)
  const ends: (LookedUpOffset | undefined)[][] = []
  for (const timeMs of times.slice(0, -1)) {
    const found = await lookUpEach(context, partitions, timeMs)
    ends.push(found.map((one, at) => endOf(one, earliest[at], latest[at])))
  }
  return [...ends, latest]
}

/**
 * The first record at or after a time is where the partition ended then. If it is the oldest that is left, those
 * before it are deleted and nobody knows how many of them came later.
 */
function endOf(
  found: LookedUpOffset | undefined,
  earliest: LookedUpOffset | undefined,
  latest: LookedUpOffset | undefined,
): LookedUpOffset | undefined {
  if (found === undefined || found.error !== KafkaError.NONE) return found
  if (found.offset < 0) return latest
  const isOldest = earliest?.error === KafkaError.NONE && found.offset <= earliest.offset
  return isOldest && found.offset > 0 ? { ...found, offset: -1 } : found
}

function pointsAt(
  times: readonly number[],
  offset: OffsetWithHistory | null,
  ends: readonly (LookedUpOffset | undefined)[],
): LagPoint[] {
  const points = offset === null ? [] : pointsOf(offset.history)
  return times.map((timeMs, at) => {
    const committed = offset === null ? null : offsetAt(offset, points, timeMs)
    const found = ends[at]
    const isKnown = found !== undefined && found.error === KafkaError.NONE && found.offset >= 0
    const end = isKnown ? found.offset : null
    const lag = committed === null || end === null ? null : Math.max(0, end - committed)
    return { time: isoTime(timeMs), committed, end, lag }
  })
}
