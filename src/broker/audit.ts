// What a secured broker writes down of who was refused and of what was changed: a record of JSON each, in the internal
// topic AUDIT_TOPIC, which has one partition and is made with the first of them. An isolate keeps them until they are
// durable there; what it has not written is lost with it, and what is too much is counted, and said in a record of its
// own. Not what is worth a record: who tells it knows.

import { AUDIT_TOPIC } from '../cluster/names.ts'
import { KafkaError } from '../core/errors.ts'
import {
  AUDIT_BATCH,
  AUDIT_NAMES,
  AUDIT_POLL_MS,
  AUDIT_RETRY_MS,
  AUDIT_WAIT_MS,
  AUDIT_WAITING,
  AUDIT_WRITE_MS,
} from '../core/limits/security.ts'
import { buildBatch } from '../record/build.ts'
import { Codec } from '../record/compression.ts'
import { OPEN_ACCESS } from '../security/access.ts'
import type { BrokerContext } from './context.ts'
import { produce } from './handlers/produce.ts'
import { byName, knownTopic, lookUpTopic } from './routing.ts'

/** What happened. */
export interface AuditEvent {
  /** `login-refused`: nobody was let in; `denied`: somebody may not do it; `changed`: it was asked for, and is done where `errors` does not say otherwise. */
  readonly event: 'login-refused' | 'denied' | 'changed'
  /** Kafka's name of the API, or method and path of an HTTP request. */
  readonly api: string
  /** Who asked: of a refused login who they said they were. */
  readonly principal: string
  /** Their address. */
  readonly host: string
  readonly clientId?: string | null
  /** What it was about, as far as it has names: no more than AUDIT_NAMES. */
  readonly names?: readonly string[]
  /** Kafka's names of what was answered. */
  readonly errors?: readonly string[]
  readonly reason?: string
}

interface Entry {
  readonly atMs: number
  readonly principal: string | null
  readonly value: string
}

const PRODUCE_VERSION = 13
const CREATE_TOPICS_VERSION = 7
const ACKS_ALL = -1
const TIMEOUT_MS = 10_000
const encoder = new TextEncoder()

/** The records of one isolate that are not durable yet. Plain data: whoever has time writes them. */
export class AuditLog {
  #waiting: Entry[] = []
  #lost = 0
  /** Nobody writes before this: somebody does, or it has just failed. */
  #notBeforeMs = Number.NEGATIVE_INFINITY

  /** Records that wait to be written. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Writes it down some time: for what may be told often. `context` is used for as long as it lives. */
  note(event: AuditEvent, context: BrokerContext): void {
    this.#add(event, context.timers.now())
    void this.#drain(context)
  }

  /**
   * Writes it down. Resolves when it is durable, or when AUDIT_WAIT_MS are over: then it is written with what comes
   * next. Never rejects.
   */
  async tell(event: AuditEvent, context: BrokerContext): Promise<void> {
    const { timers } = context
    const entry = this.#add(event, timers.now())
    const deadline = timers.now() + AUDIT_WAIT_MS
    await this.#drain(context)
    while (entry !== null && this.#waiting.includes(entry) && timers.now() < deadline) {
      await timers.sleep(AUDIT_POLL_MS)
      await this.#drain(context)
    }
  }

  /** Writes what waits, unless somebody does, until there is nothing left or it cannot be written. */
  async #drain(context: BrokerContext): Promise<void> {
    while (this.#waiting.length > 0) {
      if (context.timers.now() < this.#notBeforeMs) return
      if (!(await this.#write(context))) return
    }
  }

  /** Null when there is no room for it. */
  #add(event: AuditEvent, atMs: number): Entry | null {
    if (this.#waiting.length >= AUDIT_WAITING) {
      this.#lost += 1
      return null
    }
    if (this.#lost > 0) {
      this.#waiting.push(entryOf({ event: 'lost', count: this.#lost }, null, atMs))
      this.#lost = 0
    }
    const { names = [], ...rest } = event
    const shown = names.slice(0, AUDIT_NAMES)
    const more = names.length > shown.length ? { moreNames: names.length - shown.length } : {}
    const entry = entryOf(
      { ...rest, ...(shown.length > 0 ? { names: shown } : {}), ...more },
      event.principal,
      atMs,
    )
    this.#waiting.push(entry)
    return entry
  }

  /** True when they are durable. Two writers at a time, after a context that ended, may write one record twice. */
  async #write(context: BrokerContext): Promise<boolean> {
    const entries = this.#waiting.slice(0, AUDIT_BATCH)
    const { timers } = context
    this.#notBeforeMs = timers.now() + AUDIT_WRITE_MS
    try {
      await append(entries, context)
      const written = new Set(entries)
      this.#waiting = this.#waiting.filter((entry) => !written.has(entry))
      this.#notBeforeMs = Number.NEGATIVE_INFINITY
      return true
    } catch (error) {
      context.log('error', 'the audit log was not written', { reason: String(error) })
      this.#notBeforeMs = timers.now() + AUDIT_RETRY_MS
      return false
    }
  }
}

function entryOf(said: object, principal: string | null, atMs: number): Entry {
  const value = JSON.stringify({ time: new Date(atMs).toISOString(), ...said })
  return { atMs, principal, value }
}

async function append(entries: readonly Entry[], context: BrokerContext): Promise<void> {
  // Whoever was refused may not write anywhere: the broker does.
  const own: BrokerContext = { ...context, access: OPEN_ACCESS }
  const topic = await topicOf(own)
  const batch = buildBatch({
    codec: Codec.none,
    records: entries.map(({ atMs, principal, value }) => ({
      key: principal === null ? null : encoder.encode(principal),
      value: encoder.encode(value),
      headers: [],
      timestamp: atMs,
    })),
  })
  const request = {
    transactionalId: null,
    acks: ACKS_ALL,
    timeoutMs: TIMEOUT_MS,
    topicData: [{ name: '', topicId: topic, partitionData: [{ index: 0, records: batch }] }],
  }
  const handling = produce(request, { version: PRODUCE_VERSION, clientId: null, isOwn: true }, own)
  const [response] = await Promise.all([handling.response, handling.effect])
  handling.sent?.()
  const error = response?.responses[0]?.partitionResponses[0]?.errorCode ?? KafkaError.NONE
  if (error !== KafkaError.NONE) throw new Error(`${AUDIT_TOPIC} answered error ${error}`)
}

/** Its id; made when it is not there. */
async function topicOf(context: BrokerContext) {
  const route = byName(AUDIT_TOPIC, 0)
  const known = knownTopic(context, route) ?? (await lookUpTopic(context, route))
  if (typeof known !== 'number') return known.id
  await context.objects.cluster.createTopics(
    {
      topics: [
        {
          name: AUDIT_TOPIC,
          numPartitions: 1,
          replicationFactor: -1,
          assignments: [],
          configs: [],
        },
      ],
      timeoutMs: TIMEOUT_MS,
      validateOnly: false,
    },
    CREATE_TOPICS_VERSION,
  )
  const made = await lookUpTopic(context, route)
  if (typeof made === 'number') throw new Error(`${AUDIT_TOPIC} is not there: error ${made}`)
  return made.id
}
