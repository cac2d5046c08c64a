// What the tests of the HTTP face share: a broker context over logs in memory, which keep batches as a
// leader does, and the application over it. The handlers in between are the real ones.

import type { BrokerContext } from '../../src/broker/context.ts'
import type { ClusterRpc, TopicState } from '../../src/cluster/contract.ts'
import type { Environment } from '../../src/core/env.ts'
import { type ErrorCode, KafkaError } from '../../src/core/errors.ts'
import { offset } from '../../src/core/ids.ts'
import { NO_TENANTS } from '../../src/core/tenants.ts'
import type { AbortedTransaction, PartitionRpc } from '../../src/partition/contract.ts'
import { type BytePipe, Fanouts } from '../../src/partition/fanout.ts'
import { PieceBudget } from '../../src/partition/fanout-pieces.ts'
import {
  baseOffsetAt,
  lastOffsetAt,
  patchBaseOffset,
  readBatchHeader,
} from '../../src/record/header.ts'
import { recordsOf } from '../../src/record/records.ts'
import { fakeContext, partial, timers, topicState } from '../broker/fakes.ts'

/** A partition in memory: real batches, real offsets, no limits. */
export class MemoryLog {
  readonly batches: Uint8Array[] = []
  startOffset = 0
  /** What append answers next instead of storing. */
  refusals: number[] = []
  /** Who follows is in this isolate, or in another. */
  near = true
  /** What was asked of this log. */
  readonly asked = { read: 0, follow: 0 }
  readonly #fanouts: Fanouts
  /** Fenced. */
  deleted = false
  /** What reads answer instead of records. */
  failure: ErrorCode = KafkaError.NONE
  /** Transactions whose records do not count, as a read tells of them. */
  aborted: AbortedTransaction[] = []
  /** Called before each append is stored. */
  beforeAppend: () => Promise<void> = async () => {}
  #wake: (() => void)[] = []

  constructor(partition = 0) {
    this.#fanouts = new Fanouts({
      partition,
      now: timers.now,
      startTimer: (fire, ms) => timers.after(ms, fire),
      budget: new PieceBudget(1024 * 1024),
      isolate: () => 'here',
      openPipe: bytePipe,
      read: (from) => {
        const pieces = this.batches.filter((one) => lastOffsetAt(one, 0) >= from)
        const error = this.deleted ? KafkaError.UNKNOWN_TOPIC_ID : KafkaError.NONE
        return {
          error,
          pieces: pieces.map((one) => one.slice()),
          aborted: this.aborted,
          end: this.end,
        }
      },
      report: () => {},
    })
  }

  get end(): number {
    const last = this.batches.at(-1)
    return last === undefined ? this.startOffset : lastOffsetAt(last, 0) + 1
  }

  /** Stores a batch as it is, at the end. */
  store(batch: Uint8Array): number {
    const base = this.end
    const own = batch.slice()
    patchBaseOffset(own, 0, base)
    this.batches.push(own)
    for (const wake of this.#wake.splice(0)) wake()
    return base
  }

  rpc(): Partial<PartitionRpc> {
    const state = () => ({
      error: KafkaError.NONE,
      highWatermark: offset(this.end),
      lastStableOffset: offset(this.end),
      logStartOffset: offset(this.startOffset),
    })
    return {
      append: async ({ batch }) => {
        await this.beforeAppend()
        const refusal = this.refusals.shift()
        const logStartOffset = offset(this.startOffset)
        if (refusal !== undefined && refusal !== 0) {
          return { kind: 'refused', error: refusal, logStartOffset }
        }
        return { kind: 'appended', baseOffset: offset(this.store(batch)), logStartOffset }
      },
      follow: async (request) => {
        this.asked.follow++
        return this.#fanouts.follow(
          { ...request, isolate: this.near ? 'here' : 'elsewhere' },
          this.end,
        )
      },
      read: async ({ offset: from, maxBytes, atLeastOneBatch }) => {
        this.asked.read++
        const empty = { ...state(), pieces: [], abortedTransactions: [...this.aborted] }
        if (this.failure !== KafkaError.NONE) return { ...empty, error: this.failure }
        if (from < this.startOffset || from > this.end) {
          return { ...empty, error: KafkaError.OFFSET_OUT_OF_RANGE }
        }
        const pieces: Uint8Array[] = []
        let bytes = 0
        for (const batch of this.batches.filter((one) => lastOffsetAt(one, 0) >= from)) {
          const first = pieces.length === 0 && atLeastOneBatch
          if (!first && bytes + batch.length > maxBytes) break
          pieces.push(batch.slice())
          bytes += batch.length
        }
        return { ...empty, pieces }
      },
      watch: async (_, after, timeoutMs) => {
        if (this.end <= after) {
          await Promise.race([
            new Promise<void>((resolve) => this.#wake.push(resolve)),
            timers.sleep(timeoutMs),
          ])
        }
        return { error: KafkaError.NONE, highWatermark: offset(this.end) }
      },
      listOffset: async ({ timestamp }) => {
        const found = (at: number) => ({ error: 0, offset: offset(at), timestamp: -1 })
        if (timestamp === -1) return found(this.end)
        if (timestamp === -2) return found(this.startOffset)
        for (const batch of this.batches) {
          if (readBatchHeader(batch).maxTimestamp < timestamp) continue
          for (const record of recordsOf(batch)) {
            if (record.timestamp >= timestamp) return found(record.offset)
          }
        }
        return found(-1)
      },
    }
  }

  /** Every record's value as text, with its offset. */
  values(): string[] {
    return this.batches.flatMap((batch) =>
      [...recordsOf(batch)].map(({ value }) =>
        value === null ? 'null' : Buffer.from(value).toString('utf8'),
      ),
    )
  }

  /** Base offsets of the batches. */
  bases(): number[] {
    return this.batches.map((batch) => baseOffsetAt(batch, 0))
  }
}

