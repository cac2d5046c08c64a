// Produces a list of records for whoever speaks for a client: the routes, and the live socket. By topic name, with
// or without an Idempotency-Key. Streams are ndjson.ts's, which the routes drive.

import type { BrokerContext } from '../broker/context.ts'
import type { TopicState } from '../cluster/contract.ts'
import { REQUEST_BATCHES_PER_PARTITION } from '../core/limits/requests.ts'
import { append, batchBytesMax } from './appender.ts'
import { KeyedRequest } from './idempotency.ts'
import { digestOf } from './idempotency-digest.ts'
import { requestId } from './idempotency-key.ts'
import { placement } from './placement.ts'
import { Problem } from './problem.ts'
import { type ProducedOffset, produceRecords } from './produce-records.ts'
import type { IncomingRecord } from './record-in.ts'
import { withTopic } from './topics.ts'

/** What is to be produced, and how. */
export interface Produce {
  readonly topic: string
  readonly records: readonly IncomingRecord[]
  /** Checked by idempotency-key.ts; null: a retry would store the records again. */
  readonly key: string | null
  /** A number in [0, 1), as Math.random gives it. */
  readonly random: () => number
}

/** All records are durable. */
export interface Produced {
  /** In the order of the records. */
  readonly offsets: readonly ProducedOffset[]
  /** Nothing was stored: an earlier request with this key has stored all of it. */
  readonly isReplayed: boolean
}

/** Stores all records and says where, or why not all are stored. What fails with a key may be sent again with it. */
export async function produceList(
  broker: BrokerContext,
  { topic: name, records, key, random }: Produce,
): Promise<Produced | Problem> {
  const id = key === null ? null : await requestId(key, broker.access.principal)
  return withTopic<Produced>(broker, name, async (topic) => {
    const nowMs = broker.timers.now()
    if (id !== null) return produceKeyed(topic, records, new KeyedRequest(broker, topic, id, nowMs))
    const offsets = await produceRecords(records, {
      place: placement(topic, random),
      append: (partition, batch) => append(broker, topic, partition, batch, nowMs),
      batchBytesMax: batchBytesMax(topic),
      nowMs,
    })
    return offsets instanceof Problem ? offsets : { offsets, isReplayed: false }
  })
}

async function produceKeyed(
  topic: TopicState,
  records: readonly IncomingRecord[],
  request: KeyedRequest,
): Promise<Produced | Problem> {
  const refused = await request.begin({ body: digestOf(records), isStream: false }, records)
  if (refused !== null) return refused
  let outcome: ProducedOffset[] | Problem | null = null
  try {
    outcome = await produceRecords(records, {
      place: request.place,
      append: (partition, batch) => request.append(partition, batch),
      batchBytesMax: batchBytesMax(topic),
      batchesMax: REQUEST_BATCHES_PER_PARTITION,
      nowMs: request.nowMs,
    })
  } finally {
    await request.end(outcome)
  }
  if (outcome instanceof Problem) return outcome
  return { offsets: outcome, isReplayed: request.isReplayed }
}
