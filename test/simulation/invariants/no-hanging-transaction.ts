import type { Final, Invariant } from './invariant.ts'

/** When all is at rest no transaction is open, at its coordinator or in a partition. */
export function noHangingTransaction(): Invariant {
  return {
    name: 'no-hanging-transaction',
    *atRest({ partitions, transactions }: Final) {
      for (const [id, { error, state }] of transactions) {
        if (error === 0 && !['Empty', 'CompleteCommit', 'CompleteAbort'].includes(state)) {
          yield `${id} is ${state}`
        }
      }
      for (const { partition, lastStableOffset, highWatermark, open } of partitions) {
        if (lastStableOffset !== highWatermark || open.length > 0) {
          yield `partition ${partition} is stable to ${lastStableOffset} of ${highWatermark}; open: ${open}`
        }
      }
    },
  }
}
