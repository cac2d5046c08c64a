// Counts that change by themselves, told to who cannot see them: at most every five seconds, and only the
// newest.

import { signal } from '@preact/signals'

const said = signal('')
const EVERY_MS = 5_000
let saidAt = 0
let waiting: { text: string; timer: ReturnType<typeof setTimeout> } | null = null

/** Has this read out, now or when the five seconds are over. */
export function announce(text: string): void {
  if (waiting !== null) {
    waiting.text = text
    return
  }
  const waitMs = Math.max(0, saidAt + EVERY_MS - Date.now())
  const timer = setTimeout(() => {
    said.value = waiting?.text ?? ''
    saidAt = Date.now()
    waiting = null
  }, waitMs)
  waiting = { text, timer }
}

/** Where it is read from. */
export function Announcer() {
  return (
    <p class="only-read" role="status" aria-live="polite">
      {said.value}
    </p>
  )
}
