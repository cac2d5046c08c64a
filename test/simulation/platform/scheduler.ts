// Virtual time: events in the order of their times, those of one time in the order they were made. An
// event belongs to a context (an object's instance, a client's process) and happens only while that is
// alive; a context that is stalled has its events later.

import { AsyncLocalStorage } from 'node:async_hooks'

/** Who an event happens to. Promises that it awaits keep it, as does what it starts. */
export class Context {
  readonly name: string
  alive = true
  /** Nothing happens to it before. */
  stalledUntilMs = 0
  /** Called once when it dies. */
  onDeath: (() => void) | null = null

  constructor(name: string) {
    this.name = name
  }

  kill(): void {
    if (!this.alive) return
    this.alive = false
    this.onDeath?.()
  }
}

interface Event {
  readonly atMs: number
  readonly order: number
  readonly context: Context | null
  readonly fire: () => void
  cancelled: boolean
}

/** What is running now. */
export const running = new AsyncLocalStorage<Context>()

/** The queue of events and the clock that they move. */
export class Scheduler {
  nowMs = 1_700_000_000_000
  #order = 0
  readonly #heap: Event[] = []

  /** Has something happen after a while; the answer takes it back. */
  after(ms: number, context: Context | null, fire: () => void): () => void {
    const atMs = this.nowMs + Math.max(0, Math.ceil(ms))
    this.#order += 1
    const event: Event = { atMs, order: this.#order, context, fire, cancelled: false }
    this.#push(event)
    return () => {
      event.cancelled = true
    }
  }

  /** When the next event is due; Infinity when there is none. */
  get nextMs(): number {
    for (let next = this.#heap[0]; next !== undefined; next = this.#heap[0]) {
      const { context, cancelled } = next
      if (!cancelled && (context === null || context.alive)) return next.atMs
      this.#pop()
    }
    return Number.POSITIVE_INFINITY
  }

  /** Lets the next event happen; false when there is none. */
  step(): boolean {
    for (;;) {
      const next = this.#pop()
      if (next === undefined) return false
      const { context } = next
      if (next.cancelled || (context !== null && !context.alive)) continue
      this.nowMs = Math.max(this.nowMs, next.atMs)
      if (context !== null && context.stalledUntilMs > this.nowMs) {
        this.after(context.stalledUntilMs - this.nowMs, context, next.fire)
        continue
      }
      if (context === null) next.fire()
      else running.run(context, next.fire)
      return true
    }
  }

  #push(event: Event): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(event)
    while (at > 0) {
      const up = (at - 1) >> 1
      const parent = heap[up]!
      if (!before(event, parent)) break
      heap[at] = parent
      at = up
    }
    heap[at] = event
  }

  #pop(): Event | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || first === last) return first
    let at = 0
    for (;;) {
      let down = 2 * at + 1
      const left = heap[down]
      if (left === undefined) break
      const right = heap[down + 1]
      if (right !== undefined && before(right, left)) down += 1
      const child = heap[down]!
      if (!before(child, last)) break
      heap[at] = child
      at = down
    }
    heap[at] = last
    return first
  }
}

function before(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}

/** Resolves when every promise that can go on has done so. Nothing else runs in between. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
