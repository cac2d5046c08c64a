// Reaches the Durable Objects: the one wrapper through which every call to an object goes. Not a
// cache of answers and not a retry: a call whose outcome is unknown is the caller's to judge.
// An Objects belongs to one connection, request or Durable Object: a stub of one request context
// fails or hangs in another. Calls only, never fetch() on these stubs: fetches overtake calls.

import type { ClusterRpc } from '../cluster/contract.ts'
import {
  clusterName,
  DEFAULT_TENANT,
  groupName,
  partitionName,
  statisticsName,
  type TopicId,
  transactionName,
  watchName,
} from '../core/ids.ts'
import { OBJECT_NAME_BYTES, OBJECTS_REACHED } from '../core/limits.ts'
import { utf8Length } from '../core/text.ts'
import type {
  CommitCall,
  CommitReply,
  CommitRequest,
  GroupCalls,
  GroupRpc,
} from '../group/contract.ts'
import type {
  AppendCall,
  AppendReply,
  AppendRequest,
  PartitionCalls,
  PartitionRpc,
  ReadReply,
} from '../partition/contract.ts'
import type { StatisticsRpc } from '../statistics/contract.ts'
import type { TransactionRpc } from '../transaction/contract.ts'
import type { WatchRpc } from '../watch/contract.ts'
import { lendingAppends, type Nearness } from './appends.ts'
import { isolateAwake } from './awake.ts'
import { JoinedCalls, type Use } from './joined.ts'
import { Lane } from './lanes.ts'
import { isolateId, lentPieces } from './lending.ts'

/** What is needed of a Durable Object namespace; tests give a map. */
export interface ObjectNamespace {
  getByName(name: string): unknown
}

/** The bindings of wrangler.toml that lead to objects. */
export interface ObjectBindings {
  readonly PARTITION: ObjectNamespace
  readonly CLUSTER: ObjectNamespace
  readonly GROUP: ObjectNamespace
  readonly TRANSACTION: ObjectNamespace
  readonly WATCH: ObjectNamespace
  readonly STATISTICS: ObjectNamespace
}

/** The objects as one context reaches them. */
export interface Objects {
  readonly cluster: ClusterRpc
  /** The same object for the same partition while calls to it are under way, so they stay in order. */
  partition(topicId: TopicId, partition: number): PartitionRpc
  /** As partition: the same object for the same group. */
  group(groupId: string): GroupRpc
  transaction(transactionalId: string): TransactionRpc
  /** The Watch object of a shard (core/ids.ts). */
  watch(shard: number): WatchRpc
  readonly statistics: StatisticsRpc
}

/**
 * A call was rejected: the object restarted, moved, was overloaded, or has a bug. What a client can
 * cause is a value in the answer and never this. Whether the call took effect is unknown.
 */
export class ObjectCallError extends Error {
  override readonly name = 'ObjectCallError'
  /** The platform says that the same call may succeed on a new stub. */
  readonly retryable: boolean
  /** The object has too many calls waiting: do not call again at once. */
  readonly overloaded: boolean
  /** Thrown by the object's own code, not by the platform. */
  readonly remote: boolean
  /** The disk is full or broken: the platform ends an object whose commit failed for that. */
  readonly storageFailed: boolean

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.retryable = flag(cause, 'retryable')
    this.overloaded = flag(cause, 'overloaded')
    this.remote = flag(cause, 'remote')
    this.storageFailed = /SQLITE_(FULL|IOERR)/.test(this.message)
  }
}

/**
 * The objects of one context. Each is asked through one stub, so that calls arrive in the order they
 * were made; after a rejection the next call takes a new stub, because the old one may be broken.
 */
export function objects(
  env: ObjectBindings,
  tenant: string = DEFAULT_TENANT,
  keepAlive: KeepAlive | null = null,
): Objects {
  const reached = new Map<string, Reached>()
  const awake = isolateAwake(env)
  const once = <Rpc, Stub>(
    namespace: ObjectNamespace,
    name: string,
    over: (call: Call<Stub>, use: Use) => Rpc,
    waking: Waking = { begin: () => awake.begin(name), end: () => awake.end(name) },
  ): Rpc => {
    const known = reached.get(name)
    if (known !== undefined) return known.rpc as Rpc
    const use = { calls: 0 }
    const rpc = over(
      caller(() => namespace.getByName(told(name, tenant)) as Stub, use, waking),
      use,
    )
    if (reached.size >= OBJECTS_REACHED) forgetIdle(reached)
    reached.set(name, { rpc, use })
    return rpc
  }
  return {
    cluster: clusterOver(caller(() => env.CLUSTER.getByName(clusterName(tenant)) as ClusterRpc)),
    partition(topicId, partition) {
      const name = partitionName(topicId, partition, tenant)
      return once(env.PARTITION, name, (call: Call<PartitionCalls>, use) =>
        partitionOver(call, use, keepAlive === null ? null : { name, keepAlive }),
      )
    },
    group: (groupId) => once(env.GROUP, groupName(groupId, tenant), groupOver),
    transaction: (transactionalId) =>
      once(env.TRANSACTION, transactionName(transactionalId, tenant), transactionOver),
    watch: (shard) => once(env.WATCH, watchName(shard, tenant), watchOver, ALWAYS),
    statistics: statisticsOver(
      caller(() => env.STATISTICS.getByName(statisticsName(tenant)) as StatisticsRpc),
    ),
  }
}

