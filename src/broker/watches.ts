// The partitions a connection waits for at their end. One parked call per partition outlives many
// polls, so an idle partition costs nothing per poll. A hint only: what fires, fails or is old is read
// again. Belongs to one connection or HTTP request, like its stubs.

import { type Offset, partitionName, type TopicId } from '../core/ids.ts'
import { REREAD_IDLE_MS, WATCH_MAX_MS } from '../core/limits.ts'
import type { PartitionRpc, PartitionTarget } from '../partition/contract.ts'
import type { Timers } from './context.ts'

/** What the last read of an idle partition said; valid while its watch has not fired. */
export interface IdlePosition {
  readonly highWatermark: Offset
  readonly lastStableOffset: Offset
  readonly logStartOffset: Offset
}

interface Watch {
  /** The position that had nothing to read; below `after` while transactions are open there. */
  readonly position: number
  readonly after: Offset
  idle: IdlePosition
  readAtMs: number
}

/** All watches of one connection. */
export class Watches {
  readonly #timers: Timers
  readonly #parked = new Map<string, Watch>()
  readonly #listeners = new Set<() => void>()

  constructor(timers: Timers) {
    this.#timers = timers
  }

  /** Partitions with a parked call. */
  get size(): number {
    return this.#parked.size
  }

  /**
   * The state of a partition that had nothing at `position` when last read and has said nothing
   * since; undefined when it must be read.
   */
  idleAt(topicId: TopicId, partition: number, position: number): IdlePosition | undefined {
    const watch = this.#parked.get(partitionName(topicId, partition))
    if (watch === undefined || watch.position !== position) return undefined
    if (this.#timers.now() - watch.readAtMs > REREAD_IDLE_MS) return undefined
    return watch.idle
  }

  /** Parks a call at a partition that was just read and had nothing at `position`, unless one is parked. */
  arm(leader: PartitionRpc, target: PartitionTarget, position: number, idle: IdlePosition): void {
    const after = idle.highWatermark
    const key = partitionName(target.topicId, target.partition)
    const readAtMs = this.#timers.now()
    const parked = this.#parked.get(key)
    if (parked !== undefined && parked.after === after && parked.position === position) {
      parked.idle = idle
      parked.readAtMs = readAtMs
      return
    }
    const watch: Watch = { position, after, idle, readAtMs }
    this.#parked.set(key, watch)
    const fired = () => {
      if (this.#parked.get(key) !== watch) return
      this.#parked.delete(key)
      for (const listener of [...this.#listeners]) listener()
    }
    // Time over, news and failure are answered alike: read again.
    leader.watch(target, after, WATCH_MAX_MS).then(fired, fired)
  }

  /**
   * Waits until any watch fires or `ms` pass; true when one fired. Not every wake-up is the caller's:
   * ask idleAt again.
   */
  news(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (fired: boolean) => {
        cancel()
        this.#listeners.delete(listener)
        resolve(fired)
      }
      const listener = () => finish(true)
      const cancel = this.#timers.after(ms, () => finish(false))
      this.#listeners.add(listener)
    })
  }
}
