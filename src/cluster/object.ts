// The Durable Object of the cluster controller: loads the state, runs commands, writes their changes
// in one transaction before anything is answered, and pays what is owed to partitions and groups. Not
// the rules of topics, configurations and the directory: the pure files beside it decide.

import { DurableObject } from 'cloudflare:workers'
import { checkStaticConfigs } from '../core/configs.ts'
import { readEnvironment } from '../core/env.ts'
import { KafkaError } from '../core/errors.ts'
import { clusterName, DEFAULT_TENANT, type TopicId } from '../core/ids.ts'
import {
  PRODUCER_IDS_PER_CALL,
  SWEEP_INTERVAL_MS,
  SWEEP_STEP_PAUSE_MS,
} from '../core/limits/coordinators.ts'
import { WATCH_SHARDS } from '../core/limits/watch.ts'
import { READY_WRITE_INTERVAL_MS } from '../core/limits.ts'
import { configOfTenant, NO_TENANTS, type Tenants } from '../core/tenants.ts'
import type {
  AlterClientQuotasRequest,
  AlterClientQuotasResponse,
} from '../protocol/messages/alter-client-quotas.ts'
import type {
  AlterConfigsRequest,
  AlterConfigsResponse,
} from '../protocol/messages/alter-configs.ts'
import type { AlterUserScramCredentialsResponse } from '../protocol/messages/alter-user-scram-credentials.ts'
import type { CreateAclsRequest, CreateAclsResponse } from '../protocol/messages/create-acls.ts'
import type {
  CreatePartitionsRequest,
  CreatePartitionsResponse,
} from '../protocol/messages/create-partitions.ts'
import type {
  CreateTopicsRequest,
  CreateTopicsResponse,
} from '../protocol/messages/create-topics.ts'
import type { DeleteAclsRequest, DeleteAclsResponse } from '../protocol/messages/delete-acls.ts'
import type {
  DeleteTopicsRequest,
  DeleteTopicsResponse,
} from '../protocol/messages/delete-topics.ts'
import type {
  DescribeAclsRequest,
  DescribeAclsResponse,
} from '../protocol/messages/describe-acls.ts'
import type {
  DescribeClientQuotasRequest,
  DescribeClientQuotasResponse,
} from '../protocol/messages/describe-client-quotas.ts'
import type {
  DescribeConfigsRequest,
  DescribeConfigsResponse,
} from '../protocol/messages/describe-configs.ts'
import type {
  DescribeUserScramCredentialsRequest,
  DescribeUserScramCredentialsResponse,
} from '../protocol/messages/describe-user-scram-credentials.ts'
import type {
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponse,
} from '../protocol/messages/incremental-alter-configs.ts'
import type {
  ListConfigResourcesRequest,
  ListConfigResourcesResponse,
} from '../protocol/messages/list-config-resources.ts'
import type {
  UpdateFeaturesRequest,
  UpdateFeaturesResponse,
} from '../protocol/messages/update-features.ts'
import { OneAlarm } from '../runtime/alarm.ts'
import { loading } from '../runtime/loading.ts'
import { workerLog } from '../runtime/log.ts'
import { type ObjectBindings, type Objects, objects } from '../runtime/objects.ts'
import { Reports } from '../runtime/reports.ts'
import { StorageTouch } from '../runtime/touch.ts'
import type {
  ScramCredential,
  ScramLikeness,
  ScramMechanism,
  SecuritySnapshot,
} from '../security/kept.ts'
import type { CatalogueReport } from '../statistics/contract.ts'
import { createAcls, deleteAcls, describeAcls } from './acls.ts'
import { alterConfigs, incrementalAlterConfigs } from './alter-configs.ts'
import { alterClientQuotas, describeClientQuotas } from './client-quotas.ts'
import type { Change, ClusterState, Decision } from './cluster.ts'
import { listConfigResources } from './config-resources.ts'
import type {
  ClusterRpc,
  FinalizedFeatures,
  GroupEntry,
  GroupListing,
  GroupMetadata,
  GroupRegistration,
  PartitionAdmission,
  ScramChanges,
  TopicLookup,
  TopicLookupReply,
  TransactionEntry,
} from './contract.ts'
import { deleteTopics } from './deletion.ts'
import { describeConfigs } from './describe-configs.ts'
import {
  catalogueOf,
  groupMetadata,
  listGroups,
  listTransactions,
  registerGroup,
  registerTransaction,
  removeGroup,
  removeTransaction,
} from './directory.ts'
import {
  deliverNotices,
  type ErrandDeps,
  fenceTopics,
  hasErrands,
  runErrands,
  tellGroups,
} from './errands.ts'
import { finalizedFeatures, updateFeatures } from './features.ts'
import { lookup } from './lookup.ts'
import { admit, createPartitions } from './partitions.ts'
import { giveProducerIds, NO_BLOCK, type ProducerIdBlock } from './producer-ids.ts'
import { startChanges, withGroupNotices } from './propagation.ts'
import {
  alterScramCredentials,
  describeScramCredentials,
  scramCredential,
  scramIterations,
} from './scram-credentials.ts'
import { snapshotSince } from './security.ts'
import { commit, load } from './store.ts'
import { type Sweep, type SweepDeps, startSweep, sweepDueMs, sweepStep } from './sweep.ts'
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

