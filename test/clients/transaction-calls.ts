// The calls of a transactional producer over a raw connection, one request each, errors included. Where
// Kafka says "not yet" (its coordinator loads, or the transaction before is still being ended) they ask
// again, unless the scenario is about just that.

import { AddOffsetsToTxn } from '../../src/protocol/messages/add-offsets-to-txn.ts'
import { AddPartitionsToTxn } from '../../src/protocol/messages/add-partitions-to-txn.ts'
import { DescribeTransactions } from '../../src/protocol/messages/describe-transactions.ts'
import { EndTxn } from '../../src/protocol/messages/end-txn.ts'
import { FindCoordinator } from '../../src/protocol/messages/find-coordinator.ts'
import { InitProducerId } from '../../src/protocol/messages/init-producer-id.ts'
import { ListTransactions } from '../../src/protocol/messages/list-transactions.ts'
import { Produce } from '../../src/protocol/messages/produce.ts'
import type { ResponseRead } from '../../src/protocol/schema.ts'
import { batch } from './batches.ts'
import type { ProducedPartition } from './calls.ts'
import type { Wire } from './wire.ts'

const NOT_YET: ReadonlySet<number> = new Set([14, 15, 16])
const CONCURRENT_TRANSACTIONS = 51
/** Key type of FindCoordinator. */
const TRANSACTION = 1
/** Attribute of a batch. */
const TRANSACTIONAL = 0x10

/** Who produces: what InitProducerId and EndTxn version 5 give. */
export interface Producer {
  readonly transactionalId: string
  readonly producerId: bigint
  readonly producerEpoch: number
}

export interface InitOptions {
  readonly version?: number
  readonly timeoutMs?: number
  /** What the producer says it had. */
  readonly had?: { readonly producerId: bigint; readonly producerEpoch: number }
}

/** InitProducerId; Kafka has a coordinator once one was looked for. */
export async function init(
  wire: Wire,
  transactionalId: string,
  { version = 4, timeoutMs = 60_000, had }: InitOptions = {},
): Promise<ResponseRead<typeof InitProducerId>> {
  await settled(
    () =>
      wire.call(FindCoordinator, 4, { keyType: TRANSACTION, coordinatorKeys: [transactionalId] }),
    ({ coordinators }) => NOT_YET.has(coordinators[0]!.errorCode),
  )
  return settled(
    () =>
      wire.call(InitProducerId, version, {
        transactionalId,
        transactionTimeoutMs: timeoutMs,
        ...had,
      }),
    (got) => NOT_YET.has(got.errorCode),
  )
}

/** A producer, whatever it takes. */
export async function producer(
  wire: Wire,
  transactionalId: string,
  options: InitOptions = {},
): Promise<Producer> {
  const got = await settled(
    () => init(wire, transactionalId, options),
    ({ errorCode }) => errorCode === CONCURRENT_TRANSACTIONS,
  )
  if (got.errorCode !== 0) throw new Error(`InitProducerId: ${got.errorCode}`)
  return { transactionalId, producerId: got.producerId, producerEpoch: got.producerEpoch }
}

/** AddPartitionsToTxn of versions 0 to 3: an error per partition of one topic. */
export async function addPartitions(
  wire: Wire,
  { transactionalId, producerId, producerEpoch }: Producer,
  topic: string,
  partitions: readonly number[],
  version = 3,
): Promise<number[]> {
  const got = await settled(
    () =>
      wire.call(AddPartitionsToTxn, version, {
        v3AndBelowTransactionalId: transactionalId,
        v3AndBelowProducerId: producerId,
        v3AndBelowProducerEpoch: producerEpoch,
        v3AndBelowTopics: [{ name: topic, partitions }],
      }),
    ({ resultsByTopicV3AndBelow: topics }) =>
      topics[0]!.resultsByPartition.some((one) => isBusy(one.partitionErrorCode)),
  )
  return inOrder(got.resultsByTopicV3AndBelow[0]!.resultsByPartition)
}

/** AddPartitionsToTxn of versions 4 and 5 with one transaction: an error per partition of one topic. */
export async function addBatched(
  wire: Wire,
  { transactionalId, producerId, producerEpoch }: Producer,
  topic: string,
  partitions: readonly number[],
  { version, verifyOnly }: { readonly version: number; readonly verifyOnly: boolean },
): Promise<number[]> {
  const got = await wire.call(AddPartitionsToTxn, version, {
    transactions: [
      {
        transactionalId,
        producerId,
        producerEpoch,
        verifyOnly,
        topics: [{ name: topic, partitions }],
      },
    ],
  })
  return inOrder(got.resultsByTransaction[0]!.topicResults[0]!.resultsByPartition)
}

