import type { Final, Invariant } from './invariant.ts'

/**
 * An acknowledged record is in the log, at the offset that was said, and no record is there twice,
 * acknowledged or not.
 */
export function acknowledgedOnce(): Invariant {
  return {
    name: 'acknowledged-records-are-present-exactly-once',
    *atRest({ history, partitions }: Final) {
      const found = new Map<string, number>()
      for (const { partition, log } of partitions) {
        for (const entry of log) {
          if (entry.kind !== 'record') continue
          if (found.has(entry.token)) yield `${entry.token} is twice in partition ${partition}`
          found.set(entry.token, entry.offset)
        }
      }
      const writes = [
        ...history.transactions.flatMap((transaction) => transaction.writes),
        ...history.idempotent.flatMap((producer) => producer.writes),
      ]
      for (const { token, offset } of writes) {
        if (offset < 0) continue
        const at = found.get(token)
        if (at === undefined) yield `${token} was acknowledged at ${offset} and is gone`
        else if (at !== offset) yield `${token} was acknowledged at ${offset} and is at ${at}`
      }
    },
  }
}