/** What is set on a developer's machine unless it is given: a first consumer need not wait for others. */
const LOCAL_CONFIGS = { 'group.initial.rebalance.delay.ms': '0' }

/** The controller of a cluster. */
export class Cluster extends DurableObject<ObjectBindings> implements ClusterRpc {
  readonly #state: ClusterState
  readonly #touch: StorageTouch
  readonly #errands: ErrandDeps & SweepDeps
  readonly #alarm: OneAlarm
  /** Those that main has to know of; none in another's. */
  readonly #tenants: Tenants
  readonly #watch: Objects['watch']
  readonly #catalogue: Reports
  #sweep: Sweep | null = null
  #producerIds: ProducerIdBlock = NO_BLOCK
  #failures = 0
  #wroteMs = 0

  constructor(ctx: DurableObjectState, env: ObjectBindings) {
    super(ctx, env)
    const { storage } = ctx
    const environment = readEnvironment(env)
    const tenant = tenantOf(ctx)
    this.#tenants = tenant === DEFAULT_TENANT ? environment.tenants : NO_TENANTS
    const configs = checkStaticConfigs(configOfTenant(environment.config, tenant))
    if ('error' in configs) throw new TypeError(`broker configuration: ${configs.error}`)
    const given = environment.local ? { ...LOCAL_CONFIGS, ...configs.configs } : configs.configs
    const log = workerLog(environment.logLevel)
    const named = { log, name: ctx.id.name ?? 'the cluster', now: () => Date.now() }
    const { state, toldSettings } = loading(named, () => load(storage, newId, given))
    const report = (event: string, error: unknown) => log('error', event, { reason: String(error) })
    this.#state = state
    this.#touch = new StorageTouch(storage, () => Date.now())
    this.#alarm = new OneAlarm(storage, (error) => report('alarm was not set', error))
    const { partition, group, transaction, watch, statistics } = objects(env, tenant)
    this.#watch = watch
    this.#catalogue = new Reports({
      now: () => Date.now(),
      startTimer: (fire, ms) => {
        const timer = setTimeout(fire, ms)
        return () => clearTimeout(timer)
      },
      send: () => statistics.report(catalogueOf(this.#state)),
      report: (event, error) => log('debug', event, { reason: String(error) }),
    })
    const keep = (changes: readonly Change[]) => this.#commit(changes)
    const waiting = new Set<string>()
    this.#errands = { state, partition, group, transaction, report, waiting, commit: keep }
    this.#commit(startChanges(state, toldSettings))
    this.#wakeAfter(0)
  }

  async clusterId(): Promise<string> {
    return this.#current.clusterId
  }

