// The copies inside the two decompressors, sixteen bytes at a time. They may write up to 31 bytes
// beyond what is asked, so callers keep that much room behind every output. Not bounds checks.

import { REPEAT_MASKS } from './layout'

function fillMasks(): void {
  for (let distance: usize = 1; distance < 16; distance++)
    for (let lane: usize = 0; lane < 16; lane++)
      store<u8>(REPEAT_MASKS + (distance << 4) + lane, <u8>(lane % distance))
}

fillMasks()

/** Copies bytes that do not overlap. */
// @ts-ignore: decorator
@inline
export function copyLiterals(to: usize, from: usize, length: usize): void {
  const end = to + length
  do {
    v128.store(to, v128.load(from))
    to += 16
    from += 16
  } while (to < end)
}

/** Copies from `distance` bytes behind, repeating them when the distance is less than the length. */
// @ts-ignore: decorator
@inline
export function copyBack(to: usize, distance: usize, length: usize): void {
  const end = to + length
  let from = to - distance
  if (distance >= 16) {
    do {
      v128.store(to, v128.load(from))
      to += 16
      from += 16
    } while (to < end)
    return
  }
  // One vector of whole repetitions, stored in steps of whole repetitions.
  const repeated = v128.swizzle(v128.load(from), v128.load(REPEAT_MASKS + (distance << 4)))
  const step: usize = 16 - <usize>(16 % <u32>distance)
  do {
    v128.store(to, repeated)
    to += step
  } while (to < end)
}

/** Copies 18 bytes or some more from `distance` bytes behind, repeating them as copyBack does. */
// @ts-ignore: decorator
@inline
export function copyBackShort(to: usize, distance: usize): void {
  const from = to - distance
  if (distance >= 16) {
    v128.store(to, v128.load(from))
    store<u32>(to, load<u32>(from, 16), 16)
    return
  }
  const repeated = v128.swizzle(v128.load(from), v128.load(REPEAT_MASKS + (distance << 4)))
  const step: usize = 16 - <usize>(16 % <u32>distance)
  v128.store(to, repeated)
  v128.store(to + step, repeated)
}
