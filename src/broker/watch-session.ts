// What one connection has subscribed to at one Watch object: changes go there in as few calls as
// possible, one call is parked for the news. Not which partitions are idle: watches.ts knows.

import type { TopicId } from '../core/ids.ts'
import { WATCH_CHANGES_PER_CALL, WATCH_PARKED_MS } from '../core/limits/watch.ts'
import type { PartitionTarget } from '../partition/contract.ts'
import type { Subscription, WatchRpc } from '../watch/contract.ts'

/** lost: subscribe again after another look. full: the Watch object takes no more. */
export type Joined = 'joined' | 'full' | 'lost'

export interface WatchSessionOptions {
  readonly watch: WatchRpc
  /** Names a session; never twice. */
  readonly newId: () => string
  /** There is news of these, or nothing is known of them any more: they must be looked at. */
  readonly fired: (targets: readonly PartitionTarget[]) => void
  /** Whether a partition is still waited for. Asked about once in WATCH_PARKED_MS. */
  readonly isWanted: (target: PartitionTarget) => boolean
}

interface Joining {
  readonly subscription: Subscription
  readonly resolve: (joined: Joined) => void
}

/** The subscriptions of one connection in one shard. */
export class WatchSession {
  readonly #options: WatchSessionOptions
  #id: string | null = null
  /** Which the Watch object has, as far as is known here. */
  readonly #subscribed = new Map<string, PartitionTarget>()
  readonly #joining = new Map<string, Joining>()
  readonly #leaving = new Map<string, PartitionTarget>()
  #isSending = false

  constructor(options: WatchSessionOptions) {
    this.#options = options
  }

  /** Partitions subscribed to. */
  get size(): number {
    return this.#subscribed.size
  }

  /** Resolves when the Watch object has the subscription, or will not have it. */
  join(subscription: Subscription): Promise<Joined> {
    const key = keyOf(subscription)
    this.#joining.get(key)?.resolve('lost')
    this.#leaving.delete(key)
    return new Promise((resolve) => {
      this.#joining.set(key, { subscription, resolve })
      void this.#send()
    })
  }

  /** Sends what has gathered, one call at a time: what comes meanwhile goes with the next. */
  async #send(): Promise<void> {
    if (this.#isSending) return
    this.#isSending = true
    while (this.#joining.size > 0 || this.#leaving.size > 0) {
      const joining = taken(this.#joining)
      const leaving = taken(this.#leaving).map(([, target]) => target)
      const joined = await this.#change(joining, leaving)
      for (const [, { resolve }] of joining) resolve(joined)
    }
    this.#isSending = false
  }

  async #change(
    joining: readonly [string, Joining][],
    leaving: readonly PartitionTarget[],
  ): Promise<Joined> {
    const { watch, newId } = this.#options
    const first = this.#id === null
    if (first && joining.length === 0) return 'lost'
    const id = this.#id ?? newId()
    this.#id = id
    const add = joining.map(([, { subscription }]) => subscription)
    for (const [key, { subscription }] of joining) this.#subscribed.set(key, subscription)
    try {
      const reply = await watch.subscribe({ session: id, first, add, remove: leaving })
      if (!reply.known || this.#id !== id) {
        this.#lose(id)
        return 'lost'
      }
      if (reply.full) for (const [key] of joining) this.#subscribed.delete(key)
      if (first) void this.#listen(id)
      return reply.full ? 'full' : 'joined'
    } catch {
      this.#lose(id)
      return 'lost'
    }
  }

  /** Takes the news as long as there is something to wait for. */
  async #listen(id: string): Promise<void> {
    while (this.#id === id) {
      try {
        const reply = await this.#options.watch.news(id, WATCH_PARKED_MS)
        if (this.#id !== id) return
        if (!reply.known) return this.#lose(id)
        for (const target of reply.news) this.#subscribed.delete(keyOf(target))
        if (reply.news.length > 0) this.#options.fired(reply.news)
        else this.#leaveUnwanted()
      } catch {
        return this.#lose(id)
      }
      const isOver = this.#subscribed.size === 0 && this.#joining.size === 0 && !this.#isSending
      if (isOver) this.#id = null
    }
  }

  #leaveUnwanted(): void {
    for (const [key, target] of this.#subscribed) {
      if (this.#options.isWanted(target)) continue
      this.#subscribed.delete(key)
      this.#leaving.set(key, target)
    }
    void this.#send()
  }

  /** The Watch object knows nothing of this session, or cannot be reached: nothing is subscribed. */
  #lose(id: string): void {
    if (this.#id !== id) return
    this.#id = null
    const lost = [...this.#subscribed.values()]
    this.#subscribed.clear()
    this.#leaving.clear()
    this.#options.fired(lost)
  }
}

/** The oldest entries, as many as one call may carry; they are removed. */
function taken<Value>(from: Map<string, Value>): [string, Value][] {
  const entries = [...from].slice(0, WATCH_CHANGES_PER_CALL)
  for (const [key] of entries) from.delete(key)
  return entries
}

function keyOf({ topicId, partition }: { topicId: TopicId; partition: number }): string {
  return `${topicId}/${partition}`
}
