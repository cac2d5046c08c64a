// Resident memory of a process, as Linux counts it in /proc. Processor time and open files are in
// scale/process-stats.ts, the figures in figures/memory.ts.

import { readFileSync } from 'node:fs'

/** VmRSS of a process in bytes. */
export function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  if (line === null) throw new Error(`no VmRSS for process ${pid}`)
  return Number(line[1]) * 1024
}
