// Frees chunks that are no part of the local log any more, oldest first, in bounded steps: each is one
// transaction. Which part that is, deleted or given up to the tier, is log.ts's to say.

import { FREE_STEP_BYTES, FREE_STEP_CHUNKS } from '../../core/limits/partition.ts'
import type { LogStore } from '../store.ts'
import type { ChunkHeader } from '../stored.ts'

/** What a step has done. */
export interface Freed {
  readonly bytes: number
  /** More are left. */
  readonly more: boolean
}

/**
 * Frees chunks that end below `end`; null when there are none.
 * @param hasAborted transactions were aborted: what is noted of those that end in the chunks goes too
 */
export function freeStep(store: LogStore, end: number, hasAborted: boolean): Freed | null {
  let last: ChunkHeader | null = null
  let bytes = 0
  let more = false
  const headers = store.headersFrom(0, FREE_STEP_CHUNKS + 1)
  for (const [index, header] of headers.entries()) {
    if (header.lastOffset >= end) break
    more = index === FREE_STEP_CHUNKS || bytes >= FREE_STEP_BYTES
    if (more) break
    last = header
    bytes += header.sizeBytes
  }
  if (last === null) return null
  const { firstOffset, lastOffset } = last
  store.transaction(() => {
    store.deleteChunks(firstOffset)
    if (hasAborted) store.aborted.delete(lastOffset)
  })
  return { bytes, more }
}
