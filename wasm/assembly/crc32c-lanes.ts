// CRC-32C of a kibibyte and more: sixteen registers at once, each over its own sixteenth of a block, joined
// at the block's end. WebAssembly has no carry-less multiplication, but it looks sixteen values up at once in a
// table of sixteen bytes (swizzle): what a byte does to a register is found by its two halves, for each of the
// register's four bytes. Not what is shorter than a block: that is crc32c.ts's.

import { CRC_ADVANCE_BYTES, CRC_ADVANCES, CRC_COLUMNS, CRC_HALVES, CRC_LANES, CRC_TABLES } from './layout'

const LANES: usize = 16

/** Bytes of a lane: where they are many joining costs nothing, where they are few a record's batch is a block. */
const LONG: usize = 1024
const SHORT: usize = 64

/** A shorter piece is no block. */
export const SHORT_BLOCK: usize = LANES * SHORT
const LONG_BLOCK: usize = LANES * LONG

const SHORT_ADVANCE: usize = CRC_ADVANCES
const LONG_ADVANCE: usize = CRC_ADVANCES + CRC_ADVANCE_BYTES

/** Fills the tables; those of crc32c.ts are filled. */
export function fillLaneTables(): void {
  for (let half: usize = 0; half < 16; half++) {
    const low = load<u32>(CRC_TABLES + (half << 2))
    const high = load<u32>(CRC_TABLES + (half << 6))
    for (let byte: usize = 0; byte < 4; byte++) {
      store<u8>(CRC_HALVES + (byte << 4) + half, <u8>(low >>> (<u32>byte << 3)))
      store<u8>(CRC_HALVES + 64 + (byte << 4) + half, <u8>(high >>> (<u32>byte << 3)))
    }
  }
  fillAdvance(SHORT_ADVANCE, SHORT, 0)
  fillAdvance(LONG_ADVANCE, LONG / SHORT, SHORT_ADVANCE)
}

/** What a register becomes after `times` steps of one zero byte, or of what another such table does. */
function fillAdvance(tables: usize, times: usize, by: usize): void {
  for (let table: usize = 0; table < 4; table++) {
    const words = tables + (table << 10)
    store<u32>(words, 0)
    for (let byte: u32 = 1; byte < 256; byte++) {
      const rest = byte & (byte - 1)
      const known = load<u32>(words + (<usize>rest << 2))
      let bit = (byte ^ rest) << (<u32>table << 3)
      if (rest !== 0) bit = load<u32>(words + (<usize>(byte ^ rest) << 2))
      else for (let step: usize = 0; step < times; step++) bit = by === 0 ? zeroByte(bit) : advanced(by, bit)
      store<u32>(words + (<usize>byte << 2), bit ^ known)
    }
  }
}

function zeroByte(register: u32): u32 {
  return (register >>> 8) ^ load<u32>(CRC_TABLES + (<usize>(register & 255) << 2))
}

// @ts-ignore: decorator
@inline
function advanced(tables: usize, register: u32): u32 {
  return (
    load<u32>(tables + ((register << 2) & 0x3fc)) ^
    load<u32>(tables + ((register >>> 6) & 0x3fc), 1024) ^
    load<u32>(tables + ((register >>> 14) & 0x3fc), 2048) ^
    load<u32>(tables + ((register >>> 22) & 0x3fc), 3072)
  )
}

/** Continues a register, not a finished CRC, over whole short blocks; less than one is left at the end. */
export function overBlocks(register: u32, at: usize, length: usize): u32 {
  while (length >= LONG_BLOCK) {
    register = overBlock(register, at, LONG, LONG_ADVANCE)
    at += LONG_BLOCK
    length -= LONG_BLOCK
  }
  while (length >= SHORT_BLOCK) {
    register = overBlock(register, at, SHORT, SHORT_ADVANCE)
    at += SHORT_BLOCK
    length -= SHORT_BLOCK
  }
  return register
}

