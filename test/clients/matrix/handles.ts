// Producers, consumers and admins of an adapter as objects, so that scenarios read like client code,
// and the waiting that scenarios do: never a sleep, always a condition with a deadline.

import type { Adapter } from './adapter.ts'
import type {
  Answer,
  ConsumerConfig,
  GroupEvent,
  PartitionOffset,
  ProducerConfig,
  ReadRecord,
  Request,
  Sasl,
  SendRecord,
  Start,
  TopicPartition,
  Verb,
} from './protocol.ts'

const POLL_MS = 250
const MAX_RECORDS = 500
const CLOSE_WITHIN_MS = 20_000

/** What every handle has: its adapter, its name there, and an end. */
class Handle {
  readonly adapter: Adapter
  readonly handle: string
  readonly #close: 'producer.close' | 'consumer.close' | 'admin.close'
  #open = true

  constructor(adapter: Adapter, handle: string, close: Handle['closing']) {
    this.adapter = adapter
    this.handle = handle
    this.#close = close
  }

  get closing(): 'producer.close' | 'consumer.close' | 'admin.close' {
    return this.#close
  }

  call<V extends Verb>(verb: V, request: Omit<Request<V>, 'handle'>): Promise<Answer<V>> {
    const whole = { ...request, handle: this.handle } as unknown as Request<V>
    return this.adapter.call(verb, whole)
  }

