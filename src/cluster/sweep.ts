// Mends the directory: an object that ended between its entry and its first change, or between its last
// change and the removal of its entry, leaves an entry of nothing. Rarely and in bounded steps such
// objects are asked whether they have state. An entry that was just written is never touched: its object
// may be about to make its first change.

import {
  SWEEP_BUSY_AGE_MS,
  SWEEP_IDLE_AGE_MS,
  SWEEP_INTERVAL_MS,
  SWEEP_STEP_OBJECTS,
} from '../core/limits/coordinators.ts'
import type { Change, ClusterState, Registered } from './cluster.ts'

/** What is needed of the world; tests give fakes. */
export interface SweepDeps {
  readonly state: ClusterState
  readonly commit: (changes: readonly Change[]) => void
  readonly group: (groupId: string) => { exists(groupId: string): Promise<boolean> }
  readonly transaction: (id: string) => { exists(transactionalId: string): Promise<boolean> }
  /** Told of calls that were rejected; their entries stay until the next sweep. */
  readonly report: (event: string, error: unknown) => void
}

/** An entry to ask about. */
interface Suspect {
  readonly kind: 'group' | 'transaction'
  readonly id: string
  readonly registered: Registered<unknown>
}

/** A sweep under way: what is still to be asked. Lost with the object; the next starts anew. */
export type Sweep = Suspect[]

/** Objects asked at once. */
const PARALLEL = 8

/** States in which nothing goes on: such an object may have ended. */
const IDLE_STATES = new Set(['Empty', 'Dead', 'CompleteCommit', 'CompleteAbort'])

/** When the next sweep is due; Infinity while there is nothing to sweep. */
export function sweepDueMs({ groups, transactions, sweptMs }: ClusterState): number {
  return groups.size + transactions.size === 0
    ? Number.POSITIVE_INFINITY
    : sweptMs + SWEEP_INTERVAL_MS
}

/** The entries whose objects are to be asked, as they are now. */
export function startSweep(state: ClusterState, nowMs: number): Sweep {
  const suspects: Sweep = []
  const consider = (
    kind: Suspect['kind'],
    id: string,
    registered: Registered<{ state: string }>,
  ) => {
    if (nowMs - registered.atMs >= minAge(registered)) suspects.push({ kind, id, registered })
  }
  for (const [id, registered] of state.groups) consider('group', id, registered)
  for (const [id, registered] of state.transactions) consider('transaction', id, registered)
  return suspects
}

/**
 * Asks some of the objects and removes the entries of those without state.
 * @returns true when the sweep is done, which then is durable
 */
export async function sweepStep(deps: SweepDeps, sweep: Sweep, nowMs: number): Promise<boolean> {
  const step = sweep.splice(0, SWEEP_STEP_OBJECTS)
  const queue = step[Symbol.iterator]()
  const worker = async () => {
    for (const suspect of queue) await ask(deps, suspect)
  }
  await Promise.all(Array.from({ length: Math.min(PARALLEL, step.length) }, worker))
  if (sweep.length > 0) return false
  deps.commit([{ kind: 'swept', atMs: nowMs }])
  return true
}

async function ask(deps: SweepDeps, { kind, id, registered }: Suspect): Promise<void> {
  const current = () => (kind === 'group' ? deps.state.groups : deps.state.transactions).get(id)
  // Registered anew since the sweep began: it is alive.
  if (current() !== registered) return
  try {
    const exists =
      kind === 'group' ? await deps.group(id).exists(id) : await deps.transaction(id).exists(id)
    if (exists || current() !== registered) return
  } catch (error) {
    deps.report('object was not asked whether it exists', error)
    return
  }
  deps.commit([
    kind === 'group'
      ? { kind: 'groupGone', groupId: id }
      : { kind: 'transactionGone', transactionalId: id },
  ])
}

function minAge({ entry }: Registered<{ state: string }>): number {
  return IDLE_STATES.has(entry.state) ? SWEEP_IDLE_AGE_MS : SWEEP_BUSY_AGE_MS
}
