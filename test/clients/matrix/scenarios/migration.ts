// A rolling upgrade of a live group and its way back: three classic members are replaced one by one by
// members of KIP-848's protocol, and those by classic ones again, while records flow. Every member commits
// what it was given before it polls again, so no record may be missing, none that was committed may come
// twice, and no partition may have two owners at a time.

import { ClientError } from '../adapter.ts'
import { type Admin, type Consumer, type Producer, until } from '../handles.ts'
import { memberConfig, type Protocol } from '../members.ts'
import type { Assignor } from '../protocol.ts'
import { check, equal, record } from '../records.ts'
import type { Context, Scenario } from '../scenario.ts'

const PARTITIONS = 6
const MEMBERS = 3
const BETWEEN_SENDS_MS = 50
const SETTLE_WITHIN_MS = 30_000
const POLL_MS = 100

export const MIGRATION: readonly Scenario[] = (['range', 'cooperative-sticky'] as const).map(
  (assignor) => ({
    name: `migration/rolling-${assignor}`,
    needs: ['groups', 'group-consumer', ...(assignor === 'range' ? [] : ['cooperative' as const])],
    fast: assignor === 'range',
    withinMs: 180_000,
    run: (context) => rollThereAndBack(context, assignor),
  }),
)

async function rollThereAndBack(context: Context, assignor: Assignor): Promise<void> {
  const group = context.name('group')
  const topic = await context.topic(PARTITIONS)
  const log = new Log(topic)
  const traffic = new Traffic(await context.producer(), topic)
  const admin = await context.admin()
  const members: Member[] = []

  async function join(protocol: Protocol): Promise<void> {
    const config = { ...memberConfig(protocol), ...(protocol === 'classic' ? { assignor } : {}) }
    const consumer = await context.consumer(config, group)
    await consumer.subscribe(topic)
    members.push(new Member(consumer, log))
  }
  async function settled(what: string, type: Protocol): Promise<void> {
    const upTo = traffic.sent
    const wanted = `${type}, stable, ${members.length} members`
    let state = ''
    await until(
      {
        what: `${what}: ${wanted} that share ${PARTITIONS} partitions and read on`,
        withinMs: SETTLE_WITHIN_MS,
        seen: () => {
          const have = members.map((one) => one.tell()).join('; ')
          return `${state}; ${have}; ${log.missing(upTo)} records unread`
        },
      },
      async () => {
        for (const member of members) member.rethrow()
        traffic.rethrow()
        if (!balanced(members) || log.missing(upTo) > 0) return false
        state = await describe(admin, group)
        return state === wanted
      },
    )
  }

  try {
    for (let count = 0; count < MEMBERS; count += 1) await join('classic')
    await settled('three classic members', 'classic')
    for (let step = 1; step <= MEMBERS; step += 1) {
      await members.shift()?.leave()
      await join('consumer')
      await settled(`${step} of ${MEMBERS} members upgraded`, 'consumer')
    }
    for (let step = 1; step <= MEMBERS; step += 1) {
      await members.shift()?.leave()
      await join('classic')
      await settled(
        `${step} of ${MEMBERS} members downgraded`,
        step === MEMBERS ? 'classic' : 'consumer',
      )
    }
    await traffic.stop()
    await settled('the last records', 'classic')
  } finally {
    await traffic.stop()
    await Promise.all(members.map((member) => member.leave()))
  }
  equal(log.missing(traffic.sent), 0, 'records that no member was given')
  equal(log.doubled, [], 'committed records that were given again')
  equal(log.overlaps(), [], 'partitions with two owners at a time')
}

async function describe(admin: Admin, group: string): Promise<string> {
  const [found] = (await admin.call('admin.describeGroups', { groups: [group] })).groups
  if (found === undefined) return 'not found'
  return `${found.type}, ${found.state}, ${found.members.length} members`.toLowerCase()
}

function balanced(members: readonly Member[]): boolean {
  const owned = members.flatMap((member) => member.owned)
  return (
    owned.length === PARTITIONS &&
    new Set(owned).size === PARTITIONS &&
    members.every((member) => member.owned.length === PARTITIONS / members.length)
  )
}

/** Sends a record to each partition again and again, until it is stopped. */
class Traffic {
  /** Records per partition that are acknowledged. */
  sent = 0
  readonly #done: Promise<void>
  #stopped = false
  #error: unknown

