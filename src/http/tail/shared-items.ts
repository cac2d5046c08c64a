// Events that a partition's leader encoded for all its readers, taken apart again: for readers who want
// their records in another form, or only some of them. Cheaper than reading and encoding the records anew.

import { hasKey } from '../../record/json.ts'
import type { Shown } from './room.ts'

const decoder = new TextDecoder()
/** As fanout-pieces.ts writes them: an id of one pair, a name where it is not a record, the JSON in a line. */
const EVENT = /^id: \d+:(\d+)\n(event: malformed\n)?data: ([^\n]*)$/

/**
 * The records of whole events, one by one; returns where reading goes on behind them.
 * @param key if given, records of another key are left out
 */
export function* itemsOfEvents(
  parts: readonly Uint8Array[],
  next: number,
  key: Uint8Array | null,
): Generator<Shown, number> {
  const isWanted = key === null ? () => true : hasKey(key)
  for (const part of parts) {
    for (const event of decoder.decode(part).split('\n\n')) {
      if (event === '') continue
      const [, delivered, name, json] = EVENT.exec(event) ?? []
      if (json === undefined) throw new Error('an event is not as leaders write them')
      const malformed = name !== undefined
      if (!malformed && !isWanted(json)) continue
      yield { nextOffset: Number(delivered) + 1, json, malformed }
    }
  }
  return next
}
