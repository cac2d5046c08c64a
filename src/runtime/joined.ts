// Joins the calls that one context makes to one object in one turn into one: a client that pipelines small
// requests then pays for a call, and as a rule for a commit, per read of its socket and not per request.
// Order is kept. Not what is called: see appends.ts and objects.ts.

import { JOINED_CALL_BYTES, JOINED_CALL_COUNT } from '../core/limits.ts'

/** Calls to one object that are under way, or about to be made. */
export interface Use {
  calls: number
}

interface Waiting<Request, Reply> {
  readonly request: Request
  readonly resolve: (reply: Reply) => void
  readonly reject: (cause: unknown) => void
}

/** The calls of one kind, from one context to one object. */
export class JoinedCalls<Request, Reply> {
  readonly #call: (requests: readonly Request[]) => Promise<readonly Reply[]>
  readonly #use: Use
  #waiting: Waiting<Request, Reply>[] = []
  #waitingBytes = 0

  /** @param call answers each request in its place; its synchronous stretch makes the call */
  constructor(call: (requests: readonly Request[]) => Promise<readonly Reply[]>, use: Use) {
    this.#call = call
    this.#use = use
  }

  /** Has the request sent at the end of this turn, or with the next `send`. */
  add(request: Request, bytes: number): Promise<Reply> {
    return new Promise((resolve, reject) => {
      // What waits counts as under way, so that its place is not taken through another stub.
      if (this.#waiting.length === 0) this.#use.calls += 1
      this.#waiting.push({ request, resolve, reject })
      this.#waitingBytes += bytes
      const isFull =
        this.#waitingBytes >= JOINED_CALL_BYTES || this.#waiting.length >= JOINED_CALL_COUNT
      if (isFull) this.send()
      else if (this.#waiting.length === 1) queueMicrotask(() => this.send())
    })
  }

  /** Sends what waits: to be called before any other call to the object, which must not overtake it. */
  send(): void {
    const sent = this.#waiting
    if (sent.length === 0) return
    this.#waiting = []
    this.#waitingBytes = 0
    void this.#sendAll(sent)
    this.#use.calls -= 1
  }

  async #sendAll(sent: readonly Waiting<Request, Reply>[]): Promise<void> {
    try {
      const replies = await this.#call(sent.map(({ request }) => request))
      for (const [at, { resolve, reject }] of sent.entries()) {
        const reply = replies[at]
        if (reply === undefined) reject(new Error('a joined call was not answered'))
        else resolve(reply)
      }
    } catch (cause) {
      for (const { reject } of sent) reject(cause)
    }
  }
}
