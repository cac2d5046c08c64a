// The way of a transactional batch into the queue: until its producer is known to be in a transaction
// here, batches wait in a FIFO per producer while one question to the coordinator is under way
// (KIP-890). Not the transaction's state, which producers.ts keeps, and not the checks of a flush,
// which come after: a marker may still overtake what was verified.

import { type ErrorCode, KafkaError } from '../core/errors.ts'
import {
  ENLIST_TIMEOUT_MS,
  ENLISTED_REMEMBERED,
  VERIFY_QUEUE_BYTES,
} from '../core/limits/partition.ts'
import type { StartTimer } from '../runtime/waiters.ts'
import type { EnlistReply, EnlistRequest } from '../transaction/contract.ts'
import type { AppendTransaction } from './contract.ts'
import type { PendingAppend } from './flush.ts'
import type { ProducerState } from './producer-state.ts'
import { storedBatch } from './producers.ts'

/** What a waiting batch costs beside its bytes. */
const WAITING_OVERHEAD_BYTES = 1024

/** Is this producer in a transaction of which this partition is a part? */
export interface EnlistQuestion extends Omit<EnlistRequest, 'participant'> {
  readonly topic: string
}

/** What the questions need. */
export interface EnlistmentOptions {
  /** Asks the coordinator of the transactional id; rejects when it cannot be reached. */
  readonly enlist: (question: EnlistQuestion) => Promise<EnlistReply>
  /** The producer as far as it is written; undefined also for one that has expired. */
  readonly state: (producerId: number) => ProducerState | undefined
  /** Too many transactions are open here, those of `joining` producers counted that are being asked about. */
  readonly isCrowded: (joining: number) => boolean
  readonly push: (append: PendingAppend) => void
  readonly refuse: (append: PendingAppend, error: ErrorCode) => void
  readonly startTimer: StartTimer
  readonly report: (event: string, error: unknown) => void
}

interface Waiting {
  readonly append: PendingAppend
  readonly transaction: AppendTransaction
}

/** A question under way and who waits for it. */
interface Question {
  readonly epoch: number
  readonly fifo: Waiting[]
  /** A marker with this number came since it was asked; Infinity for one without a number. */
  endedNumber: number
}

interface Enlisted {
  readonly epoch: number
  readonly number: number
}

/** The transactional producers of one partition. */
export class Enlistments {
  readonly #options: EnlistmentOptions
  readonly #questions = new Map<number, Question>()
  /** Confirmed, and perhaps not written yet. */
  readonly #enlisted = new Map<number, Enlisted>()
  #bytes = 0

  constructor(options: EnlistmentOptions) {
    this.#options = options
  }

