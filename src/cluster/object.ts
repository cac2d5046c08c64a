// The Durable Object of the cluster controller: loads the state, runs commands, writes their changes
// in one transaction before anything is answered, and pays what is owed to partitions. Not the rules
// of topics and configurations: the pure files beside it decide.

import { DurableObject } from 'cloudflare:workers'
import { brokerValues, checkStaticConfigs } from '../core/configs.ts'
import { readEnvironment } from '../core/env.ts'
import { KafkaError } from '../core/errors.ts'
import { clusterName, type TopicId } from '../core/ids.ts'
import { PRODUCER_IDS_PER_CALL } from '../core/limits.ts'
import type {
  AlterConfigsRequest,
  AlterConfigsResponse,
} from '../protocol/messages/alter-configs.ts'
import type {
  CreatePartitionsRequest,
  CreatePartitionsResponse,
} from '../protocol/messages/create-partitions.ts'
import type {
  CreateTopicsRequest,
  CreateTopicsResponse,
} from '../protocol/messages/create-topics.ts'
import type {
  DeleteTopicsRequest,
  DeleteTopicsResponse,
} from '../protocol/messages/delete-topics.ts'
import type {
  DescribeConfigsRequest,
  DescribeConfigsResponse,
} from '../protocol/messages/describe-configs.ts'
import type {
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponse,
} from '../protocol/messages/incremental-alter-configs.ts'
import { OneAlarm } from '../runtime/alarm.ts'
import { workerLog } from '../runtime/log.ts'
import { type ObjectBindings, objects } from '../runtime/objects.ts'
import { alterConfigs, incrementalAlterConfigs } from './alter-configs.ts'
import type { Change, ClusterState, Decision } from './cluster.ts'
import type { ClusterRpc, PartitionAdmission, TopicLookup, TopicLookupReply } from './contract.ts'
import { deleteTopics } from './deletion.ts'
import { describeConfigs } from './describe-configs.ts'
import { deliverNotices, type ErrandDeps, fenceTopics, hasErrands, runErrands } from './errands.ts'
import { lookup } from './lookup.ts'
import { admit, createPartitions } from './partitions.ts'
import { giveProducerIds, NO_BLOCK, type ProducerIdBlock } from './producer-ids.ts'
import { startChanges } from './propagation.ts'
import { commit, load } from './store.ts'
import { randomId } from './topic-ids.ts'
import { createTopics } from './topics.ts'

/** How long a change of configuration waits for partitions to hear of it before it answers. */
const NOTICE_WAIT_MS = 2_000

/** Bounds of how long DeleteTopics waits for fences, whatever the client's timeout. */
const FENCE_WAIT_MIN_MS = 1_000
const FENCE_WAIT_MAX_MS = 60_000

/** Pauses between attempts at errands that fail. */
const RETRY_MIN_MS = 100
const RETRY_MAX_MS = 60_000

/** The controller of a cluster. */
export class Cluster extends DurableObject<ObjectBindings> implements ClusterRpc {
  readonly #state: ClusterState
  readonly #errands: ErrandDeps
  readonly #alarm: OneAlarm
  #producerIds: ProducerIdBlock = NO_BLOCK
  #failures = 0

  constructor(ctx: DurableObjectState, env: ObjectBindings) {
    super(ctx, env)
    const { storage } = ctx
    const environment = readEnvironment(env)
    const configs = checkStaticConfigs(environment.config)
    if ('error' in configs) throw new TypeError(`broker configuration: ${configs.error}`)
    const { state, toldSettings } = load(storage, newId, configs.configs)
    const log = workerLog(environment.logLevel)
    const report = (event: string, error: unknown) => log('error', event, { reason: String(error) })
    this.#state = state
    this.#alarm = new OneAlarm(storage, (error) => report('alarm was not set', error))
    const { partition } = objects(env, tenantOf(ctx))
    this.#errands = { state, partition, report, commit: (changes) => this.#commit(changes) }
    this.#commit(startChanges(state, toldSettings))
    this.#wakeAfter(0)
  }

  async clusterId(): Promise<string> {
    return this.#state.clusterId
  }

  async lookup(request: TopicLookup): Promise<TopicLookupReply> {
    return this.#decide(lookup(this.#state, request, newId))
  }

  async createTopics(request: CreateTopicsRequest): Promise<CreateTopicsResponse> {
    return this.#decide(createTopics(this.#state, request, newId))
  }

  async createPartitions(request: CreatePartitionsRequest): Promise<CreatePartitionsResponse> {
    return this.#decide(createPartitions(this.#state, request))
  }

