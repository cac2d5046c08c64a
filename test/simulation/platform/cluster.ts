// The controller as the simulated objects meet it: topics, producer ids, the directory. Its own storage
// never fails (cluster/ has tests of its own); calls to it are lost and late like any other.

import type {
  ClusterRpc,
  FinalizedFeatures,
  GroupEntry,
  GroupMetadata,
  GroupRegistration,
  GroupTopic,
  PartitionAdmission,
  TransactionEntry,
} from '../../../src/cluster/contract.ts'
import { NO_LAYERS, type TopicSettings, topicSettings } from '../../../src/core/configs.ts'
import type { TopicId } from '../../../src/core/ids.ts'

const SETTINGS: TopicSettings = topicSettings({}, NO_LAYERS)

/** What the controller keeps: it outlives the object that answers for it. */
export class ClusterState {
  readonly topics: GroupTopic[] = []
  readonly groups = new Map<string, GroupEntry>()
  readonly transactions = new Map<string, TransactionEntry>()
  readonly configs: Readonly<Record<string, string>>
  /** Of topics whose settings are not the defaults, by id. */
  readonly settings = new Map<TopicId, TopicSettings>()
  /** Versions of settings that were changed. */
  readonly #versions = new Map<TopicId, number>()
  version = 1
  nextProducerId = 1_000

  constructor(configs: Readonly<Record<string, string>>) {
    this.configs = configs
  }

  addTopic(name: string, partitions: number, settings?: Partial<TopicSettings>): GroupTopic {
    const id = Buffer.from(name.padEnd(16, '-').slice(0, 16)).toString('base64url') as TopicId
    const topic = { id, name, partitions }
    this.topics.push(topic)
    if (settings !== undefined) this.settings.set(id, { ...SETTINGS, ...settings })
    this.version += 1
    return topic
  }

  /** The topic is deleted: nobody is admitted to it any more. */
  remove(topicId: TopicId): void {
    const at = this.topics.findIndex(({ id }) => id === topicId)
    if (at >= 0) this.topics.splice(at, 1)
    this.version += 1
  }

  /** The version of a topic's settings. */
  settingsVersion(topicId: TopicId): number {
    return this.#versions.get(topicId) ?? 1
  }

  /** Other settings from now on. Who is to hear of it is the caller's to tell. */
  configure(topicId: TopicId, settings: TopicSettings): number {
    const version = this.settingsVersion(topicId) + 1
    this.#versions.set(topicId, version)
    this.settings.set(topicId, settings)
    return version
  }

  grow(name: string, partitions: number): void {
    const at = this.topics.findIndex((topic) => topic.name === name)
    const topic = this.topics[at]
    if (topic === undefined) return
    this.topics[at] = { ...topic, partitions }
    this.version += 1
  }
}

type Served = Pick<
  ClusterRpc,
  | 'admit'
  | 'allocateProducerIds'
  | 'registerGroup'
  | 'removeGroup'
  | 'groupMetadata'
  | 'registerTransaction'
  | 'removeTransaction'
  | 'features'
  | 'brokerConfigs'
>

/** The class of the controller's object over what it keeps. */
export function clusterClass(kept: ClusterState) {
  return class Cluster implements Served {
    async admit(topicId: TopicId, partition: number): Promise<PartitionAdmission> {
      const topic = kept.topics.find(({ id }) => id === topicId)
      if (topic === undefined || partition >= topic.partitions) return { alive: false }
      const settings = kept.settings.get(topicId) ?? SETTINGS
      const configVersion = kept.settingsVersion(topicId)
      return { alive: true, name: topic.name, configVersion, settings }
    }

    async allocateProducerIds(count: number): Promise<{ readonly first: number }> {
      const first = kept.nextProducerId
      kept.nextProducerId += count
      return { first }
    }

    async registerGroup(entry: GroupEntry): Promise<GroupRegistration> {
      kept.groups.set(entry.groupId, entry)
      const { topicNames: names, topicIds: ids, allTopics: all } = entry
      return { ...metadata({ names, ids, all }), configs: kept.configs }
    }

    async removeGroup(groupId: string): Promise<void> {
      kept.groups.delete(groupId)
    }

    async groupMetadata(lookup: Parameters<ClusterRpc['groupMetadata']>[0]) {
      return metadata(lookup)
    }

    async registerTransaction(entry: TransactionEntry): Promise<Readonly<Record<string, string>>> {
      kept.transactions.set(entry.transactionalId, entry)
      return kept.configs
    }

    async removeTransaction(transactionalId: string): Promise<void> {
      kept.transactions.delete(transactionalId)
    }

    async features(): Promise<FinalizedFeatures> {
      return { epoch: 1, levels: { 'transaction.version': 2, 'group.version': 1 } }
    }

    async brokerConfigs(): Promise<Readonly<Record<string, string>>> {
      return kept.configs
    }
  }

  function metadata(lookup: Parameters<ClusterRpc['groupMetadata']>[0]): GroupMetadata {
    const { names, ids, all } = lookup
    const topics = kept.topics
      .filter(({ id, name }) => all || names.includes(name) || ids.includes(id))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    return { version: kept.version, topics }
  }
}
