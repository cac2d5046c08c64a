// What a handler is given: who asks, over which listener, and how to reach the objects. Not
// behaviour. A context belongs to one TCP connection, tunnel or HTTP request and is never shared:
// stubs and timers of one request must not be used from another.

import type { ClusterRpc, FinalizedFeatures } from '../cluster/contract.ts'
import type { LogLevel } from '../core/env.ts'
import type { TopicId } from '../core/ids.ts'
import type { GroupRpc } from '../group/contract.ts'
import type { PartitionRpc } from '../partition/contract.ts'
import type { Access } from '../security/access.ts'
import type { Principal } from '../security/principal.ts'
import type { StatisticsRpc } from '../statistics/contract.ts'
import type { TransactionRpc } from '../transaction/contract.ts'
import type { WatchRpc } from '../watch/contract.ts'
import type { AuditLog } from './audit.ts'
import type { Authenticator } from './authentication.ts'
import type { MemoryBudget } from './budget.ts'
import type { Counts } from './counts.ts'
import type { SecurityState } from './security.ts'
import type { TopicCache } from './topic-cache.ts'
import type { Watches } from './watches.ts'

/** Reaches the objects. Implemented by runtime/objects.ts (stubs, disposal, a fresh stub after an error). */
export interface Objects {
  readonly cluster: ClusterRpc
  /** The same object for the same partition during the life of this context, so calls stay in order. */
  partition(topicId: TopicId, partition: number): PartitionRpc
  /** As partition: the same object for the same group. */
  group(groupId: string): GroupRpc
  transaction(transactionalId: string): TransactionRpc
  /** The Watch object of a shard (core/ids.ts). */
  watch(shard: number): WatchRpc
  readonly statistics: StatisticsRpc
}

/** A line per event; never a secret or a record's content. */
export type Log = (
  level: LogLevel,
  event: string,
  fields?: Readonly<Record<string, string | number | boolean>>,
) => void

/** Where clients are told to connect. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** Time as one request context may use it. */
export interface Timers {
  /** Milliseconds since the epoch. Deployed, it stands still during computation. */
  now(): number
  /** Calls back once after `ms`; the answer cancels it. */
  after(ms: number, callback: () => void): () => void
  /** Resolves after `ms`. */
  sleep(ms: number): Promise<void>
}

/** How who asks may prove who they are. */
export interface Authentication {
  readonly authenticator: Authenticator
  /** They have: from here on `access` is theirs. */
  identify(principal: Principal): void
  /** That of the same client in a tenant, nobody in particular there; in its own tenant the context itself. */
  contextOf(tenant: string): BrokerContext
  /** Who presents nothing may ask as well, as ANONYMOUS: the rules decide on them. */
  readonly allowAnonymous: boolean
}

export interface BrokerContext {
  /** Whose cluster all this is of (core/tenants.ts). */
  readonly tenant: string
  readonly objects: Objects
  /** Plain data shared by the isolate. */
  readonly topics: TopicCache
  /** What the tenant's connections and requests are counted by. */
  readonly counts: Counts
  readonly budget: MemoryBudget
  readonly advertised: Endpoint
  /** The client's address as Kafka prints it in group descriptions: '/127.0.0.1'. */
  readonly clientHost: string
  /** Who asks, and what they may. */
  readonly access: Access
  /** Null where nobody is asked who they are. */
  readonly authentication: Authentication | null
  /** Where refusals and changes are written down; null where they are not. */
  readonly audit: AuditLog | null
  /** What the isolate knows of users, rules and quotas. */
  readonly security: SecurityState
  readonly log: Log
  readonly timers: Timers
  /** Partitions this connection waits for. */
  readonly watches: Watches
  /** Effective broker configuration by Kafka's names; remembered by the isolate for a few seconds. */
  brokerConfig(name: string): Promise<string | undefined>
  /** Finalized features, remembered by the isolate as brokerConfig is. */
  features(): Promise<FinalizedFeatures>
  /** They have changed: the next who asks gets them anew. */
  forgetFeatures(): void
  /**
   * Tells the Statistics object what this isolate has counted, if that is due, or with `now` if there is anything
   * new. Never rejects.
   */
  tellCounts(when?: 'now'): Promise<void>
}

/** What kind of wait a handler's answer is, to the requests behind it on the same connection. */
export interface Handling<Response> {
  /** Undefined when it took effect before the handler returned; frame bytes may be reused after it. */
  readonly effect: Promise<void> | undefined
  /** null: nothing is sent (Produce with acks=0). */
  readonly response: Promise<Response | null>
  /**
   * True for Produce and OffsetCommit: what follows and does not overlap starts when this has answered,
   * as behind Kafka's muted channel. False for the waits of Fetch, JoinGroup and SyncGroup, which
   * anything may overtake.
   */
  readonly appends: boolean
  /** Called once when the answer has left the process or never will: gives memory back. */
  readonly sent?: () => void
}

/** Thrown by a handler for which Kafka ends the connection instead of answering. */
export class CloseConnection extends Error {
  override readonly name = 'CloseConnection'
}

/** Who says they are somebody and is not: answered, and logged where it was found out. */
export class LoginRefused extends CloseConnection {}
