// Where the module keeps its own tables, and where the caller's data may begin. Not an allocator:
// nothing is allocated after the module started.

/**
 * First address that is ours. The module has no static data and never allocates, so nothing else is
 * in its memory; and a constant address is part of a load, where `__heap_base` would be a sum.
 */
const BASE: usize = 1024

/** 16 tables of 256 words for CRC-32C. */
export const CRC_TABLES: usize = BASE

/** Positions by hash of the compressors: 2^14 entries of 16 bits. */
export const HASH_TABLE: usize = CRC_TABLES + 16 * 256 * 4

/** Bytes of HASH_TABLE. */
export const HASH_TABLE_BYTES: usize = 1 << 15

/** States of two running xxHash32, 64 bytes each. */
export const XXH_STATES: usize = HASH_TABLE + HASH_TABLE_BYTES

/** Swizzle masks for copies whose distance is 0 to 15. */
export const REPEAT_MASKS: usize = XXH_STATES + 2 * 64

/** Sixteen lanes of the checksum of stored rows. */
export const STORED_LANES: usize = REPEAT_MASKS + 256

/** SipHash before the first byte of a key, and on its way through one. */
export const SIP_START: usize = STORED_LANES + 64
export const SIP_STATE: usize = SIP_START + 32

const DATA: usize = SIP_STATE + 32

/** First address that the caller may use. The last 64 bytes of the memory must stay free. */
export function dataStart(): usize {
  return DATA
}
