// What an invariant is: a name, and looks at what happened, while it happens or when all is at rest.

import type { GroupTopic } from '../../../src/cluster/contract.ts'
import type { CommitCall, CommitReply } from '../../../src/group/contract.ts'
import type { TransactionDescription } from '../../../src/transaction/contract.ts'
import type { History } from '../actors/history.ts'
import type { Arrived, Served } from '../platform/objects.ts'
import type { World } from '../world.ts'

/** One entry of a log. */
export type LogEntry =
  | {
      readonly kind: 'record'
      readonly offset: number
      readonly token: string
      readonly producerId: number
      readonly epoch: number
    }
  | {
      readonly kind: 'commit' | 'abort'
      readonly offset: number
      readonly producerId: number
      readonly epoch: number
    }

/** A partition at rest. */
export interface FinalPartition {
  readonly partition: number
  readonly log: readonly LogEntry[]
  /** Tokens and offsets as a read_committed consumer gets them. */
  readonly committed: readonly { readonly token: string; readonly offset: number }[]
  readonly highWatermark: number
  readonly lastStableOffset: number
  /** Producers with an open transaction. */
  readonly open: readonly number[]
}

/** The world at rest. */
export interface Final {
  readonly history: History
  readonly topic: GroupTopic
  readonly partitions: readonly FinalPartition[]
  readonly transactions: ReadonlyMap<string, TransactionDescription>
  /** Offset committed for each transactional id's input; -1 without. */
  readonly positions: ReadonlyMap<string, number>
}

/** See the head of this file. One per world: it may remember. */
export interface Invariant {
  readonly name: string
  /** A call has reached its object. */
  arrived?(call: Arrived): void
  /** An object has answered a call. */
  served?(call: Served): string | null
  /** Everything is at rest. */
  atRest?(final: Final): Iterable<string>
}

/** Has a world watched; returns what judges it at rest. */
export function watch(world: World, invariants: readonly Invariant[]): (final: Final) => void {
  world.doormen.push((joined) => {
    for (const call of apart(joined)) {
      for (const invariant of invariants) invariant.arrived?.(call)
    }
  })
  world.listeners.push((joined) => {
    for (const [index, call] of apart(joined).entries()) {
      const result = call === joined ? joined.result : answers(joined)[index]
      for (const invariant of invariants) {
        const what = invariant.served?.({ ...call, result }) ?? null
        if (what !== null) world.violated(invariant.name, what)
      }
    }
  })
  return (final) => {
    for (const invariant of invariants) {
      for (const what of invariant.atRest?.(final) ?? []) world.violated(invariant.name, what)
    }
  }
}

/** Commits travel together (runtime/joined.ts); an invariant hears of each. */
function apart(call: Arrived): readonly Arrived[] {
  if (call.method !== 'commitAll') return [call]
  const commits = call.args[0] as readonly CommitCall[]
  return commits.map(({ request, caller }) => {
    return { ...call, method: 'commitOffsets', args: [request, caller] }
  })
}

function answers({ result }: Served): readonly CommitReply[] {
  return (result as { readonly replies: readonly CommitReply[] }).replies
}
