// A partition leader on a host of its own: virtual clock, storage that fails when told, a Cluster that
// answers when told. And batches to give it.

import type { PartitionAdmission } from '../../src/cluster/contract.ts'
import { NO_LAYERS, type TopicSettings, topicSettings } from '../../src/core/configs.ts'
import { KafkaError } from '../../src/core/errors.ts'
import { LEADER_EPOCH, offset, type TopicId } from '../../src/core/ids.ts'
import { CompactionSlot } from '../../src/partition/compaction/slot.ts'
import type { AppendReply, AppendTransaction, ReadReply } from '../../src/partition/contract.ts'
import type { EnlistQuestion } from '../../src/partition/enlistments.ts'
import type { LeaderHost } from '../../src/partition/host.ts'
import { PartitionLeader } from '../../src/partition/leader.ts'
import { ChunkCache } from '../../src/partition/tail.ts'
import { buildBatch, type NewBatch } from '../../src/record/build.ts'
import { patchBaseOffset, patchLeaderEpoch, readBatchHeader } from '../../src/record/header.ts'
import { batchesInPieces } from '../../src/record/stored.ts'
import type { EnlistReply } from '../../src/transaction/contract.ts'
import type { Told } from '../../src/watch/contract.ts'
import { SqliteStorage } from './sqlite-storage.ts'

export const TOPIC = 'dGVzdC10b3BpYy1pZC0xMQ' as TopicId
export const TARGET = { topicId: TOPIC, partition: 0 }

export const SETTINGS: TopicSettings = topicSettings({}, NO_LAYERS)

const ALIVE: PartitionAdmission = {
  alive: true,
  name: 'topic',
  configVersion: 1,
  settings: SETTINGS,
}

/** A timer of the virtual clock. */
interface Timer {
  readonly atMs: number
  readonly fire: () => void
}

