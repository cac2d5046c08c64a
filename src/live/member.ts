// A member of a consumer group at the server's end of a socket (KIP-848): joins, heartbeats for as long as
// the session lives, takes and gives up partitions as the coordinator says, commits with its epoch. What a
// Java consumer does in its own process, except that the application is the client behind the socket: it is
// told what comes and goes, and is waited for. One loop does all that asks the coordinator, in order.

import { KafkaError } from '../core/errors.ts'
import type { TopicId } from '../core/ids.ts'
import type { Problem } from '../http/problem.ts'
import type { Tail, TopicRecords } from '../http/tail/contract.ts'
import type { ConsumerGroupHeartbeatResponse } from '../protocol/messages/consumer-group-heartbeat.ts'
import { type Committer, commitAs } from './commits.ts'
import { isLost, isPassing, memberProblem } from './coordinator-errors.ts'
import type { Feed } from './feed.ts'
import { Heartbeats } from './heartbeats.ts'
import { Holding } from './holding.ts'
import { memberFeed } from './member-feed.ts'
import type { MemberState } from './member-state.ts'
import { messageText, recordsText } from './outgoing.ts'
import { startsOf } from './starts.ts'
import type { Stream, StreamHost } from './stream.ts'
import type { CommitOffset } from './surroundings.ts'
import { Wake } from './wake.ts'

type Assignment = NonNullable<ConsumerGroupHeartbeatResponse['assignment']>

/** See the head of this file. */
export class Member implements Stream {
  readonly #host: StreamHost
  readonly #asked: MemberState
  readonly #tail: Tail
  readonly #feed: Feed
  readonly #holding: Holding
  readonly #wake = new Wake()
  readonly #heartbeats: Heartbeats
  readonly #committer: Committer
  #isOut: boolean
  #unanswered: number
  /** What the coordinator wants this member to have; null: what it has. */
  #target: ReadonlyMap<TopicId, readonly number[]> | null = null
  /** It beats and reads no more; commits that came before are made. */
  #isEnded = false
  #hasLeft = false
  /** Commits and what must come behind them, one after the other. */
  #orders: Promise<void> = Promise.resolve()

