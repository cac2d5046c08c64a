// A search of a topic's messages: where it begins, what it looks for, what it has found so far. It goes on
// until it has found a page's worth, reached the end or was stopped, and can then be told to go on. It is
// kept when its view is left, so that Back shows the same.

import { type Signal, signal } from '@preact/signals'
import { ask, type BrokerError, everyPage, pathOf } from '../broker/http.ts'
import type { Item, PartitionShown } from '../broker/shapes.ts'
import { Filter } from '../filter/filter.ts'
import { type Direction, PartitionCursor } from './cursor.ts'
import { partitionOfKey } from './key-partition.ts'
import { isPicky, matcher, type Wanted } from './match.ts'
import { Merged } from './merged.ts'
import { prime } from './prime.ts'

/** Where a search begins. */
export type From = 'newest' | 'oldest' | 'offset' | 'time'

/** All that makes a search; two with the same are one. */
export interface SearchPlan extends Wanted {
  readonly topic: string
  readonly from: From
  /** Of `offset`. */
  readonly offset: number
  /** Of `time`, ms since the epoch. */
  readonly time: number
  /** null: all. */
  readonly partition: number | null
  /** JavaScript; '' is none. */
  readonly code: string
}

/** How far a search is. */
export interface Progress {
  readonly state: 'running' | 'paused' | 'stopped' | 'over' | 'failed'
  readonly scanned: number
  readonly error?: BrokerError | Error
}

const PAGE = 50
const BATCH = 500
const MOST_PARTITIONS = 10_000
/** Found items kept at most: the view says that there are more. */
export const FOUND_MAX = 5_000

/** One search, running or not. */
export class Search {
  readonly plan: SearchPlan
  readonly found: Signal<readonly Item[]> = signal([])
  readonly progress: Signal<Progress> = signal({ state: 'running', scanned: 0 })
  readonly partitions: Signal<readonly PartitionShown[] | undefined> = signal(undefined)
  /** When it began to read, in ms since the epoch: it shows the topic as it was then. */
  readonly readAt: Signal<number | undefined> = signal(undefined)
  #merged: Merged | undefined
  #running: AbortController | undefined
  #wanted = PAGE
  /** What a filter has not answered for yet: it may be stopped, and asked again. */
  #taken: readonly Item[] | undefined

  constructor(plan: SearchPlan) {
    this.plan = plan
  }

  get isBackward(): boolean {
    return this.plan.from === 'newest'
  }

  /** Looks for a page more. */
  async go(): Promise<void> {
    if (this.#running !== undefined) return
    const running = new AbortController()
    this.#running = running
    this.#wanted = Math.min(this.found.peek().length + PAGE, FOUND_MAX)
    this.#say({ state: 'running', scanned: this.progress.peek().scanned })
    const filter = this.plan.code === '' ? undefined : new Filter(this.plan.code)
    try {
      await this.#run(running.signal, filter)
    } catch (error) {
      const { scanned } = this.progress.peek()
      if (running.signal.aborted) this.#say({ state: 'stopped', scanned })
      else if (error instanceof Error) this.#say({ state: 'failed', scanned, error })
      else throw error
    } finally {
      filter?.close()
      this.#running = undefined
    }
  }

  /** Ends it where it is; `go` goes on. */
  stop(): void {
    this.#running?.abort()
  }

  async #run(signal: AbortSignal, filter: Filter | undefined): Promise<void> {
    this.#merged ??= await this.#open(signal)
    const matches = matcher(this.plan)
    const picky = filter !== undefined || isPicky(this.plan)
    while (this.found.peek().length < this.#wanted) {
      await whenSeen(signal)
      const most = picky ? BATCH : this.#wanted - this.found.peek().length
      this.#taken ??= await this.#merged.take(most, signal)
      const items = this.#taken
      const sieved = items.filter(matches)
      const kept = filter === undefined ? sieved : await filter.keep(sieved, signal)
      this.#taken = undefined
      if (kept.length > 0) this.found.value = [...this.found.peek(), ...kept]
      const scanned = this.progress.peek().scanned + items.length
      if (this.#merged.isOver) return this.#say({ state: 'over', scanned })
      this.#say({ state: 'running', scanned })
    }
    this.#say({ ...this.progress.peek(), state: 'paused' })
  }

  async #open(signal: AbortSignal): Promise<Merged> {
    const { topic, from, key } = this.plan
    const path = ['topics', topic, 'partitions']
    const all = await everyPage<PartitionShown>(path, { most: MOST_PARTITIONS, signal })
    this.partitions.value = all
    this.readAt.value = Date.now()
    const only = this.plan.partition ?? (key === '' ? null : partitionOfKey(key, all.length))
    const readable = all.filter(({ partition, end, start }) => {
      return end !== null && start !== null && (only === null || partition === only)
    })
    const starts = from === 'time' ? await this.#startsAt(signal) : undefined
    const direction: Direction = this.isBackward ? 'backward' : 'forward'
    const first = Math.max(PAGE / 5, Math.ceil((2 * PAGE) / Math.max(1, readable.length)))
    const cursors = readable.map((one) => {
      const start = one.start ?? 0
      const end = Math.min(one.end ?? 0, one.lastStableOffset ?? one.end ?? 0)
      return new PartitionCursor(
        {
          topic,
          partition: one.partition,
          direction,
          start,
          end,
          from: this.#fromOf(one.partition, start, end, starts),
          averageBytes: (one.sizeBytes ?? 0) / Math.max(1, (one.end ?? 0) - start),
        },
        readable.length === 1 ? PAGE : first,
      )
    })
    if (direction === 'backward') await prime(topic, cursors, signal)
    return new Merged(cursors, direction)
  }

