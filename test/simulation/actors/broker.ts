// What a client's connection to the broker gives it: calls that are answered, or not, within the client's
// request timeout. After a failure it connects anew, as a client does; calls of one connection to one
// object stay in order.

import type { Objects } from '../../../src/runtime/objects.ts'
import type { Context } from '../platform/scheduler.ts'
import type { World } from '../world.ts'

const REQUEST_TIMEOUT_MS = 10_000

/** See the head of this file. */
export class Connection {
  readonly #world: World
  readonly #context: Context
  #objects: Objects

  constructor(world: World, context: Context) {
    this.#world = world
    this.#context = context
    this.#objects = world.connect(context)
  }

  /** The answer, or null: then nobody knows whether it took effect. */
  async ask<T>(
    call: (objects: Objects) => Promise<T>,
    timeoutMs = REQUEST_TIMEOUT_MS,
  ): Promise<T | null> {
    const used = this.#objects
    const answer = await this.#world.attempt(call(used), timeoutMs)
    if (answer === null && this.#objects === used) this.reconnect()
    return answer
  }

  reconnect(): void {
    this.#objects = this.#world.connect(this.#context)
  }
}
