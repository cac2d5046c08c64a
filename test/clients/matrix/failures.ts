// Errors that scenarios expect, by Kafka's names and by those that clients raise on their own.

import { ClientError } from './adapter.ts'

/** A record or batch over the topic's, or the client's, limit. */
export const TOO_LARGE = ['MESSAGE_TOO_LARGE', 'RECORD_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']

/** There is no offset to start from and none may be made up. */
export const NO_OFFSET = [
  'NO_OFFSET_FOR_PARTITION',
  'NO_OFFSET',
  '_NO_OFFSET',
  '_AUTO_OFFSET_RESET',
  'NoOffsetForPartitionException',
]

/** Another member took the instance id; librdkafka's bindings may only say that it is fatal. */
export const FENCED_INSTANCE = ['FENCED_INSTANCE_ID', '_FATAL']

/** The producer's epoch, or its whole id, was taken over. */
export const FENCED = [
  'PRODUCER_FENCED',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_PRODUCER_ID_MAPPING',
  'INVALID_TXN_STATE',
  '_FENCED',
]

/**
 * Waits for a call that must fail with one of these codes; gives the error. UNSUPPORTED and the end of
 * the adapter pass through: they are the runner's to judge.
 */
export async function fails(
  call: Promise<unknown>,
  codes: readonly string[],
  what: string,
): Promise<ClientError> {
  const expected = `expected ${codes.join(' or ')} for ${what}`
  try {
    await call
  } catch (error) {
    if (!(error instanceof ClientError) || error.code === 'UNSUPPORTED') throw error
    if (codes.includes(error.code)) return error
    throw new Error(`${expected}, seen ${error.message}`)
  }
  throw new Error(`${expected}, seen success`)
}
