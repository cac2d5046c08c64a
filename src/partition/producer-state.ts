// What is remembered of one producer, and how each event changes it. Not the answers to batches:
// producers.ts checks them against this. Follows Kafka's ProducerStateEntry (KIP-98, KIP-890).

import type { ProducerBatch, ProducerEvent } from './producer-codec.ts'

/** A transaction with records here and no marker yet. */
export interface OpenTransaction {
  readonly number: number
  readonly firstOffset: number
}

/** One producer in one partition. */
export interface ProducerState {
  readonly epoch: number
  /** Of this epoch, oldest first; empty after a marker with a newer epoch. */
  readonly batches: readonly ProducerBatch[]
  /** When it last appended, or a marker was written for it, by the leader's clock. */
  readonly lastAppendMs: number
  readonly open: OpenTransaction | null
  /** Transactions up to this number are over; -1 when none was. */
  readonly endedNumber: number
  /** Of the last marker; -1 without one. */
  readonly coordinatorEpoch: number
}

/** As many batches as clients keep in flight: max.in.flight.requests.per.connection is at most 5. */
const REMEMBERED_BATCHES = 5

const UNKNOWN: ProducerState = {
  epoch: -1,
  batches: [],
  lastAppendMs: 0,
  open: null,
  endedNumber: -1,
  coordinatorEpoch: -1,
}

/** The state after an event; `undefined` is a producer not known. */
export function after(state: ProducerState | undefined, event: ProducerEvent): ProducerState {
  const before = state ?? UNKNOWN
  switch (event.kind) {
    case 'batch':
      return { ...withBatch(before, event), lastAppendMs: event.appendedAtMs }
    case 'begin': {
      const { number, firstOffset } = event
      return { ...ofEpoch(before, event.epoch), open: { number, firstOffset } }
    }
    case 'end': {
      const { coordinatorEpoch, appendedAtMs } = event
      const at = { coordinatorEpoch, lastAppendMs: appendedAtMs }
      return { ...ofEpoch(before, event.epoch), ...at, open: null }
    }
    case 'ended':
      return { ...before, endedNumber: Math.max(before.endedNumber, event.number) }
  }
}

/** Events that make this state from nothing. */
export function eventsOf(producerId: number, state: ProducerState): ProducerEvent[] {
  const events: ProducerEvent[] = []
  const { epoch, coordinatorEpoch, endedNumber, open, lastAppendMs } = state
  if (endedNumber >= 0) events.push({ kind: 'ended', producerId, number: endedNumber })
  events.push(...state.batches)
  // Without batches it is the marker that says the epoch, whatever coordinator an operator claimed.
  if (coordinatorEpoch >= 0 || state.batches.length === 0) {
    const appendedAtMs = lastAppendMs
    events.push({ kind: 'end', producerId, epoch, coordinatorEpoch, offset: -1, appendedAtMs })
  }
  if (open !== null) events.push({ kind: 'begin', producerId, epoch, ...open })
  return events
}

function withBatch(state: ProducerState, batch: ProducerBatch): ProducerState {
  const same = ofEpoch(state, batch.epoch)
  const { batches } = same
  const kept =
    batches.length < REMEMBERED_BATCHES
      ? batches
      : batches.slice(batches.length - REMEMBERED_BATCHES + 1)
  return { ...same, batches: [...kept, batch] }
}

/** Another epoch forgets the batches of the one before. */
function ofEpoch(state: ProducerState, epoch: number): ProducerState {
  return state.epoch === epoch ? state : { ...state, epoch, batches: [] }
}
