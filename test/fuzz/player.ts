// The thread in which frames are played in one process: says by shared memory which frame it is at, so that whoever
// watches sees a hang, and ends with what it found. run.ts is its watcher.

import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { parentPort, workerData } from 'node:worker_threads'
import './wasm-modules.ts'
import type { Target } from './campaign.ts'

/** What a thread is to play. */
export interface Part {
  readonly seed: number
  readonly from: number
  readonly to: number
  readonly only: Target | null
  /** The number of the frame at hand, how many have been played, bytes more held than at first. */
  readonly progress: SharedArrayBuffer
}

/** How a thread ends. */
export interface Played {
  readonly played: Readonly<Record<Target, number>>
  readonly failure: string | null
  /** Bytes held after a collection, the most beyond what was held after the first frame. */
  readonly grownBytes: number
}

/** Looked at every so many frames. */
const MEMORY_EVERY = 50_000
const LET_GO_MS = 20
/** A turn of the event loop every so many frames: some memory is given back in it alone. */
const TURN_EVERY = 500
/** What is still held after a collection, of all frames together: some caches, and what is made once. */
const HELD_MAX = 64 * 1024 * 1024
/** At any time: a few bombs of 33 MiB that are not collected yet. */
const RESIDENT_MAX = 3 * 1024 * 1024 * 1024

// Refusals are exceptions, and their stacks half of the time. Who plays one frame again gets the stack.
const part = workerData as Part
if (part.to - part.from > 1) Error.stackTraceLimit = 0

const { play, TARGETS } = await import('./campaign.ts')
const progress = new Float64Array(part.progress)
const played = Object.fromEntries(TARGETS.map((target) => [target, 0])) as Record<Target, number>
let failure: string | null = null
let grownBytes = 0
let before = 0

const turn = () => new Promise((done) => setImmediate(done))
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Bytes that are held, after a collection; zlib lets go of its own in a later turn. */
async function heldBytes(): Promise<number> {
  // What is collected is let go of in later turns, by threads of its own.
  for (let i = 0; i < 3; i++) {
    collect()
    await sleep(LET_GO_MS)
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

for (let index = part.from; index < part.to && failure === null; index++) {
  progress[0] = index
  try {
    played[await play(part.seed, index, part.only)] += 1
  } catch (error) {
    const { message, cause } = error as Error
    failure = `${message}\n${cause instanceof Error ? (cause.stack ?? '') : ''}`
  }
  progress[1] = index + 1 - part.from
  if (index % TURN_EVERY === 0) await turn()
  if (index % MEMORY_EVERY !== 0) continue
  const held = await heldBytes()
  if (before === 0) before = held
  grownBytes = Math.max(grownBytes, held - before)
  progress[2] = held - before
  if (grownBytes > HELD_MAX) failure ??= `${grownBytes} bytes more are held up to frame ${index}`
  const { rss } = process.memoryUsage()
  if (rss > RESIDENT_MAX) failure ??= `${rss} bytes are resident at frame ${index}`
}
parentPort?.postMessage({ played, failure, grownBytes } satisfies Played)
