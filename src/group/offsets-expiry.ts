// When the offsets of a group expire (offsets.retention.minutes, KIP-211): those of a group that is
// empty; of a topic that a stable group of consumers does not subscribe to; of a simple consumer some
// time after its commit. Never while a transaction may still change the partition's offset.

import type { Membership } from './membership.ts'
import type { OffsetChange, Offsets, TopicOffsets } from './offsets.ts'

/** What expires: counted from `sinceMs`, or each from its commit when null; these topics never. */
interface Rule {
  readonly sinceMs: number | null
  readonly except: ReadonlySet<string>
}

const NOTHING: ReadonlySet<string> = new Set()
const NEVER = Number.POSITIVE_INFINITY

/** Forgets what has expired. */
export function expire(
  offsets: Offsets,
  membership: Membership,
  retentionMs: number,
  nowMs: number,
): OffsetChange[] {
  const expired = [...expiries(offsets, membership, retentionMs)].filter(
    ({ expiresMs }) => expiresMs <= nowMs,
  )
  return expired.flatMap(({ topicId, partition }) => offsets.forget(topicId, partition))
}

/** When the first offset expires if nothing changes; Infinity for never. */
export function nextExpiryMs(
  offsets: Offsets,
  membership: Membership,
  retentionMs: number,
): number {
  let next = NEVER
  for (const { expiresMs } of expiries(offsets, membership, retentionMs)) {
    next = Math.min(next, expiresMs)
  }
  return next
}

function* expiries(offsets: Offsets, membership: Membership, retentionMs: number) {
  const rule = ruleOf(membership)
  if (rule === null) return
  for (const [topicId, { name, partitions }] of offsets.topics() as Iterable<
    [Parameters<Offsets['get']>[0], TopicOffsets]
  >) {
    if (rule.except.has(name)) continue
    for (const [partition, kept] of partitions) {
      if (offsets.isPending(topicId, partition)) continue
      const expiresMs = kept.expiresMs ?? (rule.sinceMs ?? kept.committedMs) + retentionMs
      yield { topicId, partition, expiresMs }
    }
  }
}

/** null: nothing expires now. */
function ruleOf(membership: Membership): Rule | null {
  const { type, protocolType, isEmpty, emptySinceMs, state, subscribedTopics } = membership
  if (type === 'consumer') return { sinceMs: null, except: subscribedTopics ?? NOTHING }
  if (protocolType === '') return { sinceMs: null, except: NOTHING }
  if (isEmpty) return state === 'Empty' ? { sinceMs: emptySinceMs, except: NOTHING } : null
  const isKnown = protocolType === 'consumer' && subscribedTopics !== null
  return isKnown && state === 'Stable' ? { sinceMs: null, except: subscribedTopics } : null
}
