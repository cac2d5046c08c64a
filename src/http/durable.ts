// What a produce made durable, as its answer or its failure tells: how many records, and per partition
// the first and last offset.

import type { Appended } from './appender.ts'

/** The JSON form. */
export interface DurableSummary {
  readonly count: number
  readonly partitions: Readonly<Record<string, { readonly first: number; readonly last: number }>>
}

/** Adds up batches as they become durable. */
export class Durable {
  #count = 0
  readonly #partitions = new Map<number, { first: number; last: number }>()

  /** Records that were stored. */
  get count(): number {
    return this.#count
  }

  /** `records` records of one partition are durable from `baseOffset` on, to `last` if others lie between. */
  add(
    partition: number,
    baseOffset: number,
    records: number,
    last = baseOffset + records - 1,
  ): void {
    const known = this.#partitions.get(partition)
    this.#count += records
    if (known === undefined) this.#partitions.set(partition, { first: baseOffset, last })
    else known.last = Math.max(known.last, last)
  }

  /** The records of one call are durable. */
  addAppended(partition: number, { baseOffset, spans }: Appended, records: number): void {
    if (spans === undefined) this.add(partition, baseOffset, records)
    for (const { firstOffset, count, lastOffset } of spans ?? []) {
      this.add(partition, firstOffset, count, lastOffset)
    }
  }

  summary(): DurableSummary {
    const sorted = [...this.#partitions].sort(([a], [b]) => a - b)
    return { count: this.#count, partitions: Object.fromEntries(sorted) }
  }
}
