// Whether a topic that is tiered does what it should: its leaders know what keeps their old segments from being
// moved, or read. Asked only of topics with remote storage; others have no condition of their own.

import type { BrokerContext } from '../broker/context.ts'
import { askLeader, byName } from '../broker/routing.ts'
import { KafkaError } from '../core/errors.ts'
import { inTurns } from './in-turns.ts'

/** What is wrong with one partition. */
interface PartitionProblem {
  readonly partition: number
  /** ISO 8601; null when it is not known since when. */
  readonly since: string | null
  readonly reason: string
}

/** How a tiered topic does. */
export interface TopicStatus {
  readonly state: 'ok' | 'degraded'
  readonly problems: readonly PartitionProblem[]
}

/** The partitions named in one answer; `degraded` says enough of the others. */
const PROBLEMS_SHOWN = 100

/** Asks all leaders of a topic. One that does not answer is not a problem of the tier. */
export async function topicStatus(
  context: BrokerContext,
  { name, partitions }: { readonly name: string; readonly partitions: number },
): Promise<TopicStatus> {
  const numbers = Array.from({ length: partitions }, (_, partition) => partition)
  const asked = await inTurns(numbers, async (partition): Promise<PartitionProblem | null> => {
    const answer = await askLeader(context, byName(name, partition), (leader, target) =>
      leader.size(target),
    )
    if (answer.error !== KafkaError.NONE || 'failed' in answer) return null
    const failure = answer.tier?.failure ?? null
    if (failure === null) return null
    const { sinceMs, reason } = failure
    return { partition, since: sinceMs > 0 ? new Date(sinceMs).toISOString() : null, reason }
  })
  const problems = asked.filter((problem) => problem !== null)
  const state = problems.length === 0 ? 'ok' : 'degraded'
  return { state, problems: problems.slice(0, PROBLEMS_SHOWN) }
}
