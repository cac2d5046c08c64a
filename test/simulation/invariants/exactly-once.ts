import type { Final, Invariant } from './invariant.ts'

/**
 * Offsets committed in a transaction appear if and only if it is committed: each position of an input is
 * consumed by one visible transaction, and the group is where the last of them left it.
 */
export function exactlyOnce(): Invariant {
  return {
    name: 'offsets-appear-iff-their-transaction-is-committed',
    *atRest({ history, partitions, positions }: Final) {
      const visible = new Set(
        partitions.flatMap(({ committed }) => committed.map(({ token }) => token)),
      )
      for (const [transactionalId, position] of positions) {
        const consumed: number[] = []
        for (const { producer, writes, input } of history.transactions) {
          if (producer.transactionalId !== transactionalId || input === null) continue
          const isVisible = writes.some(({ token }) => visible.has(token))
          if (isVisible) consumed.push(input.offset)
        }
        consumed.sort((a, b) => a - b)
        for (const [at, offset] of consumed.entries()) {
          if (offset === at + 1) continue
          yield `${transactionalId}: position ${at + 1} was consumed not once: ${consumed}`
          break
        }
        const last = consumed.at(-1) ?? -1
        if (position !== last) {
          yield `${transactionalId}: the group is at ${position}, the last visible transaction left it at ${last}`
        }
      }
    },
  }
}
