// What must be as ever while others are fed garbage: known answers of everything that all share in one isolate (the
// memory of the WebAssembly module above all). Looked at again and again between mutants.

import { crc32c, storedSum, xxh32 } from '../../src/core/wasm.ts'
import { Codec, compress, decompress } from '../../src/record/compression.ts'
import { recordsOf } from '../../src/record/records.ts'
import { text } from '../record/golden.ts'
import { seedBatches } from './seeds.ts'

const content = text(5_000)
const sums = [crc32c, storedSum, xxh32]

function answers(): string {
  const found = sums.map((sum) => sum(content))
  for (const codec of Object.values(Codec)) {
    const bytes = compress(codec, content)
    found.push(crc32c(bytes), crc32c(decompress(codec, bytes, content.length)))
  }
  for (const { bytes } of seedBatches().slice(0, 3)) {
    for (const { value } of recordsOf(bytes)) found.push(value === null ? -1 : crc32c(value))
  }
  return found.join()
}

let first: string | null = null

/** Throws when anything is not as it was the first time. */
export function checkNeighbour(): void {
  first ??= answers()
  if (answers() !== first) throw new Error('what is shared gives other answers than before')
}
