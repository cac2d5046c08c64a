// A classic group as others see it: administrators, and a consumer group that takes its place.

import { KafkaError } from '../../core/errors.ts'
import type { DescribedGroup } from '../contract.ts'
import type { ClassicSnapshot } from '../membership.ts'
import type { GroupState } from './group-state.ts'
import { metadataOf, NO_ASSIGNMENT } from './member.ts'

/** Operations were not asked for; the handler fills in what was. */
const OPERATIONS_NOT_ASKED = -2_147_483_648

/** DescribeGroups. */
export function describeGroup(state: GroupState, groupId: string): DescribedGroup {
  const isStable = state.name === 'Stable'
  return {
    errorCode: KafkaError.NONE,
    errorMessage: null,
    groupId,
    groupState: state.name,
    protocolType: state.protocolType,
    protocolData: isStable ? (state.protocolName ?? '') : '',
    members: [...state.roster.all()].map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: isStable ? metadataOf(member, state.protocolName) : NO_ASSIGNMENT,
      memberAssignment: member.assignment,
    })),
    authorizedOperations: OPERATIONS_NOT_ASKED,
  }
}

/** All that a consumer group takes over. */
export function snapshotOf(state: GroupState): ClassicSnapshot {
  return {
    generation: state.lastGeneration,
    protocolType: state.protocolType,
    protocolName: state.protocolName,
    leaderId: state.roster.leaderId,
    members: [...state.roster.all()].map((member) => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      sessionTimeoutMs: member.sessionTimeoutMs,
      rebalanceTimeoutMs: member.rebalanceTimeoutMs,
      protocols: member.protocols,
      assignment: member.assignment,
    })),
    needsRebalance: state.name !== 'Stable',
  }
}
