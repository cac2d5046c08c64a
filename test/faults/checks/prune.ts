// Forgets of a history what the log has removed by its own rules, so that a long run does not hold all that
// was ever sent. Only after a comparison that found nothing: what is forgotten is not looked for again.

import type { History, LogView, Observed } from './history.ts'

/**
 * Removes, in place, what is acknowledged and not in the log any more, and what was read of it. What lies
 * behind the end that was observed stays: it came later.
 */
export function prune(history: History, { logs }: Observed): void {
  const gone = new Map(logs.map((log) => [`${log.topic}-${log.partition}`, goneFrom(log)]))
  for (const { writes } of history.producers) {
    keep(writes, (write) => {
      return !gone.get(`${write.topic}-${write.partition}`)?.(write.offset, write.token)
    })
  }
  for (const { topic, partition, seen } of history.readers) {
    keep(seen, ({ offset, token }) => !gone.get(`${topic}-${partition}`)?.(offset, token))
  }
}

function goneFrom({ batches, end }: LogView): (offset: number, token: string) => boolean {
  const stored = new Set(batches.flatMap(({ records }) => records.map(({ token }) => token)))
  return (offset, token) => offset >= 0 && offset < end && !stored.has(token)
}

function keep<T>(items: T[], isKept: (item: T) => boolean): void {
  let kept = 0
  for (const item of items) {
    if (isKept(item)) items[kept++] = item
  }
  items.length = kept
}
