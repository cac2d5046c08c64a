// The Durable Object that hosts the leader of one partition: storage, clock, alarm and Cluster come from
// the platform, everything else is leader.ts. Nothing is decided here.

import { DurableObject } from 'cloudflare:workers'
import { discard } from '../core/bytes.ts'
import type { TopicSettings } from '../core/configs.ts'
import { readEnvironment } from '../core/env.ts'
import { type ErrorCode, KafkaError } from '../core/errors.ts'
import type { Offset, TopicId } from '../core/ids.ts'
import { OneAlarm } from '../runtime/alarm.ts'
import { isolateId, lend, take } from '../runtime/lending.ts'
import { workerLog } from '../runtime/log.ts'
import { type ObjectBindings, objects } from '../runtime/objects.ts'
import type {
  AppendPart,
  AppendReply,
  AppendRequest,
  DeleteRecordsReply,
  DeleteRecordsRequest,
  OffsetQuery,
  OffsetReply,
  PartitionRpc,
  PartitionSize,
  PartitionTarget,
  PieceReply,
  ProducersReply,
  ReadReply,
  ReadRequest,
  TransactionMarker,
  WatchReply,
} from './contract.ts'
import { refused } from './flush.ts'
import { PartitionLeader } from './leader.ts'
import { isolateChunks } from './tail.ts'

/** `<tenant>/topic/<topicId>/<partition>`, as core/ids.ts makes it. */
const NAME = /^(.+)\/topic\/([^/]+)\/(\d+)$/

/** The leader of the partition that the object's name says. */
export class Partition extends DurableObject<ObjectBindings> implements PartitionRpc {
  readonly #leader: PartitionLeader
  readonly #alarm: OneAlarm

  constructor(ctx: DurableObjectState, env: ObjectBindings) {
    super(ctx, env)
    const { storage } = ctx
    const name = NAME.exec(ctx.id.name ?? '')
    if (name === null) throw new Error(`${ctx.id.name} names no partition`)
    const [, tenant = '', topicId = '', number = ''] = name
    const identity = { topicId: topicId as TopicId, partition: Number(number) }
    const { cluster, transaction } = objects(env, tenant)
    const log = workerLog(readEnvironment(env).logLevel)
    const report = (event: string, error: unknown) =>
      log('error', event, { ...identity, reason: String(error) })
    this.#alarm = new OneAlarm(storage, (error) => report('alarm was not set', error))
    this.#leader = new PartitionLeader({
      identity,
      storage,
      sync: () => storage.sync(),
      deleteAll: () => storage.deleteAll(),
      abort: (reason) => ctx.abort(reason),
      wakeAt: (timeMs) => this.#alarm.wakeAt(timeMs),
      admit: (writing) => cluster.admit(identity.topicId, identity.partition, writing),
      enlist: ({ topic, ...producer }) => {
        const participant = { kind: 'partition', topic, ...identity } as const
        return transaction(producer.transactionalId).enlist({ ...producer, participant })
      },
      isolate: isolateId,
      now: () => Date.now(),
      startTimer: (fire, ms) => {
        const timer = setTimeout(fire, ms)
        return () => clearTimeout(timer)
      },
      chunks: isolateChunks,
      report,
    })
  }

  /** A batch lent by the caller is given back where the caller may send it elsewhere. */
  async append(request: AppendRequest): Promise<AppendReply> {
    const { isolate, loan, ...rest } = request
    if (isolate !== isolateId()) {
      // Lent to the object that was here before this one: only its lender can reach the batch.
      if (loan !== undefined) return refused(KafkaError.NOT_LEADER_OR_FOLLOWER, -1)
      return this.#leader.append(rest)
    }
    if (loan === undefined) return { ...(await this.#leader.append(rest)), near: true }
    const [batch] = take(loan) ?? []
    if (batch === undefined) throw new Error('what was lent waited too long')
    const reply = await this.#leader.append({ ...rest, batch })
    return reply.kind === 'appended'
      ? { ...reply, near: true }
      : { ...reply, near: true, loan: lend([batch], Date.now()) }
  }

  appendPart(part: AppendPart): Promise<AppendReply | null> {
    return this.#leader.appendPart(part)
  }

  /**
   * The pieces are lent to a caller in this isolate. Else they are copied into the reply in the turn it is
   * given; their memory goes back after it.
   */
  async read(request: ReadRequest): Promise<ReadReply> {
    const reply = await this.#leader.read(request)
    if (reply.pieces.length === 0) return reply
    if (request.isolate === isolateId()) {
      return { ...reply, pieces: [], loan: lend(reply.pieces, Date.now()) }
    }
    setTimeout(() => reply.pieces.forEach(discard), 0)
    return reply
  }

  async readPiece(target: PartitionTarget, baseOffset: Offset, piece: number): Promise<PieceReply> {
    const reply = await this.#leader.readPiece(target, baseOffset, piece)
    const { bytes } = reply
    if (bytes !== null) setTimeout(() => discard(bytes), 0)
    return reply
  }

  watch(target: PartitionTarget, after: Offset, timeoutMs: number): Promise<WatchReply> {
    return this.#leader.watch(target, after, timeoutMs)
  }

  listOffset(query: OffsetQuery): Promise<OffsetReply> {
    return this.#leader.listOffset(query)
  }

  deleteRecords(request: DeleteRecordsRequest): Promise<DeleteRecordsReply> {
    return this.#leader.deleteRecords(request)
  }

  size(target: PartitionTarget): Promise<PartitionSize> {
    return this.#leader.size(target)
  }

  endTransaction(marker: TransactionMarker): Promise<{ readonly error: ErrorCode }> {
    return this.#leader.endTransaction(marker)
  }

  producers(target: PartitionTarget): Promise<ProducersReply> {
    return this.#leader.producers(target)
  }

  configure(target: PartitionTarget, version: number, settings: TopicSettings): Promise<void> {
    return this.#leader.configure(target, version, settings)
  }

  fence(target: PartitionTarget): Promise<void> {
    return this.#leader.fence(target)
  }

  free(target: PartitionTarget): Promise<boolean> {
    return this.#leader.free(target)
  }

  /** The platform's call; it may come more than once. */
  override alarm(): void {
    this.#alarm.fired()
    this.#leader.housekeep()
  }
}
