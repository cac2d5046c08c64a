// What a coordinator's refusal means to a member and to its client. Not when it is asked.

import { type ErrorCode, errorMessage, KafkaError } from '../core/errors.ts'
import { Problem } from '../http/problem.ts'
import type { CommitOffset } from './surroundings.ts'

const PASSING: ReadonlySet<ErrorCode> = new Set([
  KafkaError.COORDINATOR_NOT_AVAILABLE,
  KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
  KafkaError.NOT_COORDINATOR,
  KafkaError.UNSTABLE_OFFSET_COMMIT,
  KafkaError.REQUEST_TIMED_OUT,
  KafkaError.NOT_LEADER_OR_FOLLOWER,
  KafkaError.LEADER_NOT_AVAILABLE,
  KafkaError.KAFKA_STORAGE_ERROR,
  KafkaError.STALE_MEMBER_EPOCH,
  // A topic that was deleted while the offset was looked up: the next assignment is without it.
  KafkaError.UNKNOWN_TOPIC_OR_PARTITION,
  KafkaError.UNKNOWN_TOPIC_ID,
])

const LOST: ReadonlySet<ErrorCode> = new Set([
  KafkaError.UNKNOWN_MEMBER_ID,
  KafkaError.FENCED_MEMBER_EPOCH,
  // The group was deleted with its members: to join is to make it anew.
  KafkaError.GROUP_ID_NOT_FOUND,
])

/** It may be otherwise the next time. */
export function isPassing(code: ErrorCode): boolean {
  return PASSING.has(code)
}

/** The coordinator does not count this member among its own. */
export function isLost(code: ErrorCode): boolean {
  return LOST.has(code)
}

/** Why there is no member. */
export function memberProblem(code: ErrorCode, message: string | null, group: string): Problem {
  if (code === KafkaError.UNSUPPORTED_VERSION) {
    const detail = 'groups of this protocol are switched off here (feature group.version)'
    return new Problem(code, { field: 'group', detail })
  }
  return new Problem(code, {
    field: 'group',
    detail: `group ${group}: ${message ?? errorMessage(code)}`,
  })
}

/** Commits of a member that is not in its group, or of a partition it has not got. */
export function outOfGroup(group: string, strange: CommitOffset | undefined): Problem {
  if (strange === undefined) {
    const detail = `not a member of group ${group} now: its partitions were lost, or it has not joined yet`
    return new Problem(KafkaError.UNKNOWN_MEMBER_ID, { status: 409, detail })
  }
  const { topic, partition } = strange
  const detail = `partition ${partition} of ${topic} is not assigned to this member of group ${group}`
  const members = { topic, partition }
  return new Problem(KafkaError.STALE_MEMBER_EPOCH, { status: 409, detail, members })
}

/** The first partition that was not committed; null when all were. */
export function commitProblem(
  errors: readonly ErrorCode[],
  offsets: readonly CommitOffset[],
  group: string,
): Problem | null {
  const at = errors.findIndex((error) => error !== KafkaError.NONE)
  const code = errors[at]
  const offset = offsets[at]
  if (code === undefined || offset === undefined) return null
  const { topic, partition } = offset
  const detail = `group ${group}, partition ${partition} of ${topic}: ${errorMessage(code)}`
  const status = isLost(code) || code === KafkaError.STALE_MEMBER_EPOCH ? { status: 409 } : {}
  return new Problem(code, { ...status, detail, members: { topic, partition } })
}