  #fromOf(
    partition: number,
    start: number,
    end: number,
    starts: ReadonlyMap<number, number | null> | undefined,
  ): number {
    const { from, offset } = this.plan
    if (from === 'newest') return end
    if (from === 'oldest') return start
    return from === 'offset' ? offset : (starts?.get(partition) ?? end)
  }

  /** The first offsets at or after the time; null where no record is that late. */
  async #startsAt(signal: AbortSignal): Promise<ReadonlyMap<number, number | null>> {
    interface Found {
      readonly partition: number
      readonly offset: number | null
    }
    const at = new Map<number, number | null>()
    let after: string | undefined
    for (;;) {
      const query = { at: this.plan.time, limit: 1000, after }
      const path = pathOf(['topics', this.plan.topic, 'offsets'], query)
      const page = await ask<{ items: Found[]; next: string | null }>(path, { signal })
      for (const { partition, offset } of page.items) at.set(partition, offset)
      if (page.next === null) return at
      after = page.next
    }
  }

  #say(progress: Progress): void {
    this.progress.value = progress
  }
}

/** A hidden tab reads nothing. */
async function whenSeen(signal: AbortSignal): Promise<void> {
  if (document.visibilityState === 'visible') return
  await new Promise<void>((resolve) => {
    const look = () => {
      if (document.visibilityState !== 'visible' && !signal.aborted) return
      document.removeEventListener('visibilitychange', look)
      resolve()
    }
    document.addEventListener('visibilitychange', look)
    signal.addEventListener('abort', look, { once: true })
  })
  signal.throwIfAborted()
}

const KEPT = 6
const searches = new Map<string, Search>()

/** The search of a plan: the one that there is, or a new one, which has been told to go. */
export function searchOf(plan: SearchPlan): Search {
  const key = JSON.stringify(plan)
  const known = searches.get(key)
  searches.delete(key)
  const search = known ?? new Search(plan)
  searches.set(key, search)
  for (const [old, one] of searches) {
    if (searches.size <= KEPT) break
    one.stop()
    searches.delete(old)
  }
  if (known === undefined) void search.go()
  return search
}

/** Moves when searches were forgotten: who shows one asks for it again. */
export const forgotten = signal(0)

/** Forgets the searches of a topic: it is asked anew. */
export function forgetSearches(topic: string): void {
  forgotten.value++
  for (const [key, search] of searches) {
    if (search.plan.topic !== topic) continue
    search.stop()
    searches.delete(key)
  }
}
