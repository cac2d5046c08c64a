// The classic consumer protocol's two structures, which JoinGroup and SyncGroup carry as opaque bytes
// (versions 0-3, ConsumerProtocolSubscription and -Assignment): needed where a group of the new
// protocol has classic members, and to know what a classic group subscribes to. A newer version is
// read as version 3, as Kafka reads it.

import { concatBytes, MalformedMessage, Reader, Writer } from '../../core/bytes.ts'
import { REQUEST_ELEMENTS_MAX } from '../../core/limits.ts'

/** The protocol type that speaks these. */
export const CONSUMER_PROTOCOL = 'consumer'

const NEWEST = 3

export interface NamedPartitions {
  readonly topic: string
  readonly partitions: readonly number[]
}

export interface ConsumerSubscription {
  /** As sent: an assignment for this member is written in it. */
  readonly version: number
  readonly topics: readonly string[]
  /** Empty in version 0. */
  readonly owned: readonly NamedPartitions[]
  readonly rackId: string | null
}

/** The subscription, or null when it is none. */
export function readSubscription(bytes: Uint8Array): ConsumerSubscription | null {
  return reading(bytes, (reader) => {
    const version = readVersion(reader)
    const topics = readArray(reader, 2, readString)
    skipUserData(reader)
    const owned = version >= 1 ? readArray(reader, 6, readPartitions) : []
    if (version >= 2) reader.int32()
    const rackId = version >= 3 ? readNullableString(reader) : null
    return { version, topics, owned, rackId }
  })
}

/** The assignment, or null when it is none. No bytes: nothing is assigned. */
export function readAssignment(bytes: Uint8Array): readonly NamedPartitions[] | null {
  if (bytes.byteLength === 0) return []
  return reading(bytes, (reader) => {
    readVersion(reader)
    return readArray(reader, 6, readPartitions)
  })
}

/** An assignment without user data, in a version that the member understands. */
export function writeAssignment(assigned: readonly NamedPartitions[], version: number): Uint8Array {
  const writer = new Writer()
  writer.int16(Math.min(Math.max(version, 0), NEWEST))
  writer.int32(assigned.length)
  for (const { topic, partitions } of assigned) {
    writer.utf8(topic, (to, length) => to.int16(length))
    writer.int32(partitions.length)
    for (const partition of partitions) writer.int32(partition)
  }
  writer.int32(-1)
  return concatBytes(writer.finish())
}

function reading<T>(bytes: Uint8Array, read: (reader: Reader) => T): T | null {
  try {
    return read(new Reader(bytes, 0, REQUEST_ELEMENTS_MAX))
  } catch (error) {
    if (error instanceof MalformedMessage) return null
    throw error
  }
}

function readVersion(reader: Reader): number {
  const version = reader.int16()
  if (version < 0) throw new MalformedMessage(`a consumer protocol of version ${version}`)
  return Math.min(version, NEWEST)
}

function readArray<T>(reader: Reader, minBytes: number, read: (reader: Reader) => T): T[] {
  const length = reader.int32()
  reader.elements(length, minBytes)
  const items: T[] = []
  for (let index = 0; index < length; index += 1) items.push(read(reader))
  return items
}

function readString(reader: Reader): string {
  return reader.utf8(reader.int16())
}

function readNullableString(reader: Reader): string | null {
  const length = reader.int16()
  return length < 0 ? null : reader.utf8(length)
}

function readPartitions(reader: Reader): NamedPartitions {
  const topic = readString(reader)
  return { topic, partitions: readArray(reader, 4, (from) => from.int32()) }
}

function skipUserData(reader: Reader): void {
  const length = reader.int32()
  if (length > 0) reader.skip(length)
}
