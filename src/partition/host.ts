// What a partition leader runs on: the platform's storage, clock, timers and alarm, and Cluster. The
// Durable Object gives the real ones, tests their own.

import type { PartitionAdmission } from '../cluster/contract.ts'
import type { StartTimer } from '../runtime/waiters.ts'
import type { Tier } from '../tier/object-store.ts'
import type { EnlistReply } from '../transaction/contract.ts'
import type { Told, ToldReply } from '../watch/contract.ts'
import type { StepBudget } from './compaction/compactable.ts'
import type { CompactionSlot } from './compaction/slot.ts'
import type { EnlistQuestion } from './enlistments.ts'
import type { BytePipe } from './fanout.ts'
import type { ReportedLog } from './reporting.ts'
import type { LogStorage } from './store.ts'
import type { Identity } from './stored.ts'
import type { ChunkCache } from './tail.ts'

/** The surroundings of one leader. */
export interface LeaderHost {
  readonly identity: Identity
  readonly storage: LogStorage
  /** Resolves when all that was written is confirmed on disk; rejects when it is lost. */
  readonly sync: () => Promise<void>
  /** Resolves in a later turn of the event loop: what was answered before has then left. Never rejects. */
  readonly turn: () => Promise<void>
  /** Removes everything that is stored. */
  readonly deleteAll: () => Promise<void>
  /** Ends this object: the next call meets a new one, loaded from what is on disk. */
  readonly abort: (reason: string) => void
  /** Calls `housekeep` at this time or earlier, even if the object is evicted before. */
  readonly wakeAt: (timeMs: number) => void
  /** Asks Cluster whether the partition is alive (ClusterRpc.admit). */
  readonly admit: (writing: boolean) => Promise<PartitionAdmission>
  /** Asks the coordinator of a transactional id about one of its producers (TransactionRpc.enlist). */
  readonly enlist: (question: EnlistQuestion) => Promise<EnlistReply>
  /** Tells those who are subscribed to this partition at its Watch object where it is (WatchRpc.tell). */
  readonly tell: (told: Told) => Promise<ToldReply>
  /** The log is loaded; where it begins or ends, or whether it is there, has changed since: for statistics. */
  readonly loaded?: (log: ReportedLog) => void
  readonly moved?: () => void
  /** A stream to somebody in another isolate. */
  readonly openPipe: () => BytePipe
  /** Names this isolate: what is read from memory is shared with callers in it. */
  readonly isolate: () => string
  readonly now: () => number
  readonly startTimer: StartTimer
  readonly chunks: ChunkCache
  /** What the object may hold; the platform's limit when absent. */
  readonly maxBytes?: number
  /** Where what is not kept locally goes, if there is such a place. */
  readonly tier?: Tier | null
  /** Whose turn it is to hold a segment in memory, where it is not the isolate's: tests. */
  readonly tieringSlot?: CompactionSlot
  /** What compaction is given otherwise than in production: tests. */
  readonly compaction?: {
    readonly slot: CompactionSlot
    readonly budget: StepBudget
    readonly mapBytes: number
    readonly saveRows: number
  }
  /** A line in the log for what no reply can carry. */
  readonly report: (event: string, error: unknown) => void
}
