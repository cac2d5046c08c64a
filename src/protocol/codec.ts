// Frames of the Kafka protocol: request and response headers around a body that the declarations
// in messages/ describe. Holds no policy: an error code is a field here. Where a function takes or
// gives a "frame" of bytes to decode it is without the 4-byte size before it; what is encoded is
// with it. Headers: request v1 or v2 (flexible), response v0 or v1 (flexible; ApiVersions always
// v0, KIP-511).

import { concatBytes, MalformedMessage, Reader, Writer } from '../core/bytes.ts'
import { REQUEST_ELEMENTS_MAX } from '../core/limits.ts'
import { compile } from './compile.ts'
import type { Codec } from './primitives.ts'
import type { Api, RequestOf, RequestToSend, ResponseOf, ResponseRead, Shape } from './schema.ts'

/** What each request starts with. */
export interface RequestHeader {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
}

const API_VERSIONS_KEY = 18

/** A decoded header, and the reader in front of what follows it. */
export interface OpenedRequest extends RequestHeader {
  readonly reader: Reader
}

/** Compiled codecs by message and version; filled as versions are first used. */
const compiled = new WeakMap<Shape, Codec[]>()

function codecFor(api: Api, message: Shape, version: number): Codec {
  let versions = compiled.get(message)
  if (versions === undefined) {
    versions = []
    compiled.set(message, versions)
  }
  let codec = versions[version]
  if (codec === undefined) {
    if (!isServed(api, version)) throw new RangeError(`${api.name} has no version ${version}`)
    codec = compile(message, version, isFlexible(api, version))
    versions[version] = codec
  }
  return codec
}

/** True when the declaration covers this version. */
export function isServed(api: Api, version: number): boolean {
  return version >= api.versions[0] && version <= api.versions[1]
}

/** True when this version has compact lengths, tagged fields and flexible headers. */
export function isFlexible(api: Api, version: number): boolean {
  return version >= api.flexible
}

/**
 * Reads the part of a request's header that is the same in every version, known or not; so an
 * ApiVersions request of an unknown version can be answered. The reader is left for decodeRequest.
 * @param frame the request without its size prefix
 * @throws MalformedMessage
 */
export function decodeRequestHeader(frame: Uint8Array): OpenedRequest {
  const reader = new Reader(frame, 0, REQUEST_ELEMENTS_MAX)
  const apiKey = reader.int16()
  const apiVersion = reader.int16()
  const correlationId = reader.int32()
  // The client id keeps its classic length in header v2 too.
  const length = reader.int16()
  if (length < -1) throw new MalformedMessage(`the client id has length ${length}`)
  const clientId = length < 0 ? null : reader.utf8(length)
  return { apiKey, apiVersion, correlationId, clientId, reader }
}

/**
 * Reads the rest of a header and the body of a request. Records are views into the frame.
 * @param version one that the declaration covers (else RangeError)
 * @param reader as decodeRequestHeader left it
 * Bytes after the body are ignored, as Kafka does: librdkafka 2.16 sends some with Metadata version 13.
 * @throws MalformedMessage
 */
export function decodeRequest<A extends Api>(
  api: A,
  version: number,
  reader: Reader,
): RequestOf<A> {
  const codec = codecFor(api, api.request, version)
  if (isFlexible(api, version)) skipTags(reader)
  return codec.decode(reader) as RequestOf<A>
}

/**
 * A response as pieces to be written one after the other, its size first. Byte fields from 4 KiB up
 * are passed through by reference: they must not change until the pieces are written. Fields that
 * the version lacks are left out.
 */
export function encodeResponse<A extends Api>(
  api: A,
  version: number,
  correlationId: number,
  body: ResponseOf<A>,
): Uint8Array[] {
  const codec = codecFor(api, api.response, version)
  const writer = new Writer()
  writer.int32(0)
  writer.int32(correlationId)
  if (hasFlexibleResponseHeader(api, version)) writer.uvarint(0)
  codec.encode(writer, body)
  return writer.finish(true)
}

/** A whole request with its size prefix: a client's half, for tests and tools. */
export function encodeRequest<A extends Api>(
  api: A,
  version: number,
  header: { readonly correlationId: number; readonly clientId: string | null },
  body: RequestToSend<A>,
): Uint8Array {
  const codec = codecFor(api, api.request, version)
  const writer = new Writer()
  writer.int32(0)
  writer.int16(api.key)
  writer.int16(version)
  writer.int32(header.correlationId)
  if (header.clientId === null) writer.int16(-1)
  else writer.utf8(header.clientId, (to, length) => to.int16(length))
  if (isFlexible(api, version)) writer.uvarint(0)
  codec.encode(writer, body)
  return concatBytes(writer.finish(true))
}

/**
 * Reads a response: a client's half, for tests and tools.
 * @param frame the response without its size prefix
 * @throws MalformedMessage, also for bytes after the body
 */
export function decodeResponse<A extends Api>(
  api: A,
  version: number,
  frame: Uint8Array,
): { correlationId: number; body: ResponseRead<A> } {
  const codec = codecFor(api, api.response, version)
  const reader = new Reader(frame)
  const correlationId = reader.int32()
  if (hasFlexibleResponseHeader(api, version)) skipTags(reader)
  const body = codec.decode(reader)
  reader.expectEnd()
  return { correlationId, body: body as ResponseRead<A> }
}

/** A client that asks ApiVersions does not know yet which header the broker would use. */
function hasFlexibleResponseHeader(api: Api, version: number): boolean {
  return isFlexible(api, version) && api.key !== API_VERSIONS_KEY
}

/** Headers have no tagged fields of their own. */
const skipTags: (reader: Reader) => void = compile(
  { kind: 'struct', fields: {}, from: 0, until: 0, nullableFrom: 1, tag: -1, default: null },
  0,
  true,
).decode
