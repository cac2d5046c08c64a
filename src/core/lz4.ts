// LZ4 frames, both ways, block by block through the WebAssembly memory, so that a frame may be
// larger than it. Strict: everything the format checks is checked. Not LZ4's legacy frame and no
// dictionaries. Follows "LZ4 Frame Format Description" 1.6.4; what Kafka clients write is a subset.

import { BoundedOutput } from './bounded-output.ts'
import { CODEC_TOO_LARGE, type Codec, CodecError, codec } from './wasm.ts'

const KiB = 1024

const FRAME_MAGIC = 0x184d2204
/** The sixteen magic numbers of frames to be skipped differ in their last four bits. */
const SKIPPABLE_MAGIC = 0x184d2a50

const FLAG_VERSION_MASK = 0xc0
const FLAG_VERSION = 0x40
const FLAG_INDEPENDENT = 0x20
const FLAG_BLOCK_CHECKSUM = 0x10
const FLAG_CONTENT_SIZE = 0x08
const FLAG_CONTENT_CHECKSUM = 0x04
const FLAG_RESERVED = 0x02
const FLAG_DICTIONARY = 0x01

const BLOCK_STORED = 0x8000_0000
/** How far back a match of a linked block reaches. */
const WINDOW_BYTES = 64 * KiB
/** Block size that Kafka's Java client and librdkafka write. */
const OUR_BLOCK_BYTES = 64 * KiB

/** The running hash over a frame's content, and the one for a single block or header. */
const CONTENT_HASH = 0
const BLOCK_HASH = 1

interface FrameHeader {
  readonly blockMaxBytes: number
  readonly independent: boolean
  readonly blockChecksums: boolean
  readonly contentChecksum: boolean
  /** -1 when the frame does not say. */
  readonly contentSize: number
  readonly blocksAt: number
}

function malformed(what: string): CodecError {
  return new CodecError('malformed', `LZ4: ${what}`)
}

function tooLarge(maxBytes: number): CodecError {
  return new CodecError('too-large', `LZ4: content is larger than ${maxBytes} bytes`)
}

function uint32(bytes: Uint8Array, at: number): number {
  if (at + 4 > bytes.length) throw malformed('truncated')
  const low = bytes[at] as number
  const next = bytes[at + 1] as number
  return (
    (low | (next << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)) >>>
    0
  )
}

/** Hash of bytes copied to the start of the module's memory. */
function hashAt(lib: Codec, at: number, length: number): number {
  lib.run.xxh32Reset(BLOCK_HASH)
  lib.run.xxh32Update(BLOCK_HASH, at, length)
  return lib.run.xxh32Digest(BLOCK_HASH) >>> 0
}

function blockMaxBytesOf(descriptor: number): number {
  if ((descriptor & 0x8f) !== 0) throw malformed('reserved bits are set')
  const code = descriptor >>> 4
  if (code < 4) throw malformed(`block size ${code} is not defined`)
  return 1 << (8 + 2 * code)
}

function readFrameHeader(lib: Codec, bytes: Uint8Array, at: number): FrameHeader {
  const flagsAt = at + 4
  if (flagsAt + 3 > bytes.length) throw malformed('truncated')
  const flags = bytes[flagsAt] as number
  if ((flags & FLAG_VERSION_MASK) !== FLAG_VERSION) throw malformed('unknown version')
  if ((flags & FLAG_RESERVED) !== 0) throw malformed('reserved bits are set')
  if ((flags & FLAG_DICTIONARY) !== 0) throw malformed('needs a dictionary')
  const blockMaxBytes = blockMaxBytesOf(bytes[flagsAt + 1] as number)
  let next = flagsAt + 2
  let contentSize = -1
  if ((flags & FLAG_CONTENT_SIZE) !== 0) {
    contentSize = uint32(bytes, next) + uint32(bytes, next + 4) * 0x1_0000_0000
    next += 8
  }
  if (next >= bytes.length) throw malformed('truncated')
  lib.memory.set(bytes.subarray(flagsAt, next), lib.start)
  const checksum = (hashAt(lib, lib.start, next - flagsAt) >>> 8) & 0xff
  if (checksum !== bytes[next]) throw malformed('header checksum is wrong')
  return {
    blockMaxBytes,
    independent: (flags & FLAG_INDEPENDENT) !== 0,
    blockChecksums: (flags & FLAG_BLOCK_CHECKSUM) !== 0,
    contentChecksum: (flags & FLAG_CONTENT_CHECKSUM) !== 0,
    contentSize,
    blocksAt: next + 1,
  }
}

/**
 * Decodes the blocks of one frame into `output`. The memory holds one block's input, and behind it a
 * region for output, in which linked blocks follow each other and slide back when it is full.
 */
class FrameDecoder {
  readonly #lib: Codec
  readonly #bytes: Uint8Array
  readonly #header: FrameHeader
  readonly #output: BoundedOutput
  readonly #regionStart: number
  readonly #regionEnd: number
  #position: number

  constructor(lib: Codec, bytes: Uint8Array, header: FrameHeader, output: BoundedOutput) {
    this.#lib = lib
    this.#bytes = bytes
    this.#header = header
    this.#output = output
    this.#regionStart = lib.start + header.blockMaxBytes
    this.#regionEnd = this.#regionStart + WINDOW_BYTES + header.blockMaxBytes
    this.#position = this.#regionStart
  }

