// The Durable Object that hosts the leader of one partition: storage, clock, alarm and Cluster come from
// the platform, everything else is leader.ts. Nothing is decided here.

import { DurableObject } from 'cloudflare:workers'
import { discard } from '../core/bytes.ts'
import type { TopicSettings } from '../core/configs.ts'
import { readEnvironment } from '../core/env.ts'
import type { ErrorCode } from '../core/errors.ts'
import { type Offset, type TopicId, watchShard } from '../core/ids.ts'
import { OneAlarm } from '../runtime/alarm.ts'
import { isolateId, lentAppends, lentPieces, lentReplies } from '../runtime/lending.ts'
import { workerLog } from '../runtime/log.ts'
import { type ObjectBindings, objects } from '../runtime/objects.ts'
import type { StartTimer } from '../runtime/waiters.ts'
import { tierOf } from '../tier/tier.ts'
import type {
  AppendAnswer,
  AppendCall,
  AppendPart,
  AppendReply,
  DeleteRecordsReply,
  DeleteRecordsRequest,
  FollowReply,
  FollowRequest,
  Freeing,
  OffsetQuery,
  OffsetReply,
  PartitionCalls,
  PartitionSize,
  PartitionTarget,
  PieceReply,
  PieceRequest,
  ProducersReply,
  ReadReply,
  ReadRequest,
  StandingReply,
  TransactionMarker,
  WatchReply,
} from './contract.ts'
import type { BytePipe } from './fanout.ts'
import { PartitionLeader } from './leader.ts'
import { Reporting } from './reporting.ts'
import type { ClaimReply, RequestClaim } from './requests-contract.ts'
import { isolateChunks } from './tail.ts'

/** `<tenant>/topic/<topicId>/<partition>`, as core/ids.ts makes it. */
const NAME = /^(.+)\/topic\/([^/]+)\/(\d+)$/

/** The leader of the partition that the object's name says. */
export class Partition extends DurableObject<ObjectBindings> implements PartitionCalls {
  readonly #leader: PartitionLeader
  readonly #alarm: OneAlarm
  readonly #reporting: Reporting

  constructor(ctx: DurableObjectState, env: ObjectBindings) {
    super(ctx, env)
    const { storage } = ctx
    const name = NAME.exec(ctx.id.name ?? '')
    if (name === null) throw new Error(`${ctx.id.name} names no partition`)
    const [, tenant = '', topicId = '', number = ''] = name
    const identity = { topicId: topicId as TopicId, partition: Number(number) }
    const { cluster, statistics, transaction, watch } = objects(env, tenant)
    const shard = watchShard(identity.topicId, identity.partition)
    const { config, logLevel } = readEnvironment(env)
    const log = workerLog(logLevel)
    const maxBytes = config['ottla.object.max.bytes']
    const report = (event: string, error: unknown) =>
      log('error', event, { ...identity, reason: String(error) })
    this.#alarm = new OneAlarm(storage, (error) => report('alarm was not set', error))
    const startTimer: StartTimer = (fire, ms) => {
      const timer = setTimeout(fire, ms)
      return () => clearTimeout(timer)
    }
    this.#reporting = new Reporting({
      identity,
      source: () => crypto.randomUUID(),
      send: (figures) => statistics.report(figures),
      now: () => Date.now(),
      startTimer,
      report: (event, error) => log('debug', event, { ...identity, reason: String(error) }),
    })
    let hasTold = false
    this.#leader = new PartitionLeader({
      identity,
      loaded: (loaded) => this.#reporting.loaded(loaded),
      moved: () => this.#reporting.moved(),
      storage,
      sync: () => storage.sync(),
      // With nothing written it costs no commit. If storage is lost, the next write says so.
      turn: () => storage.sync().catch(() => {}),
      deleteAll: () => storage.deleteAll(),
      abort: (reason) => ctx.abort(reason),
      wakeAt: (timeMs) => this.#alarm.wakeAt(timeMs),
      admit: (writing) => cluster.admit(identity.topicId, identity.partition, writing),
      enlist: ({ topic, ...producer }) => {
        const participant = { kind: 'partition', topic, ...identity } as const
        return transaction(producer.transactionalId).enlist({ ...producer, participant })
      },
      tell: async (told) => {
        // The first wakes that object, for whose file everything in the process waits: answers leave before.
        if (!hasTold) await new Promise<void>((resolve) => startTimer(resolve, 0))
        hasTold = true
        return watch(shard).tell(told)
      },
      openPipe,
      isolate: isolateId,
      now: () => Date.now(),
      startTimer,
      chunks: isolateChunks,
      tier: tierOf(env),
      ...(maxBytes === undefined ? {} : { maxBytes: Number(maxBytes) }),
      report,
    })
  }

  /** What was lent is answered by a loan, with the batches that were not stored: their callers may send them elsewhere. */
  async appendAll({ appends, isolate, loan }: AppendCall): Promise<AppendAnswer> {
    const isNear = isolate === isolateId()
    if (loan === undefined) {
      const replies = await this.#leader.appendAll(appends)
      return isNear ? { replies, near: true } : { replies }
    }
    // Lent to the object that was here before this one: only their lender can reach them.
    if (!isNear) return { replies: [] }
    const lent = lentAppends.take(loan)
    if (lent === null) throw new Error('what was lent waited too long')
    const replies = (await this.#leader.appendAll(lent)).map((reply, at) => {
      const batch = lent[at]?.batch
      return reply.kind === 'appended' || batch === undefined ? reply : { ...reply, batch }
    })
    return { replies: [], near: true, loan: lentReplies.lend(replies, Date.now()) }
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
    this.#reporting.served(reply.pieces)
    if (request.isolate === isolateId()) {
      return { ...reply, pieces: [], loan: lentPieces.lend(reply.pieces, Date.now()) }
    }
    setTimeout(() => reply.pieces.forEach(discard), 0)
    return reply
  }

  async readPiece(request: PieceRequest): Promise<PieceReply> {
    const reply = await this.#leader.readPiece(request)
    const { bytes } = reply
    if (bytes !== null) setTimeout(() => discard(bytes), 0)
    return reply
  }

  watch(target: PartitionTarget, after: Offset, timeoutMs: number): Promise<WatchReply> {
    return this.#leader.watch(target, after, timeoutMs)
  }

  subscribed(target: PartitionTarget): Promise<StandingReply> {
    return this.#leader.subscribed(target)
  }

  follow(request: FollowRequest): Promise<FollowReply> {
    return this.#leader.follow(request)
  }

  claim(claim: RequestClaim): Promise<ClaimReply> {
    return this.#leader.claim(claim)
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

  free(target: PartitionTarget): Promise<Freeing> {
    return this.#leader.free(target)
  }

  /** The platform's call; it may come more than once. */
  override async alarm(): Promise<void> {
    this.#alarm.fired()
    this.#leader.housekeep()
    await this.#alarm.settled()
  }
}

/** The runtime's own pipe: bytes written to it are sent without this isolate's JavaScript. */
function openPipe(): BytePipe {
  const { readable, writable } = new IdentityTransformStream()
  const writer = writable.getWriter()
  return {
    readable,
    write: (bytes) => writer.write(bytes),
    close: () => writer.close(),
    abort: (reason) => writer.abort(reason),
  }
}
