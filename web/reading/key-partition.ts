// Where a key's records are: the partition that Java clients and the broker choose for it.

import { partitionForKey } from '../../src/core/murmur2.ts'

/** The partition of a key of text. */
export function partitionOfKey(key: string, partitions: number): number {
  return partitionForKey(new TextEncoder().encode(key), partitions)
}
