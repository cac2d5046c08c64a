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
/** Content that is collected in the memory before it is taken out: more than most batches have. */
const REGION_BYTES = 1024 * KiB
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
 * Decodes the blocks of a stream's frames. The memory holds one block's input, and behind it a region in which
 * blocks are decoded one behind the other. What is in it is taken out when it is full, and at the end: the
 * content of most streams in one piece, so that it is copied once into a buffer of its size.
 */
class StreamDecoder {
  readonly #lib: Codec
  readonly #bytes: Uint8Array
  readonly #maxBytes: number
  /** What was taken out of the memory; null until the region was full once. */
  #output: BoundedOutput | null = null
  #regionStart = 0
  #regionEnd = 0
  /** In the region: from where on it has not been taken out, and where the next block goes. */
  #untaken = 0
  #position = 0

  constructor(lib: Codec, bytes: Uint8Array, maxBytes: number) {
    this.#lib = lib
    this.#bytes = bytes
    this.#maxBytes = maxBytes
  }

  /** Bytes of content so far. */
  get length(): number {
    return (this.#output?.length ?? 0) + this.#position - this.#untaken
  }

  /** Decodes one frame. Answers the position behind it. */
  decode(header: FrameHeader): number {
    const { blockMaxBytes, blockChecksums, contentChecksum, contentSize } = header
    const { run } = this.#lib
    this.#begin(blockMaxBytes)
    const before = this.length
    run.xxh32Reset(CONTENT_HASH)
    let at = header.blocksAt
    for (;;) {
      const field = uint32(this.#bytes, at)
      at += 4
      if (field === 0) break
      const stored = field >= BLOCK_STORED
      const size = stored ? field - BLOCK_STORED : field
      if (size === 0 || size > blockMaxBytes) throw malformed('block size is wrong')
      const next = at + size
      if (next + (blockChecksums ? 4 : 0) > this.#bytes.length) throw malformed('truncated')
      this.#block(header, at, size, stored)
      at = blockChecksums ? next + 4 : next
    }
    if (contentChecksum) {
      if (uint32(this.#bytes, at) !== run.xxh32Digest(CONTENT_HASH) >>> 0)
        throw malformed('content checksum is wrong')
      at += 4
    }
    if (contentSize >= 0 && this.length - before !== contentSize)
      throw malformed('content size is wrong')
    return at
  }

  /** All content. */
  finish(): Uint8Array {
    if (this.#output === null) return this.#lib.memory.slice(this.#untaken, this.#position)
    this.#take()
    return this.#output.finish()
  }

  /** No frame reaches back into the one before it, and their blocks may be of other sizes. */
  #begin(blockMaxBytes: number): void {
    if (this.#position > this.#untaken) this.#take()
    this.#regionStart = this.#lib.start + blockMaxBytes
    this.#regionEnd = this.#regionStart + Math.max(REGION_BYTES, WINDOW_BYTES + blockMaxBytes)
    this.#untaken = this.#regionStart
    this.#position = this.#regionStart
  }

  #block(header: FrameHeader, at: number, size: number, stored: boolean): void {
    const { run, memory, start } = this.#lib
    const { blockMaxBytes, independent, blockChecksums, contentChecksum } = header
    if (this.#position + blockMaxBytes > this.#regionEnd) this.#makeRoom()
    const to = this.#position
    const from = stored ? to : start
    memory.set(this.#bytes.subarray(at, at + size), from)
    if (blockChecksums && hashAt(this.#lib, from, size) !== uint32(this.#bytes, at + size))
      throw malformed('block checksum is wrong')
    const capacity = Math.min(blockMaxBytes, this.#maxBytes - this.length)
    let written = size
    if (stored) {
      if (size > capacity) throw tooLarge(this.#maxBytes)
    } else {
      const lowest = independent ? to : this.#regionStart
      written = run.lz4Decode(from, size, to, lowest, capacity)
      if (written === CODEC_TOO_LARGE && capacity < blockMaxBytes) throw tooLarge(this.#maxBytes)
      if (written < 0) throw malformed('block is damaged')
    }
    if (contentChecksum) run.xxh32Update(CONTENT_HASH, to, written)
    this.#position = to + written
  }

  /** Makes sure that a whole block fits, behind the window that it may refer to. */
  #makeRoom(): void {
    this.#take()
    const window = Math.min(WINDOW_BYTES, this.#position - this.#regionStart)
    const { memory } = this.#lib
    memory.copyWithin(this.#regionStart, this.#position - window, this.#position)
    this.#position = this.#regionStart + window
    this.#untaken = this.#position
  }

  #take(): void {
    const { memory } = this.#lib
    const part = memory.subarray(this.#untaken, this.#position)
    // As much again as there was so far and three times what is left: only a guess.
    this.#output ??= new BoundedOutput(part.length + 3 * this.#bytes.length, this.#maxBytes)
    this.#output.append(part)
    this.#untaken = this.#position
  }
}

/**
 * The content of one or more LZ4 frames; frames to be skipped are skipped.
 * @throws CodecError `too-large` when it would be more than `maxBytes`, else `malformed`: truncated,
 *   damaged, a wrong checksum or size, an unknown version, a dictionary, or bytes that are no frame
 */
export function lz4Decompress(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const lib = codec()
  const decoder = new StreamDecoder(lib, bytes, maxBytes)
  let frames = 0
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
    if (header.contentSize > maxBytes - decoder.length) throw tooLarge(maxBytes)
    frames++
    at = decoder.decode(header)
  }
  if (frames === 0) throw malformed('truncated')
  return decoder.finish()
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
