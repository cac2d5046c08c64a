// What comes into a topic, as it comes. At thousands of records a second most are counted and not shown:
// a few of each tick are, so that the page stays as quick as an empty one, and the view says how many of
// how many. A hidden tab follows nothing; it goes on where it was, or anew when that is long ago.

import { type Signal, signal } from '@preact/signals'
import { follow, type ServerEvent } from '../broker/events.ts'
import { BrokerError, pathOf } from '../broker/http.ts'
import { type Item, isMalformed } from '../broker/shapes.ts'
import { Filter } from '../filter/filter.ts'
import { span } from '../parts/format.ts'
import { isPicky, matcher, type Wanted } from './match.ts'

/** What is followed. */
export interface LivePlan extends Wanted {
  readonly topic: string
  readonly partition: number | null
  /** JavaScript; '' is none. */
  readonly code: string
}

/** Figures of a tail. */
export interface LiveCounts {
  /** Came since it began. */
  readonly seen: number
  /** Of those, what was looked for (all, without a filter). */
  readonly matched: number
  /** Of those, what was ever put into the rows. */
  readonly shown: number
  /** Came in the last second. */
  readonly perSecond: number
}

/** How it stands. */
export type LiveState =
  | { readonly kind: 'connecting' | 'live' | 'waiting' | 'ended' }
  | { readonly kind: 'failed'; readonly error: Error }

interface Reset {
  readonly reason: string
  readonly partition?: number
}

const RESETS: Readonly<Record<string, string>> = {
  trimmed: 'Some records were deleted before they could be shown',
  recreated: 'The topic was deleted and made anew; it is followed from its beginning',
  deleted: 'The topic was deleted',
}

const ROWS_MAX = 100
const TICK_MS = 100
/** While more come than anybody reads, rows are drawn once in so many ticks: drawing is what costs. */
const BUSY_PER_SECOND = 100
const BUSY_TICKS = 4
/** Of what came since rows were drawn last; all of it while that is less. */
const SHOWN_AT_ONCE = 25
/** What a JavaScript filter has not yet looked at; more is skipped. */
const BACKLOG_MAX = 2_000
/** Hidden for longer, it begins anew at the end. */
const HIDDEN_MAX_MS = 60_000
const NONE: LiveCounts = { seen: 0, matched: 0, shown: 0, perSecond: 0 }

/** A tail of one topic. Start it, and stop it. */
export class LiveTail {
  readonly rows: Signal<readonly Item[]> = signal([])
  readonly counts: Signal<LiveCounts> = signal(NONE)
  readonly state: Signal<LiveState> = signal({ kind: 'connecting' })
  /** Since when nothing is heard, in ms since the epoch; undefined while it is live. */
  readonly cutAt: Signal<number | undefined> = signal(undefined)
  /** True while the rows stand still; it is counted on. */
  readonly isHeld: Signal<boolean> = signal(false)
  /** What a person should know of the tail beside its records. */
  readonly notice: Signal<string> = signal('')
  readonly #plan: LivePlan
  readonly #matches: (item: Item) => boolean
  readonly #isPicky: boolean
  #filter: Filter | undefined
  #following: AbortController | undefined
  #ticking: ReturnType<typeof setInterval> | undefined
  /** The newest that no tick has looked at, oldest first: text while it need not be understood. */
  #waiting: (string | Item)[] = []
  #backlog: Item[] = []
  #isFiltering = false
  #ticks = 0
  #lastId = ''
  #hiddenAt = 0
  #counts = { ...NONE }
  #arrivals: { at: number; seen: number }[] = []

  constructor(plan: LivePlan) {
    this.#plan = plan
    this.#matches = matcher(plan)
    this.#isPicky = isPicky(plan)
  }

