// Commits of offsets, by members and others, at once and in a transaction: who may, for what, and what
// becomes of those that wait for their coordinator. Not how offsets are held (offsets.ts).

import { type ErrorCode, KafkaError } from '../core/errors.ts'
import type { TopicId } from '../core/ids.ts'
import { OFFSETS_PER_GROUP } from '../core/limits/coordinators.ts'
import type { GroupCommand } from './commands.ts'
import type {
  CommitReply,
  CommitRequest,
  CommittedPartition,
  CommittedTopic,
  GroupCaller,
  GroupMarker,
  TransactionalCommitRequest,
} from './contract.ts'
import type { OffsetCaller, Surroundings } from './membership.ts'
import type { NewOffset } from './offsets.ts'
import { type Unverified, verificationKey } from './offsets-verification.ts'
import { type Outcome, write } from './outcome.ts'
import type { WholeGroup } from './whole-group.ts'

/** From this version of TxnOffsetCommit on clients know TRANSACTION_ABORTABLE (KIP-890). */
const ABORTABLE_FROM = 4
/** From this version of TxnOffsetCommit on clients know CONCURRENT_TRANSACTIONS (KIP-890). */
const CONCURRENT_FROM = 5
/** From this version of OffsetCommit on a group that does not exist has an error of its own. */
const GROUP_ID_NOT_FOUND_FROM = 9

/** OffsetCommit: answered at once. */
export function commit(
  group: WholeGroup,
  request: CommitRequest,
  caller: GroupCaller,
  out: Outcome,
  now: Surroundings,
): CommitReply {
  const error = mayCommit(group, request, caller, false, now)
  if (error !== KafkaError.NONE) return refused(request, error)
  group.found(out, now)
  const expiresMs = request.retentionTimeMs < 0 ? null : now.nowMs + request.retentionTimeMs
  const isKept = (topicId: TopicId, partition: number) =>
    group.offsets.get(topicId, partition) !== undefined
  return eachPartition(group, request, now, isKept, (where, offset) => {
    const change = group.offsets.commit(where, { ...offset, expiresMs })
    write([change], out)
    group.expiresWith(change, now)
  })
}

/** TxnOffsetCommit: waits until the coordinator of its transaction knows that the group takes part. */
export function commitInTransaction(
  group: WholeGroup,
  commit: Unverified,
  out: Outcome,
  now: Surroundings,
): void {
  const { request, caller, ticket } = commit
  const error = mayCommit(group, request, caller, true, now)
  if (error !== KafkaError.NONE) {
    out.replies.push([ticket, refused(request, error)])
    return
  }
  const number = group.verifications.numberOf(request)
  if (number !== null) {
    out.replies.push([ticket, pend(group, request, number, out, now)])
    return
  }
  const asked = group.verifications.wait(commit)
  if (asked === 'full') {
    out.replies.push([ticket, refused(request, KafkaError.COORDINATOR_LOAD_IN_PROGRESS)])
  } else if (asked === 'ask') {
    const { transactionalId, producerId, producerEpoch, implicit } = request
    const participant = { kind: 'group', groupId: now.groupId } as const
    const verifyOnly = !implicit
    const enlist = { transactionalId, producerId, producerEpoch, participant, verifyOnly }
    out.effects.push({ kind: 'enlist', key: verificationKey(request), request: enlist })
  }
}

/** What that coordinator said, or null when it could not be asked. */
export function enlisted(
  group: WholeGroup,
  { key, reply }: Extract<GroupCommand, { kind: 'enlisted' }>,
  out: Outcome,
  now: Surroundings,
): void {
  const number = reply?.error === KafkaError.NONE ? reply.number : -1
  const { waited, isOpen } = group.verifications.answered(key, number)
  for (const { request, caller, ticket } of waited) {
    const error =
      reply === null || (number >= 0 && !isOpen)
        ? // It ended meanwhile, or nobody knows: the client asks again and hears what is the case.
          KafkaError.COORDINATOR_LOAD_IN_PROGRESS
        : verificationError(reply.error, request, caller) ||
          mayCommit(group, request, caller, true, now)
    const answer =
      error === KafkaError.NONE ? pend(group, request, number, out, now) : refused(request, error)
    out.replies.push([ticket, answer])
  }
}

