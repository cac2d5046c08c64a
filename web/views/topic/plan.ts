// What the messages tab shows, in the query of its URL, so that a link and Back show the same.

import type { From } from '../../reading/search.ts'

/** Live, or a search from somewhere. */
export type Mode = From | 'live'

/** All that the tab is told. */
export interface Asked {
  readonly mode: Mode
  readonly offset: number
  readonly time: number
  readonly partition: number | null
  readonly key: string
  readonly text: string
  readonly code: string
  /** The message whose details are shown: `3:1234`. */
  readonly at: string
}

export const MODES: readonly (readonly [Mode, string])[] = [
  ['newest', 'Newest'],
  ['oldest', 'Oldest'],
  ['offset', 'Offset'],
  ['time', 'Time'],
  ['live', 'Live'],
]

/** What a query asks for. */
export function askedOf(query: URLSearchParams): Asked {
  const mode = MODES.find(([one]) => one === query.get('from'))?.[0] ?? 'newest'
  const time = Date.parse(query.get('time') ?? '')
  return {
    mode,
    offset: wholeOf(query.get('offset')) ?? 0,
    time: Number.isNaN(time) ? 0 : time,
    partition: wholeOf(query.get('partition')),
    key: query.get('key') ?? '',
    text: query.get('text') ?? '',
    code: query.get('js') ?? '',
    at: query.get('at') ?? '',
  }
}

function wholeOf(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null
}

/** The form of `<input type="datetime-local">` in the time zone of who looks. */
export function localTime(at: number): string {
  const date = new Date(at - new Date(at).getTimezoneOffset() * 60_000)
  return date.toISOString().slice(0, 19)
}
