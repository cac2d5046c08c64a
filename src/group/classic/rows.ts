// A classic group as rows of text: one for the group, and for each member one for what it said and one
// for what it has been assigned. Kept are the last complete generation and the number of the last one
// begun. Not when they are written: classic-group.ts.

import { fromBase64, toBase64 } from '../base64.ts'
import type { ClassicMemberSnapshot } from '../membership.ts'
import { type Member, NO_ASSIGNMENT } from './member.ts'

const GROUP = 'group'
const MEMBER = 'member/'
const ASSIGNMENT = 'assignment/'

/** The generation that members go on with after this object was loaded. */
export interface KeptGroup {
  readonly generation: number
  /** No member was ever told of a higher generation. */
  readonly lastGeneration: number
  readonly protocolType: string
  readonly protocolName: string | null
  readonly leaderId: string | null
  /** null while it has members. */
  readonly emptySinceMs: number | null
  /** It was taken over from a consumer group and lacks something: its members must rejoin first. */
  readonly needsRebalance?: true
}

export interface KeptClassic {
  readonly group: KeptGroup
  readonly members: readonly ClassicMemberSnapshot[]
}

export const groupKey = GROUP
export const memberKey = (memberId: string) => `${MEMBER}${memberId}`
export const assignmentKey = (memberId: string) => `${ASSIGNMENT}${memberId}`

export function groupRow(group: KeptGroup): string {
  return JSON.stringify(group)
}

export function memberRow(member: Member): string {
  return JSON.stringify({
    instanceId: member.instanceId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    sessionTimeoutMs: member.sessionTimeoutMs,
    rebalanceTimeoutMs: member.rebalanceTimeoutMs,
    protocols: member.protocols.map(({ name, metadata }) => [name, toBase64(metadata)]),
  })
}

export function assignmentRow({ assignment }: Member): string {
  return toBase64(assignment)
}

interface MemberRow extends Omit<ClassicMemberSnapshot, 'memberId' | 'protocols' | 'assignment'> {
  readonly protocols: readonly (readonly [name: string, metadata: string])[]
}

/** Reads what the functions above wrote. */
export function readRows(rows: ReadonlyMap<string, string>): KeptClassic {
  const group = JSON.parse(rows.get(GROUP) ?? 'null') as KeptGroup | null
  if (group === null) throw new Error('the rows of a classic group lack the group')
  const members: ClassicMemberSnapshot[] = []
  for (const [key, value] of rows) {
    if (!key.startsWith(MEMBER)) continue
    const memberId = key.slice(MEMBER.length)
    const row = JSON.parse(value) as MemberRow
    const assignment = rows.get(assignmentKey(memberId))
    members.push({
      ...row,
      memberId,
      protocols: row.protocols.map(([name, metadata]) => ({
        name,
        metadata: fromBase64(metadata),
      })),
      assignment: assignment === undefined ? NO_ASSIGNMENT : fromBase64(assignment),
    })
  }
  return { group, members }
}
