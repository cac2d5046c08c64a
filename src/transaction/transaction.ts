// The coordinator of one transactional id as a pure state machine (KIP-98, KIP-360, KIP-447, KIP-890):
// who its producer is, which transaction is open, who takes part, and that each participant hears of its
// end. Not the shell (object.ts), not the storage (store.ts), not the participants' side of it.
//
// Kafka refuses to begin while the transaction before is being ended; here whoever asks waits for that
// end for a moment, because it takes less time than asking again.

import { type ErrorCode, KafkaError } from '../core/errors.ts'
import {
  MARKERS_SWEEP_MS,
  TRANSACTION_WAIT_MS,
  TRANSACTION_WAITERS,
} from '../core/limits/coordinators.ts'
import type { Decision, Machine, Ticket } from '../runtime/machine.ts'
import type {
  AddRequest,
  EndRequest,
  EnlistReply,
  EnlistRequest,
  InitRequest,
  Participant,
  ProducerReply,
  TransactionalProducer,
  TransactionDescription,
} from './contract.ts'
import { bumps, ending, endNeedsProducerId } from './ending.ts'
import { isExhausted, NO_PRODUCER_EPOCH, NO_PRODUCER_ID } from './epochs.ts'
import { initialise, initNeedsProducerId } from './init.ts'
import { Markers, type Telling } from './markers.ts'
import { type ChangedChunk, Participants } from './participants.ts'
import {
  begun,
  completed,
  type Decided,
  isAtRest,
  isPreparing,
  prepared,
  successor,
  type TransactionState,
} from './state.ts'

/** What each command is answered with. */
export interface Replies {
  readonly init: ProducerReply
  readonly add: { readonly error: ErrorCode }
  readonly enlist: EnlistReply
  readonly end: ProducerReply
  readonly describe: TransactionDescription
  readonly exists: boolean
  readonly resume: null
  readonly told: null
  readonly waited: null
}

export type Reply = Replies[keyof Replies]

/** What the machine is asked, by others and by its own shell. */
export type Command =
  | { readonly kind: 'init'; readonly request: InitRequest }
  | { readonly kind: 'add'; readonly request: AddRequest }
  | { readonly kind: 'enlist'; readonly request: EnlistRequest }
  | { readonly kind: 'end'; readonly request: EndRequest }
  | { readonly kind: 'describe' }
  | { readonly kind: 'exists' }
  /** The object was loaded: goes on with what was under way. */
  | { readonly kind: 'resume' }
  /** How a telling went. */
  | {
      readonly kind: 'told'
      readonly number: number
      readonly participant: Participant
      readonly done: boolean
    }
  /** The `wait` of this request is over. */
  | { readonly kind: 'waited'; readonly ticket: Ticket }

/** What must be durable. */
export type Change =
  | { readonly kind: 'state'; readonly state: TransactionState }
  /** Of the transaction with this number; rows of older numbers mean nothing. */
  | ({ readonly kind: 'participants'; readonly number: number } & ChangedChunk)
  /** Rows that held more participants than the first are of no use any more. */
  | { readonly kind: 'tidy' }
  /** The transactional id has expired: nothing is left of it. */
  | { readonly kind: 'gone' }

/** The end of a transaction as every participant is told. */
export interface Ending {
  readonly producerId: number
  readonly producerEpoch: number
  readonly number: number
  readonly committed: boolean
}

/** What the shell is to do. */
export type Effect =
  | ({ readonly kind: 'tell'; readonly ending: Ending } & Telling)
  /** Come back with `waited` after this time. */
  | { readonly kind: 'wait'; readonly ms: number; readonly ticket: Ticket }
  /** What the directory shows is not true any more; see `TransactionMachine.state`. */
  | { readonly kind: 'announce' }

/** What the machine needs to know of the cluster. */
export interface TransactionSettings {
  /** transactional.id.expiration.ms. */
  readonly expirationMs: number
  /** transaction.version is 2: aborts of our own raise the epoch as EndTxn version 5 does. */
  readonly bumps: boolean
}

interface Parked {
  readonly command: Extract<Command, { readonly kind: 'add' | 'enlist' }>
  readonly ticket: Ticket
}

/** A decision in the making. */
interface Draft {
  readonly changes: Change[]
  readonly replies: (readonly [Ticket, Reply])[]
  readonly effects: Effect[]
}

