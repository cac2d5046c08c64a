// What the broker answers of groups, as far as the console reads it. /openapi.json is the source.

import { ask, pathOf } from '../../broker/http.ts'
import type { Page } from '../../broker/shapes.ts'

/** A row of /v1/groups. */
export interface GroupRow {
  readonly groupId: string
  readonly type: 'classic' | 'consumer'
  readonly state: string
  readonly protocolType: string
  /** Null until the group has reported; so is the lag, in records. */
  readonly members: number | null
  readonly lag: number | null
  readonly reported: string | null
}

/** Who is in a group, and what it reads. */
export interface MemberShown {
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly memberType: 'classic' | 'consumer'
  readonly epoch: number | null
  readonly subscribed: readonly string[]
  readonly pattern: string | null
  readonly assigned: readonly { readonly topic: string; readonly partitions: readonly number[] }[]
}

/** Where a group is in a partition. */
export interface OffsetShown {
  readonly topic: string
  readonly partition: number
  readonly committed: number | null
  readonly end: number | null
  readonly lag: number | null
  readonly lagSeconds: number | null
  readonly memberId: string | null
  readonly error?: string
}

/** /v1/groups/{group}, with all of its offsets. */
export interface GroupShown {
  readonly groupId: string
  readonly type: 'classic' | 'consumer'
  readonly state: string
  readonly assignor: string
  readonly members: readonly MemberShown[]
  readonly offsets: readonly OffsetShown[]
}

/** What a reset changes of one partition. */
export interface Move {
  readonly topic: string
  readonly partition: number
  readonly before: number | null
  readonly after: number
}

/** One partition of /v1/groups/{group}/lag. */
export interface PartitionHistory {
  readonly topic: string
  readonly partition: number
  readonly points: readonly { readonly time: string; readonly lag: number | null }[]
}

const OFFSETS_PER_REQUEST = 1_000
const OFFSETS_MOST = 10_000

/** A group and its offsets, as many requests as that takes. Throws BrokerError. */
export async function readGroup(groupId: string, signal: AbortSignal): Promise<GroupShown> {
  type Answer = Omit<GroupShown, 'offsets'> & { readonly offsets: Page<OffsetShown> }
  const limit = OFFSETS_PER_REQUEST
  const { offsets, ...group } = await ask<Answer>(pathOf(['groups', groupId], { limit }), {
    signal,
  })
  const items = [...offsets.items]
  let after = offsets.next
  while (after !== null && items.length < OFFSETS_MOST) {
    const path = pathOf(['groups', groupId, 'offsets'], { limit, after })
    const page = await ask<Page<OffsetShown>>(path, { signal })
    items.push(...page.items)
    after = page.next
  }
  return { ...group, offsets: items }
}
