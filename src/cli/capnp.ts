// Writes one Cap'n Proto message: structs, lists of structs, text and data, in a single segment. Only what
// workerd's configuration needs; not a reader, not a schema. Source: Cap'n Proto's "Encoding" specification.

/** A value that a pointer can lead to; null is the null pointer, which means the field's default. */
export type Value = Struct | List | Pointers | Bytes | null

/** A struct: its data section in words of 64 bits (values below 2^53) and its pointer section. */
export interface Struct {
  readonly kind: 'struct'
  readonly data: readonly number[]
  readonly pointers: readonly Value[]
}

/** A list of structs; each element gets the size of the largest. */
interface List {
  readonly kind: 'list'
  readonly elements: readonly Struct[]
}

/** A list of pointers: of texts, say. */
interface Pointers {
  readonly kind: 'pointers'
  readonly elements: readonly Value[]
}

/** Text ends with a byte that is 0, data does not. */
interface Bytes {
  readonly kind: 'bytes'
  readonly bytes: Uint8Array
  readonly terminated: boolean
}

/** What is absent at the end of either section is 0, or null. */
export function struct(data: readonly number[], pointers: readonly Value[]): Struct {
  return { kind: 'struct', data, pointers }
}

export function list(elements: readonly Struct[]): Value {
  return { kind: 'list', elements }
}

export function texts(values: readonly string[]): Value {
  return { kind: 'pointers', elements: values.map(text) }
}

export function text(value: string | Uint8Array): Value {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value
  return { kind: 'bytes', bytes, terminated: true }
}

export function data(bytes: Uint8Array): Value {
  return { kind: 'bytes', bytes, terminated: false }
}

const WORD = 8
const STRUCT_POINTER = 0
const LIST_POINTER = 1
const OF_BYTES = 2
const OF_POINTERS = 6
const OF_STRUCTS = 7

/** The message with its segment table. */
export function message(root: Struct): Uint8Array {
  const words = 1 + wordsOf(root)
  const buffer = Buffer.alloc((1 + words) * WORD)
  // One segment (their number less one is 0), and its size.
  buffer.writeUInt32LE(words, 4)
  new Writer(buffer.subarray(WORD)).root(root)
  return buffer
}

function wordsOf(value: Value): number {
  if (value === null) return 0
  switch (value.kind) {
    case 'bytes':
      return Math.ceil((value.bytes.length + Number(value.terminated)) / WORD)
    case 'struct':
      return value.data.length + value.pointers.length + below(value)
    case 'pointers':
      return value.elements.reduce((words, element) => words + 1 + wordsOf(element), 0)
    case 'list': {
      const { dataWords, pointerWords } = elementSize(value)
      const own = 1 + value.elements.length * (dataWords + pointerWords)
      return value.elements.reduce((words, element) => words + below(element), own)
    }
  }
}

function below({ pointers }: Struct): number {
  return pointers.reduce((words, pointer) => words + wordsOf(pointer), 0)
}

function elementSize({ elements }: List) {
  return {
    dataWords: Math.max(0, ...elements.map(({ data }) => data.length)),
    pointerWords: Math.max(0, ...elements.map(({ pointers }) => pointers.length)),
  }
}

/** Fills one segment from its front; positions are in words. */
class Writer {
  readonly #segment: Buffer
  #end = 1

  constructor(segment: Buffer) {
    this.#segment = segment
  }

  root(root: Struct): void {
    this.#pointTo(0, root)
  }

  #pointTo(at: number, value: Value): void {
    if (value === null) return
    const offset = this.#end - at - 1
    switch (value.kind) {
      case 'struct': {
        const { data, pointers } = value
        this.#pointer(at, STRUCT_POINTER, offset, data.length | (pointers.length << 16))
        const start = this.#take(data.length + pointers.length)
        this.#struct(start, value, data.length)
        return
      }
      case 'bytes': {
        const { bytes, terminated } = value
        const count = bytes.length + Number(terminated)
        this.#pointer(at, LIST_POINTER, offset, OF_BYTES + count * 8)
        this.#segment.set(bytes, this.#take(Math.ceil(count / WORD)) * WORD)
        return
      }
      case 'pointers': {
        const { elements } = value
        this.#pointer(at, LIST_POINTER, offset, OF_POINTERS + elements.length * 8)
        const start = this.#take(elements.length)
        for (const [index, element] of elements.entries()) this.#pointTo(start + index, element)
        return
      }
      case 'list': {
        const { elements } = value
        const { dataWords, pointerWords } = elementSize(value)
        const size = dataWords + pointerWords
        this.#pointer(at, LIST_POINTER, offset, OF_STRUCTS + elements.length * size * 8)
        const tag = this.#take(1 + elements.length * size)
        // The tag is a struct pointer whose offset is the number of elements.
        this.#pointer(tag, STRUCT_POINTER, elements.length, dataWords | (pointerWords << 16))
        for (const [index, element] of elements.entries()) {
          this.#struct(tag + 1 + index * size, element, dataWords)
        }
      }
    }
  }

  #struct(start: number, { data, pointers }: Struct, dataWords: number): void {
    for (const [index, word] of data.entries()) {
      this.#segment.writeBigUInt64LE(BigInt(word), (start + index) * WORD)
    }
    for (const [index, value] of pointers.entries()) {
      this.#pointTo(start + dataWords + index, value)
    }
  }

  #pointer(at: number, kind: number, offset: number, high: number): void {
    this.#segment.writeInt32LE((offset << 2) | kind, at * WORD)
    this.#segment.writeUInt32LE(high, at * WORD + 4)
  }

  #take(words: number): number {
    const at = this.#end
    this.#end += words
    return at
  }
}
