// Resident memory of a process, as Linux counts it in /proc. Processor time and open files are in
// scale/process-stats.ts, the figures in figures/memory.ts.

import { readFileSync } from 'node:fs'

/** VmRSS of a process in bytes. */
export function residentBytes(pid: number): number {
  return statusBytes(pid, 'VmRSS')
}

/** The part of it that is no file's: not the pages of the program that have been touched. */
export function anonymousBytes(pid: number): number {
  return statusBytes(pid, 'RssAnon')
}

function statusBytes(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const line = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)
  if (line === null) throw new Error(`no ${field} for process ${pid}`)
  return Number(line[1]) * 1024
}
