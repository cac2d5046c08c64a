// Asks for many things a few at a time, so that one request neither floods the objects nor waits for them one by one.

import { COORDINATORS_AT_ONCE, COORDINATORS_PAUSE_AFTER_MS } from '../core/limits/coordinators.ts'
import type { Timers } from './context.ts'

/**
 * What `ask` answers for each item, in the items' order; at most COORDINATORS_AT_ONCE under way.
 * @param timers the caller's own, where a client says how many items there are: then others have a turn now and then,
 * because the local runtime looks at no socket while anything is ready (turns.ts)
 */
export async function inTurns<Item, Answer>(
  items: readonly Item[],
  ask: (item: Item) => Promise<Answer>,
  timers: Timers | null = null,
): Promise<Answer[]> {
  const answers: Answer[] = []
  let sinceMs = timers?.now() ?? 0
  for (let at = 0; at < items.length; at += COORDINATORS_AT_ONCE) {
    if (timers !== null && timers.now() - sinceMs > COORDINATORS_PAUSE_AFTER_MS) {
      await timers.sleep(0)
      sinceMs = timers.now()
    }
    const some = items.slice(at, at + COORDINATORS_AT_ONCE)
    answers.push(...(await Promise.all(some.map(ask))))
  }
  return answers
}
