// The texts of the messages to a client. Not when they are sent.

import { isRetriable } from '../core/errors.ts'
import type { Problem } from '../http/problem.ts'
import type { TopicRecords } from '../http/tail/contract.ts'
import type { ServerMessages } from './messages.ts'

/** Every message but `records`, which recordsText writes. */
type Plain = Exclude<ServerMessages[keyof ServerMessages], ServerMessages['records']>

/** A message as text. */
export function messageText(message: Plain): string {
  return JSON.stringify(message)
}

/** Records as they came from the log, around which the message is written. */
export function recordsText(sub: number, of: TopicRecords): string {
  const { topic, topicId, records, position, bytes } = of
  return (
    `{"type":"records","sub":${sub},"topic":${JSON.stringify(topic)},"topicId":"${topicId}",` +
    `"records":[${records.join(',')}],"position":${JSON.stringify(position)},"bytes":${bytes}}`
  )
}

/** An error about a request, a subscription that is over, or a message. */
export function errorText(problem: Problem, about: { id?: number; sub?: number } = {}): string {
  const { retryAfterS } = problem
  const body = {
    ...problem.body(),
    retriable: isRetriable(problem.code),
    ...(retryAfterS === null ? {} : { retryAfterMs: 1_000 * retryAfterS }),
  }
  return JSON.stringify({ type: 'error', ...about, problem: body })
}
