// Changes bytes as an attacker, a broken client or a bad cable would: at the fields that were marked (counts, lengths,
// varints) and anywhere. Every choice comes from the given source of chance. Not what is done with the result.

import type { Random } from '../simulation/platform/random.ts'
import type { Mark } from './marks.ts'

/** Numbers at which something ends, for fields of any width. */
const EDGES = [
  0, 1, -1, -2, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x3fff, 0x4000,
  0x1f_ffff, 0x20_0000, 0xfff_ffff, 0x1000_0000, 0x7fff_ffff, -0x8000_0000, 250_000, 250_001,
  0xffff_ffff,
]

const MOST_AT_ONCE = 4
/** Mutants stay small, or few of them fit into a second. */
const MOST_BYTES = 96 * 1024

/** A changed copy, between one and four changes away. `donor` is what pieces are taken from. */
export function mutate(
  random: Random,
  bytes: Uint8Array,
  marks: readonly Mark[],
  donor: Uint8Array,
): Uint8Array {
  let mutant = bytes
  const count = 1 + Math.min(random.between(0, MOST_AT_ONCE - 1), random.between(0, 3))
  const marked = marks.length === 0 ? 0 : random.between(0, count)
  const chosen = Array.from({ length: marked }, () => random.pick(marks))
  // From behind, so that those before stay where they were marked.
  chosen.sort((a, b) => b.at - a.at)
  for (const mark of chosen) mutant = changeField(random, mutant, mark)
  for (let i = marked; i < count; i++) mutant = changeAnywhere(random, mutant, donor)
  return mutant.length > MOST_BYTES ? mutant.slice(0, MOST_BYTES) : mutant
}

/** `bytes` with `length` bytes at `at` replaced. */
export function splice(bytes: Uint8Array, at: number, length: number, by: Uint8Array): Uint8Array {
  const start = Math.min(at, bytes.length)
  const end = Math.min(bytes.length, start + length)
  const out = new Uint8Array(bytes.length - (end - start) + by.length)
  out.set(bytes.subarray(0, start))
  out.set(by, start)
  out.set(bytes.subarray(end), start + by.length)
  return out
}

function changeField(random: Random, bytes: Uint8Array, mark: Mark): Uint8Array {
  const { at, length, kind, role } = mark
  if (kind === 'raw') return splice(bytes, at, length, noise(random, random.between(0, 40)))
  if (role === 'elements' && random.chance(0.3)) {
    // More elements than there were, with something in their place.
    const more = random.pick([1, 2, 10, 1_000, 20_000])
    const filler = new Uint8Array(Math.min(more * random.between(1, 20), MOST_BYTES))
    if (random.chance(0.5)) filler.fill(random.between(0, 255))
    const grown = splice(bytes, at + length, 0, filler)
    return splice(grown, at, length, number(kind, numberAt(bytes, mark) + more, length))
  }
  const value = random.chance(0.5)
    ? random.pick(EDGES)
    : numberAt(bytes, mark) + random.between(-3, 3)
  if (kind === 'uvarint' && random.chance(0.2)) {
    return splice(bytes, at, length, oddVarint(random, value))
  }
  return splice(bytes, at, length, number(kind, value, length))
}

function numberAt(bytes: Uint8Array, { at, length, kind }: Mark): number {
  let value = 0
  for (let i = 0; i < length; i++) {
    const byte = bytes[at + i] ?? 0
    value = kind === 'uvarint' ? value + (byte & 0x7f) * 128 ** i : value * 256 + byte
  }
  return value
}

function number(kind: Mark['kind'], value: number, length: number): Uint8Array {
  if (kind === 'uvarint') return varint(value >>> 0)
  const out = new Uint8Array(length)
  let rest = value
  for (let i = length - 1; i >= 0; i--) {
    out[i] = rest
    rest = Math.floor(rest / 256)
  }
  return out
}

function varint(value: number): Uint8Array {
  const out: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) out.push((rest & 0x7f) | 0x80)
  out.push(rest)
  return Uint8Array.from(out)
}

/** Padded, cut, or wider than any number may be. */
function oddVarint(random: Random, value: number): Uint8Array {
  const plain = varint(value >>> 0)
  switch (random.between(0, 3)) {
    case 0: {
      const padded = new Uint8Array(plain.length + random.between(1, 8)).fill(0x80)
      padded.set(plain)
      padded[plain.length - 1] = (padded[plain.length - 1] ?? 0) | 0x80
      padded[padded.length - 1] = 0
      return padded
    }
    case 1:
      return new Uint8Array(random.between(1, 12)).fill(0xff)
    case 2:
      return Uint8Array.from([0xff, 0xff, 0xff, 0xff, random.between(0, 255)])
    default:
      return new Uint8Array(random.between(1, 6)).fill(0x80)
  }
}

/** Bytes without meaning. */
export function noise(random: Random, length: number): Uint8Array {
  const out = new Uint8Array(length)
  for (let i = 0; i < length; i++) out[i] = random.next()
  return out
}

function changeAnywhere(random: Random, bytes: Uint8Array, donor: Uint8Array): Uint8Array {
  const at = random.between(0, Math.max(0, bytes.length - 1))
  switch (random.between(0, 9)) {
    case 0:
    case 1: {
      const out = bytes.slice()
      if (out.length > 0) out[at] = (out[at] ?? 0) ^ (1 << random.between(0, 7))
      return out
    }
    case 2: {
      const out = bytes.slice()
      if (out.length > 0) out[at] = random.next()
      return out
    }
    case 3:
      return bytes.slice(0, at)
    case 4:
      return splice(bytes, at, random.between(1, 16), new Uint8Array(0))
    case 5:
      return splice(bytes, at, 0, noise(random, random.between(1, 16)))
    case 6: {
      // A piece of itself once more.
      const length = random.between(1, Math.max(1, Math.min(64, bytes.length - at)))
      return splice(bytes, at, 0, bytes.subarray(at, at + length))
    }
    case 7: {
      const from = random.between(0, Math.max(0, donor.length - 1))
      const piece = donor.subarray(from, from + random.between(1, 200))
      return splice(bytes, at, random.chance(0.5) ? piece.length : 0, piece)
    }
    case 8: {
      const width = random.pick([1, 2, 4, 8])
      return splice(bytes, at, width, number('int64', random.pick(EDGES), width))
    }
    default:
      return splice(bytes, at, random.between(1, 5), oddVarint(random, random.pick(EDGES)))
  }
}
