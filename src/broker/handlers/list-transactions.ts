// ListTransactions (key 66), versions 0 to 2 (KIP-664, KIP-994, KIP-1152). The transactional ids that the
// directory in Cluster knows, filtered by state, producer id, duration and pattern. A coordinator tells
// the directory of its states at most once a second.

import type { TransactionEntry } from '../../cluster/contract.ts'
import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import { compilePattern, loadPatterns, type Pattern } from '../../core/patterns.ts'
import type {
  ListTransactionsRequest,
  ListTransactionsResponse,
} from '../../protocol/messages/list-transactions.ts'
import { Operation, Resource } from '../../security/access.ts'
import type { TransactionStateName } from '../../transaction/contract.ts'
import { allowing, authorised } from '../authorise.ts'
import type { Call } from '../call.ts'
import type { BrokerContext } from '../context.ts'

const STATES: ReadonlySet<string> = new Set<TransactionStateName>([
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
  'PrepareEpochFence',
  'Dead',
])

/** The transactional ids that pass every filter given. */
export async function listTransactions(
  request: ListTransactionsRequest,
  _call: Call,
  context: BrokerContext,
): Promise<ListTransactionsResponse> {
  const isShown = allowing(await authorised(context), Operation.DESCRIBE, Resource.TRANSACTIONAL_ID)
  const pattern = await compiled(request.transactionalIdPattern)
  if (typeof pattern === 'string') return nothing(KafkaError.INVALID_REGULAR_EXPRESSION)
  try {
    const entries = await context.objects.cluster.listTransactions()
    const passes = filter(request, pattern, context.timers.now())
    const listed = entries.filter((entry) => passes(entry) && isShown(entry.transactionalId))
    return {
      throttleTimeMs: 0,
      errorCode: KafkaError.NONE,
      unknownStateFilters: request.stateFilters.filter((name) => !STATES.has(name)),
      transactionStates: listed.map((entry) => ({
        transactionalId: entry.transactionalId,
        producerId: BigInt(entry.producerId),
        transactionState: entry.state,
      })),
    }
  } catch (error) {
    context.log('warn', 'the directory could not be read', { reason: String(error) })
    return nothing(KafkaError.COORDINATOR_NOT_AVAILABLE)
  }
}

function filter(
  { stateFilters, producerIdFilters, durationFilter }: ListTransactionsRequest,
  pattern: Pattern | null,
  nowMs: number,
): (entry: TransactionEntry) => boolean {
  const states = new Set(stateFilters)
  const producerIds = new Set(producerIdFilters.map(Number))
  return ({ transactionalId, producerId, state, startTimeMs }) => {
    if (producerIds.size > 0 && !producerIds.has(producerId)) return false
    if (states.size > 0 && !states.has(state)) return false
    if (durationFilter >= 0 && nowMs - startTimeMs <= durationFilter) return false
    return pattern === null || pattern.matches(transactionalId)
  }
}

/** The pattern, which must match the whole id, or what is wrong with it. */
async function compiled(text: string | null): Promise<Pattern | string | null> {
  if (text === null || text === '') return null
  await loadPatterns()
  return compilePattern(text)
}

function nothing(errorCode: ErrorCode): ListTransactionsResponse {
  return { throttleTimeMs: 0, errorCode, unknownStateFilters: [], transactionStates: [] }
}
