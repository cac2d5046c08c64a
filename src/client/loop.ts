// The async iterator that programs hold: what a source has, one at a time, until the loop is left, aborted or
// the client is closed. However it ends, the source is ended once.

import { onAbort } from './waits.ts'

/** What a loop is made of. */
export interface Source<Value> {
  /** The next value, or undefined at the end. Called again only after it has answered. */
  next(): Promise<Value | undefined>
  /** The loop is over. Resolves when nothing of it is left. */
  end(): Promise<void>
}

/**
 * An async iterator over a source, which begins with the first `next`. An abort rejects what waits, or what
 * is asked next, with the signal's reason.
 */
export class Loop<Value> implements AsyncIterableIterator<Value, undefined, undefined> {
  readonly #source: Source<Value>
  readonly #onEnd: (loop: Loop<Value>) => void
  readonly #stopListening: () => void
  #turn: Promise<unknown> = Promise.resolve()
  #waiting: { resolve(value: Value | undefined): void; reject(reason: unknown): void } | undefined
  #aborted: { readonly reason: unknown } | undefined
  #ended: Promise<void> | undefined

  constructor(
    source: Source<Value>,
    signal: AbortSignal | undefined,
    onEnd: (loop: Loop<Value>) => void,
  ) {
    this.#source = source
    this.#onEnd = onEnd
    this.#stopListening = onAbort(signal, (reason) => {
      this.#aborted = { reason }
      // Who waits is told with the next turn, whatever the end still takes.
      if (this.#waiting !== undefined) {
        this.#aborted = undefined
        this.#waiting.reject(reason)
      }
      void this.end()
    })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<Value, undefined>> {
    const turn = this.#turn.then(() => this.#next())
    this.#turn = turn.catch(() => {})
    return turn
  }

  async return(): Promise<IteratorResult<Value, undefined>> {
    await this.end()
    return { done: true, value: undefined }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end()
  }

  /** Ends it as `break` does. */
  end(): Promise<void> {
    this.#ended ??= this.#end()
    return this.#ended
  }

  async #next(): Promise<IteratorResult<Value, undefined>> {
    const aborted = this.#aborted
    if (aborted !== undefined) {
      this.#aborted = undefined
      throw aborted.reason
    }
    if (this.#ended !== undefined) return { done: true, value: undefined }
    try {
      const value = await new Promise<Value | undefined>((resolve, reject) => {
        this.#waiting = { resolve, reject }
        this.#source.next().then(resolve, reject)
      })
      if (value !== undefined) return { done: false, value }
      await this.end()
      return { done: true, value: undefined }
    } catch (error) {
      await this.end()
      throw error
    } finally {
      this.#waiting = undefined
    }
  }

  async #end(): Promise<void> {
    this.#stopListening?.()
    const ended = this.#source.end()
    this.#waiting?.resolve(undefined)
    try {
      await ended
    } finally {
      this.#onEnd(this)
    }
  }
}