/** See the head of this file. */
export class TransactionMachine implements Machine<Command, Reply, Change, Effect> {
  #state: TransactionState | null
  #participants: Participants
  #markers: Markers | null = null
  #parked: Parked[] = []
  #settings: TransactionSettings
  /** Given ahead, because it must be known when a command is decided. */
  #freshId = NO_PRODUCER_ID
  /** While markers are under way: when this object is to be woken, should it be gone by then. */
  #sweepMs: number

  constructor(
    state: TransactionState | null,
    participants: Participants,
    settings: TransactionSettings,
  ) {
    this.#state = state
    this.#participants = participants
    this.#settings = settings
    this.#sweepMs = (state?.updatedMs ?? 0) + MARKERS_SWEEP_MS
  }

  /** What is kept of the transactional id; null when nothing is. */
  get state(): TransactionState | null {
    return this.#state
  }

  configure(settings: TransactionSettings): void {
    this.#settings = settings
  }

  /** Whether this command may need a producer id that has not been given yet. */
  needsProducerId(command: Command): boolean {
    if (this.#freshId !== NO_PRODUCER_ID) return false
    if (command.kind === 'init') return initNeedsProducerId(this.#state, command.request)
    return command.kind === 'end' && endNeedsProducerId(this.#state, command.request)
  }

  /** The producer id that was given and is not used yet; -1 when there is none. */
  get freshId(): number {
    return this.#freshId
  }

  /** Gives a producer id that was never given before. */
  giveProducerId(id: number): void {
    this.#freshId = id
  }

  get deadlineMs(): number {
    const state = this.#state
    if (state === null) return Number.POSITIVE_INFINITY
    if (state.state === 'Ongoing') return state.startTimeMs + state.timeoutMs
    return isAtRest(state) ? state.updatedMs + this.#settings.expirationMs : this.#sweepMs
  }

  decide(command: Command, ticket: Ticket, nowMs: number): Decision<Reply, Change, Effect> {
    const draft: Draft = { changes: [], replies: [], effects: [] }
    this.#take(command, ticket, nowMs, draft)
    return draft
  }

  tick(nowMs: number): Decision<Reply, Change, Effect> {
    const draft: Draft = { changes: [], replies: [], effects: [] }
    const state = this.#state
    if (state === null || this.deadlineMs > nowMs) return draft
    if (state.state === 'Ongoing') {
      this.#abort(state, nowMs, draft)
    } else if (isAtRest(state)) {
      this.#state = null
      draft.changes.push({ kind: 'gone' })
      draft.effects.push({ kind: 'announce' })
    } else {
      this.#sweepMs = nowMs + MARKERS_SWEEP_MS
    }
    return draft
  }

  #take(command: Command, ticket: Ticket, nowMs: number, draft: Draft): void {
    const reply = (value: Reply) => draft.replies.push([ticket, value])
    switch (command.kind) {
      case 'init':
        reply(this.#init(command.request, nowMs, draft))
        break
      case 'add':
      case 'enlist':
        this.#join(command, ticket, nowMs, draft)
        break
      case 'end':
        reply(this.#end(command.request, nowMs, draft))
        break
      case 'describe':
        reply(this.#describe())
        break
      case 'exists':
        reply(this.#state !== null)
        break
      case 'resume':
        if (this.#state !== null && isPreparing(this.#state)) this.#sendMarkers(nowMs, draft)
        reply(null)
        break
      case 'told':
        this.#told(command, nowMs, draft)
        reply(null)
        break
      case 'waited':
        this.#unpark(command.ticket, draft)
        reply(null)
        break
    }
  }

  #init(request: InitRequest, nowMs: number, draft: Draft): ProducerReply {
    const state = this.#state
    const outcome = initialise(state, request, this.#freshId, nowMs)
    if (outcome.kind === 'refused') return noProducer(outcome.error)
    if (outcome.kind === 'abort') {
      if (state !== null) this.#abort(state, nowMs, draft)
      return noProducer(KafkaError.CONCURRENT_TRANSACTIONS)
    }
    const { next } = outcome
    if (next.producerId === this.#freshId) this.#freshId = NO_PRODUCER_ID
    this.#become(next, draft)
    const { producerId, producerEpoch } = next
    return { error: KafkaError.NONE, producerId, producerEpoch }
  }

  /** AddPartitionsToTxn, AddOffsetsToTxn, and what participants ask on their own account. */
  #join(command: Parked['command'], ticket: Ticket, nowMs: number, draft: Draft): void {
    const verifies = command.kind === 'enlist' && command.request.verifyOnly
    const preparing = this.#state !== null && isPreparing(this.#state)
    if (preparing && !verifies && this.#parked.length < TRANSACTION_WAITERS) {
      this.#parked.push({ command, ticket })
      draft.effects.push({ kind: 'wait', ms: TRANSACTION_WAIT_MS, ticket })
      return
    }
    const error = verifies
      ? this.#verify(command.request, nowMs, draft)
      : this.#add(command.request, participantsOf(command), nowMs, draft)
    if (command.kind === 'add') {
      draft.replies.push([ticket, { error }])
      return
    }
    const number = error === KafkaError.NONE && this.#state !== null ? this.#state.number : -1
    draft.replies.push([ticket, { error, number }])
  }

  #add(
    producer: TransactionalProducer,
    joining: readonly Participant[],
    nowMs: number,
    draft: Draft,
  ): ErrorCode {
    const state = this.#state
    if (state === null) return KafkaError.INVALID_PRODUCER_ID_MAPPING
    // Asked before the id and epoch, which may be those that are valid once this is complete.
    if (isPreparing(state)) return KafkaError.CONCURRENT_TRANSACTIONS
    const error = identityError(state, producer)
    if (error !== KafkaError.NONE) return error
    const room = state.state === 'Ongoing' ? this.#participants : new Participants()
    if (!room.hasRoomFor(joining)) return KafkaError.INVALID_REQUEST
    if (state.state !== 'Ongoing') {
      this.#participants = room
      this.#become(begun(state, nowMs), draft)
    }
    const number = this.#state?.number ?? state.number
    for (const chunk of this.#participants.add(joining)) {
      draft.changes.push({ kind: 'participants', number, ...chunk })
    }
    return KafkaError.NONE
  }

  #verify(request: EnlistRequest, nowMs: number, draft: Draft): ErrorCode {
    const state = this.#state
    if (state === null) return KafkaError.INVALID_PRODUCER_ID_MAPPING
    const error = identityError(state, request)
    if (error !== KafkaError.NONE) return error
    if (isPreparing(state)) return KafkaError.CONCURRENT_TRANSACTIONS
    if (state.state !== 'Ongoing') return KafkaError.TRANSACTION_ABORTABLE
    const { participant } = request
    if (this.#participants.has(participant)) return KafkaError.NONE
    // Clients add partitions by name. A broker's cache may have taken it for the id of a topic that was
    // deleted since, and nobody would tell it: the leader who asks is the one that was meant.
    return this.#participants.hasNamesake(participant)
      ? this.#add(request, [participant], nowMs, draft)
      : KafkaError.TRANSACTION_ABORTABLE
  }

  #end(request: EndRequest, nowMs: number, draft: Draft): ProducerReply {
    const state = this.#state
    const outcome = ending(state, request)
    if (state === null || outcome.kind === 'refused') {
      const error = outcome.kind === 'refused' ? outcome.error : KafkaError.UNKNOWN_SERVER_ERROR
      return noProducer(error)
    }
    if (outcome.kind === 'repeated') return { error: KafkaError.NONE, ...successor(state) }
    const bump = bumps(request)
    let nextProducerId = NO_PRODUCER_ID
    if (bump && isExhausted(state.producerEpoch)) {
      nextProducerId = this.#freshId
      this.#freshId = NO_PRODUCER_ID
    }
    const { committed } = request
    const next = prepared(state, { committed, bump, nextProducerId }, nowMs)
    this.#decideEnd(next, nowMs, draft)
    return { error: KafkaError.NONE, ...successor(next) }
  }

  /** Ours, not the producer's: its time is up, or another one takes its place. It is fenced. */
  #abort(state: TransactionState, nowMs: number, draft: Draft): void {
    const decided: Decided = {
      committed: false,
      bump: true,
      forgetLastEpoch: !this.#settings.bumps,
      nextProducerId: NO_PRODUCER_ID,
    }
    this.#decideEnd(prepared(state, decided, nowMs), nowMs, draft)
  }

  /** With nobody to tell, what is prepared is complete at once. */
  #decideEnd(next: TransactionState, nowMs: number, draft: Draft): void {
    const isOpen = this.#state?.state === 'Ongoing'
    if (!isOpen || this.#participants.size === 0) {
      this.#become(completed(next, nowMs), draft)
      return
    }
    this.#become(next, draft)
    this.#sendMarkers(nowMs, draft)
  }

  #sendMarkers(nowMs: number, draft: Draft): void {
    this.#markers = new Markers(this.#participants.all())
    this.#sweepMs = nowMs + MARKERS_SWEEP_MS
    if (this.#markers.done) this.#complete(nowMs, draft)
    else this.#tell(this.#markers.next(), draft)
  }

  #tell(tellings: readonly Telling[], draft: Draft): void {
    const state = this.#state
    if (state === null) return
    const { producerId, producerEpoch, number } = state
    const committed = state.state === 'PrepareCommit'
    const ending = { producerId, producerEpoch, number, committed }
    for (const telling of tellings) draft.effects.push({ kind: 'tell', ending, ...telling })
  }

  #told(
    { number, participant, done }: Extract<Command, { readonly kind: 'told' }>,
    nowMs: number,
    draft: Draft,
  ): void {
    const markers = this.#markers
    // An answer that comes after the transaction it belongs to says nothing about this one.
    if (markers === null || this.#state?.number !== number) return
    if (!done) {
      this.#tell(markers.failed(participant), draft)
      return
    }
    markers.told(participant)
    this.#tell(markers.next(), draft)
    if (markers.done) this.#complete(nowMs, draft)
  }

  #complete(nowMs: number, draft: Draft): void {
    const state = this.#state
    if (state === null || !isPreparing(state)) return
    if (this.#participants.chunks > 1) draft.changes.push({ kind: 'tidy' })
    this.#markers = null
    this.#participants = new Participants()
    this.#become(completed(state, nowMs), draft)
    const parked = this.#parked
    this.#parked = []
    for (const { command, ticket } of parked) this.#join(command, ticket, nowMs, draft)
  }

  /** Who has waited long enough is told to ask again, unless it was answered meanwhile. */
  #unpark(ticket: Ticket, draft: Draft): void {
    const found = this.#parked.find((one) => one.ticket === ticket)
    if (found === undefined) return
    const error = KafkaError.CONCURRENT_TRANSACTIONS
    draft.replies.push([ticket, found.command.kind === 'add' ? { error } : { error, number: -1 }])
    this.#parked = this.#parked.filter((one) => one !== found)
  }

  #become(next: TransactionState, draft: Draft): void {
    this.#state = next
    draft.changes.push({ kind: 'state', state: next })
    draft.effects.push({ kind: 'announce' })
  }

