// Loads what an object keeps and says in the log, by name, why it cannot: every call makes a new object that
// fails in the same way, and what callers are told names neither the object nor the cause. Not what callers do.

import type { WorkerLog } from './log.ts'

/** The same is said again after this. */
const SAID_AGAIN_MS = 60_000

/** Objects that could not be loaded and of which that was said; the oldest are forgotten. */
const SAID_MAX = 1_000

const saidMs = new Map<string, number>()

/**
 * What `load` gives.
 * @param name the object's, as the platform knows it
 * @throws what `load` throws
 */
export function loading<Loaded>(
  {
    log,
    name,
    now,
  }: { readonly log: WorkerLog; readonly name: string; readonly now: () => number },
  load: () => Loaded,
): Loaded {
  try {
    return load()
  } catch (cause) {
    const reason = String(cause)
    const what = `${name} ${reason}`
    if ((saidMs.get(what) ?? Number.NEGATIVE_INFINITY) + SAID_AGAIN_MS <= now()) {
      log('error', 'what is stored was not loaded', { object: name, reason })
      saidMs.delete(what)
      saidMs.set(what, now())
      for (const oldest of saidMs.keys()) {
        if (saidMs.size <= SAID_MAX) break
        saidMs.delete(oldest)
      }
    }
    throw cause
  }
}
