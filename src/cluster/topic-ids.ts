// Random ids of topics and of the cluster, as Kafka makes them: a version 4 UUID in unpadded base64url.

import type { TopicId } from '../core/ids.ts'

/** Fills a buffer with random bytes. */
export type Random = (bytes: Uint8Array<ArrayBuffer>) => void

/**
 * A new id. One that starts with `-` is not used, as tools would take it for a flag; Kafka's reserved
 * ids (the first hundred numbers) cannot come, since a version 4 UUID has a bit set in its first half.
 */
export function randomId(random: Random): TopicId {
  for (;;) {
    const bytes = new Uint8Array(16)
    random(bytes)
    bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
    bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
    const text = btoa(String.fromCharCode(...bytes))
      .replaceAll('+', '-')
      .replaceAll('/', '_')
      .slice(0, 22)
    if (!text.startsWith('-')) return text as TopicId
  }
}
