// Asks the Statistics object for a request of HTTP: what it cannot say now is a problem that may be tried again.

import type { BrokerContext } from '../broker/context.ts'
import { KafkaError } from '../core/errors.ts'
import type { StatisticsRpc } from '../statistics/contract.ts'
import { Problem } from './problem.ts'

/** The answer, or 503. */
export async function whenKnown<T>(
  { objects, log }: BrokerContext,
  ask: (statistics: StatisticsRpc) => Promise<T>,
): Promise<T | Problem> {
  try {
    return await ask(objects.statistics)
  } catch (error) {
    log('warn', 'statistics were not answered', { reason: String(error) })
    const detail = 'the figures of the cluster cannot be had at the moment'
    return new Problem(KafkaError.BROKER_NOT_AVAILABLE, { status: 503, detail })
  }
}

/** The answer, or null where lists show what else they know. */
export async function ifKnown<T>(
  context: BrokerContext,
  ask: (statistics: StatisticsRpc) => Promise<T>,
): Promise<T | null> {
  const answer = await whenKnown(context, ask)
  return answer instanceof Problem ? null : answer
}

/** A time as JSON has it. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
