// Where the module keeps its own tables, and where the caller's data may begin. Not an allocator:
// nothing is allocated after the module started.

/**
 * First address that is ours. The module has no static data and never allocates, so nothing else is
 * in its memory; and a constant address is part of a load, where `__heap_base` would be a sum.
 */
const BASE: usize = 1024

/** 16 tables of 256 words for CRC-32C. */
export const CRC_TABLES: usize = BASE

/** What half a byte does to a register of CRC-32C: four bytes for each lower half, then for each upper one. */
export const CRC_HALVES: usize = CRC_TABLES + 16 * 256 * 4

/** Sixteen registers: all first bytes, then all second ones, and so on. */
export const CRC_LANES: usize = CRC_HALVES + 8 * 16

/** Sixteen bytes of each lane, by their place. */
export const CRC_COLUMNS: usize = CRC_LANES + 4 * 16

/** For two lengths of a lane, four tables of 256 words: what a register becomes after as many zero bytes. */
export const CRC_ADVANCES: usize = CRC_COLUMNS + 256

/** Bytes of one of CRC_ADVANCES. */
export const CRC_ADVANCE_BYTES: usize = 4 * 256 * 4

/** Positions by hash of the compressors: 2^14 entries of 16 bits. */
export const HASH_TABLE: usize = CRC_ADVANCES + 2 * CRC_ADVANCE_BYTES

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
