// The five codecs of record batches by their numbers: gzip and zstd from node:zlib (native in the
// runtime), Snappy and LZ4 from the WebAssembly module. Always bounded. Not the batch around the blob.

import { lz4Compress, lz4Decompress } from '../core/lz4.ts'
import { snappyDecompress, xerialCompress } from '../core/snappy.ts'
import { CodecError } from '../core/wasm.ts'
import { zlib } from './runtime-zlib.ts'
import { zstdFrames } from './zstd-frames.ts'

/** Kafka's codec numbers, as in a batch's attributes. */
export const Codec = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const

/** Name of a codec, as in a topic's compression.type (where `none` is called `uncompressed`). */
export type CodecName = keyof typeof Codec

/** A codec's number. */
export type CodecId = (typeof Codec)[CodecName]

/** Whether a batch's codec bits name a codec. */
export function isCodec(codec: number): codec is CodecId {
  return codec >= 0 && codec <= 4
}

/** The codec that a topic's compression.type asks for; null leaves the producer's. */
export function codecOfTopic(
  compressionType: CodecName | 'producer' | 'uncompressed',
): CodecId | null {
  if (compressionType === 'producer') return null
  return compressionType === 'uncompressed' ? Codec.none : Codec[compressionType]
}

/** Kafka's default levels: gzip -1 (zlib's choice, 6), zstd 3. */
const GZIP_LEVEL = 6
const ZSTD_LEVEL = 3

/** Compresses as Kafka's Java client does (Snappy as a xerial stream). `none` gives back the bytes. */
export function compress(codec: CodecId, bytes: Uint8Array): Uint8Array {
  switch (codec) {
    case Codec.none:
      return bytes
    case Codec.gzip:
      return plain(zlib().gzipSync(bytes, { level: GZIP_LEVEL }))
    case Codec.snappy:
      return xerialCompress(bytes)
    case Codec.lz4:
      return lz4Compress(bytes)
    case Codec.zstd:
      return plain(
        zlib().zstdCompressSync(bytes, {
          params: { [zlib().constants.ZSTD_c_compressionLevel as number]: ZSTD_LEVEL },
        }),
      )
  }
}

/**
 * Decompresses to at most `maxBytes`. `none` gives back the bytes.
 * @throws CodecError `too-large` over the bound, else `malformed`
 */
export function decompress(codec: CodecId, bytes: Uint8Array, maxBytes: number): Uint8Array {
  switch (codec) {
    case Codec.none:
      if (bytes.length > maxBytes) throw tooLarge(maxBytes)
      return bytes
    case Codec.gzip:
      return gunzip(bytes, maxBytes)
    case Codec.snappy:
      return snappyDecompress(bytes, maxBytes)
    case Codec.lz4:
      return lz4Decompress(bytes, maxBytes)
    case Codec.zstd:
      return unzstd(bytes, maxBytes)
  }
}

function tooLarge(maxBytes: number): CodecError {
  return new CodecError('too-large', `content is larger than ${maxBytes} bytes`)
}

/** zlib gives Node's Buffers, whose `slice` shares: the rest of us wants plain bytes. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** What zlib makes of compressed bytes: it is told the most that may come, and wants that to be at least one. */
type Decode<Decoded> = (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Decoded

/** Node names the bound in a code, workerd only in a sentence. */
function isOverBound(cause: Error): boolean {
  const code = 'code' in cause ? cause.code : undefined
  return code === 'ERR_BUFFER_TOO_LARGE' || cause.message === 'Memory limit exceeded'
}

/** Decodes with zlib to at most `maxBytes`. */
function bounded<Decoded>(decode: Decode<Decoded>, bytes: Uint8Array, maxBytes: number): Decoded {
  try {
    return decode(bytes, { maxOutputLength: Math.max(1, maxBytes) })
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause
    if (isOverBound(cause)) throw tooLarge(maxBytes)
    throw new CodecError('malformed', `compressed data is damaged: ${cause.message}`)
  }
}

/** How both decoders answer when asked for `info`, which no published types know. */
type InformedDecode = (
  bytes: Uint8Array,
  options: { maxOutputLength: number; chunkSize?: number; info: true },
) => { buffer: Uint8Array; engine: { bytesWritten: number } }

/** Decodes, and makes sure that everything was read: bytes behind what is compressed are an error. */
function whole(
  decode: unknown,
  bytes: Uint8Array,
  maxBytes: number,
  options: { readonly chunkSize?: number } = {},
): Uint8Array {
  const { buffer, engine } = bounded(
    (given, bound) => (decode as InformedDecode)(given, { ...bound, ...options, info: true }),
    bytes,
    maxBytes,
  )
  if (engine.bytesWritten !== bytes.length) {
    throw new CodecError('malformed', 'bytes behind compressed data')
  }
  if (buffer.length > maxBytes) throw tooLarge(maxBytes)
  return plain(buffer)
}

/** No byte of a gzip stream becomes more. */
const GZIP_EXPANSION = 1032
/** zlib's least, and room behind the content so that it sees that this is all. */
const CHUNK_BYTES = 64

/** A piece that holds all the content halves the time of a batch of 64 KiB in workerd. */
function gunzip(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const likely = Math.min(gzipSize(bytes), maxBytes, bytes.length * GZIP_EXPANSION)
  return whole(zlib().gunzipSync, bytes, maxBytes, { chunkSize: CHUNK_BYTES + likely })
}

/** The size of its content that a gzip stream ends with; only a hint here. */
function gzipSize(bytes: Uint8Array): number {
  const at = bytes.length - 4
  return at < 0 ? 0 : new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, true)
}

/**
 * A frame whose end is known. Without `info` workerd needs half the time, but it takes room in steps and may
 * refuse what would just fit: then it is asked as exactly as can be.
 */
function unzstdFrame(frame: Uint8Array, maxBytes: number): Uint8Array {
  try {
    return plain(bounded(zlib().zstdDecompressSync, frame, maxBytes))
  } catch (error) {
    if (!(error instanceof CodecError) || error.reason !== 'too-large') throw error
    return whole(zlib().zstdDecompressSync, frame, maxBytes)
  }
}

/** zlib decodes one frame; a stream may have several. */
function unzstd(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const frames = zstdFrames(bytes)
  const parts: Uint8Array[] = []
  let length = 0
  for (const frame of frames) {
    const part = unzstdFrame(frame, maxBytes - length)
    parts.push(part)
    length += part.length
    if (length > maxBytes) throw tooLarge(maxBytes)
  }
  if (parts.length === 1) return parts[0] as Uint8Array
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
