// Batches of the log to the JSON that readers get, record by record and only as far as is asked for: a
// small batch may hold very many. Control records and aborted transactions are left out. What cannot
// be read is an item of its own with the offsets it covers, never a gap and never the end.

import { type ErrorCode, errorName, KafkaError } from '../core/errors.ts'
import { textOf, toBase64 } from '../core/text.ts'
import { CodecError } from '../core/wasm.ts'
import { type BatchHeader, computeBatchCrc, readBatchHeader } from './header.ts'
import { recordsOf, type StoredRecord } from './records.ts'
import { batchesInPieces } from './stored.ts'

/** A record, or a malformed stretch of the log. */
export interface Item {
  readonly offset: number
  /** Where reading goes on behind it. */
  readonly nextOffset: number
  readonly json: string
  readonly malformed: boolean
}

/** An aborted transaction as Fetch tells it: its batches count from `firstOffset` to its marker. */
export interface Aborted {
  readonly producerId: bigint | number
  readonly firstOffset: number
}

/** What Fetch gave of one partition. */
export interface FetchedBatches {
  readonly partition: number
  /** First offset wanted; the first batch may begin before it. */
  readonly from: number
  /** Whole batches; one may span several pieces. */
  readonly pieces: readonly Uint8Array[]
  /** Empty when uncommitted records are wanted too. */
  readonly aborted: readonly Aborted[]
  /** Only records of this key are wanted; what cannot be read is told all the same. */
  readonly key?: Uint8Array | null
}

/** The items from `from` on, one by one; returns the offset behind the last batch. */
export function* itemsOf(fetched: FetchedBatches): Generator<Item, number> {
  const { partition, from, key = null } = fetched
  const transactions = new Transactions(fetched.aborted)
  let next = from
  for (const batch of batchesInPieces(fetched.pieces)) {
    const header = readBatchHeader(batch)
    const lastOffset = header.baseOffset + header.lastOffsetDelta
    if (lastOffset < next) continue
    const visible = transactions.shows(batch, header, lastOffset)
    if (visible) yield* itemsOfBatch(batch, header, { partition, from: next, lastOffset }, key)
    next = lastOffset + 1
  }
  return next
}

interface Stretch {
  readonly partition: number
  readonly from: number
  readonly lastOffset: number
}

function* itemsOfBatch(
  batch: Uint8Array,
  header: BatchHeader,
  stretch: Stretch,
  key: Uint8Array | null,
): Generator<Item> {
  const { partition, from, lastOffset } = stretch
  let next = header.baseOffset
  const rest = () => ({ ...stretch, from: Math.max(from, next) })
  if (computeBatchCrc(batch) !== header.crc) {
    yield malformed(rest(), KafkaError.CORRUPT_MESSAGE, 'the checksum does not match')
    return
  }
  try {
    for (const record of recordsOf(batch)) {
      if (record.offset < next || record.offset > lastOffset) {
        yield malformed(rest(), KafkaError.CORRUPT_MESSAGE, 'record offsets are out of order')
        return
      }
      next = record.offset + 1
      if (record.offset < from || (key !== null && !isSame(record.key, key))) continue
      const json = recordJson(partition, record)
      yield { offset: record.offset, nextOffset: next, json, malformed: false }
    }
  } catch (error) {
    if (!(error instanceof CodecError)) throw error
    const code =
      error.reason === 'too-large' ? KafkaError.MESSAGE_TOO_LARGE : KafkaError.CORRUPT_MESSAGE
    yield malformed(rest(), code, error.message)
  }
}

function malformed(
  { partition, from, lastOffset }: Stretch,
  code: ErrorCode,
  detail: string,
): Item {
  const item = { partition, offset: from, lastOffset, error: errorName(code), detail }
  return {
    offset: from,
    nextOffset: lastOffset + 1,
    json: JSON.stringify(item),
    malformed: true,
  }
}

/** A record as HTTP shows it. */
function recordJson(partition: number, record: StoredRecord): string {
  const headers = record.headers.map(
    ({ key, value }) => `{"key":${JSON.stringify(key)},${member('value', value)}}`,
  )
  return (
    `{"partition":${partition},"offset":${record.offset},"timestamp":${record.timestamp},` +
    `${member('key', record.key)},${member('value', record.value)},"headers":[${headers.join(',')}]}`
  )
}

/** Tells of a record's JSON, as made here, whether the record has this key. */
export function hasKey(key: Uint8Array): (json: string) => boolean {
  const wanted = `,${member('key', key)},`
  return (json) => {
    // Its partition, offset and timestamp come first, and are numbers.
    const offsetAt = json.indexOf(',')
    const timestampAt = json.indexOf(',', offsetAt + 1)
    return json.startsWith(wanted, json.indexOf(',', timestampAt + 1))
  }
}

function isSame(one: Uint8Array | null, other: Uint8Array): boolean {
  return one?.length === other.length && one.every((byte, at) => byte === other[at])
}

/** `"name":"text"` where the bytes are UTF-8, else `"nameBase64":"…"`. */
function member(name: string, bytes: Uint8Array | null): string {
  if (bytes === null) return `"${name}":null`
  const text = textOf(bytes)
  if (text === null) return `"${name}Base64":"${toBase64(bytes)}"`
  return `"${name}":${JSON.stringify(text)}`
}

/** Knows, batch by batch in offset order, which belong to aborted transactions (KIP-98). */
class Transactions {
  readonly #aborted: readonly Aborted[]
  #next = 0
  readonly #open = new Set<number>()

  constructor(aborted: readonly Aborted[]) {
    this.#aborted = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset)
  }

  /** True when the records of this batch are to be shown. */
  shows(batch: Uint8Array, header: BatchHeader, lastOffset: number): boolean {
    for (;;) {
      const aborted = this.#aborted[this.#next]
      if (aborted === undefined || aborted.firstOffset > lastOffset) break
      this.#open.add(Number(aborted.producerId))
      this.#next++
    }
    if (header.control) {
      if (isAbortMarker(batch)) this.#open.delete(header.producerId)
      return false
    }
    return !(header.transactional && this.#open.has(header.producerId))
  }
}

const MARKER_TYPE_AT = 2
const ABORT = 0

/** The key of a control record is a version and a type, two bytes each. */
function isAbortMarker(batch: Uint8Array): boolean {
  try {
    const key = recordsOf(batch).next().value?.key
    if (key === undefined || key === null || key.length < MARKER_TYPE_AT + 2) return false
    return key[MARKER_TYPE_AT] === 0 && key[MARKER_TYPE_AT + 1] === ABORT
  } catch (error) {
    if (error instanceof CodecError) return false
    throw error
  }
}