  /** Takes a transactional batch: queued, refused, or waiting behind a question. */
  take(append: PendingAppend, transaction: AppendTransaction | undefined): void {
    const { push, refuse } = this.#options
    const { producerId, producerEpoch } = append.header
    if (transaction === undefined) {
      refuse(append, KafkaError.INVALID_TXN_STATE)
      return
    }
    const question = this.#questions.get(producerId)
    const number = this.#numberOf(producerId, producerEpoch)
    if (question !== undefined) this.#wait(question, { append, transaction })
    else if (number !== null) push({ ...append, transaction: number })
    else if (this.#isAnswered(append)) push(append)
    else if (this.#options.isCrowded(this.#questions.size))
      refuse(append, KafkaError.COORDINATOR_NOT_AVAILABLE)
    else this.#ask([{ append, transaction }])
  }

  /** The flush answers duplicates and stale epochs: neither needs the coordinator. */
  #isAnswered({ header }: PendingAppend): boolean {
    const known = this.#options.state(header.producerId)
    if (known === undefined) return false
    return known.epoch > header.producerEpoch || storedBatch(known, header) !== null
  }

  /**
   * A marker has arrived: what was confirmed for its transaction or an earlier one is void. One without
   * a number says nothing about later epochs.
   */
  ended(producerId: number, epoch: number, number: number | null): void {
    const endedNumber = number ?? Number.POSITIVE_INFINITY
    const enlisted = this.#enlisted.get(producerId)
    if (enlisted !== undefined && enlisted.number <= endedNumber) this.#enlisted.delete(producerId)
    const question = this.#questions.get(producerId)
    if (question === undefined || (number === null && epoch < question.epoch)) return
    question.endedNumber = Math.max(question.endedNumber, endedNumber)
  }

  /** Refuses all that wait. Answers that come later are not listened to. */
  refuseAll(error: ErrorCode): void {
    const questions = [...this.#questions.values()]
    this.#questions.clear()
    this.#enlisted.clear()
    this.#bytes = 0
    for (const { fifo } of questions) {
      for (const { append } of fifo) this.#options.refuse(append, error)
    }
  }

  #numberOf(producerId: number, epoch: number): number | null {
    const known = this.#options.state(producerId)
    if (known?.open != null && known.epoch === epoch) return known.open.number
    const enlisted = this.#enlisted.get(producerId)
    return enlisted !== undefined && enlisted.epoch === epoch ? enlisted.number : null
  }

  #wait(question: Question, waiting: Waiting): void {
    if (this.#hasRoom(waiting)) question.fifo.push(waiting)
  }

  /** Takes the room that a batch needs while it waits, or refuses it. One batch may have all there is. */
  #hasRoom(waiting: Waiting): boolean {
    const bytes = costOf(waiting)
    if (this.#bytes > 0 && this.#bytes + bytes > VERIFY_QUEUE_BYTES) {
      this.#options.refuse(waiting.append, KafkaError.NOT_LEADER_OR_FOLLOWER)
      return false
    }
    this.#bytes += bytes
    return true
  }

  /** Asks for the first of those waiting; the others share the answer if they have its epoch. */
  #ask(those: readonly Waiting[]): void {
    const fifo = those.filter((waiting) => this.#hasRoom(waiting))
    const [first] = fifo
    if (first === undefined) return
    const { producerId, producerEpoch } = first.append.header
    const question: Question = { epoch: producerEpoch, fifo, endedNumber: -1 }
    this.#questions.set(producerId, question)
    const { transactionalId, topic, implicit } = first.transaction
    const { enlist, startTimer, report } = this.#options
    const answer = (reply: EnlistReply) => {
      cancel()
      this.#answered(producerId, question, reply)
    }
    const unreachable = () => answer({ error: KafkaError.COORDINATOR_NOT_AVAILABLE, number: -1 })
    const cancel = startTimer(unreachable, ENLIST_TIMEOUT_MS)
    enlist({ transactionalId, topic, producerId, producerEpoch, verifyOnly: !implicit }).then(
      answer,
      (cause) => {
        report('a transaction coordinator could not be asked', cause)
        unreachable()
      },
    )
  }

  /** One turn: those of the epoch that was asked for go on in their order, the others ask anew. */
  #answered(producerId: number, question: Question, { error, number }: EnlistReply): void {
    if (this.#questions.get(producerId) !== question) return
    this.#questions.delete(producerId)
    const { push, refuse } = this.#options
    const endedNumber = Math.max(
      question.endedNumber,
      this.#options.state(producerId)?.endedNumber ?? -1,
    )
    const isOver = error === KafkaError.NONE && number <= endedNumber
    if (error === KafkaError.NONE && !isOver) this.#remember(producerId, question.epoch, number)
    const rest: Waiting[] = []
    for (const waiting of question.fifo) {
      const { append } = waiting
      this.#bytes -= costOf(waiting)
      if (append.header.producerEpoch !== question.epoch) rest.push(waiting)
      else if (error !== KafkaError.NONE) refuse(append, error)
      else if (isOver) refuse(append, KafkaError.INVALID_TXN_STATE)
      else push({ ...append, transaction: number })
    }
    this.#ask(rest)
  }

  #remember(producerId: number, epoch: number, number: number): void {
    this.#enlisted.delete(producerId)
    this.#enlisted.set(producerId, { epoch, number })
    if (this.#enlisted.size <= ENLISTED_REMEMBERED) return
    for (const oldest of this.#enlisted.keys()) {
      this.#enlisted.delete(oldest)
      return
    }
  }
}

function costOf({ append }: Waiting): number {
  return append.batch.length + WAITING_OVERHEAD_BYTES
}
