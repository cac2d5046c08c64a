// How old what is shown is: of all parts of a view the one that was read longest ago. It is said when nobody answers.

import { computed, signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'

/** When each part that is shown was read, in ms since the epoch. */
const parts = signal<ReadonlyMap<object, number>>(new Map())

/** When the oldest part was read; null where nothing that was read is shown. */
export const shownSince = computed(() =>
  parts.value.size === 0 ? null : Math.min(...parts.value.values()),
)

/** Counts a part of a view, as long as it is shown, that was read at `at`; undefined where it has nothing yet. */
export function useShownSince(at: number | undefined): void {
  const part = useRef({}).current
  useEffect(() => {
    if (at === undefined) return
    parts.value = new Map(parts.peek()).set(part, at)
    return () => {
      const others = new Map(parts.peek())
      others.delete(part)
      parts.value = others
    }
  }, [at])
}
