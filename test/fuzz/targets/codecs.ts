// Compressed bytes, mutated, at the five codecs: the content, or an error of the codec, and never more than the bound.
// The two of the WebAssembly module are compared with plain twins (reference.ts) on every mutant.

import { lz4Decompress } from '../../../src/core/lz4.ts'
import { snappyCompress, snappyDecompress } from '../../../src/core/snappy.ts'
import { CodecError } from '../../../src/core/wasm.ts'
import { Codec, type CodecId, compress, decompress } from '../../../src/record/compression.ts'
import { noise as fixedNoise, text } from '../../record/golden.ts'
import type { Random } from '../../simulation/platform/random.ts'
import frames from '../../vectors/lz4-frames.json' with { type: 'json' }
import { mutate, noise } from '../mutations.ts'
import { lz4Reference, snappyReference } from '../reference.ts'

/** A compressed form of something, and in which codec. */
interface Compressed {
  readonly codec: CodecId
  readonly bytes: Uint8Array
}

const COMPRESSING = [Codec.gzip, Codec.snappy, Codec.lz4, Codec.zstd]
const BOUNDS = [0, 1, 63, 64, 1_000, 65_536, 100_000, 1_048_576]
/** Frames of the reference tool that are larger take too long. */
const LARGEST_SEED = 11_000

const WORDS = text(5_000)

let seeds: readonly Compressed[] | null = null

/** What is compressed by us and by the reference tool, each small enough for thousands a second. */
function compressed(): readonly Compressed[] {
  seeds ??= [...ours(), ...theirs()]
  return seeds
}

function ours(): Compressed[] {
  const contents = [
    new Uint8Array(0),
    Uint8Array.from([7]),
    text(60),
    text(1_000),
    fixedNoise(300),
    new Uint8Array(2_000),
    text(5_000),
  ]
  return contents.flatMap((content) => [
    ...COMPRESSING.map((codec) => ({ codec, bytes: compress(codec, content).slice() })),
    { codec: Codec.snappy, bytes: snappyCompress(content).slice() },
  ])
}

function theirs(): Compressed[] {
  return frames.frames
    .map(({ base64 }) => new Uint8Array(Buffer.from(base64, 'base64')))
    .filter(({ length }) => length < LARGEST_SEED)
    .map((bytes) => ({ codec: Codec.lz4, bytes }))
}

/** A mutant for one of the codecs. */
export function codecMutant(random: Random): Compressed {
  const all = compressed()
  const { codec, bytes } = random.pick(all)
  const donor = random.pick(all).bytes
  const kind = random.between(0, 19)
  if (kind === 0) return { codec, bytes: noise(random, random.between(0, 200)) }
  if (kind === 1) return { codec: random.pick(all).codec, bytes }
  return { codec, bytes: mutate(random, bytes, [], donor) }
}

/** Plays one mutant, and now and then goes there and back with content of its own. */
export function fuzzCodec(random: Random): void {
  if (random.next() % 8 === 0) {
    thereAndBack(random)
    return
  }
  const { codec, bytes } = codecMutant(random)
  checkCompressed(codec, bytes, random.pick(BOUNDS))
}

/** What a decoder makes of bytes: content or the reason of its error. */
export function outcome(decode: () => Uint8Array): Uint8Array | CodecError['reason'] {
  try {
    return decode()
  } catch (error) {
    if (error instanceof CodecError) return error.reason
    throw error
  }
}

/** Decodes within a bound; throws when it is more, or something else than the reference's. */
export function checkCompressed(codec: CodecId, bytes: Uint8Array, bound: number): void {
  const before = bytes.slice()
  const got = outcome(() => decompress(codec, bytes, bound))
  if (Buffer.compare(bytes, before) !== 0) throw new Error('the compressed bytes were changed')
  if (got instanceof Uint8Array && got.length > bound) {
    throw new Error(`${got.length} bytes, bound ${bound}`)
  }
  if (codec === Codec.lz4)
    agree(
      got,
      outcome(() => lz4Reference(bytes, bound)),
      codec,
    )
  if (codec === Codec.snappy)
    agree(
      got,
      outcome(() => snappyReference(bytes, bound)),
      codec,
    )
}

function agree(
  got: ReturnType<typeof outcome>,
  wanted: ReturnType<typeof outcome>,
  codec: CodecId,
): void {
  if (got instanceof Uint8Array && wanted instanceof Uint8Array) {
    if (Buffer.compare(got, wanted) !== 0) throw new Error(`codec ${codec}: other content`)
    return
  }
  // Which of two faults is found first is the decoder's affair; that there is one is not.
  if (got instanceof Uint8Array || wanted instanceof Uint8Array) {
    const word = (each: typeof got) => (typeof each === 'string' ? each : `${each.length} bytes`)
    throw new Error(`codec ${codec}: ${word(got)}, the reference ${word(wanted)}`)
  }
}

function thereAndBack(random: Random): void {
  const content = contentOf(random)
  const codec = random.pick(COMPRESSING)
  const bytes = compress(codec, content)
  const back = decompress(codec, bytes, content.length)
  if (Buffer.compare(back, content) !== 0)
    throw new Error(`codec ${codec}: not what was compressed`)
  if (codec === Codec.lz4)
    agree(lz4Decompress(bytes, content.length), lz4Reference(bytes, content.length), codec)
  if (codec === Codec.snappy) {
    const raw = snappyCompress(content)
    agree(snappyDecompress(raw, content.length), snappyReference(raw, content.length), codec)
  }
}

/** From noise to repetition, mixed. */
export function contentOf(random: Random): Uint8Array {
  const pieces: Uint8Array[] = []
  for (let left = random.between(0, 6); left > 0; left--) {
    const length = random.between(0, random.pick([10, 300, 5_000]))
    const kind = random.between(0, 3)
    if (kind === 0) pieces.push(noise(random, Math.min(length, 500)))
    else if (kind === 1) pieces.push(new Uint8Array(length).fill(random.next()))
    else if (kind === 2) pieces.push(WORDS.subarray(0, length))
    else if (pieces.length > 0) pieces.push(random.pick(pieces))
  }
  return new Uint8Array(Buffer.concat(pieces))
}
