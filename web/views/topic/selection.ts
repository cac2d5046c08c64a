// Which message is selected, and going through them by key. In the URL, so that a link shows it.

import { useEffect } from 'preact/hooks'
import type { Item } from '../../broker/shapes.ts'
import { placeOf } from '../../reading/live.ts'
import { useKey } from '../../shell/keys.ts'
import { setQuery } from '../../shell/router.ts'

/** True where a message is shown beside the list, as the style sheet has it. */
export function isBeside(): boolean {
  return matchMedia('(min-width: 1200px)').matches
}

/** `j` and `k` go through the items, Escape lets go. */
export function useSelection(items: readonly Item[], at: string): void {
  const step = (by: number) => {
    const now = items.findIndex((item) => placeOf(item) === at)
    const next = items[now === -1 ? 0 : now + by]
    if (next !== undefined) setQuery({ at: placeOf(next) }, { replace: at !== '' })
  }
  useKey('j', 'Next message', () => step(1))
  useKey('k', 'Message before', () => step(-1))
  useEffect(() => {
    if (!isBeside()) return
    const row = document.querySelector('.message-table tr[data-marked]')
    row?.scrollIntoView({ block: 'nearest' })
  }, [at])
}
