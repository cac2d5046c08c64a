// Reads partitions through the broker's fetch handler, by topic id. One read is one Fetch; what its
// batches hold is record/json.ts.

import { chargeHttp, payHttp } from '../broker/charges.ts'
import type { BrokerContext } from '../broker/context.ts'
import { fetch, SESSIONLESS_EPOCH } from '../broker/handlers/fetch.ts'
import type { TopicState } from '../cluster/contract.ts'
import { type ErrorCode, KafkaError } from '../core/errors.ts'
import { type TopicId, ZERO_TOPIC_ID } from '../core/ids.ts'
import type { FetchRequest } from '../protocol/messages/fetch.ts'
import type { Aborted } from '../record/json.ts'

type PartitionRequest = FetchRequest['topics'][number]['partitions'][number]

/** The last version without the high watermark of followers; topics are named by id. */
const FETCH_VERSION = 17

/** From where to read which partition. */
export interface Position {
  readonly partition: number
  readonly offset: number
}

/** The same where several topics are read at once. */
export interface TopicOffset extends Position {
  readonly topic: Pick<TopicState, 'id'>
}

/** How much to read and how long to wait for the first byte. */
export interface FetchLimits {
  /** One larger batch is read all the same. */
  readonly maxBytes: number
  readonly waitMs: number
  readonly readCommitted: boolean
}

/** What one partition said. -1 for an offset it did not tell. */
export interface FetchedPartition {
  readonly position: Position
  readonly error: ErrorCode
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  readonly pieces: readonly Uint8Array[]
  readonly aborted: readonly Aborted[]
}

/** An answer and the memory it holds: call `release` once when its bytes are not needed any more. */
export interface Fetched {
  readonly partitions: readonly FetchedPartition[]
  release(): void
}

/** Reads what there is from the positions on; waits up to `waitMs` when there is nothing. */
export function fetchFrom(
  context: BrokerContext,
  topic: TopicState,
  positions: readonly Position[],
  limits: FetchLimits,
): Promise<Fetched> {
  return fetchTopics(
    context,
    positions.map((position) => ({ ...position, topic })),
    limits,
  )
}

/** As fetchFrom. Those of a topic stand beside each other. */
export async function fetchTopics(
  context: BrokerContext,
  positions: readonly TopicOffset[],
  limits: FetchLimits,
): Promise<Fetched> {
  await payHttp(context, 'consumer_byte_rate')
  const handling = fetch(
    fetchRequest(positions, limits),
    { version: FETCH_VERSION, clientId: null },
    context,
  )
  const release = handling.sent ?? (() => {})
  try {
    const response = await handling.response
    const answers = response?.responses.flatMap(({ partitions }) => partitions) ?? []
    const partitions = positions.map((position, at): FetchedPartition => {
      const answer = answers[at]
      const records = answer?.records ?? []
      return {
        position,
        error: answer?.errorCode ?? response?.errorCode ?? KafkaError.UNKNOWN_SERVER_ERROR,
        highWatermark: answer?.highWatermark ?? -1,
        lastStableOffset: answer?.lastStableOffset ?? -1,
        logStartOffset: answer?.logStartOffset ?? -1,
        pieces: records instanceof Uint8Array ? [records] : records,
        aborted: answer?.abortedTransactions ?? [],
      }
    })
    const bytes = partitions.flatMap(({ pieces }) => pieces.map((piece) => piece.length))
    chargeHttp(
      context,
      'consumer_byte_rate',
      bytes.reduce((sum, one) => sum + one, 0),
    )
    return { partitions, release }
  } catch (error) {
    release()
    throw error
  }
}

function fetchRequest(
  positions: readonly TopicOffset[],
  { maxBytes, waitMs, readCommitted }: FetchLimits,
): FetchRequest {
  const topics: { readonly id: TopicId; readonly partitions: PartitionRequest[] }[] = []
  for (const { topic, partition, offset } of positions) {
    let last = topics.at(-1)
    if (last?.id !== topic.id) {
      last = { id: topic.id, partitions: [] }
      topics.push(last)
    }
    last.partitions.push({
      partition,
      currentLeaderEpoch: -1,
      fetchOffset: offset,
      lastFetchedEpoch: -1,
      logStartOffset: -1,
      partitionMaxBytes: maxBytes,
      replicaDirectoryId: ZERO_TOPIC_ID,
      highWatermark: -1n,
    })
  }
  return {
    clusterId: null,
    replicaId: -1,
    replicaState: { replicaId: -1, replicaEpoch: -1n },
    maxWaitMs: waitMs,
    minBytes: 1,
    maxBytes,
    isolationLevel: readCommitted ? 1 : 0,
    sessionId: 0,
    sessionEpoch: SESSIONLESS_EPOCH,
    topics: topics.map(({ id, partitions }) => ({ topic: '', topicId: id, partitions })),
    forgottenTopicsData: [],
    rackId: '',
  }
}
