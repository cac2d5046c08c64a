// Answers that views show and keep fresh: one reading per path, shared by all who show it, kept for a
// while after the last so that Back is there at once. A failure keeps what was shown. A hidden tab asks
// nothing; what is due is asked when it is seen again.

import { type Signal, signal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import { useShownSince } from './age.ts'
import { ask, BrokerError, DISCONNECTED } from './http.ts'

/** What is known of one answer. */
export interface Reading<Answer> {
  readonly data: Answer | undefined
  readonly error: BrokerError | undefined
  /** When `data` came, in ms since the epoch. */
  readonly at: number | undefined
  readonly isLoading: boolean
}

/** How an answer is got when it is not one GET of its key. */
export type Fetcher<Answer> = (signal: AbortSignal) => Promise<Answer>

const KEPT_ENTRIES = 40
/** An answer younger than this is not asked for again by who comes now. */
const FRESH_MS = 1_000
/** One that came with the page is young enough for so long: a view's own chunk has yet to come. */
const BROUGHT_MS = 10_000
/** How soon it is tried again when nobody answers. */
const RETRY_MS = 2_000

class Entry<Answer> {
  readonly state: Signal<Reading<Answer>> = signal({
    data: undefined,
    error: undefined,
    at: undefined,
    isLoading: true,
  })
  readonly #fetcher: Fetcher<Answer>
  readonly #wishes = new Set<number>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #running: AbortController | undefined
  #freshMs = FRESH_MS

  constructor(fetcher: Fetcher<Answer>) {
    this.#fetcher = fetcher
  }

  get isUsed(): boolean {
    return this.#wishes.size > 0
  }

  /** Somebody shows it and wants it every `everyMs` (Infinity: once). Returns how to leave. */
  use(everyMs: number): () => void {
    const wish = everyMs + Math.random() / 1_000
    this.#wishes.add(wish)
    const { at, error } = this.state.peek()
    const isDue = at === undefined || error !== undefined || Date.now() - at > this.#freshMs
    // Whoever comes while it is being asked waits for the same answer.
    if (this.#running === undefined) {
      if (isDue) void this.load()
      else this.#plan()
    }
    return () => {
      this.#wishes.delete(wish)
      if (this.isUsed) return
      clearTimeout(this.#timer)
      this.#running?.abort()
      this.#running = undefined
    }
  }

  /** Keeps what came another way. */
  bring(data: Answer): void {
    this.#freshMs = BROUGHT_MS
    this.state.value = { data, error: undefined, at: Date.now(), isLoading: false }
  }

  /** Asks now. */
  async load(): Promise<void> {
    clearTimeout(this.#timer)
    this.#running?.abort()
    this.#freshMs = FRESH_MS
    const running = new AbortController()
    this.#running = running
    this.state.value = { ...this.state.peek(), isLoading: true }
    try {
      const data = await this.#fetcher(running.signal)
      if (this.#running !== running) return
      this.state.value = { data, error: undefined, at: Date.now(), isLoading: false }
    } catch (error) {
      if (this.#running !== running) return
      if (!(error instanceof BrokerError)) throw error
      this.state.value = { ...this.state.peek(), error, isLoading: false }
    }
    this.#running = undefined
    this.#plan()
  }

  #plan(): void {
    clearTimeout(this.#timer)
    const { error } = this.state.peek()
    const wished = Math.min(...this.#wishes)
    const everyMs = error?.code === DISCONNECTED ? RETRY_MS : wished
    if (!this.isUsed || !Number.isFinite(everyMs)) return
    this.#timer = setTimeout(() => this.#due(), everyMs)
  }

  #due(): void {
    if (document.visibilityState === 'visible') return void this.load()
    const seen = () => {
      if (document.visibilityState !== 'visible') return
      document.removeEventListener('visibilitychange', seen)
      if (this.isUsed) void this.load()
    }
    document.addEventListener('visibilitychange', seen)
  }
}

const entries = new Map<string, Entry<unknown>>()

function entryOf<Answer>(key: string, fetcher: Fetcher<Answer>): Entry<Answer> {
  const known = entries.get(key) as Entry<Answer> | undefined
  const entry = known ?? new Entry(fetcher)
  entries.delete(key)
  entries.set(key, entry as Entry<unknown>)
  for (const [old, { isUsed }] of entries) {
    if (entries.size <= KEPT_ENTRIES) break
    if (!isUsed && old !== key) entries.delete(old)
  }
  return entry
}

/** Keeps the answer of a path that came with the page, as if it had been asked for. */
export function bring<Answer>(path: string, data: Answer): void {
  entryOf<Answer>(path, (signal) => ask<Answer>(path, { signal })).bring(data)
}

/** How a reading is kept fresh, and got. */
export interface ReadingOptions<Answer> {
  /** Milliseconds between two askings while it is shown; by default once. */
  readonly everyMs?: number
  /** By default a GET of the key. */
  readonly fetcher?: Fetcher<Answer>
  /** True of what is no part of what is shown, whose age is said when nobody answers. */
  readonly isBeside?: boolean
}

/** Shows what is at a path (or under a key, with a fetcher), and `reload`, which asks again. */
export function useReading<Answer>(
  key: string,
  { everyMs = Number.POSITIVE_INFINITY, fetcher, isBeside = false }: ReadingOptions<Answer> = {},
): Reading<Answer> & { readonly reload: () => void } {
  const entry = useMemo(
    () => entryOf<Answer>(key, fetcher ?? ((signal) => ask<Answer>(key, { signal }))),
    [key],
  )
  useEffect(() => entry.use(everyMs), [entry, everyMs])
  const reading = entry.state.value
  useShownSince(isBeside ? undefined : reading.at)
  return { ...reading, reload: () => void entry.load() }
}

/** Forgets, or asks again for, whatever begins with this: something there was changed. */
export function outdate(prefix: string): void {
  for (const [key, entry] of entries) {
    if (!key.startsWith(prefix)) continue
    if (entry.isUsed) void entry.load()
    else entries.delete(key)
  }
}
