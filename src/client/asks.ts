// What was asked over the connection and is not answered. Not the connection (link.ts).

import { networkError } from './errors.ts'
import { REQUEST_TIMEOUT_MS } from './limits.ts'
import type { WireProduced } from './messages.ts'

interface Ask {
  readonly topic: string | undefined
  resolve(offsets: readonly WireProduced[]): void
  reject(error: unknown): void
}

/** See the head of this file. */
export class Asks {
  readonly #asks = new Map<number, Ask>()

  /** The answer to what is asked by this number. Rejects with NETWORK_EXCEPTION when none comes in time. */
  add(id: number, topic: string | undefined): Promise<readonly WireProduced[]> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => ended(() => reject(networkError('no answer in time'))),
        REQUEST_TIMEOUT_MS,
      )
      const ended = (tell: () => void) => {
        clearTimeout(timer)
        this.#asks.delete(id)
        tell()
      }
      this.#asks.set(id, {
        topic,
        resolve: (offsets) => ended(() => resolve(offsets)),
        reject: (error) => ended(() => reject(error)),
      })
    })
  }

  /** The topic that was named with it. */
  topicOf(id: number): string | undefined {
    return this.#asks.get(id)?.topic
  }

  answered(id: number, offsets: readonly WireProduced[]): void {
    this.#asks.get(id)?.resolve(offsets)
  }

  refused(id: number, error: unknown): void {
    this.#asks.get(id)?.reject(error)
  }

  /** The connection is gone: nobody knows what became of them. */
  cut(): void {
    for (const ask of [...this.#asks.values()]) ask.reject(networkError('the connection was cut'))
  }
}
