// The records of one topic on their way: those that are there together travel together, one request at a
// time, so that their order survives every retry. A request keeps its records and its key until it is
// answered: however often it is sent, and by whichever way, its records are there once.

import { networkError, OttlaError } from './errors.ts'
import {
  BATCH_BYTES,
  BATCH_RECORDS,
  LINGER_MS,
  REQUEST_TIMEOUT_MS,
  SOCKET_BYTES,
} from './limits.ts'
import type { Link } from './link.ts'
import type { Produced } from './records.ts'
import type { Rest } from './rest.ts'
import { jitter, type Waits } from './waits.ts'

/** What sending works with. */
export interface LaneDeps {
  readonly link: Link
  readonly rest: Rest
  readonly waits: Waits
  /** True where one request costs less than a connection: then produce opens none. */
  readonly prefersRequests: boolean
}

/** Where it went, or why not. */
export type Outcome = Produced | { readonly reason: unknown }

/** A record on its way, settled once. */
export class Entry {
  readonly json: string
  readonly bytes: number
  readonly deadlineMs: number
  isSettled = false
  /** Told by the request that it is in. */
  onSettled: (() => void) | undefined
  readonly #tell: (outcome: Outcome) => void

  constructor(json: string, bytes: number, deadlineMs: number, tell: (outcome: Outcome) => void) {
    this.json = json
    this.bytes = bytes
    this.deadlineMs = deadlineMs
    this.#tell = tell
  }

  settle(outcome: Outcome): void {
    if (this.isSettled) return
    this.isSettled = true
    this.#tell(outcome)
    this.onSettled?.()
  }
}

/** A request: what is in it never changes. */
class Batch {
  readonly entries: readonly Entry[]
  readonly key: string = crypto.randomUUID()
  /** The JSON of its list of records. */
  readonly list: string
  /** Resolves when nobody waits for it any more. */
  readonly over: Promise<void>
  #open: number

  constructor(entries: readonly Entry[]) {
    this.entries = entries
    this.list = `[${entries.map(({ json }) => json).join(',')}]`
    this.#open = entries.length
    this.over = new Promise((resolve) => {
      for (const entry of entries) {
        entry.onSettled = () => {
          this.#open -= 1
          if (this.#open === 0) resolve()
        }
      }
    })
  }

  get isOver(): boolean {
    return this.#open === 0
  }

  settle(offsets: readonly Produced[]): void {
    for (const [index, entry] of this.entries.entries()) {
      const reason = () => networkError('the answer is shorter than the request')
      entry.settle(offsets[index] ?? { reason: reason() })
    }
  }

  fail(reason: unknown): void {
    for (const entry of this.entries) entry.settle({ reason })
  }
}

/** `{"records":}` */
const BODY_BYTES = 12
const encoder = new TextEncoder()

/** The records of one topic, in the order given. */
export class Lane {
  readonly #topic: string
  readonly #deps: LaneDeps
  readonly #release: (bytes: number) => void
  readonly #entries: Entry[] = []
  #bytes = 0
  /** Requests that are made and not answered, in order. */
  readonly #batches: Batch[] = []
  #isSending = false
  #lastError: OttlaError | undefined
  #linger: ReturnType<typeof setTimeout> | undefined
  #expiry: ReturnType<typeof setTimeout> | undefined

  /** @param release told of the bytes of each record that is no longer here */
  constructor(topic: string, deps: LaneDeps, release: (bytes: number) => void) {
    this.#topic = topic
    this.#deps = deps
    this.#release = release
  }

