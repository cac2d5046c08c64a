// Following a topic: records of all its partitions from a position on, each once, across cuts and restarts of
// the broker. The position after each record is worked out here, because the broker tells it once a message.

import { type Codec, membersOf } from './codec.ts'
import { OttlaError, type SchemaError } from './errors.ts'
import { Feed } from './feed.ts'
import type { Link, Subscriber } from './link.ts'
import type { Source } from './loop.ts'
import type { SubscriptionMessage, WireMalformed, WireRecord } from './messages.ts'
import { formatPosition, parsePosition, type Vector } from './position.ts'
import { type OnInvalid, readRecord, type TailRecord } from './records.ts'

/** Records that a reader wanted and that are gone: what happened, and where it goes on. */
export interface Reset {
  /** `trimmed`: older than the log begins. `recreated`: the topic was deleted and made anew. */
  readonly reason: 'trimmed' | 'recreated' | 'deleted'
  readonly topic: string
  readonly partition?: number
  /** Where the reader was. */
  readonly position: string
  /** Where it goes on; null when the topic is gone. */
  readonly next: string | null
}

/** What to follow, and from where. */
export interface TailOptions {
  /** `latest` (the default), `earliest`, a time, or the `position` of the last record had. */
  readonly from?: 'latest' | 'earliest' | Date | (string & {})
  /** These partitions alone. */
  readonly partitions?: readonly number[]
  /** Records of this key alone; only its partition is read. */
  readonly key?: string | Uint8Array
  /** `read_committed` by default: nothing of an aborted transaction. */
  readonly isolation?: 'read_committed' | 'read_uncommitted'
  readonly onInvalid?: OnInvalid
  /**
   * What to do when records are gone that were to be read: `throw` an OttlaError (the default), or a function
   * that is told, after which reading goes on.
   */
  readonly onReset?: 'throw' | ((reset: Reset) => void)
  readonly signal?: AbortSignal | undefined
}

type Item = {
  readonly record: WireRecord | WireMalformed
  /** Of the message it came in: the vector before it, and its place. */
  readonly before: Vector
  readonly records: readonly (WireRecord | WireMalformed)[]
  readonly index: number
}

/** The source of one `tail`. */
export class Tail<Value> implements Source<TailRecord<Value>>, Subscriber {
  readonly topic: string
  readonly #link: Link
  readonly #codec: Codec<never, Value>
  readonly #options: TailOptions
  readonly #feed: Feed<Item | Reset>
  #sub = 0
  #position: string | undefined
  #failure: { readonly error: unknown } | undefined
  #over = false

  constructor(link: Link, topic: string, codec: Codec<never, Value>, options: TailOptions) {
    this.#link = link
    this.topic = topic
    this.#codec = codec
    this.#options = options
    this.#feed = new Feed(link, () => this.#sub)
  }

  async next(): Promise<TailRecord<Value> | undefined> {
    if (this.#sub === 0 && !this.#over) this.#sub = this.#link.add(this)
    while (!this.#over) {
      const item = this.#feed.take()
      if (item === undefined) {
        if (this.#failure !== undefined) throw this.#failure.error
        await this.#feed.changed()
        continue
      }
      if ('reason' in item) {
        this.#reset(item)
        continue
      }
      const record = await this.#read(item)
      if (record !== null) return record
    }
    return undefined
  }

  async end(): Promise<void> {
    this.#over = true
    this.#feed.clear()
    this.#feed.notify()
    if (this.#sub === 0) return
    this.#link.send({ type: 'unsubscribe', sub: this.#sub })
    this.#link.drop(this.#sub)
  }

  connected(): void {
    const { from = 'latest', partitions, key, isolation } = this.#options
    const wanted = this.#position ?? (from instanceof Date ? from.toISOString() : from)
    this.#link.send({
      type: 'subscribe',
      sub: this.#sub,
      topics: [this.topic],
      ...(partitions === undefined ? {} : { partitions: [...partitions] }),
      ...(key === undefined ? {} : (membersOf('key', key) as { key: string })),
      from: wanted,
      ...(isolation === undefined ? {} : { isolation }),
      bytes: this.#feed.begin(),
    })
  }

  disconnected(): void {
    // What has come stays, and the next subscription begins behind it.
  }

  message(message: SubscriptionMessage): void {
    switch (message.type) {
      case 'subscribed':
        this.#position ??= message.position
        return
      case 'position':
        this.#position = message.position
        return
      case 'records':
        this.#records(message)
        return
      case 'starved':
        this.#feed.starved(message.bytes)
        return
      case 'reset': {
        const { reason, topic, partition, position, next } = message
        if (next !== null) this.#position = next
        this.#feed.put(
          [{ reason, topic, ...(partition === undefined ? {} : { partition }), position, next }],
          0,
        )
        return
      }
    }
  }

  failed(error: unknown): void {
    this.#failure = { error }
    this.#feed.notify()
  }

  #records({ records, position, bytes }: Extract<SubscriptionMessage, { type: 'records' }>): void {
    const before = parsePosition(this.#position ?? '')
    this.#position = position
    const items = records.map((record, index) => ({ record, before, records, index }))
    this.#feed.put(items, bytes)
  }

  async #read(item: Item): Promise<TailRecord<Value> | null> {
    const read = await readRecord(this.topic, this.#codec, item.record, () => positionOf(item))
    if (!(read instanceof Error)) {
      return Object.defineProperty(read, 'position', {
        get: () => positionOf(item),
        enumerable: true,
      }) as TailRecord<Value>
    }
    return this.#invalid(read)
  }

  #invalid(error: SchemaError | OttlaError): null {
    const { onInvalid = 'throw' } = this.#options
    if (onInvalid === 'throw') throw error
    if (onInvalid !== 'skip') onInvalid(error)
    return null
  }

  #reset(reset: Reset): void {
    const { onReset = 'throw' } = this.#options
    if (onReset !== 'throw') onReset(reset)
    if (onReset !== 'throw' && reset.next !== null) return
    const { topic, partition, position, next } = reset
    const what = reset.reason === 'trimmed' ? 'its log begins later' : `it was ${reset.reason}`
    throw new OttlaError(`${topic} cannot be followed from ${position}: ${what}`, {
      code: CODE[reset.reason],
      status: reset.reason === 'trimmed' ? 416 : 404,
      retriable: false,
      topic,
      partition,
      problem: { position, next },
    })
  }
}

const CODE = {
  trimmed: 'OFFSET_OUT_OF_RANGE',
  recreated: 'UNKNOWN_TOPIC_ID',
  deleted: 'UNKNOWN_TOPIC_OR_PARTITION',
} as const

/** The vector behind a record. Worked out when somebody asks: with many partitions it is long. */
function positionOf({ before, records, index }: Item): string {
  const vector = new Map(before)
  for (const record of records.slice(0, index + 1)) {
    vector.set(record.partition, 'lastOffset' in record ? record.lastOffset : record.offset)
  }
  return formatPosition(vector)
}
