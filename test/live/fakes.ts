// The world around a session, played: topics in memory, a coordinator that answers what a test says, and a
// clock. The messages that the session says are kept in order. Not the broker.

import { KafkaError } from '../../src/core/errors.ts'
import type { TopicId } from '../../src/core/ids.ts'
import { Problem } from '../../src/http/problem.ts'
import type {
  AssignedPartition,
  Tail,
  TailAsk,
  TailLimits,
  TailStep,
  TopicRecords,
} from '../../src/http/tail/contract.ts'
import { liveSchemas, type ServerMessages } from '../../src/live/messages.ts'
import { noTotals } from '../../src/live/outbox.ts'
import { Session } from '../../src/live/session.ts'
import type { SessionState } from '../../src/live/session-state.ts'
import type {
  CommitOffset,
  MemberIdentity,
  ProduceAsk,
  Produced,
  Surroundings,
} from '../../src/live/surroundings.ts'
import type {
  ConsumerGroupHeartbeatRequest,
  ConsumerGroupHeartbeatResponse,
} from '../../src/protocol/messages/consumer-group-heartbeat.ts'

export type Said = ServerMessages[keyof ServerMessages]

/** The id that a fake topic of this name has. */
export function idOf(name: string): TopicId {
  return `${name}-id`.padEnd(22, 'A') as TopicId
}

const encoder = new TextEncoder()

/** A record as GET …/records has it. */
export function recordText(partition: number, offset: number, value = ''): string {
  return JSON.stringify({ partition, offset, timestamp: 1, key: null, value, headers: [] })
}

/** UTF-8 bytes of what a message of records takes of the grant. */
export function bytesOf(records: readonly unknown[]): number {
  return encoder.encode(JSON.stringify(records)).length
}

/** Lets everything run that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Logs by topic and partition, and tails over them. */
export class FakeTopics {
  readonly logs = new Map<string, string[][]>()
  readonly asks: TailAsk[] = []
  /** What the next openTail answers. */
  refusal: Problem | null = null
  readonly tails: FakeTail[] = []

  create(name: string, partitions: number): void {
    this.logs.set(
      name,
      Array.from({ length: partitions }, () => []),
    )
  }

  append(name: string, partition: number, ...values: string[]): void {
    const log = this.logs.get(name)![partition]!
    for (const value of values) log.push(recordText(partition, log.length, value))
    for (const tail of this.tails) tail.wake()
  }

  open(ask: TailAsk): Tail | Problem {
    this.asks.push(ask)
    if (this.refusal !== null) return this.refusal
    const tail = this.assigned()
    const had = new Map(
      ask.from.text.split(',').map((pair) => pair.split(':').map(Number) as [number, number]),
    )
    for (const topic of ask.topics) {
      const log = this.logs.get(topic)
      if (log === undefined) return new Problem(KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
      tail.assign(
        log.map((records, partition) => {
          const last = had.get(partition)
          const end = ask.from.text === 'earliest' ? 0 : records.length
          return {
            topic,
            topicId: idOf(topic),
            partition,
            offset: last === undefined ? end : last + 1,
          }
        }),
      )
    }
    return tail
  }

  assigned(): FakeTail {
    const tail = new FakeTail(this)
    this.tails.push(tail)
    return tail
  }
}

/** A tail over logs in memory, as its contract says: never more bytes than asked for. */
export class FakeTail implements Tail {
  readonly #topics: FakeTopics
  readonly #at = new Map<
    string,
    { topic: string; topicId: TopicId; partition: number; next: number }
  >()
  #wakers: (() => void)[] = []
  /** Steps that come before anything that is read. */
  readonly steps: TailStep[] = []
  isClosed = false
  calls = 0
  #under = 0

  constructor(topics: FakeTopics) {
    this.#topics = topics
  }

