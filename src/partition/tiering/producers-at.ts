// The producers' state at the end of each segment object, from the state at the end of the one before and the
// headers of the batches between: the partition itself knows only what it is now. A batch does not carry the number
// of its transaction nor when it was appended: 0 and its largest timestamp stand for them.

import { readBatchHeader } from '../../record/header.ts'
import { batchesIn } from '../../record/stored.ts'
import { ProducerTable } from '../producers.ts'

const NEVER_EXPIRED = Number.POSITIVE_INFINITY

/** The state of all producers at a point of the log that only moves forward. */
export class ProducersAt {
  readonly #table = new ProducerTable()

  /** @param before the state at the end of the segment before; null at the begin of the log */
  constructor(before: Uint8Array | null) {
    if (before !== null) this.#table.replay(before)
  }

  /** Goes over the batches of the next chunk. */
  pass(data: Uint8Array): void {
    for (const batch of batchesIn(data)) {
      const header = readBatchHeader(batch)
      const { producerId, producerEpoch, baseOffset, maxTimestamp, transactional, control } = header
      if (producerId < 0) continue
      const changes = this.#table.begin(0, NEVER_EXPIRED)
      if (control) {
        const end = { producerId, producerEpoch, number: null, coordinatorEpoch: 0 }
        changes.acceptEnd(end, baseOffset, maxTimestamp)
      } else changes.accept(header, baseOffset, maxTimestamp, transactional ? 0 : null)
      this.#table.commit(changes)
    }
  }

  /** The state as it is now, as a snapshot of ../producers.ts. */
  snapshot(): Uint8Array {
    return this.#table.snapshot(0, NEVER_EXPIRED)
  }
}
