// xxHash32 as running hashes: reset, update as often as needed, digest. Two can run side by side (a
// frame's content and its current block). Follows the xxHash specification (XXH32); the seed is 0 as
// LZ4 frames want it. Scalar: the four 32-bit products of a step are slower as one vector product.

import { XXH_STATES } from './layout'

const PRIME1: u32 = 0x9e3779b1
const PRIME2: u32 = 0x85ebca77
const PRIME3: u32 = 0xc2b2ae3d
const PRIME4: u32 = 0x27d4eb2f
const PRIME5: u32 = 0x165667b1

// A state: four lanes at 0, bytes that wait for a full step at 16, their count at 32, all bytes so
// far (modulo 2^32, as the digest wants it) at 36, and at 40 whether a full step was taken.
const PENDING: usize = 16

// @ts-ignore: decorator
@inline
function stateOf(which: usize): usize {
  return XXH_STATES + (which << 6)
}

/** Forgets what hash 0 or 1 has seen. */
export function xxh32Reset(which: usize): void {
  const state = stateOf(which)
  store<u32>(state, PRIME1 + PRIME2)
  store<u32>(state, PRIME2, 4)
  store<u32>(state, 0, 8)
  store<u32>(state, 0 - PRIME1, 12)
  store<u32>(state, 0, 32)
  store<u32>(state, 0, 36)
  store<u32>(state, 0, 40)
}

// @ts-ignore: decorator
@inline
function lane(sum: u32, word: u32): u32 {
  return rotl<u32>(sum + word * PRIME2, 13) * PRIME1
}

/** Takes whole steps of sixteen bytes into the lanes. */
function stripes(state: usize, at: usize, end: usize): void {
  let a = load<u32>(state)
  let b = load<u32>(state, 4)
  let c = load<u32>(state, 8)
  let d = load<u32>(state, 12)
  for (; at < end; at += 16) {
    a = lane(a, load<u32>(at))
    b = lane(b, load<u32>(at, 4))
    c = lane(c, load<u32>(at, 8))
    d = lane(d, load<u32>(at, 12))
  }
  store<u32>(state, a)
  store<u32>(state, b, 4)
  store<u32>(state, c, 8)
  store<u32>(state, d, 12)
  store<u32>(state, 1, 40)
}

/** Hashes the bytes after those before. */
export function xxh32Update(which: usize, at: usize, length: usize): void {
  const state = stateOf(which)
  const waiting = <usize>load<u32>(state, 32)
  store<u32>(state, load<u32>(state, 36) + <u32>length, 36)
  if (waiting > 0) {
    const taken = min<usize>(16 - waiting, length)
    memory.copy(state + PENDING + waiting, at, taken)
    at += taken
    length -= taken
    if (waiting + taken < 16) {
      store<u32>(state, <u32>(waiting + taken), 32)
      return
    }
    stripes(state, state + PENDING, state + PENDING + 16)
  }
  const whole = length & ~15
  if (whole > 0) stripes(state, at, at + whole)
  const rest = length - whole
  if (rest > 0) memory.copy(state + PENDING, at + whole, rest)
  store<u32>(state, <u32>rest, 32)
}

/** The hash of all bytes since the reset. */
export function xxh32Digest(which: usize): u32 {
  const state = stateOf(which)
  let hash =
    load<u32>(state, 40) != 0
      ? rotl<u32>(load<u32>(state), 1) +
        rotl<u32>(load<u32>(state, 4), 7) +
        rotl<u32>(load<u32>(state, 8), 12) +
        rotl<u32>(load<u32>(state, 12), 18)
      : PRIME5
  hash += load<u32>(state, 36)
  let at = state + PENDING
  const end = at + <usize>load<u32>(state, 32)
  for (; at + 4 <= end; at += 4) hash = rotl<u32>(hash + load<u32>(at) * PRIME3, 17) * PRIME4
  for (; at < end; at++) hash = rotl<u32>(hash + <u32>load<u8>(at) * PRIME5, 11) * PRIME1
  hash = (hash ^ (hash >>> 15)) * PRIME2
  hash = (hash ^ (hash >>> 13)) * PRIME3
  return hash ^ (hash >>> 16)
}
