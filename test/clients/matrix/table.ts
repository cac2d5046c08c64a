// What a run found, as a table of scenarios by clients and as the verdict on the whole run. Pure.

import type { BrokerKind } from '../gaps.ts'

/** How one scenario went with one client. */
export type Outcome =
  | { readonly kind: 'pass' }
  | { readonly kind: 'FAIL'; readonly error: string; readonly stderr: readonly string[] }
  /** Failed, as gaps.md says it does. */
  | { readonly kind: 'gap'; readonly reason: string }
  /** Passed although gaps.md says that it does not. */
  | { readonly kind: 'GAP PASSES'; readonly reason: string }
  | { readonly kind: 'n.a.'; readonly reason: string }

/** One cell of the matrix. */
export interface Cell {
  readonly broker: BrokerKind
  readonly client: string
  readonly scenario: string
  readonly outcome: Outcome
  readonly ms: number
}

/** A client that took no part. */
export interface AbsentClient {
  readonly client: string
  readonly reason: string
}

/** The table of one broker: a row a scenario, a column a client, then why where it says n.a. or gap. */
export function table(cells: readonly Cell[]): string {
  const clients = unique(cells.map(({ client }) => client))
  const scenarios = unique(cells.map(({ scenario }) => scenario))
  const rows = scenarios.map((scenario) => [
    scenario,
    ...clients.map((client) => word(cells, client, scenario)),
  ])
  return [...grid([['scenario', ...clients], ...rows]), ...reasons(cells)].join('\n')
}

function word(cells: readonly Cell[], client: string, scenario: string): string {
  const cell = cells.find((one) => one.client === client && one.scenario === scenario)
  return cell?.outcome.kind ?? ''
}

function grid(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

/** One line a reason, with the cells that have it. */
function reasons(cells: readonly Cell[]): string[] {
  const byReason = new Map<string, string[]>()
  for (const { client, scenario, outcome } of cells) {
    if (!('reason' in outcome)) continue
    const reason = `${outcome.kind}: ${client}: ${outcome.reason}`
    byReason.set(reason, [...(byReason.get(reason) ?? []), scenario])
  }
  const lines = [...byReason].map(([reason, scenarios]) => `${reason} (${scenarios.join(', ')})`)
  return lines.length === 0 ? [] : ['', ...lines]
}

/** The failures with their errors and what the adapter said meanwhile. */
export function failures(cells: readonly Cell[]): string {
  return cells
    .flatMap(({ broker, client, scenario, outcome }) => {
      const head = `--- ${broker}: ${client}: ${scenario}`
      if (outcome.kind === 'GAP PASSES') {
        return [`${head}\nlisted in gaps.md, but it passes: ${outcome.reason}`]
      }
      if (outcome.kind !== 'FAIL') return []
      const said = outcome.stderr.map((line) => `    | ${line}`)
      return [[head, outcome.error, ...said].join('\n')]
    })
    .join('\n\n')
}

/** Cells that hold on Ottla although they were asked of Kafka and did not pass there: no proof. */
export function unproven(cells: readonly Cell[]): Cell[] {
  return cells.filter(({ broker, client, scenario, outcome }) => {
    if (broker !== 'ottla' || outcome.kind !== 'pass') return false
    const onKafka = cells.find(
      (one) => one.broker === 'kafka' && one.client === client && one.scenario === scenario,
    )
    return onKafka !== undefined && onKafka.outcome.kind !== 'pass'
  })
}

/** How many cells went how, in one line. */
export function summary(cells: readonly Cell[]): string {
  const kinds = ['pass', 'FAIL', 'gap', 'GAP PASSES', 'n.a.'] as const
  return kinds
    .map((kind) => [kind, cells.filter(({ outcome }) => outcome.kind === kind).length] as const)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ')
}

/** True when nothing has to be mended. */
export function green(cells: readonly Cell[]): boolean {
  const bad = cells.some(({ outcome: { kind } }) => kind === 'FAIL' || kind === 'GAP PASSES')
  return !bad && unproven(cells).length === 0
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)]
}
