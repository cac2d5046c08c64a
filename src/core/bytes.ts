// Big-endian reading and writing of bytes: a bounds-checked Reader over one Uint8Array and a
// Writer that grows and hands out pieces, large byte fields by reference. Knows primitive types,
// not messages: those are src/protocol's. Encodings:
// https://kafka.apache.org/protocol#protocol_types

import { type TopicId, ZERO_TOPIC_ID } from './ids.ts'

/** Bytes from the network that are not what the protocol says. Its text is for a log, not a peer. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage'
}

/** A byte field of at least this many bytes is passed on by reference, not copied. */
export const BY_REFERENCE_BYTES = 4096

/** Kafka's strings carry at most this many bytes, whatever their length prefix could say. */
export const STRING_MAX_BYTES = 32_767

/**
 * Gives the memory of bytes back at once. Large buffers otherwise live until the next garbage
 * collection, which is long under load. For their only owner: whoever still reads them finds nothing.
 * Bytes that are part of a larger buffer, or shared, are left alone; to discard twice is harmless.
 */
export function discard(bytes: Uint8Array): void {
  const { buffer, byteLength } = bytes
  if (byteLength === 0 || byteLength !== buffer.byteLength || sharedBuffers.has(buffer)) return
  if (buffer instanceof ArrayBuffer) buffer.transfer(0)
}

/** From here on these bytes have several readers and no owner: only the garbage collector ends them. */
export function share(bytes: Uint8Array): void {
  sharedBuffers.add(bytes.buffer)
}

const sharedBuffers = new WeakSet<ArrayBufferLike>()

const TWO_32 = 2 ** 32
const TWO_63 = 2 ** 63
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const BASE64URL_VALUES = base64urlValues()
/** Longer strings are decoded faster by TextDecoder, and flat: a loop would make a rope of them. */
const DECODE_BY_HAND_BYTES = 12
/** Longer strings are encoded faster by TextEncoder. */
const ENCODE_BY_HAND_CHARS = 40
const WRITER_START_BYTES = 256

const utf8Decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true })
const utf8Encoder = new TextEncoder()

/**
 * Reads forward through `bytes`. Every method throws MalformedMessage when the bytes end early, and
 * allocates nothing before it has checked that.
 */
