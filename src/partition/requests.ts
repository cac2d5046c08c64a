// What a partition remembers of requests with an Idempotency-Key, and what it says to the next batch of one: that
// it comes next, that it was here before, or that the key was used for something else. Pure: nothing is read
// or written, and the clock is the caller's. A request's records here are one sequence: how many of them are stored
// and the digest of these is enough to tell a retry's from others, wherever its batches begin and end.

import {
  REQUEST_CLAIMS_PER_CHUNK,
  REQUEST_KEPT_MS,
  REQUESTS_PER_PARTITION,
  REQUESTS_PER_PARTITION_BYTES,
} from '../core/limits/requests.ts'
import {
  encodeRequestEvents,
  REQUEST_CLAIM_BYTES,
  REQUEST_PART_BYTES,
  type RequestEvent,
  type RequestStored,
  readRequestEvents,
} from './requests-codec.ts'
import type {
  KnownRequest,
  RequestId,
  RequestIdentity,
  RequestPart,
  RequestSpan,
} from './requests-contract.ts'

/** What becomes of a batch: it is stored; or not, because its records are here, or are others than before. */
export type PartVerdict =
  | { readonly kind: 'next' | 'other' | 'running' }
  | { readonly kind: 'known'; readonly known: KnownRequest }

/** Where a batch is stored. */
export interface PartPlace {
  readonly firstOffset: number
  readonly lastOffset: number
  /** What the broker stamped on its records; null where they keep their own. */
  readonly appendTimeMs: number | null
  readonly nowMs: number
}

interface Entry extends RequestIdentity, KnownRequest {
  /** Leader's clock: when it was last heard of. */
  readonly atMs: number
}

const NEXT: PartVerdict = { kind: 'next' }
const OTHER: PartVerdict = { kind: 'other' }
const RUNNING: PartVerdict = { kind: 'running' }

/** Every request a partition remembers; those heard of least recently go first. */
export class RequestTable {
  /** In the order in which they were last heard of. */
  readonly #entries = new Map<RequestId, Entry>()
  /** Claims that no row has yet. */
  readonly #unwritten = new Set<RequestId>()
  #bytes = 0

  get size(): number {
    return this.#entries.size
  }

  /** What rows say, in their order. What is there already is not added again. */
  replay(bytes: Uint8Array): void {
    for (const event of readRequestEvents(bytes)) this.#apply(event)
  }

  /** The state as rows say it, without what has expired. */
  snapshot(nowMs: number): Uint8Array {
    this.forgetExpired(nowMs)
    return encodeRequestEvents([...this.#entries.values()].flatMap(eventsOf))
  }

  /** Begins a flush. */
  begin(nowMs: number): RequestChanges {
    this.forgetExpired(nowMs)
    const unwritten: RequestEvent[] = []
    for (const id of this.#unwritten) {
      if (unwritten.length === REQUEST_CLAIMS_PER_CHUNK) break
      const entry = this.#entries.get(id)
      if (entry !== undefined) unwritten.push(...eventsOf(entry))
    }
    return new RequestChanges((id) => this.#entries.get(id), unwritten)
  }

  /** The flush is written. */
  commit(changes: RequestChanges): void {
    for (const event of changes.events) {
      this.#unwritten.delete(event.id)
      if (event.kind === 'part') this.#apply(event)
    }
  }

  /**
   * A request begins: false when the key was used for another one. Remembered at once, and in rows with the
   * next chunk: where records went says the rest.
   */
  claim(request: RequestIdentity, nowMs: number): boolean {
    this.forgetExpired(nowMs)
    const known = this.#entries.get(request.id)
    if (known !== undefined) return isSame(known, request)
    this.#apply({ kind: 'claim', ...identityOf(request), atMs: nowMs })
    this.#unwritten.add(request.id)
    return true
  }

  /** A stream was received whole. */
  ended(request: RequestIdentity): void {
    const known = this.#entries.get(request.id)
    if (known === undefined || known.total > 0 || !isSame(known, request)) return
    this.#entries.set(request.id, { ...known, total: request.total })
    this.#unwritten.add(request.id)
  }

  /** Whether there are claims that no row has. */
  get hasUnwritten(): boolean {
    return this.#unwritten.size > 0
  }

  /** What is known of a request. */
  identityOf(id: RequestId): RequestIdentity | null {
    return this.#entries.get(id) ?? null
  }

  /** The request has stored nothing, here or elsewhere: its key is free. */
  forget(id: RequestId): void {
    if (this.#entries.get(id)?.count === 0) this.#remove(id)
  }

  forgetExpired(nowMs: number): void {
    for (const [id, { atMs }] of this.#entries) {
      if (atMs + REQUEST_KEPT_MS > nowMs) return
      this.#remove(id)
    }
  }

  #apply(event: RequestEvent): void {
    const before = this.#entries.get(event.id)
    const known = before !== undefined && isSame(before, event) ? before : undefined
    if (event.kind === 'part' && event.start + event.count > (known?.count ?? 0)) {
      this.#put(grown(known, event))
    } else if (before === undefined) {
      this.#put({ ...identityOf(event), ...NOTHING, atMs: event.atMs })
    } else if (known !== undefined && event.total > known.total) {
      this.#entries.set(event.id, { ...known, total: event.total })
    }
  }

  #put(entry: Entry): void {
    this.#remove(entry.id)
    this.#entries.set(entry.id, entry)
    this.#bytes += bytesOf(entry)
    for (const id of this.#entries.keys()) {
      const fits =
        this.#entries.size <= REQUESTS_PER_PARTITION && this.#bytes <= REQUESTS_PER_PARTITION_BYTES
      if (fits || id === entry.id) return
      this.#remove(id)
    }
  }

  #remove(id: RequestId): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    this.#entries.delete(id)
    this.#unwritten.delete(id)
    this.#bytes -= bytesOf(entry)
  }
}

/** What one flush adds. The table itself changes when the flush is written. */
export class RequestChanges {
  readonly #known: (id: RequestId) => Entry | undefined
  readonly #events: RequestEvent[]
  readonly #accepted = new Set<RequestId>()