  async deleteTopics(request: DeleteTopicsRequest, version: number): Promise<DeleteTopicsResponse> {
    const decision = deleteTopics(this.#state, request, version)
    const reply = this.#decide(decision)
    const doomed = decision.changes.flatMap((change) =>
      change.kind === 'doomed' ? [change.id] : [],
    )
    if (doomed.length === 0) return reply
    const wait = Math.min(Math.max(request.timeoutMs, FENCE_WAIT_MIN_MS), FENCE_WAIT_MAX_MS)
    // Should this object end before the fences stand, the alarm takes them up.
    if (doomed.some((id) => this.#state.written.has(id))) this.#wakeAfter(wait)
    const late = await this.#fence(doomed, Date.now() + wait)
    this.#wakeAfter(0)
    const responses = reply.responses.map((one) =>
      one.topicId !== undefined && late.has(one.topicId) && one.errorCode === KafkaError.NONE
        ? { ...one, errorCode: KafkaError.REQUEST_TIMED_OUT, errorMessage: LATE_FENCE }
        : one,
    )
    return { ...reply, responses }
  }

  async describeConfigs(request: DescribeConfigsRequest): Promise<DescribeConfigsResponse> {
    return describeConfigs(this.#state, request)
  }

  async alterConfigs(request: AlterConfigsRequest): Promise<AlterConfigsResponse> {
    return this.#decideAndTell(alterConfigs(this.#state, request))
  }

  async incrementalAlterConfigs(
    request: IncrementalAlterConfigsRequest,
  ): Promise<IncrementalAlterConfigsResponse> {
    return this.#decideAndTell(incrementalAlterConfigs(this.#state, request))
  }

  async allocateProducerIds(count: number): Promise<{ readonly first: number }> {
    if (!Number.isInteger(count) || count < 1 || count > PRODUCER_IDS_PER_CALL) {
      throw new RangeError(`between 1 and ${PRODUCER_IDS_PER_CALL} producer ids, not ${count}`)
    }
    const given = this.#decide(
      giveProducerIds(this.#producerIds, this.#state.nextProducerId, count),
    )
    this.#producerIds = given.block
    return { first: given.first }
  }

  async admit(topicId: TopicId, partition: number, writing: boolean): Promise<PartitionAdmission> {
    return this.#decide(admit(this.#state, topicId, partition, writing))
  }

  async brokerConfigs(): Promise<Readonly<Record<string, string>>> {
    return brokerValues(this.#state.layers)
  }

  /** Pays what is owed; comes back at once while it gets on, ever later while it does not. */
  override async alarm(): Promise<void> {
    this.#alarm.fired()
    const ok = await runErrands(this.#errands)
    this.#failures = ok ? 0 : this.#failures + 1
    this.#wakeAfter(ok ? 0 : Math.min(RETRY_MIN_MS * 2 ** this.#failures, RETRY_MAX_MS))
  }

  #commit(changes: readonly Change[]): void {
    commit(this.ctx.storage, this.#state, changes)
  }

  #decide<Reply>(decision: Decision<Reply>): Reply {
    this.#commit(decision.changes)
    return decision.reply
  }

  /** Partitions hear of a change before its answer if they can; the alarm tells the rest. */
  async #decideAndTell<Reply>(decision: Decision<Reply>): Promise<Reply> {
    const reply = this.#decide(decision)
    const ids = decision.changes.flatMap((change) => (change.kind === 'notice' ? [change.id] : []))
    if (ids.length === 0) return reply
    this.#wakeAfter(NOTICE_WAIT_MS)
    await within(NOTICE_WAIT_MS, deliverNotices(this.#errands, ids))
    return reply
  }

  /** Fences topics, again and again until the deadline. Answers those whose fences do not stand yet. */
  async #fence(ids: readonly TopicId[], deadline: number): Promise<ReadonlySet<TopicId>> {
    const run = async () => {
      for (let pause = RETRY_MIN_MS; ; pause *= 2) {
        const late = await fenceTopics(this.#errands, ids)
        if (late.length === 0 || Date.now() + pause > deadline) return
        await scheduler.wait(pause)
      }
    }
    await within(deadline - Date.now(), run())
    return new Set(ids.filter((id) => this.#state.deleting.get(id) === 'fencing'))
  }

  #wakeAfter(ms: number): void {
    if (hasErrands(this.#state)) this.#alarm.wakeAt(Date.now() + ms)
  }
}

const LATE_FENCE = 'The topic is deleted; not every partition has confirmed it yet.'

/** Waits for a promise, but not longer; the timer does not outlive the wait. */
async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  const { promise: timeout, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, Math.max(0, ms))
  await Promise.race([promise, timeout]).finally(() => clearTimeout(timer))
}

/** Whose cluster this is, from `<tenant>/cluster` as core/ids.ts makes it. */
function tenantOf({ id }: DurableObjectState): string {
  const name = id.name ?? ''
  const tenant = name.slice(0, name.indexOf('/'))
  if (name !== clusterName(tenant)) throw new Error(`${name} names no cluster`)
  return tenant
}

function newId(): TopicId {
  return randomId((bytes) => crypto.getRandomValues(bytes))
}
