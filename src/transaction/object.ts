// The Durable Object of one transactional id: loads what is kept, runs the machine, calls the
// participants and the directory. Not the rules (transaction.ts).

import { DurableObject } from 'cloudflare:workers'
import type { TransactionEntry } from '../cluster/contract.ts'
import { readEnvironment } from '../core/env.ts'
import { type ErrorCode, KafkaError } from '../core/errors.ts'
import { tenantOfName } from '../core/ids.ts'
import { MARKER_RETRY_MAX_MS, MARKER_RETRY_MIN_MS } from '../core/limits/coordinators.ts'
import { OneAlarm } from '../runtime/alarm.ts'
import { loading } from '../runtime/loading.ts'
import { workerLog } from '../runtime/log.ts'
import { MachineRunner } from '../runtime/machine.ts'
import { type ObjectBindings, type Objects, objects } from '../runtime/objects.ts'
import { StorageTouch } from '../runtime/touch.ts'
import type {
  AddRequest,
  EndRequest,
  EnlistReply,
  EnlistRequest,
  InitRequest,
  ProducerReply,
  TransactionDescription,
  TransactionRpc,
} from './contract.ts'
import { Directory } from './directory.ts'
import { load, write } from './store.ts'
import {
  type Change,
  type Command,
  type Effect,
  type Replies,
  type Reply,
  TransactionMachine,
  type TransactionSettings,
} from './transaction.ts'

/** Kafka's defaults, until Cluster has said what is configured. */
const DEFAULTS: TransactionSettings = { expirationMs: 7 * 24 * 3_600_000, bumps: true }

/** What a control record carries: an object has no rivals for its id. */
const COORDINATOR_EPOCH = 0

/** The coordinator of one transactional id. */
export class Transaction extends DurableObject<ObjectBindings> implements TransactionRpc {
  readonly #machine: TransactionMachine
  readonly #runner: MachineRunner<Command, Reply, Change, Effect>
  readonly #alarm: OneAlarm
  readonly #objects: Objects
  readonly #directory: Directory
  readonly #report: (event: string, error: unknown) => void

