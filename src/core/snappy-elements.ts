// The elements of a Snappy block in plain TypeScript, for blocks that do not fit the WebAssembly
// memory together with their output: a copy may refer to any earlier byte, so such a block cannot be
// decoded in parts there. Not the usual path; the same vectors test both.

import { CODEC_MALFORMED } from './wasm.ts'

/**
 * Decodes `bytes` from `from` up to `end` to exactly `size` bytes of `out` at `to`. Answers `size` or
 * CODEC_MALFORMED; the output's bytes are then undefined, and none outside its part was touched.
 */
export function snappyElements(
  bytes: Uint8Array,
  from: number,
  end: number,
  out: Uint8Array,
  to: number,
  size: number,
): number {
  const outputEnd = to + size
  let input = from
  let output = to
  while (input < end) {
    const tag = bytes[input++] as number
    const kind = tag & 3
    // A literal's long length or a copy's distance follows the tag, low byte first.
    const width = kind === 0 ? Math.max(0, (tag >>> 2) - 59) : kind === 3 ? 4 : kind
    if (width > end - input) return CODEC_MALFORMED
    let operand = 0
    for (let i = 0; i < width; i++) operand += (bytes[input + i] as number) * 2 ** (8 * i)
    input += width
    if (kind === 0) {
      const length = (width === 0 ? tag >>> 2 : operand) + 1
      if (length > end - input || length > outputEnd - output) return CODEC_MALFORMED
      out.set(bytes.subarray(input, input + length), output)
      input += length
      output += length
      continue
    }
    const length = kind === 1 ? 4 + ((tag >>> 2) & 7) : 1 + (tag >>> 2)
    const distance = kind === 1 ? (tag >>> 5) * 256 + operand : operand
    if (distance === 0 || distance > output - to || length > outputEnd - output)
      return CODEC_MALFORMED
    if (distance >= length) {
      out.copyWithin(output, output - distance, output - distance + length)
      output += length
    } else {
      for (const stop = output + length; output < stop; output++)
        out[output] = out[output - distance] as number
    }
  }
  return output === outputEnd ? size : CODEC_MALFORMED
}
