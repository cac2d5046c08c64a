// What the shells take from the runtime itself: clock, timers, random ids, the console. While a world
// runs they are the world's; without one, using them is an error of the simulation.

import type { Random } from './random.ts'
import { type Context, running, type Scheduler } from './scheduler.ts'
import type { Trace } from './trace.ts'

interface Surroundings {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly trace: Trace
  /** A promise was rejected and nobody looked. */
  readonly strayed: (error: unknown) => void
}

let current: Surroundings | null = null

function world(): Surroundings {
  if (current === null) throw new Error('no world is running')
  return current
}

/** From now on the runtime's clock, timers and chance are those of the current world. For a whole process. */
export function installGlobals(): void {
  Date.now = () => world().scheduler.nowMs
  Math.random = () => {
    throw new Error('chance comes from the seed')
  }
  globalThis.setTimeout = ((fire: () => void, ms = 0) => {
    const { scheduler, trace } = world()
    const context: Context | null = running.getStore() ?? null
    if (context !== null && !context.alive) return () => {}
    return scheduler.after(ms, context, () => {
      trace.add(`timer ${context?.name}`)
      fire()
    })
  }) as unknown as typeof setTimeout
  globalThis.clearTimeout = ((cancel: unknown) => {
    if (typeof cancel === 'function') cancel()
  }) as typeof clearTimeout
  crypto.randomUUID = () => world().random.uuid() as ReturnType<typeof crypto.randomUUID>
  crypto.getRandomValues = ((array: Uint32Array) => {
    for (let at = 0; at < array.length; at++) array[at] = world().random.next()
    return array
  }) as typeof crypto.getRandomValues
  console.log = (line: unknown) => world().trace.add(`${running.getStore()?.name}: ${String(line)}`)
  process.on('unhandledRejection', (error) => {
    if (current === null) throw error
    current.strayed(error)
  })
}

/** The globals belong to this world until the next call. */
export function enterWorld(surroundings: Surroundings | null): void {
  current = surroundings
}
