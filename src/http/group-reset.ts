// Moves the committed offsets of a group that nobody is in: what would be committed is planned whole, then
// committed by the broker's OffsetCommit in one request, or, in a dry run, only told.

import type { BrokerContext } from '../broker/context.ts'
import { offsetCommit } from '../broker/handlers/offset-commit.ts'
import { KafkaError } from '../core/errors.ts'
import { denied } from './access-rule.ts'
import { committedOffsets, lookUpEach } from './group-offsets.ts'
import { groupProblem, isEmpty, liveMembers, showGroup } from './groups.ts'
import type { TopicPartition } from './page.ts'
import { noPartition } from './placement.ts'
import { badRequest, Problem } from './problem.ts'
import { parseTime } from './time.ts'
import { EARLIEST, freshTopic, LATEST, topicProblem } from './topics.ts'

const OFFSET_COMMIT = { version: 9, clientId: null }
/** Of whoever is no member. */
const NO_EPOCH = -1

/** As the body of the request says it, checked. */
export interface ResetRequest {
  readonly to: ResetTarget
  readonly topic?: string | undefined
  readonly partitions?: readonly number[] | undefined
  readonly dryRun?: boolean | undefined
}

export type ResetTarget =
  | 'earliest'
  | 'latest'
  | { readonly offset: number }
  | { readonly time: number | string }
  | { readonly shift: number }

/** What changes of one partition; `before` is null where nothing was committed. */
export interface Move extends TopicPartition {
  readonly before: number | null
  readonly after: number
}

/** Where the log of a partition begins and ends, and for a time the first offset from it on (-1: none). */
export interface Bounds {
  readonly earliest: number
  readonly end: number
  readonly atTime: number
}

/** Plans a reset and, unless it is a dry run, commits it: all of it or nothing. 409 under live members. */
export async function resetGroup(
  context: BrokerContext,
  groupId: string,
  request: ResetRequest,
): Promise<readonly Move[] | Problem> {
  const timeMs = timeOf(request.to)
  if (timeMs instanceof Problem) return timeMs
  const group = await showGroup(context, groupId)
  const isNew = group instanceof Problem && group.code === KafkaError.GROUP_ID_NOT_FOUND
  // As with Kafka's tool, offsets may be prepared for a group that is yet to come.
  if (group instanceof Problem && !(isNew && request.topic !== undefined)) return group
  if (!(group instanceof Problem) && !isEmpty(group)) return liveMembers(group)
  const current = await currentOffsets(context, groupId, request)
  if (current instanceof Problem) return current
  const bounds = await boundsOf(context, current, timeMs)
  if (bounds instanceof Problem) return bounds
  const moves = planMoves(current, bounds, request.to)
  if (moves instanceof Problem || request.dryRun === true) return moves
  return (await commitMoves(context, groupId, moves)) ?? moves
}

/** What each partition moves to; the first that cannot be moved so is the answer. */
export function planMoves(
  current: readonly (TopicPartition & { readonly committed: number | null })[],
  bounds: readonly Bounds[],
  to: ResetTarget,
): Move[] | Problem {
  const moves: Move[] = []
  for (const [at, { topic, partition, committed }] of current.entries()) {
    const within = bounds[at]
    if (within === undefined) throw new Error('there are more partitions than bounds')
    const after = target(to, committed, within)
    if (after instanceof Problem) {
      const { earliest, end } = within
      return after.with({ members: { topic, partition, earliest, end } })
    }
    moves.push({ topic, partition, before: committed, after })
  }
  return moves
}

function target(
  to: ResetTarget,
  committed: number | null,
  { earliest, end, atTime }: Bounds,
): number | Problem {
  if (to === 'earliest') return earliest
  if (to === 'latest') return end
  if ('time' in to) return atTime < 0 ? end : atTime
  if ('offset' in to) {
    if (to.offset >= earliest && to.offset <= end) return to.offset
    const detail = `offset ${to.offset} is outside the log, which has ${earliest} to ${end}`
    return new Problem(KafkaError.OFFSET_OUT_OF_RANGE, { field: 'to.offset', detail })
  }
  if (committed === null) {
    const detail = 'nothing is committed yet that could be shifted from'
    return badRequest('to.shift', detail, { status: 409 })
  }
  return Math.min(Math.max(committed + to.shift, earliest), end)
}

