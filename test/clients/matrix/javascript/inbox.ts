// What a client that pushes has delivered and the runner has not polled yet: records, group events,
// positions. Keeps the client from running far ahead.

import type { GroupEvent, Poll, ReadRecord, TopicPartition } from '../protocol.ts'

const FULL = 5_000

/** The inbox of one consumer. */
export class Inbox {
  readonly #records: ReadRecord[] = []
  readonly #events: GroupEvent[] = []
  readonly #positions = new Map<string, number>()
  #assignment: readonly TopicPartition[] = []
  #failure: unknown
  #wake: (() => void) | undefined

  get full(): boolean {
    return this.#records.length >= FULL
  }

  get assignment(): readonly TopicPartition[] {
    return this.#assignment
  }

  /** False for what another member has; between two assignments nobody knows. */
  owns(one: TopicPartition): boolean {
    return this.#assignment.length === 0 || this.#assignment.some((own) => key(own) === key(one))
  }

  push(record: ReadRecord): void {
    this.#records.push(record)
    this.#woken()
  }

  /** What is not of these partitions is no longer the member's to process. */
  assigned(partitions: readonly TopicPartition[]): void {
    this.#own(partitions)
    this.#events.push({ type: 'assigned', partitions })
    this.#woken()
  }

  #own(partitions: readonly TopicPartition[]): void {
    this.#assignment = partitions
    const mine = new Set(partitions.map(key))
    const keep = this.#records.filter((one) => mine.has(key(one)))
    this.#records.splice(0, this.#records.length, ...keep)
    for (const name of this.#positions.keys()) if (!mine.has(name)) this.#positions.delete(name)
  }

  /** The assignment changed by single partitions: tells what went and what came. */
  changed(partitions: readonly TopicPartition[]): void {
    const before = this.#assignment
    const gone = without(before, partitions)
    const come = without(partitions, before)
    if (gone.length + come.length === 0) return
    if (gone.length > 0) this.#events.push({ type: 'revoked', partitions: gone })
    this.#own(partitions)
    if (come.length > 0) this.#events.push({ type: 'assigned', partitions: come })
    this.#woken()
  }

  /** All is taken away; records stay for the case that their partitions come back. */
  revoked(type: 'revoked' | 'lost' = 'revoked'): void {
    if (this.#assignment.length === 0) return
    this.#events.push({ type, partitions: this.#assignment })
    this.#assignment = []
    this.#woken()
  }

  /** Forgets records and positions: the client will deliver again from the committed offsets. */
  clear(): void {
    this.#records.length = 0
    this.#positions.clear()
  }

  /** Forgets what was delivered of a partition: after a seek. */
  drop({ topic, partition }: TopicPartition): void {
    const keep = this.#records.filter((one) => one.topic !== topic || one.partition !== partition)
    this.#records.splice(0, this.#records.length, ...keep)
    this.#positions.delete(key({ topic, partition }))
  }

  /** The next poll throws this. */
  fail(error: unknown): void {
    this.#failure = error
    this.#woken()
  }

  /** Offsets after the last polled records, by partition. */
  positions(): { topic: string; partition: number; offset: number }[] {
    return [...this.#positions].map(([name, offset]) => {
      const at = name.lastIndexOf('/')
      return { topic: name.slice(0, at), partition: Number(name.slice(at + 1)), offset }
    })
  }

  async poll(maxRecords: number, timeoutMs: number): Promise<Poll> {
    if (this.#empty()) {
      await new Promise<void>((done) => {
        const timer = setTimeout(done, timeoutMs)
        this.#wake = () => {
          clearTimeout(timer)
          done()
        }
      })
      this.#wake = undefined
    }
    if (this.#failure !== undefined) {
      const error = this.#failure
      this.#failure = undefined
      throw error
    }
    const records = this.#records.splice(0, maxRecords)
    for (const record of records) this.#positions.set(key(record), record.offset + 1)
    return { records, assignment: this.#assignment, events: this.#events.splice(0) }
  }

  #empty(): boolean {
    const { length } = this.#records
    return length === 0 && this.#events.length === 0 && this.#failure === undefined
  }

  #woken(): void {
    this.#wake?.()
  }
}

function key({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}

function without(
  partitions: readonly TopicPartition[],
  others: readonly TopicPartition[],
): TopicPartition[] {
  const names = new Set(others.map(key))
  return partitions.filter((one) => !names.has(key(one)))
}
