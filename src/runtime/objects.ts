// Reaches the Durable Objects: the one wrapper through which every call to an object goes. Not a
// cache of answers and not a retry: a call whose outcome is unknown is the caller's to judge.
// An Objects belongs to one connection, request or Durable Object: a stub of one request context
// fails or hangs in another. Calls only, never fetch() on these stubs: fetches overtake calls.

import type { ClusterRpc } from '../cluster/contract.ts'
import { clusterName, DEFAULT_TENANT, partitionName, type TopicId } from '../core/ids.ts'
import type { PartitionRpc } from '../partition/contract.ts'

/** What is needed of a Durable Object namespace; tests give a map. */
export interface ObjectNamespace {
  getByName(name: string): unknown
}

/** The bindings of wrangler.toml that lead to objects. */
export interface ObjectBindings {
  readonly PARTITION: ObjectNamespace
  readonly CLUSTER: ObjectNamespace
}

/** The objects as one context reaches them. */
export interface Objects {
  readonly cluster: ClusterRpc
  /** The same object for the same partition during the life of this context, so calls stay in order. */
  partition(topicId: TopicId, partition: number): PartitionRpc
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

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.retryable = flag(cause, 'retryable')
    this.overloaded = flag(cause, 'overloaded')
    this.remote = flag(cause, 'remote')
  }
}

/**
 * The objects of one context. Each is asked through one stub, so that calls arrive in the order they
 * were made; after a rejection the next call takes a new stub, because the old one may be broken.
 */
export function objects(env: ObjectBindings, tenant: string = DEFAULT_TENANT): Objects {
  const partitions = new Map<string, PartitionRpc>()
  return {
    cluster: clusterOver(caller(() => env.CLUSTER.getByName(clusterName(tenant)) as ClusterRpc)),
    partition(topicId, partition) {
      const name = partitionName(topicId, partition, tenant)
      const known = partitions.get(name)
      if (known !== undefined) return known
      const made = partitionOver(caller(() => env.PARTITION.getByName(name) as PartitionRpc))
      partitions.set(name, made)
      return made
    },
  }
}

type Call<Rpc> = <T>(method: (stub: Rpc) => Promise<T>) => Promise<T>

/** Calls through one stub at a time; the call leaves in the caller's own turn. */
function caller<Rpc>(connect: () => Rpc): Call<Rpc> {
  let stub: Rpc | null = null
  return async (method) => {
    const current = stub ?? connect()
    stub = current
    try {
      const result = await method(current)
      release(result)
      return result
    } catch (cause) {
      if (stub === current) stub = null
      throw new ObjectCallError(cause)
    }
  }
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

function partitionOver(call: Call<PartitionRpc>): PartitionRpc {
  return {
    append: (request) => call((stub) => stub.append(request)),
    appendPart: (part) => call((stub) => stub.appendPart(part)),
    read: (request) => call((stub) => stub.read(request)),
    readPiece: (target, baseOffset, piece) =>
      call((stub) => stub.readPiece(target, baseOffset, piece)),
    watch: (target, after, timeoutMs) => call((stub) => stub.watch(target, after, timeoutMs)),
    listOffset: (query) => call((stub) => stub.listOffset(query)),
    deleteRecords: (request) => call((stub) => stub.deleteRecords(request)),
    size: (target) => call((stub) => stub.size(target)),
    configure: (target, version, settings) =>
      call((stub) => stub.configure(target, version, settings)),
    fence: (target) => call((stub) => stub.fence(target)),
    free: (target) => call((stub) => stub.free(target)),
  }
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
  }
}
