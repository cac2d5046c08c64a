// A topic as programs use it: produce and tail, with its values checked on both ways.

import { type Codec, isSendable, membersOf, type Stored } from './codec.ts'
import { SchemaError } from './errors.ts'
import type { Loop, Source } from './loop.ts'
import type { Header, NewRecord, Produced, TailRecord } from './records.ts'
import type { SchemaResult } from './standard-schema.ts'
import type { TailOptions } from './tail.ts'

/** How to produce. */
export interface ProduceOptions {
  /** Rejects with its reason; what is on its way may arrive all the same. */
  readonly signal?: AbortSignal | undefined
}

/** What a topic works with: its client. */
export interface TopicDeps {
  send(topic: string, json: string, signal: AbortSignal | undefined): Promise<Produced>
  tail<Value>(
    topic: string,
    codec: Codec<never, Value>,
    options: TailOptions,
  ): Source<TailRecord<Value>>
  loop<Value>(source: Source<Value>, signal: AbortSignal | undefined): Loop<Value>
}

/** One topic. `Input` is what is produced, `Output` what is read. */
export class Topic<Input, Output> {
  readonly name: string
  readonly #codec: Codec<Input, Output>
  readonly #deps: TopicDeps
  /** A schema that takes its time must not let later records pass. */
  #turn: Promise<unknown> | undefined

  /** Made by `connect(…).topic(name)`. */
  constructor(name: string, codec: Codec<Input, Output>, deps: TopicDeps) {
    this.name = name
    this.#codec = codec
    this.#deps = deps
  }

  /**
   * Sends one record, or many in their order. Resolves when they are durable, with where they are; records of
   * one key are stored in the order of the calls, each once, whatever happened on the way.
   * @throws SchemaError, OttlaError, or the signal's reason
   */
  produce(record: NewRecord<Input>, options?: ProduceOptions): Promise<Produced>
  produce(records: readonly NewRecord<Input>[], options?: ProduceOptions): Promise<Produced[]>
  async produce(
    given: NewRecord<Input> | readonly NewRecord<Input>[],
    { signal }: ProduceOptions = {},
  ): Promise<Produced | Produced[]> {
    if (signal?.aborted) throw signal.reason
    const isList = Array.isArray(given)
    const records = (isList ? given : [given]) as readonly NewRecord<Input>[]
    // Checked before any is sent: of a list that does not fit nothing is.
    const encoded = this.#encode(records)
    const texts = encoded instanceof Promise ? await encoded : encoded
    const sent = texts.map((text) => this.#deps.send(this.name, text, signal))
    const produced = await Promise.all(sent)
    return isList ? produced : (produced[0] as Produced)
  }

  /**
   * Follows the topic: every record from a position on, once, across cuts and restarts of the broker. The loop
   * ends with `break`, with the signal's reason, or when the client is closed.
   * @throws SchemaError, OttlaError, or the signal's reason
   */
  tail(options: TailOptions = {}): AsyncIterableIterator<TailRecord<Output>, undefined, undefined> {
    const codec = this.#codec as Codec<never, Output>
    const source = this.#deps.tail(this.name, codec, options)
    return this.#deps.loop(source, options.signal)
  }

  /** How its values are read: for `consume`. */
  get codec(): Codec<Input, Output> {
    return this.#codec
  }

  #encode(records: readonly NewRecord<Input>[]): string[] | Promise<string[]> {
    const results = records.map((record) => this.#codec.encode(record.value))
    const texts = (stored: readonly SchemaResult<Stored>[]) =>
      stored.map((result, index) => this.#jsonOf(records[index] as NewRecord<Input>, result))
    const before = this.#turn
    const isNow = before === undefined && !results.some((result) => result instanceof Promise)
    if (isNow) return texts(results as readonly SchemaResult<Stored>[])
    const turn = Promise.allSettled([before, ...results]).then(([, ...settled]) => {
      if (this.#turn === turn) this.#turn = undefined
      return settled
    })
    this.#turn = turn
    return turn.then((settled) =>
      texts(
        settled.map((each) => {
          if (each.status === 'rejected') throw each.reason
          return each.value as SchemaResult<Stored>
        }),
      ),
    )
  }

  #jsonOf(record: NewRecord<Input>, result: SchemaResult<Stored>): string {
    const { key = null, headers = [], partition, timestamp } = record
    const where = { topic: this.name, key, value: record.value }
    if (result.issues) throw new SchemaError(result.issues, where)
    const list = headersOf(headers)
    const texts = [result.value, key, ...list.flatMap((header) => [header.key, header.value])]
    if (!texts.every(isSendable)) {
      throw new SchemaError([{ message: 'half of a surrogate pair has no UTF-8' }], where)
    }
    return JSON.stringify({
      ...membersOf('key', key),
      ...membersOf('value', result.value),
      ...(list.length === 0
        ? {}
        : { headers: list.map(({ key, value }) => ({ key, ...membersOf('value', value) })) }),
      ...(partition === undefined ? {} : { partition }),
      ...(timestamp === undefined ? {} : { timestamp: Number(timestamp) }),
    })
  }
}

function headersOf(headers: NonNullable<NewRecord<never>['headers']>): readonly Header[] {
  if (Array.isArray(headers)) return headers
  return Object.entries(headers as Readonly<Record<string, Stored>>).map(([key, value]) => {
    return { key, value }
  })
}