  start(): void {
    document.addEventListener('visibilitychange', this.#onVisibility)
    this.#ticking = setInterval(() => this.#tick(), TICK_MS)
    if (document.visibilityState === 'visible') this.#follow()
  }

  stop(): void {
    document.removeEventListener('visibilitychange', this.#onVisibility)
    clearInterval(this.#ticking)
    this.#following?.abort()
    this.#filter?.close()
  }

  readonly #onVisibility = () => {
    if (document.visibilityState !== 'visible') {
      this.#hiddenAt = Date.now()
      this.#following?.abort()
      this.state.value = { kind: 'waiting' }
      return
    }
    const hiddenMs = Date.now() - this.#hiddenAt
    if (hiddenMs > HIDDEN_MAX_MS) {
      this.#lastId = ''
      const words = `This tab was hidden for ${span(hiddenMs)}: what came meanwhile is left out`
      this.notice.value = words
    }
    this.#follow()
  }

  #follow(): void {
    this.#following?.abort()
    const following = new AbortController()
    this.#following = following
    const { topic, partition, key } = this.#plan
    const path = pathOf(['topics', topic, 'events'], {
      from: this.#lastId === '' ? 'latest' : this.#lastId,
      partition: partition ?? undefined,
      key,
    })
    const handlers = {
      onOpen: () => this.#say({ kind: 'live' }),
      onBreak: () => this.#say({ kind: 'waiting' }),
      onEvents: (events: readonly ServerEvent[]) => this.#take(events),
    }
    follow(path, handlers, following.signal).catch((error: unknown) => {
      if (following.signal.aborted) return
      this.#say({
        kind: 'failed',
        error: error instanceof Error ? error : new Error(String(error)),
      })
    })
  }

  #say(state: LiveState): void {
    if (state.kind !== 'waiting') this.cutAt.value = undefined
    else this.cutAt.value ??= Date.now()
    this.state.value = state
  }

  #take(events: readonly ServerEvent[]): void {
    this.#lastId = events.at(-1)?.id || this.#lastId
    for (const { type, data } of events) {
      if (type === 'problem') this.#problem(data)
      else if (type === 'reset') this.#reset(data)
      if (data === '' || (type !== 'message' && type !== 'malformed')) continue
      this.#counts.seen++
      if (!this.#isPicky && this.#plan.code === '') {
        this.#counts.matched++
        this.#waiting.push(data)
        continue
      }
      const item = JSON.parse(data) as Item
      if (!this.#matches(item)) continue
      if (this.#plan.code === '') {
        this.#counts.matched++
        this.#waiting.push(item)
      } else if (this.#backlog.length < BACKLOG_MAX) this.#backlog.push(item)
    }
    // Only the newest can ever be shown.
    if (this.#waiting.length > ROWS_MAX) this.#waiting = this.#waiting.slice(-ROWS_MAX)
    if (this.#backlog.length > 0) void this.#sieve()
  }

  /** Records went, or the topic did, before they could be shown. */
  #reset(data: string): void {
    const { reason, partition } = JSON.parse(data) as Reset
    const where = partition === undefined ? '' : ` of partition ${partition}`
    this.notice.value = `${RESETS[reason] ?? reason}${where}`
    if (reason !== 'deleted') return
    this.#say({ kind: 'ended' })
    this.#following?.abort()
  }

  #problem(data: string): void {
    const { code, status, detail } = JSON.parse(data) as Record<string, unknown>
    const error = new BrokerError(String(code), Number(status), String(detail))
    this.#say({ kind: 'failed', error })
    this.#following?.abort()
  }

  async #sieve(): Promise<void> {
    if (this.#isFiltering) return
    this.#isFiltering = true
    try {
      this.#filter ??= new Filter(this.#plan.code)
      while (this.#backlog.length > 0) {
        const items = this.#backlog.splice(0)
        const kept = await this.#filter.keep(items, this.#following?.signal ?? AbortSignal.abort())
        this.#counts.matched += kept.length
        this.#waiting.push(...kept)
      }
    } catch (error) {
      if (this.#following?.signal.aborted !== false) return
      this.#say({
        kind: 'failed',
        error: error instanceof Error ? error : new Error(String(error)),
      })
      this.#following.abort()
    } finally {
      this.#isFiltering = false
    }
  }

  #tick(): void {
    const now = performance.now()
    const { seen } = this.#counts
    this.#arrivals.push({ at: now, seen })
    while ((this.#arrivals[0]?.at ?? now) < now - 1_000) this.#arrivals.shift()
    const first = this.#arrivals[0] ?? { at: now, seen }
    const seconds = Math.max(0.5, (now - first.at) / 1_000)
    this.#counts.perSecond = (seen - first.seen) / seconds
    this.#ticks++
    const isBusy = this.#counts.perSecond > BUSY_PER_SECOND
    if (isBusy && this.#ticks % BUSY_TICKS !== 0) return
    if (!this.isHeld.value && this.#waiting.length > 0) this.#show()
    const { value } = this.counts
    const isSame = value.seen === seen && value.perSecond === this.#counts.perSecond
    if (!isSame || value.shown !== this.#counts.shown) this.counts.value = { ...this.#counts }
  }

  #show(): void {
    const few = this.#waiting.slice(-SHOWN_AT_ONCE)
    this.#waiting = []
    const items = few.map((one) => (typeof one === 'string' ? (JSON.parse(one) as Item) : one))
    this.#counts.shown += items.length
    this.rows.value = [...items.reverse(), ...this.rows.value].slice(0, ROWS_MAX)
  }
}

/** Where an item is, as a link and a key: `3:1234`. */
export function placeOf(item: Item): string {
  return `${item.partition}:${item.offset}${isMalformed(item) ? 'x' : ''}`
}