function timeOf(to: ResetTarget): number | null | Problem {
  if (typeof to === 'string' || !('time' in to)) return null
  const ms = typeof to.time === 'number' ? to.time : parseTime(to.time)
  const sentence = 'to.time must be milliseconds since the epoch or an RFC 3339 time'
  return ms ?? badRequest('to.time', sentence)
}

/** What is committed now of the partitions that are meant. */
async function currentOffsets(
  context: BrokerContext,
  groupId: string,
  { topic: name, partitions }: ResetRequest,
) {
  if (name === undefined) {
    if (partitions === undefined) return committedOffsets(context, groupId)
    return badRequest('partitions', 'partitions are those of a topic: name it too')
  }
  // As the commit would be, so that a dry run says so as well.
  const refused = await denied(context.access, { operation: 'READ', resource: 'TOPIC' }, name)
  if (refused !== null) return refused
  const topic = await freshTopic(context, name)
  if (topic instanceof Problem) return topic
  const unknown = partitions?.find((partition) => partition >= topic.partitions)
  if (unknown !== undefined) return noPartition(topic, unknown).with({ field: 'partitions' })
  const all = Array.from({ length: topic.partitions }, (_, partition) => partition)
  const partitionIndexes = partitions === undefined ? all : [...new Set(partitions)]
  return committedOffsets(context, groupId, [{ name, partitionIndexes }])
}

async function boundsOf(
  context: BrokerContext,
  partitions: readonly TopicPartition[],
  timeMs: number | null,
): Promise<Bounds[] | Problem> {
  const starts = await lookUpEach(context, partitions, EARLIEST)
  const ends = await lookUpEach(context, partitions, LATEST)
  const times = timeMs === null ? starts : await lookUpEach(context, partitions, timeMs)
  const bounds: Bounds[] = []
  for (const [at, { topic, partition }] of partitions.entries()) {
    const found = [starts[at], ends[at], times[at]]
    const failed = found.find((one) => one?.error !== KafkaError.NONE)
    if (failed !== undefined) {
      return topicProblem(failed.error, topic).with({ members: { topic, partition } })
    }
    const [earliest = -1, end = -1, atTime = -1] = found.map((one) => one?.offset)
    bounds.push({ earliest, end, atTime })
  }
  return bounds
}

async function commitMoves(
  context: BrokerContext,
  groupId: string,
  moves: readonly Move[],
): Promise<Problem | null> {
  if (moves.length === 0) return null
  const topics = [...Map.groupBy(moves, ({ topic }) => topic)].map(([name, own]) => ({
    name,
    partitions: own.map(({ partition, after }) => ({
      partitionIndex: partition,
      committedOffset: after,
      committedLeaderEpoch: -1,
      committedMetadata: '',
    })),
  }))
  const request = {
    groupId,
    generationIdOrMemberEpoch: NO_EPOCH,
    memberId: '',
    groupInstanceId: null,
    retentionTimeMs: -1,
    topics,
  }
  const response = await offsetCommit(request, OFFSET_COMMIT, context).response
  for (const { name, partitions } of response?.topics ?? []) {
    for (const { partitionIndex, errorCode } of partitions) {
      if (errorCode === KafkaError.NONE) continue
      // Somebody has joined since the group was looked at.
      if (errorCode === KafkaError.UNKNOWN_MEMBER_ID) {
        const detail = `group ${groupId} has members again: stop them first`
        return new Problem(KafkaError.NON_EMPTY_GROUP, { field: 'group', detail })
      }
      const members = { topic: name, partition: partitionIndex }
      return groupProblem(errorCode, groupId).with({ members })
    }
  }
  return null
}
