// Runs seeds: each makes a world of one scenario, lives, heals, comes to rest and is judged. Loaded after
// the hooks are installed, because it loads the Worker's sources.

import { Group } from '../../src/group/object.ts'
import { isolateCompaction } from '../../src/partition/compaction/slot.ts'
import { Partition } from '../../src/partition/object.ts'
import { isolateTiering } from '../../src/partition/tiering/tiering.ts'
import { Transaction } from '../../src/transaction/object.ts'
import { Watch } from '../../src/watch/object.ts'
import { setLimits } from './limits.ts'
import { installGlobals } from './platform/globals.ts'
import type { ObjectClass } from './platform/objects.ts'
import { classicGroup, lateSyncs } from './scenarios/classic-group.ts'
import { consumerGroup } from './scenarios/consumer-group.ts'
import { deletedLog } from './scenarios/deleted-log.ts'
import { groupOutage } from './scenarios/group-outage.ts'
import { logLife } from './scenarios/log-life.ts'
import { migration } from './scenarios/migration.ts'
import type { Scenario } from './scenarios/scenario.ts'
import { tieredLog } from './scenarios/tiered-log.ts'
import { transactions } from './scenarios/transactions.ts'
import { type Classes, type Violation, World } from './world.ts'

export const SCENARIOS: readonly Scenario[] = [
  transactions,
  classicGroup,
  consumerGroup,
  transactions,
  groupOutage,
  migration,
  logLife,
  tieredLog,
  deletedLog,
  lateSyncs,
]

/** What became of one seed. */
export interface Outcome {
  readonly seed: number
  readonly scenario: string
  readonly events: number
  readonly hash: string
  readonly violations: readonly Violation[]
  /** The last events, or all when asked for. */
  readonly trace: readonly string[]
}

/** The classes that index.ts exports. */
export async function classes(): Promise<Classes> {
  installGlobals()
  const loaded: Classes = {
    partition: Partition as unknown as ObjectClass,
    transaction: Transaction as unknown as ObjectClass,
    group: Group as unknown as ObjectClass,
    watch: Watch as unknown as ObjectClass,
  }
  // What a process makes once, at its first use, is made before the first seed that counts.
  await play(0, transactions, { classes: loaded, events: 300, verbose: false })
  return loaded
}

/** Which scenario a seed plays when none is asked for. */
export function scenarioOf(seed: number, only: string | null): Scenario {
  if (only === null) return SCENARIOS[seed % SCENARIOS.length]!
  const found = SCENARIOS.find(({ name }) => name === only)
  if (found === undefined) throw new Error(`there is no scenario ${only}`)
  return found
}

export interface PlayOptions {
  readonly classes: Classes
  /** Before the world heals. */
  readonly events: number
  /** Every event is kept as text. */
  readonly verbose: boolean
  /** See PlatformOptions. */
  readonly stubsOutlive?: boolean
}

/** One seed from its beginning to its judgement. */
export async function play(
  seed: number,
  scenario: Scenario,
  options: PlayOptions,
): Promise<Outcome> {
  const { verbose, events, stubsOutlive = false } = options
  const { configs = {} } = scenario
  const world = new World({ seed, verbose, classes: options.classes, configs, stubsOutlive })
  try {
    await scenario.run(world, events)
  } catch (error) {
    world.violated('the-simulation-itself', error instanceof Error ? `${error.stack}` : `${error}`)
  } finally {
    world.end()
    await leaveNothing()
  }
  const { trace, violations } = world
  return {
    seed,
    scenario: scenario.name,
    events: trace.events,
    hash: trace.hash,
    violations,
    trace: trace.last,
  }
}

/** What a world has put into the process that the next is to find as it was. */
async function leaveNothing(): Promise<void> {
  await setLimits({})
  const nobody = {}
  for (const turn of [isolateCompaction, isolateTiering]) {
    turn.take(nobody, Number.POSITIVE_INFINITY)
    turn.release(nobody)
  }
}