/**
 * Whether a group or transactional id of this name may have an object in a tenant: it is told its name, and by that
 * knows its tenant. In main it may be longer: an object that is told nothing is main's.
 */
export function isNamedInTenant(id: string, tenant: string): boolean {
  return tenant === DEFAULT_TENANT || isTold(AROUND + id)
}

/** As long as the longest tenant's name, the kind of object, and the slashes. */
const AROUND = '-'.repeat(48)

function isTold(name: string): boolean {
  return 3 * name.length <= OBJECT_NAME_BYTES || utf8Length(name) <= OBJECT_NAME_BYTES
}

/** Clients are refused such names before (FindCoordinator): none may reach an object that takes itself for main's. */
function told(name: string, tenant: string): string {
  if (tenant === DEFAULT_TENANT || isTold(name)) return name
  throw new RangeError('the name is too long for an object of a tenant')
}

type Call<Rpc> = <T>(method: (stub: Rpc) => Promise<T>) => Promise<T>

interface Reached {
  readonly rpc: unknown
  readonly use: Use
}

/** How many are looked at when one more is reached: more than one, so that the number falls again. */
const LOOKED_AT = 4

/**
 * A context may live for days and meet new transactional ids all the time. An object that is asked
 * nothing now may be asked through another stub later: there is no call whose place could be taken.
 */
function forgetIdle(reached: Map<string, Reached>): void {
  let looks = LOOKED_AT
  for (const [name, one] of reached) {
    reached.delete(name)
    if (one.use.calls > 0) reached.set(name, one)
    looks -= 1
    if (looks === 0) return
  }
}

/** Whether a call may wake its object, and when it has ended. */
interface Waking {
  begin(): boolean
  end(): void
}

/** The few objects that are awake anyway. */
const ALWAYS: Waking = { begin: () => true, end: () => {} }

/** Calls through one stub at a time; the call leaves in the caller's own turn. */
function caller<Rpc>(
  connect: () => Rpc,
  use: Use = { calls: 0 },
  waking: Waking = ALWAYS,
): Call<Rpc> {
  let stub: Rpc | null = null
  return async (method) => {
    if (!waking.begin()) throw new ObjectCallError(new CrowdedError('too many objects are awake'))
    use.calls += 1
    let current: Rpc | null = null
    try {
      current = stub ?? connect()
      stub = current
      const result = await method(current)
      release(result)
      return result
    } catch (cause) {
      if (stub === current) stub = null
      throw new ObjectCallError(cause)
    } finally {
      use.calls -= 1
      waking.end()
    }
  }
}

/** The call was not made. */
class CrowdedError extends Error {
  override readonly name = 'CrowdedError'
  readonly overloaded = true
}

/**
 * Every object an RPC returns holds on to its session until disposed, and the session of a connection
 * ends hours later. The data stays usable.
 */
function release(result: unknown): void {
  if (typeof result !== 'object' || result === null) return
  const dispose: unknown = Reflect.get(result, Symbol.dispose)
  if (typeof dispose === 'function') dispose.call(result)
}

function flag(cause: unknown, name: string): boolean {
  return typeof cause === 'object' && cause !== null && Reflect.get(cause, name) === true
}

/** Keeps a context until something has ended. */
export type KeepAlive = (work: Promise<unknown>) => void

/** The appends that requests over HTTP have under way, by object. */
const lanes = new Map<string, Lane<AppendRequest, AppendReply>>()

/** Of all objects that are asked over lanes: one isolate has them all. */
const nearness: Nearness = { isNear: false }

function laneOf(name: string): Lane<AppendRequest, AppendReply> {
  let lane = lanes.get(name)
  if (lane === undefined) {
    lane = new Lane()
    lanes.set(name, lane)
  }
  return lane
}

