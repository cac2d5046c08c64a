// Waiting between tries: full jitter (a random time up to a bound that doubles), cut short when the network
// is back. All waits of one client, so that `online` and `close` end them together.

import { RETRY_FIRST_MS, RETRY_LAST_MS } from './limits.ts'

/** Milliseconds to wait after so many failures in a row, 1 or more. */
export function jitter(failures: number, random: () => number = Math.random): number {
  const bound = Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** (failures - 1))
  return random() * bound
}

/** A timer that does not keep Node alive. */
export function quietTimer(callback: () => void, ms: number): ReturnType<typeof setTimeout> {
  const timer = setTimeout(callback, ms)
  ;(timer as { unref?: () => void }).unref?.()
  return timer
}

/** The waits of one client. */
export class Waits {
  readonly #wakes = new Set<() => void>()

  /** Resolves after `ms`, or at once when somebody wakes it. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        this.#wakes.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, ms)
      this.#wakes.add(wake)
    })
  }

  /** Ends every wait. */
  wake(): void {
    for (const wake of [...this.#wakes]) wake()
  }
}

/** Tells of an abort; answers how to stop listening. Told at once when it has happened. */
export function onAbort(signal: AbortSignal | undefined, told: (reason: unknown) => void) {
  if (signal === undefined) return () => {}
  if (signal.aborted) {
    told(signal.reason)
    return () => {}
  }
  const listener = () => told(signal.reason)
  signal.addEventListener('abort', listener, { once: true })
  return () => signal.removeEventListener('abort', listener)
}
