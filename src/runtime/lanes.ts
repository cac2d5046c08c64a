// Joins the calls that many contexts of one isolate make to one object. joined.ts joins those of one context and one
// turn; but a request over HTTP is a context of its own and makes one call, which costs a quarter of all that is done for
// it. Here one call is under way to each object; what comes meanwhile is one group, which the context of the first in
// it sends when that call has ended. Order is kept. For the local runtime only, which has one isolate, whose contexts
// live until what they wait for is over. Not what is called: objects.ts.

import { JOINED_CALL_BYTES, JOINED_CALL_COUNT, LANE_LOST_MS } from '../core/limits.ts'

/** How one context makes the call for a group, and stays alive until it is answered. */
export interface Sender<Request, Reply> {
  /** Answers each request in its place. */
  readonly call: (requests: readonly Request[]) => Promise<readonly Reply[]>
  /** Keeps the context until the work settles, though its own client may be gone: others wait for it. */
  readonly keepAlive: (work: Promise<unknown>) => void
  readonly now: () => number
}

/** Requests that leave in one call. */
class Group<Request, Reply> {
  readonly requests: Request[] = []
  readonly replies: Promise<readonly Reply[]>
  /** Resolves when they are answered, or the call has failed. */
  readonly over: Promise<void>
  resolve: (replies: readonly Reply[]) => void = () => {}
  reject: (cause: unknown) => void = () => {}
  /** Tells who leads it that it is its turn. */
  begin: () => void = () => {}
  bytes = 0
  /** When its turn came. */
  begunMs = Number.POSITIVE_INFINITY

  constructor() {
    this.replies = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    const over = () => {}
    this.over = this.replies.then(over, over)
  }

  hasRoom(bytes: number): boolean {
    return this.requests.length < JOINED_CALL_COUNT && this.bytes + bytes <= JOINED_CALL_BYTES
  }
}

/** The calls of one kind to one object. */
export class Lane<Request, Reply> {
  /** The first is under way; the others wait, in their order. */
  readonly #groups: Group<Request, Reply>[] = []

  /** Nothing is under way. */
  get isIdle(): boolean {
    return this.#groups.length === 0
  }

  /** Has the request sent behind those before it. Its answer, or why the call of its group failed. */
  async add(request: Request, bytes: number, sender: Sender<Request, Reply>): Promise<Reply> {
    this.#giveUpLost(sender.now())
    const last = this.#groups.at(-1)
    const joins = last !== undefined && last !== this.#groups[0] && last.hasRoom(bytes)
    const group = joins ? last : new Group<Request, Reply>()
    const at = group.requests.push(request) - 1
    group.bytes += bytes
    if (!joins) {
      this.#groups.push(group)
      sender.keepAlive(this.#lead(group, sender))
    }
    // Not for the answer's sake: a context that ends while it waits leaves undone what was to be done behind that.
    sender.keepAlive(group.over)
    const reply = (await group.replies)[at]
    if (reply === undefined) throw new Error('a joined call was not answered')
    return reply
  }

  async #lead(group: Group<Request, Reply>, sender: Sender<Request, Reply>): Promise<void> {
    if (group !== this.#groups[0]) {
      await new Promise<void>((begin) => {
        group.begin = begin
      })
    }
    group.begunMs = sender.now()
    try {
      group.resolve(await sender.call(group.requests))
    } catch (cause) {
      group.reject(cause)
    } finally {
      this.#leave(group, sender.now())
    }
  }

  /** It is the next one's turn. */
  #leave(group: Group<Request, Reply>, nowMs: number): void {
    if (group !== this.#groups[0]) return
    this.#groups.shift()
    const next = this.#groups[0]
    if (next === undefined) return
    next.begunMs = nowMs
    next.begin()
  }

  /** Of a context that ended in spite of all, with its call: who waits is told so, and the others go on. */
  #giveUpLost(nowMs: number): void {
    const first = this.#groups[0]
    if (first === undefined || nowMs - first.begunMs < LANE_LOST_MS) return
    first.reject(new Error('the call was lost with the request that made it'))
    this.#leave(first, nowMs)
  }
}
