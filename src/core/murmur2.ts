// The hash and the partition that Kafka's Java client gives a keyed record, so that a record sent over
// HTTP lands where its neighbours from other clients are. Not for anything else: it is no checksum.
// Follows org.apache.kafka.common.utils.Utils.murmur2 (32-bit MurmurHash2, seed 0x9747b28c).

const SEED = 0x9747b28c
const MULTIPLIER = 0x5bd1e995

/** MurmurHash2 of the bytes as Java's signed int. */
export function murmur2(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = bytes.byteLength
  const blocksEnd = length & ~3
  let hash = SEED ^ length
  for (let at = 0; at < blocksEnd; at += 4) {
    let block = Math.imul(view.getInt32(at, true), MULTIPLIER)
    block = Math.imul(block ^ (block >>> 24), MULTIPLIER)
    hash = Math.imul(hash, MULTIPLIER) ^ block
  }
  if (blocksEnd < length) {
    for (let at = length - 1; at >= blocksEnd; at--) {
      hash ^= view.getUint8(at) << (8 * (at - blocksEnd))
    }
    hash = Math.imul(hash, MULTIPLIER)
  }
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER)
  return hash ^ (hash >>> 15)
}

/**
 * The partition of a keyed record among `partitions` (≥ 1), as the Java client's default partitioner
 * chooses it: the sign bit is dropped, not the sign (BuiltInPartitioner.partitionForKey).
 */
export function partitionForKey(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}
