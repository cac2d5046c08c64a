// Where a group is in what it reads: committed offsets by OffsetFetch, ends by ListOffsets, and how far
// behind that is in records and in time. Not what changes them (group-reset.ts).

import type { BrokerContext } from '../broker/context.ts'
import { offsetFetch } from '../broker/handlers/offset-fetch.ts'
import { type ErrorCode, errorName, KafkaError } from '../core/errors.ts'
import { groupProblem, type ShownGroup } from './groups.ts'
import { inTurns } from './in-turns.ts'
import { type Page, type PageQuery, pageOfPartitions, type TopicPartition } from './page.ts'
import { Problem } from './problem.ts'
import { firstTimeAt } from './record-time.ts'
import { LATEST, type LookedUpOffset, lookUpOffsets, MAX_TIMESTAMP } from './topics.ts'

const OFFSET_FETCH = { version: 9, clientId: null }

/** What a group has committed of a partition; null offsets: nothing. */
export interface Committed extends TopicPartition {
  readonly committed: number | null
  readonly metadata: string | null
}

/** A partition of a group as HTTP shows it. */
export interface GroupOffset extends Committed {
  /** The high watermark; null when it is not known. */
  readonly end: number | null
  /** Records from committed to end. */
  readonly lag: number | null
  /**
   * Time of the latest record minus time of the first at or after the committed offset: how much time of
   * records is left to read.
   */
  readonly lagSeconds: number | null
  readonly memberId: string | null
  readonly error?: string
}

/** All that a group has committed; of deleted topics nothing is left. */
export async function committedOffsets(
  context: BrokerContext,
  groupId: string,
  topics: readonly { readonly name: string; readonly partitionIndexes: number[] }[] | null = null,
): Promise<Committed[] | Problem> {
  const asked = { groupId, memberId: null, memberEpoch: -1, topics: topics?.slice() ?? null }
  const request = { groupId: '', topics: [], groups: [asked], requireStable: false }
  const { groups = [] } = await offsetFetch(request, OFFSET_FETCH, context)
  const [answer] = groups
  if (answer === undefined) throw new Error('OffsetFetch answered no group')
  if (answer.errorCode !== KafkaError.NONE) return groupProblem(answer.errorCode, groupId)
  return answer.topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, committedOffset, metadata }) => ({
      topic: name,
      partition: partitionIndex,
      committed: committedOffset < 0 ? null : committedOffset,
      metadata: committedOffset < 0 ? null : metadata,
    })),
  )
}

/** A page of the partitions that a group has committed offsets of, or is assigned. */
export async function groupOffsets(
  context: BrokerContext,
  group: ShownGroup,
  query: PageQuery & { readonly topic?: string | undefined },
): Promise<Page<GroupOffset> | Problem> {
  const committed = await committedOffsets(context, group.groupId)
  if (committed instanceof Problem) return committed
  const owned = withAssigned(committed, group)
  const wanted =
    query.topic === undefined ? owned : owned.filter(({ topic }) => topic === query.topic)
  const page = pageOfPartitions(wanted, query)
  return { items: await withLag(context, page.items), next: page.next }
}

type Owned = Committed & { readonly memberId: string | null }

/** Adds who reads what, and partitions that are assigned and of which nothing is committed yet. */
export function withAssigned(committed: readonly Committed[], { members }: ShownGroup): Owned[] {
  const name = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`
  const owners = new Map<string, { readonly memberId: string } & TopicPartition>()
  for (const { memberId, assigned } of members) {
    for (const { topic, partitions } of assigned) {
      for (const partition of partitions) {
        owners.set(name({ topic, partition }), { memberId, topic, partition })
      }
    }
  }
  const known = committed.map((one) => {
    const owner = owners.get(name(one))
    owners.delete(name(one))
    return { ...one, memberId: owner?.memberId ?? null }
  })
  const rest = [...owners.values()].map((owner) => ({ ...owner, committed: null, metadata: null }))
  return [...known, ...rest]
}

async function withLag(context: BrokerContext, offsets: readonly Owned[]): Promise<GroupOffset[]> {
  const ends = await lookUpEach(context, offsets, LATEST)
  const behind = offsets.filter((one, at) => isBehind(one.committed, ends[at]))
  const latest = await lookUpEach(context, behind, MAX_TIMESTAMP)
  const seconds = new Map<Owned, number | ErrorName>()
  await inTurns([...behind.entries()], async ([at, one]) => {
    seconds.set(one, await secondsBehind(context, one, latest[at]))
  })
  return offsets.map((one, at): GroupOffset => {
    const { topic, partition, committed, metadata, memberId } = one
    const end = ends[at]
    const found = seconds.get(one) ?? (committed === null ? null : 0)
    const error = errorOf(end) ?? (typeof found === 'string' ? found : null)
    const isKnown = end !== undefined && end.error === KafkaError.NONE
    const lag = isKnown && committed !== null ? Math.max(0, end.offset - committed) : null
    return {
      topic,
      partition,
      committed,
      metadata,
      end: isKnown ? end.offset : null,
      lag,
      lagSeconds: isKnown && typeof found === 'number' ? found : null,
      memberId,
      ...(error === null ? {} : { error }),
    }
  })
}

type ErrorName = string

function isBehind(committed: number | null, end: LookedUpOffset | undefined): boolean {
  return committed !== null && end?.error === KafkaError.NONE && end.offset > committed
}

async function secondsBehind(
  context: BrokerContext,
  { topic, partition, committed }: Owned,
  latest: LookedUpOffset | undefined,
): Promise<number | ErrorName> {
  const error = errorOf(latest)
  if (latest === undefined || error !== null) return error ?? errorName(-1)
  const first = await firstTimeAt(context, topic, partition, committed ?? 0)
  if (first instanceof Problem) return errorName(first.code)
  // Nothing but the ends of transactions is left, or all of it was deleted meanwhile.
  return first === null ? 0 : Math.max(0, latest.timestamp - first) / 1000
}

function errorOf(found: { readonly error: ErrorCode } | undefined): ErrorName | null {
  return found === undefined || found.error === KafkaError.NONE ? null : errorName(found.error)
}

/** What ListOffsets says of each, in their order: one request per topic. */
export async function lookUpEach(
  context: BrokerContext,
  partitions: readonly TopicPartition[],
  timestamp: number,
): Promise<(LookedUpOffset | undefined)[]> {
  const topics = [...Map.groupBy(partitions, ({ topic }) => topic)]
  const answers = await inTurns(topics, async ([topic, own]) => {
    const query = { partitions: own.map(({ partition }) => partition), timestamp }
    const found = await lookUpOffsets(context, topic, { ...query, readCommitted: false })
    return found.map((one) => [`${topic}/${one.partition}`, one] as const)
  })
  const byName = new Map(answers.flat())
  return partitions.map(({ topic, partition }) => byName.get(`${topic}/${partition}`))
}
