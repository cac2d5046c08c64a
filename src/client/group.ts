// Consuming as a member of a group: partitions come and go, a record is done when the next one is asked for,
// and what is done is committed. Nothing is lost: what was not committed comes again, here or at another
// member. The coordinator's side of a member is the broker's end of the socket.

import type { Codec } from './codec.ts'
import type { OttlaError, SchemaError } from './errors.ts'
import { Feed } from './feed.ts'
import { COMMIT_INTERVAL_MS, LEAVE_MS } from './limits.ts'
import type { Link, Subscriber } from './link.ts'
import type { Source } from './loop.ts'
import type { SubscriptionMessage, WireMalformed, WirePartition, WireRecord } from './messages.ts'
import { type Partition, Progress } from './progress.ts'
import { type OnInvalid, type ReadRecord, readRecord } from './records.ts'
import { quietTimer } from './waits.ts'

/** How to consume. */
export interface ConsumeOptions {
  /** Where to begin where the group has committed nothing: `latest` by default, as in Kafka. */
  readonly from?: 'earliest' | 'latest'
  /** `auto` (the default) commits what is done; with `manual` each record has a `commit`. */
  readonly commit?: 'auto' | 'manual'
  readonly onInvalid?: OnInvalid
  /** `read_committed` by default: nothing of an aborted transaction. */
  readonly isolation?: 'read_committed' | 'read_uncommitted'
  /** A member that finishes no record for as long, in milliseconds, loses its partitions. Five minutes by default. */
  readonly maxPollIntervalMs?: number
  readonly signal?: AbortSignal | undefined
}

/** A record of a group that commits by hand. */
export interface ManualRecord<Value> extends ReadRecord<Value> {
  /** Says that this record, and all before it in its partition, are done. Resolves when that is durable. */
  commit(): Promise<void>
}

interface Item {
  readonly record: WireRecord | WireMalformed
  readonly of: Partition
}

type Revocation = { readonly partitions: readonly WirePartition[]; readonly lost: boolean }

/** What a member is made of. */
export interface MemberDeps {
  readonly link: Link
  readonly group: string
  readonly clientId: string | undefined
  /** By topic: how its values are read. */
  readonly codecs: ReadonlyMap<string, Codec<never, unknown>>
}

/** The source of one `consume`. */
export class Member implements Source<ReadRecord<unknown>>, Subscriber {
  readonly #deps: MemberDeps
  readonly #options: ConsumeOptions
  readonly #feed: Feed<Item>
  readonly #progress: Progress
  #sub = 0
  /** What the loop has in hand. */
  #current: Item | undefined
  #revocations: Revocation[] = []
  #failure: { readonly error: unknown } | undefined
  #over = false
  #left: (() => void) | undefined
  #timer: ReturnType<typeof setInterval> | undefined

  constructor(deps: MemberDeps, options: ConsumeOptions) {
    this.#deps = deps
    this.#options = options
    this.#feed = new Feed(deps.link, () => this.#sub)
    this.#progress = new Progress(deps.link, () => this.#sub)
  }

