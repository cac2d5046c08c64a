// Snappy as Kafka clients write it: a raw block (librdkafka, franz-go) or xerial's stream of raw
// blocks (Java and most others). Strict. Not Google's framing format, which no client writes.
// Follows "Snappy compressed format description" and snappy-java's SnappyOutputStream.

import { snappyElements } from './snappy-elements.ts'
import { CODEC_MALFORMED, CodecError, codec } from './wasm.ts'

const KiB = 1024

/** Snappy's compressors look back within fragments of this size only. */
const FRAGMENT_BYTES = 64 * KiB
/** Block size of snappy-java, which Kafka's Java client leaves as it is. */
const XERIAL_BLOCK_BYTES = 32 * KiB
/** 0x82 'SNAPPY' 0x00, version 1, compatible with 1. */
const XERIAL_HEADER = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1] as const
const XERIAL_MAGIC_BYTES = 8
/** Three bytes of input stand for at most 64 bytes of output. */
const MAX_RATIO = 22

function malformed(what: string): CodecError {
  return new CodecError('malformed', `Snappy: ${what}`)
}

function tooLarge(maxBytes: number): CodecError {
  return new CodecError('too-large', `Snappy: content is larger than ${maxBytes} bytes`)
}

/** Where a raw block's elements begin and how many bytes they become. */
interface RawBlock {
  readonly elementsAt: number
  readonly end: number
  readonly size: number
}

/** Reads the length in front of a raw block: unsigned LEB128 of at most 32 bits. */
function readRawBlock(bytes: Uint8Array, from: number, end: number): RawBlock {
  let size = 0
  let at = from
  for (let shift = 0; ; shift += 7) {
    if (at >= end) throw malformed('truncated')
    const byte = bytes[at++] as number
    if (shift === 28 && byte > 0x0f) throw malformed('length is wrong')
    size += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) break
  }
  if (size > (end - at) * MAX_RATIO) throw malformed('length is wrong')
  return { elementsAt: at, end, size }
}

/** Decodes a block to `out` at `to`, in the module's memory when input and output fit there. */
function decodeRawBlock(bytes: Uint8Array, block: RawBlock, out: Uint8Array, to: number): void {
  const { run, memory, start, end } = codec()
  const { elementsAt, size } = block
  const input = block.end - elementsAt
  let written: number
  if (start + input + size <= end) {
    memory.set(bytes.subarray(elementsAt, block.end), start)
    written = run.snappyDecode(start, input, start + input, size)
    if (written === size) out.set(memory.subarray(start + input, start + input + size), to)
  } else {
    written = snappyElements(bytes, elementsAt, block.end, out, to, size)
  }
  if (written === CODEC_MALFORMED) throw malformed('block is damaged')
}

function isXerial(bytes: Uint8Array, at: number): boolean {
  if (at + XERIAL_MAGIC_BYTES > bytes.length) return false
  for (let i = 0; i < XERIAL_MAGIC_BYTES; i++) if (bytes[at + i] !== XERIAL_HEADER[i]) return false
  return true
}

function int32(bytes: Uint8Array, at: number): number {
  if (at + 4 > bytes.length) throw malformed('truncated')
  const high = ((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16)
  return high | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)
}

/** The blocks of a xerial stream. A header may come again: streams can be concatenated. */
function* xerialBlocks(bytes: Uint8Array): Generator<RawBlock> {
  let at = 0
  while (at < bytes.length) {
    if (isXerial(bytes, at)) {
      if (int32(bytes, at + XERIAL_MAGIC_BYTES) < 1) throw malformed('xerial version is unknown')
      at += XERIAL_HEADER.length
      if (at > bytes.length) throw malformed('truncated')
      continue
    }
    const size = int32(bytes, at)
    at += 4
    if (size < 0 || size > bytes.length - at) throw malformed('xerial block size is wrong')
    yield readRawBlock(bytes, at, at + size)
    at += size
  }
}

/**
 * The content of a raw block or of a xerial stream, told apart by xerial's magic (which no raw block
 * can begin with: its first element would refer to bytes before the first).
 * @throws CodecError `too-large` when it would be more than `maxBytes`, else `malformed`
 */
export function snappyDecompress(bytes: Uint8Array, maxBytes: number): Uint8Array {
  if (!isXerial(bytes, 0)) {
    const block = readRawBlock(bytes, 0, bytes.length)
    if (block.size > maxBytes) throw tooLarge(maxBytes)
    const out = new Uint8Array(block.size)
    decodeRawBlock(bytes, block, out, 0)
    return out
  }
  let total = 0
  for (const block of xerialBlocks(bytes)) {
    total += block.size
    if (total > maxBytes) throw tooLarge(maxBytes)
  }
  const out = new Uint8Array(total)
  let to = 0
  for (const block of xerialBlocks(bytes)) {
    decodeRawBlock(bytes, block, out, to)
    to += block.size
  }
  return out
}

/** Room that `length` bytes may take as elements, with their length in front. */
function compressedBound(length: number): number {
  return 5 + length + Math.ceil(length / 6) + 32
}

/** Writes one raw block of all `bytes` to `out` at `to` and answers the position behind it. */
function writeRawBlock(bytes: Uint8Array, out: Uint8Array, to: number): number {
  const { run, memory, start } = codec()
  let position = to
  let length = bytes.length
  for (; length >= 0x80; length = Math.floor(length / 0x80))
    out[position++] = (length & 0x7f) | 0x80
  out[position++] = length
  for (let at = 0; at < bytes.length; at += FRAGMENT_BYTES) {
    const fragment = bytes.subarray(at, at + FRAGMENT_BYTES)
    memory.set(fragment, start)
    const encoded = start + FRAGMENT_BYTES
    const size = run.snappyEncode(start, fragment.length, encoded)
    out.set(memory.subarray(encoded, encoded + size), position)
    position += size
  }
  return position
}

/** One raw Snappy block. The result is a view of a larger buffer. */
export function snappyCompress(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(compressedBound(bytes.length))
  return out.subarray(0, writeRawBlock(bytes, out, 0))
}

/** A xerial stream of raw blocks of 32 KiB, as Java clients write. A view of a larger buffer. */
export function xerialCompress(bytes: Uint8Array): Uint8Array {
  const blocks = Math.ceil(bytes.length / XERIAL_BLOCK_BYTES)
  const bound = XERIAL_HEADER.length + blocks * (4 + compressedBound(XERIAL_BLOCK_BYTES))
  const out = new Uint8Array(bound)
  const view = new DataView(out.buffer)
  out.set(XERIAL_HEADER)
  let position: number = XERIAL_HEADER.length
  for (let at = 0; at < bytes.length; at += XERIAL_BLOCK_BYTES) {
    const end = writeRawBlock(bytes.subarray(at, at + XERIAL_BLOCK_BYTES), out, position + 4)
    view.setInt32(position, end - position - 4)
    position = end
  }
  return out.subarray(0, position)
}