/** AddOffsetsToTxn; Kafka's code. */
export async function addOffsets(
  wire: Wire,
  { transactionalId, producerId, producerEpoch }: Producer,
  groupId: string,
  version = 3,
): Promise<number> {
  const body = { transactionalId, producerId, producerEpoch, groupId }
  const got = await settled(
    () => wire.call(AddOffsetsToTxn, version, body),
    ({ errorCode }) => isBusy(errorCode),
  )
  return got.errorCode
}

/** EndTxn; asked again while an end is under way. */
export async function end(
  wire: Wire,
  { transactionalId, producerId, producerEpoch }: Producer,
  committed: boolean,
  version: number,
): Promise<ResponseRead<typeof EndTxn>> {
  return settled(
    () => wire.call(EndTxn, version, { transactionalId, producerId, producerEpoch, committed }),
    ({ errorCode }) => isBusy(errorCode),
  )
}

/** Ends a transaction by version 5 and gives who goes on. */
export async function endAndGoOn(wire: Wire, by: Producer, committed: boolean): Promise<Producer> {
  const { errorCode, producerId, producerEpoch } = await end(wire, by, committed, 5)
  if (errorCode !== 0) throw new Error(`EndTxn: ${errorCode}`)
  return { transactionalId: by.transactionalId, producerId, producerEpoch }
}

/** DescribeTransactions of one id. */
export async function describeTransaction(
  wire: Wire,
  transactionalId: string,
): Promise<ResponseRead<typeof DescribeTransactions>['transactionStates'][number]> {
  const got = await settled(
    () => wire.call(DescribeTransactions, 0, { transactionalIds: [transactionalId] }),
    ({ transactionStates }) => NOT_YET.has(transactionStates[0]!.errorCode),
  )
  return got.transactionStates[0]!
}

/** Waits until the markers of the last transaction are written. */
export async function atRest(wire: Wire, transactionalId: string): Promise<string> {
  const got = await settled(
    () => describeTransaction(wire, transactionalId),
    ({ transactionState }) => transactionState.startsWith('Prepare'),
  )
  return got.transactionState
}

export interface ListOptions {
  readonly version?: number
  readonly states?: readonly string[]
  readonly producerIds?: readonly bigint[]
  readonly durationMs?: number
  readonly pattern?: string
}

/** ListTransactions. */
export function listTransactions(
  wire: Wire,
  { version = 2, states = [], producerIds = [], durationMs, pattern }: ListOptions = {},
): Promise<ResponseRead<typeof ListTransactions>> {
  return wire.call(ListTransactions, version, {
    stateFilters: states,
    producerIdFilters: producerIds,
    ...(durationMs === undefined ? {} : { durationFilter: durationMs }),
    ...(pattern === undefined ? {} : { transactionalIdPattern: pattern }),
  })
}

/** One record in a transactional batch; asked again while the transaction before is being ended. */
export async function produceIn(
  wire: Wire,
  { transactionalId, producerId, producerEpoch }: Producer,
  topic: string,
  partition: number,
  { version, sequence = 0, value = 'v' }: { version: number; sequence?: number; value?: string },
): Promise<ProducedPartition> {
  const records = batch({
    records: [{ value }],
    attributes: TRANSACTIONAL,
    producerId,
    producerEpoch,
    baseSequence: sequence,
  })
  const topicData = [{ name: topic, partitionData: [{ index: partition, records }] }]
  const got = await settled(
    () => wire.call(Produce, version, { transactionalId, acks: -1, timeoutMs: 15_000, topicData }),
    ({ responses }) => isBusy(responses[0]!.partitionResponses[0]!.errorCode),
  )
  return got.responses[0]!.partitionResponses[0]!
}

function isBusy(errorCode: number): boolean {
  return NOT_YET.has(errorCode) || errorCode === CONCURRENT_TRANSACTIONS
}

function inOrder(
  partitions: readonly { partitionIndex: number; partitionErrorCode: number }[],
): number[] {
  return partitions
    .toSorted((a, b) => a.partitionIndex - b.partitionIndex)
    .map((one) => one.partitionErrorCode)
}

/** Asks again while it is not so yet, for 15 s at most. */
async function settled<T>(ask: () => Promise<T>, isEarly: (got: T) => boolean): Promise<T> {
  const deadline = Date.now() + 15_000
  for (;;) {
    const got = await ask()
    if (!isEarly(got) || Date.now() > deadline) return got
    await new Promise((done) => setTimeout(done, 20))
  }
}
