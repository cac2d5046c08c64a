// The topics of a tail while it runs: what reading said about them is settled here. Topics grow, are
// trimmed, deleted and recreated; of what a reader cannot have any more it is told by a reset, never left
// out in silence. Reading itself is tail.ts.

import type { BrokerContext } from '../../broker/context.ts'
import type { TopicState } from '../../cluster/contract.ts'
import { type ErrorCode, KafkaError } from '../../core/errors.ts'
import { STREAM_ACCESS_MS } from '../../core/limits/http-security.ts'
import { EVENTS_ID_BYTES, EVENTS_PARTITIONS_MS } from '../../core/limits.ts'
import { endOfAccess, expiryOf } from '../http-access.ts'
import { inTurns } from '../in-turns.ts'
import { Problem } from '../problem.ts'
import { EARLIEST, freshTopic, topicProblem } from '../topics.ts'
import type { AssignedPartition, ResetReason, ResetStep } from './contract.ts'
import { offsetsOf } from './offsets.ts'
import { formatPosition } from './position.ts'
import { readingForbidden, type Started, type StartReset, tooLong } from './start.ts'
import { partitionsIn, type Scope, TailTopic, type TopicName } from './topic.ts'

/** What a read of a partition said instead of giving records. */
export interface Trouble {
  readonly topic: TailTopic
  readonly state: TopicName
  readonly partition: number
  readonly error: ErrorCode
  /** Where it was read from, and where the log begins. */
  readonly offset: number
  readonly logStart: number
}

/** What the reader is told of it. */
export type Settled = ResetStep | { readonly kind: 'problem'; readonly problem: Problem }

const EVERYTHING: Scope = { partitions: null, key: null }

/** The topics of one tail. */
export class TailTopics {
  readonly #context: BrokerContext
  readonly #scope: Scope
  readonly #isAssigned: boolean
  readonly #all: TailTopic[]
  readonly #resets: StartReset[]
  /** What the client had, until it has been told what became of it. */
  readonly #had: string
  #troubles: Trouble[] = []
  #lookedMs: number
  #askedMs: number
  #isTooLong = false

  private constructor(
    context: BrokerContext,
    { topics, resets, scope }: Started,
    options: { readonly had: string; readonly isAssigned: boolean },
  ) {
    this.#context = context
    this.#scope = scope
    this.#isAssigned = options.isAssigned
    this.#all = [...topics]
    this.#resets = [...resets]
    this.#had = options.had
    this.#lookedMs = context.timers.now()
    this.#askedMs = this.#lookedMs
  }

  /** @param had the position that the client came with, if it came with one */
  static started(context: BrokerContext, started: Started, had: string): TailTopics {
    return new TailTopics(context, started, { had, isAssigned: false })
  }

  /** Follows what it is given, partition by partition. */
  static assigned(context: BrokerContext): TailTopics {
    const nothing = { topics: [], resets: [], scope: EVERYTHING }
    return new TailTopics(context, nothing, { had: '', isAssigned: true })
  }

  get all(): readonly TailTopic[] {
    return this.#all
  }

  /** Records of this key alone are shown. */
  get key(): Uint8Array | null {
    return this.#scope.key
  }

  /** Nothing is left that could be followed. */
  get isOver(): boolean {
    return !this.#isAssigned && this.#all.every(({ state }) => state === null)
  }

  /** There is something to be settled before reading goes on. */
  get isTroubled(): boolean {
    return this.#resets.length > 0 || this.#troubles.length > 0
  }

  /** settle or look has something to do. */
  get isDue(): boolean {
    return this.isTroubled || this.#isTooLong || this.#isLookDue() || this.#isAccessDue()
  }

  position(): string {
    return this.#resets.length > 0 ? this.#had : formatPosition(this.#all)
  }

  report(trouble: Trouble): void {
    this.#troubles.push(trouble)
  }

  assign({ topic, topicId, partition, offset }: AssignedPartition): void {
    const known = this.#all.find(({ id }) => id === topicId)
    if (known !== undefined) known.move(partition, offset)
    else {
      const next = new Map([[partition, offset]])
      this.#all.push(new TailTopic(topic, { id: topicId, name: topic }, { id: topicId, next }))
    }
  }

  revoke(topicId: string, partition: number): void {
    const topic = this.#all.find(({ id }) => id === topicId)
    topic?.remove(partition)
    if (topic?.next.size === 0) this.#leave(topic)
  }

  /** Asks, now and then, whether its reader may go on: what leaders tell all readers asks nobody. */
  async denied(): Promise<Settled | null> {
    if (!this.#isAccessDue()) return null
    const { access, timers } = this.#context
    this.#askedMs = timers.now()
    // The rules are as new now as they can be had; where they cannot, these are gone by for a while.
    const names = this.#all.map(({ name }) => name)
    const problem = (await endOfAccess(access)) ?? readingForbidden(access, names)
    return problem === null ? null : { kind: 'problem', problem }
  }

  #isAccessDue(): boolean {
    const { access, timers } = this.#context
    if (access.isOpen) return false
    const nowMs = timers.now()
    return nowMs - this.#askedMs >= STREAM_ACCESS_MS || nowMs >= expiryOf(access)
  }