function pend(
  group: WholeGroup,
  request: TransactionalCommitRequest,
  number: number,
  out: Outcome,
  now: Surroundings,
): CommitReply {
  group.found(out, now)
  const { producerId, producerEpoch } = request
  const transaction = { producerId, producerEpoch, number }
  const isKept = (topicId: TopicId, partition: number) =>
    group.offsets.isPendingOf(producerId, topicId, partition)
  return eachPartition(group, request, now, isKept, (where, offset) => {
    const change = group.offsets.pend(where, transaction, { ...offset, expiresMs: null })
    write([change], out)
  })
}

/** A marker: what is pending counts from now on, or is forgotten. */
export function endTransaction(group: WholeGroup, marker: GroupMarker, out: Outcome): ErrorCode {
  const { producerId, producerEpoch, number, committed } = marker
  if (number === null) {
    // An operator's marker has no number: it must not end what a later epoch has begun.
    const open = group.offsets.openTransactions()
    const isLater = open.some(
      (one) => one.producerId === producerId && one.producerEpoch > producerEpoch,
    )
    if (isLater) return KafkaError.INVALID_PRODUCER_EPOCH
  }
  group.verifications.ended(marker)
  write(group.offsets.end(producerId, number, committed), out)
  group.planAnew()
  return KafkaError.NONE
}

function mayCommit(
  group: WholeGroup,
  request: Omit<CommitRequest, 'retentionTimeMs'>,
  { version }: GroupCaller,
  transactional: boolean,
  now: Surroundings,
): ErrorCode {
  const { memberId, generationOrEpoch, instanceId } = request
  if (group.membership === null) {
    if (generationOrEpoch < 0) return KafkaError.NONE
    return transactional || version < GROUP_ID_NOT_FOUND_FROM
      ? KafkaError.ILLEGAL_GENERATION
      : KafkaError.GROUP_ID_NOT_FOUND
  }
  const caller: OffsetCaller = { memberId, generationOrEpoch, instanceId, version, transactional }
  const error = group.membership.checkOffsets(caller, 'commit', now)
  return transactional && error === KafkaError.STALE_MEMBER_EPOCH
    ? KafkaError.ILLEGAL_GENERATION
    : error
}

function eachPartition(
  group: WholeGroup,
  { topics }: { readonly topics: readonly CommittedTopic[] },
  { settings, nowMs }: Surroundings,
  isKept: (topicId: TopicId, partition: number) => boolean,
  keep: (
    where: { readonly topicId: TopicId; readonly name: string; readonly partition: number },
    offset: Omit<NewOffset, 'expiresMs'>,
  ) => void,
): CommitReply {
  const one = (topicId: TopicId, name: string, committed: CommittedPartition): ErrorCode => {
    const { partition, offset, leaderEpoch, metadata } = committed
    const count = group.topics.get(topicId)
    if (count === undefined) return KafkaError.UNKNOWN_TOPIC_ID
    if ((metadata?.length ?? 0) > settings.offsetMetadataMaxBytes) {
      return KafkaError.OFFSET_METADATA_TOO_LARGE
    }
    if (group.offsets.size >= OFFSETS_PER_GROUP && !isKept(topicId, partition)) {
      return KafkaError.INVALID_COMMIT_OFFSET_SIZE
    }
    keep(
      { topicId, name, partition },
      { offset, leaderEpoch, metadata: metadata ?? '', committedMs: nowMs },
    )
    return KafkaError.NONE
  }
  return {
    topics: topics.map(({ topicId, name, partitions }) => ({
      errors: partitions.map((committed) => one(topicId, name, committed)),
    })),
  }
}

function refused({ topics }: Pick<CommitRequest, 'topics'>, error: ErrorCode): CommitReply {
  return { topics: topics.map(({ partitions }) => ({ errors: partitions.map(() => error) })) }
}

/** What the coordinator of a transaction said, in words that a client of this version knows. */
function verificationError(
  error: ErrorCode,
  { implicit }: TransactionalCommitRequest,
  { version }: GroupCaller,
): ErrorCode {
  switch (error) {
    case KafkaError.PRODUCER_FENCED:
      return KafkaError.INVALID_PRODUCER_EPOCH
    case KafkaError.CONCURRENT_TRANSACTIONS:
      return version >= CONCURRENT_FROM ? error : KafkaError.COORDINATOR_LOAD_IN_PROGRESS
    case KafkaError.INVALID_TXN_STATE:
    case KafkaError.TRANSACTION_ABORTABLE:
      if (implicit) return error
      return version >= ABORTABLE_FROM
        ? KafkaError.TRANSACTION_ABORTABLE
        : KafkaError.INVALID_TXN_STATE
    default:
      return error
  }
}
