// The one door to the WebAssembly module (wasm/, AssemblyScript): checksums, and the memory and calls
// that lz4.ts and snappy.ts build their formats on. Not a format itself. The memory is fixed and
// shared by everyone in the isolate: whatever is put there is taken out before the caller returns.

import module from '../../wasm/build/ottla.wasm'

/** What the module exports. Addresses and lengths are bytes in its memory. */
interface CodecExports {
  readonly memory: WebAssembly.Memory
  dataStart(): number
  crc32c(crc: number, at: number, length: number): number
  xxh32Reset(which: number): void
  xxh32Update(which: number, at: number, length: number): void
  xxh32Digest(which: number): number
  storedSumReset(): void
  /** Whole stripes of 64 bytes. */
  storedSumUpdate(at: number, length: number): void
  storedSumDigest(at: number, length: number, total: number): number
  /** Bytes written, CODEC_MALFORMED or CODEC_TOO_LARGE. */
  lz4Decode(from: number, length: number, to: number, lowest: number, capacity: number): number
  lz4Encode(from: number, length: number, to: number): number
  /** `expected` or CODEC_MALFORMED. */
  snappyDecode(from: number, length: number, to: number, expected: number): number
  snappyEncode(from: number, length: number, to: number): number
  /** Four words of secret, rounds for each word of a key and for each half of the result. */
  sipSecret(a: number, b: number, c: number, d: number, word: number, end: number): void
  sipReset(): void
  /** Whole words of 8 bytes. */
  sipUpdate(at: number, length: number): void
  /** 16 bytes at `to`. */
  sipDigest(at: number, rest: number, total: number, to: number): void
  /** Rows written, or CODEC_MALFORMED. */
  scanRecords(
    from: number,
    windowEnd: number,
    contentEnd: number,
    rows: number,
    count: number,
    before: number,
    highest: number,
    hashes: boolean,
  ): number
}

/** The module with its memory. */
export interface Codec {
  readonly run: CodecExports
  /** All of the module's memory; it never moves or grows. */
  readonly memory: Uint8Array
  /** The caller's part of it: from `start` up to `end`, with room behind for copies that overshoot. */
  readonly start: number
  readonly end: number
}

/** Answers of the decoders that are no lengths. */
export const CODEC_MALFORMED = -1
export const CODEC_TOO_LARGE = -2

/** Compressed bytes that are not what they claim to be, or that would become more than allowed. */
export class CodecError extends Error {
  override readonly name = 'CodecError'
  /** `too-large`: sound so far, but over the caller's bound. */
  readonly reason: 'malformed' | 'too-large'

  constructor(reason: 'malformed' | 'too-large', message: string) {
    super(message)
    this.reason = reason
  }
}

/** Bytes summed per call: what is copied in is still in the processor's cache when it is read. */
const SUM_BYTES = 256 * 1024

/** Free bytes behind every output, because copies are made in steps of sixteen. */
const OVERSHOOT_BYTES = 64

let loaded: Codec | undefined

/** The module, instantiated on first use: a start-up that needs no codec does not pay for it. */
export function codec(): Codec {
  loaded ??= load()
  return loaded
}

function load(): Codec {
  const run = new WebAssembly.Instance(module).exports as unknown as CodecExports
  const memory = new Uint8Array(run.memory.buffer)
  return { run, memory, start: run.dataStart(), end: memory.length - OVERSHOOT_BYTES }
}

/**
 * CRC-32C (Castagnoli) of `bytes` from `from` up to `to`, as an unsigned 32-bit number.
 * @param crc the sum of what came before, to sum in pieces
 */
export function crc32c(bytes: Uint8Array, from = 0, to = bytes.length, crc = 0): number {
  const { run, memory, start } = codec()
  if (to <= SUM_BYTES) {
    memory.set(to === bytes.length ? bytes : bytes.subarray(0, to), start)
    return run.crc32c(crc, start + from, to - from) >>> 0
  }
  let sum = crc
  for (let at = from; at < to; at += SUM_BYTES) {
    const end = Math.min(to, at + SUM_BYTES)
    memory.set(bytes.subarray(at, end), start)
    sum = run.crc32c(sum, start, end - at)
  }
  return sum >>> 0
}

const STRIPE_BYTES = 64

/** The checksum that stored rows have, as an unsigned 32-bit number: one of our own, made for speed. */
export function storedSum(bytes: Uint8Array): number {
  const { run, memory, start } = codec()
  run.storedSumReset()
  const { length } = bytes
  const striped = length - (length % STRIPE_BYTES)
  for (let at = 0; at < striped; at += SUM_BYTES) {
    const end = Math.min(striped, at + SUM_BYTES)
    memory.set(bytes.subarray(at, end), start)
    run.storedSumUpdate(start, end - at)
  }
  memory.set(bytes.subarray(striped), start)
  return run.storedSumDigest(start, length - striped, length) >>> 0
}

/** xxHash32 with seed 0 of all bytes, as an unsigned 32-bit number. */
export function xxh32(bytes: Uint8Array): number {
  const { run, memory, start } = codec()
  run.xxh32Reset(0)
  for (let at = 0; at < bytes.length; at += SUM_BYTES) {
    const end = Math.min(bytes.length, at + SUM_BYTES)
    memory.set(bytes.subarray(at, end), start)
    run.xxh32Update(0, start, end - at)
  }
  return run.xxh32Digest(0) >>> 0
}
