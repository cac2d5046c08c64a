// How the producers' state is kept in a row: one entry of fixed size per event. A chunk's delta and the
// snapshot have the same form: replaying the entries in order gives the state. Not what they mean:
// producer-state.ts applies them.

/** One batch of an idempotent producer, as remembered. */
export interface ProducerBatch {
  readonly kind: 'batch'
  /** From 0 to 2^53 - 1. */
  readonly producerId: number
  readonly epoch: number
  readonly firstSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
  /** Leader's clock, milliseconds. */
  readonly appendedAtMs: number
}

/** The producer's transaction of this number has its first batch here. */
export interface TransactionBegin {
  readonly kind: 'begin'
  readonly producerId: number
  readonly epoch: number
  readonly number: number
  readonly firstOffset: number
}

/** A marker: what was open is over. */
export interface TransactionEnd {
  readonly kind: 'end'
  readonly producerId: number
  readonly epoch: number
  readonly coordinatorEpoch: number
  /** Offset of the marker. */
  readonly offset: number
  readonly appendedAtMs: number
}

/** Transactions of the producer up to this number are over. */
export interface TransactionEnded {
  readonly kind: 'ended'
  readonly producerId: number
  readonly number: number
}

export type ProducerEvent = ProducerBatch | TransactionBegin | TransactionEnd | TransactionEnded

/** Bytes of one entry: three doubles, two int32, one int16. */
export const PRODUCER_EVENT_BYTES = 34

/** Where a batch has its first sequence, which is never negative. */
const BEGIN = -1
const END = -2
const ENDED = -3

/** The entries one behind the other. */
export function encodeProducerEvents(events: readonly ProducerEvent[]): Uint8Array {
  const bytes = new Uint8Array(events.length * PRODUCER_EVENT_BYTES)
  events.forEach((event, index) => {
    const view = new DataView(bytes.buffer, index * PRODUCER_EVENT_BYTES, PRODUCER_EVENT_BYTES)
    write(view, event)
  })
  return bytes
}

/** The entries in the order they were written. */
export function readProducerEvents(bytes: Uint8Array): ProducerEvent[] {
  const events: ProducerEvent[] = []
  for (let at = 0; at + PRODUCER_EVENT_BYTES <= bytes.length; at += PRODUCER_EVENT_BYTES) {
    events.push(read(new DataView(bytes.buffer, bytes.byteOffset + at, PRODUCER_EVENT_BYTES)))
  }
  return events
}

function write(view: DataView, event: ProducerEvent): void {
  view.setFloat64(0, event.producerId)
  switch (event.kind) {
    case 'batch':
      view.setFloat64(8, event.baseOffset)
      view.setFloat64(16, event.appendedAtMs)
      view.setInt32(24, event.firstSequence)
      view.setInt32(28, event.lastSequence)
      view.setInt16(32, event.epoch)
      break
    case 'begin':
      view.setFloat64(8, event.firstOffset)
      view.setFloat64(16, event.number)
      view.setInt32(24, BEGIN)
      view.setInt16(32, event.epoch)
      break
    case 'end':
      view.setFloat64(8, event.offset)
      view.setFloat64(16, event.appendedAtMs)
      view.setInt32(24, END)
      view.setInt32(28, event.coordinatorEpoch)
      view.setInt16(32, event.epoch)
      break
    case 'ended':
      view.setFloat64(16, event.number)
      view.setInt32(24, ENDED)
      break
  }
}

function read(view: DataView): ProducerEvent {
  const producerId = view.getFloat64(0)
  const where = view.getFloat64(8)
  const when = view.getFloat64(16)
  const firstSequence = view.getInt32(24)
  const epoch = view.getInt16(32)
  switch (firstSequence) {
    case BEGIN:
      return { kind: 'begin', producerId, epoch, number: when, firstOffset: where }
    case END: {
      const coordinatorEpoch = view.getInt32(28)
      return { kind: 'end', producerId, epoch, coordinatorEpoch, offset: where, appendedAtMs: when }
    }
    case ENDED:
      return { kind: 'ended', producerId, number: when }
  }
  const lastSequence = view.getInt32(28)
  const sequences = { firstSequence, lastSequence }
  return { kind: 'batch', producerId, epoch, ...sequences, baseOffset: where, appendedAtMs: when }
}