  async lookup(request: TopicLookup): Promise<TopicLookupReply> {
    return this.#decide(lookup(this.#current, request, newId))
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
    this.#tellWatchers(doomed)
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
    return describeConfigs(this.#current, request)
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
    return this.#decide(admit(this.#current, topicId, partition, writing))
  }

  async brokerConfigs(): Promise<Readonly<Record<string, string>>> {
    return this.#current.brokerConfigs
  }

  async registerGroup(entry: GroupEntry): Promise<GroupRegistration> {
    return this.#enter(registerGroup(this.#state, entry, Date.now()))
  }

  async removeGroup(groupId: string): Promise<void> {
    this.#decide(removeGroup(this.#state, groupId))
  }

  async listGroups(): Promise<readonly GroupListing[]> {
    return listGroups(this.#current)
  }

  async catalogue(): Promise<CatalogueReport> {
    return catalogueOf(this.#current)
  }

  async groupMetadata(lookup: Parameters<ClusterRpc['groupMetadata']>[0]): Promise<GroupMetadata> {
    return groupMetadata(this.#current, lookup)
  }

  async registerTransaction(entry: TransactionEntry): Promise<Readonly<Record<string, string>>> {
    return this.#enter(registerTransaction(this.#state, entry, Date.now()))
  }

  async removeTransaction(transactionalId: string): Promise<void> {
    this.#decide(removeTransaction(this.#state, transactionalId))
  }

  async listTransactions(): Promise<readonly TransactionEntry[]> {
    return listTransactions(this.#current)
  }

  /** A value of its own, beside the tables: nothing of the cluster changes. */
  async proveWritable(): Promise<void> {
    const now = Date.now()
    if (now - this.#wroteMs < READY_WRITE_INTERVAL_MS) return
    await this.ctx.storage.put('ready', now)
    await this.ctx.storage.sync()
    this.#wroteMs = now
  }

  async features(): Promise<FinalizedFeatures> {
    return finalizedFeatures(this.#current)
  }

  async updateFeatures(
    request: UpdateFeaturesRequest,
    version: number,
  ): Promise<UpdateFeaturesResponse> {
    return this.#decide(updateFeatures(this.#state, request, version))
  }

  async listConfigResources(
    request: ListConfigResourcesRequest,
    version: number,
  ): Promise<ListConfigResourcesResponse> {
    return listConfigResources(this.#current, request, version)
  }

  async security(sinceVersion: number): Promise<SecuritySnapshot | null> {
    return snapshotSince(this.#current.security, sinceVersion)
  }

  async scramCredential(user: string, mechanism: ScramMechanism): Promise<ScramCredential | null> {
    return scramCredential(this.#current.security, user, mechanism)
  }

  async scramLikeness(): Promise<ScramLikeness> {
    const { clusterId, security } = this.#current
    return { clusterId, iterations: scramIterations(security) }
  }

  async describeScramCredentials(
    request: DescribeUserScramCredentialsRequest,
  ): Promise<DescribeUserScramCredentialsResponse> {
    return describeScramCredentials(this.#current.security, request)
  }

  async alterScramCredentials(changes: ScramChanges): Promise<AlterUserScramCredentialsResponse> {
    return this.#decide(alterScramCredentials(this.#state.security, changes, this.#tenants))
  }

  async describeAcls(request: DescribeAclsRequest): Promise<DescribeAclsResponse> {
    return describeAcls(this.#current.security, request)
  }

  async createAcls(request: CreateAclsRequest): Promise<CreateAclsResponse> {
    return this.#decide(createAcls(this.#state.security, request))
  }

  async deleteAcls(request: DeleteAclsRequest): Promise<DeleteAclsResponse> {
    return this.#decide(deleteAcls(this.#state.security, request))
  }

  async describeClientQuotas(
    request: DescribeClientQuotasRequest,
  ): Promise<DescribeClientQuotasResponse> {
    return describeClientQuotas(this.#current.security, request)
  }

  async alterClientQuotas(request: AlterClientQuotasRequest): Promise<AlterClientQuotasResponse> {
    return this.#decide(alterClientQuotas(this.#state.security, request))
  }

  /**
   * Pays what is owed; comes back at once while it gets on, ever later while it does not. Every few
   * hours it sweeps the directory.
   */
  override async alarm(): Promise<void> {
    this.#alarm.fired()
    const ok = await runErrands(this.#errands)
    this.#failures = ok ? 0 : this.#failures + 1
    this.#wakeAfter(ok ? 0 : Math.min(RETRY_MIN_MS * 2 ** this.#failures, RETRY_MAX_MS))
    await this.#sweepSome()
    await this.#alarm.settled()
  }

  /** A step of the sweep, if one is due. */
  async #sweepSome(): Promise<void> {
    const now = Date.now()
    const dueMs = sweepDueMs(this.#state)
    if (dueMs === Number.POSITIVE_INFINITY) return
    if (dueMs > now) return this.#alarm.wakeAt(dueMs)
    this.#sweep ??= startSweep(this.#state, now)
    const done = await sweepStep(this.#errands, this.#sweep, now)
    if (done) this.#sweep = null
    this.#alarm.wakeAt(now + (done ? SWEEP_INTERVAL_MS : SWEEP_STEP_PAUSE_MS))
  }

  #commit(changes: readonly Change[]): void {
    commit(this.ctx.storage, this.#state, changes)
  }

  /** The state, to answer from without a write. */
  get #current(): ClusterState {
    this.#touch.now()
    return this.#state
  }

  /** Groups concerned are told in the background; the alarm tells those that could not be reached. */
  #decide<Reply>(decision: Decision<Reply>): Reply {
    const changes = withGroupNotices(this.#state, decision.changes)
    this.#commit(changes)
    if (changes.some(({ kind }) => kind === 'metadataVersion')) this.#catalogue.changed()
    const groups = changes.flatMap((one) => (one.kind === 'groupNotice' ? [one.groupId] : []))
    if (groups.length > 0) {
      this.#wakeAfter(NOTICE_WAIT_MS)
      this.ctx.waitUntil(tellGroups(this.#errands, groups))
    }
    return decision.reply
  }

  /** An entry of the directory: a sweep will look after it. */
  #enter<Reply>(decision: Decision<Reply>): Reply {
    const reply = this.#decide(decision)
    if (decision.changes.length > 0) this.#alarm.wakeAt(Date.now() + SWEEP_INTERVAL_MS)
    return reply
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

  /**
   * Who waits at a partition that was never written has nobody else to tell; of the others the leaders
   * do. A hint, so nothing is owed.
   */
  #tellWatchers(ids: readonly TopicId[]): void {
    const shards = Array.from({ length: WATCH_SHARDS }, (_, shard) => this.#watch(shard))
    this.ctx.waitUntil(Promise.allSettled(shards.map((shard) => shard.gone(ids))))
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