export class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #end: number
  #at: number
  #elementsLeft: number

  /**
   * @param at first byte to read
   * @param elementsMax array elements this reader may be asked for in all (see `elements`)
   */
  constructor(bytes: Uint8Array, at = 0, elementsMax: number = Number.POSITIVE_INFINITY) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#end = bytes.byteLength
    this.#at = at
    this.#elementsLeft = elementsMax
  }

  /** Position of the next byte, from the start of the bytes given. */
  get at(): number {
    return this.#at
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#end - this.#at
  }

  #take(length: number): number {
    const at = this.#at
    if (length > this.#end - at) {
      throw new MalformedMessage(`${length} bytes needed at ${at}, ${this.#end - at} left`)
    }
    this.#at = at + length
    return at
  }

  int8(): number {
    return this.#view.getInt8(this.#take(1))
  }

  /** Any byte but zero is true, as in Kafka. */
  bool(): boolean {
    return this.#view.getInt8(this.#take(1)) !== 0
  }

  int16(): number {
    return this.#view.getInt16(this.#take(2))
  }

  uint16(): number {
    return this.#view.getUint16(this.#take(2))
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4))
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4))
  }

  /** An int64 as a number: exact to ±2^53, beyond it the nearest double. */
  int64(): number {
    const at = this.#take(8)
    return this.#view.getInt32(at) * TWO_32 + this.#view.getUint32(at + 4)
  }

  /** An int64 with all its bits. */
  bigint64(): bigint {
    return this.#view.getBigInt64(this.#take(8))
  }

  float64(): number {
    return this.#view.getFloat64(this.#take(8))
  }

  /** An unsigned LEB128 of at most 32 bits (5 bytes). */
  uvarint(): number {
    const bytes = this.#bytes
    let value = 0
    let scale = 1
    for (let length = 1; ; length++) {
      const byte = bytes[this.#take(1)] as number
      value += (byte & 0x7f) * scale
      if (byte < 0x80) break
      if (length === 5) throw new MalformedMessage('a varint is longer than 5 bytes')
      scale *= 128
    }
    if (value >= TWO_32) throw new MalformedMessage('a varint has more than 32 bits')
    return value
  }

  /** Exactly `length` bytes: a view, not a copy. */
  bytes(length: number): Uint8Array {
    if (length < 0) throw new MalformedMessage(`a byte field has length ${length}`)
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  /** Passes over `length` bytes. */
  skip(length: number): void {
    this.#take(length)
  }

  /** UTF-8 of `length` bytes; invalid sequences become U+FFFD, as in Java. */
  utf8(length: number): string {
    if (length < 0 || length > STRING_MAX_BYTES) {
      throw new MalformedMessage(`a string has length ${length}`)
    }
    const at = this.#take(length)
    const bytes = this.#bytes
    if (length > DECODE_BY_HAND_BYTES) return utf8Decoder.decode(bytes.subarray(at, at + length))
    let text = ''
    for (let i = at; i < at + length; i++) {
      const byte = bytes[i] as number
      if (byte >= 0x80) return utf8Decoder.decode(bytes.subarray(at, at + length))
      text += String.fromCharCode(byte)
    }
    return text
  }

  /** 16 bytes as 22 characters of base64url. */
  uuid(): TopicId {
    const at = this.#take(16)
    const view = this.#view
    const b = (i: number): number => view.getUint32(at + i)
    if ((b(0) | b(4) | b(8) | b(12)) === 0) return ZERO_TOPIC_ID
    return base64url(this.#bytes, at) as TopicId
  }

  /**
   * Checks an array's length before anything is allocated for it: `count` elements of at least
   * `minBytes` bytes must fit in what is left, and into the reader's allowance.
   */
  elements(count: number, minBytes: number): void {
    if (count < 0) throw new MalformedMessage(`an array has length ${count}`)
    if (count * minBytes > this.remaining) {
      throw new MalformedMessage(`an array of ${count} does not fit in ${this.remaining} bytes`)
    }
    this.#elementsLeft -= count
    if (this.#elementsLeft < 0) throw new MalformedMessage('too many array elements')
  }

  /** Throws unless everything was read. */
  expectEnd(): void {
    if (this.remaining > 0) throw new MalformedMessage(`${this.remaining} bytes after the message`)
  }
}

/**
 * Writes into a buffer that grows. Values out of a type's range are a bug of the caller: integers
 * wrap, strings that are too long throw RangeError.
 */
export class Writer {
  #bytes: Uint8Array
  #view: DataView
  /** Where the piece being written starts; what lies before was handed out. */
  #start = 0
  #at = 0
  #handedOut = 0
  readonly #pieces: Uint8Array[] = []

  constructor(startBytes: number = WRITER_START_BYTES) {
    this.#bytes = new Uint8Array(startBytes)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** Bytes written so far, those by reference included. */
  get length(): number {
    return this.#handedOut + this.#at - this.#start
  }

  #reserve(length: number): number {
    const at = this.#at
    if (at + length > this.#bytes.byteLength) return this.#grow(length)
    this.#at = at + length
    return at
  }

  #grow(length: number): number {
    const held = this.#bytes.subarray(this.#start, this.#at)
    const bytes = new Uint8Array(Math.max(2 * held.byteLength + length, WRITER_START_BYTES))
    bytes.set(held)
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer)
    this.#start = 0
    this.#at = held.byteLength + length
    return held.byteLength
  }

  int8(value: number): void {
    const at = this.#reserve(1)
    this.#view.setInt8(at, value)
  }

  bool(value: boolean): void {
    this.int8(value ? 1 : 0)
  }

  int16(value: number): void {
    const at = this.#reserve(2)
    this.#view.setInt16(at, value)
  }

  uint16(value: number): void {
    this.int16(value)
  }

  int32(value: number): void {
    const at = this.#reserve(4)
    this.#view.setInt32(at, value)
  }

  /** A whole number as int64; beyond the int64 range the nearest end of it. */
  int64(value: number): void {
    const at = this.#reserve(8)
    if (value >= TWO_63 || value < -TWO_63) {
      this.#view.setBigInt64(at, value > 0 ? 2n ** 63n - 1n : -(2n ** 63n))
      return
    }
    this.#view.setInt32(at, Math.floor(value / TWO_32))
    this.#view.setUint32(at + 4, value >>> 0)
  }

  bigint64(value: bigint): void {
    const at = this.#reserve(8)
    this.#view.setBigInt64(at, value)
  }

  float64(value: number): void {
    const at = this.#reserve(8)
    this.#view.setFloat64(at, value)
  }

  /** An unsigned LEB128 of at most 32 bits. */
  uvarint(value: number): void {
    let rest = value
    while (rest >= 0x80) {
      this.int8((rest & 0x7f) | 0x80)
      rest = Math.floor(rest / 128)
    }
    this.int8(rest)
  }

  /** Copies the bytes, or takes them by reference from BY_REFERENCE_BYTES up. No length prefix. */
  bytes(value: Uint8Array): void {
    if (value.byteLength < BY_REFERENCE_BYTES) {
      const at = this.#reserve(value.byteLength)
      this.#bytes.set(value, at)
      return
    }
    if (this.#at > this.#start) this.#pieces.push(this.#bytes.subarray(this.#start, this.#at))
    this.#pieces.push(value)
    this.#handedOut += this.#at - this.#start + value.byteLength
    this.#start = this.#at
  }

  /** UTF-8 after a length prefix, which `prefix` writes when it is told the number of bytes. */
  utf8(value: string, prefix: (writer: Writer, length: number) => void): void {
    if (value.length > ENCODE_BY_HAND_CHARS || !isAscii(value)) {
      const encoded = utf8Encoder.encode(value)
      if (encoded.byteLength > STRING_MAX_BYTES)
        throw new RangeError('a string is over 32,767 bytes')
      prefix(this, encoded.byteLength)
      this.bytes(encoded)
      return
    }
    prefix(this, value.length)
    const at = this.#reserve(value.length)
    for (let i = 0; i < value.length; i++) this.#bytes[at + i] = value.charCodeAt(i)
  }

  /** 22 characters of base64url as 16 bytes; anything else throws TypeError. */
  uuid(value: TopicId): void {
    const at = this.#reserve(16)
    if (value === ZERO_TOPIC_ID) this.#bytes.fill(0, at, at + 16)
    else parseBase64url(value, this.#bytes, at)
  }

  /**
   * Everything written, as pieces in order. The writer must not be used afterwards.
   * @param int32SizePrefix puts the total size of what follows them into the first 4 bytes, which
   *   the caller has written (with anything) before any byte field
   */
  finish(int32SizePrefix = false): Uint8Array[] {
    if (int32SizePrefix) {
      const first = this.#pieces[0] ?? this.#bytes
      new DataView(first.buffer, first.byteOffset).setInt32(0, this.length - 4)
    }
    if (this.#at > this.#start) this.#pieces.push(this.#bytes.subarray(this.#start, this.#at))
    return this.#pieces
  }
}

/** The pieces as one Uint8Array of its own. */
export function concatBytes(pieces: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const piece of pieces) length += piece.byteLength
  const whole = new Uint8Array(length)
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.byteLength
  }
  return whole
}

/** The pieces as one Uint8Array: a single piece as it is, not a copy. */
export function joinBytes(pieces: readonly Uint8Array[]): Uint8Array {
  const [only] = pieces
  return pieces.length === 1 && only !== undefined ? only : concatBytes(pieces)
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false
  return true
}

function base64url(bytes: Uint8Array, at: number): string {
  let text = ''
  for (let i = 0; i < 16; i += 3) {
    const bits =
      (byteAt(bytes, at, i) << 16) | (byteAt(bytes, at, i + 1) << 8) | byteAt(bytes, at, i + 2)
    text += BASE64URL[(bits >> 18) & 63]
    text += BASE64URL[(bits >> 12) & 63]
    if (i === 15) break
    text += BASE64URL[(bits >> 6) & 63]
    text += BASE64URL[bits & 63]
  }
  return text
}

/** Byte `i` of the 16 at `at`, zero past their end. */
function byteAt(bytes: Uint8Array, at: number, i: number): number {
  return i < 16 ? (bytes[at + i] as number) : 0
}

function parseBase64url(text: string, bytes: Uint8Array, at: number): void {
  if (text.length !== 22) throw new TypeError(`not a topic id: ${text}`)
  let bits = 0
  let held = 0
  let to = at
  for (let i = 0; i < 22; i++) {
    const value = BASE64URL_VALUES[text.charCodeAt(i)] ?? 255
    if (value === 255) throw new TypeError(`not a topic id: ${text}`)
    bits = ((bits << 6) | value) & 0xffff
    held += 6
    if (held < 8) continue
    held -= 8
    bytes[to++] = bits >> held
  }
}

function base64urlValues(): Uint8Array {
  const values = new Uint8Array(128).fill(255)
  for (let i = 0; i < BASE64URL.length; i++) values[BASE64URL.charCodeAt(i)] = i
  return values
}