  /** @param state as it was kept; of one that joins, of epoch 0 */
  constructor(host: StreamHost, state: MemberState) {
    this.#host = host
    this.#asked = state
    this.#isOut = state.isOut
    this.#unanswered = state.unanswered
    this.#tail = host.surroundings.assignedTail(state.readCommitted)
    this.#holding = new Holding(state, host.surroundings.now())
    this.#heartbeats = new Heartbeats(host.surroundings, state, () => this.#holding.owned())
    this.#committer = this.#committerOf(state)
    this.#feed = memberFeed(host, this.#tail, state, {
      records: (records) => this.#records(records),
      over: (problem) => {
        void this.leave()
        host.over(this, problem)
      },
    })
    this.#tail.assign(this.#holding.reading())
  }

  get sub(): number {
    return this.#asked.sub
  }

  /** It heartbeats, unless it is out of its group until the client has let go. */
  get isWaiting(): boolean {
    return this.#isOut
  }

  async run(): Promise<void> {
    if (this.#asked.isForgotten) await this.#comeBack()
    const wrong = this.#heartbeats.epoch === 0 ? await this.#unknownTopic() : null
    if (wrong !== null) this.#fail(wrong)
    await Promise.all([this.#feed.run(), this.#membership()])
  }

  grant(bytes: number): void {
    this.#feed.grant(bytes)
  }

  /** Ends it; who is in the group leaves it. */
  close(): void {
    void this.leave()
  }

  /** Leaves behind the commits that were asked for. Never rejects. */
  leave(): Promise<void> {
    const mayBeMember = !this.#isEnded && !this.#isOut
    this.#end()
    return this.#inOrder(async () => {
      if (mayBeMember) await this.#sayLeave()
    })
  }

  /** Null when all is committed. */
  async commit(offsets: readonly CommitOffset[]): Promise<Problem | null> {
    let outcome: Problem | null = null
    await this.#inOrder(async () => {
      outcome = await commitAs(this.#committer, offsets)
      if (outcome === null) this.processed(offsets)
    })
    return outcome
  }

  /** The application has got through these. */
  processed(offsets: readonly CommitOffset[]): void {
    if (this.#holding.processed(offsets, this.#now())) this.#host.surroundings.changed()
  }

  /** The client has let go of what it was told of. */
  letGo(): void {
    void this.#inOrder(async () => {
      if (this.#unanswered === 0) return
      this.#unanswered -= 1
      this.#host.surroundings.changed()
      if (this.#unanswered > 0) return
      if (this.#isOut) this.#rejoin()
      else if (this.#holding.letGo(this.#now())) this.#beatNow()
    })
  }

  save(): MemberState {
    return {
      ...this.#asked,
      ...this.#holding.save(),
      granted: this.#feed.granted,
      epoch: this.#heartbeats.epoch,
      isOut: this.#isOut,
      unanswered: this.#unanswered,
      isForgotten: false,
    }
  }

  /** What it had was not kept: the coordinator is to give that to others, and the client to let go of it. */
  async #comeBack(): Promise<void> {
    this.#isOut = true
    this.#heartbeats.out()
    this.#tellRevoked({ partitions: [], lost: true, reason: 'fenced' })
    await this.#sayLeave()
  }

  /** Kafka has members wait for topics that do not exist; who names one here has misspelt it. */
  #unknownTopic(): Promise<Problem | null> {
    return this.#host.surroundings.group.unknownTopic(this.#asked.topics)
  }

  /** Heartbeats, and what follows from their answers, until the member ends. */
  async #membership(): Promise<void> {
    while (!this.#isEnded) {
      const nowMs = this.#now()
      if (this.#holding.isStuck(nowMs, this.#asked.maxPollIntervalMs)) await this.#putOut()
      else if (!this.#isOut && nowMs >= this.#heartbeats.dueMs) await this.#beat()
      if (!this.#isOut && !this.#isEnded) await this.#reconcile()
      await this.#pause()
    }
  }

  /** Until a heartbeat is due, the application has taken too long, or there is news. */
  async #pause(): Promise<void> {
    if (this.#isEnded) return
    const stuckMs = this.#holding.stuckAtMs(this.#asked.maxPollIntervalMs)
    // A member that is out waits for its client alone.
    const beatMs = this.#isOut ? Number.POSITIVE_INFINITY : this.#heartbeats.dueMs
    const dueMs = Math.min(stuckMs, beatMs)
    const cancel = Number.isFinite(dueMs)
      ? this.#host.surroundings.after(Math.max(0, dueMs - this.#now()), () => this.#wake.wake())
      : () => {}
    await this.#wake.wait()
    cancel()
  }

  async #beat(): Promise<void> {
    const { epoch } = this.#heartbeats
    const answer = await this.#heartbeats.beat()
    if (!this.#isEnded) this.#answered(answer, epoch)
    this.#heartbeats.settled()
  }

  /** @param epoch that was said */
  #answered(answer: ConsumerGroupHeartbeatResponse, epoch: number): void {
    const { errorCode, errorMessage = null, assignment = null } = answer
    if (errorCode === KafkaError.NONE) this.#heard(assignment, epoch === 0)
    else if (isPassing(errorCode)) this.#heartbeats.later()
    else if (isLost(errorCode) && epoch > 0) this.#lose('fenced')
    else this.#fail(memberProblem(errorCode, errorMessage, this.#asked.group))
  }

  #heard(assignment: Assignment | null, isNew: boolean): void {
    if (isNew) {
      const { sub, memberId } = this.#asked
      this.#host.outbox.send(messageText({ type: 'joined', sub, memberId }))
    }
    if (assignment !== null) {
      const topics = assignment.topicPartitions
      this.#target = new Map(topics.map(({ topicId, partitions }) => [topicId, partitions]))
    }
    this.#host.surroundings.changed()
  }

  /** One step from what it has to what it should have: giving up first, and only then taking. */
  async #reconcile(): Promise<void> {
    const target = this.#target
    if (target === null || this.#holding.isRevoking) return
    const surplus = this.#holding.revoke(target)
    if (surplus.length > 0) {
      this.#tail.revoke(surplus)
      this.#feed.changed()
      this.#tellRevoked({ partitions: surplus.map(named) })
      return
    }
    const missing = this.#holding.missing(target)
    if (missing.length > 0 && !(await this.#take(missing))) return
    // Another may have come meanwhile.
    if (this.#target === target) this.#target = null
  }

  /** False: not now. */
  async #take(missing: readonly { topicId: TopicId; partition: number }[]): Promise<boolean> {
    const { group } = this.#host.surroundings
    const starts = await startsOf(group, this.#heartbeats.identity, missing, this.#asked)
    if (this.#isEnded || this.#isOut) return false
    if (typeof starts === 'number') return this.#notNow(starts)
    if (starts.length === 0) return true
    this.#holding.add(starts)
    const { sub } = this.#asked
    const partitions = starts.map((one) => ({ ...named(one), offset: one.offset }))
    this.#host.outbox.send(messageText({ type: 'assigned', sub, partitions }))
    this.#tail.assign(starts)
    this.#feed.changed()
    this.#beatNow()
    return true
  }

  /** Tried again with the next heartbeat, whose answer says whether it is a member still. */
  #notNow(errorCode: number): false {
    if (!isPassing(errorCode) && !isLost(errorCode)) {
      this.#fail(memberProblem(errorCode, null, this.#asked.group))
    } else this.#heartbeats.later()
    return false
  }

  #committerOf({ group: name }: MemberState): Committer {
    const isIn = () => !this.#isOut && !this.#hasLeft && this.#heartbeats.epoch > 0
    return {
      name,
      group: this.#host.surroundings.group,
      identity: () => (isIn() ? this.#heartbeats.identity : null),
      has: (offset) => this.#holding.has(offset),
      nextBeat: async () => {
        if (!this.#isEnded) await this.#nextBeat()
      },
      doubted: () => this.#beatNow(),
    }
  }

  /** Resolves when a heartbeat was answered, one way or the other. */
  #nextBeat(): Promise<void> {
    this.#beatNow()
    return this.#heartbeats.nextAnswer()
  }

  /** The application does not get on: others may have its partitions. */
  async #putOut(): Promise<void> {
    this.#lose('max.poll.interval.ms')
    await this.#sayLeave()
  }

  async #sayLeave(): Promise<void> {
    this.#hasLeft = this.#isEnded
    await this.#heartbeats.leave()
  }

  /** It is not in the group any more, whatever it had; it is again when the client has let go of that. */
  #lose(reason: 'fenced' | 'max.poll.interval.ms'): void {
    const lost = this.#holding.clear()
    this.#tail.revoke(lost)
    this.#feed.changed()
    this.#target = null
    this.#isOut = true
    this.#heartbeats.out()
    if (lost.length > 0) this.#tellRevoked({ partitions: lost.map(named), lost: true, reason })
    if (this.#unanswered === 0) this.#rejoin()
  }

  #rejoin(): void {
    this.#isOut = false
    this.#beatNow()
  }

  #tellRevoked(what: {
    readonly partitions: { topic: string; partition: number }[]
    readonly lost?: true
    readonly reason?: 'fenced' | 'max.poll.interval.ms'
  }): void {
    this.#unanswered += 1
    this.#host.outbox.send(messageText({ type: 'revoked', sub: this.sub, ...what }))
    this.#host.surroundings.changed()
  }

  /** What it has is another: to be said at once. */
  #beatNow(): void {
    this.#heartbeats.soon()
    this.#host.surroundings.changed()
    this.#wake.wake()
  }

  #fail(problem: Problem): void {
    this.#end()
    this.#host.over(this, problem)
  }

  #end(): void {
    this.#isEnded = true
    this.#feed.close()
    this.#heartbeats.settled()
    this.#wake.wake()
  }

  #inOrder(work: () => Promise<void>): Promise<void> {
    const done = this.#orders.then(work)
    this.#orders = done.catch((error: unknown) => this.#host.surroundings.failed('member', error))
    return done
  }

  #now(): number {
    return this.#host.surroundings.now()
  }

  #records(records: TopicRecords): void {
    this.#host.outbox.sendRecords(recordsText(this.sub, records), records.bytes)
    const wasIdle = !this.#holding.isBusy
    this.#holding.sent(records, this.#now())
    this.#host.surroundings.changed()
    // From here on there is a time by which it must have got on.
    if (wasIdle) this.#wake.wake()
  }
}

function named({ topic, partition }: { readonly topic: string; readonly partition: number }) {
  return { topic, partition }
}