/** As the runtime's: a write ends when it was taken. */
function bytePipe(): BytePipe {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(undefined, {
    highWaterMark: 0,
  })
  const writer = writable.getWriter()
  return {
    readable,
    write: (bytes) => writer.write(bytes),
    close: () => writer.close(),
    abort: (reason) => writer.abort(reason),
  }
}

/** Topics in memory and the context that reaches them. */
export interface MemoryBroker {
  readonly context: BrokerContext
  log(topic: string, partition?: number): MemoryLog
  /** Deletes a topic, or replaces it with an empty one of a new id. */
  replace(name: string, by: TopicState | null): void
}

export function memoryBroker(
  topics: readonly TopicState[],
  cluster: Partial<ClusterRpc> = {},
): MemoryBroker {
  const states = new Map(topics.map((topic) => [topic.name, topic]))
  const logs = new Map<string, MemoryLog>()
  const logOf = (id: string, partition: number) => {
    const key = `${id}/${partition}`
    const log = logs.get(key) ?? new MemoryLog(partition)
    logs.set(key, log)
    return log
  }
  const lookup: ClusterRpc['lookup'] = async ({ all, names = [], ids = [] }) => {
    const found = (topic: TopicState | undefined) =>
      topic === undefined
        ? { error: KafkaError.UNKNOWN_TOPIC_OR_PARTITION }
        : ({ error: 0, topic } as const)
    const asked = all
      ? [...states.values()]
      : [
          ...names.map((name) => states.get(name)),
          ...ids.map((id) => [...states.values()].find((topic) => topic.id === id)),
        ]
    return { clusterId: 'memory', topics: asked.map(found) }
  }
  const context = fakeContext({
    cluster: { lookup, clusterId: async () => 'memory', ...cluster },
    partition: (topicId, partition) => {
      const isAlive = () => [...states.values()].some((topic) => topic.id === topicId)
      const rpc = partial<PartitionRpc>(logOf(topicId, partition).rpc(), 'partition')
      const dead = { error: KafkaError.UNKNOWN_TOPIC_ID }
      const none = offset(-1)
      return {
        ...rpc,
        append: async (request) =>
          isAlive() ? rpc.append(request) : { kind: 'refused', ...dead, logStartOffset: none },
        read: async (request) =>
          isAlive()
            ? rpc.read(request)
            : {
                ...dead,
                highWatermark: none,
                lastStableOffset: none,
                logStartOffset: none,
                pieces: [],
                abortedTransactions: [],
              },
      }
    },
  })
  return {
    context,
    log: (name, partition = 0) => logOf(states.get(name)?.id ?? name, partition),
    replace(name, by) {
      const id = states.get(name)?.id
      for (const [key, log] of logs) if (key.startsWith(`${id}/`)) log.deleted = true
      if (by === null) states.delete(name)
      else states.set(name, by)
    },
  }
}

/** Settings of a broker that runs on this machine. */
export const LOCAL: Environment = {
  local: true,
  config: {},
  tenants: NO_TENANTS,
  advertised: { default: null, listeners: new Map() },
  allowAnonymous: false,
  allowOrigins: [],
  allowHosts: [],
  httpListeners: [],
  kafkaPort: null,
  openFiles: null,
  logLevel: 'info',
  secret: null,
  user: 'admin',
  oauthKeys: null,
}

export { topicState }
