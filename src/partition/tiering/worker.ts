// What is to be done for one tiered log next, and one step of it: first what must go, then what may be given up
// locally, then what is to be uploaded. Each step leaves the log whole, whatever happens after it. Not when the
// steps are made, nor what becomes of their failures: chore.ts.

import { TIER_DROP_SEGMENTS, TIER_LATE_PUT_MS } from '../../core/limits/tier.ts'
import type { Tier } from '../../tier/object-store.ts'
import type { LogStore } from '../store.ts'
import { Collector } from './collector.ts'
import { localTrim } from './local-retention.ts'
import { nextSealed, sealedBound } from './sealing.ts'
import type { TierReader } from './tier-reader.ts'
import type { TierStore } from './tier-store.ts'
import type { TierableLog } from './tierable.ts'
import { objectPrefix, Uploader, type UploaderHost } from './uploader.ts'

/** What the work needs. */
export interface WorkerHost extends UploaderHost {
  /** An object was put, read back, and is a part of the log: the store does what it is asked to. */
  readonly uploaded: () => void
}

/** The work of tiering one log. */
export class TierWorker {
  readonly #log: TierableLog
  readonly #chunks: LogStore
  readonly #store: TierStore
  readonly #tier: Tier
  readonly #host: WorkerHost
  readonly #uploader: Uploader
  readonly #collector: Collector
  /** Behind the last record that the tier holds, and of its first segment; null when it holds none. */
  #end: number | null
  #firstEnd: number | null
  /** Below this there was nothing to seal, and where there is something to give up it was not due before then. */
  #lookedBound = -1
  #trimDueMs: number | null = 0
  #trimDueBytes = 0
  #trimSettings: unknown = null

  constructor(
    log: TierableLog,
    chunks: LogStore,
    store: TierStore,
    tier: Tier,
    reader: TierReader,
    host: WorkerHost,
  ) {
    this.#log = log
    this.#chunks = chunks
    this.#store = store
    this.#tier = tier
    this.#host = host
    this.#uploader = new Uploader(log, chunks, store, tier.store, reader, host)
    this.#collector = new Collector(store, tier.store, objectPrefix(log.identity))
    this.#end = endOf(store.last())
    this.#firstEnd = endOf(store.first())
  }

  /** Behind the last record that the tier holds; null when it holds none. */
  get end(): number | null {
    return this.#end
  }

