import type { Write } from '../actors/history.ts'
import type { Final, Invariant } from './invariant.ts'

/** The records of one producer are in a partition in the order it sent them, without a gap between two. */
export function inOrder(): Invariant {
  return {
    name: 'records-are-in-the-order-sent',
    *atRest({ history, partitions }: Final) {
      const sent = [
        ...history.transactions.map(({ writes }) => writes),
        ...history.idempotent.map(({ writes }) => writes),
      ]
      const places = partitions.map(
        ({ log }) =>
          new Map(log.map((entry) => [entry.kind === 'record' ? entry.token : '', entry.offset])),
      )
      for (const writes of sent) {
        for (const [partition, place] of places.entries()) {
          yield* disorder(
            writes.filter((write) => write.partition === partition),
            place,
          )
        }
      }
    },
  }
}

function* disorder(writes: readonly Write[], place: ReadonlyMap<string, number>) {
  let last = -1
  let missing: string | null = null
  for (const { token } of writes) {
    const offset = place.get(token)
    if (offset === undefined) {
      missing ??= token
      continue
    }
    if (missing !== null) yield `${token} is there and ${missing}, sent before it, is not`
    if (offset <= last) yield `${token} at ${offset} is not behind its predecessor at ${last}`
    last = offset
  }
}