  constructor(ctx: DurableObjectState, env: ObjectBindings) {
    super(ctx, env)
    const log = workerLog(readEnvironment(env).logLevel)
    this.#report = (event, error) => log('warn', event, { reason: String(error) })
    this.#objects = objects(env, tenantOfName(ctx.id.name))
    this.#alarm = new OneAlarm(ctx.storage, (error) => this.#report('alarm was not set', error))
    const named = { log, name: ctx.id.name ?? 'a long transactional id', now: () => Date.now() }
    const { state, participants } = loading(named, () => load(ctx.storage))
    this.#machine = new TransactionMachine(state, participants, DEFAULTS)
    this.#directory = new Directory({
      register: (entry) => this.#register(entry),
      remove: () => this.#remove(),
      now: () => Date.now(),
      later: (ms, callback) => setTimeout(callback, ms),
      report: this.#report,
    })
    const touch = new StorageTouch(ctx.storage, () => Date.now())
    this.#runner = new MachineRunner(this.#machine, {
      now: () => Date.now(),
      write: (changes) => write(ctx.storage, changes),
      sync: () => ctx.storage.sync(),
      turn: () => ctx.storage.sync().catch(() => {}),
      touch: () => touch.now(),
      wakeAt: (timeMs) => this.#alarm.wakeAt(timeMs),
      abort: (reason) => ctx.abort(reason),
      start: (effect) => this.#start(effect),
      prepare: (command) => this.#prepare(command),
      report: this.#report,
    })
    if (state === null) return
    this.#transactionalId = state.transactionalId
    this.#announce()
    this.#feed({ kind: 'resume' })
  }

  /** Whose coordinator this is; known with the first request or from what is kept. */
  #transactionalId: string | null = null

  initProducerId(request: InitRequest): Promise<ProducerReply> {
    return this.#ask({ kind: 'init', request }, request.transactionalId)
  }

  add(request: AddRequest): Promise<{ readonly error: ErrorCode }> {
    return this.#ask({ kind: 'add', request }, request.transactionalId)
  }

  enlist(request: EnlistRequest): Promise<EnlistReply> {
    return this.#ask({ kind: 'enlist', request }, request.transactionalId)
  }

  endTransaction(request: EndRequest): Promise<ProducerReply> {
    return this.#ask({ kind: 'end', request }, request.transactionalId)
  }

  describe(transactionalId: string): Promise<TransactionDescription> {
    return this.#ask({ kind: 'describe' }, transactionalId)
  }

  async exists(transactionalId: string): Promise<boolean> {
    const exists = await this.#ask({ kind: 'exists' }, transactionalId)
    if (!exists) this.#directory.forget()
    return exists
  }

  /** Does what is due: ends a transaction whose time is up, or forgets an expired id. */
  override async alarm(): Promise<void> {
    this.#alarm.fired()
    this.#runner.tick()
    // Answered when what the tick decided is kept; a failure has the platform fire the alarm again.
    await this.#runner.run({ kind: 'exists' })
    await this.#alarm.settled()
  }

  async #ask<Kind extends keyof Replies>(
    command: Command & { readonly kind: Kind },
    transactionalId: string,
  ): Promise<Replies[Kind]> {
    this.#transactionalId ??= transactionalId
    if (this.#transactionalId !== transactionalId) {
      throw new Error('this object is the coordinator of another transactional id')
    }
    // The machine answers each kind of command with its own kind of reply.
    return (await this.#runner.run(command)) as Replies[Kind]
  }

  /** A command of the object's own; when it fails the object ends, and the next goes on from its storage. */
  #feed(command: Command): void {
    this.#runner.run(command).catch((error) => this.#report('a transaction stands still', error))
  }

  /** What must be there before a command is decided: a fresh producer id, the entry in the directory. */
  #prepare(command: Command): Promise<void> | undefined {
    const allocating = this.#machine.needsProducerId(command) ? this.#allocate() : undefined
    if (this.#machine.state !== null || command.kind !== 'init') return allocating
    return this.#prepareFirst(command.request.transactionalId, allocating)
  }

  /** Before anything is kept here, the directory has an entry: else nobody could find what is kept. */
  async #prepareFirst(
    transactionalId: string,
    allocating: Promise<void> | undefined,
  ): Promise<void> {
    await allocating
    const { freshId: producerId } = this.#machine
    const entry = { transactionalId, producerId, state: 'Empty', startTimeMs: -1 }
    await this.#directory.ensure(entry)
  }

  async #allocate(): Promise<void> {
    const { first } = await this.#objects.cluster.allocateProducerIds(1)
    this.#machine.giveProducerId(first)
  }

  #start(effect: Effect): void {
    switch (effect.kind) {
      case 'tell':
        if (effect.attempt === 0) void this.#tell(effect)
        else setTimeout(() => void this.#tell(effect), pauseBefore(effect.attempt))
        break
      case 'wait':
        setTimeout(() => this.#feed({ kind: 'waited', ticket: effect.ticket }), effect.ms)
        break
      case 'announce':
        this.#announce()
        break
    }
  }

  /** Tells one participant the end of the transaction. Never rejects. */
  async #tell({ participant, ending }: Extract<Effect, { kind: 'tell' }>): Promise<void> {
    let done = false
    try {
      const { error } =
        participant.kind === 'group'
          ? await this.#objects
              .group(participant.groupId)
              .endTransaction({ groupId: participant.groupId, ...ending })
          : await this.#objects
              .partition(participant.topicId, participant.partition)
              .endTransaction({
                topicId: participant.topicId,
                partition: participant.partition,
                coordinatorEpoch: COORDINATOR_EPOCH,
                ...ending,
              })
      done = ENDED.has(error)
      if (!done) this.#report('a participant did not take the end of a transaction', error)
    } catch (error) {
      this.#report('a participant could not be told the end of a transaction', error)
    }
    this.#feed({ kind: 'told', number: ending.number, participant, done })
  }

  #announce(): void {
    const { state } = this.#machine
    if (state === null) {
      this.#directory.announce(null)
      return
    }
    const { transactionalId, producerId, startTimeMs } = state
    this.#directory.announce({ transactionalId, producerId, state: state.state, startTimeMs })
  }

  async #register(entry: TransactionEntry): Promise<void> {
    const { cluster } = this.#objects
    const [configs, { levels }] = await Promise.all([
      cluster.registerTransaction(entry),
      cluster.features(),
    ])
    const expirationMs = Number(configs['transactional.id.expiration.ms'])
    this.#machine.configure({
      expirationMs: Number.isFinite(expirationMs) ? expirationMs : DEFAULTS.expirationMs,
      bumps: (levels['transaction.version'] ?? 0) >= 2,
    })
  }

  async #remove(): Promise<void> {
    if (this.#transactionalId === null) return
    await this.#objects.cluster.removeTransaction(this.#transactionalId)
  }
}

/** Answers after which a participant has nothing left to end. */
const ENDED: ReadonlySet<ErrorCode> = new Set([
  KafkaError.NONE,
  // Its topic is deleted.
  KafkaError.UNKNOWN_TOPIC_ID,
  KafkaError.UNKNOWN_TOPIC_OR_PARTITION,
  // It has heard of a later epoch, which came only after this end, or by an operator's hand.
  KafkaError.INVALID_PRODUCER_EPOCH,
])

function pauseBefore(attempt: number): number {
  return Math.min(MARKER_RETRY_MIN_MS * 2 ** (attempt - 1), MARKER_RETRY_MAX_MS)
}