  /** @param unwritten claims that go with this flush */
  constructor(known: (id: RequestId) => Entry | undefined, unwritten: RequestEvent[]) {
    this.#known = known
    this.#events = unwritten
  }

  get events(): readonly RequestEvent[] {
    return this.#events
  }

  /** What is to become of a batch. Changes nothing. */
  check(part: RequestPart): PartVerdict {
    // Another request of this key, at the same time: of one request a partition has one batch at a time.
    if (this.#accepted.has(part.id)) return RUNNING
    const known = this.#known(part.id)
    // Its records before these were forgotten, or never were.
    if (known === undefined || (known.count === 0 && isSame(known, part))) return NEXT
    if (!isSame(known, part) || part.start > known.count) return OTHER
    if (part.start === known.count) return part.before === known.digest ? NEXT : OTHER
    const { count, digest, spans } = known
    return { kind: 'known', known: { count, digest, spans } }
  }

  /** A batch that comes next is stored. */
  accept(part: RequestPart, place: PartPlace): void {
    const { firstOffset, lastOffset, appendTimeMs, nowMs } = place
    this.#accepted.add(part.id)
    this.#events.push({
      kind: 'part',
      ...identityOf(part),
      start: part.start,
      count: part.count,
      firstOffset,
      lastOffset,
      timeMs: appendTimeMs ?? part.timeMs,
      isAppendTime: appendTimeMs !== null,
      after: part.after,
      atMs: nowMs,
    })
  }

  /** What the chunk has to say of requests; null when nothing. */
  encode(): Uint8Array | null {
    return this.#events.length === 0 ? null : encodeRequestEvents(this.#events)
  }
}

const NOTHING: KnownRequest = { count: 0, digest: '', spans: [] }

function identityOf(request: RequestIdentity): RequestIdentity {
  const { id, body, isStream, partitions, total } = request
  return { id, body, isStream, partitions, total }
}

function isSame(a: RequestIdentity, b: RequestIdentity): boolean {
  return a.body === b.body && a.isStream === b.isStream
}

function grown(known: Entry | undefined, event: RequestStored): Entry {
  const { start, count, firstOffset, lastOffset, timeMs, isAppendTime, after, atMs } = event
  const span = { start, count, firstOffset, lastOffset, timeMs, isAppendTime }
  return {
    ...identityOf(event),
    total: Math.max(known?.total ?? 0, event.total),
    count: start + count,
    digest: after,
    spans: withSpan(known?.spans ?? [], span, event.isStream),
    atMs,
  }
}

/** Of a stream one span, whatever lies between; else spans that follow each other become one. */
function withSpan(
  spans: readonly RequestSpan[],
  span: RequestSpan,
  isStream: boolean,
): readonly RequestSpan[] {
  const last = spans.at(-1)
  if (last === undefined) return [span]
  const isNext =
    isStream ||
    (last.lastOffset + 1 === span.firstOffset &&
      last.timeMs === span.timeMs &&
      last.isAppendTime === span.isAppendTime)
  if (!isNext) return [...spans, span]
  const joined = { ...last, count: last.count + span.count, lastOffset: span.lastOffset }
  return [...spans.slice(0, -1), joined]
}

function eventsOf(entry: Entry): RequestEvent[] {
  const { atMs, digest: after, spans } = entry
  const identity = identityOf(entry)
  if (spans.length === 0) return [{ kind: 'claim', ...identity, atMs }]
  return spans.map((span) => ({ kind: 'part', ...identity, ...span, after, atMs }))
}

function bytesOf({ spans }: Entry): number {
  return Math.max(REQUEST_CLAIM_BYTES, spans.length * REQUEST_PART_BYTES)
}
