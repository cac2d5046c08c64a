// Encodings of the protocol's primitive types, classic and compact (KIP-482): numbers, strings,
// bytes, and the lengths before strings, bytes and arrays. Not of arrays and structs, which
// compile.ts makes of these.

import { MalformedMessage, type Reader, type Writer } from '../core/bytes.ts'
import type { TopicId } from '../core/ids.ts'
import type { ScalarKind } from './schema.ts'

/** Reads and writes one field or message of one version. */
export interface Codec {
  /** Throws MalformedMessage. */
  readonly decode: (reader: Reader) => unknown
  /** Trusts the types of the declaration; what they cannot say (length of a string) it checks. */
  readonly encode: (writer: Writer, value: unknown) => void
  /** No encoding of it is shorter than this many bytes. */
  readonly minBytes: number
}

/** Reads and writes the length before a string, bytes or an array; null is a length too. */
export interface Lengths {
  /** -1: null. Throws MalformedMessage for less, and for null where there is none. */
  readonly read: (reader: Reader) => number
  readonly write: (writer: Writer, length: number) => void
  /** Throws TypeError where there is no null: a bug of the caller, not of a peer. */
  readonly writeNull: (writer: Writer) => void
  readonly minBytes: number
}

const FIXED: Readonly<Record<Exclude<ScalarKind, 'string' | 'bytes' | 'records'>, Codec>> = {
  bool: { minBytes: 1, decode: (r) => r.bool(), encode: (w, v) => w.bool(v as boolean) },
  int8: { minBytes: 1, decode: (r) => r.int8(), encode: (w, v) => w.int8(v as number) },
  int16: { minBytes: 2, decode: (r) => r.int16(), encode: (w, v) => w.int16(v as number) },
  uint16: { minBytes: 2, decode: (r) => r.uint16(), encode: (w, v) => w.uint16(v as number) },
  int32: { minBytes: 4, decode: (r) => r.int32(), encode: (w, v) => w.int32(v as number) },
  int64: { minBytes: 8, decode: (r) => r.int64(), encode: (w, v) => w.int64(v as number) },
  bigint64: { minBytes: 8, decode: (r) => r.bigint64(), encode: (w, v) => w.bigint64(v as bigint) },
  float64: { minBytes: 8, decode: (r) => r.float64(), encode: (w, v) => w.float64(v as number) },
  uuid: { minBytes: 16, decode: (r) => r.uuid(), encode: (w, v) => w.uuid(v as TopicId) },
}

/** The codec of one scalar. */
export function scalarCodec(kind: ScalarKind, flexible: boolean, nullable: boolean): Codec {
  if (kind === 'string') return stringCodec(lengths(flexible, 16, nullable))
  if (kind === 'bytes' || kind === 'records') return bytesCodec(lengths(flexible, 32, nullable))
  return FIXED[kind]
}

/** Compact lengths when flexible, else classic ones of 16 or 32 bits. */
export function lengths(flexible: boolean, bits: 16 | 32, nullable: boolean): Lengths {
  const write = lengthWriter(flexible, bits)
  return {
    minBytes: flexible ? 1 : bits / 8,
    read: lengthReader(flexible, bits, nullable),
    write,
    writeNull: (writer) => {
      if (!nullable) throw new TypeError('null in a field that is not nullable in this version')
      write(writer, -1)
    },
  }
}

function lengthReader(flexible: boolean, bits: 16 | 32, nullable: boolean): Lengths['read'] {
  if (flexible) return (reader) => checked(reader.uvarint() - 1, nullable)
  if (bits === 16) return (reader) => checked(reader.int16(), nullable)
  return (reader) => checked(reader.int32(), nullable)
}

function lengthWriter(flexible: boolean, bits: 16 | 32): Lengths['write'] {
  if (flexible) return (writer, length) => writer.uvarint(length + 1)
  if (bits === 16) return (writer, length) => writer.int16(length)
  return (writer, length) => writer.int32(length)
}

function checked(length: number, nullable: boolean): number {
  if (length >= 0) return length
  if (length < -1) throw new MalformedMessage(`a length is ${length}`)
  if (!nullable) throw new MalformedMessage('null where the protocol has none')
  return -1
}

function stringCodec({ read, write, writeNull, minBytes }: Lengths): Codec {
  return {
    minBytes,
    decode: (reader) => {
      const length = read(reader)
      return length < 0 ? null : reader.utf8(length)
    },
    encode: (writer, value) => {
      if (value === null) writeNull(writer)
      else writer.utf8(value as string, write)
    },
  }
}

function bytesCodec({ read, write, writeNull, minBytes }: Lengths): Codec {
  return {
    minBytes,
    decode: (reader) => {
      const length = read(reader)
      return length < 0 ? null : reader.bytes(length)
    },
    encode: (writer, value) => {
      if (value === null) {
        writeNull(writer)
        return
      }
      const pieces = value instanceof Uint8Array ? [value] : (value as readonly Uint8Array[])
      let length = 0
      for (const piece of pieces) length += piece.byteLength
      write(writer, length)
      for (const piece of pieces) writer.bytes(piece)
    },
  }
}
