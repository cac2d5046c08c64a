// What is said on the socket, as far as this end uses it: the types of src/live/messages.ts without its
// schemas, which are the server's. test/client/messages.test.ts holds them against each other.

/** A record as the broker shows it. */
export interface WireRecord {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key?: string | null | undefined
  readonly keyBase64?: string | undefined
  readonly value?: string | null | undefined
  readonly valueBase64?: string | undefined
  readonly headers: readonly WireHeader[]
}

export interface WireHeader {
  readonly key: string
  readonly value?: string | null | undefined
  readonly valueBase64?: string | undefined
}

/** A stretch of the log that cannot be read. */
export interface WireMalformed {
  readonly partition: number
  readonly offset: number
  readonly lastOffset: number
  readonly error: string
  readonly detail: string
}

export interface WirePartition {
  readonly topic: string
  readonly partition: number
}

export interface WireOffset extends WirePartition {
  readonly offset: number
}

/** Where a record went. */
export interface WireProduced {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
}

/** What the client says. */
export type ClientMessage =
  | {
      readonly type: 'subscribe'
      readonly sub: number
      readonly topics: string[]
      readonly partitions?: number[]
      readonly key?: string
      readonly keyBase64?: string
      readonly from?: string
      readonly isolation?: 'read_committed' | 'read_uncommitted'
      readonly bytes: number
    }
  | { readonly type: 'grant'; readonly sub: number; readonly bytes: number }
  | { readonly type: 'unsubscribe'; readonly sub: number }
  | {
      readonly type: 'join'
      readonly sub: number
      readonly group: string
      readonly topics: string[]
      readonly from?: 'earliest' | 'latest'
      readonly isolation?: 'read_committed' | 'read_uncommitted'
      readonly bytes: number
      readonly clientId?: string
      readonly maxPollIntervalMs?: number
    }
  | {
      readonly type: 'commit'
      readonly id: number
      readonly sub: number
      readonly offsets: WireOffset[]
    }
  | { readonly type: 'processed'; readonly sub: number; readonly offsets: WireOffset[] }
  | { readonly type: 'revoked'; readonly sub: number }
  | { readonly type: 'leave'; readonly sub: number }

/** What the server says of a subscription. */
export type SubscriptionMessage =
  | { readonly type: 'subscribed'; readonly sub: number; readonly position: string }
  | {
      readonly type: 'records'
      readonly sub: number
      readonly topic: string
      readonly topicId: string
      readonly records: readonly (WireRecord | WireMalformed)[]
      readonly position: string
      readonly bytes: number
    }
  | { readonly type: 'position'; readonly sub: number; readonly position: string }
  | { readonly type: 'starved'; readonly sub: number; readonly bytes: number }
  | {
      readonly type: 'reset'
      readonly sub: number
      readonly topic: string
      readonly partition?: number | undefined
      readonly reason: 'trimmed' | 'recreated' | 'deleted'
      readonly position: string
      readonly next: string | null
    }
  | { readonly type: 'unsubscribed'; readonly sub: number }
  | { readonly type: 'joined'; readonly sub: number; readonly memberId: string }
  | { readonly type: 'assigned'; readonly sub: number; readonly partitions: readonly WireOffset[] }
  | {
      readonly type: 'revoked'
      readonly sub: number
      readonly partitions: readonly WirePartition[]
      readonly lost?: true | undefined
      readonly reason?: string | undefined
    }
  | { readonly type: 'left'; readonly sub: number }

/** What the server says. */
export type ServerMessage =
  | SubscriptionMessage
  | { readonly type: 'hello'; readonly version: string }
  | {
      readonly type: 'ack'
      readonly id: number
      readonly offsets: readonly WireProduced[]
      readonly replayed?: true | undefined
    }
  | { readonly type: 'committed'; readonly id: number }
  | {
      readonly type: 'error'
      readonly id?: number | undefined
      readonly sub?: number | undefined
      readonly problem: Readonly<Record<string, unknown>>
    }
