// The matrix's rows of gaps.md: suite `matrix`, and in the scenario column `client: scenario`, with `*`
// for every client. Such a cell is run all the same: one that passes fails the run.

import { type BrokerKind, type Gap, gapsOf } from '../gaps.ts'

/** A difference that the matrix knows of. */
export interface MatrixGap {
  readonly on: BrokerKind
  readonly client: string
  readonly scenario: string
  readonly reason: string
}

/** The rows, each checked to name a client and a scenario that exist. */
export function matrixGaps(
  clients: readonly string[],
  scenarios: readonly string[],
  rows: readonly Gap[] = gapsOf('matrix'),
): MatrixGap[] {
  return rows.map(({ on, scenario: cell, reason }) => {
    const [client = '', scenario = ''] = cell.split(':').map((part) => part.trim())
    if (client !== '*' && !clients.includes(client)) {
      throw new Error(`gaps.md: the matrix has no client "${client}" ("${cell}")`)
    }
    if (!scenarios.includes(scenario)) {
      throw new Error(`gaps.md: the matrix has no scenario "${scenario}" ("${cell}")`)
    }
    return { on, client, scenario, reason }
  })
}

/** Why this cell may fail; undefined when it may not. */
export function gapOf(
  gaps: readonly MatrixGap[],
  on: BrokerKind,
  client: string,
  scenario: string,
): string | undefined {
  return gaps.find(
    (gap) =>
      gap.on === on && (gap.client === '*' || gap.client === client) && gap.scenario === scenario,
  )?.reason
}
