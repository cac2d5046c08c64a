// The hash by which Java clients place keyed records: 32-bit MurmurHash2 with Kafka's seed, its sign
// bit cleared, modulo the number of partitions. Written from the algorithm's definition.

const SEED = 0x9747b28c
const MULTIPLIER = 0x5bd1e995
const SHIFT = 24

/** The partition of a key. */
export function murmur2Partition(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}

/** The hash as an unsigned 32-bit number. */
export function murmur2(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let hash = (SEED ^ bytes.length) | 0
  const whole = bytes.length - (bytes.length % 4)
  for (let at = 0; at < whole; at += 4) {
    let word = Math.imul(view.getInt32(at, true), MULTIPLIER)
    word = Math.imul(word ^ (word >>> SHIFT), MULTIPLIER)
    hash = Math.imul(hash, MULTIPLIER) ^ word
  }
  if (whole < bytes.length) {
    let rest = 0
    for (let at = bytes.length - 1; at >= whole; at -= 1) rest = (rest << 8) | view.getUint8(at)
    hash = Math.imul(hash ^ rest, MULTIPLIER)
  }
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER)
  return (hash ^ (hash >>> 15)) >>> 0
}
