// Goes over the records of a batch many at a time: one call of the module leaves a row per record, with its
// key's hash where that is wanted. Nothing is made per record. What the rows mean for the log is
// batch-filter.ts's to say; the rules of a record are RecordCursor's.

import { type Codec, CodecError, codec } from '../../core/wasm.ts'
import type { BatchHeader } from '../../record/header.ts'
import { RecordCursor } from '../../record/record-cursor.ts'
import type { KeyHash } from './key-hash.ts'

/** A batch's records, decompressed, from `at` to the end. */
export interface Content {
  readonly content: Uint8Array
  readonly at: number
}

/** A row as the module writes it: 16 bytes of hash, time delta, offset delta, start, end, flags. */
const ROW_BYTES = 40
const ROW_WORDS = ROW_BYTES / 4
const TIME = 2
const OFFSET = 6
const START = 7
const END = 8
const FLAGS = 9
const HAS_KEY = 1
const HAS_VALUE = 2

/** How much is gone over in one call. Most batches are less; all that is over must fit the module's memory. */
export interface ScanWindow {
  readonly records: number
  /** Copied in at first, and for a record that is larger. */
  readonly bytes: number
  readonly largestBytes: number
}

const WINDOW: ScanWindow = {
  records: 32 * 1024,
  bytes: 1024 * 1024,
  largestBytes: 6 * 1024 * 1024,
}

/** One window of records at a time; what is said of a record holds until the next call of `next`. */
export class RecordScan {
  /** The rows. A record's hash is four words from `wordsOf` on. */
  readonly words: Int32Array
  readonly #times: Float64Array
  readonly #lib: Codec
  readonly #hash: KeyHash
  readonly #window: ScanWindow
  readonly #rowsAt: number
  readonly #windowAt: number
  #content: Uint8Array = new Uint8Array(0)
  #header: BatchHeader | null = null
  /** Goes over the same records where the module cannot, and says what is wrong with them. */
  #cursor: RecordCursor | null = null
  /** Where the window at hand begins in the content, and the next one. */
  #from = 0
  #next = 0
  #offsetDelta = -1
  /** Records of the batch before the window at hand. */
  first = 0
  /** Records in the window at hand. */
  count = 0

  constructor(hash: KeyHash, window: ScanWindow = WINDOW) {
    const lib = codec()
    this.#hash = hash
    this.#window = window
    this.#lib = lib
    this.#rowsAt = lib.start
    this.#windowAt = lib.start + window.records * ROW_BYTES
    const { buffer } = lib.memory
    this.words = new Int32Array(buffer, this.#rowsAt, window.records * ROW_WORDS)
    this.#times = new Float64Array(buffer, this.#rowsAt, (window.records * ROW_WORDS) / 2)
  }

  /**
   * Begins with the first record of a batch.
   * @throws CodecError when there cannot be as many as the header says
   */
  begin({ content, at }: Content, header: BatchHeader): void {
    this.#cursor = new RecordCursor(content, at, header)
    this.#content = content
    this.#header = header
    this.#next = at
    this.#offsetDelta = -1
    this.first = 0
    this.count = 0
  }

  /**
   * Goes on to the next records, with hashes of their keys or without; false behind the last.
   * @throws CodecError when a record is not as its lengths say
   */
  next(hashes: boolean): boolean {
    const header = this.#header
    const cursor = this.#cursor
    if (header === null || cursor === null) return false
    this.first += this.count
    this.count = 0
    this.#from = this.#next
    if (this.first === header.recordCount) {
      if (this.#next !== this.#content.length) throw problem(cursor)
      this.#header = null
      return false
    }
    if (hashes) this.#hash.use()
    const { bytes, largestBytes } = this.#window
    let scanned = this.#scan(header, bytes, hashes)
    if (scanned === 0) scanned = this.#scan(header, largestBytes, hashes)
    if (scanned < 0) throw problem(cursor)
    if (scanned === 0) {
      this.#scanLarge(cursor, hashes)
      scanned = 1
    }
    this.count = scanned
    this.#offsetDelta = this.offsetDelta(scanned - 1)
    this.#next = this.end(scanned - 1)
    return true
  }

  /** Whether all records of the batch are in the window at hand. */
  get isWhole(): boolean {
    return this.first === 0 && this.#next === this.#content.length
  }

  /** Where a record's hash begins in `words`. */
  wordsOf(record: number): number {
    return record * ROW_WORDS
  }

  timestampDelta(record: number): number {
    return this.#times[record * (ROW_WORDS / 2) + TIME] as number
  }

  offsetDelta(record: number): number {
    return this.words[record * ROW_WORDS + OFFSET] as number
  }

  /** Position of a record in the content, its length included. */
  start(record: number): number {
    return this.#from + (this.words[record * ROW_WORDS + START] as number)
  }

  /** Position behind a record in the content. */
  end(record: number): number {
    return this.#from + (this.words[record * ROW_WORDS + END] as number)
  }

  hasKey(record: number): boolean {
    return ((this.words[record * ROW_WORDS + FLAGS] as number) & HAS_KEY) !== 0
  }

  /** False for a tombstone. */
  hasValue(record: number): boolean {
    return ((this.words[record * ROW_WORDS + FLAGS] as number) & HAS_VALUE) !== 0
  }

  /** Has the module go over what of the window's records lies within so many bytes. */
  #scan(header: BatchHeader, bytes: number, hashes: boolean): number {
    const { run, memory } = this.#lib
    const from = this.#from
    const left = this.#content.length - from
    const length = Math.min(bytes, left)
    const at = this.#windowAt
    memory.set(this.#content.subarray(from, from + length), at)
    const count = Math.min(header.recordCount - this.first, this.#window.records)
    const before = this.#offsetDelta
    const highest = header.lastOffsetDelta
    const rows = this.#rowsAt
    return run.scanRecords(at, at + length, at + left, rows, count, before, highest, hashes)
  }

  /** One record that is larger than any window: its key is hashed in pieces. */
  #scanLarge(cursor: RecordCursor, hashes: boolean): void {
    while (cursor.end <= this.#from && cursor.next());
    if (hashes && cursor.keyLength >= 0) {
      this.#hash.hash(cursor.bytes, cursor.keyAt, cursor.keyLength)
      this.words.set(this.#hash.words)
    }
    this.#times[TIME] = cursor.timestampDelta
    this.words[OFFSET] = cursor.offsetDelta
    this.words[START] = 0
    this.words[END] = cursor.end - this.#from
    this.words[FLAGS] = (cursor.keyLength < 0 ? 0 : HAS_KEY) | (cursor.hasValue ? HAS_VALUE : 0)
  }
}

/** Why the records from here on are not as their lengths say. */
function problem(cursor: RecordCursor): Error {
  try {
    while (cursor.next());
  } catch (error) {
    if (error instanceof CodecError) return error
    throw error
  }
  return new CodecError('malformed', 'records: they are not as their lengths say')
}