/** A leader and its world. */
export class Bench {
  nowMs = 1_000_000
  readonly storage = new SqliteStorage()
  chunks: ChunkCache
  leader: PartitionLeader
  admission: PartitionAdmission | Error = ALIVE
  /** Each question to Cluster: whether it was asked in order to write. */
  readonly asked: boolean[] = []
  readonly reported: string[] = []
  readonly wakeUps: number[] = []
  aborted: string | null = null
  timers: Timer[] = []
  /** When set, syncs wait for `confirm` or `loseCommit`. */
  holdSync = false
  /** A turn of the event loop. */
  turn: () => Promise<void> = async () => {}
  #waiting: { resolve: () => void; reject: (error: Error) => void }[] = []
  /** When set, Cluster's answers wait for `answerCluster`. */
  holdCluster = false
  #questions: (() => void)[] = []
  /** What the coordinator of every transactional id says. */
  enlistment: EnlistReply | Error = { error: KafkaError.NONE, number: 1 }
  readonly questions: EnlistQuestion[] = []
  /** When set, the coordinator's answers wait for `answerCoordinator`. */
  holdCoordinator = false
  #enlistments: {
    readonly resolve: (reply: EnlistReply) => void
    readonly reject: (error: Error) => void
  }[] = []

  readonly compaction: LeaderHost['compaction']
  /** What the object may hold, from the next restart on. */
  maxBytes: number | undefined = undefined
  /** Where what is not kept locally goes, from the next restart on. */
  tier: LeaderHost['tier'] = null
  /** What was told to the Watch object, and what it answers. */
  readonly told: Told[] = []
  tellReply: { readonly subscribed: boolean } | Error = { subscribed: false }

  constructor(tailBytes: number = 16 * 1024 * 1024, compaction?: LeaderHost['compaction']) {
    this.compaction = compaction
    this.chunks = new ChunkCache(tailBytes)
    this.leader = this.#start()
  }

  #start(): PartitionLeader {
    return new PartitionLeader({
      identity: TARGET,
      storage: this.storage,
      sync: () => this.#sync(),
      turn: () => this.turn(),
      deleteAll: async () => this.storage.deleteAll(),
      abort: (reason) => {
        this.aborted = reason
      },
      wakeAt: (timeMs) => this.wakeUps.push(timeMs),
      admit: (writing) => this.#admit(writing),
      enlist: (question) => this.#enlist(question),
      tell: async (told) => {
        this.told.push(told)
        if (this.tellReply instanceof Error) throw this.tellReply
        return this.tellReply
      },
      openPipe: () => {
        throw new Error('nobody is elsewhere')
      },
      isolate: () => 'here',
      ...(this.compaction === undefined ? {} : { compaction: this.compaction }),
      tier: this.tier ?? null,
      tieringSlot: new CompactionSlot(),
      ...(this.maxBytes === undefined ? {} : { maxBytes: this.maxBytes }),
      now: () => this.nowMs,
      startTimer: (fire, ms) => {
        const timer = { atMs: this.nowMs + ms, fire }
        this.timers.push(timer)
        return () => {
          this.timers = this.timers.filter((each) => each !== timer)
        }
      },
      chunks: this.chunks,
      report: (event) => this.reported.push(event),
    })
  }

  async #sync(): Promise<void> {
    if (this.holdSync) {
      await new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }))
    }
    this.storage.confirm()
  }

  get syncsWaiting(): number {
    return this.#waiting.length
  }

  /** The disk confirms the commits so far. */
  async confirm(): Promise<void> {
    for (const { resolve } of this.#waiting.splice(0)) resolve()
    await settled()
  }

  /** The disk loses the commits so far. */
  async loseCommit(): Promise<void> {
    for (const { reject } of this.#waiting.splice(0)) reject(new Error('lost'))
    await settled()
  }

  async #admit(writing: boolean): Promise<PartitionAdmission> {
    this.asked.push(writing)
    if (this.holdCluster) await new Promise<void>((resolve) => this.#questions.push(resolve))
    if (this.admission instanceof Error) throw this.admission
    return this.admission
  }

  async #enlist(question: EnlistQuestion): Promise<EnlistReply> {
    this.questions.push(question)
    if (!this.holdCoordinator) {
      const answer = this.enlistment
      if (answer instanceof Error) throw answer
      return answer
    }
    return new Promise((resolve, reject) => this.#enlistments.push({ resolve, reject }))
  }

  /** The coordinator answers the oldest question that waits. */
  async answerCoordinator(answer: EnlistReply | Error): Promise<void> {
    const waiting = this.#enlistments.shift()
    if (answer instanceof Error) waiting?.reject(answer)
    else waiting?.resolve(answer)
    await settled()
  }

  async answerCluster(): Promise<void> {
    for (const answer of this.#questions.splice(0)) answer()
    await settled()
  }

  /** The object is evicted and made anew from what is stored. */
  restart(): void {
    this.chunks = new ChunkCache(16 * 1024 * 1024)
    this.aborted = null
    this.leader = this.#start()
  }

  /** The machine dies and starts again: what was not confirmed is gone. */
  crash(): void {
    this.storage.crash()
    this.restart()
  }

  /** Lets time pass; timers fire in order. */
  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms
    for (;;) {
      const next = this.timers.toSorted((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined || next.atMs > endMs) break
      this.timers = this.timers.filter((each) => each !== next)
      this.nowMs = next.atMs
      next.fire()
      await settled()
    }
    this.nowMs = endMs
  }

  /**
   * As over RPC, the leader gets a copy: it gives its memory back when the flush is written. `batch`
   * then gets the fields that a leader sets, so that it can be compared with what is read.
   */
  async append(
    batch: Uint8Array,
    configVersion = 1,
    transaction?: AppendTransaction,
  ): Promise<AppendReply> {
    const reply = await this.leader.append({
      ...TARGET,
      configVersion,
      batch: structuredClone(batch),
      ...(transaction === undefined ? {} : { transaction }),
    })
    if (reply.kind === 'appended') {
      patchBaseOffset(batch, 0, reply.baseOffset)
      patchLeaderEpoch(batch, 0, LEADER_EPOCH)
    }
    return reply
  }

  /** Appends while nothing else goes on; the leader is idle again. The base offset. */
  async appended(batch: Uint8Array): Promise<number> {
    const reply = await this.append(batch)
    await settled()
    if (reply.kind !== 'appended') throw new Error(JSON.stringify(reply))
    return reply.baseOffset
  }

  /** A read with all pieces of a batch that is larger than a row, as the broker asks for them. */
  async read(
    from: number,
    maxBytes = 1_000_000,
    atLeastOneBatch = true,
    readCommitted = false,
  ): Promise<ReadReply> {
    const limits = { maxBytes, atLeastOneBatch, readCommitted }
    const reply = await this.leader.read({ ...TARGET, offset: offset(from), ...limits })
    for (let piece = 1; piece <= (reply.laterPieces ?? 0); piece++) {
      const { baseOffset, crc } = readBatchHeader(reply.pieces[0]!)
      const wanted = { ...TARGET, baseOffset: offset(baseOffset), crc, piece }
      const { bytes } = await this.leader.readPiece(wanted)
      reply.pieces.push(bytes!)
    }
    return reply
  }
}

/** Lets all promises that can resolve do so. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

const text = new TextEncoder()

/** A batch of `count` records with the given timestamps (or all 1000) and about `valueBytes` each. */
export function batch(
  count: number,
  options: Partial<NewBatch> & {
    readonly timestamps?: readonly number[]
    readonly valueBytes?: number
    readonly tag?: string
  } = {},
): Uint8Array {
  const { timestamps = [], valueBytes = 10, tag = 'v', ...rest } = options
  const value = text.encode(tag.padEnd(valueBytes, '.'))
  return buildBatch({
    records: Array.from({ length: count }, (_, index) => ({
      timestamp: timestamps[index] ?? 1000,
      key: null,
      value,
    })),
    ...rest,
  })
}

/** A batch of exactly `bytes`. */
export function batchOfSize(bytes: number, options: Partial<NewBatch> = {}): Uint8Array {
  let valueBytes = bytes - 80
  for (;;) {
    const made = batch(1, { ...options, valueBytes })
    if (made.length === bytes) return made
    valueBytes += bytes - made.length
  }
}

/** An idempotent batch. */
export function sequenced(
  producerId: number,
  baseSequence: number,
  count = 1,
  producerEpoch = 0,
): Uint8Array {
  return batch(count, { producerId, producerEpoch, baseSequence })
}

/** The batches of a reply, each in a buffer of its own. */
export function batchesOf(reply: ReadReply): Uint8Array[] {
  return [...batchesInPieces(reply.pieces)]
}
