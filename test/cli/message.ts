// Reads a Cap'n Proto message of one segment back into plain values, so that two of them can be compared: what
// is default at the end of a section is left out. Not the writer (src/cli/capnp.ts).

/** A struct as [data words, pointers], a list as an array of structs, text and data as a Buffer. */
export type Read =
  | null
  | Buffer
  | { readonly data: number[]; readonly pointers: Read[] }
  | { readonly texts: Read[] }
  | Read[]

/** The root of the message. */
export function readMessage(message: Uint8Array): Read {
  const bytes = Buffer.from(message)
  if (bytes.readUInt32LE(0) !== 0) throw new Error('more than one segment')
  const segment = bytes.subarray(8)
  if (segment.length !== 8 * bytes.readUInt32LE(4)) throw new Error('the segment has another size')

  function pointer(at: number): Read {
    if (segment.readBigUInt64LE(at * 8) === 0n) return null
    const low = segment.readInt32LE(at * 8)
    const high = segment.readUInt32LE(at * 8 + 4)
    const start = at + 1 + (low >> 2)
    if ((low & 3) === 0) return struct(start, high & 0xffff, high >>> 16)
    if ((low & 3) !== 1) throw new Error('a far pointer')
    const count = high >>> 3
    if ((high & 7) === 2) return segment.subarray(start * 8, start * 8 + count)
    if ((high & 7) === 6) {
      return { texts: Array.from({ length: count }, (_, index) => pointer(start + index)) }
    }
    if ((high & 7) !== 7) throw new Error(`a list of kind ${high & 7}`)
    const elements = segment.readUInt32LE(start * 8) >>> 2
    const sizes = segment.readUInt32LE(start * 8 + 4)
    const [dataWords, pointers] = [sizes & 0xffff, sizes >>> 16]
    return Array.from({ length: elements }, (_, index) =>
      struct(start + 1 + index * (dataWords + pointers), dataWords, pointers),
    )
  }

  function struct(start: number, dataWords: number, pointerWords: number): Read {
    const data = Array.from({ length: dataWords }, (_, word) =>
      Number(segment.readBigUInt64LE((start + word) * 8)),
    )
    const pointers = Array.from({ length: pointerWords }, (_, word) =>
      pointer(start + dataWords + word),
    )
    while (data.at(-1) === 0) data.pop()
    while (pointers.length > 0 && pointers.at(-1) === null) pointers.pop()
    return { data, pointers }
  }

  return pointer(0)
}
