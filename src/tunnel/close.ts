// How a tunnel is closed: codes, and what of an error is told to its client. Not when.

import { CloseConnection } from '../broker/context.ts'

/** WebSocket's close codes, as far as this end gives a reason. */
export const CloseCode = {
  NORMAL: 1000,
  GONE: 1001,
  PROTOCOL: 1002,
  UNSUPPORTED: 1003,
  TOO_BIG: 1009,
  BUG: 1011,
  RESTART: 1012,
} as const

/** Close reasons are at most 123 bytes. */
const REASON_CHARACTERS = 120

/** The code for an error that ends a tunnel. */
export function closeCode(error: unknown): number {
  return error instanceof Error && error.name === 'MalformedMessage'
    ? CloseCode.PROTOCOL
    : CloseCode.BUG
}

/** Nobody outside learns more of a bug than that there is one. */
export function reasonText(reason: Error): string {
  const isOurs = reason instanceof CloseConnection || reason.name === 'MalformedMessage'
  return isOurs ? reason.message.slice(0, REASON_CHARACTERS) : ''
}
