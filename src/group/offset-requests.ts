// Reads of committed offsets, and their deletion by an administrator. Not commits (commits.ts).

import { KafkaError } from '../core/errors.ts'
import type { TopicId } from '../core/ids.ts'
import { CONSUMER_PROTOCOL } from './classic/group-state.ts'
import type {
  DeleteOffsetsReply,
  DeleteOffsetsRequest,
  FetchedPartition,
  FetchOffsetsReply,
  FetchOffsetsRequest,
  GroupCaller,
  HistoryReply,
  HistoryRequest,
} from './contract.ts'
import type { OffsetCaller, Surroundings } from './membership.ts'
import type { KeptOffset } from './offsets.ts'
import { type Outcome, write } from './outcome.ts'
import type { WholeGroup } from './whole-group.ts'

/** OffsetFetch: of the topics asked for, or of all. */
export function fetchOffsets(
  group: WholeGroup,
  request: FetchOffsetsRequest,
  { version }: GroupCaller,
  now: Surroundings,
): FetchOffsetsReply {
  const { memberId, memberEpoch: generationOrEpoch, requireStable } = request
  const who = { memberId: memberId ?? '', generationOrEpoch, instanceId: null }
  const caller: OffsetCaller = { ...who, version, transactional: false }
  const error = group.membership?.checkOffsets(caller, 'fetch', now) ?? KafkaError.NONE
  if (error !== KafkaError.NONE) return { error, topics: [] }
  const one = (topicId: TopicId, partition: number): FetchedPartition => {
    const none = { partition, offset: -1, leaderEpoch: -1, metadata: '' }
    if (requireStable && group.offsets.isPending(topicId, partition)) {
      return { ...none, error: KafkaError.UNSTABLE_OFFSET_COMMIT }
    }
    const kept = group.offsets.get(topicId, partition)
    if (kept === undefined) return { ...none, error: KafkaError.NONE }
    const { offset, leaderEpoch, metadata } = kept
    return { partition, offset, leaderEpoch, metadata, error: KafkaError.NONE }
  }
  const asked =
    request.topics?.map((topic) => ({ ...topic, name: '' })) ??
    [...group.offsets.topics()]
      .map(([topicId, { name, partitions }]) => ({
        topicId,
        name,
        partitions: [...partitions.keys()].sort((a, b) => a - b),
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  return {
    error: KafkaError.NONE,
    topics: asked.map(({ topicId, name, partitions }) => ({
      topicId,
      name,
      partitions: partitions.map((partition) => one(topicId, partition)),
    })),
  }
}

/** Where offsets were; of a name that two topics had, of the one that was committed last. */
export function offsetHistory(
  { offsets }: WholeGroup,
  { partitions }: HistoryRequest,
): HistoryReply {
  const topics = [...offsets.topics()]
  return {
    offsets: partitions.map(({ topic, partition }) => {
      let found: KeptOffset | undefined
      for (const [, known] of topics) {
        const kept = known.name === topic ? known.partitions.get(partition) : undefined
        if (kept !== undefined && kept.sequence > (found?.sequence ?? 0)) found = kept
      }
      if (found === undefined) return null
      const { offset, committedMs, history } = found
      return { offset, committedMs, history }
    }),
  }
}

/** OffsetDelete: not of topics that members subscribe to. */
export function deleteOffsets(
  group: WholeGroup,
  { topics }: DeleteOffsetsRequest,
  out: Outcome,
): DeleteOffsetsReply {
  const membership = group.membership
  if (membership === null) return { error: KafkaError.GROUP_ID_NOT_FOUND, topics: [] }
  const isOpaque = membership.type === 'classic' && membership.protocolType !== CONSUMER_PROTOCOL
  if (isOpaque && !membership.isEmpty) return { error: KafkaError.NON_EMPTY_GROUP, topics: [] }
  const subscribed = isOpaque ? null : membership.subscribedTopics
  group.planAnew()
  return {
    error: KafkaError.NONE,
    topics: topics.map(({ topicId, name, partitions }) => ({
      errors: partitions.map((partition) => {
        if (subscribed?.has(name)) return KafkaError.GROUP_SUBSCRIBED_TO_TOPIC
        write(group.offsets.forget(topicId, partition), out)
        return KafkaError.NONE
      }),
    })),
  }
}