  add(entry: Entry): void {
    this.#entries.push(entry)
    this.#bytes += entry.bytes
    if (this.#expiry === undefined) this.#expireAt(entry.deadlineMs)
    if (this.#isSending) return
    if (this.#bytes >= BATCH_BYTES || this.#entries.length >= BATCH_RECORDS) this.#go()
    else this.#linger ??= setTimeout(() => this.#go(), LINGER_MS)
  }

  /** What is in no request yet will be in none. */
  forget(entry: Entry): void {
    const at = this.#entries.indexOf(entry)
    if (at < 0) return
    this.#entries.splice(at, 1)
    this.#bytes -= entry.bytes
    this.#release(entry.bytes)
  }

  /** Sends everything in requests that outlive the page, up to so many bytes; answers how many are left. */
  flush(bytesLeft: number): number {
    while (this.#entries.length > 0) this.#batches.push(this.#batch())
    if (this.#batches.length === 0) return bytesLeft
    let left = bytesLeft
    for (const batch of this.#batches) {
      const bytes = encoder.encode(batch.list).length + BODY_BYTES
      if (bytes > left) break
      left -= bytes
      // If it fails, and the page stays, it is sent again as everything is.
      this.#post(batch, { keepalive: true } as RequestInit).then(
        (offsets) => batch.settle(offsets),
        () => {},
      )
    }
    this.#go()
    return left
  }

  #go(): void {
    clearTimeout(this.#linger)
    this.#linger = undefined
    if (!this.#isSending) void this.#run()
  }

  async #run(): Promise<void> {
    this.#isSending = true
    const release = this.#isBySocket() ? this.#deps.link.hold() : () => {}
    for (;;) {
      if (this.#batches.length === 0 && this.#entries.length > 0) this.#batches.push(this.#batch())
      const [batch] = this.#batches
      if (batch === undefined) break
      await this.#deliver(batch)
      this.#batches.shift()
      for (const { bytes } of batch.entries) this.#release(bytes)
    }
    clearTimeout(this.#expiry)
    this.#expiry = undefined
    this.#isSending = false
    release()
  }

  #isBySocket(): boolean {
    const { link, prefersRequests } = this.#deps
    return link.absent === undefined && (!prefersRequests || link.state === 'live')
  }

  #batch(): Batch {
    let count = 0
    let bytes = 0
    for (const entry of this.#entries) {
      if (count > 0 && (bytes + entry.bytes > BATCH_BYTES || count >= BATCH_RECORDS)) break
      count += 1
      bytes += entry.bytes
    }
    this.#bytes -= bytes
    return new Batch(this.#entries.splice(0, count))
  }

  /** Tries until it is answered, refused for good, or nobody waits for it. */
  async #deliver(batch: Batch): Promise<void> {
    for (let failures = 1; !batch.isOver; failures++) {
      try {
        return batch.settle(await this.#send(batch))
      } catch (error) {
        if (!(error instanceof OttlaError) || !error.retriable) return batch.fail(error)
        this.#lastError = error
        const wait = this.#deps.waits.sleep(error.retryAfterMs ?? jitter(failures))
        await Promise.race([wait, batch.over])
      }
    }
  }

  async #send(batch: Batch): Promise<readonly Produced[]> {
    const { link } = this.#deps
    if (!this.#isBySocket() || batch.list.length > SOCKET_BYTES) return this.#post(batch, {})
    try {
      await Promise.race([link.live(), batch.over])
    } catch (error) {
      if (link.absent === undefined) throw error
      return this.#post(batch, {})
    }
    if (batch.isOver) return []
    const { key, list } = batch
    const topic = JSON.stringify(this.#topic)
    const message = `"type":"produce","topic":${topic},"idempotencyKey":"${key}","records":${list}`
    return link.ask((id) => `{"id":${id},${message}}`, this.#topic)
  }

  async #post(batch: Batch, init: RequestInit): Promise<readonly Produced[]> {
    const control = new AbortController()
    const late = () => control.abort(networkError('no answer in time'))
    const timer = setTimeout(late, REQUEST_TIMEOUT_MS)
    try {
      const path = `/v1/topics/${encodeURIComponent(this.#topic)}/records`
      const response = await this.#deps.rest.fetch(
        path,
        {
          ...init,
          method: 'POST',
          headers: { 'content-type': 'application/json', 'idempotency-key': batch.key },
          body: `{"records":${batch.list}}`,
          signal: control.signal,
        },
        this.#topic,
      )
      const { offsets } = (await response.json()) as { offsets: readonly Produced[] }
      return offsets
    } catch (error) {
      // An answer that breaks off is no answer.
      throw error instanceof TypeError ? networkError('the answer was cut', error) : error
    } finally {
      clearTimeout(timer)
    }
  }

  /** When the oldest is late: those behind it have later times. */
  #expireAt(ms: number): void {
    this.#expiry = setTimeout(() => this.#expire(), Math.max(0, ms - Date.now()))
  }

  #expire(): void {
    this.#expiry = undefined
    const now = Date.now()
    for (const entry of [...this.#batches.flatMap(({ entries }) => entries), ...this.#entries]) {
      if (entry.isSettled) continue
      if (entry.deadlineMs > now) {
        this.#expireAt(entry.deadlineMs)
        return
      }
      entry.settle({ reason: lateError(this.#lastError, this.#topic) })
      this.forget(entry)
    }
  }
}

/** It was not delivered in time. */
export function lateError(cause: OttlaError | undefined, topic?: string): OttlaError {
  const why = cause === undefined ? '' : `: ${cause.message}`
  return new OttlaError(`not delivered in time${why}`, {
    code: 'REQUEST_TIMED_OUT',
    status: cause?.status ?? 0,
    retriable: true,
    topic,
    cause,
  })
}