  /** Closes it; does nothing the second time or when its process is gone. */
  async close(): Promise<void> {
    if (!this.#open || !this.adapter.running) return
    this.#open = false
    await this.adapter.call(this.#close, { handle: this.handle }, CLOSE_WITHIN_MS)
  }
}

export interface Ack {
  readonly partition: number
  readonly offset: number
}

/** An open producer. */
export class Producer extends Handle {
  static async open(
    adapter: Adapter,
    handle: string,
    bootstrap: string,
    config: ProducerConfig,
    sasl?: Sasl,
  ): Promise<Producer> {
    const login = sasl === undefined ? {} : { sasl }
    await adapter.call('producer.open', { handle, bootstrap, config, ...login })
    return new Producer(adapter, handle, 'producer.close')
  }

  /** Sends and waits for all acknowledgements. */
  async send(topic: string, records: readonly SendRecord[]): Promise<readonly Ack[]> {
    return (await this.call('producer.send', { topic, records })).acks
  }
  async init(): Promise<void> {
    await this.call('producer.init', {})
  }
  async begin(): Promise<void> {
    await this.call('producer.begin', {})
  }
  async commit(): Promise<void> {
    await this.call('producer.commit', {})
  }
  async abort(): Promise<void> {
    await this.call('producer.abort', {})
  }
  async sendOffsets(consumer: Consumer, offsets: readonly PartitionOffset[]): Promise<void> {
    await this.call('producer.sendOffsets', { consumer: consumer.handle, offsets })
  }
}

/** An open consumer with all it was given so far. */
export class Consumer extends Handle {
  readonly records: ReadRecord[] = []
  readonly events: GroupEvent[] = []
  /** As of the last poll. */
  assignment: readonly TopicPartition[] = []

  static async open(
    adapter: Adapter,
    handle: string,
    bootstrap: string,
    config: ConsumerConfig,
    group?: string,
    sasl?: Sasl,
  ): Promise<Consumer> {
    const login = sasl === undefined ? {} : { sasl }
    const member = group === undefined ? {} : { group }
    await adapter.call('consumer.open', { handle, bootstrap, config, ...member, ...login })
    return new Consumer(adapter, handle, 'consumer.close')
  }

  async subscribe(...topics: readonly string[]): Promise<void> {
    await this.call('consumer.subscribe', { topics })
  }
  async subscribePattern(pattern: string): Promise<void> {
    await this.call('consumer.subscribe', { pattern })
  }
  async assign(topic: string, partitions: readonly number[], offset: Start): Promise<void> {
    const all = partitions.map((partition) => ({ topic, partition, offset }))
    await this.call('consumer.assign', { partitions: all })
  }

  /** One poll; its records are returned and kept. */
  async poll(timeoutMs = POLL_MS, maxRecords = MAX_RECORDS): Promise<readonly ReadRecord[]> {
    const got = await this.call('consumer.poll', { maxRecords, timeoutMs })
    this.records.push(...got.records)
    this.events.push(...got.events)
    this.assignment = got.assignment
    return got.records
  }

  async commit(offsets?: readonly PartitionOffset[]): Promise<void> {
    await this.call('consumer.commit', offsets === undefined ? {} : { offsets })
  }
  async committed(topic: string, partition: number): Promise<number | null> {
    const partitions = [{ topic, partition }]
    return (await this.call('consumer.committed', { partitions })).offsets[0]?.offset ?? null
  }
  async seek(topic: string, partition: number, offset: number): Promise<void> {
    await this.call('consumer.seek', { topic, partition, offset })
  }
  async pause(partitions: readonly TopicPartition[]): Promise<void> {
    await this.call('consumer.pause', { partitions })
  }
  async resume(partitions: readonly TopicPartition[]): Promise<void> {
    await this.call('consumer.resume', { partitions })
  }
  async beginningOffset(topic: string, partition: number): Promise<number | undefined> {
    const partitions = [{ topic, partition }]
    return (await this.call('consumer.beginningOffsets', { partitions })).offsets[0]?.offset
  }
  async endOffset(topic: string, partition: number): Promise<number | undefined> {
    const partitions = [{ topic, partition }]
    return (await this.call('consumer.endOffsets', { partitions })).offsets[0]?.offset
  }
}

/** An open admin client. */
export class Admin extends Handle {
  static async open(adapter: Adapter, handle: string, bootstrap: string): Promise<Admin> {
    await adapter.call('admin.open', { handle, bootstrap })
    return new Admin(adapter, handle, 'admin.close')
  }
}

/** What a wait is for: `what` completes "expected …", `seen` tells how it stood at the end. */
export interface Wait {
  readonly what: string
  readonly withinMs: number
  readonly seen?: () => string
}

/**
 * Polls all consumers at once, each in its own loop, until `holds` after every one of them has
 * answered; throws after the deadline.
 */
export async function pollUntil(
  consumers: readonly Consumer[],
  { what, withinMs, seen }: Wait,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + withinMs
  do {
    let pause = false
    const loop = async (consumer: Consumer) => {
      while (!pause) {
        await consumer.poll()
        if ((await holds()) || Date.now() > deadline) pause = true
      }
    }
    try {
      await Promise.all(consumers.map(loop))
    } finally {
      pause = true
    }
    // The answers that came last may have changed it again.
    if (await holds()) return
  } while (Date.now() <= deadline)
  const saw = seen?.() ?? consumers.map(tell).join('; ')
  throw new Error(`expected ${what} within ${withinMs} ms; seen: ${saw}`)
}

/** Asks again until it is so; throws after the deadline. */
export async function until(
  { what, withinMs, seen }: Wait,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + withinMs
  while (!(await holds())) {
    if (Date.now() > deadline) {
      throw new Error(`expected ${what} within ${withinMs} ms; seen: ${seen?.() ?? 'not so'}`)
    }
    await new Promise((done) => setTimeout(done, 100))
  }
}

/** How a consumer stands, in a few words. */
export function tell({ handle, records, events, assignment }: Consumer): string {
  const last = events.slice(-4).map(({ type, partitions }) => `${type} ${names(partitions)}`)
  return `${handle} has ${names(assignment)}, ${records.length} records, events [${last.join(', ')}]`
}

/** `[t/0 t/1]` */
export function names(partitions: readonly TopicPartition[]): string {
  return `[${partitions
    .map(({ topic, partition }) => `${topic}/${partition}`)
    .toSorted()
    .join(' ')}]`
}
