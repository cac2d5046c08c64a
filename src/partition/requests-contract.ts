// What is said between HTTP and a leader about requests that carry an Idempotency-Key: plain data, as in
// contract.ts. Digests and ids are 128 bits as 32 hex digits; how they are made is HTTP's (http/idempotency.ts).

import type { ErrorCode } from '../core/errors.ts'
import type { TopicId } from '../core/ids.ts'

/** What names a keyed request: the digest of its principal and its key. The topic is the partition's. */
export type RequestId = string

/** What a request is, as far as it is known when it begins. */
export interface RequestIdentity {
  readonly id: RequestId
  /** Digest of all records of a list; of the first record of a stream, whose end nobody knows yet. */
  readonly body: string
  /** Of a stream only what its answer needs is remembered: how many records, the first offset and the last. */
  readonly isStream: boolean
  /** Partitions of the topic when its records were placed: a retry places them as they were then. */
  readonly partitions: number
  /** Records of a stream that was received whole, in all partitions; 0 while that is not known. */
  readonly total: number
}

/** The records of a keyed request that one batch holds. A request has its records of one partition in order. */
export interface RequestPart extends RequestIdentity {
  /** Records of the request in this partition before those of the batch, and their digest. */
  readonly start: number
  readonly before: string
  /** Records of the batch, and the digest of all up to its last. */
  readonly count: number
  readonly after: string
  /** Milliseconds: given to records that had no time of their own. */
  readonly timeMs: number
}

/** Records of a request that are stored side by side; of a stream all, with others' between them. */
export interface RequestSpan {
  /** Records of the request in this partition before it. */
  readonly start: number
  readonly count: number
  readonly firstOffset: number
  readonly lastOffset: number
  /** Milliseconds: of the records that had none of their own; of all where `isAppendTime`. */
  readonly timeMs: number
  /** The topic said LogAppendTime. */
  readonly isAppendTime: boolean
}

/** What a partition has of a request. */
export interface KnownRequest {
  /** Records, and the digest of them all. */
  readonly count: number
  readonly digest: string
  readonly spans: readonly RequestSpan[]
}

/** Said to the one partition where all requests of a key meet, before any record is written. */
export interface RequestClaim extends RequestIdentity {
  readonly topicId: TopicId
  readonly partition: number
  /** Who runs the request: drawn anew for each try. */
  readonly owner: string
  /**
   * `begin`: it runs, and whoever comes with the same key in the next REQUEST_CLAIM_MS is told so (said again
   * to be believed for longer); `end`: it does not, and may say its `total`; `forget`: nor has it stored anything.
   */
  readonly act: 'begin' | 'end' | 'forget'
}

/** Whether a request may run. */
export interface ClaimReply {
  readonly error: ErrorCode
  /** `other`: the key was used for another body; `running`: for this one, by somebody who has not ended. */
  readonly verdict: 'free' | 'running' | 'other'
  /** As the first try had it; 0 when it is not known. */
  readonly partitions: number
  /** As a try that was received whole had it; 0 when none was, as far as is known. */
  readonly total: number
}
