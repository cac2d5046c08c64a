// What a run leaves: the JSON that the plot is made of, with the machine, the date and the systems. Not the
// lines that are printed meanwhile (rounds.ts).

import { statfsSync } from 'node:fs'
import { cpus, release, tmpdir, totalmem, type } from 'node:os'
import { type Figure, type Goal, isMet, median, type Unit } from './rounds.ts'
import { type Report, systemReports } from './systems/system.ts'

/** Where and when it ran. */
export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryBytes: number
  readonly system: string
  /** Kind of the file system that holds everybody's data: on `tmpfs` nothing would ever be synced. */
  readonly disk: string
  readonly node: string
  /** Of the day: `2026-11-26`. */
  readonly date: string
}

/** A group of figures that could not be measured to its end. */
export interface FailedGroup {
  readonly group: string
  readonly why: string
}

/** A figure as it is written. */
export interface Result {
  readonly group: string
  readonly name: string
  readonly values: readonly number[]
  readonly unit?: Unit
  readonly goal: Goal | null
  readonly detail: string
  readonly median: number
  readonly met: boolean | null
}

/** A whole run as it is written. */
export interface Results {
  readonly machine: Machine
  readonly mode: 'quick' | 'full'
  /** Groups that the mode leaves out. */
  readonly skipped: readonly string[]
  readonly failed: readonly FailedGroup[]
  readonly systems: readonly Report[]
  readonly figures: readonly Result[]
}

/** The kernel's numbers of file systems (statfs). */
const DISKS: Readonly<Record<number, string>> = {
  61267: 'ext4',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  16914836: 'tmpfs',
  2035054128: 'overlayfs',
  801189825: 'zfs',
}

/** This machine, now. */
export function machine(): Machine {
  const processors = cpus()
  return {
    processor: processors[0]?.model.trim() ?? 'unknown processor',
    cores: processors.length,
    memoryBytes: totalmem(),
    system: `${type()} ${release()}`,
    disk: DISKS[statfsSync(tmpdir()).type] ?? 'unknown file system',
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
  }
}

/** The run, with each figure's median and verdict, and the systems that were or were not there. */
export function toJson(run: {
  readonly machine: Machine
  readonly mode: Results['mode']
  readonly skipped: readonly string[]
  readonly figures: readonly (Figure & { readonly group: string })[]
  readonly failed: readonly FailedGroup[]
}): string {
  const { machine, mode, skipped, failed } = run
  const figures = run.figures.map((figure) => ({
    ...figure,
    median: median(figure.values),
    met: isMet(figure),
  }))
  const systems = systemReports()
  const results: Results = { machine, mode, skipped, failed, systems, figures }
  return `${JSON.stringify(results, null, 2)}\n`
}
