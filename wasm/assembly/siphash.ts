// SipHash with a 128-bit output, of bytes in this memory. The secret and the numbers of rounds are set
// before; keys larger than the memory come in pieces. Follows Aumasson and Bernstein's reference.

import { SIP_START, SIP_STATE } from './layout'

let wordRounds: i32 = 1
let endRounds: i32 = 3

/** Sets the secret, four words of it, and the rounds for each word of a key and for each half of the result. */
export function sipSecret(a: u32, b: u32, c: u32, d: u32, word: i32, end: i32): void {
  const k0 = <u64>a | (<u64>b << 32)
  const k1 = <u64>c | (<u64>d << 32)
  store<u64>(SIP_START, k0 ^ 0x736f6d6570736575)
  store<u64>(SIP_START, k1 ^ 0x646f72616e646f6d ^ 0xee, 8)
  store<u64>(SIP_START, k0 ^ 0x6c7967656e657261, 16)
  store<u64>(SIP_START, k1 ^ 0x7465646279746573, 24)
  wordRounds = word
  endRounds = end
}

/** Begins a key that comes in pieces. */
export function sipReset(): void {
  memory.copy(SIP_STATE, SIP_START, 32)
}

/** Takes the next piece: `length` is a multiple of 8. */
export function sipUpdate(at: usize, length: usize): void {
  words(SIP_STATE, at, at + length)
}

/** Puts the hash at `to`: of the pieces before, the `rest` bytes (below 8) left at `at`, and the length of all. */
export function sipDigest(at: usize, rest: usize, total: u32, to: usize): void {
  digest(at, rest, total, to)
}

/** Puts the hash of a whole key at `to`. May read up to 7 bytes behind it. */
// @ts-ignore: decorator
@inline
export function sipHash(at: usize, length: usize, to: usize): void {
  const rest = length & 7
  const behind = at + length - rest
  words(SIP_START, at, behind)
  digest(behind, rest, <u32>length, to)
}

/** Goes on from the state at `state` to SIP_STATE. */
// @ts-ignore: decorator
@inline
function words(state: usize, at: usize, end: usize): void {
  let v0 = load<u64>(state)
  let v1 = load<u64>(state, 8)
  let v2 = load<u64>(state, 16)
  let v3 = load<u64>(state, 24)
  for (; at < end; at += 8) {
    const word = load<u64>(at)
    v3 ^= word
    for (let round = 0; round < wordRounds; round++) {
      v0 += v1
      v1 = rotl<u64>(v1, 13) ^ v0
      v0 = rotl<u64>(v0, 32)
      v2 += v3
      v3 = rotl<u64>(v3, 16) ^ v2
      v0 += v3
      v3 = rotl<u64>(v3, 21) ^ v0
      v2 += v1
      v1 = rotl<u64>(v1, 17) ^ v2
      v2 = rotl<u64>(v2, 32)
    }
    v0 ^= word
  }
  store<u64>(SIP_STATE, v0)
  store<u64>(SIP_STATE, v1, 8)
  store<u64>(SIP_STATE, v2, 16)
  store<u64>(SIP_STATE, v3, 24)
}

// @ts-ignore: decorator
@inline
function digest(at: usize, rest: usize, total: u32, to: usize): void {
  let v0 = load<u64>(SIP_STATE)
  let v1 = load<u64>(SIP_STATE, 8)
  let v2 = load<u64>(SIP_STATE, 16)
  let v3 = load<u64>(SIP_STATE, 24)
  const left = rest == 0 ? 0 : load<u64>(at) & (((<u64>1) << (<u64>rest << 3)) - 1)
  let word: u64 = left | ((<u64>total) << 56)
  let rounds = wordRounds
  // The word with what is left and the length, then the two halves of the result.
  for (let stage = 0; stage < 3; stage++) {
    v3 ^= word
    for (let round = 0; round < rounds; round++) {
      v0 += v1
      v1 = rotl<u64>(v1, 13) ^ v0
      v0 = rotl<u64>(v0, 32)
      v2 += v3
      v3 = rotl<u64>(v3, 16) ^ v2
      v0 += v3
      v3 = rotl<u64>(v3, 21) ^ v0
      v2 += v1
      v1 = rotl<u64>(v1, 17) ^ v2
      v2 = rotl<u64>(v2, 32)
    }
    v0 ^= word
    if (stage == 0) {
      v2 ^= 0xee
      word = 0
      rounds = endRounds
    } else if (stage == 1) {
      store<u64>(to, v0 ^ v1 ^ v2 ^ v3)
      v1 ^= 0xdd
    }
  }
  store<u64>(to, v0 ^ v1 ^ v2 ^ v3, 8)
}
