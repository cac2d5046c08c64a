// What one isolate knows of one tenant and shares between the tenant's connections and requests: plain data (caches,
// counters), never a stub or a promise. Nothing of one tenant is in another's. Not what all tenants share: memory,
// connection limits, settings (isolate.ts).

import type { ClusterRpc, FinalizedFeatures } from '../cluster/contract.ts'
import { BROKER_CONFIG_CACHE_MS, TOPIC_CACHE_ENTRIES } from '../core/limits.ts'
import type { AuthorizerSettings } from '../security/acl.ts'
import { AuditLog } from './audit.ts'
import type { Log } from './context.ts'
import { Counts } from './counts.ts'
import { SecurityState } from './security.ts'
import { TopicCache } from './topic-cache.ts'

/** Topics that an isolate remembers of a tenant, however many tenants there are. */
const TOPICS_MIN = 256

interface Remembered<T> {
  readonly value: T
  readonly readAtMs: number
}

/** See the head of this file. */
export class TenantState {
  readonly name: string
  readonly topics: TopicCache
  readonly counts = new Counts()
  readonly audit = new AuditLog()
  /** What is known of users, rules and quotas. */
  readonly security: SecurityState
  #brokerConfigs: Remembered<Readonly<Record<string, string>>> | null = null
  #features: Remembered<FinalizedFeatures> | null = null

  /** @param tenants how many there are, which share what an isolate remembers of topics */
  constructor(name: string, settings: AuthorizerSettings, tenants: number) {
    this.name = name
    this.topics = new TopicCache(Math.max(TOPICS_MIN, Math.floor(TOPIC_CACHE_ENTRIES / tenants)))
    this.security = new SecurityState(() => Date.now(), settings)
  }

  /** Effective broker configuration by Kafka's names; undefined where it was never read. */
  async brokerConfig(name: string, cluster: Pick<ClusterRpc, 'brokerConfigs'>, log: Log) {
    const now = Date.now()
    const known = this.#brokerConfigs
    if (known === null || now - known.readAtMs > BROKER_CONFIG_CACHE_MS) {
      // Who comes meanwhile has the old ones: thousands of connections would all ask.
      if (known !== null) this.#brokerConfigs = { ...known, readAtMs: now }
      try {
        this.#brokerConfigs = { value: await cluster.brokerConfigs(), readAtMs: now }
      } catch (error) {
        log('warn', 'broker configuration not read', { reason: String(error) })
      }
    }
    return this.#brokerConfigs?.value[name]
  }

  /** The finalized features. @throws ObjectCallError when they cannot be read */
  async features(cluster: Pick<ClusterRpc, 'features'>): Promise<FinalizedFeatures> {
    const now = Date.now()
    let known = this.#features
    if (known === null || now - known.readAtMs > BROKER_CONFIG_CACHE_MS) {
      known = { value: await cluster.features(), readAtMs: now }
      this.#features = known
    }
    return known.value
  }

  /** They have changed: the next who asks gets them anew. */
  forgetFeatures(): void {
    this.#features = null
  }
}
