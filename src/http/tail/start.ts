// Where a tail starts: behind what its reader had, at a time, or at either end of each log; and what of
// the reader's position cannot be gone on from, because a topic is another one now or gone. What was trimmed
// shows when it is read.

import type { BrokerContext } from '../../broker/context.ts'
import { lookUpTopic } from '../../broker/routing.ts'
import type { TopicState } from '../../cluster/contract.ts'
import { KafkaError } from '../../core/errors.ts'
import type { TopicId } from '../../core/ids.ts'
import { EVENTS_ID_BYTES, EVENTS_TOPICS } from '../../core/limits.ts'
import type { Access } from '../../security/access.ts'
import { denied, forbidden } from '../access-rule.ts'
import { inTurns } from '../in-turns.ts'
import { noPartition } from '../placement.ts'
import { badRequest, Problem } from '../problem.ts'
import { parseTime } from '../time.ts'
import { EARLIEST, freshTopic, LATEST } from '../topics.ts'
import type { ResetReason, TailAsk } from './contract.ts'
import { offsetsOf, timesOf } from './offsets.ts'
import { formatPosition, leastLength, parsePosition, type TopicPosition } from './position.ts'
import { partitionsIn, type Scope, TailTopic } from './topic.ts'

/** A reader has to be told that a topic is not the one of its position. */
export interface StartReset {
  readonly topic: string
  readonly reason: ResetReason
}

/** What a tail begins with. */
export interface Started {
  readonly topics: readonly TailTopic[]
  readonly resets: readonly StartReset[]
  readonly scope: Scope
}

/** Finds the topics and where each begins; INVALID_REQUEST, 404 or 416 names the field at fault. */
export async function startTail(context: BrokerContext, ask: TailAsk): Promise<Started | Problem> {
  const scope = { partitions: ask.partitions ?? null, key: ask.key ?? null }
  const wrong = contradiction(ask)
  if (wrong !== null) return wrong
  const place = placeOf(ask)
  if (place instanceof Problem) return place
  const refused = await readingDenied(context.access, ask.topics)
  if (refused !== null) return refused
  const states = await inTurns(ask.topics, (name) => freshTopic(context, name))
  const starting = new Starting(context, ask, scope, states)
  const started =
    typeof place === 'number' ? await starting.atTime(place) : await starting.behind(place)
  if (started instanceof Problem) return started
  return formatPosition(started.topics).length > EVENTS_ID_BYTES ? tooLong() : started
}

/** Why one of these topics may not be read now; null where all may. @throws where the rules cannot be read */
export async function readingDenied(
  access: Access,
  topics: readonly string[],
): Promise<Problem | null> {
  for (const topic of access.isOpen ? [] : topics) {
    const refused = await denied(access, READ, topic)
    if (refused !== null) return refused
  }
  return null
}

/** The same by the rules as they are known. */
export function readingForbidden(access: Access, topics: readonly string[]): Problem | null {
  for (const topic of topics) {
    const refused = forbidden(access, READ, topic)
    if (refused !== null) return refused
  }
  return null
}

/** An id names every partition, and comes back as a header: it has a limit. */
export function tooLong(): Problem {
  return badRequest(
    'partition',
    `the id of an event names every partition, and would be longer than ${EVENTS_ID_BYTES} bytes: choose partitions, or fewer topics`,
  )
}

function contradiction({ topics, partitions, key }: TailAsk): Problem | null {
  if (topics.length === 0) return badRequest('topic', 'topic is required')
  if (topics.length > EVENTS_TOPICS) {
    return badRequest('topic', `topic may be given ${EVENTS_TOPICS} times at most`)
  }
  const twice = topics.find((name, at) => topics.indexOf(name) !== at)
  if (twice !== undefined) return badRequest('topic', `topic ${twice} is given twice`)
  if (partitions === undefined) return null
  if (topics.length > 1) {
    return badRequest('partition', 'partition can be chosen of one topic, and here are several')
  }
  if (partitions.length === 0) return badRequest('partition', 'partition names none')
  if (key !== undefined) {
    return badRequest('partition', 'partition and key exclude each other: a key has its partition')
  }
  const again = partitions.find((partition, at) => partitions.indexOf(partition) !== at)
  return again === undefined ? null : badRequest('partition', `partition ${again} is given twice`)
}

