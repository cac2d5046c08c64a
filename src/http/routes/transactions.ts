// /v1/transactions: what transactional ids there are and what they are at, by the broker's handlers. Only
// reading: a transaction is its producer's.

import { describeTransactions } from '../../broker/handlers/describe-transactions.ts'
import { listTransactions } from '../../broker/handlers/list-transactions.ts'
import { KafkaError } from '../../core/errors.ts'
import { adminSchemas } from '../admin-schemas.ts'
import { json } from '../answer.ts'
import { pageOf } from '../page.ts'
import { Problem } from '../problem.ts'
import type { Asked, Route } from '../route.ts'
import { schemas } from '../schemas.ts'
import { validateQuery } from '../validate.ts'

const JSON_TYPE = 'application/json'
const LIST_TRANSACTIONS = { version: 2, clientId: null }
const DESCRIBE_TRANSACTIONS = { version: 0, clientId: null }
const ANY_DURATION = -1

export const transactionRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/transactions',
    access: {
      needs: [],
      shows: { operation: 'DESCRIBE', resource: 'TRANSACTIONAL_ID' },
    },
    operation: () => ({
      summary: 'List the transactional ids and their states',
      query: adminSchemas().transactionsQuery,
      example: { query: { q: 'pay' } },
      answers: {
        200: { description: 'By id', content: { [JSON_TYPE]: adminSchemas().transactionList } },
      },
    }),
    handle: listRoute,
  },
  {
    method: 'GET',
    path: '/v1/transactions/{transactionalId}',
    access: {
      needs: [
        {
          operation: 'DESCRIBE',
          resource: 'TRANSACTIONAL_ID',
          name: { in: 'path', parameter: 'transactionalId' },
        },
      ],
    },
    operation: () => ({
      summary: 'Show what a transactional id is at: producer, state, partitions',
      query: schemas().noQuery,
      answers: {
        200: {
          description: 'As its coordinator says',
          content: { [JSON_TYPE]: adminSchemas().transaction },
        },
      },
    }),
    handle: showRoute,
  },
]

async function listRoute({ broker, query }: Asked): Promise<Response | Problem> {
  const checked = validateQuery(adminSchemas().transactionsQuery, query)
  if (checked instanceof Problem) return checked
  const request = {
    stateFilters: checked.state === undefined ? [] : [checked.state],
    producerIdFilters: [],
    durationFilter: ANY_DURATION,
    transactionalIdPattern: null,
  }
  const answer = await listTransactions(request, LIST_TRANSACTIONS, broker)
  if (answer.errorCode !== KafkaError.NONE) return new Problem(answer.errorCode)
  const items = answer.transactionStates.map(
    ({ transactionalId, transactionState, producerId }) => {
      return { transactionalId, state: transactionState, producerId: Number(producerId) }
    },
  )
  return json(pageOf(items, ({ transactionalId }) => transactionalId, checked))
}

async function showRoute({ broker, param, query }: Asked): Promise<Response | Problem> {
  const checked = validateQuery(schemas().noQuery, query)
  if (checked instanceof Problem) return checked
  const transactionalId = param('transactionalId')
  const request = { transactionalIds: [transactionalId] }
  const answer = await describeTransactions(request, DESCRIBE_TRANSACTIONS, broker)
  const [shown] = answer.transactionStates
  if (shown === undefined) throw new Error('DescribeTransactions answered nothing')
  if (shown.errorCode !== KafkaError.NONE) {
    const isUnknown = shown.errorCode === KafkaError.TRANSACTIONAL_ID_NOT_FOUND
    return new Problem(shown.errorCode, {
      field: 'transactionalId',
      ...(isUnknown ? { detail: `there is no transactional id ${transactionalId}` } : {}),
    })
  }
  const { transactionStartTimeMs: startedMs } = shown
  return json({
    transactionalId,
    state: shown.transactionState,
    producerId: Number(shown.producerId),
    producerEpoch: shown.producerEpoch,
    timeoutMs: shown.transactionTimeoutMs,
    startedMs: startedMs < 0 ? null : startedMs,
    topics: shown.topics,
  })
}
