// What is kept of a session while its object sleeps: plain data, in bytes that fit a WebSocket's attachment.

import { LIVE_STATE_BYTES } from '../core/limits/live.ts'
import type { MemberState } from './member-state.ts'
import type { StreamState } from './stream.ts'

/** See the head of this file. */
export interface SessionState {
  readonly lastSub: number
  /** Ids of requests not answered. */
  readonly requests: readonly number[]
  readonly streams: readonly StreamState[]
}

/** What offsets may still grow by: sixteen digits each, of which most have few. */
const GROWTH_PER_PARTITION = 10
/** Ids of requests under way. */
const REQUESTS_BYTES = 1_024

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Whether a session can be kept as this, with room for what its numbers grow by. */
export function fitsState(state: SessionState): boolean {
  const bytes = encoder.encode(JSON.stringify({ ...state, requests: [] })).length
  const growth = GROWTH_PER_PARTITION * partitionsOf(state)
  return bytes + growth + REQUESTS_BYTES <= LIVE_STATE_BYTES
}

/**
 * The bytes of a session; null when it is too large for them. Where a coordinator has given its members more than fits, these are kept as out of
 * their groups: when the session goes on they say that all was lost, and rejoin.
 */
export function encodeState(state: SessionState): Uint8Array | null {
  const bytes = encoder.encode(JSON.stringify(state))
  if (bytes.length <= LIVE_STATE_BYTES) return bytes
  const streams = state.streams.map((one) => (one.kind === 'member' ? withoutParts(one) : one))
  const fewer = encoder.encode(JSON.stringify({ ...state, streams }))
  return fewer.length <= LIVE_STATE_BYTES ? fewer : null
}

/** The session of such bytes, which were written by this version or one before. */
export function decodeState(bytes: Uint8Array): SessionState {
  return JSON.parse(decoder.decode(bytes)) as SessionState
}

function withoutParts(member: MemberState): MemberState {
  return { ...member, held: [], revoking: [], isForgotten: true }
}

function partitionsOf({ streams }: SessionState): number {
  let count = 0
  for (const one of streams) {
    if (one.kind === 'topics') count += (one.position ?? '').split(':').length
    else for (const { at } of one.held) count += 2 * at.length
  }
  return count
}
