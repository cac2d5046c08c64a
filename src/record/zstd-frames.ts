// Where the frames in a zstd stream end, by their headers and block sizes. node:zlib decodes the first
// frame and says nothing of bytes behind it, which must neither be lost nor accepted. Not a decoder.
// Follows RFC 8878, section 3.1.

import { CodecError } from '../core/wasm.ts'

const FRAME_MAGIC = 0xfd2fb528
const SKIPPABLE_MAGIC = 0x184d2a50

/** Sizes of the header's optional fields by their two flag bits. */
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const

const BLOCK_REPEATED = 1
const BLOCK_RESERVED = 3

function malformed(what: string): CodecError {
  return new CodecError('malformed', `zstd: ${what}`)
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at]
  if (byte === undefined) throw malformed('truncated')
  return byte
}

function uint32(bytes: Uint8Array, at: number): number {
  const high = (byteAt(bytes, at + 3) << 24) | (byteAt(bytes, at + 2) << 16)
  return (high | (byteAt(bytes, at + 1) << 8) | byteAt(bytes, at)) >>> 0
}

/** The position behind the frame whose header, without its magic, is at `at`. */
function endOfFrame(bytes: Uint8Array, at: number): number {
  const descriptor = byteAt(bytes, at)
  const isSingleSegment = (descriptor & 0x20) !== 0
  const contentSizeFlag = descriptor >>> 6
  let next = at + 1 + (isSingleSegment ? 0 : 1)
  next += DICTIONARY_ID_BYTES[(descriptor & 3) as 0 | 1 | 2 | 3]
  next += CONTENT_SIZE_BYTES[contentSizeFlag as 0 | 1 | 2 | 3]
  if (isSingleSegment && contentSizeFlag === 0) next += 1
  let isLast = false
  while (!isLast) {
    const first = byteAt(bytes, next)
    const type = (first >>> 1) & 3
    if (type === BLOCK_RESERVED) throw malformed('a block of a type that does not exist')
    const size = (byteAt(bytes, next + 2) << 13) | (byteAt(bytes, next + 1) << 5) | (first >>> 3)
    next += 3 + (type === BLOCK_REPEATED ? 1 : size)
    isLast = (first & 1) !== 0
  }
  if ((descriptor & 4) !== 0) next += 4
  return next
}

/**
 * The frames of a stream, as views; frames to be skipped are left out.
 * @throws CodecError when the stream has no frame, is cut, or holds bytes that are no frame
 */
export function zstdFrames(bytes: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = []
  let at = 0
  while (at < bytes.length) {
    const magic = uint32(bytes, at)
    const isSkippable = (magic & 0xffff_fff0) === SKIPPABLE_MAGIC
    if (!isSkippable && magic !== FRAME_MAGIC) throw malformed('not a frame')
    const end = isSkippable ? at + 8 + uint32(bytes, at + 4) : endOfFrame(bytes, at + 4)
    if (end > bytes.length) throw malformed('truncated')
    if (!isSkippable) frames.push(bytes.subarray(at, end))
    at = end
  }
  if (frames.length === 0) throw malformed('truncated')
  return frames
}
