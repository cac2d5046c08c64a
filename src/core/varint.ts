// Variable-length integers as Kafka writes them: unsigned LEB128 (flexible messages) and zigzag
// LEB128 (records), read at a cursor and written at a position. Not a reader of anything else.
// The encoding is that of Protocol Buffers; the width limits are those of Kafka's ByteUtils.

/** A place in a byte array that moves as values are read. Nothing at or after `end` is read. */
export interface VarintCursor {
  readonly bytes: Uint8Array
  at: number
  readonly end: number
}

/** A varint that ends beyond its input, takes too many bytes, or does not fit its type. */
export class VarintError extends Error {
  override readonly name = 'VarintError'
}

/** Most bytes that a 32-bit varint takes. */
export const VARINT_MAX_BYTES = 5

/** Most bytes that a 64-bit varint takes. */
export const VARLONG_MAX_BYTES = 10

const TRUNCATED = 'varint is truncated'
const TOO_LONG = 'varint does not fit its type'

/**
 * Reads an unsigned varint of 32 bits and moves the cursor behind it. Zero padding inside the five
 * bytes is accepted, as by Kafka. Throws VarintError.
 */
export function readUnsignedVarint(cursor: VarintCursor): number {
  const { bytes, end } = cursor
  let at = cursor.at
  let value = 0
  for (let shift = 0; shift < 28; shift += 7) {
    if (at >= end) throw new VarintError(TRUNCATED)
    const byte = bytes[at++] as number
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) {
      cursor.at = at
      return value
    }
  }
  if (at >= end) throw new VarintError(TRUNCATED)
  const last = bytes[at++] as number
  if (last > 0x0f) throw new VarintError(TOO_LONG)
  cursor.at = at
  return (value | (last << 28)) >>> 0
}

/** Reads a zigzag varint of 32 bits (a record's lengths and deltas). Throws VarintError. */
export function readVarint(cursor: VarintCursor): number {
  const raw = readUnsignedVarint(cursor)
  return (raw >>> 1) ^ -(raw & 1)
}

/**
 * Reads a zigzag varint of 64 bits as a number (a record's timestamp delta). Beyond ±2^53 it is
 * rounded as any double is. Throws VarintError when it is truncated or wider than 64 bits.
 */
export function readVarlong(cursor: VarintCursor): number {
  const { bytes, end } = cursor
  let at = cursor.at
  let low = 0
  let high = 0
  for (let group = 0; ; group++) {
    if (at >= end) throw new VarintError(TRUNCATED)
    const byte = bytes[at++] as number
    const bits = byte & 0x7f
    if (group < 4) low |= bits << (group * 7)
    else if (group === 4) {
      low |= bits << 28
      high = bits >>> 4
    } else if (group < 9) high |= bits << (group * 7 - 32)
    else if (byte > 1) throw new VarintError(TOO_LONG)
    else high |= bits << 31
    if (byte < 0x80) break
  }
  cursor.at = at
  const sign = -(low & 1)
  const magnitudeLow = ((low >>> 1) | (high << 31)) ^ sign
  const magnitudeHigh = (high >>> 1) ^ sign
  return magnitudeHigh * 0x1_0000_0000 + (magnitudeLow >>> 0)
}

/** Bytes that an unsigned 32-bit value takes. */
export function sizeOfUnsignedVarint(value: number): number {
  const bits = value >>> 0
  if (bits < 0x80) return 1
  if (bits < 0x4000) return 2
  if (bits < 0x20_0000) return 3
  return bits < 0x1000_0000 ? 4 : 5
}

/** Bytes that a signed 32-bit value takes in zigzag. */
export function sizeOfVarint(value: number): number {
  return sizeOfUnsignedVarint((value << 1) ^ (value >> 31))
}

/** Bytes that a whole number within ±2^53 takes in zigzag. */
export function sizeOfVarlong(value: number): number {
  let rest = value < 0 ? -(value + 1) : value
  let size = 1
  for (rest = Math.floor(rest / 64); rest > 0; rest = Math.floor(rest / 128)) size++
  return size
}

/** Writes an unsigned 32-bit value and returns the position behind it. The caller made room. */
export function writeUnsignedVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value >>> 0
  let position = at
  while (rest >= 0x80) {
    bytes[position++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[position++] = rest
  return position
}

/** Writes a signed 32-bit value in zigzag and returns the position behind it. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  return writeUnsignedVarint(bytes, at, (value << 1) ^ (value >> 31))
}

/** Writes a whole number within ±2^53 in zigzag and returns the position behind it. */
export function writeVarlong(bytes: Uint8Array, at: number, value: number): number {
  const negative = value < 0
  let rest = negative ? -(value + 1) : value
  let position = at
  // The first group holds six bits of magnitude above the sign bit.
  const first = (rest % 64) * 2 + (negative ? 1 : 0)
  rest = Math.floor(rest / 64)
  bytes[position++] = rest > 0 ? first | 0x80 : first
  while (rest > 0) {
    const group = rest % 128
    rest = Math.floor(rest / 128)
    bytes[position++] = rest > 0 ? group | 0x80 : group
  }
  return position
}
