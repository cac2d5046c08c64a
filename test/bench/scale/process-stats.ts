// What the kernel says of a process: processor time and open files (/proc, so Linux only), and what a
// folder takes on disk. Resident memory is in ../memory.ts.

import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Clock ticks of /proc per second: 100 on every Linux that Node runs on (USER_HZ). */
const TICKS_PER_SECOND = 100

/** Bytes of a block of `st_blocks`, by POSIX. */
const BLOCK_BYTES = 512

/** Seconds of processor time that a process has used, all threads, in user code and in the kernel. */
export function cpuSeconds(pid: number): number {
  return cpuSecondsIn(readFileSync(`/proc/${pid}/stat`, 'utf8'))
}

/** The same from the text of /proc/PID/stat: its 14th and 15th fields. */
export function cpuSecondsIn(stat: string): number {
  // The name of the program is in brackets and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

/**
 * Begins to count a process's processor time; what it gives tells the seconds since. To the nanosecond by the clocks of
 * its threads, for what is short beside the 10 ms of the process's own, which counts where a thread has ended meanwhile.
 */
export function cpuClock(pid: number): () => number {
  const before = threadSeconds(pid)
  const coarseBefore = cpuSeconds(pid)
  return () => {
    const coarse = cpuSeconds(pid) - coarseBefore
    const now = threadSeconds(pid)
    if ([...before.keys()].some((thread) => !now.has(thread))) return coarse
    return [...now].reduce((sum, [thread, seconds]) => sum + seconds - (before.get(thread) ?? 0), 0)
  }
}

/** Seconds by thread id. */
function threadSeconds(pid: number): Map<string, number> {
  const folder = `/proc/${pid}/task`
  return new Map(
    readdirSync(folder).map((id) => {
      const schedstat = readFileSync(join(folder, id, 'schedstat'), 'utf8')
      return [id, Number(schedstat.split(' ')[0]) / 1e9]
    }),
  )
}

/** Open files of a process. */
export interface OpenFiles {
  readonly all: number
  /** Of objects' databases, the files beside each included. */
  readonly ofObjects: number
  /** Objects with an open database, by class: those that are in memory and were ever written. */
  readonly objects: Readonly<Record<string, number>>
}

/** Counts what a process has open now. */
export function openFiles(pid: number): OpenFiles {
  const folder = `/proc/${pid}/fd`
  const targets = readdirSync(folder).map((name) => targetOf(join(folder, name)))
  const ofObjects = targets.filter((path) => OF_OBJECT.test(path)).length
  return { all: targets.length, ofObjects, objects: objectsIn(targets) }
}

/** Different objects' databases among the paths, by class. */
export function objectsIn(paths: readonly string[]): Record<string, number> {
  const databases = new Set(paths.filter((path) => DATABASE.test(path)))
  const counts: Record<string, number> = {}
  for (const path of databases) {
    const name = DATABASE.exec(path)?.[1] ?? ''
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

/** The class and the id of an object; the files beside it (`-wal`, `-shm`) are not counted. */
const DATABASE = /\/ottla-(\w+)\/[0-9a-f]{64}\.sqlite$/

const OF_OBJECT = /\/ottla-\w+\/[0-9a-f]{64}\.sqlite(-\w+)?$/

function targetOf(link: string): string {
  try {
    return readlinkSync(link)
  } catch {
    // Closed meanwhile.
    return ''
  }
}

/** The runtime evicts an object that nobody asks or keeps after 10 s; with a little more it has happened. */
const EVICTED_MS = 12_000
const LOOK_MS = 500

/** A wait is parked at its leader first (WATCH_AT_LEADER_MS), and only then moved so that it may be evicted. */
const LEAST_MS = 30_000

/** Waits until no object comes into memory or leaves it for as long as an eviction takes, or for `mostMs`. */
export async function objectsSettled(pid: number, mostMs: number): Promise<void> {
  const startMs = performance.now()
  let before = ''
  let sinceMs = startMs
  for (;;) {
    const waitedMs = performance.now() - startMs
    const isSettled = waitedMs >= LEAST_MS && performance.now() - sinceMs >= EVICTED_MS
    if (isSettled || waitedMs >= mostMs) return
    const now = JSON.stringify(openFiles(pid).objects)
    if (now !== before) sinceMs = performance.now()
    before = now
    await sleep(LOOK_MS)
  }
}

/** Bytes on disk of all files below a folder. */
export function diskBytes(folder: string): number {
  let bytes = 0
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    // An object that is evicted takes its log with it.
    const found = statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })
    if (found?.isFile()) bytes += found.blocks * BLOCK_BYTES
  }
  return bytes
}
