// Writes an object and reads it back: what is in the store is what was given, by its checksum. Not when, and
// not what a failure means for the log.

import { TIER_READ_BACK_BYTES } from '../core/limits/tier.ts'
import { storedSum } from '../core/wasm.ts'
import { type ObjectStore, ObjectStoreError } from './object-store.ts'

/**
 * Resolves when the store has confirmed the object and given all of it back as it is.
 * @throws ObjectStoreError also when what came back differs, which is retriable: the bytes are still here
 */
export async function putAndReadBack(
  store: ObjectStore,
  key: string,
  body: Uint8Array,
): Promise<void> {
  await store.put(key, body)
  for (let offset = 0; offset < body.length; offset += TIER_READ_BACK_BYTES) {
    const length = Math.min(TIER_READ_BACK_BYTES, body.length - offset)
    const found = await store.get(key, { offset, length })
    if (found === null) throw new ObjectStoreError(`${key}: not there after it was put`, true)
    // Compared by checksum, as it will be when it is read: byte by byte takes ten times as long.
    if (storedSum(found) !== storedSum(body.subarray(offset, offset + length))) {
      throw new ObjectStoreError(`${key}: other bytes came back than were put`, true)
    }
  }
}
