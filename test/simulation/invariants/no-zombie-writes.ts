import type { ProducerRecord, TransactionRecord } from '../actors/history.ts'
import type { Final, Invariant } from './invariant.ts'

/**
 * What a producer first sends after another with its transactional id was initialised is nowhere, not
 * even aborted; and epochs of a producer id never go back in a log.
 */
export function noZombieWrites(): Invariant {
  return {
    name: 'no-zombie-writes',
    *atRest({ history, partitions }: Final) {
      const there = new Set<string>()
      for (const { partition, log } of partitions) {
        const epochs = new Map<number, number>()
        for (const { offset, producerId, epoch, ...entry } of log) {
          if (entry.kind === 'record') there.add(entry.token)
          if (producerId < 0) continue
          const before = epochs.get(producerId) ?? -1
          if (epoch < before) {
            yield `partition ${partition} at ${offset}: epoch ${epoch} of ${producerId} behind ${before}`
          }
          epochs.set(producerId, Math.max(epoch, before))
        }
      }
      for (const transaction of history.transactions) {
        const { producer, writes } = transaction
        const fencedMs = Math.min(
          ...history.producers
            .filter((other) => other.transactionalId === producer.transactionalId)
            .filter((other) => other !== producer && isLater(other, transaction))
            .map(({ initialisedMs }) => initialisedMs),
        )
        for (const { token, firstSentMs } of writes) {
          if (firstSentMs > fencedMs && there.has(token)) yield `${token} of a fenced producer`
        }
      }
    },
  }
}

/** Ids are given in order, and epochs of an id go up: what was given later is higher. */
function isLater(other: ProducerRecord, { producerId, epoch }: TransactionRecord): boolean {
  if (other.producerId !== producerId) return other.producerId > producerId
  return other.epoch > epoch
}