/** A time as ListOffsets takes it, or a position. */
function placeOf({ from: { field, text } }: TailAsk): number | readonly TopicPosition[] | Problem {
  if (text === 'earliest') return EARLIEST
  if (text === 'latest') return LATEST
  const ms = parseTime(text)
  if (ms !== null) return ms
  if (text.length > EVENTS_ID_BYTES) return tooLong().with({ field })
  const position = parsePosition(text)
  if (position !== null) return position
  const detail = `${field} must be earliest, latest, an RFC 3339 time, or the id of an event: partition:offset,…`
  return badRequest(field, detail)
}

type Entry = TopicPosition | null

const READ = { operation: 'READ', resource: 'TOPIC' } as const
const DESCRIBE = { operation: 'DESCRIBE', resource: 'TOPIC' } as const

class Starting {
  readonly #context: BrokerContext
  readonly #ask: TailAsk
  readonly #scope: Scope
  readonly #states: readonly (TopicState | Problem)[]
  readonly #resets: StartReset[] = []

  constructor(
    context: BrokerContext,
    ask: TailAsk,
    scope: Scope,
    states: readonly (TopicState | Problem)[],
  ) {
    this.#context = context
    this.#ask = ask
    this.#scope = scope
    this.#states = states
  }

  async atTime(timestamp: number): Promise<Started | Problem> {
    const missing = this.#states.find((state) => state instanceof Problem)
    if (missing !== undefined) return missing
    return this.#each((state) =>
      state instanceof Problem ? Promise.resolve(state) : this.#whole(state, timestamp),
    )
  }

  async behind(position: readonly TopicPosition[]): Promise<Started | Problem> {
    const entries = await this.#entries(position)
    if (entries instanceof Problem) return entries
    const started = await this.#each((state, at) => {
      const entry = entries[at] ?? null
      return state instanceof Problem
        ? Promise.resolve(this.#missing(state, at, entry))
        : this.#behindEntry(state, entry)
    })
    if (started instanceof Problem) return started
    // Whoever knows that all are gone has nothing to wait for.
    const isOver = started.resets.length === 0 && started.topics.every(({ state }) => !state)
    const [first] = this.#states
    return isOver && first instanceof Problem ? first : started
  }

  async #each(
    start: (state: TopicState | Problem, at: number) => Promise<TailTopic | Problem>,
  ): Promise<Started | Problem> {
    const least = this.#states.map((state) =>
      state instanceof Problem ? 0 : leastLength(partitionsIn(this.#scope, state.partitions)),
    )
    if (least.reduce((sum, length) => sum + length, 0) > EVENTS_ID_BYTES) return tooLong()
    const topics: TailTopic[] = []
    for (const [at, state] of this.#states.entries()) {
      const topic = await start(state, at)
      if (topic instanceof Problem) return topic
      topics.push(topic)
    }
    return { topics, resets: this.#resets, scope: this.#scope }
  }

  /** The entry of each topic; what names a topic that is not asked for is somebody else's position. */
  async #entries(position: readonly TopicPosition[]): Promise<readonly Entry[] | Problem> {
    const { topics, from } = this.#ask
    const [first] = position
    if (first?.id === null) {
      if (topics.length === 1) return [first]
      const detail = `${from.field} is of one topic, and here are several: <topic id>/partition:offset,…;…`
      return badRequest(from.field, detail)
    }
    const ids = this.#states.map((state) => (state instanceof Problem ? null : state.id))
    const rest = position.filter(({ id }) => id === null || !ids.includes(id))
    for (const { id } of rest) {
      const foreign = id === null ? null : await this.#aliveElsewhere(id)
      if (foreign !== null) return foreign
    }
    // Ids change when a topic is recreated, the order of the topics does not.
    const entries = ids.map(
      (id) => position.find((entry) => id !== null && entry.id === id) ?? rest.shift() ?? null,
    )
    if (rest.length === 0) return entries
    return badRequest(from.field, `${from.field} names more topics than are asked for`)
  }

  async #aliveElsewhere(topicId: TopicId): Promise<Problem | null> {
    const found = await lookUpTopic(this.#context, { name: '', topicId, partition: 0 })
    if (found === KafkaError.UNKNOWN_TOPIC_ID) return null
    if (typeof found === 'number') return new Problem(found)
    const { field } = this.#ask.from
    const isSecret = forbidden(this.#context.access, DESCRIBE, found.name) !== null
    if (isSecret) return badRequest(field, `${field} is of another topic`)
    return badRequest(field, `${field} is of topic ${found.name}, which is not asked for`)
  }

  #missing(problem: Problem, at: number, entry: Entry): TailTopic | Problem {
    const name = this.#ask.topics[at] ?? ''
    const isGone = problem.code === KafkaError.UNKNOWN_TOPIC_OR_PARTITION
    if (!isGone || entry === null || !this.#ask.from.resumes) return problem
    const isKnown = entry.id !== null && entry.next.size === 0
    if (!isKnown) this.#resets.push({ topic: name, reason: 'deleted' })
    return new TailTopic(name, null, { id: entry.id, next: new Map() })
  }

  async #behindEntry(state: TopicState, entry: Entry): Promise<TailTopic | Problem> {
    if (entry === null) return this.#whole(state, EARLIEST)
    if (entry.id !== null && entry.id !== state.id) return this.#recreated(state)
    const { field, resumes } = this.#ask.from
    // A position that does not name the topic may be of the one that had its name before.
    const mayBeAnother = entry.id === null && resumes
    const wanted = this.#wanted(state)
    if (wanted instanceof Problem) return wanted
    const named = [...entry.next.keys()]
    const beyond = named.find((partition) => partition >= state.partitions)
    if (beyond !== undefined) {
      return mayBeAnother ? this.#recreated(state) : noPartition(state, beyond).with({ field })
    }
    // Where a key's partition has changed, with more of them, its older records are in the other.
    const read = named.filter((partition) => this.#scope.key !== null || wanted.includes(partition))
    const ends = await offsetsOf(this.#context, state, read, LATEST)
    if (ends instanceof Problem) return ends
    for (const partition of read) {
      const next = entry.next.get(partition) ?? 0
      const end = ends.get(partition) ?? 0
      if (next <= end) continue
      return mayBeAnother ? this.#recreated(state) : this.#beyondEnd(state, partition, next, end)
    }
    const starts = await offsetsOf(
      this.#context,
      state,
      wanted.filter((partition) => !entry.next.has(partition)),
      EARLIEST,
    )
    if (starts instanceof Problem) return starts
    const had = read.map((partition): [number, number] => [
      partition,
      entry.next.get(partition) ?? 0,
    ])
    return this.#topic(state, new Map([...starts, ...had]), entry.id !== null)
  }

  #recreated(state: TopicState): Promise<TailTopic | Problem> {
    this.#resets.push({ topic: state.name, reason: 'recreated' })
    return this.#whole(state, EARLIEST)
  }

  async #whole(state: TopicState, timestamp: number): Promise<TailTopic | Problem> {
    const wanted = this.#wanted(state)
    if (wanted instanceof Problem) return wanted
    const { readCommitted } = this.#ask
    const next = await timesOf(this.#context, state, wanted, { timestamp, readCommitted })
    return next instanceof Problem ? next : this.#topic(state, next, false)
  }

  #topic(state: TopicState, next: ReadonlyMap<number, number>, wasNamed: boolean): TailTopic {
    const { topics, namesTopics = false } = this.#ask
    const id = wasNamed || namesTopics || topics.length > 1 ? state.id : null
    return new TailTopic(state.name, state, { id, next })
  }

  #wanted(state: TopicState): number[] | Problem {
    const beyond = this.#scope.partitions?.find((partition) => partition >= state.partitions)
    return beyond === undefined
      ? partitionsIn(this.#scope, state.partitions)
      : noPartition(state, beyond)
  }

  /** 416: nobody can have had that of this log. */
  async #beyondEnd(
    state: TopicState,
    partition: number,
    next: number,
    end: number,
  ): Promise<Problem> {
    const starts = await offsetsOf(this.#context, state, [partition], EARLIEST)
    if (starts instanceof Problem) return starts
    const earliest = starts.get(partition) ?? 0
    return new Problem(KafkaError.OFFSET_OUT_OF_RANGE, {
      field: this.#ask.from.field,
      detail: `partition ${partition} has offsets ${earliest} to ${end}; ${next - 1} was never delivered of it`,
      members: { partition, earliest, end },
    })
  }
}
