// How keyed requests are kept in a row: a chunk has what its batches add, the snapshot the whole state, in the
// same entries of fixed size. Reading them in order gives the state. Not what they mean: requests.ts.
//
//   part    1 · flags uint8 (1 stream, 2 append time) · id 16 · body 16 · partitions int32 · total float64
//           · appended at float64 · start float64 · count int32 · first offset float64 · last offset float64 · time float64 · after 16
//   claim   2 · flags · id · body · partitions · total · claimed at, as in a part

import type { RequestIdentity, RequestSpan } from './requests-contract.ts'

/** Records of a request that were stored. */
export interface RequestStored extends RequestIdentity, RequestSpan {
  readonly kind: 'part'
  /** Digest of the request's records in this partition up to the last of these. */
  readonly after: string
  /** Leader's clock, milliseconds. */
  readonly atMs: number
}

/** A request began that may have no records here. */
export interface RequestClaimed extends RequestIdentity {
  readonly kind: 'claim'
  readonly atMs: number
}

export type RequestEvent = RequestStored | RequestClaimed

const PART = 1
const CLAIM = 2
const STREAM = 1
const APPEND_TIME = 2
const DIGEST_BYTES = 16
const AT_BODY = 2 + DIGEST_BYTES
const AT_PARTITIONS = AT_BODY + DIGEST_BYTES

/** Bytes of one entry. */
export const REQUEST_CLAIM_BYTES = AT_PARTITIONS + 20
export const REQUEST_PART_BYTES = REQUEST_CLAIM_BYTES + 36 + DIGEST_BYTES

/** Bytes that the entries take. */
export function sizeOfEvents(events: readonly RequestEvent[]): number {
  return events.reduce((sum, event) => sum + sizeOf(event), 0)
}

/** The entries one behind the other. */
export function encodeRequestEvents(events: readonly RequestEvent[]): Uint8Array {
  const bytes = new Uint8Array(sizeOfEvents(events))
  let at = 0
  for (const event of events) {
    write(bytes, at, event)
    at += sizeOf(event)
  }
  return bytes
}

/**
 * The entries in the order they were written.
 * @throws Error for bytes that are none: the row's checksum says that they are what was written
 */
export function readRequestEvents(bytes: Uint8Array): RequestEvent[] {
  const events: RequestEvent[] = []
  for (let at = 0; at < bytes.length; ) {
    const event = read(bytes, at)
    events.push(event)
    at += sizeOf(event)
  }
  return events
}

function sizeOf({ kind }: RequestEvent): number {
  return kind === 'part' ? REQUEST_PART_BYTES : REQUEST_CLAIM_BYTES
}

function write(bytes: Uint8Array, at: number, event: RequestEvent): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, sizeOf(event))
  const isAppendTime = event.kind === 'part' && event.isAppendTime
  view.setUint8(0, event.kind === 'part' ? PART : CLAIM)
  view.setUint8(1, (event.isStream ? STREAM : 0) | (isAppendTime ? APPEND_TIME : 0))
  putDigest(view, 2, event.id)
  putDigest(view, AT_BODY, event.body)
  view.setInt32(AT_PARTITIONS, event.partitions)
  view.setFloat64(AT_PARTITIONS + 4, event.total)
  view.setFloat64(AT_PARTITIONS + 12, event.atMs)
  if (event.kind === 'claim') return
  view.setFloat64(REQUEST_CLAIM_BYTES, event.start)
  view.setInt32(REQUEST_CLAIM_BYTES + 8, event.count)
  view.setFloat64(REQUEST_CLAIM_BYTES + 12, event.firstOffset)
  view.setFloat64(REQUEST_CLAIM_BYTES + 20, event.lastOffset)
  view.setFloat64(REQUEST_CLAIM_BYTES + 28, event.timeMs)
  putDigest(view, REQUEST_CLAIM_BYTES + 36, event.after)
}

function read(bytes: Uint8Array, at: number): RequestEvent {
  const kind = bytes[at]
  const size = kind === PART ? REQUEST_PART_BYTES : REQUEST_CLAIM_BYTES
  if ((kind !== PART && kind !== CLAIM) || at + size > bytes.length) {
    throw new Error(`no keyed request lies at byte ${at}`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, size)
  const flags = view.getUint8(1)
  const claim = {
    id: digestAt(view, 2),
    body: digestAt(view, AT_BODY),
    isStream: (flags & STREAM) !== 0,
    partitions: view.getInt32(AT_PARTITIONS),
    total: view.getFloat64(AT_PARTITIONS + 4),
    atMs: view.getFloat64(AT_PARTITIONS + 12),
  }
  if (kind === CLAIM) return { kind: 'claim', ...claim }
  return {
    kind: 'part',
    ...claim,
    start: view.getFloat64(REQUEST_CLAIM_BYTES),
    count: view.getInt32(REQUEST_CLAIM_BYTES + 8),
    firstOffset: view.getFloat64(REQUEST_CLAIM_BYTES + 12),
    lastOffset: view.getFloat64(REQUEST_CLAIM_BYTES + 20),
    timeMs: view.getFloat64(REQUEST_CLAIM_BYTES + 28),
    isAppendTime: (flags & APPEND_TIME) !== 0,
    after: digestAt(view, REQUEST_CLAIM_BYTES + 36),
  }
}

function putDigest(view: DataView, at: number, digest: string): void {
  for (let word = 0; word < DIGEST_BYTES; word += 4) {
    view.setUint32(at + word, Number.parseInt(digest.slice(2 * word, 2 * word + 8), 16))
  }
}

function digestAt(view: DataView, at: number): string {
  let digest = ''
  for (let word = 0; word < DIGEST_BYTES; word += 4) {
    digest += view
      .getUint32(at + word)
      .toString(16)
      .padStart(8, '0')
  }
  return digest
}
