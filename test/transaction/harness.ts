// A coordinator on a virtual clock: the machine, what it keeps (in real SQLite), and whom it would call.
// Nothing happens by itself: a test answers the tellings, lets time pass, and restarts it where it likes.

import type { TopicId } from '../../src/core/ids.ts'
import type { Participant, TransactionalProducer } from '../../src/transaction/contract.ts'
import type { TransactionState } from '../../src/transaction/state.ts'
import { load, write } from '../../src/transaction/store.ts'
import {
  type Change,
  type Command,
  type Effect,
  type Replies,
  TransactionMachine,
  type TransactionSettings,
} from '../../src/transaction/transaction.ts'
import { SqliteStorage } from '../partition/sqlite-storage.ts'

export const ID = 'payments'
export const TIMEOUT_MS = 60_000
export const SETTINGS: TransactionSettings = { expirationMs: 604_800_000, bumps: true }

/** A call to a participant that is under way. */
export type Telling = Extract<Effect, { readonly kind: 'tell' }>

/** A partition of a topic. */
export function partition(index: number, topic = 'orders'): Participant {
  return {
    kind: 'partition',
    topicId: `${topic}-id`.padEnd(22, 'A') as TopicId,
    topic,
    partition: index,
  }
}

/** A group. */
export function group(groupId: string): Participant {
  return { kind: 'group', groupId }
}

/** See the head of this file. */
export class Coordinator {
  storage = new SqliteStorage()
  nowMs = 1_700_000_000_000
  /** Calls under way, in the order they were made. */
  tellings: Telling[] = []
  /** Requests that wait for a moment. */
  waits: Extract<Effect, { readonly kind: 'wait' }>[] = []
  /** Every change that was written since it was last cleared. */
  changes: Change[] = []
  announcements = 0
  /** Producer ids given so far. */
  allocated = 0
  #machine: TransactionMachine
  #settings: TransactionSettings
  #ticket = 0
  #replies = new Map<number, unknown>()

  constructor(settings: TransactionSettings = SETTINGS) {
    this.#settings = settings
    this.#machine = this.#loaded()
  }

  get state(): TransactionState | null {
    return this.#machine.state
  }

  get deadlineMs(): number {
    return this.#machine.deadlineMs
  }

  /** Who would be named by a request of the producer that is valid now. */
  get current(): TransactionalProducer {
    const { producerId, producerEpoch } = this.state ?? { producerId: -1, producerEpoch: -1 }
    return { transactionalId: ID, producerId, producerEpoch }
  }

  /** Sends a command; gives the ticket its answer will have. */
  send(command: Command): number {
    this.#ticket += 1
    if (this.#machine.needsProducerId(command)) {
      this.allocated += 1
      this.#machine.giveProducerId(1_000 + this.allocated)
    }
    this.#carryOut(this.#machine.decide(command, this.#ticket, this.nowMs))
    return this.#ticket
  }

  /** The answer to a ticket; undefined while it waits. */
  answer(ticket: number): unknown {
    return this.#replies.get(ticket)
  }

  /** Sends a command that is answered at once. */
  ask<Kind extends keyof Replies>(command: Command & { readonly kind: Kind }): Replies[Kind] {
    const ticket = this.send(command)
    if (!this.#replies.has(ticket)) throw new Error(`${command.kind} was not answered`)
    return this.#replies.get(ticket) as Replies[Kind]
  }

  init(had?: { readonly producerId: number; readonly producerEpoch: number }): Replies['init'] {
    const says = had ?? { producerId: -1, producerEpoch: -1 }
    const { producerId, producerEpoch } = says
    const request = {
      transactionalId: ID,
      transactionTimeoutMs: TIMEOUT_MS,
      producerId,
      producerEpoch,
    }
    return this.ask({ kind: 'init', request })
  }

  add(participants: readonly Participant[], by: TransactionalProducer = this.current): number {
    return this.ask({ kind: 'add', request: { ...by, participants } }).error
  }

  enlist(
    participant: Participant,
    {
      verifyOnly = false,
      by = this.current,
    }: { verifyOnly?: boolean; by?: TransactionalProducer } = {},
  ): Replies['enlist'] {
    return this.ask({ kind: 'enlist', request: { ...by, participant, verifyOnly } })
  }

  end(
    committed: boolean,
    { version = 5, by = this.current }: { version?: number; by?: TransactionalProducer } = {},
  ): Replies['end'] {
    return this.ask({ kind: 'end', request: { ...by, committed, version } })
  }

  /** Answers a call under way. */
  tell(telling: Telling, done = true): void {
    this.tellings = this.tellings.filter((one) => one !== telling)
    const { ending, participant } = telling
    this.send({ kind: 'told', number: ending.number, participant, done })
  }

  /** Answers every call, and those that follow, until none is under way. */
  tellAll(): void {
    for (let next = this.tellings[0]; next !== undefined; next = this.tellings[0]) this.tell(next)
  }

  /** Lets time pass; the alarm fires if it is due. */
  pass(ms: number): void {
    this.nowMs += ms
    this.#carryOut(this.#machine.tick(this.nowMs))
  }

  /** The object dies and is loaded again: what was under way or waited is lost. */
  restart(): void {
    this.tellings = []
    this.waits = []
    this.#machine = this.#loaded()
    this.send({ kind: 'resume' })
  }

  /** Sets the stored state, for epochs that would take long to reach. */
  forge(change: Partial<TransactionState>): void {
    const state = this.state
    if (state === null) throw new Error('there is no state to change')
    write(this.storage, [{ kind: 'state', state: { ...state, ...change } }])
    this.restart()
  }

  #loaded(): TransactionMachine {
    const { state, participants } = load(this.storage)
    return new TransactionMachine(state, participants, this.#settings)
  }

  #carryOut({ changes, replies, effects }: ReturnType<TransactionMachine['decide']>): void {
    if (changes.length > 0) write(this.storage, changes)
    this.changes.push(...changes)
    for (const [ticket, reply] of replies) {
      if (this.#replies.has(ticket)) throw new Error(`ticket ${ticket} was answered twice`)
      this.#replies.set(ticket, reply)
    }
    for (const effect of effects) {
      if (effect.kind === 'tell') this.tellings.push(effect)
      else if (effect.kind === 'wait') this.waits.push(effect)
      else this.announcements += 1
    }
  }
}

/** A coordinator whose producer is initialised, at epoch 0. */
export function initialised(settings?: TransactionSettings): Coordinator {
  const made = new Coordinator(settings)
  made.init()
  return made
}
