// The answers of a classic group in Kafka's shapes. Not when they are given.

import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import type { JoinGroupResponse } from '../../protocol/messages/join-group.ts'
import type { SyncGroupResponse } from '../../protocol/messages/sync-group.ts'
import { NO_ASSIGNMENT } from './member.ts'

/** A generation as its members are told of it. */
export interface Generation {
  readonly number: number
  readonly protocolType: string
  readonly protocolName: string | null
}

export function joinError(memberId: string, errorCode: ErrorCode): JoinGroupResponse {
  return {
    throttleTimeMs: 0,
    errorCode,
    generationId: -1,
    protocolType: null,
    protocolName: null,
    leader: '',
    skipAssignment: false,
    memberId,
    members: [],
  }
}

export function joined(
  { number, protocolType, protocolName }: Generation,
  who: Pick<JoinGroupResponse, 'memberId' | 'leader' | 'members'> & { readonly skip?: boolean },
): JoinGroupResponse {
  return {
    throttleTimeMs: 0,
    errorCode: KafkaError.NONE,
    generationId: number,
    protocolType,
    protocolName,
    leader: who.leader,
    skipAssignment: who.skip ?? false,
    memberId: who.memberId,
    members: who.members,
  }
}

export function syncError(errorCode: ErrorCode): SyncGroupResponse {
  return {
    throttleTimeMs: 0,
    errorCode,
    protocolType: null,
    protocolName: null,
    assignment: NO_ASSIGNMENT,
  }
}

export function synced(
  { protocolType, protocolName }: Generation,
  assignment: Uint8Array,
): SyncGroupResponse {
  return { throttleTimeMs: 0, errorCode: KafkaError.NONE, protocolType, protocolName, assignment }
}
