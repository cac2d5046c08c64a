// The Durable Object of one group: loads what is kept, runs the machine, calls the directory and the
// coordinators of transactions. Not the rules (group.ts).

import { DurableObject } from 'cloudflare:workers'
import { readEnvironment } from '../core/env.ts'
import type { ErrorCode } from '../core/errors.ts'
import { type TopicId, tenantOfName } from '../core/ids.ts'
import { GROUP_REFRESH_MS } from '../core/limits/coordinators.ts'
import { loadPatterns } from '../core/patterns.ts'
import type { ConsumerGroupHeartbeatRequest } from '../protocol/messages/consumer-group-heartbeat.ts'
import type { HeartbeatRequest, HeartbeatResponse } from '../protocol/messages/heartbeat.ts'
import type { JoinGroupRequest, JoinGroupResponse } from '../protocol/messages/join-group.ts'
import type { LeaveGroupRequest, LeaveGroupResponse } from '../protocol/messages/leave-group.ts'
import type { SyncGroupRequest, SyncGroupResponse } from '../protocol/messages/sync-group.ts'
import { OneAlarm } from '../runtime/alarm.ts'
import { loading } from '../runtime/loading.ts'
import { workerLog } from '../runtime/log.ts'
import { MachineRunner } from '../runtime/machine.ts'
import { type ObjectBindings, type Objects, objects } from '../runtime/objects.ts'
import { StorageTouch } from '../runtime/touch.ts'
import type { EnlistReply } from '../transaction/contract.ts'
import { subscribedTopicsOf } from './classic/subscription.ts'
import type {
  GroupChange,
  GroupCommand,
  GroupEffect,
  GroupReplies,
  GroupReply,
  GroupRequest,
} from './commands.ts'
import type {
  CommitCall,
  CommitReply,
  DeleteOffsetsReply,
  DeleteOffsetsRequest,
  DescribedConsumerGroup,
  DescribedGroup,
  FetchOffsetsReply,
  FetchOffsetsRequest,
  GroupCaller,
  GroupCalls,
  GroupMarker,
  HeartbeatCaller,
  HeartbeatReply,
  HistoryReply,
  HistoryRequest,
  TransactionalCommitRequest,
} from './contract.ts'
import { Directory } from './directory.ts'
import { GroupMachine } from './group.ts'
import { GroupReporting } from './reporting.ts'
import { GroupStore } from './store.ts'

/** The coordinator of one group. */
export class Group extends DurableObject<ObjectBindings> implements GroupCalls {
  readonly #machine: GroupMachine
  readonly #runner: MachineRunner<GroupCommand, GroupReply, GroupChange, GroupEffect>
  readonly #store: GroupStore
  readonly #alarm: OneAlarm
  readonly #objects: Objects
  readonly #directory: Directory
  readonly #reporting: GroupReporting
  readonly #report: (event: string, error: unknown) => void
  /** Which group this is; known with the first request or from what is kept. */
  #groupId: string | null = null

