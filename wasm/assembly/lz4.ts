// LZ4 blocks, both ways. Not frames: checksums, block sizes and order are src/core/lz4.ts.
// Follows "LZ4 Block Format Description": token, literals, 2-byte offset, match of four or more.

import { copyBack, copyBackShort, copyLiterals } from './copy'
import { HASH_TABLE } from './layout'

/** Answers of lz4Decode that are no lengths. */
const MALFORMED: i32 = -1
const TOO_LARGE: i32 = -2

/**
 * While so much is left on both sides a sequence of at most 14 literals and 18 bytes of match needs no look at
 * the ends: its copies stay within.
 */
const EASY_INPUT: usize = 32
const EASY_OUTPUT: usize = 64

/** The last five bytes are literals, and no match starts within the last twelve. */
const LAST_LITERALS: usize = 5
const MATCH_LIMIT: usize = 12

const HASH_BITS: u32 = 13
/** After 2^6 misses the search begins to skip bytes. */
const SKIP_SHIFT: u32 = 6

/**
 * Decodes one block of `length` bytes at `from` to `to`. Matches may reach back to `lowest` (the
 * window of a linked block, else `to`). Answers the bytes written, MALFORMED, or TOO_LARGE when the
 * output would pass `capacity`. 32 bytes behind the capacity may be overwritten.
 */
export function lz4Decode(from: usize, length: usize, to: usize, lowest: usize, capacity: usize): i32 {
  let input = from
  const inputEnd = from + length
  let output = to
  const outputEnd = to + capacity
  const easyInput = length > EASY_INPUT ? inputEnd - EASY_INPUT : from
  const easyOutput = capacity > EASY_OUTPUT ? outputEnd - EASY_OUTPUT : to
  while (input < inputEnd) {
    const token = <usize>load<u8>(input++)
    let literals = token >>> 4
    if (input < easyInput && output < easyOutput && literals < 15) {
      v128.store(output, v128.load(input))
      input += literals
      output += literals
      const distance = <usize>load<u16>(input)
      input += 2
      if (distance == 0 || distance > output - lowest) return MALFORMED
      let match = token & 15
      if (match < 15) {
        match += 4
        copyBackShort(output, distance)
        output += match
        continue
      }
      let byte: usize = 255
      while (byte == 255) {
        if (input >= inputEnd) return MALFORMED
        byte = <usize>load<u8>(input++)
        match += byte
      }
      match += 4
      if (match > outputEnd - output) return TOO_LARGE
      copyBack(output, distance, match)
      output += match
      continue
    }
    if (literals == 15) {
      let byte: usize = 255
      while (byte == 255) {
        if (input >= inputEnd) return MALFORMED
        byte = <usize>load<u8>(input++)
        literals += byte
      }
    }
    if (literals > inputEnd - input) return MALFORMED
    if (literals > outputEnd - output) return TOO_LARGE
    if (literals > 0) copyLiterals(output, input, literals)
    input += literals
    output += literals
    if (input == inputEnd) return <i32>(output - to)

    if (inputEnd - input < 2) return MALFORMED
    const distance = <usize>load<u16>(input)
    input += 2
    if (distance == 0 || distance > output - lowest) return MALFORMED
    let match = token & 15
    if (match == 15) {
      let byte: usize = 255
      while (byte == 255) {
        if (input >= inputEnd) return MALFORMED
        byte = <usize>load<u8>(input++)
        match += byte
      }
    }
    match += 4
    if (match > outputEnd - output) return TOO_LARGE
    copyBack(output, distance, match)
    output += match
  }
  // A block ends with literals, so the end of input is met above.
  return MALFORMED
}

// @ts-ignore: decorator
@inline
function slotOf(word: u32): usize {
  return HASH_TABLE + ((<usize>((word * 2654435761) >>> (32 - HASH_BITS))) << 1)
}

/** Writes what a nibble of 15 leaves open. */
// @ts-ignore: decorator
@inline
function extend(output: usize, rest: usize): usize {
  while (rest >= 255) {
    store<u8>(output++, 255)
    rest -= 255
  }
  store<u8>(output++, <u8>rest)
  return output
}

/** Writes token and literals; answers the position behind them. The match nibble is still zero. */
// @ts-ignore: decorator
@inline
function emitLiterals(output: usize, from: usize, length: usize): usize {
  const token = output++
  if (length >= 15) {
    store<u8>(token, 0xf0)
    output = extend(output, length - 15)
  } else {
    store<u8>(token, <u8>(length << 4))
  }
  if (length > 0) copyLiterals(output, from, length)
  return output + length
}

/** Length of what is equal at both places, at most up to `limit`. */
// @ts-ignore: decorator
@inline
function equalLength(earlier: usize, at: usize, limit: usize): usize {
  const start = at
  while (at + 8 <= limit) {
    const difference = load<u64>(at) ^ load<u64>(earlier)
    if (difference != 0) return at - start + (<usize>ctz(difference) >>> 3)
    at += 8
    earlier += 8
  }
  while (at < limit && load<u8>(at) == load<u8>(earlier)) {
    at++
    earlier++
  }
  return at - start
}

/**
 * Encodes up to 64 KiB at `from` as one block at `to`, which has room for length + length / 255 + 64
 * bytes. Answers the block's length.
 */
export function lz4Encode(from: usize, length: usize, to: usize): i32 {
  const end = from + length
  let output = to
  let anchor = from
  if (length > MATCH_LIMIT) {
    memory.fill(HASH_TABLE, 0, (<usize>1) << (HASH_BITS + 1))
    const lastStart = end - MATCH_LIMIT
    const matchEnd = end - LAST_LITERALS
    let at = from + 1
    let misses: usize = (<usize>1) << SKIP_SHIFT
    while (at <= lastStart) {
      const word = load<u32>(at)
      const slot = slotOf(word)
      let earlier = from + <usize>load<u16>(slot)
      store<u16>(slot, <u16>(at - from))
      // A position before this one within 64 KiB is always near enough.
      if (load<u32>(earlier) != word) {
        at += misses++ >>> SKIP_SHIFT
        continue
      }
      while (at > anchor && earlier > from && load<u8>(at - 1) == load<u8>(earlier - 1)) {
        at--
        earlier--
      }
      const token = output
      output = emitLiterals(output, anchor, at - anchor)
      store<u16>(output, <u16>(at - earlier))
      output += 2
      const rest = equalLength(earlier + 4, at + 4, matchEnd)
      if (rest >= 15) {
        store<u8>(token, load<u8>(token) | 15)
        output = extend(output, rest - 15)
      } else {
        store<u8>(token, load<u8>(token) | <u8>rest)
      }
      at += 4 + rest
      anchor = at
      misses = (<usize>1) << SKIP_SHIFT
      if (at <= lastStart) {
        const behind = at - 2
        store<u16>(slotOf(load<u32>(behind)), <u16>(behind - from))
      }
    }
  }
  return <i32>(emitLiterals(output, anchor, end - anchor) - to)
}
