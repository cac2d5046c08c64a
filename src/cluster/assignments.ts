// Manual replica assignments of CreateTopics, CreatePartitions and AlterPartitionReassignments, in
// Kafka's words. There is one broker, so a valid list holds its id once.

import { BROKER_ID } from '../core/ids.ts'

/** Why the replicas of one partition are refused (INVALID_REPLICA_ASSIGNMENT), or null. */
export function assignmentFault(brokerIds: readonly number[]): string | null {
  const includes = 'The manual partition assignment includes'
  if (brokerIds.length === 0) return `${includes} an empty replica list.`
  const stranger = brokerIds.find((id) => id !== BROKER_ID)
  if (stranger !== undefined) {
    return `${includes} broker ${stranger}, but no such broker is registered.`
  }
  return brokerIds.length > 1 ? `${includes} the broker ${BROKER_ID} more than once.` : null
}
