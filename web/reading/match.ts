// Which records somebody looks for: a key, a text anywhere in the record. The JavaScript filter is
// filter/filter.ts's, for it answers later.

import { type Item, isMalformed } from '../broker/shapes.ts'

/** What is looked for; empty is everything. */
export interface Wanted {
  readonly key: string
  readonly text: string
}

/** True when there is something to look for. */
export function isPicky({ key, text }: Wanted): boolean {
  return key !== '' || text !== ''
}

/** A test of items. What cannot be read is always shown: it might have been meant. */
export function matcher({ key, text }: Wanted): (item: Item) => boolean {
  const needle = text.toLowerCase()
  return (item) => {
    if (isMalformed(item)) return true
    if (key !== '' && item.key !== key && item.keyBase64 !== key) return false
    if (needle === '') return true
    return (
      holds(item.value, needle) ||
      holds(item.key, needle) ||
      item.headers.some((header) => holds(header.value, needle) || holds(header.key, needle))
    )
  }
}

function holds(text: string | null | undefined, needle: string): boolean {
  return text?.toLowerCase().includes(needle) ?? false
}
