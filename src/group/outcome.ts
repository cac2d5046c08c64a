// What one command comes to, while it is being decided.

import type { Ticket } from '../runtime/machine.ts'
import type { GroupChange, GroupEffect, GroupReply } from './commands.ts'
import type { Step } from './membership.ts'
import type { OffsetChange } from './offsets.ts'

/** See the head of this file. */
export interface Outcome {
  readonly changes: GroupChange[]
  readonly replies: [Ticket, GroupReply][]
  readonly effects: GroupEffect[]
}

/** Nothing yet. */
export function outcome(): Outcome {
  return { changes: [], replies: [], effects: [] }
}

/** Adds what a membership has decided. */
export function take(step: Step, out: Outcome): void {
  for (const row of step.changes) out.changes.push({ kind: 'row', row })
  for (const [ticket, reply] of step.replies) out.replies.push([ticket, reply])
}

/** Adds changes of offsets. */
export function write(changes: readonly OffsetChange[], out: Outcome): void {
  for (const offset of changes) out.changes.push({ kind: 'offset', offset })
}
