// Times: relative in words, exact on hover. One clock for all of them, which stands while the tab is hidden.

import { signal } from '@preact/signals'
import { ago, exactTime } from './format.ts'

const TICK_MS = 1_000
const now = signal(Date.now())

setInterval(() => {
  if (document.visibilityState === 'visible') now.value = Date.now()
}, TICK_MS)
document.addEventListener('visibilitychange', () => {
  now.value = Date.now()
})

/** `4 min ago`. */
export function Ago({ at }: { readonly at: number }) {
  const date = new Date(at)
  const isTime = !Number.isNaN(date.getTime())
  return (
    <time title={exactTime(at)} dateTime={isTime ? date.toISOString() : undefined}>
      {isTime ? ago(at, Math.max(now.value, Date.now() - TICK_MS)) : exactTime(at)}
    </time>
  )
}
