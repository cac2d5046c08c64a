// Lists by lag, most first: a page is what comes behind a lag and a group's id. As lags change, a group may be met on
// two pages or on none; whoever needs each once lists by id (page.ts).

import { HTTP_LIST_LIMIT } from '../core/limits.ts'
import type { Page } from './page.ts'

/** What is ordered. */
interface Lagging {
  readonly groupId: string
  readonly lag: number
}

/** `after` of such a list: a lag, a slash, a group's id. */
export const LAG_CURSOR = /^\d{1,16}\//

/** A page of the groups whose id has `q`. */
export function pageByLag<Item extends Lagging>(
  all: readonly Item[],
  query: {
    readonly limit?: number | undefined
    readonly after?: string | undefined
    readonly q?: string | undefined
  },
): Page<Item> {
  const { limit = HTTP_LIST_LIMIT, after, q } = query
  const text = q?.toLowerCase()
  const position = after === undefined ? null : positionOf(after)
  const wanted = all
    .filter(
      (item) =>
        (position === null || order(item, position) > 0) &&
        (text === undefined || item.groupId.toLowerCase().includes(text)),
    )
    .sort(order)
  const items = wanted.slice(0, limit)
  const last = items.at(-1)
  const isLast = last === undefined || wanted.length <= limit
  return { items, next: isLast ? null : `${last.lag}/${last.groupId}` }
}

function positionOf(cursor: string): Lagging {
  const slash = cursor.indexOf('/')
  return { lag: Number(cursor.slice(0, slash)), groupId: cursor.slice(slash + 1) }
}

function order(a: Lagging, b: Lagging): number {
  if (a.lag !== b.lag) return b.lag - a.lag
  if (a.groupId === b.groupId) return 0
  return a.groupId < b.groupId ? -1 : 1
}
