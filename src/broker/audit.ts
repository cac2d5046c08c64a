// What a secured broker writes down of who was refused and of what was changed: a record of JSON each, in the internal
// topic AUDIT_TOPIC, which has one partition and is made with the first of them. An isolate keeps them until they are
// durable there; what it has not written is lost with it, and what is too much is counted, and said in a record of its
// own. Texts come from whoever asks, so they are cut. Not what is worth a record: who tells it knows.

import { AUDIT_TOPIC } from '../cluster/names.ts'
import { type ErrorCode, KafkaError } from '../core/errors.ts'
import {
  AUDIT_BATCH,
  AUDIT_BATCH_BYTES,
  AUDIT_NAMES,
  AUDIT_POLL_MS,
  AUDIT_RETRY_MS,
  AUDIT_TEXT_CHARACTERS,
  AUDIT_WAIT_MS,
  AUDIT_WAITING,
  AUDIT_WAITING_BYTES,
  AUDIT_WRITE_MS,
} from '../core/limits/security.ts'
import { buildBatch } from '../record/build.ts'
import { Codec } from '../record/compression.ts'
import { OPEN_ACCESS } from '../security/access.ts'
import { Refusals } from './audit-refusals.ts'
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
  readonly value: Uint8Array
  /** How many records are lost with it. */
  readonly stands: number
}

/** It is refused for what it is, however often it is sent. */
class Unfit extends Error {
  override readonly name = 'Unfit'
}
const UNFIT: ReadonlySet<ErrorCode> = new Set([
  KafkaError.CORRUPT_MESSAGE,
  KafkaError.MESSAGE_TOO_LARGE,
  KafkaError.RECORD_LIST_TOO_LARGE,
  KafkaError.INVALID_TIMESTAMP,
  KafkaError.INVALID_RECORD,
])

const PRODUCE_VERSION = 13
const CREATE_TOPICS_VERSION = 7
const ACKS_ALL = -1
const TIMEOUT_MS = 10_000
const encoder = new TextEncoder()

/** The records of one isolate that are not durable yet. Plain data: whoever has time writes them. */
export class AuditLog {
  #waiting: Entry[] = []
  #waitingBytes = 0
  #lost = 0
  readonly #refusals = new Refusals()
  /** Records of one batch: fewer while some do not fit. */
  #most = AUDIT_BATCH
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

  /** Null when there is no room for it, or it is counted with others. */
  #add(event: AuditEvent, atMs: number): Entry | null {
    for (const { sinceMs, ...summed } of this.#refusals.over(atMs)) {
      const since = new Date(sinceMs).toISOString()
      this.#keep(entryOf({ ...summed, since }, summed.principal ?? null, atMs, summed.count))
    }
    const { event: kind, principal, host } = event
    if (kind !== 'changed') {
      if (!this.#refusals.isWritten({ event: kind, principal, host }, atMs)) return null
    }
    const { names = [], errors = [], ...rest } = event
    const shown = names.slice(0, AUDIT_NAMES)
    const more = names.length > shown.length ? { moreNames: names.length - shown.length } : {}
    const said = {
      ...rest,
      ...(shown.length > 0 ? { names: shown } : {}),
      ...more,
      ...(errors.length > 0 ? { errors: errors.slice(0, AUDIT_NAMES) } : {}),
    }
    return this.#keep(entryOf(said, principal, atMs))
  }

  #keep(entry: Entry): Entry | null {
    const hasRoom =
      this.#waiting.length < AUDIT_WAITING &&
      this.#waitingBytes + entry.value.length <= AUDIT_WAITING_BYTES
    if (!hasRoom) {
      this.#lost += entry.stands
      return null
    }
    if (this.#lost > 0) {
      this.#push(entryOf({ event: 'lost', count: this.#lost }, null, entry.atMs, this.#lost))
      this.#lost = 0
    }
    this.#push(entry)
    return entry
  }

  #push(entry: Entry): void {
    this.#waiting.push(entry)
    this.#waitingBytes += entry.value.length
  }

  /** True when they are durable, or others are to be tried. Two writers at a time, after a context that ended, may write one record twice. */
  async #write(context: BrokerContext): Promise<boolean> {
    const entries = this.#head()
    const { timers } = context
    this.#notBeforeMs = timers.now() + AUDIT_WRITE_MS
    try {
      await append(entries, context)
      this.#drop(entries)
      this.#most = AUDIT_BATCH
    } catch (error) {
      context.log('error', 'the audit log was not written', { reason: String(error) })
      if (!(error instanceof Unfit)) {
        this.#notBeforeMs = timers.now() + AUDIT_RETRY_MS
        return false
      }
      this.#most = Math.ceil(entries.length / 2)
      // It would hold up all that come behind it for ever.
      if (entries.length === 1) {
        this.#drop(entries)
        this.#lost += entries.reduce((sum, { stands }) => sum + stands, 0)
      }
    }
    this.#notBeforeMs = Number.NEGATIVE_INFINITY
    return true
  }

  /** Those of the next batch. */
  #head(): readonly Entry[] {
    let bytes = 0
    const end = this.#waiting.findIndex(({ value }, at) => {
      bytes += value.length
      return at > 0 && (at >= this.#most || bytes > AUDIT_BATCH_BYTES)
    })
    return end === -1 ? [...this.#waiting] : this.#waiting.slice(0, end)
  }

  #drop(entries: readonly Entry[]): void {
    const gone = new Set(entries)
    this.#waiting = this.#waiting.filter((entry) => !gone.has(entry))
    this.#waitingBytes = this.#waiting.reduce((sum, { value }) => sum + value.length, 0)
  }
}

function entryOf(said: object, principal: string | null, atMs: number, stands = 1): Entry {
  const time = new Date(atMs).toISOString()
  const text = JSON.stringify({ time, ...said }, (_, value: unknown) => cut(value))
  return {
    atMs,
    principal: principal && String(cut(principal)),
    value: encoder.encode(text),
    stands,
  }
}

/** Of a text its beginning. */
function cut(value: unknown): unknown {
  if (typeof value !== 'string' || value.length <= AUDIT_TEXT_CHARACTERS) return value
  return `${value.slice(0, AUDIT_TEXT_CHARACTERS)}…`
}

async function append(entries: readonly Entry[], context: BrokerContext): Promise<void> {
  // Whoever was refused may not write anywhere: the broker does.
  const own: BrokerContext = { ...context, access: OPEN_ACCESS }
  const topic = await topicOf(own)
  const batch = buildBatch({
    codec: Codec.none,
    records: entries.map(({ atMs, principal, value }) => ({
      key: principal === null ? null : encoder.encode(principal),
      value,
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
  const why = `${AUDIT_TOPIC} answered error ${error}`
  if (UNFIT.has(error)) throw new Unfit(why)
  if (error !== KafkaError.NONE) throw new Error(why)
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
