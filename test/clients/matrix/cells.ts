// Runs scenarios with one client against one broker, one after the other, and says how each went. It
// keeps the client's shared process and replaces it when a scenario left it in doubt.

import { Adapter, ClientError, type Command } from './adapter.ts'
import type { RunningBroker } from './brokers.ts'
import { FAULTS } from './faults.ts'
import { gapOf, type MatrixGap } from './gap-rows.ts'
import type { Feature } from './protocol.ts'
import { Context, NotApplicable, type Scenario } from './scenario.ts'
import type { Cell, Outcome } from './table.ts'

const WITHIN_MS = 60_000

/** Features of programs that are not clients of the usual kind. */
const PROGRAMS = ['tools', 'streams', 'kgo'] as const

/** A client that is ready to run. */
export interface Prepared {
  readonly name: string
  readonly command: Command
}

export interface RunOptions {
  readonly broker: RunningBroker
  readonly client: Prepared
  readonly scenarios: readonly Scenario[]
  readonly gaps: readonly MatrixGap[]
  readonly partner: (not: string, needs: readonly Feature[]) => Promise<Adapter | undefined>
  readonly report: (cell: Cell) => void
}

/** Runs all scenarios with one client. */
export async function runClient(options: RunOptions): Promise<Cell[]> {
  const { broker, client, scenarios, gaps, report } = options
  const shared = new Shared(client.command)
  const cells: Cell[] = []
  try {
    for (const scenario of scenarios) {
      if (!(await concerns(scenario, shared))) continue
      const began = Date.now()
      const outcome = await runScenario(scenario, shared, options)
      const gap = gapOf(gaps, broker.kind, client.name, scenario.name)
      const cell = {
        broker: broker.kind,
        client: client.name,
        scenario: scenario.name,
        outcome: judged(outcome, gap),
        ms: Date.now() - began,
      }
      cells.push(cell)
      report(cell)
    }
  } finally {
    await shared.close()
  }
  return cells
}

/** Whether a scenario is about this client at all: some are about one program. */
async function concerns({ needs }: Scenario, shared: Shared): Promise<boolean> {
  const program = PROGRAMS.find((feature) => needs.includes(feature))
  return program === undefined || (await shared.get()).hello.features.includes(program)
}

function judged(outcome: Outcome, gap: string | undefined): Outcome {
  if (gap === undefined || outcome.kind === 'n.a.') return outcome
  return { kind: outcome.kind === 'pass' ? 'GAP PASSES' : 'gap', reason: gap }
}

async function runScenario(
  scenario: Scenario,
  shared: Shared,
  { broker, client, partner }: RunOptions,
): Promise<Outcome> {
  const fault = FAULTS[client.name]?.[scenario.name]
  if (fault !== undefined) return { kind: 'n.a.', reason: fault }
  let context: Context | undefined
  try {
    const { hello } = await shared.get()
    const missing = scenario.needs.filter((feature) => !hello.features.includes(feature))
    if (missing.length > 0) return { kind: 'n.a.', reason: `it has no ${missing.join(', ')}` }
    context = new Context({
      broker: broker.kind,
      address: broker.address,
      login: broker.login,
      hello,
      prefix: `${client.name}.${scenario.name.replaceAll('/', '.')}`,
      processes: {
        shared: () => shared.get(),
        fresh: () => Adapter.start(client.command),
        partner: (needs) => partner(client.name, needs),
      },
    })
    await within(scenario.withinMs ?? WITHIN_MS, scenario.run(context))
    return { kind: 'pass' }
  } catch (error) {
    return failed(error, [...shared.takeStderr(), ...(context?.stderr() ?? [])])
  } finally {
    const notClosed = (await context?.end()) ?? []
    if (notClosed.length > 0) await shared.renew()
    shared.takeStderr()
  }
}

function failed(error: unknown, stderr: readonly string[]): Outcome {
  const { message } = error instanceof Error ? error : { message: String(error) }
  if (error instanceof NotApplicable) return { kind: 'n.a.', reason: message }
  if (error instanceof ClientError && error.code === 'UNSUPPORTED') {
    return { kind: 'n.a.', reason: message.replace(/^.*UNSUPPORTED: /s, '') }
  }
  return { kind: 'FAIL', error: message, stderr }
}

function within(ms: number, run: Promise<void>): Promise<void> {
  return new Promise((done, stop) => {
    const timer = setTimeout(() => stop(new Error(`it did not end within ${ms} ms`)), ms)
    run.then(done, stop).finally(() => clearTimeout(timer))
  })
}

/** The process that most scenarios of a client share; started when first asked for. */
class Shared {
  readonly #command: Command
  #adapter: Promise<Adapter> | undefined
  #running: Adapter | undefined

  constructor(command: Command) {
    this.#command = command
  }

  async get(): Promise<Adapter> {
    if (this.#running !== undefined && !this.#running.running) this.#adapter = undefined
    this.#adapter ??= Adapter.start(this.#command)
    this.#running = await this.#adapter
    return this.#running
  }

  /** Kills it: the next `get` starts another. */
  async renew(): Promise<void> {
    await this.#running?.kill()
    this.#adapter = undefined
  }

  takeStderr(): string[] {
    return this.#running?.takeStderr() ?? []
  }

  async close(): Promise<void> {
    await this.#running?.close()
  }
}
