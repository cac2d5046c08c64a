// A consumer group as scenarios see it: members that join and leave, who owns what, and whether every
// record reaches its owner once.

import type { Adapter } from './adapter.ts'
import { type Consumer, names, type Producer, pollUntil, tell } from './handles.ts'
import type { ConsumerConfig, ReadRecord } from './protocol.ts'
import { record } from './records.ts'
import type { Context } from './scenario.ts'

/** Which group protocol a scenario runs with. */
export type Protocol = 'classic' | 'consumer'

/** The session timeout of members that will crash: Kafka's lowest; the broker's setting for KIP-848. */
export const SESSION_MS = 6_000
export const SETTLE_WITHIN_MS = 20_000

/** One group on one topic. */
export class Group {
  readonly context: Context
  readonly group: string
  readonly topic: string
  readonly partitions: number
  readonly members: Consumer[] = []
  readonly #protocol: Protocol
  #producer: Producer | undefined
  #runs = 0

  private constructor(context: Context, protocol: Protocol, topic: string, partitions: number) {
    this.context = context
    this.group = context.name('group')
    this.topic = topic
    this.partitions = partitions
    this.#protocol = protocol
  }

  /** A group that nobody joined yet, and its topic. */
  static async of(context: Context, protocol: Protocol, partitions: number): Promise<Group> {
    return new Group(context, protocol, await context.topic(partitions), partitions)
  }

  /** Opens a member and subscribes it; it joins when polled. */
  async join(config: ConsumerConfig = {}, adapter?: Adapter): Promise<Consumer> {
    const whole = { ...memberConfig(config.protocol ?? this.#protocol), ...config }
    const member = await this.context.consumer(whole, this.group, adapter)
    await member.subscribe(this.topic)
    this.members.push(member)
    return member
  }

  /** Closes a member, which leaves the group. */
  async leave(member: Consumer): Promise<void> {
    this.gone(member)
    await member.close()
  }

  /** Takes it off the list: it was closed or killed elsewhere. */
  gone(member: Consumer): void {
    this.members.splice(this.members.indexOf(member), 1)
  }

  /** Polls all members until each partition has one owner and the shares differ by one at most. */
  async settle(withinMs = SETTLE_WITHIN_MS): Promise<void> {
    const { length } = this.members
    const what = `${length} members to share ${this.partitions} partitions of ${this.topic}`
    await pollUntil(this.members, { what, withinMs }, () => this.balanced())
  }

  balanced(): boolean {
    const owned = this.members.flatMap(({ assignment }) => assignment.map((one) => one.partition))
    const shares = this.members.map(({ assignment }) => assignment.length)
    return (
      owned.length === this.partitions &&
      new Set(owned).size === this.partitions &&
      Math.max(...shares) - Math.min(...shares) <= 1
    )
  }

  /** Sends records to every partition. Gives their common mark. */
  async produce(perPartition = 5): Promise<string> {
    this.#producer ??= await this.context.producer()
    this.#runs += 1
    const mark = `run-${this.#runs}`
    const all = Array.from({ length: perPartition * this.partitions }, (_, index) =>
      record(mark, `${mark} ${index}`, { partition: index % this.partitions }),
    )
    await this.#producer.send(this.topic, all)
    return mark
  }

  /** Sends records to every partition and polls until each has reached its owner, exactly once. */
  async everyRecordOnce(perPartition = 5): Promise<void> {
    const mark = await this.produce(perPartition)
    const count = perPartition * this.partitions
    const key = Buffer.from(mark).toString('base64')
    const got = () =>
      this.members.flatMap((member) =>
        member.records.filter((one) => one.key === key).map((one) => ({ member, record: one })),
      )
    const what = `${count} records of ${mark} by their owners`
    await pollUntil(this.members, { what, withinMs: SETTLE_WITHIN_MS }, () => got().length >= count)
    const doubled = repeated(got().map((one) => one.record))
    if (doubled !== '') {
      const members = this.members.map(tell).join('; ')
      throw new Error(`expected each record of ${mark} once, seen twice: ${doubled}; ${members}`)
    }
    for (const { member, record: one } of got()) {
      if (member.assignment.some(({ partition }) => partition === one.partition)) continue
      throw new Error(`${member.handle} got a record of ${names([one])}, which it does not own`)
    }
  }
}

/** Short timeouts; a KIP-848 member has its session timeout from the broker. */
export function memberConfig(protocol: Protocol): ConsumerConfig {
  if (protocol === 'consumer') return { protocol, offsetReset: 'earliest' }
  return {
    offsetReset: 'earliest',
    sessionTimeoutMs: 30_000,
    heartbeatMs: 500,
    rebalanceTimeoutMs: 15_000,
  }
}

function repeated(records: readonly ReadRecord[]): string {
  const seen = new Set<string>()
  const again: string[] = []
  for (const { partition, offset } of records) {
    const id = `${partition}@${offset}`
    if (seen.has(id)) again.push(id)
    seen.add(id)
  }
  return again.join(' ')
}