function overBlock(register: u32, at: usize, lane: usize, advance: usize): u32 {
  const low0 = v128.load(CRC_HALVES)
  const low1 = v128.load(CRC_HALVES, 16)
  const low2 = v128.load(CRC_HALVES, 32)
  const low3 = v128.load(CRC_HALVES, 48)
  const high0 = v128.load(CRC_HALVES, 64)
  const high1 = v128.load(CRC_HALVES, 80)
  const high2 = v128.load(CRC_HALVES, 96)
  const high3 = v128.load(CRC_HALVES, 112)
  const halfByte = i8x16.splat(15)
  // The first lane goes on from what was before; the first bytes of all registers, then the second ones, ...
  let state0 = i8x16.replace_lane(i8x16.splat(0), 0, <i8>register)
  let state1 = i8x16.replace_lane(i8x16.splat(0), 0, <i8>(register >>> 8))
  let state2 = i8x16.replace_lane(i8x16.splat(0), 0, <i8>(register >>> 16))
  let state3 = i8x16.replace_lane(i8x16.splat(0), 0, <i8>(register >>> 24))
  for (const end = at + lane; at < end; at += 16) {
    columns(at, lane, CRC_COLUMNS)
    columns(at + 8 * lane, lane, CRC_COLUMNS + 128)
    for (let pair: usize = CRC_COLUMNS; pair < CRC_COLUMNS + 128; pair += 16) {
      const above = v128.load(pair)
      const below = v128.load(pair, 128)
      const even = v128.xor(state0, v128.shuffle<u64>(above, below, 0, 2))
      const evenLow = v128.and(even, halfByte)
      const evenHigh = i8x16.shr_u(even, 4)
      state0 = v128.xor(state1, v128.xor(look(low0, evenLow), look(high0, evenHigh)))
      state1 = v128.xor(state2, v128.xor(look(low1, evenLow), look(high1, evenHigh)))
      state2 = v128.xor(state3, v128.xor(look(low2, evenLow), look(high2, evenHigh)))
      state3 = v128.xor(look(low3, evenLow), look(high3, evenHigh))
      const odd = v128.xor(state0, v128.shuffle<u64>(above, below, 1, 3))
      const oddLow = v128.and(odd, halfByte)
      const oddHigh = i8x16.shr_u(odd, 4)
      state0 = v128.xor(state1, v128.xor(look(low0, oddLow), look(high0, oddHigh)))
      state1 = v128.xor(state2, v128.xor(look(low1, oddLow), look(high1, oddHigh)))
      state2 = v128.xor(state3, v128.xor(look(low2, oddLow), look(high2, oddHigh)))
      state3 = v128.xor(look(low3, oddLow), look(high3, oddHigh))
    }
  }
  v128.store(CRC_LANES, state0)
  v128.store(CRC_LANES, state1, 16)
  v128.store(CRC_LANES, state2, 32)
  v128.store(CRC_LANES, state3, 48)
  let joined: u32 = 0
  for (let one: usize = CRC_LANES; one < CRC_LANES + LANES; one++) {
    joined =
      advanced(advance, joined) ^
      ((<u32>load<u8>(one)) |
        ((<u32>load<u8>(one, 16)) << 8) |
        ((<u32>load<u8>(one, 32)) << 16) |
        ((<u32>load<u8>(one, 48)) << 24))
  }
  return joined
}

// @ts-ignore: decorator
@inline
function look(table: v128, indexes: v128): v128 {
  return i8x16.swizzle(table, indexes)
}

// @ts-ignore: decorator
@inline
function lower(a: v128, b: v128): v128 {
  return v128.shuffle<u8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
}

// @ts-ignore: decorator
@inline
function upper(a: v128, b: v128): v128 {
  return v128.shuffle<u8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
}

/**
 * Sixteen bytes of each of eight lanes become sixteen columns of eight bytes, two in a vector: a byte's address is
 * its lane and its place, three bits and four, and each of three rounds turns that number by a bit.
 */
// @ts-ignore: decorator
@inline
function columns(at: usize, lane: usize, to: usize): void {
  const a0 = v128.load(at)
  const a1 = v128.load(at + lane)
  const a2 = v128.load(at + 2 * lane)
  const a3 = v128.load(at + 3 * lane)
  const a4 = v128.load(at + 4 * lane)
  const a5 = v128.load(at + 5 * lane)
  const a6 = v128.load(at + 6 * lane)
  const a7 = v128.load(at + 7 * lane)
  const b0 = lower(a0, a4)
  const b1 = upper(a0, a4)
  const b2 = lower(a1, a5)
  const b3 = upper(a1, a5)
  const b4 = lower(a2, a6)
  const b5 = upper(a2, a6)
  const b6 = lower(a3, a7)
  const b7 = upper(a3, a7)
  const c0 = lower(b0, b4)
  const c1 = upper(b0, b4)
  const c2 = lower(b1, b5)
  const c3 = upper(b1, b5)
  const c4 = lower(b2, b6)
  const c5 = upper(b2, b6)
  const c6 = lower(b3, b7)
  const c7 = upper(b3, b7)
  v128.store(to, lower(c0, c4))
  v128.store(to, upper(c0, c4), 16)
  v128.store(to, lower(c1, c5), 32)
  v128.store(to, upper(c1, c5), 48)
  v128.store(to, lower(c2, c6), 64)
  v128.store(to, upper(c2, c6), 80)
  v128.store(to, lower(c3, c7), 96)
  v128.store(to, upper(c3, c7), 112)
}
