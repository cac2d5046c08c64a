import type { Final, Invariant } from './invariant.ts'

/**
 * A reader saw a beginning of what is there in the end, and nothing else: read_committed never an aborted
 * record, read_uncommitted never one that was lost. No record twice, none left out.
 */
export function readersSawTheLog(): Invariant {
  return {
    name: 'readers-saw-the-log',
    *atRest({ history, partitions }: Final) {
      for (const { name, partition, readCommitted, seen } of history.readers) {
        const final = partitions[partition]
        if (final === undefined) continue
        const there = readCommitted
          ? final.committed
          : final.log.filter((entry) => entry.kind === 'record')
        for (const [at, { token, offset }] of seen.entries()) {
          const expected = there[at]
          if (expected?.token === token && expected.offset === offset) continue
          const isThere =
            expected === undefined ? 'nothing' : `${expected.token} at ${expected.offset}`
          yield `${name} saw ${token} at ${offset} of partition ${partition} where ${isThere} is`
          break
        }
        if (seen.length < there.length) {
          yield `${name} saw ${seen.length} of the ${there.length} records of partition ${partition}`
        }
      }
    },
  }
}
