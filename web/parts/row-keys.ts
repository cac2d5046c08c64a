// The keys that go through the rows of a list: `j` and `k` put the focus on the next and the previous row's
// link, which Enter then follows.

import { useKey } from '../shell/keys.ts'

/** Puts the keys in force; `what` is what a row is, for the list of keys. */
export function useRowKeys(what: string): void {
  useKey('j', `Next ${what}`, () => step(1))
  useKey('k', `Previous ${what}`, () => step(-1))
}

function step(by: 1 | -1): void {
  const links = [...document.querySelectorAll<HTMLElement>('main tbody .row-link')]
  const { activeElement } = document
  const at = activeElement instanceof HTMLElement ? links.indexOf(activeElement) : -1
  const next = at < 0 ? links[0] : links[Math.min(links.length - 1, Math.max(0, at + by))]
  next?.focus()
  next?.scrollIntoView({ block: 'nearest' })
}