  constructor(producer: Producer, topic: string) {
    this.#done = this.#run(producer, topic).catch((error: unknown) => {
      this.#error = error
    })
  }

  rethrow(): void {
    if (this.#error !== undefined) throw this.#error
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
  }

  async #run(producer: Producer, topic: string): Promise<void> {
    while (!this.#stopped) {
      const records = Array.from({ length: PARTITIONS }, (_, partition) =>
        record(`${this.sent}`, 'v', { partition }),
      )
      await producer.send(topic, records)
      this.sent += 1
      await new Promise((done) => setTimeout(done, BETWEEN_SENDS_MS))
    }
  }
}

interface Reign {
  readonly owner: string
  readonly partition: number
  readonly from: number
  readonly to: number
}

/** Who was given what, and when who owned what, over the life of the group. */
class Log {
  readonly topic: string
  readonly doubled: string[] = []
  readonly #given = new Set<string>()
  readonly #committed = new Set<string>()
  readonly #reigns: Reign[] = []

  constructor(topic: string) {
    this.topic = topic
  }

  given(owner: string, partition: number, offset: number): void {
    const id = `${partition}@${offset}`
    if (this.#committed.has(id)) this.doubled.push(`${id} to ${owner}`)
    this.#given.add(id)
  }

  committed(partition: number, offset: number): void {
    this.#committed.add(`${partition}@${offset}`)
  }

  owned(reign: Reign): void {
    this.#reigns.push(reign)
  }

  /** How many of the first `upTo` records of each partition nobody was given. */
  missing(upTo: number): number {
    let missing = 0
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      for (let offset = 0; offset < upTo; offset += 1) {
        if (!this.#given.has(`${partition}@${offset}`)) missing += 1
      }
    }
    return missing
  }

  overlaps(): string[] {
    const found: string[] = []
    for (const one of this.#reigns) {
      for (const other of this.#reigns) {
        if (one.partition !== other.partition || one.owner >= other.owner) continue
        const both = Math.min(one.to, other.to) - Math.max(one.from, other.from)
        if (both > 0) found.push(`${one.partition}: ${one.owner} and ${other.owner}, ${both} ms`)
      }
    }
    return found
  }
}

/** A member with its poll loop. It commits what it was given before it polls again. */
class Member {
  readonly #consumer: Consumer
  readonly #log: Log
  /** By partition, when the poll that told of it had ended: it was owned by then at the latest. */
  readonly #since = new Map<number, number>()
  readonly #done: Promise<void>
  #stopped = false
  #error: unknown

  constructor(consumer: Consumer, log: Log) {
    this.#consumer = consumer
    this.#log = log
    this.#done = this.#run().catch((error: unknown) => {
      this.#error = error
    })
  }

  get owned(): number[] {
    return [...this.#since.keys()]
  }

  tell(): string {
    return `${this.#consumer.handle} has [${this.owned.toSorted().join(' ')}]`
  }

  rethrow(): void {
    if (this.#error !== undefined) throw this.#error
  }

  async leave(): Promise<void> {
    this.#stopped = true
    await this.#done
    this.#release(this.owned, Date.now())
    await this.#consumer.close()
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const began = Date.now()
      const events = this.#consumer.events.length
      const records = await this.#consumer.poll(POLL_MS)
      for (const { type, partitions } of this.#consumer.events.slice(events)) {
        const numbers = partitions.map(({ partition }) => partition)
        if (type === 'assigned') for (const one of numbers) this.#since.set(one, Date.now())
        else this.#release(numbers, began)
      }
      for (const { partition, offset } of records) {
        this.#log.given(this.#consumer.handle, partition, offset)
      }
      if (records.length === 0 || !(await this.#commit())) continue
      for (const { partition, offset } of records) this.#log.committed(partition, offset)
    }
  }

  /** False when the group refused it in a rebalance: those records may then come again. */
  async #commit(): Promise<boolean> {
    try {
      await this.#consumer.commit()
      return true
    } catch (error) {
      check(error instanceof ClientError, 'an answer to a commit', String(error))
      return false
    }
  }

  /** It owned them at least until the poll that told of it began. */
  #release(partitions: readonly number[], to: number): void {
    for (const partition of partitions) {
      const from = this.#since.get(partition)
      this.#since.delete(partition)
      if (from === undefined || from >= to) continue
      this.#log.owned({ owner: this.#consumer.handle, partition, from, to })
    }
  }
}