  constructor(ctx: DurableObjectState, env: ObjectBindings) {
    super(ctx, env)
    const { storage } = ctx
    const log = workerLog(readEnvironment(env).logLevel)
    this.#report = (event, error) => log('warn', event, { reason: String(error) })
    this.#objects = objects(env, tenantOfName(ctx.id.name))
    this.#alarm = new OneAlarm(storage, (error) => this.#report('alarm was not set', error))
    const named = { log, name: ctx.id.name ?? 'a group of a long name', now: () => Date.now() }
    this.#store = loading(named, () => new GroupStore(storage))
    const kept = loading(named, () => this.#store.load())
    this.#machine = new GroupMachine(() => crypto.randomUUID(), kept, Date.now())
    this.#directory = new Directory({
      cluster: this.#objects.cluster,
      now: () => Date.now(),
      entry: () => this.#machine.entry,
      learn: (asked, told) => {
        if (this.#machine.learn(asked, told)) this.#feed({ kind: 'refreshed' })
      },
      removed: () => this.#giveBack(),
      report: this.#report,
    })
    this.#reporting = new GroupReporting({
      group: () => this.#machine.reported,
      groupId: () => this.#groupId,
      send: (report) => this.#objects.statistics.report(report),
      now: () => Date.now(),
      startTimer: (fire, ms) => {
        const timer = setTimeout(fire, ms)
        return () => clearTimeout(timer)
      },
      report: (event, error) => log('debug', event, { reason: String(error) }),
    })
    const touch = new StorageTouch(storage, () => Date.now())
    this.#runner = new MachineRunner(this.#machine, {
      now: () => Date.now(),
      write: (changes) => {
        this.#store.write(changes)
        this.#reporting.written(changes)
      },
      sync: () => storage.sync(),
      turn: () => storage.sync().catch(() => {}),
      touch: () => touch.now(),
      wakeAt: (timeMs) => this.#alarm.wakeAt(timeMs),
      abort: (reason) => ctx.abort(reason),
      start: (effect) => this.#start(effect),
      prepare: (command) => this.#prepare(command),
      report: this.#report,
    })
    this.#groupId = this.#machine.groupId
    if (this.#groupId !== null) this.#directory.changed(this.#groupId)
    if (this.#machine.usesPatterns) void ctx.blockConcurrencyWhile(loadPatterns)
  }

  joinGroup(request: JoinGroupRequest, caller: GroupCaller): Promise<JoinGroupResponse> {
    return this.#ask({ kind: 'join', request, caller }, request.groupId)
  }

  syncGroup(request: SyncGroupRequest, caller: GroupCaller): Promise<SyncGroupResponse> {
    return this.#ask({ kind: 'sync', request, caller }, request.groupId)
  }

  heartbeat(request: HeartbeatRequest, caller: GroupCaller): Promise<HeartbeatResponse> {
    return this.#ask({ kind: 'heartbeat', request, caller }, request.groupId)
  }

  leaveGroup(request: LeaveGroupRequest, caller: GroupCaller): Promise<LeaveGroupResponse> {
    return this.#ask({ kind: 'leave', request, caller }, request.groupId)
  }

  consumerHeartbeat(
    request: ConsumerGroupHeartbeatRequest,
    caller: HeartbeatCaller,
  ): Promise<HeartbeatReply> {
    return this.#ask({ kind: 'consumerHeartbeat', request, caller }, request.groupId)
  }

  async commitAll(commits: readonly CommitCall[]): Promise<{ readonly replies: CommitReply[] }> {
    const replies = await this.#runner.together(() =>
      Promise.all(
        commits.map((commit) => this.#ask({ kind: 'commit', ...commit }, commit.request.groupId)),
      ),
    )
    return { replies }
  }

  commitInTransaction(
    request: TransactionalCommitRequest,
    caller: GroupCaller,
  ): Promise<CommitReply> {
    return this.#ask({ kind: 'commitInTransaction', request, caller }, request.groupId)
  }

  fetchOffsets(request: FetchOffsetsRequest, caller: GroupCaller): Promise<FetchOffsetsReply> {
    return this.#ask({ kind: 'fetch', request, caller }, request.groupId)
  }

  offsetHistory(request: HistoryRequest): Promise<HistoryReply> {
    return this.#ask({ kind: 'history', request }, request.groupId)
  }

  deleteOffsets(request: DeleteOffsetsRequest): Promise<DeleteOffsetsReply> {
    return this.#ask({ kind: 'deleteOffsets', request }, request.groupId)
  }

  endTransaction(marker: GroupMarker): Promise<{ readonly error: ErrorCode }> {
    return this.#ask({ kind: 'endTransaction', marker }, marker.groupId)
  }

  describe(groupId: string, version: number): Promise<DescribedGroup> {
    return this.#ask({ kind: 'describe', version }, groupId)
  }

  describeConsumer(groupId: string): Promise<DescribedConsumerGroup> {
    return this.#ask({ kind: 'describeConsumer' }, groupId)
  }

  /** The directory does not list it any more when this answers. */
  async deleteGroup(groupId: string): Promise<{ readonly error: ErrorCode }> {
    const reply = await this.#ask({ kind: 'delete' }, groupId)
    await this.#directory.settled()
    return reply
  }

  /** Resolves when what changed has been taken into account. */
  async metadataChanged(groupId: string): Promise<void> {
    if (this.#machine.groupId === null) {
      // An entry that was left behind: it goes.
      this.#directory.changed(groupId)
      return
    }
    await this.#directory.register(groupId)
    await this.#ask({ kind: 'refreshed' }, groupId)
  }

  async exists(groupId: string): Promise<boolean> {
    const exists = await this.#ask({ kind: 'exists' }, groupId)
    if (!exists) this.#directory.forget()
    return exists
  }

  /** Does what is due. A failure has the platform fire the alarm again. */
  override async alarm(): Promise<void> {
    this.#alarm.fired()
    const { groupId } = this.#machine
    if (groupId === null) return
    if (!this.#directory.isRegistered) await this.#directory.register(groupId)
    this.#runner.tick()
    await this.#ask({ kind: 'exists' }, groupId)
    await this.#alarm.settled()
  }

  async #ask<Kind extends keyof GroupReplies>(
    request: GroupRequest & { readonly kind: Kind },
    groupId: string,
  ): Promise<GroupReplies[Kind]> {
    this.#groupId ??= groupId
    if (this.#groupId !== groupId) {
      throw new Error('this object is the coordinator of another group')
    }
    const reply = await this.#runner.run({ ...request, groupId })
    // It was entered for a request that came to nothing.
    if (this.#machine.groupId === null && this.#directory.isRegistered) {
      this.#directory.changed(groupId)
    }
    // The machine answers each kind of command with its own kind of reply.
    return reply as GroupReplies[Kind]
  }

  /** A command of the object's own; when it fails the object ends, and the next goes on from its storage. */
  #feed(request: GroupRequest): void {
    if (this.#groupId === null) return
    this.#ask(request, this.#groupId).catch((error) => this.#report('a group stands still', error))
  }

  // What a command needs to know.

  #prepare(command: GroupCommand): Promise<void> | undefined {
    const learning = this.#learn(command)
    return subscribesByPattern(command) ? both(loadPatterns(), learning) : learning
  }

  #learn(command: GroupCommand): Promise<void> | undefined {
    const { groupId } = command
    const needs = this.#needsOf(command)
    const directory = this.#directory
    if (needs === null) return undefined
    const { topicIds, topicNames, allTopics } = needs
    if (
      directory.isRegistered &&
      topicIds.every((id) => this.#machine.knows(id)) &&
      directory.watches(topicNames, allTopics)
    ) {
      if (directory.ageMs > GROUP_REFRESH_MS) directory.changed(groupId)
      return undefined
    }
    return directory.register(groupId, needs)
  }

  /** The topics that a command names; null when it can be decided without anything from Cluster. */
  #needsOf(command: GroupCommand): Needs | null {
    const { membershipType, subscribedTopics } = this.#machine
    switch (command.kind) {
      case 'commit':
      case 'commitInTransaction':
        return { ...NOTHING, topicIds: command.request.topics.map(({ topicId }) => topicId) }
      case 'consumerHeartbeat': {
        const { memberEpoch, subscribedTopicNames, subscribedTopicRegex } = command.request
        // It will be refused: a group is not made by those who go on or leave.
        if (membershipType !== 'consumer' && memberEpoch !== 0) return null
        const known = membershipType === 'classic' ? [...subscribedTopics] : []
        const allTopics = subscribedTopicRegex !== null && subscribedTopicRegex !== ''
        return { ...NOTHING, topicNames: [...known, ...(subscribedTopicNames ?? [])], allTopics }
      }
      case 'join': {
        if (membershipType !== 'consumer') return NOTHING
        const names = command.request.protocols.flatMap(
          ({ metadata }) => subscribedTopicsOf(metadata) ?? [],
        )
        return { ...NOTHING, topicNames: names }
      }
      case 'sync':
      case 'heartbeat':
      case 'leave':
      case 'describeConsumer':
        // A consumer group assigns anew when a member goes, and is described with its topics' names.
        return membershipType === 'consumer' ? NOTHING : null
      default:
        return null
    }
  }

  #start(effect: GroupEffect): void {
    if (effect.kind === 'enlist') {
      void this.#enlist(effect)
      return
    }
    this.#reporting.changed()
    if (this.#groupId !== null) this.#directory.changed(this.#groupId)
  }

  /** Asks the coordinator of a transaction. Never rejects. */
  async #enlist({ key, request }: Extract<GroupEffect, { kind: 'enlist' }>): Promise<void> {
    let reply: EnlistReply | null = null
    try {
      reply = await this.#objects.transaction(request.transactionalId).enlist(request)
    } catch (error) {
      this.#report('the coordinator of a transaction could not be asked', error)
    }
    this.#feed({ kind: 'enlisted', key, reply })
  }

  /** Nobody knows this group any more: its storage goes too. Nothing else happens meanwhile. */
  #giveBack(): void {
    if (!this.#store.isCreated) return
    void this.ctx.blockConcurrencyWhile(async () => {
      if (this.#machine.groupId !== null || this.#runner.parked > 0) return
      this.#store.forgotten()
      await this.ctx.storage.deleteAll()
      this.#alarm.fired()
    })
  }
}

interface Needs {
  readonly topicIds: readonly TopicId[]
  readonly topicNames: readonly string[]
  readonly allTopics: boolean
}

const NOTHING: Needs = { topicIds: [], topicNames: [], allTopics: false }

function subscribesByPattern(command: GroupCommand): boolean {
  return command.kind === 'consumerHeartbeat' && Boolean(command.request.subscribedTopicRegex)
}

async function both(first: Promise<void>, second: Promise<void> | undefined): Promise<void> {
  await Promise.all([first, second])
}
