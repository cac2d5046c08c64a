// What a session has of each of its subscriptions and members, and what these have of the session. Types only.

import type { Problem } from '../http/problem.ts'
import type { MemberState } from './member-state.ts'
import type { Outbox } from './outbox.ts'
import type { SubscriptionState } from './subscription.ts'
import type { Surroundings } from './surroundings.ts'

/** What a stream is kept as: plain data. */
export type StreamState = SubscriptionState | MemberState

/** A subscription to topics, or a member of a group. */
export interface Stream {
  readonly sub: number
  /** Nothing goes on until its client says something. */
  readonly isWaiting: boolean
  /** Runs until it is over. Rejects with a bug only. */
  run(): Promise<void>
  grant(bytes: number): void
  /** Ends it and says nothing. */
  close(): void
  save(): StreamState
}

/** The session as its streams see it. */
export interface StreamHost {
  readonly surroundings: Surroundings
  readonly outbox: Outbox
  /** Streams that share what may be read at once. */
  readonly sharers: () => number
  /** It is over: said to the client where there is a problem, then forgotten. */
  over(stream: Stream, problem: Problem | null): void
  /** Whether the session can be kept with what this one has come to. */
  fits(stream: Stream): boolean
}