  async next(): Promise<ReadRecord<unknown> | undefined> {
    if (this.#sub === 0 && !this.#over) this.#begin()
    this.#finishCurrent()
    while (!this.#over) {
      if (this.#revocations.length > 0) await this.#letGo()
      if (this.#failure !== undefined) throw this.#failure.error
      const item = this.#feed.take()
      if (item === undefined) {
        await this.#feed.changed()
        continue
      }
      if (!this.#isWanted(item)) continue
      const record = await this.#read(item)
      if (record === null) continue
      // It may have been taken from us while it was read.
      if (this.#revocations.length > 0 && !this.#isWanted(item)) continue
      this.#current = item
      return record
    }
    return undefined
  }

  async end(): Promise<void> {
    this.#over = true
    clearInterval(this.#timer)
    this.#feed.clear()
    this.#feed.notify()
    const { link } = this.#deps
    if (this.#sub === 0) return
    try {
      if (link.state === 'live') await this.#leave()
    } finally {
      link.drop(this.#sub)
    }
  }

  connected(): void {
    const { from, isolation, maxPollIntervalMs } = this.#options
    const { link, group, codecs, clientId } = this.#deps
    link.send({
      type: 'join',
      sub: this.#sub,
      group,
      topics: [...codecs.keys()],
      ...(from === undefined ? {} : { from }),
      ...(isolation === undefined ? {} : { isolation }),
      ...(clientId === undefined ? {} : { clientId }),
      ...(maxPollIntervalMs === undefined ? {} : { maxPollIntervalMs }),
      bytes: this.#feed.begin(),
    })
  }

  disconnected(): void {
    // All of it will come again, if the partitions do.
    this.#feed.clear()
    this.#revocations = []
    this.#progress.lose()
  }

  message(message: SubscriptionMessage): void {
    switch (message.type) {
      case 'assigned':
        for (const assigned of message.partitions) this.#progress.assign(assigned)
        return
      case 'revoked':
        this.#revoke({ partitions: message.partitions, lost: message.lost === true })
        return
      case 'records':
        this.#records(message)
        return
      case 'starved':
        this.#feed.starved(message.bytes)
        return
      case 'left':
        this.#left?.()
    }
  }

  failed(error: unknown): void {
    this.#failure = { error }
    this.#left?.()
    this.#feed.notify()
  }

  #begin(): void {
    this.#sub = this.#deps.link.add(this)
    this.#timer = setInterval(() => void this.#report(), COMMIT_INTERVAL_MS)
    // What keeps a process alive is the connection, not this.
    ;(this.#timer as { unref?: () => void }).unref?.()
  }

  #records({ topic, records, bytes }: Extract<SubscriptionMessage, { type: 'records' }>): void {
    const items = records.flatMap((record): Item[] => {
      const of = this.#progress.find(topic, record.partition)
      return of === undefined ? [] : [{ record, of }]
    })
    this.#feed.put(items, bytes)
  }

  #isWanted({ record, of }: Item): boolean {
    const isOurs = this.#progress.find(of.topic, of.partition) === of && of.assigned
    return isOurs && behind(record) > of.done
  }

  #finishCurrent(): void {
    const current = this.#current
    this.#current = undefined
    if (current !== undefined) this.#finish(current)
  }

  #finish({ record, of }: Item): void {
    of.done = Math.max(of.done, behind(record))
  }

  async #read(item: Item): Promise<ReadRecord<unknown> | null> {
    const { topic } = item.of
    const codec = this.#deps.codecs.get(topic)
    if (codec === undefined) return null
    const read = await readRecord(topic, codec, item.record)
    if (read instanceof Error) return this.#invalid(read, item)
    if (this.#options.commit !== 'manual') return read
    return Object.assign(read, {
      commit: () => this.#progress.commit([item.of], behind(item.record)),
    })
  }

  /** What is left out is done: it would be met again for ever. */
  #invalid(error: SchemaError | OttlaError, item: Item): null {
    const { onInvalid = 'throw' } = this.#options
    if (onInvalid === 'throw') throw error
    if (onInvalid !== 'skip') onInvalid(error)
    this.#finish(item)
    return null
  }

  #revoke(revocation: Revocation): void {
    this.#revocations.push(revocation)
    // The loop waits for records, or has one in hand: then it lets go when it is done with it.
    const { topic = '', partition = 0 } = this.#current?.of ?? {}
    const isInHand = revocation.partitions.some(
      (revoked) => revoked.topic === topic && revoked.partition === partition,
    )
    if (this.#current !== undefined && (isInHand || revocation.lost)) return
    if (this.#current === undefined) this.#feed.notify()
    else void this.#letGo()
  }

  /** Commits what was done of what is taken away, and says that it may go. */
  async #letGo(): Promise<void> {
    const revocations = this.#revocations
    this.#revocations = []
    const gone = revocations.flatMap(({ partitions, lost }) =>
      partitions.flatMap(({ topic, partition }) => {
        const of = this.#progress.find(topic, partition)
        return of === undefined ? [] : [{ of, lost }]
      }),
    )
    for (const { of } of gone) of.assigned = false
    const ours = gone.flatMap(({ of, lost }) => (lost ? [] : [of]))
    await this.#commitDone(ours)
    for (const { of } of gone) this.#progress.forget(of)
    this.#deps.link.send({ type: 'revoked', sub: this.#sub })
  }

  /** Every five seconds: what is done is committed, or at least told. */
  async #report(): Promise<void> {
    if (this.#options.commit === 'manual') this.#progress.tell()
    else await this.#commitDone(this.#progress.assigned)
  }

  async #commitDone(partitions: readonly Partition[]): Promise<void> {
    if (this.#options.commit === 'manual') return
    const refusal = await this.#progress.commitDone(partitions)
    if (refusal !== null) this.failed(refusal)
  }

  async #leave(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<void>((resolve) => {
      timer = quietTimer(resolve, LEAVE_MS)
    })
    const left = new Promise<void>((resolve) => {
      this.#left = resolve
    })
    const leaving = async () => {
      await this.#commitDone(this.#progress.assigned)
      if (this.#deps.link.send({ type: 'leave', sub: this.#sub })) await left
    }
    await Promise.race([leaving(), late])
    clearTimeout(timer)
  }
}

/** The offset behind a record, or behind a stretch that cannot be read. */
function behind(record: WireRecord | WireMalformed): number {
  return ('lastOffset' in record ? record.lastOffset : record.offset) + 1
}