  #describe(): TransactionDescription {
    const state = this.#state
    if (state === null) return UNKNOWN
    const open = isAtRest(state) ? [] : (this.#markers?.untold() ?? this.#participants.all())
    return {
      error: KafkaError.NONE,
      state: state.state,
      timeoutMs: state.timeoutMs,
      startTimeMs: state.startTimeMs,
      producerId: state.producerId,
      producerEpoch: state.producerEpoch,
      partitions: open.flatMap((one) => (one.kind === 'partition' ? [one] : [])),
    }
  }
}

const UNKNOWN: TransactionDescription = {
  error: KafkaError.TRANSACTIONAL_ID_NOT_FOUND,
  state: 'Dead',
  timeoutMs: 0,
  startTimeMs: -1,
  producerId: NO_PRODUCER_ID,
  producerEpoch: NO_PRODUCER_EPOCH,
  partitions: [],
}

function participantsOf(command: Parked['command']): readonly Participant[] {
  return command.kind === 'add' ? command.request.participants : [command.request.participant]
}

function identityError(state: TransactionState, asked: TransactionalProducer): ErrorCode {
  if (asked.producerId !== state.producerId) return KafkaError.INVALID_PRODUCER_ID_MAPPING
  return asked.producerEpoch === state.producerEpoch ? KafkaError.NONE : KafkaError.PRODUCER_FENCED
}

function noProducer(error: ErrorCode): ProducerReply {
  return { error, producerId: NO_PRODUCER_ID, producerEpoch: NO_PRODUCER_EPOCH }
}
