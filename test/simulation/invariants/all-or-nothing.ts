import type { Final, Invariant } from './invariant.ts'

/**
 * read_committed sees all or nothing of a transaction: all of it when its producer was told that it is
 * committed, nothing when it asked for the abort, asked for nothing, or was refused.
 */
export function allOrNothing(): Invariant {
  return {
    name: 'read-committed-sees-all-or-nothing',
    *atRest({ history, partitions }: Final) {
      const visible = new Set(
        partitions.flatMap(({ committed }) => committed.map(({ token }) => token)),
      )
      for (const { producer, index, writes, end, acked, refused } of history.transactions) {
        const seen = writes.filter(({ token }) => visible.has(token)).length
        const name = `${producer.name}/${index}`
        if (seen !== 0 && seen !== writes.length) {
          yield `${seen} of ${writes.length} records of ${name} are visible`
        }
        if (end === 'commit' && acked && seen !== writes.length) {
          yield `${name} was committed and ${seen} of its ${writes.length} records are visible`
        }
        const mayBeVisible = end === 'commit' && !refused
        if (!mayBeVisible && seen > 0) yield `${name} was not committed (${end}) and is visible`
      }
    },
  }
}