function partitionOver(
  plainCall: Call<PartitionCalls>,
  use: Use,
  shared: { readonly name: string; readonly keepAlive: KeepAlive } | null,
): PartitionRpc {
  const appendAll = (joined: AppendCall) => plainCall((stub) => stub.appendAll(joined))
  if (shared !== null) {
    const { name, keepAlive } = shared
    const call = lendingAppends(appendAll, nearness)
    const now = () => Date.now()
    return {
      ...partitionCalls(plainCall),
      async append(request) {
        const lane = laneOf(name)
        use.calls += 1
        try {
          return await lane.add(request, request.batch.length, { call, keepAlive, now })
        } finally {
          use.calls -= 1
          if (lane.isIdle && lanes.get(name) === lane) lanes.delete(name)
        }
      },
    }
  }
  const send = lendingAppends(appendAll)
  const appends = new JoinedCalls(send, use)
  const call: Call<PartitionCalls> = (method) => {
    appends.send()
    return plainCall(method)
  }
  return {
    ...partitionCalls(call),
    append: (request) => appends.add(request, request.batch.length),
  }
}

function partitionCalls(call: Call<PartitionCalls>): Omit<PartitionRpc, 'append'> {
  return {
    appendPart: (part) => call((stub) => stub.appendPart(part)),
    read: async (request) =>
      returned(await call((stub) => stub.read({ ...request, isolate: isolateId() }))),
    readPiece: (request) => call((stub) => stub.readPiece(request)),
    watch: (target, after, timeoutMs) => call((stub) => stub.watch(target, after, timeoutMs)),
    subscribed: (target) => call((stub) => stub.subscribed(target)),
    follow: (request) => call((stub) => stub.follow({ ...request, isolate: isolateId() })),
    claim: (claim) => call((stub) => stub.claim(claim)),
    listOffset: (query) => call((stub) => stub.listOffset(query)),
    deleteRecords: (request) => call((stub) => stub.deleteRecords(request)),
    size: (target) => call((stub) => stub.size(target)),
    endTransaction: (marker) => call((stub) => stub.endTransaction(marker)),
    producers: (target) => call((stub) => stub.producers(target)),
    configure: (target, version, settings) =>
      call((stub) => stub.configure(target, version, settings)),
    fence: (target) => call((stub) => stub.fence(target)),
    free: (target) => call((stub) => stub.free(target)),
  }
}

/** The reply with the pieces that were lent to it. */
function returned({ loan, ...reply }: ReadReply): ReadReply {
  if (loan === undefined) return reply
  const pieces = lentPieces.take(loan)
  if (pieces === null) throw new ObjectCallError(new Error('what was read waited too long'))
  return { ...reply, pieces }
}

function clusterOver(call: Call<ClusterRpc>): ClusterRpc {
  return {
    clusterId: () => call((stub) => stub.clusterId()),
    lookup: (request) => call((stub) => stub.lookup(request)),
    createTopics: (request, version) => call((stub) => stub.createTopics(request, version)),
    createPartitions: (request, version) => call((stub) => stub.createPartitions(request, version)),
    deleteTopics: (request, version) => call((stub) => stub.deleteTopics(request, version)),
    describeConfigs: (request, version) => call((stub) => stub.describeConfigs(request, version)),
    alterConfigs: (request, version) => call((stub) => stub.alterConfigs(request, version)),
    incrementalAlterConfigs: (request, version) =>
      call((stub) => stub.incrementalAlterConfigs(request, version)),
    allocateProducerIds: (count) => call((stub) => stub.allocateProducerIds(count)),
    admit: (topicId, partition, writing) => call((stub) => stub.admit(topicId, partition, writing)),
    brokerConfigs: () => call((stub) => stub.brokerConfigs()),
    registerGroup: (entry) => call((stub) => stub.registerGroup(entry)),
    removeGroup: (groupId) => call((stub) => stub.removeGroup(groupId)),
    listGroups: () => call((stub) => stub.listGroups()),
    catalogue: () => call((stub) => stub.catalogue()),
    groupMetadata: (lookup) => call((stub) => stub.groupMetadata(lookup)),
    registerTransaction: (entry) => call((stub) => stub.registerTransaction(entry)),
    removeTransaction: (id) => call((stub) => stub.removeTransaction(id)),
    listTransactions: () => call((stub) => stub.listTransactions()),
    proveWritable: () => call((stub) => stub.proveWritable()),
    features: () => call((stub) => stub.features()),
    updateFeatures: (request, version) => call((stub) => stub.updateFeatures(request, version)),
    listConfigResources: (request, version) =>
      call((stub) => stub.listConfigResources(request, version)),
    security: (sinceVersion) => call((stub) => stub.security(sinceVersion)),
    scramLikeness: () => call((stub) => stub.scramLikeness()),
    scramCredential: (user, mechanism) => call((stub) => stub.scramCredential(user, mechanism)),
    describeScramCredentials: (request) => call((stub) => stub.describeScramCredentials(request)),
    alterScramCredentials: (changes) => call((stub) => stub.alterScramCredentials(changes)),
    describeAcls: (request) => call((stub) => stub.describeAcls(request)),
    createAcls: (request) => call((stub) => stub.createAcls(request)),
    deleteAcls: (request) => call((stub) => stub.deleteAcls(request)),
    describeClientQuotas: (request) => call((stub) => stub.describeClientQuotas(request)),
    alterClientQuotas: (request) => call((stub) => stub.alterClientQuotas(request)),
  }
}

