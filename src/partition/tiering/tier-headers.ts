// The headers of a whole log, for what decides by sizes and times and reads no batch: those of the chunks that
// are local, before them those of the tier's segments. A segment of the tier never reaches over the boundary
// of two segments of the log, nor over the start of the local log.

import type { LogStore } from '../store.ts'
import type { ChunkHeader } from '../stored.ts'
import type { TierStore } from './tier-store.ts'
import type { HeaderSource } from './tierable.ts'

/** Both parts of a log as one. */
export class WholeLogHeaders implements HeaderSource {
  readonly #local: LogStore
  readonly #tier: TierStore
  readonly #localStart: () => number

  constructor(local: LogStore, tier: TierStore, localStart: () => number) {
    this.#local = local
    this.#tier = tier
    this.#localStart = localStart
  }

  /** The last one that starts at or before `offset`. */
  headerAtOrBefore(offset: number): ChunkHeader | null {
    return offset < this.#localStart()
      ? this.#tier.headerAtOrBefore(offset)
      : this.#local.headerAtOrBefore(offset)
  }

  /** The one that holds `offset`, if its part of the log begins there. */
  headerFrom(offset: number): ChunkHeader | null {
    if (offset < this.#localStart()) return this.#tier.reaching(offset)
    return this.#local.headersFrom(offset, 1)[0] ?? null
  }

  /** Highest timestamp in [from, end), both where segments of the log begin; -1 when there is none. */
  highestTimestamp(from: number, end: number): number {
    const boundary = this.#localStart()
    const tiered = from < boundary ? this.#tier.highestTimestamp(from, Math.min(end, boundary)) : -1
    if (end <= boundary) return tiered
    return Math.max(tiered, this.#local.highestTimestamp(Math.max(from, boundary), end))
  }

  /** Bytes of batches from `offset` on, where a segment of the log begins: looks at each. */
  sizeFrom(offset: number): number {
    const boundary = this.#localStart()
    const local = this.#local.lifecycle.sizeFrom(Math.max(offset, boundary))
    return offset < boundary ? local + this.#tier.sizeBetween(offset, boundary) : local
  }
}
