// A digest of records in their order, taken record by record, so that it is known at every point of a stream:
// each step is SipHash with the digest so far as its secret. For telling a retry from another request of a client that
// chose the same key twice; against somebody who makes bodies that meet it protects nothing, and only himself.

import { KeyHash } from '../partition/compaction/key-hash.ts'
import type { IncomingRecord } from './record-in.ts'

/** The stronger of the usual choices: an accident must not pass for a retry. */
const ROUNDS = { word: 2, end: 4 }
const utf8 = new TextEncoder()

/** The digest of no record. */
export const EMPTY_DIGEST = '0'.repeat(32)

/** Adds up records. */
export class RecordsDigest {
  #words = new Uint32Array(4)

  /** The digest of what was added: 32 hex digits. */
  get value(): string {
    return [...this.#words].map((word) => word.toString(16).padStart(8, '0')).join('')
  }

  /** What a record is as it was sent: a time or a partition that the broker chooses is no part of it. */
  add({ key, value, headers, partition, timestamp }: IncomingRecord): void {
    const shape = [key?.length ?? -1, value?.length ?? -1, partition, timestamp]
    const names = headers.flatMap((header) => [header.key, header.value?.length ?? -1])
    this.#step(utf8.encode(JSON.stringify([...shape, ...names])))
    if (key !== null) this.#step(key)
    if (value !== null) this.#step(value)
    for (const header of headers) if (header.value !== null) this.#step(header.value)
  }

  copy(): RecordsDigest {
    const copy = new RecordsDigest()
    copy.#words = this.#words.slice()
    return copy
  }

  #step(bytes: Uint8Array): void {
    const hash = new KeyHash(this.#words, ROUNDS)
    hash.hash(bytes, 0, bytes.length)
    this.#words = new Uint32Array(hash.words)
  }
}

/** The digest of a whole list. */
export function digestOf(records: readonly IncomingRecord[]): string {
  const digest = new RecordsDigest()
  for (const record of records) digest.add(record)
  return digest.value
}