function groupOver(plainCall: Call<GroupCalls>, use: Use): GroupRpc {
  const commits = new JoinedCalls<CommitCall, CommitReply>(
    async (joined) => (await plainCall((stub) => stub.commitAll(joined))).replies,
    use,
  )
  const call: Call<GroupCalls> = (method) => {
    commits.send()
    return plainCall(method)
  }
  return {
    joinGroup: (request, caller) => call((stub) => stub.joinGroup(request, caller)),
    syncGroup: (request, caller) => call((stub) => stub.syncGroup(request, caller)),
    heartbeat: (request, caller) => call((stub) => stub.heartbeat(request, caller)),
    leaveGroup: (request, caller) => call((stub) => stub.leaveGroup(request, caller)),
    consumerHeartbeat: (request, caller) => call((stub) => stub.consumerHeartbeat(request, caller)),
    commitOffsets: (request, caller) => commits.add({ request, caller }, commitBytes(request)),
    commitInTransaction: (request, caller) =>
      call((stub) => stub.commitInTransaction(request, caller)),
    fetchOffsets: (request, caller) => call((stub) => stub.fetchOffsets(request, caller)),
    offsetHistory: (request) => call((stub) => stub.offsetHistory(request)),
    deleteOffsets: (request) => call((stub) => stub.deleteOffsets(request)),
    endTransaction: (marker) => call((stub) => stub.endTransaction(marker)),
    describe: (groupId, version) => call((stub) => stub.describe(groupId, version)),
    describeConsumer: (groupId) => call((stub) => stub.describeConsumer(groupId)),
    deleteGroup: (groupId) => call((stub) => stub.deleteGroup(groupId)),
    metadataChanged: (groupId, version) => call((stub) => stub.metadataChanged(groupId, version)),
    exists: (groupId) => call((stub) => stub.exists(groupId)),
  }
}

/** About what it takes on its way; metadata is the only part without a bound of its own. */
function commitBytes({ topics }: CommitRequest): number {
  let bytes = 0
  for (const { partitions } of topics) {
    for (const { metadata } of partitions) bytes += 64 + 2 * (metadata?.length ?? 0)
  }
  return bytes
}

function transactionOver(call: Call<TransactionRpc>): TransactionRpc {
  return {
    initProducerId: (request) => call((stub) => stub.initProducerId(request)),
    add: (request) => call((stub) => stub.add(request)),
    enlist: (request) => call((stub) => stub.enlist(request)),
    endTransaction: (request) => call((stub) => stub.endTransaction(request)),
    describe: (id) => call((stub) => stub.describe(id)),
    exists: (id) => call((stub) => stub.exists(id)),
  }
}

function statisticsOver(call: Call<StatisticsRpc>): StatisticsRpc {
  return {
    report: (report) => call((stub) => stub.report(report)),
    overview: () => call((stub) => stub.overview()),
    topics: (ids) => call((stub) => stub.topics(ids)),
    topicGroups: (topicId) => call((stub) => stub.topicGroups(topicId)),
    groups: (ids) => call((stub) => stub.groups(ids)),
    metrics: () => call((stub) => stub.metrics()),
  }
}

function watchOver(call: Call<WatchRpc>): WatchRpc {
  return {
    subscribe: (request) => call((stub) => stub.subscribe(request)),
    news: (session, waitMs) => call((stub) => stub.news(session, waitMs)),
    tell: (told) => call((stub) => stub.tell(told)),
    gone: (topicIds) => call((stub) => stub.gone(topicIds)),
  }
}
