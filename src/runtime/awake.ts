// How many objects of this process are awake at once. Locally each has its file open, and a process that has no
// descriptor left ends with the next connection that it cannot accept: so calls that would wake one object too
// many are refused instead, until others have gone to sleep. Deployed, objects are elsewhere and not counted.
// Not exact: an object that its own alarm wakes is not seen here, which is what the share that is not given out is for.

import { readEnvironment } from '../core/env.ts'
import {
  FILES_OF_RUNTIME,
  FILES_PER_OBJECT,
  OBJECT_ASLEEP_MS,
  OBJECTS_FILES_SHARE,
} from '../core/limits.ts'

/** Names of objects that are asked something, or were until a moment ago. */
export class Awake {
  readonly #most: number
  readonly #now: () => number
  /** Calls under way. */
  readonly #asked = new Map<string, number>()
  /** When the last call ended, the longest ago first. */
  readonly #resting = new Map<string, number>()

  constructor(most: number, now: () => number) {
    this.#most = most
    this.#now = now
  }

  /** Objects that may be awake now. */
  get size(): number {
    return this.#asked.size + this.#resting.size
  }

  /** Takes note of a call; false when it would wake one too many. */
  begin(name: string): boolean {
    if (this.#most === Number.POSITIVE_INFINITY) return true
    const calls = this.#asked.get(name) ?? 0
    if (calls === 0 && !this.#resting.delete(name)) {
      this.#forgetSleeping()
      if (this.size >= this.#most) return false
    }
    this.#asked.set(name, calls + 1)
    return true
  }

  /** A call that began has ended. */
  end(name: string): void {
    const calls = this.#asked.get(name) ?? 0
    if (calls > 1) this.#asked.set(name, calls - 1)
    else if (this.#asked.delete(name)) this.#resting.set(name, this.#now())
  }

  #forgetSleeping(): void {
    const sinceMs = this.#now() - OBJECT_ASLEEP_MS
    for (const [name, endedMs] of this.#resting) {
      if (endedMs > sinceMs) return
      this.#resting.delete(name)
    }
  }
}

/** How many things of so many descriptors each a share of those of the process is for; all where that is null. */
export function shareOfFiles(openFiles: number | null, share: number, each: number): number {
  if (openFiles === null) return Number.POSITIVE_INFINITY
  return Math.max(1, Math.floor(((openFiles - FILES_OF_RUNTIME) * share) / each))
}

let ofIsolate: Awake | null = null

/** The one count of this isolate, which locally has all objects. */
export function isolateAwake(env: object): Awake {
  if (ofIsolate === null) {
    const { openFiles } = readEnvironment(env)
    const most = shareOfFiles(openFiles, OBJECTS_FILES_SHARE, FILES_PER_OBJECT)
    ofIsolate = new Awake(most, () => Date.now())
  }
  return ofIsolate
}
