// DescribeTransactions (key 65), version 0 (KIP-664). State, producer and partitions of transactional
// ids, each asked of its coordinator. Groups that take part are not shown: Kafka shows the partition of
// __consumer_offsets that a group is kept in, and here there is none.

import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import type {
  DescribeTransactionsRequest,
  DescribeTransactionsResponse,
} from '../../protocol/messages/describe-transactions.ts'
import { type Access, Operation, Resource } from '../../security/access.ts'
import type { TransactionPartition } from '../../transaction/contract.ts'
import { allowing, authorised, denial } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'
import { inTurns } from '../in-turns.ts'
import { askCoordinator } from '../transactions.ts'

type Described = DescribeTransactionsResponse['transactionStates'][number]

/** Each transactional id as its coordinator describes it. */
export async function describeTransactions(
  { transactionalIds }: DescribeTransactionsRequest,
  _call: Call,
  context: BrokerContext,
): Promise<DescribeTransactionsResponse> {
  const access = await authorised(context)
  const ask = (id: string) => describe(id, access, context)
  const transactionStates = await inTurns(transactionalIds, ask, context.timers)
  return { throttleTimeMs: 0, transactionStates }
}

async function describe(
  transactionalId: string,
  access: Access,
  context: BrokerContext,
): Promise<Described> {
  const denied = denial(access, Operation.DESCRIBE, Resource.TRANSACTIONAL_ID, transactionalId)
  if (denied !== KafkaError.NONE) return undescribed(transactionalId, denied)
  const reply = await askCoordinator(context, transactionalId, (coordinator) =>
    coordinator.describe(transactionalId),
  )
  if (reply.error !== KafkaError.NONE || 'failed' in reply) {
    return undescribed(transactionalId, reply.error)
  }
  const isShown = allowing(access, Operation.DESCRIBE, Resource.TOPIC)
  return {
    errorCode: reply.error,
    transactionalId,
    transactionState: reply.state,
    transactionTimeoutMs: reply.timeoutMs,
    transactionStartTimeMs: reply.startTimeMs,
    producerId: BigInt(reply.producerId),
    producerEpoch: reply.producerEpoch,
    topics: byTopic(reply.partitions).filter(({ topic }) => isShown(topic)),
  }
}

function undescribed(transactionalId: string, errorCode: ErrorCode): Described {
  return {
    errorCode,
    transactionalId,
    transactionState: '',
    transactionTimeoutMs: 0,
    transactionStartTimeMs: 0,
    producerId: 0n,
    producerEpoch: 0,
    topics: [],
  }
}

function byTopic(partitions: readonly TransactionPartition[]): Described['topics'] {
  const topics = new Map<string, number[]>()
  for (const { topic, partition } of partitions) {
    const known = topics.get(topic)
    if (known === undefined) topics.set(topic, [partition])
    else known.push(partition)
  }
  return [...topics].map(([topic, indexes]) => ({ topic, partitions: indexes }))
}
