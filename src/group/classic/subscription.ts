// The topics in a ConsumerProtocolSubscription, which is opaque to a classic group in every other way:
// expiry and deletion of offsets ask which topics are subscribed. Read by the layout of version 0, which
// begins every later one. Bytes that are something else are no error of the member: it may join.

import { MalformedMessage, Reader } from '../../core/bytes.ts'

/** The topics named; null when the bytes are no such subscription. */
export function subscribedTopicsOf(metadata: Uint8Array): readonly string[] | null {
  try {
    const reader = new Reader(metadata)
    if (reader.int16() < 0) return null
    const count = reader.int32()
    reader.elements(count, 2)
    const topics: string[] = []
    for (let index = 0; index < count; index++) topics.push(reader.utf8(reader.int16()))
    return topics
  } catch (error) {
    if (error instanceof MalformedMessage) return null
    throw error
  }
}
