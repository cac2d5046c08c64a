// The checksum of stored rows: XXH32's step in sixteen lanes at once, and XXH32 over the lanes, what is left and
// the length. Not a known hash: nobody but Ottla reads it. Four vectors take turns, because a product's
// result is a long wait away; a single one of four lanes would be slower than scalar XXH32.

import { STORED_LANES } from './layout'
import { xxh32Digest, xxh32Reset, xxh32Update } from './xxh32'

const PRIME1: u32 = 0x9e3779b1
const PRIME2: u32 = 0x85ebca77
const STRIPE: usize = 64

/** Begins: each lane starts elsewhere, so that words cannot change places between them. */
export function storedSumReset(): void {
  for (let lane: u32 = 0; lane < 16; lane++) {
    store<u32>(STORED_LANES + (<usize>lane << 2), PRIME1 * (lane + 1) + PRIME2)
  }
}

// @ts-ignore: decorator
@inline
function step(lanes: v128, words: v128): v128 {
  const sum = i32x4.add(lanes, i32x4.mul(words, i32x4.splat(PRIME2)))
  const turned = v128.or(i32x4.shl(sum, 13), i32x4.shr_u(sum, 19))
  return i32x4.mul(turned, i32x4.splat(PRIME1))
}

/** Takes whole stripes: `length` is a multiple of 64. */
export function storedSumUpdate(at: usize, length: usize): void {
  let a = v128.load(STORED_LANES)
  let b = v128.load(STORED_LANES, 16)
  let c = v128.load(STORED_LANES, 32)
  let d = v128.load(STORED_LANES, 48)
  for (const end = at + length; at < end; at += STRIPE) {
    a = step(a, v128.load(at))
    b = step(b, v128.load(at, 16))
    c = step(c, v128.load(at, 32))
    d = step(d, v128.load(at, 48))
  }
  v128.store(STORED_LANES, a)
  v128.store(STORED_LANES, b, 16)
  v128.store(STORED_LANES, c, 32)
  v128.store(STORED_LANES, d, 48)
}

/** The sum: of the stripes before, the `length` bytes (below 64) left at `at`, and the length of all. */
export function storedSumDigest(at: usize, length: usize, total: u32): u32 {
  xxh32Reset(0)
  xxh32Update(0, STORED_LANES, STRIPE)
  xxh32Update(0, at, length)
  store<u32>(STORED_LANES, total)
  xxh32Update(0, STORED_LANES, 4)
  return xxh32Digest(0)
}
