// The list of deliberate differences from Apache Kafka, read from gaps.md: which scenario is not run
// on which broker, and why. A row that names no scenario fails its suite, so the list cannot rot.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export type BrokerKind = 'ottla' | 'kafka'

/** One row of gaps.md. */
export interface Gap {
  readonly suite: string
  /** The broker on which the scenario is left out. */
  readonly on: BrokerKind
  /** Its title, word for word. */
  readonly scenario: string
  readonly reason: string
}

/** The rows of gaps.md for one suite (the test file's name without `.test.ts`). */
export function gapsOf(suite: string): Gap[] {
  return ROWS.filter((row) => row.suite === suite)
}

const ROWS = parse(readFileSync(join(import.meta.dirname, 'gaps.md'), 'utf8'))

function parse(text: string): Gap[] {
  const rows = text.split('\n').filter((line) => line.startsWith('|'))
  return rows.slice(2).map((line) => {
    const [suite = '', on = '', scenario = '', reason = ''] = line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim())
    if (on !== 'ottla' && on !== 'kafka') throw new Error(`gaps.md: unknown broker in "${line}"`)
    if (reason === '') throw new Error(`gaps.md: no reason in "${line}"`)
    return { suite, on, scenario, reason }
  })
}
