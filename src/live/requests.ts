// The requests of one session that are not answered: how many there may be, that each is answered once, and that
// produces of one topic take effect in the order of their messages. Not what a request does.

import { KafkaError } from '../core/errors.ts'
import { LIVE_PENDING_BYTES, LIVE_PENDING_TOTAL_BYTES, LIVE_REQUESTS } from '../core/limits/live.ts'
import { Problem } from '../http/problem.ts'
import type { Outbox } from './outbox.ts'
import { errorText } from './outgoing.ts'
import type { Surroundings } from './surroundings.ts'

/** See the head of this file. */
export class Requests {
  readonly #surroundings: Surroundings
  readonly #outbox: Outbox
  /** By id, each as often as it is used. */
  readonly #ids: number[] = []
  #bytes = 0
  /** Behind which the produces of a topic wait. */
  readonly #lanes = new Map<string, Promise<void>>()

  constructor(surroundings: Surroundings, outbox: Outbox) {
    this.#surroundings = surroundings
    this.#outbox = outbox
  }

  /** Those not answered. */
  get ids(): readonly number[] {
    return this.#ids
  }

  /**
   * Answers a request with the text that `run` comes to, unless there are too many.
   * @param bytes of its message
   */
  add(id: number, bytes: number, run: () => Promise<string>): void {
    if (!this.#fits(bytes)) {
      this.#outbox.send(errorText(tooMany(), { id }))
      return
    }
    this.#ids.push(id)
    this.#count(bytes)
    this.#surroundings.changed()
    const answered = run().catch((error: unknown) => {
      this.#surroundings.failed('request', error)
      return errorText(new Problem(KafkaError.UNKNOWN_SERVER_ERROR), { id })
    })
    void answered.then((text) => {
      this.#ids.splice(this.#ids.indexOf(id), 1)
      this.#count(-bytes)
      this.#outbox.send(text)
      this.#surroundings.changed()
    })
  }

  /** Runs when the produces of the topic that came before have been answered. */
  inOrder<T>(topic: string, run: () => Promise<T>): Promise<T> {
    const result = (this.#lanes.get(topic) ?? Promise.resolve()).then(run)
    const done = result.then(
      () => {},
      () => {},
    )
    this.#lanes.set(topic, done)
    void done.then(() => {
      if (this.#lanes.get(topic) === done) this.#lanes.delete(topic)
    })
    return result
  }

  #fits(bytes: number): boolean {
    if (this.#ids.length >= LIVE_REQUESTS || this.#bytes + bytes > LIVE_PENDING_BYTES) return false
    // Whoever has nothing under way is not at fault.
    const { pending } = this.#surroundings.totals
    return this.#bytes === 0 || pending + bytes <= LIVE_PENDING_TOTAL_BYTES
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    this.#surroundings.totals.pending += bytes
  }
}

function tooMany(): Problem {
  const detail = `at most ${LIVE_REQUESTS} requests, and ${LIVE_PENDING_BYTES} bytes of them, may be unanswered`
  return new Problem(KafkaError.THROTTLING_QUOTA_EXCEEDED, { detail })
}

/** A request was under way when the object that served the session ended. */
export function interrupted(): Problem {
  const detail = 'the server was restarted: whether this took effect is not known'
  return new Problem(KafkaError.NETWORK_EXCEPTION, { status: 503, detail })
}