  /** Looks, now and then, whether topics have more partitions, or are others than they were. */
  async look(): Promise<Settled | null> {
    if (!this.#isLookDue()) return null
    this.#lookedMs = this.#context.timers.now()
    const found = await inTurns(this.#all, ({ name }) => freshTopic(this.#context, name))
    for (const [at, topic] of this.#all.entries()) {
      const fresh = found[at]
      // Whether it is gone, or only not found now, is told by reading it.
      if (fresh === undefined || fresh instanceof Problem) continue
      if (fresh.id === topic.state?.id) {
        await this.#grow(topic, fresh)
      } else return this.#recreated(topic, fresh)
    }
    return null
  }

  #isLookDue(): boolean {
    return !this.#isAssigned && this.#context.timers.now() - this.#lookedMs >= EVENTS_PARTITIONS_MS
  }

  /** Positions may have become longer than an id may be: nobody could come back with one. */
  checkLength(length: number): void {
    this.#isTooLong ||= !this.#isAssigned && length > EVENTS_ID_BYTES
  }

  /** What is to be told first; null when nothing is in the way of reading on. */
  async settle(): Promise<Settled | null> {
    if (this.#isTooLong) return { kind: 'problem', problem: tooLong() }
    const begun = this.#resets[0]
    if (begun !== undefined) {
      const position = this.#had
      this.#resets.shift()
      return this.#reset({ ...begun, partition: null }, position)
    }
    for (;;) {
      const trouble = this.#troubles.shift()
      if (trouble === undefined) return null
      const { topic, state, partition, offset } = trouble
      // Meanwhile it became another topic, or is read from somewhere else.
      if (topic.state?.id !== state.id || topic.next.get(partition) !== offset) continue
      return this.#settled(trouble)
    }
  }

  async #settled(trouble: Trouble): Promise<Settled> {
    const { topic, state, partition, error } = trouble
    if (error === KafkaError.OFFSET_OUT_OF_RANGE) return this.#trimmed(trouble)
    if (error === KafkaError.UNKNOWN_TOPIC_ID || error === KafkaError.UNKNOWN_TOPIC_OR_PARTITION) {
      return this.#unknown(topic, state, error)
    }
    if (error === KafkaError.CORRUPT_MESSAGE) {
      const { offset } = trouble
      const detail = `the stored records of partition ${partition} from offset ${offset} on are damaged`
      const members = { topic: state.name, partition, offset }
      return { kind: 'problem', problem: new Problem(error, { status: 500, detail, members }) }
    }
    return { kind: 'problem', problem: topicProblem(error, state.name) }
  }

  /** Records are gone that this reader had not had. */
  #trimmed({ topic, state, partition, offset, logStart }: Trouble): Settled {
    if (logStart <= offset) {
      const detail = `partition ${partition} ends before offset ${offset}`
      const members = { topic: state.name, partition, offset }
      const problem = new Problem(KafkaError.OFFSET_OUT_OF_RANGE, { detail, members })
      return { kind: 'problem', problem }
    }
    const position = this.position()
    topic.move(partition, logStart)
    return this.#reset({ topic: state.name, partition, reason: 'trimmed' }, position)
  }

  async #unknown(topic: TailTopic, state: TopicName, error: ErrorCode): Promise<Settled> {
    const fresh = await freshTopic(this.#context, state.name)
    const isGone = fresh instanceof Problem && fresh.code === KafkaError.UNKNOWN_TOPIC_OR_PARTITION
    if (fresh instanceof Problem && !isGone) return { kind: 'problem', problem: fresh }
    if (!(fresh instanceof Problem) && fresh.id === state.id) {
      return { kind: 'problem', problem: topicProblem(error, state.name) }
    }
    if (!(fresh instanceof Problem) && !this.#isAssigned) return this.#recreated(topic, fresh)
    const position = this.position()
    if (this.#isAssigned) this.#leave(topic)
    else topic.end()
    return this.#reset({ topic: state.name, partition: null, reason: 'deleted' }, position)
  }

  async #recreated(topic: TailTopic, fresh: TopicState): Promise<Settled> {
    const partitions = partitionsIn(this.#scope, fresh.partitions)
    const next = await offsetsOf(this.#context, fresh, partitions, EARLIEST)
    if (next instanceof Problem) return { kind: 'problem', problem: next }
    const position = this.position()
    topic.replace(fresh, next)
    return this.#reset({ topic: fresh.name, partition: null, reason: 'recreated' }, position)
  }

  #reset(
    about: {
      readonly topic: string
      readonly partition: number | null
      readonly reason: ResetReason
    },
    position: string,
  ): ResetStep {
    const isLast = this.isOver && this.#resets.length === 0
    const next = isLast ? null : formatPosition(this.#all)
    return { kind: 'reset', ...about, position, next }
  }

  /** A partition added meanwhile is read from its start: nobody can have had anything of it. */
  async #grow(topic: TailTopic, fresh: TopicState): Promise<void> {
    const added = partitionsIn(this.#scope, fresh.partitions).filter(
      (partition) => !topic.next.has(partition),
    )
    if (added.length === 0) return
    const found = await offsetsOf(this.#context, fresh, added, EARLIEST)
    // It is looked at again.
    if (found instanceof Problem) return
    for (const [partition, next] of found) topic.move(partition, next)
  }

  #leave(topic: TailTopic): void {
    const at = this.#all.indexOf(topic)
    if (at >= 0) this.#all.splice(at, 1)
  }
}
