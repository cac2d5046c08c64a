// Stand-ins that broker tests share: a context with fake objects and real timers. Not a broker.

import { memoryBudget } from '../../src/broker/budget.ts'
import type { BrokerContext, Timers } from '../../src/broker/context.ts'
import { Counts } from '../../src/broker/counts.ts'
import { authorizerSettings, SecurityState } from '../../src/broker/security.ts'
import { TopicCache } from '../../src/broker/topic-cache.ts'
import { Watches } from '../../src/broker/watches.ts'
import type { ClusterRpc, TopicState } from '../../src/cluster/contract.ts'
import { NO_LAYERS, topicSettings } from '../../src/core/configs.ts'
import { DEFAULT_TENANT, offset, type TopicId } from '../../src/core/ids.ts'
import type { GroupRpc } from '../../src/group/contract.ts'
import type { PartitionRpc } from '../../src/partition/contract.ts'
import { OPEN_ACCESS } from '../../src/security/access.ts'
import type { StatisticsRpc } from '../../src/statistics/contract.ts'
import type { TransactionRpc } from '../../src/transaction/contract.ts'
import type { WatchRpc } from '../../src/watch/contract.ts'

/** Timers of the process. */
export const timers: Timers = {
  now: () => Date.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms)
    return () => clearTimeout(timer)
  },
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
}

/** No user is configured. */
const NOBODY = { config: {}, secret: null, user: 'admin' }

/** Fails the test that calls a method it did not give. */
export function partial<T extends object>(methods: Partial<T>, what: string): T {
  return new Proxy(methods as T, {
    get(target, name) {
      if (Reflect.has(target, name)) return Reflect.get(target, name)
      throw new Error(`${what}.${String(name)} was not expected`)
    },
  })
}

/** A context whose objects are the given fakes. */
export function fakeContext(fakes: {
  readonly cluster?: Partial<ClusterRpc>
  readonly partition?: (topicId: TopicId, partition: number) => Partial<PartitionRpc>
  readonly group?: (groupId: string) => Partial<GroupRpc>
  readonly transaction?: (transactionalId: string) => Partial<TransactionRpc>
  readonly watch?: WatchRpc
  readonly statistics?: Partial<StatisticsRpc>
  readonly topics?: readonly TopicState[]
  readonly context?: Partial<BrokerContext>
}): BrokerContext {
  const topics = new TopicCache()
  for (const topic of fakes.topics ?? []) topics.put(topic)
  const leaders = new Map<string, PartitionRpc>()
  const watch = fakes.watch ?? partial<WatchRpc>({}, 'watch')
  return {
    tenant: DEFAULT_TENANT,
    objects: {
      cluster: partial<ClusterRpc>(fakes.cluster ?? {}, 'cluster'),
      partition(topicId, partition) {
        const key = `${topicId}/${partition}`
        const known = leaders.get(key)
        if (known !== undefined) return known
        const made = partial<PartitionRpc>(fakes.partition?.(topicId, partition) ?? {}, key)
        leaders.set(key, made)
        return made
      },
      group: (id) => partial<GroupRpc>(fakes.group?.(id) ?? {}, `group ${id}`),
      transaction: (id) =>
        partial<TransactionRpc>(fakes.transaction?.(id) ?? {}, `transaction ${id}`),
      watch: () => watch,
      statistics: partial<StatisticsRpc>(fakes.statistics ?? {}, 'statistics'),
    },
    topics,
    counts: new Counts(),
    budget: memoryBudget(),
    advertised: { host: '127.0.0.1', port: 9092 },
    clientHost: '/127.0.0.1',
    access: OPEN_ACCESS,
    authentication: null,
    audit: null,
    security: new SecurityState(timers.now, authorizerSettings(NOBODY)),
    log: () => {},
    timers,
    watches: new Watches(timers, () => watch),
    brokerConfig: async () => undefined,
    features: async () => ({
      epoch: 0,
      levels: { 'transaction.version': 2, 'group.version': 1 },
    }),
    forgetFeatures: () => {},
    tellCounts: async () => {},
    ...fakes.context,
  }
}

/** A topic with Kafka's default settings. */
export function topicState(
  name: string,
  partitions = 1,
  settings: Partial<TopicState['settings']> = {},
): TopicState {
  return {
    name,
    id: `${name}-id`.padEnd(22, 'A') as TopicId,
    partitions,
    configVersion: 1,
    settings: { ...topicSettings({}, NO_LAYERS), ...settings },
  }
}

/** Where an idle log stands. */
export const EMPTY_LOG = {
  error: 0,
  highWatermark: offset(0),
  lastStableOffset: offset(0),
  logStartOffset: offset(0),
}