  /** When there is something to do, or may be; null while nothing will be. Reads nothing. */
  dueMs(nowMs: number): number | null {
    const { settings, logStart } = this.#log
    if (this.#firstEnd !== null && this.#firstEnd <= logStart) return nowMs
    if (!settings.remoteEnabled) {
      const isGivenUp = this.#end !== null && settings.remoteDeleteOnDisable
      return isGivenUp ? nowMs : this.#collector.dueMs
    }
    if (!settings.remoteCopyDisabled && this.#hasMore()) return nowMs
    return earliest(this.#collector.dueMs, this.#mayTrim() ? this.#trimDue() : null)
  }

  /** One step; true when there may be more to do. */
  async step(nowMs: number): Promise<boolean> {
    const { settings, logStart } = this.#log
    if (!settings.remoteEnabled && settings.remoteDeleteOnDisable && this.#end !== null) {
      // What is only in the tier goes with it, as in Kafka.
      if (this.#log.localStart > logStart) {
        this.#log.moveLogStart(this.#log.localStart, nowMs)
        return true
      }
      return this.#drop(Number.MAX_SAFE_INTEGER, nowMs)
    }
    if (this.#firstEnd !== null && this.#firstEnd <= logStart) return this.#drop(logStart, nowMs)
    const { dueMs } = this.#collector
    if (dueMs !== null && dueMs <= nowMs) {
      // What the log has given up is on disk before the objects are not there any more.
      await this.#host.sync()
      return (await this.#collector.step(nowMs, this.#uploader.key)) || this.#isDue(nowMs)
    }
    if (settings.remoteEnabled && this.#mayTrim() && this.#isTrimDue(nowMs)) {
      if (this.#trim(nowMs)) return true
    }
    if (settings.remoteEnabled && !settings.remoteCopyDisabled && this.#hasMore()) {
      if (await this.#upload()) return true
    }
    if (this.#end !== null && this.#collector.sweeps(nowMs)) {
      return await this.#collector.sweep(nowMs, () => this.#uploader.key)
    }
    return false
  }

  /**
   * Deletes all objects, and forgets them: the log is deleted. False while a put that was given up on may still bring one
   * back: its key stays noted.
   */
  async deleteAll(): Promise<boolean> {
    const settledMs = this.#host.now() - TIER_LATE_PUT_MS
    await this.#collector.deleteAll()
    this.#store.transaction(() => this.#store.clear(settledMs))
    this.#end = null
    this.#firstEnd = null
    return this.#store.garbage(1).length === 0
  }

  #isDue(nowMs: number): boolean {
    const dueMs = this.dueMs(nowMs)
    return dueMs !== null && dueMs <= nowMs
  }

  /** Without a sync the object store may lose what it confirmed: then the local copy stays, unless it is wanted so. */
  #mayTrim(): boolean {
    return this.#tier.isSynced || this.#log.settings.tierUnsynced
  }

  #hasMore(): boolean {
    const bound = sealedBound(this.#log)
    return bound > this.#from() && bound > this.#lookedBound
  }

  #from(): number {
    return Math.max(this.#end ?? 0, this.#log.localStart)
  }

  #isTrimDue(nowMs: number): boolean {
    const dueMs = this.#trimDue()
    return dueMs !== null && dueMs <= nowMs
  }

  /** Other settings may make it due at any time. */
  #trimDue(): number | null {
    if (this.#end === null) return null
    const { settings, runningSizeBytes } = this.#log
    const isDue = this.#trimSettings !== settings || runningSizeBytes >= this.#trimDueBytes
    return isDue ? 0 : this.#trimDueMs
  }

  /** True when something was given up. */
  #trim(nowMs: number): boolean {
    const { settings } = this.#log
    const trim = localTrim(this.#chunks, this.#log, this.#end ?? 0, nowMs)
    const { localStart } = trim
    if (localStart !== null) this.#log.trim(localStart, nowMs)
    this.#trimDueMs = trim.dueMs
    this.#trimDueBytes = trim.dueBytes ?? Number.POSITIVE_INFINITY
    this.#trimSettings = settings
    return localStart !== null
  }

  async #upload(): Promise<boolean> {
    const bound = sealedBound(this.#log)
    const sealed = nextSealed(this.#chunks, this.#from(), bound)
    if (sealed === null) {
      this.#lookedBound = bound
      return false
    }
    try {
      const segment = await this.#uploader.upload(sealed)
      if (segment === null) return true
      this.#end = segment.lastOffset + 1
      this.#firstEnd ??= segment.lastOffset + 1
      this.#host.uploaded()
      // There is more that may be given up.
      this.#trimSettings = null
      return true
    } catch (error) {
      // The object may be there, or come to be.
      this.#collector.added(this.#host.now())
      throw error
    }
  }

  /** The segments that end at or below an offset are no part of the log any more; true: there may be more. */
  #drop(end: number, nowMs: number): true {
    const segments = this.#store.endingBelow(end, TIER_DROP_SEGMENTS)
    this.#store.transaction(() => this.#store.drop(segments))
    this.#firstEnd = endOf(this.#store.first())
    if (this.#firstEnd === null) this.#end = null
    this.#collector.added(nowMs)
    return true
  }
}

function endOf(segment: { readonly lastOffset: number } | null): number | null {
  return segment === null ? null : segment.lastOffset + 1
}

function earliest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b
  return Math.min(a, b)
}
