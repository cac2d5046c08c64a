// Goes over the records of a batch in one call and leaves a row per record: the hash of its key, its time
// and offset, and where it is. Not a reader of content. The rules are those of RecordCursor
// (src/record/record-cursor.ts), which is asked for the reason when something is wrong here.

import { sipHash } from './siphash'

/** A row: 16 bytes of hash, time delta (f64), offset delta, start, end, flags. */
const ROW_BYTES: usize = 40
const HAS_KEY: u32 = 1
const HAS_VALUE: u32 = 2

/** A record is not as its lengths say. */
const MALFORMED: i32 = -1

const VARINT_MAX_BYTES: usize = 5
/** No varint: more bits than its type has. */
const TOO_LONG: usize = usize.MAX_VALUE

/** Position behind the varint that was read last, or TOO_LONG. */
let behind: usize = 0

/** An unsigned varint of more than one byte. */
function longVarint(at: usize): u32 {
  let value: u32 = 0
  for (let shift: u32 = 0; shift < 28; shift += 7) {
    const byte = <u32>load<u8>(at++)
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) {
      behind = at
      return value
    }
  }
  const last = <u32>load<u8>(at++)
  behind = last > 0x0f ? TOO_LONG : at
  return value | (last << 28)
}

// @ts-ignore: decorator
@inline
function varint(at: usize): i32 {
  let raw = <u32>load<u8>(at)
  if (raw < 0x80) behind = at + 1
  else raw = longVarint(at)
  return <i32>(raw >>> 1) ^ -(<i32>raw & 1)
}

function varlong(at: usize): i64 {
  let raw: u64 = 0
  for (let shift: u64 = 0; shift < 63; shift += 7) {
    const byte = <u64>load<u8>(at++)
    raw |= (byte & 0x7f) << shift
    if (byte < 0x80) {
      behind = at
      return <i64>(raw >>> 1) ^ -(<i64>raw & 1)
    }
  }
  const last = <u64>load<u8>(at++)
  behind = last > 1 ? TOO_LONG : at
  raw |= last << 63
  return <i64>(raw >>> 1) ^ -(<i64>raw & 1)
}

/** Position behind a record's headers, which begin at `at`; TOO_LONG when they are wrong. */
function behindHeaders(at: usize, end: usize, count: i32): usize {
  for (; count > 0; count--) {
    if (at >= end) return TOO_LONG
    const keyLength = varint(at)
    if (keyLength < 0 || behind > end || <usize>keyLength > end - behind) return TOO_LONG
    at = behind + <usize>keyLength
    if (at >= end) return TOO_LONG
    const valueLength = varint(at)
    if (behind > end) return TOO_LONG
    at = behind
    if (valueLength > 0) {
      if (<usize>valueLength > end - at) return TOO_LONG
      at += <usize>valueLength
    }
  }
  return at
}

/**
 * Puts rows for at most `count` records from `at` on at `rows`: those that lie wholly before `windowEnd`. What
 * lies behind that, up to `contentEnd`, is not in the memory. Offset deltas rise from above `before` to `highest`.
 * Up to 10 bytes behind the window may be read. Answers the number of rows, or MALFORMED.
 */
export function scanRecords(
  from: usize,
  windowEnd: usize,
  contentEnd: usize,
  rows: usize,
  count: i32,
  before: i32,
  highest: i32,
  hashes: bool,
): i32 {
  let at = from
  let row = rows
  for (let index = 0; index < count; index++) {
    const start = at
    if (windowEnd < contentEnd) {
      if (windowEnd - at < VARINT_MAX_BYTES) return index
    } else if (at >= contentEnd) return MALFORMED
    const length = varint(at)
    if (behind > contentEnd || length < 1 || <usize>length > contentEnd - behind) return MALFORMED
    const end = behind + <usize>length
    if (end > windowEnd) return index
    // The attributes byte has no meaning yet.
    at = behind + 1
    const time = varlong(at)
    if (behind >= end) return MALFORMED
    const offset = varint(behind)
    if (behind >= end || offset <= before || offset > highest) return MALFORMED
    before = offset
    const keyLength = varint(behind)
    if (behind >= end) return MALFORMED
    at = behind
    let flags: u32 = 0
    if (keyLength >= 0) {
      if (<usize>keyLength >= end - at) return MALFORMED
      flags = HAS_KEY
      if (hashes) sipHash(at, <usize>keyLength, row)
      at += <usize>keyLength
    }
    const valueLength = varint(at)
    if (behind >= end) return MALFORMED
    at = behind
    if (valueLength >= 0) {
      if (<usize>valueLength >= end - at) return MALFORMED
      flags |= HAS_VALUE
      at += <usize>valueLength
    }
    const headers = varint(at)
    if (behind > end || headers < 0 || <usize>headers > end - behind) return MALFORMED
    if (headers == 0 ? behind != end : behindHeaders(behind, end, headers) != end) return MALFORMED
    store<f64>(row, <f64>time, 16)
    store<i32>(row, offset, 24)
    store<u32>(row, <u32>(start - from), 28)
    store<u32>(row, <u32>(end - from), 32)
    store<u32>(row, flags, 36)
    row += ROW_BYTES
    at = end
  }
  return count
}
