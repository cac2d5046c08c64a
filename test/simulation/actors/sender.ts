// How a producer gets its batches into a partition: several in flight, those that failed sent again in
// their order, each with the sequence it had. As Kafka's producer does with max.in.flight of 5.

import { KafkaError } from '../../../src/core/errors.ts'
import type { TopicId } from '../../../src/core/ids.ts'
import type { AppendTransaction } from '../../../src/partition/contract.ts'
import type { World } from '../world.ts'
import { type Batch, encoded } from './batches.ts'
import type { Connection } from './broker.ts'
import type { Write } from './history.ts'

/** A batch with what is noted of it. */
export interface Outgoing {
  readonly batch: Batch
  readonly writes: readonly Write[]
}

/** How it ended: all acknowledged, or the error that ends the attempt; null when it ran out of attempts. */
export type SendOutcome = 'acked' | { readonly error: number | null }

/** Errors after which the same batch is sent again. */
const RETRIABLE: ReadonlySet<number> = new Set([
  KafkaError.NOT_LEADER_OR_FOLLOWER,
  KafkaError.KAFKA_STORAGE_ERROR,
  KafkaError.NOT_ENOUGH_REPLICAS,
  KafkaError.COORDINATOR_NOT_AVAILABLE,
  KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
  KafkaError.NOT_COORDINATOR,
  KafkaError.CONCURRENT_TRANSACTIONS,
  KafkaError.UNKNOWN_TOPIC_OR_PARTITION,
  KafkaError.UNKNOWN_TOPIC_ID,
])

/** Of a produce, as clients are configured. */
const REQUEST_TIMEOUTS_MS = [1_500, 4_000, 10_000]

export interface SendOptions {
  readonly world: World
  readonly connection: Connection
  readonly topicId: TopicId
  readonly transaction?: AppendTransaction
  readonly attempts: number
}

/** Sends batches of one producer to one partition, in order, all in flight together. */
export async function send(
  outgoing: readonly Outgoing[],
  { world, connection, topicId, transaction, attempts }: SendOptions,
): Promise<SendOutcome> {
  // An impatient client gives up on a request that the partition still thinks about.
  const timeoutMs = world.random.pick(REQUEST_TIMEOUTS_MS)
  let waiting = outgoing
  // What a broker has cached may be out of date: then it is told, and asks anew.
  const current = () => world.cluster.settingsVersion(topicId)
  let configVersion = current() > 1 && world.random.chance(0.3) ? current() - 1 : current()
  for (let attempt = 0; attempt < attempts; attempt++) {
    const round = await Promise.all(
      waiting.map((one) =>
        connection.ask(
          ({ partition }) =>
            partition(topicId, one.batch.partition).append({
              topicId,
              partition: one.batch.partition,
              configVersion,
              batch: encoded(one.batch, world.nowMs),
              ...(transaction === undefined ? {} : { transaction }),
            }),
          timeoutMs,
        ),
      ),
    )
    const failed: Outgoing[] = []
    for (const [index, reply] of round.entries()) {
      const one = waiting[index]!
      if (reply?.kind === 'appended') {
        for (const [at, write] of one.writes.entries()) write.offset = reply.baseOffset + at
        continue
      }
      const isFirst = failed.length === 0
      failed.push(one)
      if (reply?.kind === 'stale') configVersion = reply.configVersion
      if (reply === null || reply.kind === 'stale' || RETRIABLE.has(reply.error)) continue
      // Its predecessor is still to come.
      if (reply.error === KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER && !isFirst) continue
      if (reply.error === KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER) {
        const { partition, baseSequence, producerId, producerEpoch } = one.batch
        world.violated(
          'sequences-are-accepted-in-order',
          `batch ${baseSequence} of ${producerId}:${producerEpoch} in partition ${partition} is the next that was not acknowledged, and was called out of order`,
        )
      }
      return { error: reply.error }
    }
    if (failed.length === 0) return 'acked'
    waiting = failed
    await world.sleep(world.random.between(5, 200))
  }
  return { error: null }
}
