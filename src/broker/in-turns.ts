// Asks for many things a few at a time, so that one request neither floods the objects nor waits for them one by one.

import { COORDINATORS_AT_ONCE } from '../core/limits/coordinators.ts'

/** What `ask` answers for each item, in the items' order; at most COORDINATORS_AT_ONCE under way. */
export async function inTurns<Item, Answer>(
  items: readonly Item[],
  ask: (item: Item) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = []
  for (let at = 0; at < items.length; at += COORDINATORS_AT_ONCE) {
    const some = items.slice(at, at + COORDINATORS_AT_ONCE)
    answers.push(...(await Promise.all(some.map(ask))))
  }
  return answers
}
