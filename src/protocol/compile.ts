// Turns a declared message into an encoder and a decoder for one version: arrays of closures, since
// the runtime forbids code generation. Arrays, structs and tagged fields (KIP-482) here, what they
// are made of in primitives.ts. Not cached here: codec.ts does that.

import { MalformedMessage, type Reader, Writer } from '../core/bytes.ts'
import { type Codec, lengths, scalarCodec } from './primitives.ts'
import type { Shape } from './schema.ts'

interface Version {
  readonly number: number
  readonly flexible: boolean
}

interface NamedCodec extends Codec {
  readonly name: string
  readonly default: unknown
}

interface TaggedCodec extends NamedCodec {
  readonly tag: number
  readonly isDefault: (value: unknown) => boolean
}

type Struct = Record<string, unknown>

/** The codec of `shape` in a version. Absent fields decode to their default and are not encoded. */
export function compile(shape: Shape, version: number, flexible: boolean): Codec {
  return codecOf(shape, { number: version, flexible })
}

function codecOf(shape: Shape, version: Version): Codec {
  const nullable = version.number >= shape.nullableFrom
  if (shape.kind === 'struct') {
    const codec = structCodec(shape.fields, version)
    return nullable ? nullableStruct(codec) : codec
  }
  if (shape.kind === 'array') return arrayCodec(shape.element, version, nullable)
  return scalarCodec(shape.kind, version.flexible, nullable)
}

function arrayCodec(element: Shape, version: Version, nullable: boolean): Codec {
  const { read, write, writeNull, minBytes } = lengths(version.flexible, 32, nullable)
  const item = codecOf(element, version)
  return {
    minBytes,
    decode: (reader) => {
      const length = read(reader)
      if (length < 0) return null
      reader.elements(length, item.minBytes)
      const values: unknown[] = []
      for (let i = 0; i < length; i++) values.push(item.decode(reader))
      return values
    },
    encode: (writer, value) => {
      if (value === null) {
        writeNull(writer)
        return
      }
      const values = value as readonly unknown[]
      write(writer, values.length)
      for (const each of values) item.encode(writer, each)
    },
  }
}

function structCodec(fields: Readonly<Record<string, Shape>>, version: Version): Codec {
  const plain: NamedCodec[] = []
  const tagged: TaggedCodec[] = []
  const defaults: Struct = {}
  for (const [name, shape] of Object.entries(fields)) {
    defaults[name] = shape.default
    if (version.number < shape.from || version.number > shape.until) continue
    const codec = { name, default: shape.default, ...codecOf(shape, version) }
    if (shape.tag < 0) plain.push(codec)
    else tagged.push({ ...codec, tag: shape.tag, isDefault: defaultTest(shape) })
  }
  tagged.sort((a, b) => a.tag - b.tag)
  const readTags = version.flexible ? tagReader(tagged) : undefined
  const writeTags = version.flexible ? tagWriter(tagged) : undefined
  return {
    minBytes: plain.reduce((sum, field) => sum + field.minBytes, version.flexible ? 1 : 0),
    decode: (reader) => {
      const value = { ...defaults }
      for (const field of plain) value[field.name] = field.decode(reader)
      readTags?.(reader, value)
      return value
    },
    encode: (writer, value) => {
      const struct = value as Readonly<Struct>
      for (const field of plain) {
        const given = struct[field.name]
        field.encode(writer, given === undefined ? field.default : given)
      }
      writeTags?.(writer, struct)
    },
  }
}

/** Present or null is told by a byte before the struct. */
function nullableStruct(codec: Codec): Codec {
  return {
    minBytes: 1,
    decode: (reader) => (reader.int8() < 0 ? null : codec.decode(reader)),
    encode: (writer, value) => {
      writer.int8(value === null ? -1 : 1)
      if (value !== null) codec.encode(writer, value)
    },
  }
}

function tagReader(tagged: readonly TaggedCodec[]) {
  const known = new Map(tagged.map((field) => [field.tag, field]))
  return (reader: Reader, value: Struct): void => {
    const count = reader.uvarint()
    for (let i = 0, last = -1; i < count; i++) {
      const tag = reader.uvarint()
      if (tag <= last) throw new MalformedMessage(`tag ${tag} after tag ${last}`)
      last = tag
      const size = reader.uvarint()
      const field = known.get(tag)
      if (field === undefined) reader.skip(size)
      else value[field.name] = decodeTagged(field, reader, size)
    }
  }
}

function decodeTagged(field: TaggedCodec, reader: Reader, size: number): unknown {
  const start = reader.at
  const value = field.decode(reader)
  if (reader.at - start !== size) {
    throw new MalformedMessage(`tag ${field.tag} says ${size} bytes and has ${reader.at - start}`)
  }
  return value
}

function tagWriter(tagged: readonly TaggedCodec[]) {
  if (tagged.length === 0) return (writer: Writer): void => writer.uvarint(0)
  return (writer: Writer, struct: Readonly<Struct>): void => {
    let count = 0
    for (const field of tagged) if (!field.isDefault(struct[field.name])) count++
    writer.uvarint(count)
    if (count === 0) return
    for (const field of tagged) {
      if (field.isDefault(struct[field.name])) continue
      const payload = new Writer()
      field.encode(payload, struct[field.name])
      writer.uvarint(field.tag)
      writer.uvarint(payload.length)
      for (const piece of payload.finish()) writer.bytes(piece)
    }
  }
}

/** Tells whether a value (undefined when not given) is the default of its field. */
function defaultTest(shape: Shape): (value: unknown) => boolean {
  if (shape.kind === 'array') {
    const none = shape.default as readonly unknown[] | null
    return (value) =>
      value === undefined ||
      value === none ||
      (none !== null && value !== null && (value as readonly unknown[]).length === 0)
  }
  if (shape.kind === 'struct' && shape.default !== null) {
    const tests = Object.entries(shape.fields).map(
      ([name, field]) => [name, defaultTest(field)] as const,
    )
    return (value) =>
      value === undefined ||
      (value !== null && tests.every(([name, test]) => test((value as Struct)[name])))
  }
  return (value) => value === undefined || value === shape.default
}
