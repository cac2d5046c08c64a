// The range assignor: of each topic every subscriber gets a run of partitions, in the order of the
// members, so that topics with the same partitions and subscribers are split alike (joins need it).

import type { TopicId } from '../../core/ids.ts'
import type { AssignableGroup, AssignableMember } from './assignor.ts'
import type { Partitions } from './partitions.ts'

/** Runs per topic; the first members have one more where it does not divide. */
export function assignRanges({
  members,
  partitions,
}: AssignableGroup): ReadonlyMap<string, Partitions> {
  const subscribers = new Map<TopicId, number>()
  for (const { topicIds } of members) {
    for (const topicId of topicIds) subscribers.set(topicId, (subscribers.get(topicId) ?? 0) + 1)
  }
  const places = new Map<TopicId, number>()
  const targets = new Map<string, Partitions>()
  for (const member of [...members].sort(byStaticThenId)) {
    const target = new Map<TopicId, readonly number[]>()
    for (const topicId of member.topicIds) {
      const place = places.get(topicId) ?? 0
      places.set(topicId, place + 1)
      const run = runAt(place, partitions.get(topicId) ?? 0, subscribers.get(topicId) ?? 1)
      if (run.length > 0) target.set(topicId, run)
    }
    targets.set(member.memberId, target)
  }
  return targets
}

function runAt(place: number, partitions: number, subscribers: number): number[] {
  const least = Math.floor(partitions / subscribers)
  const extra = partitions % subscribers
  const first = place * least + Math.min(place, extra)
  const length = least + (place < extra ? 1 : 0)
  return Array.from({ length }, (_, index) => first + index)
}

/** Static members first, by the id that survives their restart: they keep their place. */
function byStaticThenId(a: AssignableMember, b: AssignableMember): number {
  if (a.instanceId !== null && b.instanceId !== null) return compare(a.instanceId, b.instanceId)
  if (a.instanceId !== null) return -1
  if (b.instanceId !== null) return 1
  return compare(a.memberId, b.memberId)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
