// The part that every JavaScript adapter shares: reads requests of protocol.ts from standard input,
// calls the verb, writes the answer. At the end of input it closes what is open and exits.

import { createInterface } from 'node:readline'
import type { Answer, Failure, Hello, Request, Verb } from '../protocol.ts'

/** The verbs an adapter has; the rest is UNSUPPORTED. */
export type VerbTable = {
  readonly [V in Verb]?: (request: Request<V>) => Promise<Answer<V>> | Answer<V>
}

/** What a client cannot do. */
export class Unsupported extends Error {}

/** Serves until standard input ends. `failure` says how this client tells its errors. */
export function serve(
  hello: Hello,
  verbs: VerbTable,
  failure: (error: unknown) => Failure,
  close: () => Promise<void>,
): void {
  const table = verbs as Record<string, ((request: unknown) => unknown) | undefined>
  async function answer(line: string): Promise<void> {
    const { id, verb, ...request } = JSON.parse(line)
    try {
      const run = verb === 'hello' ? () => hello : table[verb]
      if (run === undefined) throw new Unsupported(`${verb} is not offered by ${hello.client}`)
      say({ id, ok: (await run(request)) ?? {} })
    } catch (error) {
      const unsupported = error instanceof Unsupported
      if (!unsupported) process.stderr.write(`${verb}: ${stack(error)}\n`)
      say({
        id,
        error: unsupported ? { code: 'UNSUPPORTED', message: error.message } : failure(error),
      })
    }
  }
  const lines = createInterface({ input: process.stdin })
  lines.on('line', (line) => void answer(line))
  lines.on('close', () => {
    setTimeout(() => process.exit(0), 5_000).unref()
    void close().finally(() => process.exit(0))
  })
  // A client's own background failure must be seen, not end the adapter.
  process.on('unhandledRejection', (error) => process.stderr.write(`unhandled: ${stack(error)}\n`))
}

function say(answer: unknown): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}

function stack(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** The open handles of one kind. */
export class Handles<T> {
  readonly #open = new Map<string, T>()

  add(handle: string, value: T): void {
    this.#open.set(handle, value)
  }
  get(handle: string): T {
    const value = this.#open.get(handle)
    if (value === undefined) throw new Error(`no handle ${handle}`)
    return value
  }
  take(handle: string): T | undefined {
    const value = this.#open.get(handle)
    this.#open.delete(handle)
    return value
  }
  all(): T[] {
    return [...this.#open.values()]
  }
}

export function bytes(base64: string | null): Buffer | null {
  return base64 === null ? null : Buffer.from(base64, 'base64')
}

export function base64(value: Buffer | string | null | undefined): string | null {
  if (value === null || value === undefined) return null
  return (typeof value === 'string' ? Buffer.from(value) : value).toString('base64')
}
