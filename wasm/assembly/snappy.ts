// The elements of a Snappy block, both ways. Not the length in front of them, and not xerial framing:
// src/core/snappy.ts. Follows "Snappy compressed format description".

import { copyBack, copyLiterals } from './copy'
import { HASH_TABLE } from './layout'

/** Answers of snappyDecode that are no lengths. */
const MALFORMED: i32 = -1

const HASH_BITS: u32 = 14
const SKIP_SHIFT: u32 = 5
/** Matches are sought only while this many bytes are left, so words can be read whole. */
const MARGIN: usize = 15

/**
 * Decodes the elements in `length` bytes at `from` to exactly `expected` bytes at `to`. Answers
 * `expected` or MALFORMED. 32 bytes behind the output may be overwritten.
 */
export function snappyDecode(from: usize, length: usize, to: usize, expected: usize): i32 {
  let input = from
  const inputEnd = from + length
  let output = to
  const outputEnd = to + expected
  while (input < inputEnd) {
    const tag = <usize>load<u8>(input++)
    if ((tag & 3) == 0) {
      let literals = tag >>> 2
      if (literals >= 60) {
        const width = literals - 59
        if (width > inputEnd - input) return MALFORMED
        literals = 0
        for (let i: usize = 0; i < width; i++) literals |= (<usize>load<u8>(input + i)) << (i << 3)
        input += width
        if (literals == 0xffffffff) return MALFORMED
      }
      literals++
      if (literals > inputEnd - input || literals > outputEnd - output) return MALFORMED
      copyLiterals(output, input, literals)
      input += literals
      output += literals
      continue
    }
    let distance: usize
    let match: usize
    if ((tag & 3) == 1) {
      if (input >= inputEnd) return MALFORMED
      match = 4 + ((tag >>> 2) & 7)
      distance = ((tag >>> 5) << 8) | <usize>load<u8>(input++)
    } else if ((tag & 3) == 2) {
      if (inputEnd - input < 2) return MALFORMED
      match = 1 + (tag >>> 2)
      distance = <usize>load<u16>(input)
      input += 2
    } else {
      if (inputEnd - input < 4) return MALFORMED
      match = 1 + (tag >>> 2)
      distance = <usize>load<u32>(input)
      input += 4
    }
    if (distance == 0 || distance > output - to || match > outputEnd - output) return MALFORMED
    copyBack(output, distance, match)
    output += match
  }
  return output == outputEnd ? <i32>expected : MALFORMED
}

// @ts-ignore: decorator
@inline
function slotOf(word: u32): usize {
  return HASH_TABLE + ((<usize>((word * 0x1e35a7bd) >>> (32 - HASH_BITS))) << 1)
}

function emitLiterals(output: usize, from: usize, length: usize): usize {
  const count = length - 1
  if (count < 60) {
    store<u8>(output++, <u8>(count << 2))
  } else if (count < 256) {
    store<u8>(output, 60 << 2)
    store<u8>(output, <u8>count, 1)
    output += 2
  } else {
    // A fragment is at most 64 KiB, so two bytes always hold the length.
    store<u8>(output, 61 << 2)
    store<u16>(output, <u16>count, 1)
    output += 3
  }
  copyLiterals(output, from, length)
  return output + length
}

function emitCopy(output: usize, distance: usize, length: usize): usize {
  while (length >= 68) {
    store<u8>(output, (63 << 2) | 2)
    store<u16>(output, <u16>distance, 1)
    output += 3
    length -= 64
  }
  if (length > 64) {
    store<u8>(output, (59 << 2) | 2)
    store<u16>(output, <u16>distance, 1)
    output += 3
    length -= 60
  }
  if (length >= 12 || distance >= 2048) {
    store<u8>(output, <u8>(((length - 1) << 2) | 2))
    store<u16>(output, <u16>distance, 1)
    return output + 3
  }
  store<u8>(output, <u8>(((distance >>> 8) << 5) | ((length - 4) << 2) | 1))
  store<u8>(output, <u8>distance, 1)
  return output + 2
}

/**
 * Encodes a fragment of up to 64 KiB at `from` as elements at `to`, which has room for
 * length + length / 6 + 64 bytes. Answers their length.
 */
export function snappyEncode(from: usize, length: usize, to: usize): i32 {
  const end = from + length
  let output = to
  let anchor = from
  if (length > MARGIN) {
    memory.fill(HASH_TABLE, 0, (<usize>1) << (HASH_BITS + 1))
    const lastStart = end - MARGIN
    let at = from + 1
    let misses: usize = (<usize>1) << SKIP_SHIFT
    while (at <= lastStart) {
      const word = load<u32>(at)
      const slot = slotOf(word)
      const earlier = from + <usize>load<u16>(slot)
      store<u16>(slot, <u16>(at - from))
      if (load<u32>(earlier) != word) {
        at += misses++ >>> SKIP_SHIFT
        continue
      }
      if (at > anchor) output = emitLiterals(output, anchor, at - anchor)
      const start = at
      let match = earlier + 4
      at += 4
      while (at < end && load<u8>(at) == load<u8>(match)) {
        at++
        match++
      }
      output = emitCopy(output, start - earlier, at - start)
      anchor = at
      misses = (<usize>1) << SKIP_SHIFT
      if (at <= lastStart) store<u16>(slotOf(load<u32>(at - 1)), <u16>(at - 1 - from))
    }
  }
  if (anchor < end) output = emitLiterals(output, anchor, end - anchor)
  return <i32>(output - to)
}
