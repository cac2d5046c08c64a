// Requests and structures of classic members, as their clients write them: for tests of groups in which
// both protocols meet.

import { concatBytes, Writer } from '../../../src/core/bytes.ts'
import type { NamedPartitions } from '../../../src/group/consumer/consumer-protocol.ts'
import type { JoinGroupRequest } from '../../../src/protocol/messages/join-group.ts'
import { GROUP } from './harness.ts'

export const PROTOCOL = 'cooperative-sticky'

export interface JoinOptions {
  readonly owned?: readonly NamedPartitions[]
  readonly instanceId?: string | null
  readonly sessionTimeoutMs?: number
  readonly rebalanceTimeoutMs?: number
  readonly protocol?: string
  readonly version?: number
}

/** A request to join of a consumer with these topics. */
export function joinRequest(
  memberId: string,
  topics: readonly string[],
  options: JoinOptions = {},
): JoinGroupRequest {
  return {
    groupId: GROUP,
    sessionTimeoutMs: options.sessionTimeoutMs ?? 10_000,
    rebalanceTimeoutMs: options.rebalanceTimeoutMs ?? 60_000,
    memberId,
    groupInstanceId: options.instanceId ?? null,
    protocolType: 'consumer',
    protocols: [
      {
        name: options.protocol ?? PROTOCOL,
        metadata: subscriptionBytes(topics, options.owned, options.version),
      },
    ],
    reason: null,
  }
}

/** ConsumerProtocolSubscription. */
export function subscriptionBytes(
  topics: readonly string[],
  owned: readonly NamedPartitions[] = [],
  version = 3,
  rackId: string | null = null,
): Uint8Array {
  const writer = new Writer()
  writer.int16(version)
  writer.int32(topics.length)
  for (const topic of topics) text(writer, topic)
  writer.int32(-1)
  if (version >= 1) partitions(writer, owned)
  if (version >= 2) writer.int32(7)
  if (version >= 3) {
    if (rackId === null) writer.int16(-1)
    else text(writer, rackId)
  }
  return concatBytes(writer.finish())
}

/** ConsumerProtocolAssignment. */
export function assignmentBytes(assigned: readonly NamedPartitions[], version = 1): Uint8Array {
  const writer = new Writer()
  writer.int16(version)
  partitions(writer, assigned)
  writer.int32(-1)
  return concatBytes(writer.finish())
}

function partitions(writer: Writer, list: readonly NamedPartitions[]): void {
  writer.int32(list.length)
  for (const { topic, partitions: numbers } of list) {
    text(writer, topic)
    writer.int32(numbers.length)
    for (const number of numbers) writer.int32(number)
  }
}

function text(writer: Writer, value: string): void {
  writer.utf8(value, (to, length) => to.int16(length))
}
