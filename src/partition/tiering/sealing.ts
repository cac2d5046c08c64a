// Which chunks go into the next segment object: neighbours, of one segment of the log that is not the active one,
// wholly below the last stable offset, and as they will stay (small ones merged). As many as an object takes, or all
// that are left of their segment. Decides only; uploader.ts writes the object.

import { TIER_SEGMENT_CHUNKS, TIER_UPLOAD_BYTES } from '../../core/limits/tier.ts'
import type { LogStore } from '../store.ts'
import type { ChunkHeader } from '../stored.ts'
import type { TierableLog } from './tierable.ts'

/** What to upload next. */
export interface Sealed {
  readonly chunks: readonly ChunkHeader[]
  readonly firstOffset: number
  readonly lastOffset: number
}

/** Chunk headers read at once. */
const HEADERS_AT_ONCE = 256

/** Nothing at or above it is sealed now: where the stable and closed part of the log ends. */
export function sealedBound(log: TierableLog): number {
  return Math.min(log.lastStableOffset, log.activeFrom, log.mergedTo)
}

/**
 * The next run of chunks, from the one that reaches `from`; null while there is none.
 * @param bound as sealedBound says
 */
export function nextSealed(
  store: Pick<LogStore, 'headersFrom' | 'lifecycle'>,
  from: number,
  bound: number,
): Sealed | null {
  const run: ChunkHeader[] = []
  let bytes = 0
  let next = from
  for (;;) {
    const headers = store.headersFrom(next, HEADERS_AT_ONCE)
    const reaching = headers.filter(({ lastOffset }) => lastOffset >= next)
    const last = reaching.at(-1)
    if (last === undefined) return sealed(run, next === bound)
    const starts = store.lifecycle.segmentStarts(next, last.lastOffset)
    for (const header of reaching) {
      const isFull =
        run.length >= TIER_SEGMENT_CHUNKS || bytes + header.sizeBytes > TIER_UPLOAD_BYTES
      if (run.length > 0 && (isFull || starts.has(header.firstOffset))) return sealed(run, true)
      // What is left below the bound waits for what comes behind it in its segment.
      if (header.lastOffset >= bound) return null
      run.push(header)
      bytes += header.sizeBytes
      next = header.lastOffset + 1
    }
  }
}

function sealed(chunks: readonly ChunkHeader[], isComplete: boolean): Sealed | null {
  const [first] = chunks
  const last = chunks.at(-1)
  if (first === undefined || last === undefined || !isComplete) return null
  return { chunks, firstOffset: first.firstOffset, lastOffset: last.lastOffset }
}
