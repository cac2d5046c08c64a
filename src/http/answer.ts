// Answers that are not problems: small JSON, and long text that is sent piece by piece and holds its
// memory until the client has taken it.

import type { BytePool } from '../broker/budget.ts'
import type { Timers } from '../broker/context.ts'
import { STALLED_CONNECTION_MS } from '../core/limits.ts'
import { DATA_HEADERS } from './security-headers.ts'

const PIECE_UNITS = 64 * 1024

/** Headers of a JSON answer. */
export const JSON_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'application/json',
  'cache-control': 'no-store',
}

/**
 * All headers of nearly every answer, those that the gate adds included. The runtime copies them at once: to be told
 * one after the other takes it as long as all else about an answer.
 */
const PLAIN = new Headers({ ...JSON_HEADERS, ...DATA_HEADERS, vary: 'Origin' })
const plain = new WeakSet<Response>()

/** JSON that nobody may keep: everything here changes. */
export function json(
  body: unknown,
  status = 200,
  headers?: Readonly<Record<string, string>>,
): Response {
  const text = JSON.stringify(body)
  if (status !== 200 || headers !== undefined) {
    return new Response(text, { status, headers: { ...JSON_HEADERS, ...headers } })
  }
  const answer = new Response(text, { headers: PLAIN })
  plain.add(answer)
  return answer
}

/** Whether an answer has already what the gate adds where no page of another origin asks, in the clear. */
export function isPlain(answer: Response): boolean {
  return plain.has(answer)
}

/** What a held text works with. */
export interface HeldDeps {
  readonly timers: Timers
  /** Where the memory came from: who waits for it decides whether a client may stand still. */
  readonly pool: BytePool
  release(): void
  keepAlive(work: Promise<unknown>): void
}

/**
 * JSON in parts. A short one is sent at once; a long one piece by piece, and its memory is released
 * when the last has been taken, the client has gone, or has taken nothing for 5 s while others wait.
 */
export function heldJson(
  parts: readonly string[],
  deps: HeldDeps,
  more: Readonly<Record<string, string>> = {},
): Response {
  const headers = { ...JSON_HEADERS, ...more }
  const units = parts.reduce((sum, part) => sum + part.length, 0)
  if (units <= PIECE_UNITS) {
    deps.release()
    return new Response(parts.join(''), { headers })
  }
  return new Response(new HeldText(parts, deps).stream(), { headers })
}

class HeldText {
  readonly #parts: readonly string[]
  readonly #deps: HeldDeps
  readonly #encoder = new TextEncoder()
  readonly #over: Promise<void>
  #end: () => void = () => {}
  #next = 0
  #cancelTimer = () => {}

  constructor(parts: readonly string[], deps: HeldDeps) {
    this.#parts = parts
    this.#deps = deps
    this.#over = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  stream(): ReadableStream<Uint8Array> {
    this.#deps.keepAlive(this.#over)
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => this.#watch(controller),
        pull: (controller) => this.#pull(controller),
        cancel: () => this.#finish(),
      },
      { highWaterMark: 0 },
    )
  }

  #pull(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#cancelTimer()
    let piece = ''
    while (piece.length < PIECE_UNITS && this.#next < this.#parts.length) {
      piece += this.#parts[this.#next++] ?? ''
    }
    controller.enqueue(this.#encoder.encode(piece))
    if (this.#next < this.#parts.length) {
      this.#watch(controller)
      return
    }
    controller.close()
    this.#finish()
  }

  /** Ends the answer when nothing is taken for a while and others wait for the memory. */
  #watch(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#cancelTimer = this.#deps.timers.after(STALLED_CONNECTION_MS, () => {
      if (this.#deps.pool.contended) {
        controller.error(new Error('the client takes nothing'))
        this.#finish()
      } else {
        this.#watch(controller)
      }
    })
  }

  #finish(): void {
    this.#cancelTimer()
    this.#deps.release()
    this.#end()
  }
}
