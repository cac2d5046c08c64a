// Consuming as a member of a group: partitions come and go, a record is done when the next one is asked for,
// and what is done is committed. Nothing is lost: what was not committed comes again, here or at another
// member. The coordinator's side of a member is the broker's end of the socket.

import type { Codec } from './codec.ts'
import { OttlaError, type SchemaError } from './errors.ts'
import { Feed } from './feed.ts'
import { COMMIT_INTERVAL_MS, LEAVE_MS } from './limits.ts'
import type { Link, Subscriber } from './link.ts'
import type { Source } from './loop.ts'
import type {
  SubscriptionMessage,
  WireMalformed,
  WireOffset,
  WirePartition,
  WireRecord,
} from './messages.ts'
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

/** What is known of a partition that is, or was just, ours. */
interface Partition {
  readonly topic: string
  readonly partition: number
  /** False while nobody knows whether it is: the connection is gone. */
  assigned: boolean
  /** The offset behind what is done. */
  done: number
  /** What the group has, as far as we know, and what we have asked it to have. */
  committed: number
  asked: number
  /** What was said to be done last. */
  told: number
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
  /** By topic: how its values are read. */
  readonly codecs: ReadonlyMap<string, Codec<never, unknown>>
}

/** Commits that are refused so are those of partitions which will be taken from us, or have been. */
const FENCED = [
  'UNKNOWN_MEMBER_ID',
  'STALE_MEMBER_EPOCH',
  'FENCED_MEMBER_EPOCH',
  'ILLEGAL_GENERATION',
]

/** The source of one `consume`. */
export class Member implements Source<ReadRecord<unknown>>, Subscriber {
  readonly #deps: MemberDeps
  readonly #options: ConsumeOptions
  readonly #feed: Feed<Item>
  readonly #partitions = new Map<string, Partition>()
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
    const { link, group, codecs } = this.#deps
    link.send({
      type: 'join',
      sub: this.#sub,
      group,
      topics: [...codecs.keys()],
      ...(from === undefined ? {} : { from }),
      ...(isolation === undefined ? {} : { isolation }),
      ...(maxPollIntervalMs === undefined ? {} : { maxPollIntervalMs }),
      bytes: this.#feed.begin(),
    })
  }

  disconnected(): void {
    // All of it will come again, if the partitions do.
    this.#feed.clear()
    this.#revocations = []
    for (const partition of this.#partitions.values()) partition.assigned = false
  }

  message(message: SubscriptionMessage): void {
    switch (message.type) {
      case 'assigned':
        for (const assigned of message.partitions) this.#assign(assigned)
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

  #assign({ topic, partition, offset }: WireOffset): void {
    const name = nameOf(topic, partition)
    const known = this.#partitions.get(name)
    // Nobody has moved it since: what was done of it, and not committed, is done all the same.
    if (known !== undefined && (offset === known.committed || offset === known.asked)) {
      known.assigned = true
      known.committed = offset
      return
    }
    const state = { assigned: true, done: offset, committed: offset, asked: offset, told: offset }
    this.#partitions.set(name, { topic, partition, ...state })
  }

  #records({ topic, records, bytes }: Extract<SubscriptionMessage, { type: 'records' }>): void {
    const items = records.flatMap((record): Item[] => {
      const of = this.#partitions.get(nameOf(topic, record.partition))
      return of === undefined ? [] : [{ record, of }]
    })
    this.#feed.put(items, bytes)
  }

  #isWanted({ record, of }: Item): boolean {
    const isOurs = this.#partitions.get(nameOf(of.topic, of.partition)) === of && of.assigned
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
    return Object.assign(read, { commit: () => this.#commit([item.of], behind(item.record)) })
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
        const of = this.#partitions.get(nameOf(topic, partition))
        return of === undefined ? [] : [{ of, lost }]
      }),
    )
    for (const { of } of gone) of.assigned = false
    const ours = gone.flatMap(({ of, lost }) => (lost ? [] : [of]))
    if (this.#options.commit !== 'manual') await this.#commitDone(ours)
    for (const { of } of gone) {
      const name = nameOf(of.topic, of.partition)
      if (this.#partitions.get(name) === of && !of.assigned) this.#partitions.delete(name)
    }
    this.#deps.link.send({ type: 'revoked', sub: this.#sub })
  }

  /** Every five seconds: what is done is committed, or at least told. */
  async #report(): Promise<void> {
    const assigned = [...this.#partitions.values()].filter((of) => of.assigned)
    if (this.#options.commit !== 'manual') return this.#commitDone(assigned)
    const news = assigned.filter(({ done, told }) => done > told)
    if (news.length === 0) return
    const offsets = news.map(({ topic, partition, done }) => ({ topic, partition, offset: done }))
    for (const of of news) of.told = of.done
    this.#deps.link.send({ type: 'processed', sub: this.#sub, offsets })
  }

  /** Commits, and takes a refusal as what it is: later again, theirs already, or the end of the loop. */
  async #commitDone(partitions: readonly Partition[]): Promise<void> {
    const news = partitions.filter(({ done, committed }) => done > committed)
    if (news.length === 0) return
    try {
      await this.#commit(news)
    } catch (error) {
      if (!(error instanceof OttlaError)) throw error
      if (!error.retriable && !FENCED.includes(error.code)) this.failed(error)
    }
  }

  async #commit(partitions: readonly Partition[], at?: number): Promise<void> {
    const offsets = partitions.map(({ topic, partition, done }) => {
      return { topic, partition, offset: at ?? done }
    })
    const { link } = this.#deps
    for (const [index, of] of partitions.entries()) of.asked = offsets[index]?.offset ?? of.asked
    await link.ask((id) => JSON.stringify({ type: 'commit', id, sub: this.#sub, offsets }))
    for (const [index, of] of partitions.entries()) {
      of.committed = offsets[index]?.offset ?? of.committed
    }
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
      const ours = [...this.#partitions.values()].filter((of) => of.assigned)
      if (this.#options.commit !== 'manual') await this.#commitDone(ours)
      if (this.#deps.link.send({ type: 'leave', sub: this.#sub })) await left
    }
    await Promise.race([leaving(), late])
    clearTimeout(timer)
  }
}

function nameOf(topic: string, partition: number): string {
  return `${partition}/${topic}`
}

/** The offset behind a record, or behind a stretch that cannot be read. */
function behind(record: WireRecord | WireMalformed): number {
  return ('lastOffset' in record ? record.lastOffset : record.offset) + 1
}
