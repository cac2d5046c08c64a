// The producers of a partition as others see them: operators (DescribeProducers), and compaction. Those that have
// expired are not there any more. Not what is remembered of them: producers.ts.

import type { ActiveProducer } from './compaction/batch-filter.ts'
import type { ProducerDescription } from './contract.ts'
import type { ProducerState } from './producer-state.ts'
import { isExpired, lastOffsetOf, type ProducerTable } from './producers.ts'

/** Every producer that is remembered, as DescribeProducers shows it. */
export function describedProducers(
  table: ProducerTable,
  nowMs: number,
  expirationMs: number,
): ProducerDescription[] {
  return alive(table, nowMs, expirationMs).map(([producerId, state]) => ({
    producerId,
    producerEpoch: state.epoch,
    lastSequence: state.batches.at(-1)?.lastSequence ?? -1,
    lastTimestamp: state.lastAppendMs,
    coordinatorEpoch: state.coordinatorEpoch,
    currentTransactionStartOffset: state.open?.firstOffset ?? -1,
  }))
}

/** The producers as compaction knows them. */
export function activeProducers(
  table: ProducerTable,
  nowMs: number,
  expirationMs: number,
): Map<number, ActiveProducer> {
  return new Map(
    alive(table, nowMs, expirationMs).map(([producerId, { epoch, batches }]) => {
      const last = batches.at(-1)
      return [producerId, { epoch, lastOffset: last === undefined ? null : lastOffsetOf(last) }]
    }),
  )
}

function alive(
  { entries }: ProducerTable,
  nowMs: number,
  expirationMs: number,
): (readonly [number, ProducerState])[] {
  return [...entries].filter(([, state]) => !isExpired(state, nowMs, expirationMs))
}
