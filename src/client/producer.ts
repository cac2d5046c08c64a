// Producing for all topics of a client: bounds what is held, and gives each topic its lane (lane.ts). What
// does not fit waits here, in the order it came.

import { networkError } from './errors.ts'
import { Entry, Lane, type LaneDeps, lateError } from './lane.ts'
import { DELIVERY_TIMEOUT_MS, HELD_BYTES, KEEPALIVE_BYTES } from './limits.ts'
import type { Produced } from './records.ts'
import { onAbort } from './waits.ts'

/** What producing works with. */
export interface ProducerDeps extends LaneDeps {
  readonly deliveryTimeoutMs: number | undefined
}

interface Waiting {
  readonly lane: Lane
  readonly entry: Entry
  readonly timer: ReturnType<typeof setTimeout>
}

const encoder = new TextEncoder()

/** All producing of one client. */
export class Producer {
  readonly #deps: ProducerDeps
  readonly #lanes = new Map<string, Lane>()
  #waiting: Waiting[] = []
  readonly #open = new Set<Entry>()
  #heldBytes = 0
  #drained: (() => void)[] = []

  constructor(deps: ProducerDeps) {
    this.#deps = deps
  }

  /** Takes a record's JSON. Resolves with where it went. */
  send(topic: string, json: string, signal: AbortSignal | undefined): Promise<Produced> {
    const deadlineMs = Date.now() + (this.#deps.deliveryTimeoutMs ?? DELIVERY_TIMEOUT_MS)
    return new Promise((resolve, reject) => {
      const lane = this.#lane(topic)
      let stopListening = () => {}
      const entry = new Entry(json, encoder.encode(json).length, deadlineMs, (outcome) => {
        stopListening()
        this.#closed(entry)
        if ('reason' in outcome) reject(outcome.reason)
        else resolve(outcome)
      })
      this.#open.add(entry)
      stopListening = onAbort(signal, (reason) => {
        entry.settle({ reason })
        lane.forget(entry)
      })
      if (!entry.isSettled) this.#take(lane, entry)
    })
  }

  /** Resolves when nothing is on its way. */
  drained(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#drained.push(resolve))
  }

  /** Gives up what is on its way. */
  abandon(reason: unknown): void {
    for (const entry of [...this.#open]) entry.settle({ reason })
  }

  /** The page goes: sends what is here in requests that outlive it, as much as browsers let it. */
  flush(): void {
    let left = KEEPALIVE_BYTES
    for (const lane of this.#lanes.values()) left = lane.flush(left)
  }

  #lane(topic: string): Lane {
    let lane = this.#lanes.get(topic)
    if (lane === undefined) {
      lane = new Lane(topic, this.#deps, (bytes) => this.#release(bytes))
      this.#lanes.set(topic, lane)
    }
    return lane
  }

  #take(lane: Lane, entry: Entry): void {
    if (this.#waiting.length === 0 && this.#fits(entry)) {
      this.#place(lane, entry)
      return
    }
    const late = () => entry.settle({ reason: lateError(networkError('too much is held')) })
    const timer = setTimeout(late, entry.deadlineMs - Date.now())
    this.#waiting.push({ lane, entry, timer })
  }

  #fits({ bytes }: Entry): boolean {
    return this.#heldBytes === 0 || this.#heldBytes + bytes <= HELD_BYTES
  }

  #place(lane: Lane, entry: Entry): void {
    this.#heldBytes += entry.bytes
    lane.add(entry)
  }

  #release(bytes: number): void {
    this.#heldBytes -= bytes
    for (;;) {
      const [first] = this.#waiting
      if (first === undefined || !(first.entry.isSettled || this.#fits(first.entry))) return
      this.#waiting.shift()
      clearTimeout(first.timer)
      if (!first.entry.isSettled) this.#place(first.lane, first.entry)
    }
  }

  #closed(entry: Entry): void {
    this.#open.delete(entry)
    if (this.#open.size === 0) for (const drained of this.#drained.splice(0)) drained()
  }
}
