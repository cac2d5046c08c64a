// Control batches: the markers that end a transaction, written and read, and a leader change, read.
// Clients never write them and readers never see them. Follows Kafka's ControlRecordType,
// EndTransactionMarker and LeaderChangeMessage.

import { readUnsignedVarint, VarintError } from '../core/varint.ts'
import { buildBatch } from './build.ts'
import { putInt16, putInt32 } from './header.ts'
import type { StoredRecord } from './records.ts'

const ABORT = 0
const COMMIT = 1
const LEADER_CHANGE = 2

/** What a control record says. */
export type ControlRecord =
  | { readonly kind: 'abort' | 'commit'; readonly coordinatorEpoch: number }
  | {
      readonly kind: 'leader-change'
      readonly leaderId: number
      readonly voters: readonly number[]
    }
  /** A type that is not ours to act on: Kafka's controller has more, and there may be newer ones. */
  | { readonly kind: 'other'; readonly type: number }

/** The end of a producer's transaction in one partition. */
export interface EndTransaction {
  readonly commit: boolean
  readonly producerId: number
  readonly producerEpoch: number
  readonly coordinatorEpoch: number
  /** Milliseconds. */
  readonly timestamp: number
  readonly baseOffset?: number
}

/** A batch with the marker that ends a transaction. It takes one offset. */
export function buildEndTransaction(end: EndTransaction): Uint8Array {
  const key = new Uint8Array(4)
  putInt16(key, 2, end.commit ? COMMIT : ABORT)
  const value = new Uint8Array(6)
  putInt32(value, 2, end.coordinatorEpoch)
  const { producerId, producerEpoch, timestamp, baseOffset = 0 } = end
  return buildBatch({
    records: [{ timestamp, key, value }],
    baseOffset,
    producerId,
    producerEpoch,
    transactional: true,
    control: true,
  })
}

/** Reads the one record of a control batch; null when it is not what its type says. */
export function readControlRecord(record: StoredRecord): ControlRecord | null {
  const { key, value } = record
  if (key === null || key.length < 4) return null
  const keyView = viewOf(key)
  // A newer version of the key may have more fields, behind the type.
  if (keyView.getInt16(0) < 0) return null
  const type = keyView.getInt16(2)
  switch (type) {
    case ABORT:
    case COMMIT:
      return value === null ? null : readEndTransaction(type, value)
    case LEADER_CHANGE:
      return value === null ? null : readLeaderChange(value)
    default:
      return { kind: 'other', type }
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

function readEndTransaction(type: number, value: Uint8Array): ControlRecord | null {
  if (value.length < 6) return null
  const view = viewOf(value)
  if (view.getInt16(0) < 0) return null
  return { kind: type === COMMIT ? 'commit' : 'abort', coordinatorEpoch: view.getInt32(2) }
}

/** Version, leader, then a compact array of voters (id, from version 1 a directory's uuid, tags). */
function readLeaderChange(value: Uint8Array): ControlRecord | null {
  try {
    const view = viewOf(value)
    const version = view.getInt16(0)
    const leaderId = view.getInt32(2)
    const cursor = { bytes: value, at: 6, end: value.length }
    const count = readUnsignedVarint(cursor) - 1
    const voters: number[] = []
    for (let index = 0; index < count; index++) {
      voters.push(view.getInt32(cursor.at))
      cursor.at += version >= 1 ? 20 : 4
      for (let tags = readUnsignedVarint(cursor); tags > 0; tags--) {
        readUnsignedVarint(cursor)
        const size = readUnsignedVarint(cursor)
        cursor.at += size
      }
    }
    return { kind: 'leader-change', leaderId, voters }
  } catch (error) {
    // DataView and the varints both refuse to read behind the end.
    if (error instanceof RangeError || error instanceof VarintError) return null
    throw error
  }
}