  /** Answers the position behind the frame. */
  decode(maxBytes: number): number {
    const { blockMaxBytes, blockChecksums, contentChecksum, contentSize } = this.#header
    const { run } = this.#lib
    const before = this.#output.length
    run.xxh32Reset(CONTENT_HASH)
    let at = this.#header.blocksAt
    for (;;) {
      const field = uint32(this.#bytes, at)
      at += 4
      if (field === 0) break
      const stored = field >= BLOCK_STORED
      const size = stored ? field - BLOCK_STORED : field
      if (size === 0 || size > blockMaxBytes) throw malformed('block size is wrong')
      const next = at + size
      if (next + (blockChecksums ? 4 : 0) > this.#bytes.length) throw malformed('truncated')
      this.#block(at, size, stored, maxBytes)
      at = blockChecksums ? next + 4 : next
    }
    if (contentChecksum) {
      if (uint32(this.#bytes, at) !== run.xxh32Digest(CONTENT_HASH) >>> 0)
        throw malformed('content checksum is wrong')
      at += 4
    }
    if (contentSize >= 0 && this.#output.length - before !== contentSize)
      throw malformed('content size is wrong')
    return at
  }

  #block(at: number, size: number, stored: boolean, maxBytes: number): void {
    const { run, memory, start } = this.#lib
    const { blockMaxBytes, independent, blockChecksums, contentChecksum } = this.#header
    this.#makeRoom()
    const to = this.#position
    const from = stored ? to : start
    memory.set(this.#bytes.subarray(at, at + size), from)
    if (blockChecksums && hashAt(this.#lib, from, size) !== uint32(this.#bytes, at + size))
      throw malformed('block checksum is wrong')
    const capacity = Math.min(blockMaxBytes, this.#output.room)
    let written = size
    if (stored) {
      if (size > capacity) throw tooLarge(maxBytes)
    } else {
      const lowest = independent ? to : this.#regionStart
      written = run.lz4Decode(from, size, to, lowest, capacity)
      if (written === CODEC_TOO_LARGE && capacity < blockMaxBytes) throw tooLarge(maxBytes)
      if (written < 0) throw malformed('block is damaged')
    }
    if (contentChecksum) run.xxh32Update(CONTENT_HASH, to, written)
    this.#output.append(memory.subarray(to, to + written))
    this.#position = to + written
  }

  /** Makes sure that a whole block fits behind the window it may refer to. */
  #makeRoom(): void {
    if (this.#header.independent) {
      this.#position = this.#regionStart
    } else if (this.#position + this.#header.blockMaxBytes > this.#regionEnd) {
      this.#lib.memory.copyWithin(this.#regionStart, this.#position - WINDOW_BYTES, this.#position)
      this.#position = this.#regionStart + WINDOW_BYTES
    }
  }
}

/**
 * The content of one or more LZ4 frames; frames to be skipped are skipped.
 * @throws CodecError `too-large` when it would be more than `maxBytes`, else `malformed`: truncated,
 *   damaged, a wrong checksum or size, an unknown version, a dictionary, or bytes that are no frame
 */
export function lz4Decompress(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const lib = codec()
  let output: BoundedOutput | undefined
  let at = 0
  while (at < bytes.length) {
    const magic = uint32(bytes, at)
    if ((magic & 0xffff_fff0) === SKIPPABLE_MAGIC) {
      at += 8 + uint32(bytes, at + 4)
      if (at > bytes.length) throw malformed('truncated')
      continue
    }
    if (magic !== FRAME_MAGIC) throw malformed(at === 0 ? 'not a frame' : 'garbage after a frame')
    const header = readFrameHeader(lib, bytes, at)
    if (header.contentSize > maxBytes - (output?.length ?? 0)) throw tooLarge(maxBytes)
    output ??= new BoundedOutput(expectedSize(header, bytes.length - at), maxBytes)
    at = new FrameDecoder(lib, bytes, header, output).decode(maxBytes)
  }
  if (output === undefined) throw malformed('truncated')
  return output.finish()
}

/** A guess at the content's size that a few hostile bytes cannot make large. */
function expectedSize(header: FrameHeader, inputBytes: number): number {
  // A byte of input can stand for at most 255 bytes of output.
  if (header.contentSize >= 0) return Math.min(header.contentSize, inputBytes * 255)
  return inputBytes * 3
}

/**
 * One LZ4 frame as Kafka's Java client writes it: independent blocks of 64 KiB, no content checksum
 * (the record batch has one). The result is a view of a larger buffer.
 */
export function lz4Compress(bytes: Uint8Array): Uint8Array {
  const lib = codec()
  const { run, memory, start } = lib
  const blocks = Math.ceil(bytes.length / OUR_BLOCK_BYTES)
  const out = new Uint8Array(7 + bytes.length + 4 * blocks + 4)
  const view = new DataView(out.buffer)
  view.setUint32(0, FRAME_MAGIC, true)
  out[4] = FLAG_VERSION | FLAG_INDEPENDENT
  out[5] = 4 << 4
  memory.set(out.subarray(4, 6), start)
  out[6] = (hashAt(lib, start, 2) >>> 8) & 0xff
  const to = start + OUR_BLOCK_BYTES
  let position = 7
  for (let at = 0; at < bytes.length; at += OUR_BLOCK_BYTES) {
    const block = bytes.subarray(at, at + OUR_BLOCK_BYTES)
    memory.set(block, start)
    const size = run.lz4Encode(start, block.length, to)
    const stored = size >= block.length
    view.setUint32(position, stored ? (BLOCK_STORED | block.length) >>> 0 : size, true)
    out.set(stored ? block : memory.subarray(to, to + size), position + 4)
    position += 4 + (stored ? block.length : size)
  }
  return out.subarray(0, position + 4)
}
