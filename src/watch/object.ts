// The Durable Object that idle partitions are watched at: clock and timer come from the platform,
// everything else is subscriptions.ts. It stores nothing: locally its file stays empty.

import { DurableObject } from 'cloudflare:workers'
import type { TopicId } from '../core/ids.ts'
import type { ObjectBindings } from '../runtime/objects.ts'
import type {
  NewsReply,
  SubscribeReply,
  SubscribeRequest,
  Told,
  ToldReply,
  WatchRpc,
} from './contract.ts'
import { Subscriptions } from './subscriptions.ts'

/**
 * One shard of the idle partitions of a cluster. It is what stays awake for idle consumers: every
 * connection that waits for some of its partitions has one call parked here, and the partitions sleep.
 *
 * What it costs when deployed: while anybody is subscribed it is billed as awake, 331,776 GB-s or $4.15 a
 * month, once for all consumers and partitions of the shard, at most WATCH_SHARDS times per cluster. A
 * partition parked at its own leader would cost that much itself. Besides, a connection calls here once
 * in WATCH_PARKED_MS (44,000 requests or $0.007 a month) and reads each idle partition every
 * REREAD_SUBSCRIBED_MS (4,320 requests or $0.0007 a month; an idle object that could be evicted is not
 * billed for its ten seconds). A record that ends a partition's idleness costs about six calls more.
 */
export class Watch extends DurableObject<ObjectBindings> implements WatchRpc {
  readonly #subscriptions: Subscriptions

  constructor(ctx: DurableObjectState, env: ObjectBindings) {
    super(ctx, env)
    this.#subscriptions = new Subscriptions({
      now: () => Date.now(),
      startTimer: (fire, ms) => {
        const timer = setTimeout(fire, ms)
        return () => clearTimeout(timer)
      },
    })
  }

  async subscribe(request: SubscribeRequest): Promise<SubscribeReply> {
    return this.#subscriptions.subscribe(request)
  }

  news(session: string, waitMs: number): Promise<NewsReply> {
    return this.#subscriptions.news(session, waitMs)
  }

  async tell(told: Told): Promise<ToldReply> {
    return this.#subscriptions.tell(told)
  }

  async gone(topicIds: readonly TopicId[]): Promise<void> {
    this.#subscriptions.gone(topicIds)
  }
}
