// `npm run test:clients`: every scenario with every client, on Ottla, on Apache Kafka or on both; prints
// the table and the failures. The exit code is 0 only when nothing failed, no gap of gaps.md passes, and
// (with both) nothing counts that did not pass on Kafka. options.ts has the arguments.

import { writeFileSync } from 'node:fs'
import { kindOf, type RunningBroker, start } from './brokers.ts'
import { type Prepared, runClient } from './cells.ts'
import { Absent, CLIENTS, type Client } from './clients.ts'
import { type MatrixGap, matrixGaps } from './gap-rows.ts'
import { type Options, parse, USAGE } from './options.ts'
import { Partners } from './partners.ts'
import type { Feature } from './protocol.ts'
import type { Scenario } from './scenario.ts'
import { SCENARIOS } from './scenarios.ts'
import { type AbsentClient, type Cell, failures, green, summary, table, unproven } from './table.ts'

/** A broker does not end with us by itself; adapters do, when their input ends. */
const SIGNALS = ['SIGINT', 'SIGTERM'] as const

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  let options: Options
  let gaps: MatrixGap[]
  try {
    options = parse(args)
    gaps = matrixGaps(names(CLIENTS), names(SCENARIOS))
  } catch (error) {
    say(`${error instanceof Error ? error.message : error}\n${USAGE}`)
    return 2
  }
  if (options.list) {
    for (const { name, version } of CLIENTS) say(`client ${name} (${version})`)
    for (const { name, needs } of SCENARIOS) say(`scenario ${name} ${needs.join(' ')}`)
    return 0
  }
  const clients = chosen(CLIENTS, options.clients, (name, wanted) => name === wanted)
  const scenarios = chosen(SCENARIOS, options.scenarios, (name, wanted) => name.startsWith(wanted))
  const { ready, absent } = await prepare(clients.filter((one) => one.fast || !options.fast))
  const wanted = scenarios.filter((one) => one.fast === true || !options.fast)

  const cells: Cell[] = []
  for (const kind of options.brokers) {
    const broker = await start(kind)
    const interrupted = () => void broker.stop().finally(() => process.exit(130))
    for (const signal of SIGNALS) process.once(signal, interrupted)
    try {
      cells.push(...(await runAll(broker, ready, wanted, gaps, options.jobs)))
    } finally {
      for (const signal of SIGNALS) process.off(signal, interrupted)
      await broker.stop()
    }
  }
  return report(cells, absent, options)
}

/** All clients, `jobs` of them at a time. */
async function runAll(
  broker: RunningBroker,
  clients: readonly Prepared[],
  scenarios: readonly Scenario[],
  gaps: readonly MatrixGap[],
  jobs: number,
): Promise<Cell[]> {
  const partners = new Partners(clients)
  // Those of the JVM, last in the table, take longest and so begin first.
  const waiting = clients.toReversed()
  const cells: Cell[] = []
  async function worker(): Promise<void> {
    for (let client = waiting.shift(); client !== undefined; client = waiting.shift()) {
      const partner = (not: string, needs: readonly Feature[]) => partners.find(not, needs)
      const options = { broker, client, scenarios, gaps, partner, report: progress }
      cells.push(...(await runClient(options)))
    }
  }
  try {
    await Promise.all(Array.from({ length: jobs }, worker))
  } finally {
    await partners.close()
  }
  const order = clients.map(({ name }) => name)
  return cells.toSorted((a, b) => order.indexOf(a.client) - order.indexOf(b.client))
}

async function prepare(clients: readonly Client[]) {
  const ready: Prepared[] = []
  const absent: AbsentClient[] = []
  for (const { name, prepare } of clients) {
    try {
      ready.push({ name, command: await prepare() })
    } catch (error) {
      if (!(error instanceof Absent)) throw error
      absent.push({ client: name, reason: error.message })
    }
  }
  return { ready, absent }
}

function progress({ broker, client, scenario, outcome, ms }: Cell): void {
  const why = 'reason' in outcome ? `: ${outcome.reason}` : ''
  const error = outcome.kind === 'FAIL' ? `: ${outcome.error.split('\n')[0]}` : ''
  say(`${broker}  ${client}  ${scenario}  ${outcome.kind}${why}${error}  (${ms} ms)`)
}

function report(
  cells: readonly Cell[],
  absent: readonly AbsentClient[],
  { brokers, json }: Options,
): number {
  for (const broker of brokers) {
    const own = cells.filter((cell) => cell.broker === kindOf(broker))
    say(`\n=== ${broker}: ${summary(own)}\n${table(own)}`)
  }
  for (const { client, reason } of absent) say(`${client} absent: ${reason}`)
  const wrong = failures(cells)
  if (wrong !== '') say(`\n${wrong}`)
  for (const { client, scenario } of unproven(cells)) {
    say(`unproven: ${client}: ${scenario} passes on Ottla and has not passed on Kafka`)
  }
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ cells, absent }, null, 2)}\n`)
  const missing = absent.length > 0 && process.env.OTTLA_REQUIRE_TOOLS === '1'
  return green(cells) && cells.length > 0 && !missing ? 0 : 1
}

function chosen<T extends { readonly name: string }>(
  all: readonly T[],
  wanted: readonly string[],
  fits: (name: string, wanted: string) => boolean,
): readonly T[] {
  for (const one of wanted) {
    if (!all.some(({ name }) => fits(name, one))) throw new Error(`there is no "${one}" (--list)`)
  }
  return wanted.length === 0 ? all : all.filter(({ name }) => wanted.some((one) => fits(name, one)))
}

function names(all: readonly { readonly name: string }[]): string[] {
  return all.map(({ name }) => name)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
