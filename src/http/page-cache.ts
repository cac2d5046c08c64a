// Pages of records that a client may keep: whole pages, at a fixed offset of the topic with a given id, to
// which nothing can be added. Everything else is `no-store`.

import { crc32c } from '../core/wasm.ts'
import type { Access } from '../security/access.ts'

/** Long enough for going back and forth; short enough for what is deleted to vanish. */
const KEPT = 'private, max-age=60'

const encoder = new TextEncoder()

/**
 * A strong tag of a page's text. Length and checksum go with the offsets, because compaction takes records
 * out of what has been read before.
 */
export function tagOf(parts: readonly string[], from: number, next: number): string {
  let crc = 0
  let length = 0
  for (const part of parts) {
    const bytes = encoder.encode(part)
    crc = crc32c(bytes, 0, bytes.length, crc)
    length += bytes.length
  }
  const words = [from, next - from, length, crc >>> 0].map((word) => word.toString(36))
  return `"${words.join('-')}"`
}

/** The headers of a page that may be kept. */
export function keptHeaders(tag: string): Record<string, string> {
  return { 'cache-control': KEPT, etag: tag }
}

/** What an answer is by: where somebody is asked who they are, what one was shown is not for the next in the same browser. */
export function varying({ isOpen }: Pick<Access, 'isOpen'>): string {
  return isOpen ? 'Accept' : 'Accept, Authorization, Cookie'
}

/** Whether the client has this very page. As RFC 9110 says, weak tags compare too, and `*` is any. */
export function isKnown(ifNoneMatch: string | null, tag: string): boolean {
  if (ifNoneMatch === null) return false
  if (ifNoneMatch.trim() === '*') return true
  return ifNoneMatch.split(',').some((one) => one.trim().replace(/^W\//, '') === tag)
}
