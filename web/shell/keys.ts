// Keys that do something, each with the words that `?` lists. A key is one letter, a letter after `g`
// (`g t`), or with Ctrl or Command (`mod+k`). Nothing happens while somebody types, except for mod keys.

import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'

/** A key that is in force now. */
export interface KeyBinding {
  readonly key: string
  readonly what: string
  readonly run: () => void
}

/** All keys in force; a view's own go with it. */
export const bindings = signal<readonly KeyBinding[]>([])

const SEQUENCE_WITHIN_MS = 1_200
let first: { readonly key: string; readonly at: number } | null = null

/** Puts a key in force while the component is there. */
export function useKey(key: string, what: string, run: () => void): void {
  const current = useRef(run)
  current.current = run
  useEffect(() => bindKey(key, what, () => current.current()), [key, what])
}

/** Puts a key in force; returns how to take it away. The last one bound to a key has it. */
export function bindKey(key: string, what: string, run: () => void): () => void {
  const binding = { key, what, run }
  bindings.value = [...bindings.peek(), binding]
  return () => {
    bindings.value = bindings.peek().filter((one) => one !== binding)
  }
}

/** Starts to listen: call it once. */
export function startKeys(): void {
  addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.isComposing || event.altKey) return
    const withMod = event.ctrlKey || event.metaKey
    if (!withMod && (isTyping(event.target) || document.querySelector('dialog[open]'))) return
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
    const name = withMod ? `mod+${key}` : sequence(event.key.length === 1 ? event.key : key)
    const binding = bindings.peek().findLast((one) => one.key === name)
    if (binding === undefined) return
    event.preventDefault()
    binding.run()
  })
}

function sequence(key: string): string {
  const now = performance.now()
  const before = first
  first = before === null && key === 'g' ? { key, at: now } : null
  return before !== null && now - before.at < SEQUENCE_WITHIN_MS ? `${before.key} ${key}` : key
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  return target.isContentEditable || target.matches('input:not([type=checkbox]), textarea, select')
}