  wake(): void {
    for (const waker of this.#wakers.splice(0)) waker()
  }

  position(): string {
    return [...this.#at.values()].map(({ partition, next }) => `${partition}:${next - 1}`).join(',')
  }

  async next(limits: TailLimits): Promise<TailStep> {
    if (this.#under > 0) throw new Error('two calls of next at a time')
    this.#under += 1
    this.calls += 1
    try {
      const step = this.#read(limits.maxBytes)
      if (step !== null) return step
      if (limits.waitMs > 0) {
        await new Promise<void>((resolve) => {
          this.#wakers.push(resolve)
          limits.signal?.addEventListener('abort', () => resolve())
        })
      }
      return this.isClosed ? { kind: 'idle' } : (this.#read(limits.maxBytes) ?? { kind: 'idle' })
    } finally {
      this.#under -= 1
    }
  }

  assign(partitions: readonly AssignedPartition[]): void {
    for (const { topic, topicId, partition, offset } of partitions) {
      this.#at.set(`${topicId}/${partition}`, { topic, topicId, partition, next: offset })
    }
    this.wake()
  }

  revoke(partitions: readonly { readonly topicId: TopicId; readonly partition: number }[]): void {
    for (const { topicId, partition } of partitions) this.#at.delete(`${topicId}/${partition}`)
    this.wake()
  }

  close(): void {
    this.isClosed = true
    this.wake()
  }

  #read(maxBytes: number): TailStep | null {
    const given = this.steps.shift()
    if (given !== undefined) return given
    const topics: TopicRecords[] = []
    let left = maxBytes
    for (const at of this.#at.values()) {
      const log = this.#topics.logs.get(at.topic)?.[at.partition] ?? []
      const records: string[] = []
      let bytes = 1
      while (at.next < log.length) {
        const record = log[at.next]!
        const more = encoder.encode(record).length + 1
        if (bytes + more > left) break
        records.push(record)
        bytes += more
        at.next += 1
      }
      const first = log[at.next]
      if (records.length > 0) {
        left -= bytes
        topics.push({
          topic: at.topic,
          topicId: at.topicId,
          records,
          bytes,
          position: this.position(),
        })
      } else if (first !== undefined && topics.length === 0) {
        return { kind: 'large', bytes: encoder.encode(first).length + 2 }
      }
    }
    return topics.length === 0 ? null : { kind: 'records', topics }
  }
}

type Heartbeat = ConsumerGroupHeartbeatRequest

/** What a coordinator answers; the rest is as if all were well. */
export type Beat = Partial<ConsumerGroupHeartbeatResponse>

/** A coordinator that says what a test tells it to. */
export class FakeCoordinator {
  readonly beats: Heartbeat[] = []
  readonly commits: {
    readonly member: MemberIdentity
    readonly offsets: readonly CommitOffset[]
  }[] = []
  /** Answers to come; then the last epoch again. */
  readonly answers: Beat[] = []
  /** Error codes of the commits to come. */
  readonly commitErrors: number[] = []
  readonly committed = new Map<string, number>()
  names: ReadonlyMap<TopicId, string> | null = new Map()
  startError = 0
  unknown: Problem | null = null
  epoch = 0
  /** Called before each heartbeat is answered. */
  beforeBeat: () => Promise<void> = async () => {}

  async heartbeat(request: Heartbeat): Promise<ConsumerGroupHeartbeatResponse> {
    this.beats.push(request)
    await this.beforeBeat()
    const answer = this.answers.shift() ?? {}
    if (request.memberEpoch >= 0) this.epoch = answer.memberEpoch ?? Math.max(1, this.epoch)
    return {
      throttleTimeMs: 0,
      errorCode: KafkaError.NONE,
      errorMessage: null,
      memberId: request.memberId,
      memberEpoch: this.epoch,
      heartbeatIntervalMs: 5_000,
      assignment: null,
      ...answer,
    }
  }
}

/** An assignment of partitions of one topic. */
export function assignment(topic: string, ...partitions: number[]): Beat {
  return { assignment: { topicPartitions: [{ topicId: idOf(topic), partitions }] } }
}

interface Timer {
  readonly atMs: number
  readonly callback: () => void
}

/** What is said is what the document says. */
function check(text: string): void {
  const message = JSON.parse(text) as Said
  const { error } = liveSchemas().server[message.type].safeParse(message)
  if (error !== undefined) throw new Error(`${text}: ${JSON.stringify(error.issues)}`)
}

/** One session and all around it. */
export class World {
  readonly topics = new FakeTopics()
  readonly coordinator = new FakeCoordinator()
  readonly texts: string[] = []
  readonly produced: ProduceAsk[] = []
  readonly failures: unknown[] = []
  /** What producing comes to. */
  onProduce: (ask: ProduceAsk) => Promise<Produced | Problem> = async () => ({
    offsets: [{ partition: 0, offset: 0, timestamp: 1 }],
    replayed: false,
  })
  nowMs = 1_000_000
  readonly totals = noTotals()
  changes = 0
  /** Answers pings, as a client does. */
  takes = true
  readonly #timers = new Set<Timer>()
  session: Session
  #ids = 0

  constructor(state: SessionState | null = null) {
    this.session = new Session(this.#surroundings(), state)
  }

  /** The object is made anew and the session goes on with what was kept of it; this one hears no more. */
  hibernate(): void {
    const state = JSON.parse(JSON.stringify(this.session.state())) as SessionState
    this.#timers.clear()
    for (const tail of this.topics.tails) tail.close()
    this.topics.tails.length = 0
    // What the old one still says goes nowhere.
    this.#generation += 1
    this.session = new Session(this.#surroundings(), state)
  }

  #generation = 0

  say(message: unknown): void {
    this.session.receive(typeof message === 'string' ? message : JSON.stringify(message))
  }

  /** All that was said, pings aside. */
  get said(): Said[] {
    return this.texts.filter((text) => text !== 'ping').map((text) => JSON.parse(text) as Said)
  }

  /** What was said of one type. */
  of<Type extends keyof ServerMessages>(type: Type): ServerMessages[Type][] {
    return this.said.filter((one) => one.type === type) as ServerMessages[Type][]
  }

  /** Values of the records of a subscription, in the order they came. */
  values(sub: number): string[] {
    return this.of('records')
      .filter((one) => one.sub === sub)
      .flatMap(({ records }) => records.map((record) => (record as { value: string }).value))
  }

  /** The clock goes on, timer by timer. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms
    for (;;) {
      await settle()
      const due = [...this.#timers].sort((a, b) => a.atMs - b.atMs)[0]
      if (due === undefined || due.atMs > untilMs) break
      this.nowMs = Math.max(this.nowMs, due.atMs)
      this.#timers.delete(due)
      due.callback()
    }
    this.nowMs = untilMs
    await settle()
  }

  #surroundings(): Surroundings {
    const generation = this.#generation
    const isCurrent = () => generation === this.#generation
    const { topics, coordinator } = this
    return {
      now: () => this.nowMs,
      after: (ms, callback) => {
        const timer = { atMs: this.nowMs + ms, callback }
        this.#timers.add(timer)
        return () => this.#timers.delete(timer)
      },
      send: (text) => {
        if (!isCurrent()) return
        this.texts.push(text)
        if (text !== 'ping' && text !== 'pong') check(text)
        if (text === 'ping' && this.takes) queueMicrotask(() => this.session.receive('pong'))
      },
      totals: this.totals,
      newId: () => {
        this.#ids += 1
        return `id-${this.#ids}`
      },
      openTail: async (ask) => topics.open(ask),
      assignedTail: () => topics.assigned(),
      produce: (ask) => {
        this.produced.push(ask)
        return this.onProduce(ask)
      },
      group: {
        heartbeat: (_, request) => coordinator.heartbeat(request),
        async commit(member, offsets) {
          coordinator.commits.push({ member, offsets })
          const error = coordinator.commitErrors.shift() ?? KafkaError.NONE
          return offsets.map(() => error)
        },
        unknownTopic: async () => coordinator.unknown,
        topicNames: async (ids) =>
          coordinator.names === null
            ? null
            : new Map(
                ids.map((id) => [id, coordinator.names?.get(id) ?? id.replace(/-idA*$/, '')]),
              ),
        startOffsets: async (_, partitions) =>
          coordinator.startError !== KafkaError.NONE
            ? coordinator.startError
            : partitions.map((one) => {
                const key = `${one.topic}/${one.partition}`
                return { ...one, offset: coordinator.committed.get(key) ?? 0 }
              }),
      },
      changed: () => {
        this.changes += 1
      },
      failed: (_, error) => {
        this.failures.push(error)
      },
    }
  }
}
