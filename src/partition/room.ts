// Whether an object has room for what is to be appended. Near the platform's limit appends are refused, a
// little before SQLite would refuse everything: what makes room (retention, DeleteRecords, compaction) and the
// end of transactions must still be written. Not a quota: what is kept is the topic's retention to say.
//
// The refusal is KAFKA_STORAGE_ERROR, what Kafka says of a log directory it cannot write: producers keep the
// batch and try again until their delivery timeout, and get through as soon as something was deleted. An error
// that is not retried would have them drop the batch for a state that ends by itself.

import { OBJECT_MAX_BYTES, OBJECT_RESERVED_SHARE } from '../core/limits/partition.ts'

/** The object holds as much as it may: nothing was stored. */
export class LogFullError extends Error {
  override readonly name = 'LogFullError'
}

/** At most this much of the file for a byte of a chunk, and for a chunk: pages that are not full, indexes. */
const FACTOR = 2
const CHUNK_BYTES = 8_192

/**
 * Counts what is appended, each chunk as what it takes at the worst, and has the database measured only when
 * that reaches the limit: far from it an append costs no query.
 */
export class Room {
  readonly #measure: () => number
  readonly #limitBytes: number
  /** The database is no larger than this; not measured yet: anything. */
  #atMostBytes = Number.POSITIVE_INFINITY

  /**
   * @param measure bytes of the database that are in use
   * @param maxBytes what the object may hold
   */
  constructor(measure: () => number, maxBytes: number = OBJECT_MAX_BYTES) {
    this.#measure = measure
    this.#limitBytes = maxBytes * (1 - OBJECT_RESERVED_SHARE)
  }

  /**
   * Takes room for a chunk of this size.
   * @throws LogFullError when there is not enough
   */
  take(bytes: number): void {
    const taken = bytes * FACTOR + CHUNK_BYTES
    if (this.#atMostBytes + taken > this.#limitBytes) {
      const usedBytes = this.#measure()
      if (usedBytes + bytes > this.#limitBytes) {
        throw new LogFullError(
          `the partition has ${usedBytes} of the ${this.#limitBytes} bytes that it may have`,
        )
      }
      this.#atMostBytes = usedBytes
    }
    this.#atMostBytes += taken
  }
}
