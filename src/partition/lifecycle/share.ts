// What many logs shall not all do in the same moment is spread over an interval, by a part of it that is each
// log's own. A hash and no chance: the same after a restart, so nothing of it is stored. Pure.

import { murmur2 } from '../../core/murmur2.ts'
import type { Identity } from '../stored.ts'

/** From 0 to below 1, evenly over the logs, and for one log over what it is asked for. */
export function shareOf({ topicId, partition }: Identity, what: number | null = null): number {
  const text = what === null ? `${topicId}/${partition}` : `${topicId}/${partition}/${what}`
  return (murmur2(new TextEncoder().encode(text)) >>> 0) / 2 ** 32
}
