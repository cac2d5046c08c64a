// What is said of a group that is not there, or not of the kind asked for. Shapes are Kafka's.

import { KafkaError } from '../core/errors.ts'
import type { DescribedConsumerGroup, DescribedGroup } from './contract.ts'

/** From this version of DescribeGroups on an unknown group is an error (KIP-1043). */
const UNKNOWN_IS_ERROR_FROM = 6

/** DescribeGroups: a group that does not exist, or that is not a classic one. */
export function deadGroup(groupId: string, version: number, exists: boolean): DescribedGroup {
  const isError = version >= UNKNOWN_IS_ERROR_FROM
  return {
    errorCode: isError ? KafkaError.GROUP_ID_NOT_FOUND : KafkaError.NONE,
    errorMessage: isError
      ? `Group ${groupId} ${exists ? 'is not a classic group' : 'not found'}.`
      : null,
    groupId,
    groupState: 'Dead',
    protocolType: '',
    protocolData: '',
    members: [],
    authorizedOperations: -2_147_483_648,
  }
}

/** ConsumerGroupDescribe: a group that does not exist, or that is not a consumer group. */
export function unknownConsumerGroup(groupId: string, exists: boolean): DescribedConsumerGroup {
  return {
    errorCode: KafkaError.GROUP_ID_NOT_FOUND,
    errorMessage: `Group ${groupId} ${exists ? 'is not a consumer group' : 'not found'}.`,
    groupId,
    groupState: '',
    groupEpoch: 0,
    assignmentEpoch: 0,
    assignorName: '',
    members: [],
    authorizedOperations: -2_147_483_648,
  }
}
