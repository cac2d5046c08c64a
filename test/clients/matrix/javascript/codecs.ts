// The codecs that kafkajs leaves to plug-ins, as its users' plug-ins do them: raw Snappy blocks (read
// with or without Java's framing), LZ4 frames, Zstandard from node:zlib.

import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import {
  lz4Compress,
  lz4Decompress,
  snappyCompress,
  snappyDecompress,
} from '@platformatic/wasm-utils'
import kafkajs from 'kafkajs'

interface Encoder {
  readonly buffer: Buffer
}

/** Registers all three with kafkajs. */
export function plugCodecs(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs
  CompressionCodecs[CompressionTypes.Snappy] = () => plug(snappyCompress, unsnappy)
  CompressionCodecs[CompressionTypes.LZ4] = () => plug(lz4Compress, lz4Decompress)
  CompressionCodecs[CompressionTypes.ZSTD] = () => plug(zstdCompressSync, zstdDecompressSync)
}

function plug(compress: (bytes: Buffer) => Buffer, decompress: (bytes: Buffer) => Buffer) {
  return {
    compress: async ({ buffer }: Encoder) => compress(buffer),
    decompress: async (buffer: Buffer) => decompress(buffer),
  }
}

const FRAMED = Buffer.from('\x82SNAPPY\0', 'latin1')
const FRAMED_HEADER = 16

function unsnappy(buffer: Buffer): Buffer {
  if (!buffer.subarray(0, FRAMED.length).equals(FRAMED)) return snappyDecompress(buffer)
  const blocks: Buffer[] = []
  for (let at = FRAMED_HEADER; at < buffer.length; ) {
    const end = at + 4 + buffer.readInt32BE(at)
    blocks.push(snappyDecompress(buffer.subarray(at + 4, end)))
    at = end
  }
  return Buffer.concat(blocks)
}
