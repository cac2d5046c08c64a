// The places whose names have a text in them: the console's views, and what the broker has by that name.

import { useEffect, useState } from 'preact/hooks'
import { ask, BrokerError, pathOf } from '../broker/http.ts'
import type { Page } from '../broker/shapes.ts'
import type { IconName } from '../parts/icon.tsx'
import { ranked } from './rank.ts'

/** Somewhere to go. */
export interface Place {
  readonly name: string
  readonly kind: string
  readonly icon: IconName
  readonly href: string
}

const SETTLES_MS = 120
const OF_EACH = 8

interface Found {
  readonly text: string
  readonly places: readonly Place[]
  readonly error: BrokerError | null
}

/** The places of a text, the views among them, and whether the broker is still being asked. */
export function usePlaces(views: readonly Place[], text: string) {
  const [found, setFound] = useState<Found>({ text: '', places: [], error: null })
  const wanted = text.trim()
  useEffect(() => {
    if (wanted === '') return
    const asking = new AbortController()
    const timer = setTimeout(() => {
      search(wanted, asking.signal).then(
        (places) => setFound({ text: wanted, places, error: null }),
        (error: unknown) => {
          if (asking.signal.aborted || !(error instanceof BrokerError)) return
          setFound({ text: wanted, places: [], error })
        },
      )
    }, SETTLES_MS)
    return () => {
      clearTimeout(timer)
      asking.abort()
    }
  }, [wanted])
  const isSearching = wanted !== '' && found.text !== wanted
  // While it is being asked, what was found before is still there if it fits.
  const known = wanted === '' ? [] : found.places
  const places = ranked([...views, ...known], wanted)
  return { places, isSearching, error: isSearching ? null : found.error }
}

async function search(text: string, signal: AbortSignal): Promise<Place[]> {
  const list = <Item>(kind: string) =>
    ask<Page<Item>>(pathOf([kind], { q: text, limit: OF_EACH }), { signal })
  const [topics, groups, transactions] = await Promise.all([
    list<{ readonly name: string }>('topics'),
    list<{ readonly groupId: string }>('groups'),
    list<{ readonly transactionalId: string }>('transactions'),
  ])
  return [
    ...topics.items.map(({ name }) => place(name, 'topic', '/topics/')),
    ...groups.items.map(({ groupId }) => place(groupId, 'group', '/groups/')),
    ...transactions.items.map((one) =>
      place(one.transactionalId, 'transaction', '/transactions?id='),
    ),
  ]
}

const ICONS: Readonly<Record<string, IconName>> = { topic: 'topics', group: 'groups' }

function place(name: string, kind: string, under: string): Place {
  const href = `${under}${encodeURIComponent(name)}`
  return { name, kind, icon: ICONS[kind] ?? 'transactions', href }
}
