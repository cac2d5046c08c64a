// LZ4 frames and Snappy decoded the plain way, byte by byte and from their descriptions: what the decoders of the
// WebAssembly module are compared with on millions of mutants. As strict as they are, slow, and sharing no code with
// them but the hash over a frame's content.
// "LZ4 Frame Format Description" 1.6.4, "LZ4 Block Format Description", "Snappy compressed format description".

import { CodecError, xxh32 } from '../../src/core/wasm.ts'

const bad = (what: string): CodecError => new CodecError('malformed', what)
const tooLarge = (): CodecError => new CodecError('too-large', 'over the bound')

/** Bytes that are read forward, and an error where they end. */
class Input {
  at = 0
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  get left(): number {
    return this.bytes.length - this.at
  }

  byte(): number {
    const byte = this.bytes[this.at++]
    if (byte === undefined) throw bad('truncated')
    return byte
  }

  little(width: number): number {
    let value = 0
    for (let i = 0; i < width; i++) value += this.byte() * 256 ** i
    return value
  }

  take(length: number): Uint8Array {
    if (length > this.left) throw bad('truncated')
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }
}

/** What has been decoded so far. Never more than `bound`. */
class Output {
  bytes = new Uint8Array(256)
  length = 0
  readonly #bound: number

  constructor(bound: number) {
    this.#bound = bound
  }

  push(byte: number): void {
    if (this.length >= this.#bound) throw tooLarge()
    if (this.length === this.bytes.length) {
      const grown = new Uint8Array(this.bytes.length * 2)
      grown.set(this.bytes)
      this.bytes = grown
    }
    this.bytes[this.length++] = byte
  }

  copy(distance: number, length: number, lowest: number): void {
    if (distance === 0 || distance > this.length - lowest) throw bad('a match before the beginning')
    for (let i = 0; i < length; i++) this.push(this.bytes[this.length - distance] ?? 0)
  }

  from(start: number): Uint8Array {
    return this.bytes.slice(start, this.length)
  }
}

const WINDOW = 65_536
const BLOCK_MAX: Readonly<Record<number, number>> = {
  4: 65_536,
  5: 262_144,
  6: 1_048_576,
  7: 4_194_304,
}

/** LZ4 frames one behind the other, those to be skipped skipped; at least one that is not. */
export function lz4Reference(bytes: Uint8Array, bound: number): Uint8Array {
  const input = new Input(bytes)
  const output = new Output(bound)
  let frames = 0
  do {
    const magic = input.little(4)
    if (magic >= 0x184d2a50 && magic <= 0x184d2a5f) {
      input.take(input.little(4))
      continue
    }
    if (magic !== 0x184d2204) throw bad('no frame')
    lz4Frame(input, output)
    frames++
  } while (input.left > 0)
  if (frames === 0) throw bad('no frame')
  return output.from(0)
}

function lz4Frame(input: Input, output: Output): void {
  const headAt = input.at
  const flags = input.byte()
  const descriptor = input.byte()
  if (flags >> 6 !== 1 || (flags & 0x03) !== 0 || (descriptor & 0x8f) !== 0) throw bad('flags')
  const largest = BLOCK_MAX[descriptor >> 4]
  if (largest === undefined) throw bad('block size')
  const size = (flags & 0x08) === 0 ? null : input.little(4) + input.little(4) * 2 ** 32
  const head = input.bytes.subarray(headAt, input.at)
  if (input.byte() !== ((xxh32(head) >>> 8) & 0xff)) throw bad('header checksum')
  const start = output.length
  for (;;) {
    const word = input.little(4)
    if (word === 0) break
    const length = word % 2 ** 31
    if (length > largest) throw bad('a block is too large')
    const block = input.take(length)
    if ((flags & 0x10) !== 0 && input.little(4) !== xxh32(block)) throw bad('block checksum')
    const before = output.length
    if (word >= 2 ** 31) for (const byte of block) output.push(byte)
    else lz4Block(new Input(block), output, (flags & 0x20) !== 0 ? before : start, before + largest)
  }
  const content = output.from(start)
  if (size !== null && size !== content.length) throw bad('content size')
  if ((flags & 0x04) !== 0 && input.little(4) !== xxh32(content)) throw bad('content checksum')
}

function lz4Block(input: Input, output: Output, lowest: number, most: number): void {
  const long = (nibble: number): number => {
    let length = nibble
    if (nibble === 15) {
      let byte = 255
      while (byte === 255) {
        byte = input.byte()
        length += byte
      }
    }
    return length
  }
  for (;;) {
    const token = input.byte()
    for (const byte of input.take(long(token >> 4))) {
      if (output.length >= most) throw bad('a block becomes too large')
      output.push(byte)
    }
    // The last sequence has literals alone.
    if (input.left === 0) return
    const distance = input.little(2)
    const length = 4 + long(token & 15)
    if (output.length + length > most) throw bad('a block becomes too large')
    output.copy(distance, length, Math.max(lowest, output.length - WINDOW))
  }
}

const XERIAL = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]

/** A raw Snappy block, or a xerial stream of them. */
export function snappyReference(bytes: Uint8Array, bound: number): Uint8Array {
  const input = new Input(bytes)
  const output = new Output(bound)
  if (!startsXerial(input)) {
    snappyBlock(input, output)
    return output.from(0)
  }
  while (input.left > 0) {
    if (startsXerial(input)) {
      input.take(8)
      if (big(input) < 1) throw bad('version')
      input.take(4)
      continue
    }
    const size = big(input)
    if (size < 0) throw bad('block size')
    snappyBlock(new Input(input.take(size)), output)
  }
  return output.from(0)
}

function startsXerial({ bytes, at }: Input): boolean {
  return XERIAL.every((byte, i) => bytes[at + i] === byte)
}

function big(input: Input): number {
  const [a = 0, b = 0, c = 0, d = 0] = input.take(4)
  return (a << 24) | (b << 16) | (c << 8) | d
}

function snappyBlock(input: Input, output: Output): void {
  let size = 0
  for (let i = 0; ; i++) {
    const byte = input.byte()
    if (i === 4 && byte > 15) throw bad('length')
    size += (byte & 127) * 128 ** i
    if (byte < 128) break
  }
  const start = output.length
  while (input.left > 0) {
    const tag = input.byte()
    if ((tag & 3) === 0) {
      const short = tag >> 2
      const length = 1 + (short < 60 ? short : input.little(short - 59))
      for (const byte of input.take(length)) pushWithin(output, byte, start + size)
      continue
    }
    const isShort = (tag & 3) === 1
    const length = isShort ? 4 + ((tag >> 2) & 7) : 1 + (tag >> 2)
    const distance = isShort
      ? (tag >> 5) * 256 + input.byte()
      : input.little((tag & 3) === 2 ? 2 : 4)
    if (output.length + length > start + size) throw bad('more than was said')
    output.copy(distance, length, start)
  }
  if (output.length !== start + size) throw bad('less than was said')
}

function pushWithin(output: Output, byte: number, end: number): void {
  if (output.length >= end) throw bad('more than was said')
  output.push(byte)
}
