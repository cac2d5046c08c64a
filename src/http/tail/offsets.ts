// The offsets of several partitions of a topic, by ListOffsets, as maps.

import type { BrokerContext } from '../../broker/context.ts'
import type { TopicState } from '../../cluster/contract.ts'
import { Problem } from '../problem.ts'
import { LATEST, offsetsAt } from '../topics.ts'

/** Where each partition begins (EARLIEST) or ends (LATEST), whatever has been committed. */
export async function offsetsOf(
  context: BrokerContext,
  topic: TopicState,
  partitions: readonly number[],
  timestamp: number,
): Promise<Map<number, number> | Problem> {
  return lookUp(context, topic, partitions, { timestamp, readCommitted: false })
}

/** The first offsets at or after a time; the end where nothing is that late. */
export async function timesOf(
  context: BrokerContext,
  topic: TopicState,
  partitions: readonly number[],
  query: { readonly timestamp: number; readonly readCommitted: boolean },
): Promise<Map<number, number> | Problem> {
  const found = await lookUp(context, topic, partitions, query)
  if (found instanceof Problem) return found
  const late = partitions.filter((partition) => found.get(partition) === -1)
  const ends = await lookUp(context, topic, late, { ...query, timestamp: LATEST })
  return ends instanceof Problem ? ends : new Map([...found, ...ends])
}

async function lookUp(
  context: BrokerContext,
  topic: TopicState,
  partitions: readonly number[],
  query: { readonly timestamp: number; readonly readCommitted: boolean },
): Promise<Map<number, number> | Problem> {
  if (partitions.length === 0) return new Map()
  const found = await offsetsAt(context, topic, { partitions, ...query })
  if (found instanceof Problem) return found
  return new Map(found.map(({ partition, offset }) => [partition, offset]))
}
