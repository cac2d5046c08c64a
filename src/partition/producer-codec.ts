// How the producers' state is kept in a row: one record of fixed size per batch. A chunk's delta and the
// snapshot have the same form: replaying the batches in order gives the state.

/** One batch of an idempotent producer, as remembered. */
export interface ProducerBatch {
  /** From 0 to 2^53 - 1. */
  readonly producerId: number
  readonly epoch: number
  readonly firstSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
  /** Leader's clock, milliseconds. */
  readonly appendedAtMs: number
}

/** Bytes of one batch: three doubles, two int32, one int16. */
export const PRODUCER_BATCH_BYTES = 34

/** Writes one batch at `at`. */
export function writeProducerBatch(bytes: Uint8Array, at: number, batch: ProducerBatch): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, PRODUCER_BATCH_BYTES)
  view.setFloat64(0, batch.producerId)
  view.setFloat64(8, batch.baseOffset)
  view.setFloat64(16, batch.appendedAtMs)
  view.setInt32(24, batch.firstSequence)
  view.setInt32(28, batch.lastSequence)
  view.setInt16(32, batch.epoch)
}

/** The batches in the order they were written. */
export function readProducerBatches(bytes: Uint8Array): ProducerBatch[] {
  const batches: ProducerBatch[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at + PRODUCER_BATCH_BYTES <= bytes.length; at += PRODUCER_BATCH_BYTES) {
    batches.push({
      producerId: view.getFloat64(at),
      baseOffset: view.getFloat64(at + 8),
      appendedAtMs: view.getFloat64(at + 16),
      firstSequence: view.getInt32(at + 24),
      lastSequence: view.getInt32(at + 28),
      epoch: view.getInt16(at + 32),
    })
  }
  return batches
}
